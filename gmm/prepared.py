"""Starts of many rows, rehearsed in one call of the core, a start on one thread.

    rows and seeds --gmm_start--> what `gmm.rehearsal.likeliest` finds from the candidates of `gmm.initialization`

The core draws the same rows and makes the same climbs as the Python it stands in for; where something is out of the
ordinary (a covariance without factors, tied factors that want copies) it says so and Python has its turn.

Invariant: whether starts are made here depends on shapes alone; the bits of one do not depend on the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gmm import _native
from gmm.covariances import Covariance, is_native
from gmm.parameters import Parameters
from gmm.rehearsal import Plan, n_counted, plan
from gmm.rows import Rows
from gmm.small import SMALL, most_work
from gmm.subsample import last_hash

__all__ = ["prepare"]

MOST_PASSES = 4000  # of SMALL each, 0.1 s: no Ctrl-C is answered on the way
CHOOSING = 64  # multiply-adds, 1.5 ns, as long as a row takes to be chosen or not; Python takes a hundred times longer
SPARE = 8.0  # standard deviations of the number of rows in a sketch, for which there is room


def prepare(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    seeds: Sequence[int],
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> dict[int, Parameters]:
    """Parameters that a "kmeans" start of each seed begins with; none for seeds that Python has to see to.

    So it has where the first sketch is all rows: passes over them may take all threads.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    n_components : int
    seeds : sequence of int
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    if n_components == 1 or not is_native(structure):
        return {}
    rehearsed = plan(structure, n_components, rows.n_features, n_counted(rows))
    work = _work(rehearsed, n_components, rows)
    if work > MOST_PASSES * SMALL or rehearsed.rounds[0].n_rows == n_counted(rows):
        return {}
    each = rows.n_threads * max(MOST_PASSES * SMALL // (work + CHOOSING * rows.n_rows), 1)
    found: dict[int, Parameters] = {}
    for at in range(0, len(seeds), each):
        some = seeds[at : at + each]
        found |= _rehearsed(rows, structure, n_components, rehearsed, some, floor=floor, ridge=ridge)
    return found


def _rehearsed(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    rehearsed: Plan,
    seeds: Sequence[int],
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> dict[int, Parameters]:
    S, K, D, N = len(seeds), n_components, rows.n_features, n_counted(rows)
    sizes = [n_rows for _, n_rows in rehearsed.rounds]
    n_iter = np.array([n_iter for n_iter, _ in rehearsed.rounds])
    words = np.array([seed % (1 << 64) for seed in seeds], np.uint64).view(np.int64)
    last = np.array([last_hash(size, N) for size in sizes], np.uint64).view(np.int64)
    shape = structure.shape(K, D)
    weights, means, covariances = np.empty((S, K)), np.empty((S, K, D)), np.empty((S, int(np.prod(shape))))
    unusual = np.zeros(S, bool)
    most = min(int(sizes[-1] + SPARE * (math.sqrt(sizes[-1]) + SPARE)), N)
    _native.start(
        *(rows.X, rows.sample_weight, rows.frame.scale, rows.frame.centre, floor, ridge, words, structure.kernel),
        *(int(rows.precision == "float64"), rehearsed.n_candidates, n_iter, last, most),
        *(weights, means, covariances, unusual, rows.n_threads),
    )
    return {
        seed: Parameters(weights[s], means[s], covariances[s].reshape(shape))
        for s, seed in enumerate(seeds)
        if not unusual[s]
    }


def _work(rehearsed: Plan, n_components: int, rows: Rows) -> int:
    """Multiply-adds that a start may take once its sketches are chosen."""
    work, left = 0, rehearsed.n_candidates
    for n_iter, n_rows in rehearsed.rounds:
        work += left * (n_iter + 1) * most_work(n_rows, n_components, rows.n_features)
        left -= left // 2
    return work
