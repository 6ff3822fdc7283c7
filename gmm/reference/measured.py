"""Rows with measurement errors by the formulas of the paper, row by row and component by component: the twin of
`gmm.measured`.

Row x = v + e is observed in the features o, e ~ N(0, E) with E known (Bovy, Hogg, Roweis 2011). With T = S_k,oo + E_oo

    l_k = log weight_k + log N(x_o; mean_k,o, T) - 1/2 sum_{j in o} ridge_j (inverse(S_k,oo))_jj
    b = S_k,:o inverse(T) (x_o - mean_k,o)          E[v | x_o, k] - mean_k
    B = S_k - S_k,:o inverse(T) S_k,o:              Cov[v | x_o, k]

and the moments of the row are b and b b' + B. A ridge R is noise on the true values v_o of the observed features; with
A = S_k,:o inverse(S_k,oo) it adds A R_oo A' to the second moment, of which `maximize` adds R itself. Log priors and
noise enter as without errors.

Invariant: inverses are solved for, nothing is factorised, whitened, shared or grouped.
"""

from __future__ import annotations

import numpy as np

from gmm.parameters import Kernel, Parameters
from gmm.reference.missing import dense
from gmm.reference.rows import Rows, Scores
from gmm.reference.softmax import log_sum_exp
from gmm.statistics import Statistics

__all__ = ["accumulate", "score"]


def accumulate(
    rows: Rows, errors: np.ndarray, kernel: Kernel, parameters: Parameters, ridge: np.ndarray | None = None
) -> Statistics:
    """Statistics of rows whose errors have variances (N, D) or covariances (N, D, D), user units; NaN is missing."""
    K, D = parameters.means.shape
    ridge = np.zeros(D) if ridge is None else ridge
    S, points, E = dense(kernel, parameters), _points(rows), _framed(rows, errors)
    logs = _logs(rows, points, E, parameters, S, ridge)
    log_density = log_sum_exp(logs)
    n, first, second = np.zeros(K), np.zeros((K, D)), np.zeros((K, D, D))
    posterior = np.exp(logs - log_density[:, None]) * rows.weight[:, None]
    for i, shares in enumerate(posterior[:, :K]):
        o = np.flatnonzero(~np.isnan(points[i]))
        for k, share in enumerate(shares):
            S_o, S_oo = S[k][:, o], S[k][np.ix_(o, o)]
            T = S_oo + E[i][np.ix_(o, o)]
            b = S_o @ np.linalg.solve(T, points[i, o] - parameters.means[k, o])
            B = S[k] - S_o @ np.linalg.solve(T, S_o.T)
            A = np.linalg.solve(S_oo, S_o.T).T
            n[k] += share
            first[k] += share * b
            second[k] += share * (np.outer(b, b) + B + (A * ridge[o]) @ A.T - np.diag(ridge))
    shaped = {
        Kernel.FULL: second,
        Kernel.TIED: second.sum(axis=0),
        Kernel.DIAG: np.diagonal(second, axis1=1, axis2=2),
        Kernel.SPHERICAL: np.trace(second, axis1=1, axis2=2),
    }[kernel]
    weight, counted = rows.weight, rows.weight > 0
    log_likelihood = float(weight[counted] @ log_density[counted])
    sums = (n, first, shaped, parameters.means, log_likelihood, float(weight.sum()), len(points))
    return Statistics(*sums, noise=float(posterior[:, K:].sum()))


def score(rows: Rows, errors: np.ndarray, kernel: Kernel, parameters: Parameters) -> Scores:
    """Log-densities (N,), posteriors (N, K) or (N, K + 1) and labels (N,) of rows with errors."""
    ridge = np.zeros(parameters.n_features)
    logs = _logs(rows, _points(rows), _framed(rows, errors), parameters, dense(kernel, parameters), ridge)
    log_density, best = log_sum_exp(logs), logs.argmax(axis=1)
    label = np.where(best == parameters.n_components, -1, best)
    return Scores(log_density, np.exp(logs - log_density[:, None]), label)


def _points(rows: Rows) -> np.ndarray:
    return np.asarray(rows.X, dtype=np.float64) * rows.frame.scale - rows.frame.centre


def _framed(rows: Rows, errors: np.ndarray) -> np.ndarray:
    """Covariances (N, D, D) of the errors in the frame."""
    errors, D = np.asarray(errors, dtype=np.float64), len(rows.frame.scale)
    if errors.ndim == 2:
        errors = errors[:, :, None] * np.eye(D)
    return errors * np.outer(rows.frame.scale, rows.frame.scale)


def _logs(
    rows: Rows, points: np.ndarray, E: np.ndarray, parameters: Parameters, S: np.ndarray, ridge: np.ndarray
) -> np.ndarray:
    """(N, K) log mixing weight plus log-density of what is observed, less the penalty of the ridge (D,).

    Noise, if there is any, is one more column.
    """
    with np.errstate(divide="ignore"):
        logs = np.tile(np.log(parameters.weights), (len(points), 1))
    for i, x in enumerate(points):
        o = np.flatnonzero(~np.isnan(x))
        for k, mean in enumerate(parameters.means):
            S_oo = S[k][np.ix_(o, o)]
            T, c = S_oo + E[i][np.ix_(o, o)], x[o] - mean[o]
            log_det = np.linalg.slogdet(2 * np.pi * T)[1]
            penalty = ridge[o] @ np.diagonal(np.linalg.inv(S_oo))
            logs[i, k] -= (c @ np.linalg.solve(T, c) + log_det + penalty) / 2
    if rows.log_prior is not None:
        logs += rows.log_prior
    if parameters.noise is None:
        return logs
    return np.column_stack([logs, parameters.noise.log_constants(~np.isnan(points))])
