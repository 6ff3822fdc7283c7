"""A canonical order of components, so that two fits of the same mixture number them alike.

    order_by=None        as the climb left them
    order_by="weight"    largest mixing weight first
    order_by="mean"      smallest mean first, the first feature deciding, later ones breaking ties
    order_by=feature     smallest mean of that feature first: its number, or its name where X had names
    order_by=callable    smallest key first; called with the `Mixture`, returns (K,) numbers

Ties are broken by the means, then by the present order. Dead components (mixing weight 0) come last.
Invariant: the order does not depend on how the components were numbered before.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Callable, Sequence

import numpy as np

from gmm.errors import ParameterError
from gmm.mixture import Mixture

__all__ = ["OrderBy", "component_order"]

OrderBy = None | str | int | Callable[[Mixture], np.ndarray]


def component_order(mixture: Mixture, order_by: OrderBy, feature_names: Sequence[str] | None = None) -> np.ndarray:
    """Numbers (K,) of the components in canonical order, for `Mixture.reorder`.

    Parameters
    ----------
    mixture : Mixture
    order_by : None, "weight", "mean", int, str or callable
        As in the module's text.
    feature_names : sequence of str, optional
        Names that ``order_by`` may use.

    Raises
    ------
    ParameterError
        For a name or number that is no feature, or keys that are not K numbers.

    Examples
    --------
    >>> from gmm.mixture import Mixture
    >>> from gmm.ordering import component_order
    >>> m = Mixture.from_user([0.25, 0.75], [[4.0], [5.0]], [1.0, 1.0], "spherical")
    >>> component_order(m, "weight")
    array([1, 0])
    >>> component_order(m, 0)
    array([0, 1])
    """
    K = mixture.n_components
    if order_by is None:
        return np.arange(K)
    given = _keys(mixture, order_by, feature_names)
    try:
        keys = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        keys = np.empty(0)
    if keys.shape != (K,) or np.isnan(keys).any():
        raise ParameterError(f"order_by must give {K} numbers, one for each component, got {given!r}")
    p = mixture.parameters
    return np.lexsort((*p.means.T[::-1], keys, p.weights == 0))


def _keys(mixture: Mixture, order_by: OrderBy, feature_names: Sequence[str] | None) -> np.ndarray:
    if callable(order_by):
        return order_by(mixture)
    if order_by == "weight":
        return -mixture.parameters.weights
    if order_by == "mean":
        return np.zeros(mixture.n_components)
    return mixture.parameters.means[:, _feature(order_by, mixture.n_features, feature_names)]


def _feature(order_by: str | int, n_features: int, feature_names: Sequence[str] | None) -> int:
    """Number of the feature that ``order_by`` means."""
    if isinstance(order_by, numbers.Integral) and not isinstance(order_by, bool):
        if not 0 <= order_by < n_features:
            raise ParameterError(f"order_by={order_by} is no feature: there are {n_features}, counted from 0")
        return int(order_by)
    known = ["weight", "mean", *(feature_names if feature_names is not None else ())]
    if order_by in known:
        return known.index(order_by) - 2
    near = difflib.get_close_matches(str(order_by), known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise ParameterError(
        f"order_by must be None, 'weight', 'mean', a feature's number or name, or a callable, got {order_by!r}{hint}"
    )
