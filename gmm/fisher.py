"""Fisher vectors: what a set of rows would change in a mixture, as one vector of fixed length.

The gradient of the set's mean log-likelihood, divided by the square root of its Fisher information as if components did
not overlap (Perronnin, Dance 2007; Sanchez, Perronnin, Mensink, Verbeek 2013). With T the sum of the sample weights and
n, first, second the sums of one pass about the means (`gmm.statistics`):

    weights (K,)              (n_k / T - weight_k) / sqrt(weight_k)
    means (K, D)              first_kj / (T sqrt(weight_k) sd_kj)
    deviations, diag (K, D)   (second_kj / sd_kj^2 - n_k) / (T sqrt(2 weight_k))
    spherical (K,)            (second_k / sd_k^2 - D n_k) / (T sqrt(2 D weight_k))

`improved` takes sign(z) |z|^alpha of every entry and then divides by the norm (Perronnin, Sanchez, Mensink 2010).

Invariant: no N x K array, and the frame cancels: every entry is a number without units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm._validation import check_flag, check_real, check_sample_weight
from gmm.errors import DataError, DataTypeError, ParameterError
from gmm.mixture import Mixture
from gmm.mixture_estimator import MixtureEstimator, fit_of
from gmm.parameters import Kernel
from gmm.statistics import Statistics

__all__ = ["fisher_vector"]

STRUCTURES = ("diag", "VVI", "spherical", "VII")


def fisher_vector(
    model: MixtureEstimator, X: Any, *, sample_weight: Any = None, improved: bool = True, alpha: float = 0.5
) -> np.ndarray:
    """Fisher vector of a set of rows, or of several sets, under a fitted mixture.

    Parameters
    ----------
    model : GaussianMixture
        Of covariance type "diag", "spherical", or their codes "VVI", "VII". One that was fitted with
        ``missing="marginalize"`` takes rows with NaN: the gradient is that of what was observed.
    X : array-like of shape (N, D), or list of G such arrays
        Descriptors of one image, say, or of several.
    sample_weight : array-like of shape (N,), optional
        How many times each row counts; of several sets, a list of G of these.
    improved : bool, default=True
        Whether to take powers and divide by the norm (Perronnin, Sanchez, Mensink 2010).
    alpha : float, default=0.5
        The power, at most 1.

    Returns
    -------
    ndarray of shape (L,), or (G, L)
        Gradients by weights (K,), by means (K, D), by standard deviations (K, D), or (K,) for spherical covariances;
        a component of mixing weight 0 has zeros. L = K (1 + 2 D) for diag.

    Raises
    ------
    ParameterError
        A ValueError: another covariance type, whose gradient by its covariances is no gradient by variances.
    DataError
        A ValueError that names argument, row or column.

    Examples
    --------
    >>> import numpy as np
    >>> import gmm
    >>> model = gmm.GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [8.0]], [[1.0], [4.0]], "diag")
    >>> gmm.fisher_vector(model, [[0.0], [1.0], [10.0]], improved=False).round(3)
    array([ 0.235, -0.235,  0.471,  0.468, -0.333,  0.008])
    >>> gmm.fisher_vector(model, [np.array([[0.0], [1.0]]), np.array([[9.0]])]).shape
    (2, 6)
    """
    check_flag(improved, "improved")
    power = check_real(alpha, "alpha")
    if not 0.0 < power <= 1.0:
        raise ParameterError(f"alpha must be in (0, 1], got {alpha!r}")
    mixture = fit_of(model).mixture
    if mixture.structure.name not in STRUCTURES:
        raise ParameterError(
            f"fisher_vector is defined for covariance_type in {STRUCTURES}, but this mixture has "
            f"{mixture.structure.name!r}"
        )
    if not _is_several(X):
        return _vector(model, mixture, X, sample_weight, power if improved else None)
    weights = [None] * len(X) if sample_weight is None else list(sample_weight)
    if len(weights) != len(X):
        raise DataError(f"sample_weight must have one array for each of the {len(X)} sets, got {len(weights)}")
    made = []
    for number, each in enumerate(zip(X, weights, strict=True)):
        try:
            made.append(_vector(model, mixture, *each, power if improved else None))
        except (DataError, DataTypeError) as error:
            raise type(error)(f"set {number}: {error}") from None
    return np.stack(made)


def _is_several(X: Any) -> bool:
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(len(getattr(part, "shape", ())) == 2 for part in X)


def _vector(model: MixtureEstimator, mixture: Mixture, X: Any, sample_weight: Any, power: float | None) -> np.ndarray:
    rows = model._rows(X, model._fitted())
    rows = rows.weighing(check_sample_weight(sample_weight, rows.n_rows))
    z = _gradient(mixture, rows.accumulate(mixture.factors))
    if power is None:
        return z
    z = np.sign(z) * np.abs(z) ** power
    norm = np.linalg.norm(z)
    return z / norm if norm > 0.0 else z


def _gradient(mixture: Mixture, statistics: Statistics) -> np.ndarray:
    D = mixture.n_features
    weights, T = mixture.parameters.weights, statistics.weight
    root = np.sqrt(np.where(weights > 0.0, weights, 1.0))
    n, by_weights = statistics.n, (statistics.n / T - weights) / root
    inverse_sd = mixture.factors.whiteners
    if mixture.structure.kernel is Kernel.SPHERICAL:
        by_deviations = (statistics.second * inverse_sd**2 - D * n) / (T * np.sqrt(2.0 * D) * root)
        inverse_sd = inverse_sd[:, None]
    else:
        by_deviations = (statistics.second * inverse_sd**2 - n[:, None]) / (T * np.sqrt(2.0) * root[:, None])
    by_means = statistics.first * inverse_sd / (T * root[:, None])
    return np.concatenate([by_weights, by_means.ravel(), by_deviations.ravel()])
