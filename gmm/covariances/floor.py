"""The numerical floor of covariance matrices: conditional variances that rounding cannot tell from zero are raised.

Write S = C diag(d) C' with C unit lower triangular. d_j is the variance of feature j given the features before it, and
the log-likelihood is a sum of regressions of each feature on those before, so with d_j >= b_j for a constant b_j the
maximiser is d_j = max(d_j, b_j): a closed form, and EM stays monotone. Two bounds:

- floor_j, the variance that rounding of the input makes (`Frame.floor`);
- noise sum_i u_ji^2 M_i, what sums cannot resolve, with u_j row j of inverse(C) and M_i the size of the squares that
  were summed: d_j = u_j S u_j' is then rounding, and the feature depends on others. Its variance becomes a constant,
  LEVEL noise in float64 and noise in float32, times 16 or, if that is more, the next power of two of
  sum_i u_ji^2 S_ii. It nearly always is 16: so the level is the same for every component, and what components share
  cancels from their density ratios and adds a constant to the log-likelihood.

A raised feature takes no part in the regressions of those after it: its residual is rounding. Levels are powers of
two, which lets `positive_definite.whitener` recognise a raised d_j behind the rounding of the dense matrix.
"""

from __future__ import annotations

import numpy as np

from gmm.covariances.positive_definite import cholesky, diagonal, symmetric

__all__ = ["lift"]

NOISE_FLOAT64 = 2.0**-48  # 16 eps, times sqrt(D): the error of sums over many rows, relative to sqrt(S_ii S_jj)
NOISE_FLOAT32 = 32.0  # units roundoff of float32 tiles
LEVEL = 2.0**4  # a raised d_j is this far above what the dense matrix, which is float64, cannot hold
SPREAD = 4.0  # log2 of the sum_i u_ji^2 S_ii from which on the level follows it
CLEAR = 2.0**-20, 2.0**6  # above this share of M_j, and this many times the noise, no d_j is near the noise


def lift(
    scatter: np.ndarray, floor: np.ndarray, epsilon: float, squares: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Raise the conditional variances of a batch of covariances to the floor where they are below it.

    Parameters
    ----------
    scatter : ndarray of shape (K, D, D)
        Exactly symmetric; may be singular, or indefinite by rounding.
    floor : ndarray of shape (D,)
        Variances, frame units.
    epsilon : float
        Unit roundoff of the arithmetic that made `scatter`.
    squares : ndarray of shape (K, D), optional
        Mean squares that `scatter` was computed from, where it is the difference of larger ones; its diagonal if None.

    Returns
    -------
    covariances : ndarray of shape (K, D, D)
        Positive definite and exactly symmetric; `scatter` itself when no bound is active.
    floored : ndarray of shape (K,), bool
    """
    D = scatter.shape[-1]
    noise = NOISE_FLOAT64 * D**0.5
    level = LEVEL * noise
    if epsilon > np.finfo(np.float64).eps:
        noise = max(noise, NOISE_FLOAT32 * epsilon)
        level = max(level, noise)
    squares = diagonal(scatter) if squares is None else np.maximum(squares, diagonal(scatter))
    floored = np.zeros(len(scatter), bool)
    try:
        d = diagonal(cholesky(scatter)) ** 2
        suspect = (d < np.maximum(floor, max(CLEAR[0], CLEAR[1] * noise) * squares)).any(axis=1)
    except np.linalg.LinAlgError:
        suspect = np.ones(len(scatter), bool)
    if suspect.any():
        raised, floored[suspect] = _raise(scatter[suspect], squares[suspect], floor, noise=noise, level=level)
        if floored.any():
            scatter = scatter.copy()
            scatter[floored] = raised[floored[suspect]]
    return scatter, floored


def _raise(
    matrices: np.ndarray, squares: np.ndarray, floor: np.ndarray, *, noise: float, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Factorise column by column, all matrices at once, raising each d_j that is too small as it appears."""
    K, D = matrices.shape[:2]
    variances = diagonal(matrices)
    constant = (variances < floor) & (variances < noise * squares)  # so its covariances are rounding of larger sums
    matrices = np.where((constant[:, :, None] | constant[:, None, :]) & ~np.eye(D, dtype=bool), 0.0, matrices)
    C, U = np.zeros(matrices.shape), np.zeros(matrices.shape)
    d, levels = np.zeros((K, D)), np.zeros((K, D))
    for j in range(D):
        column = matrices[:, j:, j] - (C[:, j:, :j] @ (C[:, j, :j] * d[:, :j])[:, :, None])[:, :, 0]
        U[:, j, :j] = -(C[:, None, j, :j] @ U[:, :j, :j])[:, 0]
        U[:, j, j] = C[:, j, j] = 1.0
        spread = U[:, j] ** 2
        null = (column[:, 0] < noise * (spread * squares).sum(axis=1)) & (variances[:, j] >= floor[j])
        low = null | (column[:, 0] < floor[j])
        steps = np.maximum(np.ceil(np.log2(np.maximum((spread * variances).sum(axis=1), 1.0))), SPREAD)
        raised = np.where(null, np.maximum(np.exp2(np.ceil(np.log2(level)) + steps), floor[j]), floor[j])
        levels[:, j] = np.where(low, np.maximum(raised, column[:, 0]), column[:, 0])
        d[:, j] = np.where(low, 0.0, column[:, 0])
        C[:, j + 1 :, j] = np.where(low[:, None], 0.0, column[:, 1:] / np.where(low, 1.0, column[:, 0])[:, None])
    return symmetric((C * levels[:, None, :]) @ C.swapaxes(1, 2)), (levels > d).any(axis=1)
