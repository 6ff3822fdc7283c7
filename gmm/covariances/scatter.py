"""What a maximise step begins with, from sums in a structure's shape, and sums taken about means that stay.

With statistics about m_k and d_k = first_k / n_k,

    S_k = second_k / n_k - d_k d_k' + diag(ridge)            tied: sum_k n_k S_k / sum n, one matrix

and about another point h_k, with e_k = m_k - h_k,

    first about h = first + n e,      second about h = second + first e' + e first' + n e e'

A component whose mean is held at h_k has the scatter second / n about it: its first moment says nothing any more.

Invariant: nothing here is raised to a floor; that is for the bounds which follow (`gmm.covariances.restrained`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm.covariances.positive_definite import symmetric
from gmm.parameters import Kernel
from gmm.statistics import Statistics

__all__ = ["about", "about_held", "scatter"]


def about(statistics: Statistics, means: np.ndarray, kernel: Kernel) -> Statistics:
    """The statistics about other ``means`` (K, D); ``kernel`` is the structure's `moments_kernel`."""
    e = statistics.means - means
    n, first, second = statistics.n[:, None], statistics.first, statistics.second
    if e.any():
        if statistics.along is not None:
            second = second + _along(statistics, e)
        elif second.ndim == 3:
            second = second + _outer(first, e) + _outer(e, first) + n[:, :, None] * _outer(e, e)
        elif kernel is Kernel.FULL:  # pooled
            second = second + first.T @ e + e.T @ first + (n * e).T @ e
        elif kernel is Kernel.DIAG:
            second = second + 2.0 * first * e + n * e**2
        else:
            second = second + (2.0 * first * e + n * e**2).sum(axis=1)
    return replace(statistics, first=first + n * e, second=second, means=means)


def about_held(statistics: Statistics, held: np.ndarray, means: np.ndarray, kernel: Kernel) -> Statistics:
    """The statistics with those of the components ``held`` (K,) about their ``means`` (K, D), as if these were best.

    Their first moments become 0, so that a maximise step leaves the mean where it is.
    """
    moved = about(statistics, np.where(held[:, None], means, statistics.means), kernel)
    return replace(moved, first=np.where(held[:, None], 0.0, moved.first))


def scatter(statistics: Statistics, is_tied: bool, ridge: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Sums of weight (M,) and covariances of the best means, (M, D, D), (M, D) or (M,); M is K, or 1 if tied."""
    n, second = statistics.n, statistics.second
    D = statistics.n_features
    divisor = np.where(n > 0.0, n, 1.0)
    d = statistics.first / divisor[:, None]
    r = np.zeros(D) if ridge is None else ridge
    if is_tied:
        pooled = second.sum(axis=0) if second.ndim == 3 else second
        total = n.sum()
        return total[None], symmetric((pooled - (d.T * n) @ d) / total + np.diag(r))[None]
    moments = second / divisor.reshape(-1, *[1] * (second.ndim - 1))
    if second.ndim == 3:
        return n, symmetric(moments - _outer(d, d) + np.diag(r))
    if second.ndim == 2:
        return n, moments - d**2 + r
    return n, (moments - (d**2).sum(axis=1)) / D + r.mean()


def _along(statistics: Statistics, e: np.ndarray) -> np.ndarray:
    """What a move by e adds to second moments along directions: row 0 of squares, the others of direction . c."""
    n, first, along = statistics.n[:, None], statistics.first, statistics.along
    f, g = ((along * each[:, None, :]).sum(axis=2) for each in (first, e))
    moved = _outer(f, e) + _outer(g, first) + n[:, :, None] * _outer(g, e)
    return np.concatenate([(2.0 * first * e + n * e**2)[:, None], moved], axis=1)


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, :, None] * b[:, None, :]
