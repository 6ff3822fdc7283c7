"""Batches of symmetric positive definite matrices: Cholesky factors, whiteners, inverses, and checks of given ones.

    S = L L',    W = inverse(L),    W'W = inverse(S)

All functions take (K, D, D), or any leading axes, in float64. Whiteners come from the core.
"""

from __future__ import annotations

import numpy as np

from gmm import _native
from gmm.errors import ParameterError

__all__ = [
    "cholesky",
    "diagonal",
    "inverse",
    "largest_exponents",
    "not_positive_definite",
    "product",
    "symmetric",
    "validate_matrices",
    "whitener",
]

ALONE = 1 << 18  # multiply-adds: OpenBLAS shares out larger products, and its threads spin on for 20 ms, beside ours
SKEW = 1e-8  # largest difference across the diagonal, as a correlation, that rounding by the user may have left


def symmetric(matrices: np.ndarray) -> np.ndarray:
    """Return the mean of each matrix and its transpose: exactly symmetric, unchanged when already so."""
    return (matrices + matrices.swapaxes(-1, -2)) / 2


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """Return the diagonals (..., D), read-only."""
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of square matrices, in pieces that a BLAS leaves to the calling thread.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.covariances.positive_definite import product
    >>> product(np.array([[1.0, 2.0], [0.0, 1.0]]), np.eye(2)).tolist()
    [[1.0, 2.0], [0.0, 1.0]]
    """
    D = a.shape[-1]
    n_rows = max(ALONE // D**2, 1)
    if n_rows >= D:
        return np.matmul(a, b)
    found = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for first in range(0, D, n_rows):
        np.matmul(a[..., first : first + n_rows, :], b, out=found[..., first : first + n_rows, :])
    return found


def cholesky(matrices: np.ndarray) -> np.ndarray:
    """Lower triangular L with L L' = S for every matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        When one of them is not positive definite.
    """
    return np.linalg.cholesky(matrices)


def whitener(covariances: np.ndarray) -> np.ndarray:
    """Lower triangular W with W'W the inverse of each matrix; a LinAlgError when one is not positive definite."""
    D = covariances.shape[-1]
    matrices = np.ascontiguousarray(covariances, np.float64).reshape(-1, D, D)
    W = np.empty(matrices.shape)
    bad = _native.whiten(matrices, W, 1)
    if bad >= 0:
        raise np.linalg.LinAlgError(f"matrix {bad} of the batch is not positive definite")
    return W.reshape(covariances.shape)


def inverse(matrices: np.ndarray) -> np.ndarray:
    """Inverse of each matrix, exactly symmetric."""
    W = whitener(matrices)
    return symmetric(W.swapaxes(-1, -2) @ W)


def largest_exponents(variances: np.ndarray) -> np.ndarray:
    """Binary exponents (D,) of the largest of the standard deviations of (..., D) variances."""
    sd = np.sqrt(variances).reshape(-1, variances.shape[-1]).max(axis=0)
    return (np.frexp(sd)[1] - 1).astype(np.int64)


def not_positive_definite(matrices: np.ndarray) -> np.ndarray:
    """Indices of the matrices of a batch (K, D, D) that have no Cholesky factor.

    By the core: threads of a BLAS spin on after a large matrix, for some 20 ms, where the first passes want to run.
    """
    failing = []
    for k, matrix in enumerate(matrices):
        try:
            whitener(matrix)
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
