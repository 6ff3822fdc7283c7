"""Log-sum-exp and responsibilities over components, row by row, without overflow.

    log sum_k exp l_k = m + log sum_k exp(l_k - m),     r_k = exp(l_k - m) / sum_k exp(l_k - m),     m = max_k l_k

Invariant: responsibilities are finite and sum to one, also for a row so far out that every l_k is -inf; such a row
belongs to the component whose Mahalanobis distance is smallest.
"""

import numpy as np


def log_sum_exp(logs: np.ndarray) -> np.ndarray:
    """(N,) log of the sum over components of exp of ``logs`` (N, K), in nats; -inf where all are."""
    largest = logs.max(axis=1)
    reference = np.where(np.isneginf(largest), 0.0, largest)
    with np.errstate(divide="ignore"):
        return reference + np.log(np.exp(logs - reference[:, None]).sum(axis=1))


def responsibilities_of(logs: np.ndarray, distances: np.ndarray, log_constants: np.ndarray) -> np.ndarray:
    """(N, K) posterior probabilities from log-densities; by distance where every density has vanished."""
    largest = logs.max(axis=1, keepdims=True)
    lost = np.isneginf(largest[:, 0])
    shares = np.exp(logs - np.where(np.isneginf(largest), 0.0, largest))
    live = np.where(np.isneginf(log_constants), np.inf, distances)  # (N, K)
    shares[lost] = live[lost].argmin(axis=1)[:, None] == np.arange(logs.shape[1])
    return shares / shares.sum(axis=1, keepdims=True)


def with_noise(log_density: np.ndarray, log_noise: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-densities (N,) with noise of the same density for every row; shares of the rest and of noise, (N,) each."""
    if log_noise is None or np.isneginf(log_noise):
        return log_density, np.ones(len(log_density)), np.zeros(len(log_density))
    total = np.logaddexp(log_density, log_noise)
    return total, np.exp(log_density - total), np.exp(log_noise - total)
