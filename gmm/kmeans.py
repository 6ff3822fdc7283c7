"""k-means to start from: greedy k-means++ seeding (Arthur and Vassilvitskii 2007) and Lloyd's iterations.

    minimise over centres c    sum_i w_i min_k |z_i - c_k|^2,        z = (x - mean) / spread, column by column

Rows are read in place through a `View`, so the units of a column cannot matter: here the scale is exactly 1 / spread,
not a power of two. Constant columns get scale 0 and do not count. Distances come from `Rows.assign` and
`Rows.seed`; nothing of size N x K is stored.

Invariant: a centre has no rows only when there are fewer distinct rows than centres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from gmm.draws import Uniform
from gmm.parameters import Kernel
from gmm.rows import Rows
from gmm.workers import give_up_if_stopped

__all__ = [
    "Clusters",
    "Spread",
    "View",
    "column_moments",
    "lloyd",
    "seed_centres",
    "standardised",
    "standardised_points",
]

MAX_ITER = 100
SHIFT_TOLERANCE = 1e-4  # squared shift of all centres together, in variances of a column: scikit-learn's default
SAME_POINT = 64.0  # squared distance, in (unit roundoff)^2, below which a row lies on its centre


Spread = Literal["sd", "range", "common"]


@dataclass(frozen=True)
class View:
    """Coordinates z = x * scale - centre in which every column has mean 0; stands in for a `Frame`."""

    scale: np.ndarray
    centre: np.ndarray


def column_moments(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variance of every column, (D,) each, in the coordinates of ``rows``."""
    everyone = np.zeros(rows.n_rows, np.int64)
    mean = np.zeros((1, rows.n_features))
    for _ in range(2):
        about = rows.moments(Kernel.DIAG, mean, labels=everyone)
        shift = about.first / about.n[0]
        mean = mean + shift
    return mean[0], about.second[0] / about.n[0] - shift[0] ** 2


def standardised(rows: Rows, spread: Spread = "sd") -> Rows:
    """The same rows with mean 0 in every column, in units of a spread; columns within rounding of constant are 0.

    Parameters
    ----------
    rows : Rows
    spread : {"sd", "range", "common"}
        Standard deviation of the column; its range; or one for all columns, the root of their mean variance.
        Columns that hardly ever change weigh as much as any other under "sd" and little under "range".
    """
    mean, variance = column_moments(rows)
    changing = variance > rows.frame.floor
    unit = {
        "sd": lambda: np.sqrt(np.maximum(variance, 0.0)),
        "range": lambda: _ranges(rows),
        "common": lambda: np.full(rows.n_features, np.sqrt(variance[changing].mean() if changing.any() else 1.0)),
    }[spread]()
    unit = np.where(changing, unit, np.inf)
    view: Any = View(rows.frame.scale / unit, (rows.frame.centre + mean) / unit)
    return replace(rows, frame=view)


def standardised_points(rows: Rows) -> np.ndarray:
    """Rows (N, D) in standard deviations of their columns, columns left out that do not vary, as long as one does."""
    view = standardised(rows)
    points = view.X.astype(np.float64) * view.frame.scale - view.frame.centre
    changing = points.any(axis=0)
    return points[:, changing] if changing.any() else points[:, :1]


def _ranges(rows: Rows) -> np.ndarray:
    """Largest less smallest value of every column among rows of positive weight, (D,), in the coordinates of rows."""
    counted = rows.X if rows.sample_weight is None else rows.X[rows.sample_weight > 0]
    high, low = counted.max(axis=0).astype(np.float64), counted.min(axis=0).astype(np.float64)
    return high * rows.frame.scale - low * rows.frame.scale


def seed_centres(rows: Rows, n_clusters: int, rng: Uniform) -> np.ndarray:
    """Greedy k-means++ seeds: each of several rows, drawn by squared distance to the seeds so far, is tried.

    Parameters
    ----------
    rows : Rows
        As `standardised` gives them.
    n_clusters : int
    rng : Draws or Generator

    Returns
    -------
    ndarray of shape (n_clusters, D)
        Rows in the coordinates of ``rows``. Once every distinct row is a seed, seeds repeat.
    """
    trials = 2 + int(math.log(n_clusters))
    centres = np.empty((n_clusters, rows.n_features))
    weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
    mass, closest = weight, None
    for k in range(n_clusters):
        if k > 0 and not mass.any():
            centres[k:] = centres[0]
            break
        drawn = _drawn(mass, rng.random(trials if k else 1))
        points = np.stack([_point(rows, row) for row in drawn])
        distance, potential = rows.seed(points, closest)
        best = int(np.argmin(potential))
        centres[k], closest = points[best], np.ascontiguousarray(distance[:, best])
        mass = closest if rows.sample_weight is None else weight * closest
    return centres


class Clusters(NamedTuple):
    """Centres (K, D), the nearest of them for each row (N,) int64, and the sum of weight times squared distance."""

    centres: np.ndarray
    labels: np.ndarray
    inertia: float


def lloyd(rows: Rows, centres: np.ndarray, *, max_iter: int = MAX_ITER) -> Clusters:
    """Lloyd's iterations until no label changes or the centres rest.

    A centre that lost its rows moves to the row farthest from every centre.

    Parameters
    ----------
    rows : Rows
        As `standardised` gives them.
    centres : ndarray of shape (K, D)
    max_iter : int

    Returns
    -------
    Clusters
        A row goes to the lowest of equally near centres.
    """
    labels = None
    for _ in range(max_iter):
        give_up_if_stopped()
        nearest = rows.assign(centres, label=True, sums=True)
        full = nearest.n > 0
        moved = centres + nearest.sum / np.where(full, nearest.n, 1.0)[:, None]
        for k in np.flatnonzero(~full):
            moved[k] = _farthest(rows, moved)
        if full.all() and labels is not None and np.array_equal(labels, nearest.label):
            return Clusters(centres, labels, nearest.inertia)
        shift = float(((moved - centres) ** 2).sum())
        labels, centres = nearest.label, moved
        if shift <= SHIFT_TOLERANCE:
            break
    nearest = rows.assign(centres, label=True)
    return Clusters(centres, nearest.label, nearest.inertia)


def _farthest(rows: Rows, centres: np.ndarray) -> np.ndarray:
    """The row of positive weight farthest from its centre, the first on ties; a centre when every row lies on one."""
    distance = _distances(rows, centres)
    if rows.sample_weight is not None:
        distance[rows.sample_weight <= 0] = 0.0
    row = int(np.argmax(distance))
    return _point(rows, row) if distance[row] > _on_centre(rows) else centres[0]


def _on_centre(rows: Rows) -> float:
    return SAME_POINT * rows.n_features * float(np.finfo(rows.precision).eps) ** 2


def _distances(rows: Rows, centres: np.ndarray) -> np.ndarray:
    return rows.assign(centres, distance=True).distance


def _point(rows: Rows, row: int) -> np.ndarray:
    """One row (D,) in the coordinates of ``rows``."""
    return rows.X[row].astype(np.float64) * rows.frame.scale - rows.frame.centre


def _drawn(mass: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Rows drawn with probability in proportion to ``mass`` (N,), one for each uniform number in [0, 1)."""
    cumulative = np.cumsum(mass)
    rows = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    if (rows == len(mass)).any():  # by rounding: the last with mass
        rows = np.minimum(rows, np.flatnonzero(mass)[-1])
    return rows
