"""Conjugate priors of a mixture's parameters, in the user's units, and what they mean in the frame of a fit.

    mean_k | S_k ~ N(mean, S_k / mean_precision)          S_k ~ inverse Wishart(degrees_of_freedom, scale)
    mixing weights ~ Dirichlet(weight_concentration, ...)

Of variances, sigma^2 ~ inverse gamma(degrees_of_freedom / 2, scale / 2), each of its own. With nu the degrees of
freedom the modes in mean and covariance together are scale / c: c = nu + D + 2 for matrices, nu + 3 for a variance of
each feature, nu + D + 2 for one of all; where K components share it, nu + D + K + 1, nu + K + 2, nu + K D + 2.

Defaults are those of Fraley and Raftery (2007), section 3: the mean of the rows; 0.01; D + 2; V / K^(2/D) for matrices
with V the covariance of the rows, and trace(V) / D / K^(2/D) for variances. Where there are no more rows than features
V is singular, and `UNSEEN` of its diagonal is added to it.

Invariant: a prior in the user's units is the same belief in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmm._validation import check_real, checked_array
from gmm.base import nearest_name
from gmm.completion import completions
from gmm.covariances import Covariance
from gmm.covariances.base import require_positive
from gmm.covariances.conjugate import ALONE, SHARED, Belief, Conjugate
from gmm.covariances.floor import lift
from gmm.covariances.positive_definite import symmetric, validate_matrices
from gmm.distinct import distinct
from gmm.errors import ParameterError
from gmm.missing import IncompleteRows
from gmm.parameters import Kernel
from gmm.partition import total
from gmm.rows import Rows
from gmm.subsample import largest

__all__ = ["ConjugatePrior", "believing", "with_prior"]

DEFAULT = "default"
UNSEEN = 2.0**-20  # of the features' variances: what rows fewer than features add to their covariance
SEED = 0x5EED  # any number: what fits of the same rows share does not depend on theirs


@dataclass(frozen=True, eq=False)
class ConjugatePrior:
    """What is believed of every component before the rows are seen; None is the default of Fraley and Raftery (2007).

    Parameters
    ----------
    mean : array-like of shape (D,), optional
        Where means are believed to lie; the mean of the rows.
    mean_precision : float, default=0.01
        How many rows that belief counts for; 0 for a flat one.
    degrees_of_freedom : float, optional
        Of the inverse Wishart distribution, more than D - 1, or of the inverse gamma, more than 0; D + 2.
    scale : array-like, optional
        Its scale, in squared units of the data: (D, D) for matrices, (D,) or a number for a variance of each feature, a
        number for one of all; what Fraley and Raftery take from the rows.
    weight_concentration : float, default=1
        Of the mixing weights' Dirichlet distribution, at least 1: each component counts as this less 1 rows more.

    Examples
    --------
    A component of a single row has a covariance all the same:

    >>> import numpy as np
    >>> from gmm import GaussianMixture
    >>> from gmm.priors import ConjugatePrior
    >>> X = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> prior = ConjugatePrior(scale=[[1.0]])
    >>> model = GaussianMixture(2, prior=prior, random_state=0).fit(X, start=[0, 0, 0, 1])
    >>> model.covariances_.ravel().round(3)
    array([0.338, 0.194])
    """

    mean: Any = None
    mean_precision: float = 0.01
    degrees_of_freedom: float | None = None
    scale: Any = None
    weight_concentration: float = 1.0

    def __post_init__(self) -> None:
        check_real(self.mean_precision, "mean_precision")
        check_real(self.weight_concentration, "weight_concentration", minimum=1.0)
        if self.degrees_of_freedom is not None:
            check_real(self.degrees_of_freedom, "degrees_of_freedom")


def with_prior(structure: Covariance, prior: Any) -> Covariance:
    """The structure, perhaps with parameters that are held, and a prior that is still to be found from the rows.

    Raises
    ------
    ParameterError
        No prior, or of a structure that has no conjugate one here.
    """
    _checked(prior)
    if structure.name not in (*ALONE, *SHARED):
        raise ParameterError(
            f"prior with covariance_type={structure.name!r}: only {', '.join((*ALONE, *SHARED))} have a posterior mode "
            "in closed form"
        )
    return Conjugate(structure)


def believing(structure: Covariance, prior: Any, rows: Rows, n_components: int) -> Covariance:
    """The structure with the prior in the frame of the rows; other structures as they are.

    Raises
    ------
    ParameterError
        A mean, a scale or degrees of freedom that do not fit the structure and the features.
    """
    if not isinstance(structure, Conjugate):
        return structure
    given, frame, kernel = _checked(prior), rows.frame, structure.moments_kernel
    K, D, W = n_components, rows.n_features, rows.total_weight
    seen = _whole(rows, K) if given.mean is None or given.scale is None else None
    if given.mean is None:
        mean = _total(seen, Kernel.SPHERICAL)[0]
    else:
        mean = frame.points_in(checked_array(given.mean, (D,), "prior mean")[None])[0]
    least = D - 1.0 if kernel is Kernel.FULL else 0.0
    nu = D + 2.0 if given.degrees_of_freedom is None else float(given.degrees_of_freedom)
    if nu <= least:
        raise ParameterError(f"prior degrees_of_freedom must be more than {least:g} here, got {nu:g}")
    scale = _default_scale(seen, kernel) / K ** (2.0 / D) if given.scale is None else _given(given.scale, rows, kernel)
    count = K if structure.is_shared else 1
    if kernel is Kernel.FULL:
        counted = target_counted = nu + D + 1.0 + count
    elif kernel is Kernel.DIAG:
        counted = target_counted = nu + 2.0 + count
    else:
        target_counted = nu + 2.0 + count * D
        counted = target_counted / D
    belief = Belief(
        mean, given.mean_precision / W, counted / W, scale / target_counted, (given.weight_concentration - 1.0) / W
    )
    return replace(structure, belief=belief)


def _checked(prior: Any) -> ConjugatePrior:
    if isinstance(prior, ConjugatePrior):
        return prior
    if isinstance(prior, str) and prior == DEFAULT:
        return ConjugatePrior()
    hint = nearest_name(prior, [DEFAULT]) if isinstance(prior, str) else ""
    raise ParameterError(f"prior must be None, {DEFAULT!r} or a gmm.priors.ConjugatePrior, got {prior!r}{hint}")


def _whole(rows: Rows, n_components: int) -> Rows:
    """The rows as observed, missing values drawn under one Gaussian."""
    seen = rows.plain
    if not isinstance(seen, IncompleteRows):
        return seen
    few = seen.n_rows <= largest(n_components, seen.n_features)
    return completions(distinct(seen) if few else seen, n_components)(SEED)


def _total(rows: Rows, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance, on the degrees of freedom that the mean leaves, in the frame."""
    sums = total(rows, kernel)
    n, d = sums.n[0], sums.first[0] / sums.n[0]
    left = rows.total_weight / max(rows.total_weight - 1.0, rows.total_weight / 2.0)
    square = {Kernel.FULL: np.outer(d, d), Kernel.DIAG: d**2, Kernel.SPHERICAL: d @ d}[kernel]
    return sums.means[0] + d, (sums.second[0] / n - square) * left


def _default_scale(rows: Rows, kernel: Kernel) -> np.ndarray:
    """Covariance of all rows, or the mean variance of a feature in the user's units, in the frame."""
    frame = rows.frame
    if kernel is Kernel.FULL:
        V = symmetric(_total(rows, kernel)[1])
        counted = rows.n_rows if rows.sample_weight is None else np.count_nonzero(rows.sample_weight)
        if counted <= rows.n_features:  # in some directions there is no row to say anything
            V += UNSEEN * np.diag(np.diagonal(V))
        return lift(V[None], frame.floor, rows.epsilon)[0][0]
    variances = np.maximum(_total(rows, Kernel.DIAG)[1], frame.floor)
    apart = 2 * (frame.exponent - frame.exponent.max())
    with np.errstate(over="ignore", under="ignore"):
        scale = np.ldexp(np.ldexp(variances, apart).mean(), -apart)
    if not np.isfinite(scale).all():
        raise ParameterError(
            "the default prior has one variance for all features, which float64 cannot hold in the units of all: "
            "standardise the data, or give a scale for each feature"
        )
    return scale[0] if kernel is Kernel.SPHERICAL else scale


def _given(scale: Any, rows: Rows, kernel: Kernel) -> np.ndarray:
    """The user's scale in the frame."""
    D, frame, name = rows.n_features, rows.frame, "prior scale"
    if kernel is Kernel.FULL:
        array = checked_array(scale, (D, D), name)
        return frame.covariance_in(validate_matrices(array[None], name, ["the scale"])[0])
    if kernel is Kernel.SPHERICAL:
        return frame.variance_in(require_positive(checked_array(scale, (), name)[None], name, "entry {}")[0])
    variances = np.full(D, scale) if np.ndim(scale) == 0 else scale
    return frame.variances_in(require_positive(checked_array(variances, (D,), name), name, "feature {}"))
