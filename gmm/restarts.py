"""Several starts race; the best goes on (Biernacki, Celeux, Govaert 2003), and so does every start that may pass it.

Each start climbs `short_iter` iterations. The leader then climbs to the end. Another start is carried on, for as many
iterations again as it has had, while its promise exceeds the leader's objective by more than tol:

    promise = objective + gain still to come          (`Climb.promise`)

So the race ends where full climbs from every start would have ended, as far as the estimate is right.
A start whose trace so far is the leader's is on the leader's path and is left there.
Starts with fewer components on the numerical floor rank first whatever their objective: a likelihood that grows
because a covariance collapses is no merit.

The table of restarts records how far each was taken. Invariant: one start alone, from its seed, is the same climb.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmm.agreement import adjusted_rand_index
from gmm.convergence import LIMIT, STOPPED
from gmm.covariances.base import Covariance
from gmm.em import Callback, Climb, climb, resume
from gmm.parameters import Parameters
from gmm.rehearsal import merit, n_degenerate
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["Race", "Restart", "log_likelihood", "race"]

SAME_PARTITION = 0.95  # adjusted Rand index from which two starts have found the same mixture
SAME_OBJECTIVE = 10.0  # in units of tol
SAME_PATH = 1e-9  # nats per row, at every iteration: renumbered components differ by rounding, other starts by far more
COMPARED_ROWS = 1 << 12


@dataclass(frozen=True)
class Restart:
    """One start of a fit.

    Parameters
    ----------
    seed : int
        ``random_state`` that repeats this start alone, with ``n_init=1``.
    log_likelihood : float
        Nats per unit of sample weight, user coordinates, without penalties.
    n_iter : int
        Iterations it was given; a start that fell behind was not taken to convergence.
    converged : bool
    floored : int
        Components whose covariance rests on the numerical floor.
    agreement : float
        Adjusted Rand index between its labels and the best start's, on a subsample of at most 2**12 rows.
    same : bool
        Whether it found what the best start found: agreement of at least 0.95, or an objective within 10 tol, and
        as many floored components.
    """

    seed: int
    log_likelihood: float
    n_iter: int
    converged: bool
    floored: int
    agreement: float
    same: bool


@dataclass(frozen=True, eq=False)
class Race:
    """The best climb, and one record per start in the order of the seeds."""

    best: Climb
    winner: int
    restarts: tuple[Restart, ...]

    @property
    def log_likelihood(self) -> float:
        """Of the best climb: nats per unit of sample weight, user coordinates, without penalties."""
        return self.restarts[self.winner].log_likelihood

    @property
    def n_found(self) -> int:
        """How many starts found the best mixture, itself included: "best found n_found of len(restarts) times"."""
        return sum(restart.same for restart in self.restarts)


def race(
    rows: Rows,
    structure: Covariance,
    start: Callable[[int], Parameters],
    seeds: Sequence[int],
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    tol: float,
    max_iter: int,
    short_iter: int,
    accelerated: bool = False,
    callback: Callable[[int, int, float, float], object] | None = None,
) -> Race:
    """Climb from several starts and return the best.

    Parameters
    ----------
    rows : Rows
        Shared by all starts.
    structure : Covariance
    start : callable
        Seed to parameters in frame coordinates, such as a partial `gmm.initialization.start`.
    seeds : sequence of int
        One for each start; a single component needs one only and gets no more.
    floor, ridge, tol, max_iter
        As for `gmm.em.climb`.
    short_iter : int
        Iterations of each start before they are compared.
    accelerated : bool
        As for `gmm.em.climb`.
    callback : callable, optional
        Called as ``callback(index of the start, iteration, objective, change)``; True ends the race.

    Returns
    -------
    Race
    """

    def reporting(index: int) -> Callback | None:
        return None if callback is None else lambda *progress: callback(index, *progress)

    def carried_on(index: int, n_iter: int) -> Climb:
        limits = {"tol": tol, "max_iter": min(n_iter, max_iter), "callback": reporting(index)}
        return resume(climbs[index], rows.accumulate, structure, floor=floor, ridge=ridge, **limits)

    def begun(index: int, seed: int) -> Climb:
        limits = {"tol": tol, "max_iter": max_iter if len(seeds) == 1 else min(short_iter, max_iter)}
        how = {"floor": floor, "ridge": ridge, "accelerated": accelerated, "callback": reporting(index)}
        return climb(rows.accumulate, structure, start(seed), **how, **limits)

    seeds = list(seeds)
    climbs: list[Climb] = []
    for index, seed in enumerate(seeds):
        begin = begun(index, seed)
        climbs.append(begin)
        if begin.parameters.n_components == 1 or begin.stop_reason == STOPPED:
            break

    while True:
        leader = max(range(len(climbs)), key=lambda index: merit(climbs[index], structure))
        if any(climbed.stop_reason == STOPPED for climbed in climbs):
            climbs[leader] = replace(climbs[leader], stop_reason=STOPPED)
            break
        if _unfinished(climbs[leader], max_iter):
            climbs[leader] = carried_on(leader, max_iter)
            continue
        ahead = climbs[leader]
        rivals = [index for index, rival in enumerate(climbs) if _may_win(rival, ahead, structure, tol, max_iter)]
        if not rivals:
            break
        index = max(rivals, key=lambda rival: climbs[rival].promise)
        climbs[index] = carried_on(index, max(2 * climbs[index].n_iter, 1))

    return Race(climbs[leader], leader, _table(rows, structure, climbs, leader, seeds, ridge, tol))


def log_likelihood(rows: Rows, structure: Covariance, ended: Climb, ridge: np.ndarray | None = None) -> float:
    """Log-likelihood of a climb's parameters without penalties, nats per unit of sample weight, user coordinates."""
    statistics = ended.statistics
    if ridge is not None and ridge.any():
        statistics = rows.accumulate(structure.factorize(ended.parameters))
    return float(statistics.log_likelihood / statistics.weight) + rows.frame.log_jacobian


def _unfinished(climbed: Climb, max_iter: int) -> bool:
    return climbed.stop_reason == LIMIT and climbed.n_iter < max_iter


def _may_win(climbed: Climb, leader: Climb, structure: Covariance, tol: float, max_iter: int) -> bool:
    if climbed is leader or not _unfinished(climbed, max_iter) or _follows(climbed, leader):
        return False
    degenerate, leading = n_degenerate(climbed, structure), n_degenerate(leader, structure)
    return degenerate < leading or (degenerate == leading and climbed.promise > leader.objective + tol)


def _follows(climbed: Climb, leader: Climb) -> bool:
    """Whether a climb repeats the leader's, its components perhaps numbered otherwise."""
    return climbed.n_iter <= leader.n_iter and all(
        abs(mine - theirs) <= SAME_PATH for mine, theirs in zip(climbed.trace, leader.trace, strict=False)
    )


def _table(
    rows: Rows,
    structure: Covariance,
    climbs: Sequence[Climb],
    winner: int,
    seeds: Sequence[int],
    ridge: np.ndarray | None,
    tol: float,
) -> tuple[Restart, ...]:
    chosen = chosen_rows(rows.n_rows, seeds[0], COMPARED_ROWS, rows.sample_weight) if len(climbs) > 1 else None
    compared = rows if chosen is None else rows.subset(chosen)
    best = climbs[winner]

    def labels(climbed: Climb) -> np.ndarray:
        return compared.score(structure.factorize(climbed.parameters), log_density=False, label=True)[2]

    reference = labels(best) if len(climbs) > 1 else None
    table = []
    for climbed, seed in zip(climbs, seeds, strict=False):
        agreement = 1.0 if climbed is best else adjusted_rand_index(labels(climbed), reference)
        near = abs(climbed.objective - best.objective) <= SAME_OBJECTIVE * tol
        floored = int(climbed.floored.sum())
        table.append(
            Restart(
                seed=seed,
                log_likelihood=log_likelihood(rows, structure, climbed, ridge),
                n_iter=climbed.n_iter,
                converged=climbed.converged,
                floored=floored,
                agreement=agreement,
                same=climbed is best or ((agreement >= SAME_PARTITION or near) and floored == int(best.floored.sum())),
            )
        )
    return tuple(table)
