"""Many cheap starts rehearse on a sketch of the rows; the likeliest goes on (em-EM: Biernacki, Celeux, Govaert 2003).

No one way to start is best: k-means partitions of the same rows are much alike, so climbs from several of them end in
the same optimum, good or bad, and which of the others finds a better one depends on the data. How good shows only after
some EM iterations. So candidates of several kinds climb together, and in rounds: the better half climbs on, for as many
iterations again as it has had, until one is left.

Many rows are seen through a sketch, on which a hundred iterations cost less than a handful on all of them; of few rows
the sketch is all. What the last candidate has reached on the sketch is the start.

Invariant: the sketch is chosen by seed and row number, so neither memory layout nor n_threads can change a start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gmm.covariances.base import Covariance
from gmm.draws import Uniform, uniform
from gmm.em import Climb, climb, resume
from gmm.parameters import Parameters
from gmm.partition import rows_needed, too_thin
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["Plan", "likeliest", "merit", "n_degenerate", "plan", "sketch_of"]

Candidate = Callable[[Rows, Uniform], Parameters]

FEWEST_ROWS = 1 << 10
ROWS_PER_COMPONENT = 64
SPARE = 4  # times the rows that a regular covariance needs
CANDIDATES = (5, 16)  # fewest and most; on china.jpg one candidate in six ends in an optimum worth having
ITERATIONS = (10, 60)  # of the first round; on china.jpg objectives tell the better optimum only after about fifty
MOST_WORK = 1e9  # multiply-adds that a candidate's first round may cost, unless it is cut to SHORTEST iterations
SHORTEST = 3  # on digits, 64-D, ranks after three iterations correlate 0.8 with those after convergence
SAME_END = 1e-9  # nats per row: with components renumbered, or rows repeated instead of weighted, sums round otherwise
TOL = 1e-4  # nats per row; different optima are much further apart
TOL_OF_FEW = 1e-3  # where all rows are seen: a tenth fewer passes, and ends as likely in the mean of 2500 fits


class Plan(NamedTuple):
    """Rows of the first sketch, how many candidates see it, and for how many iterations."""

    n_rows: int
    n_candidates: int
    n_iter: int


def plan(structure: Covariance, n_components: int, n_features: int, n_rows: int) -> Plan:
    """How much to rehearse: with the square root of how often the sketch fits into the rows there are more candidates
    and more iterations, so that the first round costs no more than some fifty iterations on all rows.

    Examples
    --------
    >>> from gmm.covariances import FULL
    >>> from gmm.rehearsal import plan
    >>> plan(FULL, 3, 4, 150)
    Plan(n_rows=150, n_candidates=5, n_iter=10)
    >>> plan(FULL, 8, 3, 273_280)
    Plan(n_rows=1024, n_candidates=16, n_iter=60)
    """
    needed = max(ROWS_PER_COMPONENT, SPARE * rows_needed(structure.moments_kernel, n_features))
    size = max(FEWEST_ROWS, n_components * needed)
    if n_rows < 2 * size:
        size = n_rows
    growth = math.sqrt(n_rows / size)
    n_candidates, n_iter = (min(int(least * growth), most) for least, most in (CANDIDATES, ITERATIONS))
    work = size * (n_components * n_features + structure.n_parameters(n_components, n_features))
    return Plan(size, n_candidates, max(SHORTEST, min(n_iter, int(MOST_WORK / work))))


def sketch_of(rows: Rows, size: int, seed: int) -> Rows:
    """About ``size`` of the rows, a part of every larger sketch from the same seed; all when they are not many more."""
    chosen = chosen_rows(rows.n_rows, seed, size, rows.sample_weight) if rows.n_rows >= 2 * size else None
    return rows if chosen is None else replace(rows.subset(chosen), n_threads=1)  # too few rows to share out


def likeliest(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    candidates: Sequence[Candidate],
    seed: int,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    """Parameters that the best of several climbs on a sketch reached.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    n_components : int
    candidates : sequence of callables
        Rows of the sketch and `gmm.draws.uniform` to parameters.
    seed : int
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    draws = uniform(rows, n_components, seed)
    size, n_candidates, n_iter = plan(structure, n_components, rows.n_features, rows.n_rows)
    sketch = sketch_of(rows, size, seed)
    limits = {"floor": floor, "ridge": ridge, "tol": TOL_OF_FEW if sketch is rows else TOL}
    field: list[Climb] = []
    for turn in range(n_candidates):
        begun = candidates[turn % len(candidates)](sketch, draws)
        climbed = climb(sketch.accumulate, structure, begun, **limits, max_iter=0)
        if all(abs(climbed.objective - other.objective) > SAME_END for other in field):
            field.append(climbed)
    field = [resume(each, sketch.accumulate, structure, **limits, max_iter=n_iter) for each in field]
    until = n_iter
    while len(field) > 1:
        field = sorted(field, key=lambda climbed: merit(climbed, structure))[len(field) // 2 :]
        if sketch is rows and len(field) == 1:
            break  # the race on all rows carries it on
        size, n_iter = 2 * size, max(SHORTEST, n_iter // 2)
        until += n_iter
        larger = sketch_of(rows, size, seed)
        if larger is sketch:
            field = [resume(each, sketch.accumulate, structure, **limits, max_iter=until) for each in field]
            continue
        sketch, until = larger, n_iter
        field = [climb(sketch.accumulate, structure, each.parameters, **limits, max_iter=n_iter) for each in field]
    return field[0].parameters


def merit(climbed: Climb, structure: Covariance) -> tuple[int, float]:
    """What starts are ranked by: few degenerate components, then the objective.

    Those that reached the same mixture tie, whatever rounding says.
    """
    return -n_degenerate(climbed, structure), float(np.round(climbed.objective / SAME_END))


def n_degenerate(climbed: Climb, structure: Covariance) -> int:
    """Components on the floor, or with too few rows for a covariance of their own: their likelihood is no merit."""
    return int((climbed.floored | too_thin(climbed.statistics, structure.kernel)).sum())
