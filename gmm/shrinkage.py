"""How strongly to shrink covariances towards t I, and at which t, from rows seen through a k-means partition.

An intensity a in (0, 1) is the share of the target in a component of average size, n = N / M rows for each of M
matrices; the strength of `gmm.covariances.restrained` is a / (1 - a), so that nu = strength n = a n / (1 - a) and
nu / (n + nu) = a. t is the mean variance of a feature within clusters.

"auto" takes the intensity of least squared error (Ledoit and Wolf 2004), a = b / (b + d), with S the scatter of n rows,
V what it estimates, |.| the Frobenius norm:

    b = mean E|S - V|^2                 d = mean |V - t I|^2

of Gaussian rows b = (trace(V)^2 + trace(V^2)) / n for matrices, 2 sum_j V_jj^2 / n for variances, 2 v^2 / (n D) for one
variance per component; both are estimated without bias from the clusters' own S. d holds what clusters differ in size:
where they do, less is shrunk towards a size that all share.

Invariant: what is found depends on the rows, not on any start, so all starts climb the same objective.
"""

from __future__ import annotations

import numpy as np

from gmm.completion import completions
from gmm.covariances.restrained import Shrinkage
from gmm.distinct import distinct
from gmm.draws import uniform
from gmm.kmeans import lloyd, seed_centres, standardised
from gmm.missing import IncompleteRows
from gmm.parameters import Kernel
from gmm.partition import total
from gmm.rows import Rows
from gmm.statistics import Statistics
from gmm.subsample import chosen_rows, largest

__all__ = ["AUTO", "shrinkage_of"]

AUTO = "auto"
SEED = 0x5EED  # any number: what fits of the same rows share does not depend on theirs
MOST = 0.99  # intensity: rows that look spherical could ask for 1, which no rows would move
LEAST_TARGET = 1e-3  # of the variance of all rows: where every row is a cluster of its own


def shrinkage_of(rows: Rows, kernel: Kernel, n_components: int, intensity: float | str) -> Shrinkage:
    """Strength and target for these rows.

    Parameters
    ----------
    rows : Rows
        In a frame of one common scale.
    kernel : Kernel
        Of the structure.
    n_components : int
    intensity : float in (0, 1) or "auto"
    """
    statistics, everything = _within(rows, kernel, n_components)
    t = _target(rows, statistics, everything)
    if intensity == AUTO:
        M = 1 if kernel is Kernel.TIED else n_components
        intensity = min(_intensity(statistics, kernel, t, rows.total_weight / M), MOST)
    return Shrinkage(intensity / (1.0 - intensity), t)


def _within(rows: Rows, kernel: Kernel, n_components: int) -> tuple[Statistics, Statistics]:
    """Statistics of the clusters about their centroids, and of all rows as one; weights are rows."""
    rows = rows.plain
    most = largest(n_components, rows.n_features)
    if isinstance(rows, IncompleteRows):
        seen = completions(distinct(rows) if rows.n_rows <= most else rows, n_components)(SEED)
    else:
        chosen = chosen_rows(rows.n_rows, SEED, most, rows.sample_weight)
        seen = rows if chosen is None else rows.subset(chosen)
    points = standardised(seen, "common")
    labels = lloyd(points, seed_centres(points, n_components, uniform(seen, n_components, SEED))).labels
    about = seen.moments(Kernel.SPHERICAL, np.zeros((n_components, rows.n_features)), labels=labels)
    centroids = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
    shape = Kernel.FULL if kernel is Kernel.TIED else kernel
    return seen.moments(shape, centroids, labels=labels), total(seen, Kernel.SPHERICAL)


def _target(rows: Rows, statistics: Statistics, everything: Statistics) -> float:
    """Mean variance of a feature within clusters, on the degrees of freedom that centroids leave."""
    n, D = statistics.n, rows.n_features
    second = statistics.second
    squares = np.trace(second, axis1=1, axis2=2).sum() if second.ndim == 3 else second.sum()
    freedom = max(n.sum() - np.count_nonzero(n), n.sum() / 2.0)
    overall = float(everything.second[0] / everything.n[0])
    t = max(float(squares / freedom), LEAST_TARGET * overall) / D
    return max(t, float(rows.frame.floor.mean()))


def _intensity(statistics: Statistics, kernel: Kernel, t: float, n_rows: float) -> float:
    """Of least squared error, for scatter matrices of ``n_rows`` rows."""
    n, second = statistics.n, statistics.second
    D = statistics.n_features
    if kernel is Kernel.TIED:
        n, second = n.sum()[None], second.sum(axis=0)[None]
    counted = n > 1.0
    if not counted.any():
        return MOST
    n = n[counted]
    S = second[counted] / n.reshape(-1, *[1] * (second.ndim - 1))
    if S.ndim == 3:
        square, trace = (S**2).sum(axis=(1, 2)), np.trace(S, axis1=1, axis2=2)
        error, away = (trace**2 + square) / (n + 1.0), square - 2.0 * t * trace + t**2 * D
    elif S.ndim == 2:
        error, away = 2.0 * (S**2).sum(axis=1) / (n + 2.0), ((S - t) ** 2).sum(axis=1)
    else:
        error, away = 2.0 * (S / D) ** 2 / (n * D + 2.0), (S / D - t) ** 2
    share = n / n.sum()
    b = float(share @ (n * error)) / n_rows
    d = max(float(share @ (away - error)), 0.0)
    return b / (b + d) if b > 0.0 else MOST
