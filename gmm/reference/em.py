"""A whole EM for Gaussian mixtures in plain NumPy and user coordinates, sharing no code with the package.

E-step (Dempster, Laird, Rubin 1977):   r_ik  proportional to  weight_k N(x_i | mean_k, covariance_k)
M-step:   n_k = sum_i w_i r_ik,   weight_k = n_k / sum n,   mean_k = sum_i w_i r_ik x_i / n_k,
          S_k = sum_i w_i r_ik (x_i - mean_k)(x_i - mean_k)'
          full: S_k / n_k;   tied: sum_k S_k / sum n;   diag: diagonal of S_k / n_k;   spherical: trace of S_k / (D n_k)
``reg_covar`` is added to the diagonal after the M-step, scikit-learn's way.

Invariant: squares are taken of centred differences only, so the result carries the rounding of its input and little
more.
"""

from typing import NamedTuple

import numpy as np

from gmm.reference.softmax import log_sum_exp


class Fit(NamedTuple):
    """Parameters after the last M-step, and the total log-likelihood in nats of each E-step and of the result."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    log_likelihoods: tuple[float, ...]


def fit(
    X: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    covariance_type: str,
    n_iter: int,
    *,
    reg_covar: float = 0.0,
    sample_weight: np.ndarray | None = None,
) -> Fit:
    """Run ``n_iter`` EM iterations from given parameters.

    Parameters
    ----------
    X : (N, D) rows.
    weights, means : (K,) and (K, D).
    covariances : (K, D, D) "full", (D, D) "tied", (K, D) "diag", (K,) "spherical".
    covariance_type : one of the four names.
    n_iter : number of E- and M-steps.
    reg_covar : added to every variance after each M-step, data units squared.
    sample_weight : (N,) weights of rows, ones when None.

    Returns
    -------
    Fit
        ``log_likelihoods`` has n_iter + 1 entries; the last belongs to the returned parameters.
    """
    X = np.asarray(X, dtype=np.float64)
    row_weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    totals = []
    for _ in range(n_iter):
        logs = log_densities(X, weights, means, covariances, covariance_type)
        log_density = log_sum_exp(logs)
        totals.append(float(row_weight @ log_density))
        mass = row_weight[:, None] * np.exp(logs - log_density[:, None])
        weights, means, covariances = _maximize(X, mass, covariance_type, reg_covar)
    logs = log_densities(X, weights, means, covariances, covariance_type)
    totals.append(float(row_weight @ log_sum_exp(logs)))
    return Fit(weights, means, covariances, tuple(totals))


def log_densities(
    X: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, covariance_type: str
) -> np.ndarray:
    """(N, K) log weight_k + log N(x_i | mean_k, covariance_k), nats."""
    n_features = X.shape[1]
    columns = []
    for weight, mean, covariance in zip(weights, means, _dense(covariances, means, covariance_type), strict=True):
        root = np.linalg.cholesky(covariance)
        whitened = np.linalg.solve(root, (X - mean).T)
        log_determinant = 2.0 * np.sum(np.log(np.diag(root)))
        square = np.sum(whitened**2, axis=0)
        columns.append(np.log(weight) - 0.5 * (n_features * np.log(2.0 * np.pi) + log_determinant + square))
    return np.stack(columns, axis=1)


def _dense(covariances: np.ndarray, means: np.ndarray, covariance_type: str) -> np.ndarray:
    """(K, D, D) covariance matrices of any of the four structures."""
    n_components, n_features = means.shape
    identity = np.eye(n_features)
    if covariance_type == "full":
        return covariances
    if covariance_type == "tied":
        return np.broadcast_to(covariances, (n_components, n_features, n_features))
    if covariance_type == "diag":
        return covariances[:, :, None] * identity
    return covariances[:, None, None] * identity


def _maximize(
    X: np.ndarray, mass: np.ndarray, covariance_type: str, reg_covar: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mixing weights, means and covariances that maximise the expected log-likelihood; ``mass`` (N, K) is w r."""
    n = mass.sum(axis=0)
    means = (mass.T @ X) / n[:, None]
    scatters = np.stack([(mass[:, k, None] * (X - mean)).T @ (X - mean) for k, mean in enumerate(means)])
    identity = np.eye(X.shape[1])
    variances = np.einsum("kjj->kj", scatters) / n[:, None]
    covariances = {
        "full": lambda: scatters / n[:, None, None] + reg_covar * identity,
        "tied": lambda: scatters.sum(axis=0) / n.sum() + reg_covar * identity,
        "diag": lambda: variances + reg_covar,
        "spherical": lambda: variances.mean(axis=1) + reg_covar,
    }[covariance_type]()
    return n / n.sum(), means, covariances
