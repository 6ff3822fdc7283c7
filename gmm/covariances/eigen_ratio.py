"""Covariances whose eigenvalues, of all components together, satisfy largest <= c smallest, closest in likelihood.

A matrix that maximises -n/2 (log det V + trace(inverse(V) S)) shares the eigenvectors of S, so only eigenvalues are to
be found. For given bounds m and c m the best ones are those e of S, truncated to [m, c m] (Fritz, Garcia-Escudero,
Mayo-Iscar 2013), and m minimises

    f(m) = sum_i w_i (log t_i + e_i / t_i),     t_i = min(max(e_i, m), c m),      w_i the weight n of its component.

By log m its slope is  sum_{e < m} w (1 - e / m) + sum_{e > c m} w (1 - e / (c m)),  of which no term falls in m: f is
convex in log m. Between two neighbours among the 2 M D numbers e_i and e_i / c the sets are fixed, and

    m = (sum_{e < m} w e + sum_{e > c m} w e / c) / (sum_{e < m} w + sum_{e > c m} w)

where the slope changes sign. Convexity also settles bounds on m itself: the best m within them is the nearest.

Invariant: eigenvalues that satisfy the bound already come back bit for bit.
"""

from __future__ import annotations

import numpy as np

from gmm.covariances.positive_definite import product, symmetric

__all__ = ["Spectrum", "bounds", "limited"]

BATCHED = 24  # features; beyond, NumPy's shares out its products earlier, and BLAS's threads spin beside others'
ROUNDING = 2.0**-50  # of an eigenvalue: closer to a bound is on it


class Spectrum:
    """Eigenvalues (M, D) of covariances (M, D, D), (M, D) or (M,), and the way back."""

    def __init__(self, covariances: np.ndarray) -> None:
        self._given = covariances
        self._axes: np.ndarray | None = None
        if covariances.ndim == 3:
            self.values, self._axes = _decomposed(covariances)
        else:
            self.values = covariances.reshape(len(covariances), -1)

    def replaced(self, values: np.ndarray) -> np.ndarray:
        """The covariances with other eigenvalues; those whose own are asked for are the given ones, bit for bit."""
        if self._axes is None:
            return values.reshape(self._given.shape)
        made = symmetric(product(self._axes * values[:, None, :], self._axes.swapaxes(1, 2)))
        same = (values == self.values).all(axis=1)
        return np.where(same[:, None, None], self._given, made)


def _decomposed(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (M, D), ascending, and eigenvectors (M, D, D) of symmetric matrices."""
    if matrices.shape[1] <= BATCHED:
        return np.linalg.eigh(matrices)
    from scipy.linalg import eigh

    each = [eigh(matrix, driver="evd", check_finite=False) for matrix in matrices]
    return np.array([values for values, _ in each]), np.array([axes for _, axes in each])


def bounds(
    values: np.ndarray, weight: np.ndarray, ratio: float, least: float = 0.0, most: float = np.inf
) -> tuple[float, float]:
    """Bounds between which the eigenvalues are best truncated.

    Parameters
    ----------
    values : ndarray of shape (M, D)
        Eigenvalues, at least 0.
    weight : ndarray of shape (M,)
        Of each component; 0 has no say.
    ratio : float
        c, at least 1.
    least, most : float
        Bounds of the lower bound itself.

    Returns
    -------
    lower, upper : float

    Examples
    --------
    With c = 1 all eigenvalues become their mean:

    >>> import numpy as np
    >>> from gmm.covariances.eigen_ratio import bounds
    >>> bounds(np.array([[1.0, 3.0], [4.0, 6.0]]), np.array([1.0, 3.0]), 1.0)
    (4.25, 4.25)
    >>> bounds(np.array([[1.0, 3.0]]), np.array([1.0]), 5.0)  # as they are
    (0.6, 3.0)
    """
    counted = weight > 0.0
    e = np.sort(values[counted], axis=None)
    low, high = max(float(e[-1]) / ratio, least), min(float(e[0]), most)
    if low <= high:
        return low, max(low * ratio, float(e[-1]))
    order = np.argsort(values[counted], axis=None, kind="stable")
    w = np.repeat(weight[counted], values.shape[1])[order]
    shrunk = e / ratio
    W, E = (np.concatenate([[0.0], np.cumsum(terms)]) for terms in (w, w * e))
    marks = np.unique(np.concatenate([e, shrunk]))
    marks = marks[marks > 0.0]
    if len(marks) == 0:
        return least, least * ratio
    below, above = np.searchsorted(e, marks), np.searchsorted(shrunk, marks, side="right")
    slope = W[below] - E[below] / marks + (W[-1] - W[above]) - (E[-1] - E[above]) / (ratio * marks)
    at = int(np.argmax(slope >= 0.0)) if (slope >= 0.0).any() else len(marks) - 1
    under, over = below[at], int(np.searchsorted(shrunk, marks[at]))
    found = (E[under] + (E[-1] - E[over]) / ratio) / (W[under] + W[-1] - W[over])
    lower = float(min(max(found, least), most))
    return lower, lower * ratio


def limited(
    covariances: np.ndarray, weight: np.ndarray, ratio: float, least: float, most: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Covariances within the ratio that are best for scatter matrices of these weights (M,), and which rest on `least`.

    Those without weight have no say, but are brought within the bounds.
    """
    spectrum = Spectrum(covariances)
    values = np.maximum(spectrum.values, 0.0)
    lower, upper = bounds(values, weight, ratio, least, most)
    low, high = values < lower * (1.0 - ROUNDING), values > upper * (1.0 + ROUNDING)
    kept = np.where(low, lower, np.where(high, upper, spectrum.values))
    return spectrum.replaced(kept), low.any(axis=1) & (lower <= least)
