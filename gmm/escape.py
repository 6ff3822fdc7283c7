"""A climb that has ended may have ended low: neighbours of its mixture are starts of a search.

    mixture --exchanges (`gmm.exchange`), transplants (`gmm.transplant`)--> starts --short climbs, each carried on while
            it promises more--> a higher mixture, of which again, or the end

So a search that begins at one optimum goes on to its neighbours, which are better on average than what another start
finds from nothing. Fits of few rows are made so (`gmm.starts`); the core makes the same search, without transplants
(csrc/escape.c).

Invariant: what is returned has no more degenerate components than what was given and, if as many, is not lower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gmm.convergence import LIMIT, STOPPED
from gmm.covariances.base import Covariance
from gmm.draws import Uniform
from gmm.em import Climb
from gmm.exchange import exchanges
from gmm.parameters import Parameters
from gmm.rehearsal import n_degenerate
from gmm.rows import Rows
from gmm.transplant import transplants

__all__ = ["Neighbours", "escaped"]

SHORT = 5  # iterations before a neighbour is judged
WORTH = 1e-3  # nats per row that it must promise: most go back to where they came from, and promise a little more
AT_ONCE = 3  # transplants before the best is looked at anew
CLEARLY = 10.0  # times tol that a better mixture is higher


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Where to look.

    Parameters
    ----------
    rows : Rows
        Each different one once.
    structure : Covariance
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    rng : Draws or Generator
    n_transplants : int
        In all.
    """

    rows: Rows
    structure: Covariance
    floor: np.ndarray
    ridge: np.ndarray | None
    rng: Uniform
    n_transplants: int = 0

    def exchanges(self, parameters: Parameters) -> list[Parameters]:
        return exchanges(self.rows, self.structure, parameters, floor=self.floor, ridge=self.ridge)

    def transplants(self, parameters: Parameters, n: int) -> list[Parameters]:
        limits = {"floor": self.floor, "ridge": self.ridge}
        return transplants(self.rows, self.structure, parameters, self.rng, n, **limits) if n > 0 else []


def escaped(
    best: Climb,
    neighbours: Neighbours,
    begin: Callable[[Parameters, int], Climb],
    carry_on: Callable[[Climb, int], Climb],
    *,
    tol: float,
    max_iter: int,
) -> Climb:
    """The best climb that is found from one that has converged.

    Parameters
    ----------
    best : Climb
    neighbours : Neighbours
    begin : callable
        Parameters and a number of iterations to a climb.
    carry_on : callable
        A climb and a number of iterations in all to a longer climb.
    tol, max_iter
        Of a climb.
    """
    structure, left, is_new = neighbours.structure, neighbours.n_transplants, True

    def passes(rival: Climb, objective: float, by: float) -> bool:
        degenerate, leading = n_degenerate(rival, structure), n_degenerate(best, structure)
        return degenerate < leading or (degenerate == leading and objective > best.objective + by)

    def is_worth_it(rival: Climb) -> bool:
        return passes(rival, rival.promise, WORTH) or leads(rival)

    def leads(rival: Climb) -> bool:
        return passes(rival, rival.objective, CLEARLY * tol)

    while True:
        starts = neighbours.exchanges(best.parameters) if is_new else []
        starts += neighbours.transplants(best.parameters, min(left, AT_ONCE))
        left -= min(left, AT_ONCE)
        if not starts:
            return best
        is_new = False
        for start in starts:
            rival = begin(start, min(SHORT, max_iter))
            while rival.stop_reason == LIMIT and rival.n_iter < max_iter and is_worth_it(rival):
                rival = carry_on(rival, max(2 * rival.n_iter, 1))
            if leads(rival):
                best, is_new = rival, True
            if rival.stop_reason == STOPPED:
                return replace(best, stop_reason=STOPPED)
