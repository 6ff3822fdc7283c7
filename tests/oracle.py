"""The density of a fitted mixture in 50 digits, from nothing but its weights, means and covariances.

What a compiled kernel computes is compared with this wherever there is no closed form: rows far out, singular data,
components of weight zero.
"""

from __future__ import annotations

import mpmath
import numpy as np
from tolerances import EPS64, ORACLE_DENSITY

DIGITS = 50


def dense_covariances(model):
    """Covariances (K, D, D) of a fitted estimator."""
    K, D = model.means_.shape
    return {
        "full": lambda c: c,
        "tied": lambda c: np.broadcast_to(c, (K, D, D)),
        "diag": lambda c: np.array([np.diag(row) for row in c]),
        "spherical": lambda c: np.array([v * np.eye(D) for v in c]),
    }[model.covariance_type](model.covariances_)


def density(model, rows):
    """Log-density (N,) and posterior (N, K) of a few rows, and the error (N,) that float64 may make of them.

    The error is ORACLE_DENSITY times the condition of the covariance, the largest (inverse S)_jj S_jj, times 1 + q with
    q the squared Mahalanobis distance; and what q moves by, (sqrt(q) + d)^2 - q, when x - mean is off by eps of x and
    of the farthest mean, as it is in any common frame.
    """
    logs, scales = [], []
    with mpmath.workdps(DIGITS):
        dense = dense_covariances(model)
        for k in np.flatnonzero(model.weights_ > 0):
            S = mpmath.matrix(dense[k].tolist())
            D = S.rows
            P = S**-1
            constant = mpmath.log(model.weights_[k]) - (D * mpmath.log(2 * mpmath.pi) + mpmath.log(mpmath.det(S))) / 2
            kappa = max(P[j, j] * S[j, j] for j in range(D))
            x = [mpmath.matrix(row) - mpmath.matrix(model.means_[k].tolist()) for row in rows.tolist()]
            sizes = np.abs(rows) + np.abs(model.means_).max(axis=0)
            squares = [(d.T * P * d)[0] for d in x]
            logs.append([constant - q / 2 for q in squares])
            off = [EPS64 * float(mpmath.sqrt(sum(P[j, j] * r[j] ** 2 for j in range(D))) * D**0.5) for r in sizes]
            scales.append(
                [
                    ORACLE_DENSITY * float(kappa * (1 + q) + abs(constant)) + float((mpmath.sqrt(q) + d) ** 2 - q)
                    for q, d in zip(squares, off, strict=True)
                ]
            )
        top = [max(each) for each in zip(*logs, strict=True)]
        sums = [sum(mpmath.exp(v - t) for v in each) for t, each in zip(top, zip(*logs, strict=True), strict=True)]
        total = [t + mpmath.log(s) for t, s in zip(top, sums, strict=True)]
        shares = [[float(mpmath.exp(v - t)) for v, t in zip(log, total, strict=True)] for log in logs]
    posterior = np.zeros((len(rows), len(model.weights_)))
    posterior[:, model.weights_ > 0] = np.array(shares).T
    near = np.where(np.array(shares) > 1e-30, np.array(scales), 0.0).max(axis=0)
    return np.array([float(t) for t in total]), posterior, near
