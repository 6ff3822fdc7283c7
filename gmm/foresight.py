"""Variational climbs over many rows: starts climb to their ends on a sketch of the rows, and the best goes on over all.

Bounds stand on plateaus while components empty, so a race that drops starts early picks the wrong one
(`gmm.restarts`); on a sketch climbs to the end cost little. Beliefs there are those after as many rows as there are
(`Variational.seeing`). How far a start's end on n rows lies below its top on all of them is P / (2 n) nats per row, P
the number of parameters, much alike for all starts: so one pass over all rows for each end tells them apart, and only
those less than `SLACK` times that behind the best climb beside it. Ends that are the same on the sketch count as one.

What a climb has learnt on the sketch of how its surface bends it takes along: its leaps begin at once.

Invariant: one start alone, from its seed, is the same climb: all starts see the same sketch, and none sees another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gmm.convergence import STOPPED
from gmm.em import Climb, climb, resume, settled
from gmm.posteriors import Posterior
from gmm.rehearsal import merit, n_counted, sketch_of
from gmm.restarts import Race, table
from gmm.rows import Rows
from gmm.variational import Variational

__all__ = ["foreseen", "sketched"]

SEED = 0x2545F491  # any number: which rows are seen does not depend on a start's seed
FEWEST = 1 << 14  # rows of a sketch; on half as many 1.6 of five starts on china.jpg go on, on as many 1.0
PER_PARAMETER = 16  # rows of a sketch for each number of the covariances
MANY = 4  # sketches that rows are worth, at least
TOL = 1e-4  # nats per row, on the sketch: less than how much ends on it differ; with 1e-5 the same ends, a tenth later
SAME = 3.0 * TOL
SLACK = 1.0  # times P / (2 n), which itself differs from start to start by some sqrt(P) / n


def sketched(rows: Rows, structure: Variational, n_components: int) -> Rows | None:
    """The rows that starts are to see; None where that would be too many of them."""
    size = max(FEWEST, PER_PARAMETER * structure.plain.n_parameters(n_components, rows.n_features))
    return sketch_of(rows, size, SEED) if n_components > 1 and n_counted(rows) >= MANY * size else None


def foreseen(
    rows: Rows,
    sketch: Rows,
    structure: Variational,
    start: Callable[[int], Posterior],
    seeds: Sequence[int],
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    tol: float,
    max_iter: int,
    accelerated: bool,
    callback: Callable[[int, int, float, float], object] | None = None,
) -> Race:
    """Climb from several starts and return the best; arguments as of `gmm.restarts.race`."""
    limits, quick = {"floor": floor, "ridge": ridge}, {"max_iter": max_iter, "accelerated": accelerated}
    seen = structure.seeing(sketch)

    def ended(seed: int) -> Climb:
        begun = climb(sketch.accumulate, seen, start(seed), **limits, tol=TOL, **quick)
        return settled(begun, sketch.accumulate, seen, **limits, tol=TOL, **quick)

    def finished(index: int) -> Climb:
        said = None if callback is None else lambda *progress: callback(index, *progress)
        how = {"tol": tol, "max_iter": max_iter, "callback": said}
        whole = resume(climbs[index], rows.accumulate, structure, **limits, **how)
        return settled(whole, rows.accumulate, structure, **limits, **how, accelerated=accelerated)

    ends = [ended(seed) for seed in seeds]
    climbs = [_on_all(end, rows, structure, **limits) for end in ends]
    K, D = climbs[0].parameters.means.shape
    slack = SLACK * (structure.plain.n_parameters(K, D) + K * (D + 1)) / (2.0 * sketch.n_rows)
    order = sorted(range(len(climbs)), key=lambda index: -climbs[index].objective)
    first, gone_on = climbs[order[0]].objective, []
    for index in order:
        is_repeated = any(abs(ends[other].objective - ends[index].objective) <= SAME for other in gone_on)
        if is_repeated or first - climbs[index].objective > slack:
            continue
        gone_on.append(index)
        climbs[index] = finished(index)
        if climbs[index].stop_reason == STOPPED:
            break
    best = max(gone_on, key=lambda index: merit(climbs[index], structure))
    if climbs[gone_on[-1]].stop_reason == STOPPED:
        climbs[best] = replace(climbs[best], stop_reason=STOPPED)
    return Race(climbs[best], best, table(rows, structure, climbs, best, seeds, ridge, tol, None, sketch))


def _on_all(end: Climb, rows: Rows, structure: Variational, **limits: np.ndarray | None) -> Climb:
    """The climb over all rows, at its start, with what the sketch taught it."""
    begun = climb(rows.accumulate, structure, end.parameters, **limits, tol=0.0, max_iter=0)
    memory = None if end.memory is None else end.memory.elsewhere()
    return replace(begun, memory=memory)
