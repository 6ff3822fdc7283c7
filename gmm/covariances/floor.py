"""The numerical floor of covariance matrices: conditional variances that rounding cannot tell from zero are raised.

Write S = C diag(d) C' with C unit lower triangular. d_j is the variance of feature j given the features before it, and
the log-likelihood is a sum of regressions of each feature on those before, so with d_j >= b_j for a constant b_j the
maximiser is d_j = max(d_j, b_j): a closed form, and EM stays monotone. Two bounds:

- floor_j, the variance that rounding of the input makes (`Frame.floor`);
- noise S_jj, what sums cannot resolve: a smaller d_j is rounding, its feature depends on the others. It becomes
  16 noise frame units (S_jj > 16: noise times the next power of two), the same for every component, so that what
  components share cancels from their density ratios and adds a constant to the log-likelihood.

A raised feature is independent of those after it: its residual is rounding. Levels are powers of two, which lets
`positive_definite.whitener` recognise a raised d_j behind the rounding of the dense matrix that holds it.
"""

from __future__ import annotations

import numpy as np

from gmm.covariances.positive_definite import cholesky, diagonal, symmetric

__all__ = ["lift"]

NOISE_FLOAT64 = 2.0**-46  # 64 eps, times sqrt(D): errors of a Schur complement of sums over many rows
NOISE_ARITHMETIC = 32.0  # times the unit roundoff of float32 tiles
ROOM = 4  # binary digits from the noise to the level


def lift(scatter: np.ndarray, floor: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Raise the conditional variances of a batch of covariances to the floor where they are below it.

    Parameters
    ----------
    scatter : ndarray of shape (K, D, D)
        Exactly symmetric; may be singular, or indefinite by rounding.
    floor : ndarray of shape (D,)
        Variances, frame units.
    epsilon : float
        Unit roundoff of the arithmetic that made `scatter`.

    Returns
    -------
    covariances : ndarray of shape (K, D, D)
        Positive definite and exactly symmetric; `scatter` itself when no bound is active.
    floored : ndarray of shape (K,), bool
    """
    D = scatter.shape[-1]
    noise = NOISE_FLOAT64 * D**0.5
    if epsilon > np.finfo(np.float64).eps:
        noise = max(noise, NOISE_ARITHMETIC * epsilon)
    variances = diagonal(scatter)
    floored = np.zeros(len(scatter), bool)
    try:
        low = (diagonal(cholesky(scatter)) ** 2 < np.maximum(floor, noise * variances)).any(axis=1)
    except np.linalg.LinAlgError:
        low = np.ones(len(scatter), bool)
    if low.any():
        raised, floored[low] = _raise(scatter[low], floor, noise)
        scatter = scatter.copy()
        scatter[floored] = raised[floored[low]]
    return scatter, floored


def _raise(matrices: np.ndarray, floor: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Factorise column by column, all matrices at once, raising each d_j that is too small as it appears."""
    K, D = matrices.shape[:2]
    coefficients, d, levels = np.zeros(matrices.shape), np.empty((K, D)), np.empty((K, D))
    for j in range(D):
        variance = matrices[:, j, j]
        left = coefficients[:, j, :j] * d[:, :j]
        column = matrices[:, j:, j] - (coefficients[:, j:, :j] @ left[:, :, None])[:, :, 0]
        null = (column[:, 0] < noise * variance) & (variance >= floor[j])
        level = np.where(null, np.maximum(_level(noise, variance), floor[j]), floor[j])
        low = null | (column[:, 0] < floor[j])
        # What is left of a raised feature takes no part in the regressions that follow: d = 0 there.
        d[:, j] = np.where(low, 0.0, column[:, 0])
        levels[:, j] = np.where(low, level, d[:, j])
        coefficients[:, j:, j] = np.where(low[:, None], 0.0, column / np.where(low, 1.0, column[:, 0])[:, None])
        coefficients[:, j, j] = 1.0
    lifted = symmetric((coefficients * levels[:, None, :]) @ coefficients.swapaxes(1, 2))
    return lifted, (levels > d).any(axis=1)


def _level(noise: float, variance: np.ndarray) -> np.ndarray:
    """A power of two above the noise of a feature of this variance; constant for variances up to 2 ** ROOM."""
    exponent = np.maximum(np.ceil(np.log2(np.maximum(variance, 1.0))), ROOM)
    return np.exp2(np.ceil(np.log2(noise)) + exponent)
