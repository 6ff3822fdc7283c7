"""Adaptation of a background mixture to few rows of its own kind (Reynolds, Quatieri, Dunn 2000).

With m_k, S_k, w_k the background's parameters, r the relevance factor, n_k the responsibilities' sum, E_k[x] and
C_k the mean and the second moment about m_k of the rows by responsibility, and alpha_k = n_k / (n_k + r):

    mean_k         =  m_k + d_k,                     d_k = alpha_k (E_k[x] - m_k), or 0 where means are not adapted
    covariance_k   =  alpha_k C_k + (1 - alpha_k) S_k - d_k d_k'
    weight_k       =  (alpha_k n_k / sum n + (1 - alpha_k) w_k), then made to sum to what w did

Covariances that components share are the mean of these with weights n_k + r. Means and covariances so made are the
posterior mode under a normal-inverse-Wishart prior that counts as r rows like the background's, so repeated steps raise
that posterior; the rule of the weights is heuristic.

Invariant: what is not adapted keeps its bits, and a component without rows keeps everything but its share.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gmm._validation import check_integer, check_real, check_sample_weight
from gmm.base import nearest_name
from gmm.covariances import Covariance
from gmm.covariances.positive_definite import symmetric
from gmm.covariances.scatter import about
from gmm.errors import ParameterError
from gmm.gaussian_mixture import GaussianMixture
from gmm.mixture import Mixture
from gmm.mixture_estimator import MixtureEstimator, fit_of
from gmm.parameters import Parameters
from gmm.record import Fit
from gmm.statistics import Statistics

__all__ = ["adapt"]

ADAPTABLE = ("weights", "means", "covariances")
ALONE = ("full", "VVV", "diag", "VVI", "spherical", "VII")
SHARED = ("tied", "EEE", "EEI", "EII")


def adapt(
    model: MixtureEstimator,
    X: Any,
    relevance_factor: float = 16.0,
    parameters: Any = ("means",),
    *,
    n_iter: int = 1,
    sample_weight: Any = None,
) -> GaussianMixture:
    """A mixture between a background model and the rows: the more rows a component has, the more it follows them.

    Parameters
    ----------
    model : GaussianMixture
        The background, fitted or from parameters; it stays as it is.
    X : array-like of shape (N, D)
        With NaN where ``model.missing`` is "marginalize".
    relevance_factor : float, default=16
        Rows at which a component is half way between the background and its rows.
    parameters : {"weights", "means", "covariances"}, or tuple of these, default=("means",)
        What is adapted. Covariances of "full", "tied", "diag", "spherical" and of the codes VVV, EEE, VVI, EEI, VII,
        EII; means and weights of every type.
    n_iter : int, default=1
        Steps; each takes responsibilities from the mixture before it, and adapts the background.
    sample_weight : array-like of shape (N,), optional
        How many times each row counts.

    Returns
    -------
    GaussianMixture
        Of the same structure, components and noise, whose weight stays; it can begin a ``fit`` with ``warm_start``.

    Raises
    ------
    ParameterError, DataError
        ValueErrors that name the argument or the row.

    Examples
    --------
    >>> import gmm
    >>> background = gmm.GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [10.0]], [1.0, 1.0], "spherical")
    >>> speaker = gmm.adapt(background, [[1.0]] * 16, relevance_factor=16)
    >>> speaker.means_.ravel()  # half way where there are 16 rows, as before where there are none
    array([ 0.5, 10. ])
    >>> gmm.adapt(background, [[1.0]] * 48, parameters=("means", "weights")).weights_.round(3)
    array([0.636, 0.364])
    """
    r = check_real(relevance_factor, "relevance_factor")
    if r == 0.0:
        raise ParameterError("relevance_factor=0 forgets the background: fit the rows instead, or give a positive one")
    names = _names(parameters)
    n_iter = check_integer(n_iter, "n_iter")
    fit = fit_of(model)
    mixture = fit.mixture
    if "covariances" in names and mixture.structure.name not in (*ALONE, *SHARED):
        raise ParameterError(
            f"covariances of covariance_type {mixture.structure.name!r} cannot be adapted, only those of "
            f"{(*ALONE, *SHARED)}; adapt its means and weights"
        )
    rows = model._rows(X, fit)
    rows = rows.weighing(check_sample_weight(sample_weight, rows.n_rows))
    strength = float(np.ldexp(r, -rows.weight_exponent))
    found = mixture
    for _ in range(n_iter):
        statistics = rows.accumulate(mixture.structure.factorize(found.parameters).centred())
        adapted = _step(mixture.structure, mixture.parameters, statistics, strength, names)
        found = Mixture(mixture.structure, adapted, mixture.frame)
    arguments = {name: getattr(model, name) for name in ("missing", "random_state", "n_threads")}
    arguments |= {"noise": getattr(model, "noise", False), "n_factors": mixture.structure.n_factors}
    result = GaussianMixture(mixture.n_components, covariance_type=mixture.structure.name, **arguments)
    result._result = Fit(found, fit.feature_names, fit.precision)
    return result


def _names(parameters: Any) -> tuple[str, ...]:
    names = (parameters,) if isinstance(parameters, str) else parameters
    if not isinstance(names, (tuple, list, set, frozenset)) or not names:
        raise ParameterError(f"parameters must be names out of {ADAPTABLE}, got {parameters!r}")
    for name in names:
        if name not in ADAPTABLE:
            raise ParameterError(f"parameters knows {ADAPTABLE}, not {name!r}{nearest_name(name, ADAPTABLE)}")
    return tuple(names)


def _step(
    structure: Covariance, background: Parameters, statistics: Statistics, r: float, names: tuple[str, ...]
) -> Parameters:
    """One adaptation of the background by statistics about any means."""
    moved = about(statistics, background.means, structure.moments_kernel)
    n = moved.n
    alpha = n / (n + r)
    d = moved.first / (n + r)[:, None] if "means" in names else np.zeros_like(background.means)
    adapted = background
    if "means" in names:
        adapted = replace(adapted, means=background.means + d)
    if "covariances" in names:
        adapted = replace(adapted, covariances=_covariances(structure, background.covariances, moved, d, r))
    if "weights" in names and n.any():
        weights = alpha * (n / n.sum()) * background.weights.sum() + (1.0 - alpha) * background.weights
        adapted = replace(adapted, weights=weights * (background.weights.sum() / weights.sum()))
    return adapted


def _covariances(
    structure: Covariance, background: np.ndarray, moved: Statistics, d: np.ndarray, r: float
) -> np.ndarray:
    """The module's formula in the structure's shape; ``moved`` is about the background's means."""
    second, n, D = moved.second, moved.n, moved.n_features
    counted = n + r
    if structure.name in ("tied", "EEE"):
        shared = background if background.ndim == 2 else background[0]
        pooled = second.sum(axis=0) if second.ndim == 3 else second
        found = symmetric((pooled + len(n) * r * shared - (d.T * counted) @ d) / counted.sum())
        return found if background.ndim == 2 else np.repeat(found[None], len(n), axis=0)
    if second.ndim == 3:
        share = counted[:, None, None]
        return symmetric((second + r * background) / share - d[:, :, None] * d[:, None, :])
    if second.ndim == 2:
        found = (second + r * background) / counted[:, None] - d**2
    else:
        found = (second / D + r * background) / counted - (d**2).mean(axis=1)
    if structure.name in SHARED:
        found = np.repeat((counted @ found / counted.sum())[None], len(n), axis=0)
    return found
