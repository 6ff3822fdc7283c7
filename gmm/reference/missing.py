"""Rows with missing values by the formulas of the textbook, a row and a component at a time: the twin of `gmm.missing`.

With o the observed features of a row and m the missing ones (Ghahramani and Jordan 1994; Little and Rubin 2019, 11.2)

    l_k = log weight_k + log N(x_o; mean_k,o, S_k,oo) - 1/2 sum_{j in o} ridge_j (inverse(S_k,oo))_jj + log prior_k
    E[x_m | x_o, k] = mean_k,m + S_k,mo inverse(S_k,oo) (x_o - mean_k,o)
    Cov[x_m | x_o, k] = S_k,mm - S_k,mo inverse(S_k,oo) S_k,om

and the moments of the row are those of the completed row, plus this covariance. A ridge is noise on what is observed:
its variance runs through the same formula, and what `maximize` adds to every feature comes off.

The noise component has l = log weight - sum_{j in o} log length_j; a row with a label has its component and no other,
noise neither.

Invariant: no grouping, no shared factors, nothing in place.
"""

from __future__ import annotations

import numpy as np

from gmm.parameters import Kernel, Parameters
from gmm.reference.rows import Rows, Scores
from gmm.reference.softmax import log_sum_exp
from gmm.statistics import Statistics

__all__ = ["accumulate", "dense", "score"]


def dense(kernel: Kernel, parameters: Parameters) -> np.ndarray:
    """Covariances as matrices (K, D, D)."""
    K, D = parameters.means.shape
    S = parameters.covariances
    return {
        Kernel.FULL: lambda: S,
        Kernel.TIED: lambda: np.repeat(S[None], K, axis=0),
        Kernel.DIAG: lambda: S[:, :, None] * np.eye(D),
        Kernel.SPHERICAL: lambda: S[:, None, None] * np.eye(D),
    }[kernel]()


def accumulate(
    rows: Rows,
    kernel: Kernel,
    parameters: Parameters,
    ridge: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> Statistics:
    """Statistics of rows whose NaN are missing values; labels (N,), -1 for rows without."""
    K, D = parameters.means.shape
    R = np.diag(np.zeros(D) if ridge is None else ridge)
    S, points = dense(kernel, parameters), _points(rows)
    logs = _logs(rows, points, parameters, S, R)
    if labels is not None:
        for i in np.flatnonzero(labels >= 0):
            logs[i, np.arange(logs.shape[1]) != labels[i]] = -np.inf
    log_density = log_sum_exp(logs)
    posterior = np.exp(logs - log_density[:, None])
    n, first, second, noise = np.zeros(K), np.zeros((K, D)), np.zeros((K, D, D)), 0.0
    for x, w, shares in zip(points, rows.weight, posterior, strict=True):
        o, m = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
        for k, share in enumerate(shares[:K]):
            A, C = np.zeros((D, len(o))), np.zeros((D, D))
            A[o] = np.eye(len(o))
            A[m] = np.linalg.solve(S[k][np.ix_(o, o)], S[k][np.ix_(o, m)]).T
            C[np.ix_(m, m)] = S[k][np.ix_(m, m)] - A[m] @ S[k][np.ix_(o, m)]
            c = A @ (x[o] - parameters.means[k, o])
            n[k] += w * share
            first[k] += w * share * c
            second[k] += w * share * (np.outer(c, c) + C + A @ R[np.ix_(o, o)] @ A.T - R)
        noise += w * shares[K:].sum()
    shaped = {
        Kernel.FULL: second,
        Kernel.TIED: second.sum(axis=0),
        Kernel.DIAG: np.diagonal(second, axis1=1, axis2=2),
        Kernel.SPHERICAL: np.trace(second, axis1=1, axis2=2),
    }[kernel]
    total, weight = float(rows.weight @ log_density), float(rows.weight.sum())
    return Statistics(n, first, shaped, parameters.means, total, weight, len(points), noise=float(noise))


def score(rows: Rows, kernel: Kernel, parameters: Parameters) -> Scores:
    """Log-densities (N,), posteriors (N, K) or (N, K + 1) and labels (N,) of rows whose NaN are missing values."""
    K, D = parameters.means.shape
    logs = _logs(rows, _points(rows), parameters, dense(kernel, parameters), np.zeros((D, D)))
    log_density, best = log_sum_exp(logs), logs.argmax(axis=1)
    return Scores(log_density, np.exp(logs - log_density[:, None]), np.where(best == K, -1, best))


def _points(rows: Rows) -> np.ndarray:
    return np.asarray(rows.X, dtype=np.float64) * rows.frame.scale - rows.frame.centre


def _logs(rows: Rows, points: np.ndarray, parameters: Parameters, S: np.ndarray, R: np.ndarray) -> np.ndarray:
    """(N, K) log mixing weight plus log-density of what is observed, less the penalty of the ridge R (D, D).

    Noise, if there is any, is one more column.
    """
    logs = np.empty((len(points), parameters.n_components))
    with np.errstate(divide="ignore"):
        log_weights = np.log(parameters.mixing)
    for i, x in enumerate(points):
        o = np.flatnonzero(~np.isnan(x))
        for k, mean in enumerate(parameters.means):
            covariance = S[k][np.ix_(o, o)]
            c = x[o] - mean[o]
            square = c @ np.linalg.solve(covariance, c)
            log_det = np.linalg.slogdet(2 * np.pi * covariance)[1]
            penalty = np.trace(np.linalg.solve(covariance, R[np.ix_(o, o)]))
            logs[i, k] = log_weights[k] - (square + log_det + penalty) / 2
    if rows.log_prior is not None:
        logs += rows.log_prior
    if parameters.noise is None:
        return logs
    lengths = np.where(np.isnan(points), 0.0, parameters.noise.log_lengths)
    return np.column_stack([logs, log_weights[-1] - lengths.sum(axis=1)])
