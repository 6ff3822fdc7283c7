"""Many starts climbed on a sketch of the rows, of which the likeliest goes on (Biernacki, Celeux and Govaert 2003).

k-means partitions of many rows are much alike, so climbs from several of them end in the same optimum, good or bad. How
good shows only after some fifty EM iterations: on the pixels of china.jpg objectives after ten say nothing of the end.
On a sketch of a few thousand rows that many iterations cost less than a handful on all rows.

Invariant: the sketch is chosen by seed and row number, so neither memory layout nor n_threads can change a start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from gmm.covariances.base import Covariance
from gmm.em import climb
from gmm.parameters import Parameters
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["likeliest", "n_candidates", "sketch_size"]

Candidate = Callable[[Rows, np.random.Generator], Parameters]

SKETCH_ROWS = 1 << 13
ROWS_PER_COMPONENT = 64
ROWS_PER_MEAN = 20  # rows for every feature of every component: fewer let a covariance fit the sketch's noise
MOST_CANDIDATES = 16  # on china.jpg five starts of as many each pass scikit-learn's best for 8 seeds of 8; of 8, 4 of 5
ITERATIONS = 100
TOL = 1e-4  # nats per row; different optima are much further apart


def sketch_size(n_components: int, n_features: int) -> int:
    """Rows that are enough to tell a good start from a bad one."""
    return max(SKETCH_ROWS, n_components * max(ROWS_PER_COMPONENT, ROWS_PER_MEAN * n_features))


def n_candidates(n_rows: int, n_components: int, n_features: int) -> int:
    """How many starts to rehearse: all together cost at most 50 iterations on all rows; below 2 it is not worth it."""
    return min(MOST_CANDIDATES, n_rows // (2 * sketch_size(n_components, n_features)))


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
    """Parameters that the best of `n_candidates` climbs on a sketch reached; candidates take turns.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    n_components : int
    candidates : sequence of callables
        Rows of the sketch and a Generator to parameters.
    seed : int
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    rng = np.random.default_rng(seed)
    chosen = chosen_rows(rows.n_rows, seed, sketch_size(n_components, rows.n_features), rows.sample_weight)
    sketch = rows if chosen is None else replace(rows.subset(chosen), n_threads=1)  # too few rows to share out
    limits = {"floor": floor, "ridge": ridge}
    best = None
    for turn in range(n_candidates(rows.n_rows, n_components, rows.n_features)):
        begun = candidates[turn % len(candidates)](sketch, rng)
        ended = climb(sketch.accumulate, structure, begun, **limits, tol=TOL, max_iter=ITERATIONS)
        merit = (-int(ended.floored.sum()), ended.objective)
        if best is None or merit > best[0]:
            best = merit, ended.parameters
    return best[1]
