"""Many cheap starts rehearse on a sketch of the rows; the likeliest goes on (em-EM: Biernacki, Celeux, Govaert 2003).

No one way to start is best: k-means partitions of the same rows are much alike, so climbs from several of them end in
the same optimum, good or bad, and which of the others finds a better one depends on the data. How good shows only after
some EM iterations. So candidates of several kinds climb together, and in rounds: the better half climbs on, until one
is left.

Many rows are seen through a sketch, on which a hundred iterations cost less than a handful on all of them. It doubles
from round to round while the field is halved, so that rounds cost about the same: many candidates are tried on few
rows, and the last has seen nearly as much as rows can tell. Of few rows the sketch is all. What the last candidate has
reached on the sketch is the start. The core makes the same starts (`gmm.prepared`), unless that takes too long without
an answer to Ctrl-C.

Invariant: the sketch is chosen by seed and row number, so neither memory layout nor n_threads can change a start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gmm.covariances.base import Covariance
from gmm.draws import Draws, Uniform, uniform
from gmm.em import Climb, climb, resume
from gmm.parameters import Parameters
from gmm.partition import rows_needed, too_thin
from gmm.rows import Rows
from gmm.small import FEW, are_few
from gmm.subsample import chosen_rows

__all__ = ["Plan", "likeliest", "merit", "n_counted", "n_degenerate", "plan", "sketch_of"]

Candidate = Callable[[Rows, Uniform], Parameters]

FEWEST_ROWS = (1 << 8, 1 << 10)  # of the first sketch: up to HANDFUL components, more
HANDFUL = 8  # components; of sixteen, ranks after ten iterations on small sketches find the better optima less often
ROWS_PER_COMPONENT = 64  # with 32, of 8 features, a third more starts end in spikes of a few rows
ROWS_PER_FEATURE = 8  # and component, as far as that is less, of a handful
SPARE = 4  # times the rows that a regular covariance needs
FACTORED = 4  # times more of one with factors, up to a matrix's: below, a sketch favours spikes (patches, D=64)
CANDIDATES = 5  # fewest
EXCHANGED = 3  # components for which exchanges (`gmm.escape`) make up for one candidate, and cost as much
CROWD = 3  # components beyond which few rows have so many optima that twice as many candidates pay
CHEAP = 100  # such a round's iterations, if MOST_WORK allows one candidate so many
MOST_CANDIDATES = (64, 16)  # on china.jpg, 8 components, one in thirty ends in the best optimum
ITERATIONS = (10, 10, 15, 20, 30, 20, 5)  # of the rounds, the last of these where there are fewer
PAUSE = 4  # from the end: that round sees the rows of the one before; only about fifty tell the better optimum
SCREENED = 192  # candidates, where all passes of the screening cost no more than four over all rows
SCREENING = (2, 3, 7, 10, 15, 20, 20, 5)  # iterations of the rounds then: a few are enough to drop three in four
SCREENS = 3  # of the rounds, on a first sketch of twice as many rows
HALVED = (10, 60)  # with more components: fewest and most in the first round, half as many in each after it
FEW_ITERATIONS = (10, 5, 3, 3)  # where all rows are seen; what is left goes into the race on them
MOST_WORK = 1e9  # multiply-adds that a candidate's first round may cost, unless it is cut to SHORTEST iterations
SHORTEST = 3  # on digits, 64-D, ranks after three iterations correlate 0.8 with those after convergence
SAME_END = 1e-9  # nats per row: with components renumbered, or rows repeated instead of weighted, sums round otherwise
TOL = 1e-4  # nats per row; different optima are much further apart
TOL_OF_FEW = 1e-3  # where all rows are seen: a tenth fewer passes, and ends as likely in the mean of 2500 fits


class Round(NamedTuple):
    """How long candidates climb, and on how many rows."""

    n_iter: int
    n_rows: int


class Plan(NamedTuple):
    """How many candidates there are, and the rounds; each halves the field."""

    n_candidates: int
    rounds: tuple[Round, ...]


def plan(structure: Covariance, n_components: int, n_features: int, n_rows: int) -> Plan:
    """How much to rehearse: with the square root of how often the sketch fits into the rows there are more candidates.

    Examples
    --------
    >>> from gmm.covariances import FULL
    >>> from gmm.rehearsal import plan
    >>> few = plan(FULL, 3, 4, 150)
    >>> few.n_candidates, [tuple(each) for each in few.rounds]
    (4, [(10, 150), (5, 150)])
    >>> many = plan(FULL, 8, 3, 273_280)
    >>> many.n_candidates, [n_rows for _, n_rows in many.rounds]
    (192, [512, 512, 512, 1024, 1024, 2048, 4096, 8192])
    """
    many = n_components > HANDFUL
    spread = ROWS_PER_COMPONENT if many else min(ROWS_PER_COMPONENT, ROWS_PER_FEATURE * (n_features + 1))
    regular = rows_needed(structure, n_features)
    needed = max(spread, SPARE * (min(FACTORED * regular, n_features + 1) if structure.n_factors else regular))
    size = max(FEWEST_ROWS[many], n_components * needed)
    sees_all = n_rows < max(FEW, 2 * size)
    size = n_rows if sees_all else size
    work = size * (n_components * n_features + structure.n_parameters(n_components, n_features))
    affordable = max(SHORTEST, int(MOST_WORK / work))
    if sees_all:
        few = CANDIDATES - (n_components == EXCHANGED and are_few(n_rows, n_components, n_features))
        n_candidates = 2 * CANDIDATES if n_components > CROWD and affordable >= CHEAP else few
        iterations = FEW_ITERATIONS[: (n_candidates - 1).bit_length()]
        return Plan(n_candidates, tuple(Round(min(n_iter, affordable), n_rows) for n_iter in iterations))
    growth = math.sqrt(n_rows / size)
    n_candidates = min(int(CANDIDATES * growth), MOST_CANDIDATES[many or affordable < ITERATIONS[0]])
    n_rounds, still = 1 + (n_candidates - 1).bit_length(), 1
    iterations = ITERATIONS[-n_rounds:]
    if many:
        first = min(int(HALVED[0] * growth), HALVED[1], affordable)
        iterations = tuple(max(first >> turn, SHORTEST) for turn in range(n_rounds))
    elif n_candidates == MOST_CANDIDATES[0] and 4 * SCREENED * size <= n_rows:
        n_candidates, iterations, still, size = SCREENED, SCREENING, SCREENS, 2 * size
        n_rounds = len(iterations)
    rounds = []
    for turn, n_iter in enumerate(iterations):
        size *= 1 if turn < still or (turn == n_rounds - PAUSE and not many) else 2
        rounds.append(Round(min(n_iter, affordable), size if n_rows >= 2 * size else n_rows))
    return Plan(n_candidates, tuple(rounds))


def n_counted(rows: Rows) -> int:
    """How many rows have a positive sample weight."""
    return rows.n_rows if rows.sample_weight is None else int(np.count_nonzero(rows.sample_weight))


def sketch_of(rows: Rows, size: int, seed: int) -> Rows:
    """About ``size`` of the rows, a part of every larger sketch from the same seed; all when they are not many more."""
    chosen = chosen_rows(rows.n_rows, seed, size, rows.sample_weight) if n_counted(rows) >= 2 * size else None
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
        Rows of the sketch and `gmm.draws.Uniform` to parameters.
    seed : int
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    counted = n_counted(rows)
    n_candidates, rounds = plan(structure, n_components, rows.n_features, counted)
    draws = Draws(seed) if rounds[0].n_rows < counted else uniform(rows, n_components, seed)
    sketch = sketch_of(rows, rounds[0].n_rows, seed)
    limits = {"floor": floor, "ridge": ridge, "tol": TOL_OF_FEW if sketch is rows else TOL}
    field: list[Climb] = []
    skipped = n_candidates < len(candidates)  # the second, which is most like the first
    for turn in range(n_candidates):
        begun = candidates[(turn + (skipped and turn > 0)) % len(candidates)](sketch, draws)
        climbed = climb(sketch.accumulate, structure, begun, **limits, max_iter=0)
        if all(abs(climbed.objective - other.objective) > SAME_END for other in field):
            field.append(climbed)
    until, seen = 0, rounds[0].n_rows
    for turn, (n_iter, n_rows) in enumerate(rounds):
        if turn and len(field) == 1 and n_rows == counted:
            break  # the race on all rows carries it on
        if n_rows == seen:
            until += n_iter
            field = [resume(each, sketch.accumulate, structure, **limits, max_iter=until) for each in field]
        else:
            sketch, seen, until = sketch_of(rows, n_rows, seed), n_rows, n_iter
            field = [climb(sketch.accumulate, structure, each.parameters, **limits, max_iter=n_iter) for each in field]
        field = sorted(field, key=lambda climbed: merit(climbed, structure))[len(field) // 2 :]
    return field[-1].parameters


def merit(climbed: Climb, structure: Covariance) -> tuple[int, float]:
    """What starts are ranked by: few degenerate components, then the objective.

    Those that reached the same mixture tie, whatever rounding says.
    """
    return -n_degenerate(climbed, structure), float(np.round(climbed.objective / SAME_END))


def n_degenerate(climbed: Climb, structure: Covariance) -> int:
    """Components on the floor, or with too few rows for a covariance of their own: their likelihood is no merit."""
    statistics = climbed.statistics
    regular = structure.is_regular_on(statistics)
    thin = False if regular else too_thin(statistics.n, structure, statistics.n_features)
    return int((climbed.floored | thin).sum())
