"""Whiteners of symmetric positive definite matrices in NumPy: the twin of csrc/kernels/whiten.inc.c.

S = L L',    W = inverse(L),    W'W = inverse(S)
"""

from __future__ import annotations

import numpy as np

__all__ = ["diagonal", "symmetric", "whitener"]

SMALL_PIVOT = 2.0**-10
EPS = float(np.finfo(np.float64).eps)


def symmetric(matrices: np.ndarray) -> np.ndarray:
    """Return the mean of each matrix and its transpose."""
    return (matrices + matrices.swapaxes(-1, -2)) / 2


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """Return the diagonals (..., D), read-only."""
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def whitener(covariances: np.ndarray) -> np.ndarray:
    """Lower triangular W with W'W the inverse of each matrix; a LinAlgError when one is not positive definite."""
    roots = np.linalg.cholesky(covariances)
    identity = np.broadcast_to(np.eye(covariances.shape[-1]), covariances.shape)
    return _settled(np.tril(np.linalg.solve(roots, identity)), covariances)


def _settled(W: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Set every large W_jj^-2 = d_j that is a power of two, up to its rounding, to just that.

    Such is the mark of `floor.lift`. The dense matrix S holds d_j = u S u' only to about D eps sum_i u_i^2 S_ii, with
    u = W_j / W_jj; without this step the log-determinant would carry that rounding from one iteration to the next.
    """
    variances = diagonal(matrices)
    d = diagonal(W) ** -2
    if (d >= SMALL_PIVOT * variances).all():
        return W
    power = np.exp2(np.round(np.log2(d)))
    rounding = 8 * W.shape[-1] * EPS * (W * W * variances[..., None, :]).sum(axis=-1) * d
    settled = (d < SMALL_PIVOT * variances) & (np.abs(d - power) <= rounding)
    result = W * np.sqrt(np.where(settled, d / power, 1.0))[..., None]
    indices = range(W.shape[-1])
    result[..., indices, indices] = np.where(settled, power**-0.5, diagonal(W))
    return result
