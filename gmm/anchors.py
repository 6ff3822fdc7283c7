"""A start that knows the component of some rows: labelled rows stay, the others are found a place around them.

    known rows --> centroids --> seeds for components without any (k-means++) --> Lloyd's steps in which known rows keep
    their component (Basu, Banerjee, Mooney 2002) --> partition --> parameters

and, where every component has known rows, the parameters of these alone: clusters of one centre and different widths
are told apart by nothing else. All starts climb a few iterations with the fit's own E-step on the same rows; the
likeliest is the start.

Where priors are given, a row is known as far as they are sure (`SURE`). Of rows with missing values the partitions are
those of completions (`gmm.completion`).
Invariant: a component that has known rows of positive weight among those seen is alive.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm.completion import completed
from gmm.covariances.base import Covariance
from gmm.draws import Uniform, uniform
from gmm.em import climb
from gmm.informed import Informed
from gmm.kmeans import seed_centres, standardised
from gmm.noise import Noise
from gmm.parameters import Kernel, Parameters
from gmm.partition import from_partition
from gmm.rehearsal import merit
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["known_labels", "start"]

SEEN = 1 << 13  # rows of either kind, labelled and not
SURE = 0.9  # share of a row's priors from which its component counts as known
PARTITIONS = 3  # from different seeds
STEPS = 20
CLIMB, TOL = 20, 1e-4


def start(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    seed: int,
    checked: np.ndarray,
    *,
    noise: Noise | None = None,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
) -> Parameters:
    """Parameters to climb from.

    Parameters
    ----------
    rows, structure, n_components, seed, floor, ridge
        As for `gmm.initialization.start`.
    checked : ndarray
        Labels or plausibilities as `gmm.labels.check_labels` returns them.
    noise : Noise, optional
        The box, and the weight that noise begins with.
    """
    labels = known_labels(checked)
    seen = _seen(rows, labels, seed)
    if seen is not None:
        rows, checked, labels = rows.subset(seen), checked[seen], labels[seen]
    rows = replace(rows, n_threads=1)  # too few to share out
    draws = uniform(rows, n_components, seed)
    limits = {"floor": floor, "ridge": ridge}
    whole = completed(rows, seed)
    partitions = [_around(whole, n_components, labels, draws) for _ in range(PARTITIONS)]
    counted = labels if rows.sample_weight is None else labels[rows.sample_weight > 0]
    if np.unique(counted[counted >= 0]).size == n_components:
        partitions.append(labels)
    informed = Informed.of(rows, structure, n_components, checked)
    climbs = []
    for partition in partitions:
        begun = from_partition(whole, structure, n_components, _allowed(partition, checked), **limits)
        begun = begun if noise is None else begun.with_noise(noise)
        climbs.append(climb(informed.accumulate, structure, begun, **limits, tol=TOL, max_iter=CLIMB))
    return max(climbs, key=lambda climbed: merit(climbed, structure)).parameters


def known_labels(checked: np.ndarray) -> np.ndarray:
    """Labels (N,), -1 where the component is not known."""
    if checked.ndim == 1:
        return checked
    sure = checked.max(axis=1) >= SURE * checked.sum(axis=1)
    return np.where(sure, checked.argmax(axis=1), -1)


def _seen(rows: Rows, labels: np.ndarray, seed: int) -> np.ndarray | None:
    """Numbers of the rows a start looks at: some of either kind; None for all."""
    if rows.n_rows <= 2 * SEEN:
        return None
    weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
    parts = [chosen_rows(rows.n_rows, seed, SEEN, weight * kind) for kind in (labels >= 0, labels < 0)]
    return np.sort(np.concatenate(parts))


def _around(rows: Rows, n_components: int, labels: np.ndarray, draws: Uniform) -> np.ndarray:
    """Labels (N,) of all rows: Lloyd's steps from the centroids of known rows, which keep theirs."""
    points = standardised(rows)
    centres = seed_centres(points, n_components, draws)
    known = points.moments(Kernel.SPHERICAL, np.zeros_like(centres), labels=labels)
    has = known.n > 0
    own = known.first / np.where(has, known.n, 1.0)[:, None]
    centres = _spread(np.where(has[:, None], own, centres), has, centres)
    partition = labels
    for _ in range(STEPS):
        before, partition = partition, np.where(labels >= 0, labels, points.assign(centres, label=True).label)
        if np.array_equal(before, partition):
            break
        sums = points.moments(Kernel.SPHERICAL, centres, labels=partition)
        centres = centres + sums.first / np.where(sums.n > 0, sums.n, 1.0)[:, None]
    return partition


def _spread(centres: np.ndarray, has: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Components without known rows get, in turn, the seed farthest from every centre so far."""
    placed = [centres[k] for k in np.flatnonzero(has)]
    for k in np.flatnonzero(~has):
        apart = [min((((seed - other) ** 2).sum() for other in placed), default=np.inf) for seed in seeds]
        centres[k] = seeds[int(np.argmax(apart))]
        placed.append(centres[k])
    return centres


def _allowed(partition: np.ndarray, checked: np.ndarray) -> np.ndarray:
    """The partition with rows whose priors exclude their component moved to the most plausible one."""
    if checked.ndim == 1:
        return partition
    excluded = (partition >= 0) & (checked[np.arange(len(partition)), partition] == 0.0)
    return np.where(excluded, checked.argmax(axis=1), partition)
