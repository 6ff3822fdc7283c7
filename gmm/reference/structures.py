"""Factors and the maximise step of each structure in NumPy: the twin of `gmm_factorize` and `gmm_maximize`.

Formulas stand in csrc/gmm.h. Invariant: nothing is computed in place or one component at a time unless it has to be.
"""

from __future__ import annotations

import numpy as np

from gmm.parameters import Factors, Kernel, Parameters
from gmm.reference.floor import lift
from gmm.reference.triangles import diagonal, symmetric, whitener
from gmm.statistics import Statistics

__all__ = ["factorize", "maximize"]


def factorize(kernel: Kernel, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
    """Whiteners in the kernel's shape and log constants; `ridge` (D,) are variances."""
    K, D = parameters.means.shape
    covariances = parameters.covariances
    W = whitener(covariances) if kernel in (Kernel.FULL, Kernel.TIED) else 1 / np.sqrt(covariances)
    r = np.zeros(D) if ridge is None else ridge
    log_det, penalty = {
        Kernel.FULL: lambda: (np.log(diagonal(W)).sum(axis=-1), ((W * W) @ r).sum(axis=-1)),
        Kernel.TIED: lambda: (np.log(diagonal(W)).sum(), ((W * W) @ r).sum()),
        Kernel.DIAG: lambda: (np.log(W).sum(axis=1), (W * W) @ r),
        Kernel.SPHERICAL: lambda: (D * np.log(W), W * W * r.sum()),
    }[kernel]()
    with np.errstate(divide="ignore"):
        constants = np.log(parameters.weights) - D / 2 * np.log(2 * np.pi) + log_det - penalty / 2
    noise = parameters.noise
    log_noise = None if noise is None else noise.log_constant
    return Factors(kernel, np.broadcast_to(constants, K), parameters.means, W, log_noise)


def maximize(
    kernel: Kernel,
    statistics: Statistics,
    previous: Parameters,
    *,
    ridge: np.ndarray | None = None,
    floor: np.ndarray,
) -> tuple[Parameters, np.ndarray]:
    """Parameters that maximise the expected objective, and which components rest on the floor."""
    n, alive = statistics.n, statistics.n > 0
    divisor = np.where(alive, n, 1.0)
    shift = statistics.first / divisor[:, None]
    means = np.where(alive[:, None], statistics.means + shift, previous.means)
    r = np.zeros(statistics.n_features) if ridge is None else ridge
    if kernel is Kernel.TIED:
        covariances, floored = _tied(statistics, shift, r, floor, previous.covariances)
    else:
        moments = statistics.second / divisor.reshape(-1, *[1] * (statistics.second.ndim - 1))
        step = {Kernel.FULL: _full, Kernel.DIAG: _diagonal, Kernel.SPHERICAL: _spherical}[kernel]
        covariances, floored = step(moments, shift, r, floor, statistics.epsilon, previous.covariances)
        covariances[~alive], floored[~alive] = previous.covariances[~alive], False
    total = n.sum() + statistics.noise
    noise = None if previous.noise is None else previous.noise.weighing(statistics.noise / total)
    return Parameters(n / total, means, covariances, noise), floored


def _full(
    moments: np.ndarray, shift: np.ndarray, ridge: np.ndarray, floor: np.ndarray, epsilon: float, previous: np.ndarray
) -> tuple:
    scatter = symmetric(moments - shift[:, :, None] * shift[:, None, :]) + np.diag(ridge)
    each = zip(scatter, diagonal(moments), previous, strict=True)
    pairs = [lift(s[None], floor, epsilon, q[None], p[None]) for s, q, p in each]
    return np.concatenate([covariance for covariance, _ in pairs]), np.concatenate([floored for _, floored in pairs])


def _diagonal(moments: np.ndarray, shift: np.ndarray, ridge: np.ndarray, floor: np.ndarray, *_: object) -> tuple:
    variances = moments - shift**2 + ridge
    return np.maximum(variances, floor), (variances < floor).any(axis=1)


def _spherical(moments: np.ndarray, shift: np.ndarray, ridge: np.ndarray, floor: np.ndarray, *_: object) -> tuple:
    variance = (moments - (shift**2).sum(axis=1)) / shift.shape[1] + ridge.mean()
    return np.maximum(variance, floor.mean()), variance < floor.mean()


def _tied(
    statistics: Statistics, shift: np.ndarray, ridge: np.ndarray, floor: np.ndarray, previous: np.ndarray
) -> tuple:
    n, second = statistics.n, statistics.second
    if second.ndim == 2:  # a difference of sums about the frame's centre
        squares = diagonal(second) + n @ statistics.means**2
    else:
        second = second.sum(axis=0)
        squares = diagonal(second)
    scatter = symmetric(second - (shift.T * n) @ shift) / n.sum() + np.diag(ridge)
    covariances, floored = lift(scatter[None], floor, statistics.epsilon, squares[None] / n.sum(), previous[None])
    return covariances[0], np.repeat(floored, len(n))
