"""Batches of symmetric positive definite matrices: factorise, invert, and lift what rounding made singular.

All functions take (..., D, D) float64 and work on the whole batch at once; matrices from D = LAPACK_FROM on go to
LAPACK one by one, where the arithmetic outweighs the call.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from gmm.errors import ParameterError

__all__ = [
    "diagonal",
    "inverse",
    "largest_exponents",
    "lift",
    "log_determinant",
    "symmetric",
    "validate_matrices",
    "whitener",
]

LAPACK_FROM = 8
SKEW = 1e-8  # largest difference across the diagonal, as a correlation, that rounding by the user may have left


def symmetric(matrices: np.ndarray) -> np.ndarray:
    """Return the mean of each matrix and its transpose: exactly symmetric, unchanged when already so."""
    return (matrices + matrices.swapaxes(-1, -2)) / 2


def diagonal(matrices: np.ndarray) -> np.ndarray:
    """Return the diagonals (..., D), read-only."""
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def not_positive_definite(matrices: np.ndarray) -> np.ndarray:
    """Indices of the matrices of a batch (K, D, D) that have no Cholesky factor."""
    failing = []
    for k, matrix in enumerate(matrices):
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            failing.append(k)
    return np.array(failing, dtype=np.intp)


def whitener(covariances: np.ndarray) -> np.ndarray:
    """Lower triangular W with W'W the inverse covariance: the inverse of the Cholesky factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        When a matrix is not positive definite.
    """
    roots = np.linalg.cholesky(covariances)
    D = roots.shape[-1]
    if D == 1:
        return 1.0 / roots
    if D < LAPACK_FROM:
        return _forward_inverse(roots)
    result = np.empty_like(roots)
    flat = result.reshape(-1, D, D)
    for k, root in enumerate(roots.reshape(-1, D, D)):
        # The transpose of a C-ordered lower triangle is LAPACK's own upper one: no copy on the way in.
        flat[k] = lapack.dtrtri(root.T, lower=0)[0].T
    return result


def _forward_inverse(roots: np.ndarray) -> np.ndarray:
    """Invert lower triangles by forward substitution, row by row, all matrices at once."""
    D = roots.shape[-1]
    result = np.zeros_like(roots)
    reciprocal = 1.0 / diagonal(roots)
    for i in range(D):
        result[..., i, i] = reciprocal[..., i]
        if i:
            row = np.matmul(roots[..., None, i, :i], result[..., :i, :i])[..., 0, :]
            result[..., i, :i] = -row * reciprocal[..., i, None]
    return result


def log_determinant(whiteners: np.ndarray) -> np.ndarray:
    """log det W as a sum of logs, (...,)."""
    return np.log(diagonal(whiteners)).sum(axis=-1)


def inverse(matrices: np.ndarray) -> np.ndarray:
    """Inverse of each matrix, exactly symmetric."""
    W = whitener(matrices)
    return symmetric(W.swapaxes(-1, -2) @ W)


def lift(scatter: np.ndarray, floor: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Raise to the floor the eigenvalues that input rounding or arithmetic cannot tell from zero.

    Two bounds, with s_j the standard deviations of a matrix and noise = 4 D epsilon:

    - the floor: S >= diag(floor), by clipping the eigenvalues of S measured in floor units. This is the exact
      maximiser of the likelihood under that bound.
    - the noise of the sums: a direction in which the variance is below `noise` once every feature has unit variance
      is null. Its variance becomes `noise` (times the largest s_j^2 where that exceeds 1, so that the result stays
      positive definite in float64), the same for every matrix of the batch, so that the null directions that
      components share cancel from their density ratios and add a constant to the log-likelihood.

    Parameters
    ----------
    scatter : ndarray of shape (K, D, D)
        Covariances before any bound; exactly symmetric, may be singular or indefinite by rounding.
    floor : ndarray of shape (D,)
    epsilon : float
        Unit roundoff of the sums.

    Returns
    -------
    covariances : ndarray of shape (K, D, D)
        Positive definite; `scatter` itself when no bound is active.
    lifted : ndarray of shape (K,), bool
    """
    D = scatter.shape[-1]
    noise = 4 * D * max(epsilon, float(np.finfo(np.float64).eps))
    shrunk = scatter.copy()
    variances = diagonal(scatter)
    shrunk[:, range(D), range(D)] -= np.maximum(floor, noise * variances)
    try:
        np.linalg.cholesky(shrunk)
        return scatter, np.zeros(len(scatter), bool)
    except np.linalg.LinAlgError:
        pass
    lifted = np.zeros(len(scatter), bool)
    lifted[not_positive_definite(shrunk)] = True
    result = scatter.copy()
    result[lifted] = [_lift_one(matrix, floor, noise) for matrix in scatter[lifted]]
    return result, lifted


def _lift_one(matrix: np.ndarray, floor: np.ndarray, noise: float) -> np.ndarray:
    matrix = matrix.copy()
    np.fill_diagonal(matrix, np.maximum(np.diagonal(matrix), floor))
    sd = np.sqrt(np.diagonal(matrix))
    eigenvalues, vectors = np.linalg.eigh(matrix / sd / sd[:, None])
    null = eigenvalues < noise
    if null.any():
        basis = np.linalg.qr(vectors[:, null] / sd[:, None])[0]
        level = noise * max(1.0, float(sd.max()) ** 2)
        matrix = symmetric(matrix + basis @ (level * np.eye(null.sum()) - basis.T @ matrix @ basis) @ basis.T)
    unit = np.sqrt(floor)
    eigenvalues, vectors = np.linalg.eigh(matrix / unit / unit[:, None])
    low = eigenvalues < 1
    if low.any():
        gain = (vectors[:, low] * unit[:, None]) * np.sqrt(1 - eigenvalues[low])
        matrix = symmetric(matrix + gain @ gain.T)
    return matrix


def largest_exponents(variances: np.ndarray) -> np.ndarray:
    """Binary exponents (D,) of the largest of the standard deviations of (..., D) variances."""
    sd = np.sqrt(variances).reshape(-1, variances.shape[-1]).max(axis=0)
    return (np.frexp(sd)[1] - 1).astype(np.int64)


def validate_matrices(matrices: np.ndarray, name: str, owners: list[str]) -> np.ndarray:
    """Return (K, D, D) matrices that are symmetric and positive definite, or raise a ParameterError naming whose."""
    variances = diagonal(matrices)
    for k, owner in enumerate(owners):
        if not (variances[k] > 0).all():
            j = int(np.argmin(variances[k]))
            raise ParameterError(
                f"{name}: {owner} is not positive definite, its diagonal entry {j} is {variances[k, j]:g}"
            )
    # Measured as correlations, so that neither matrix entries of 1e-320 nor of 1e300 hide anything.
    sd = np.sqrt(variances)
    correlations = matrices / sd[:, :, None] / sd[:, None, :]
    skew = np.abs(correlations - correlations.swapaxes(-1, -2)).max(axis=(-1, -2))
    for k in np.flatnonzero(skew > SKEW):
        raise ParameterError(f"{name}: {owners[k]} is not symmetric (off by {skew[k]:.2g} of its diagonal)")
    for k in not_positive_definite(symmetric(correlations)):
        smallest = np.linalg.eigvalsh(symmetric(correlations[k]))[0]
        raise ParameterError(
            f"{name}: {owners[k]} is not positive definite (smallest eigenvalue of its correlations {smallest:.2g})"
        )
    return symmetric(matrices)
