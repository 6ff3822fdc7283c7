"""From a partition of rows to parameters: one maximise step, made regular where a component has too few rows.

    partition (labels or responsibilities) --moments--> statistics --topped up--> --maximize--> parameters

A component with fewer rows than its covariance needs would start at, or next to, a singular matrix and grow into a
spike. It is topped up to that number with rows spread about its own mean as the pooled rows are about theirs; its
mixing weight and mean stay its own. A component without rows is dead: mixing weight exactly 0.

Invariant: where every component has rows enough, this is the plain maximise step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm.covariances.base import Covariance
from gmm.errors import DataError
from gmm.kmeans import column_moments
from gmm.parameters import Kernel, Parameters
from gmm.rows import Rows
from gmm.statistics import Statistics

__all__ = ["from_partition", "maximized", "rows_needed", "rows_of_its_own", "too_thin", "total"]

POOLED_SHARE_OF_TOTAL = 1e-3  # keeps the pooled covariance from 0 when every row is a component of its own


def from_partition(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    partition: np.ndarray,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    spare: int = 1,
) -> Parameters:
    """One maximise step from labels (N,), -1 for rows that belong nowhere, or responsibilities (N, K).

    ``spare`` times the rows that a covariance needs to be regular are what a component is topped up to; with the
    default 1 this is the plain maximise step wherever that is regular.
    """
    labelled = partition.ndim == 1
    given = {"labels": partition} if labelled else {"responsibilities": partition}
    kernel = structure.moments_kernel
    about = rows.moments(Kernel.SPHERICAL, np.zeros((n_components, rows.n_features)), **given)
    means = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
    statistics = rows.moments(kernel, means, **given)
    if not statistics.n.any():
        raise DataError("the start gives no row of positive weight to any component")
    counted = slice(None) if rows.sample_weight is None else rows.sample_weight > 0
    if labelled:
        kept = partition[counted]
        counts = np.bincount(kept[kept >= 0], minlength=n_components).astype(np.float64)
    else:
        counts = partition[counted].sum(axis=0)
    missing = np.maximum(spare * structure.rows_needed(rows.n_features) - counts, 0.0)
    if missing.any():
        missing *= statistics.n.sum() / counts.sum()  # rows to sample weight
        statistics = _topped_up(statistics, missing, _pooled(rows, statistics, kernel))
    return maximized(structure, statistics, about.n, floor=floor, ridge=ridge)


def maximized(
    structure: Covariance,
    statistics: Statistics,
    weights: np.ndarray,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    """The maximise step, every component alive, with mixing weights in proportion to ``weights`` (K,)."""
    shape = structure.shape(statistics.n_components, statistics.n_features)
    unused = Parameters(statistics.n, statistics.means, np.zeros(shape))
    parameters, _ = structure.maximize(statistics, unused, ridge=ridge, floor=floor)
    return Parameters(weights / weights.sum(), parameters.means, parameters.covariances)


def rows_needed(kernel: Kernel, n_features: int) -> int:
    """Rows in general position that make a covariance of this shape regular."""
    return n_features + 1 if kernel is Kernel.FULL else 2


def too_thin(n: np.ndarray, structure: Covariance, n_features: int) -> np.ndarray:
    """Components (K,) of weights n (K,) with no more rows than which a covariance of their own can follow.

    Their likelihood tells about those rows alone. No component is thin where all have one covariance.
    """
    needed = rows_of_its_own(structure, n_features)
    return (n <= needed) & (needed > 1)


def rows_of_its_own(structure: Covariance, n_features: int) -> int:
    """Rows that keep a component from a spike; 1 where all components have one covariance.

    A volume that varies follows few rows even where the shape is everybody's; axes of one's own turn into their span.
    """
    shares_all = structure.core.kernel is Kernel.TIED or structure.n_parameters(2, 2) == structure.n_parameters(1, 2)
    return 1 if shares_all else rows_needed(structure.core.kernel, n_features)


def _topped_up(statistics: Statistics, missing: np.ndarray, pooled: np.ndarray) -> Statistics:
    """Statistics with ``missing`` (K,) more sample weight in each component, spread about its mean like ``pooled``."""
    return replace(
        statistics,
        n=statistics.n + missing,
        second=statistics.second + np.multiply.outer(missing, pooled),
    )


def _pooled(rows: Rows, statistics: Statistics, kernel: Kernel) -> np.ndarray:
    """Second moments per sample weight within components, and a little of those about the grand mean."""
    everything = total(rows, kernel)
    within = statistics.second.sum(axis=0) / statistics.n.sum()
    return within + POOLED_SHARE_OF_TOTAL * (everything.second[0] / everything.n[0] - within)


def total(rows: Rows, kernel: Kernel) -> Statistics:
    """Statistics of all rows as one component about their mean."""
    return rows.moments(kernel, column_moments(rows)[0][None])
