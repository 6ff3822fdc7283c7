"""The numerical floor in NumPy, all matrices at once; csrc/kernels/floor.inc.c and landing.inc.c say what and why.

Invariant: `scatter` itself is returned when no bound is active.
"""

from __future__ import annotations

import numpy as np

from gmm.reference.triangles import diagonal, symmetric, whitener

__all__ = ["lift"]

NOISE_FLOAT64 = 2.0**-48
NOISE_FLOAT32 = 32.0
LEVEL = 2.0**4
SPREAD = 4.0
CLEAR = 2.0**-20, 2.0**6


def lift(
    scatter: np.ndarray,
    floor: np.ndarray,
    epsilon: float,
    squares: np.ndarray | None = None,
    previous: np.ndarray | None = None,
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
    previous : ndarray of shape (K, D, D), optional
        Covariances to keep where they are likelier than the raised ones.

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
        d = diagonal(np.linalg.cholesky(scatter)) ** 2
        suspect = (d < np.maximum(floor, max(CLEAR[0], CLEAR[1] * noise) * squares)).any(axis=1)
    except np.linalg.LinAlgError:
        suspect = np.ones(len(scatter), bool)
    if suspect.any():
        raised, floored[suspect] = _raise(scatter[suspect], squares[suspect], floor, noise=noise, level=level)
        if floored.any():
            sums, scatter = scatter, scatter.copy()
            scatter[floored] = raised[floored[suspect]]
            if previous is not None:
                before, after = (_cost(each, sums, noise * squares) for each in (previous, scatter))
                likelier = floored & (before < after)
                scatter[likelier] = previous[likelier]
    return scatter, floored


def _cost(covariances: np.ndarray, scatter: np.ndarray, resolved: np.ndarray) -> np.ndarray:
    """-2/n times the expected log-likelihood of each covariance; infinite where it is not positive definite."""
    costs = np.full(len(covariances), np.inf)
    for k, (S, covariance) in enumerate(zip(scatter, covariances, strict=True)):
        try:
            W = whitener(covariance)
        except np.linalg.LinAlgError:
            continue
        square = ((W @ S) * W).sum(axis=1)
        costs[k] = np.where(np.abs(square) < W**2 @ resolved[k], 0, square).sum() - 2 * np.log(np.diagonal(W)).sum()
    return costs


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
