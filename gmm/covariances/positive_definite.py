"""Batches of symmetric positive definite matrices: Cholesky factors, whiteners, inverses, and checks of given ones.

    S = L L',    W = inverse(L),    W'W = inverse(S),    log det W = sum of log W_jj

All functions take (K, D, D), or any leading axes, in float64. Small matrices are done a batch at a time; where the
arithmetic outweighs a call, LAPACK gets them one by one.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from gmm.errors import ParameterError

__all__ = [
    "cholesky",
    "diagonal",
    "inverse",
    "largest_exponents",
    "log_determinant",
    "not_positive_definite",
    "symmetric",
    "validate_matrices",
    "whitener",
]

BATCHED_INVERSE = 8  # below, forward substitution over the batch is faster than a call per matrix (measured)
BATCHED_CHOLESKY = 24  # likewise for numpy's batched Cholesky, which copies each matrix twice
SMALL_PIVOT = 2.0**-10
EPS = float(np.finfo(np.float64).eps)
SKEW = 1e-8  # largest difference across the diagonal, as a correlation, that rounding by the user may have left


def symmetric(matrices: np.ndarray) -> np.ndarray:
    """Return the mean of each matrix and its transpose: exactly symmetric, unchanged when already so."""
    return (matrices + matrices.swapaxes(-1, -2)) / 2


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """Return the diagonals (..., D), read-only."""
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def cholesky(matrices: np.ndarray) -> np.ndarray:
    """Lower triangular L with L L' = S for every matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        When one of them is not positive definite.
    """
    D = matrices.shape[-1]
    if D < BATCHED_CHOLESKY:
        return np.linalg.cholesky(matrices)
    result = np.empty(matrices.shape)
    for k, matrix in enumerate(matrices.reshape(-1, D, D)):
        # A C-ordered lower triangle is LAPACK's own upper one: no transposition in either direction.
        root, info = lapack.dpotrf(matrix.T, lower=0, clean=1)
        if info:
            raise np.linalg.LinAlgError(f"matrix {k} of the batch is not positive definite")
        result.reshape(-1, D, D)[k] = root.T
    return result


def whitener(covariances: np.ndarray) -> np.ndarray:
    """Lower triangular W with W'W the inverse of each matrix; a LinAlgError when one is not positive definite."""
    roots = cholesky(covariances)
    D = roots.shape[-1]
    if D < BATCHED_INVERSE:
        return _settled(_forward_inverse(roots), covariances)
    flat = roots.reshape(-1, D, D)
    for k, root in enumerate(flat):
        flat[k] = lapack.dtrtri(root.T, lower=0)[0].T
    return _settled(roots, covariances)


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


def _forward_inverse(roots: np.ndarray) -> np.ndarray:
    """Invert lower triangles by forward substitution, row by row, all matrices at once."""
    result = np.zeros(roots.shape)
    reciprocal = 1.0 / diagonal(roots)
    for i in range(roots.shape[-1]):
        if i:
            row = roots[..., None, i, :i] @ result[..., :i, :i]
            result[..., i, :i] = -row[..., 0, :] * reciprocal[..., i, None]
        result[..., i, i] = reciprocal[..., i]
    return result


def log_determinant(whiteners: np.ndarray) -> np.ndarray:
    """log det W as a sum of logs, (...,)."""
    return np.log(diagonal(whiteners)).sum(axis=-1)


def inverse(matrices: np.ndarray) -> np.ndarray:
    """Inverse of each matrix, exactly symmetric."""
    W = whitener(matrices)
    return symmetric(W.swapaxes(-1, -2) @ W)


def largest_exponents(variances: np.ndarray) -> np.ndarray:
    """Binary exponents (D,) of the largest of the standard deviations of (..., D) variances."""
    sd = np.sqrt(variances).reshape(-1, variances.shape[-1]).max(axis=0)
    return (np.frexp(sd)[1] - 1).astype(np.int64)


def not_positive_definite(matrices: np.ndarray) -> np.ndarray:
    """Indices of the matrices of a batch (K, D, D) that have no Cholesky factor."""
    failing = []
    for k, matrix in enumerate(matrices):
        try:
            cholesky(matrix)
        except np.linalg.LinAlgError:
            failing.append(k)
    return np.array(failing, dtype=np.intp)


def validate_matrices(matrices: np.ndarray, name: str, owners: list[str]) -> np.ndarray:
    """Return (K, D, D) matrices that are symmetric and positive definite, or raise a ParameterError naming whose."""
    variances = diagonal(matrices)
    for k, j in np.argwhere(~(variances > 0)):
        raise ParameterError(f"{name}: {owners[k]} is not positive definite, diagonal entry {j} is {variances[k, j]:g}")
    # Measured as correlations, so that neither entries of 1e-320 nor of 1e300 hide anything.
    sd = np.sqrt(variances)
    correlations = matrices / sd[:, :, None] / sd[:, None, :]
    skew = np.abs(correlations - correlations.swapaxes(-1, -2)).max(axis=(-1, -2))
    for k in np.flatnonzero(skew > SKEW):
        raise ParameterError(f"{name}: {owners[k]} is not symmetric, by {skew[k]:.2g} of its diagonal")
    for k in not_positive_definite(symmetric(correlations)):
        smallest = np.linalg.eigvalsh(symmetric(correlations[k]))[0]
        raise ParameterError(
            f"{name}: {owners[k]} is not positive definite, its correlations have the eigenvalue {smallest:.2g}"
        )
    return symmetric(matrices)
