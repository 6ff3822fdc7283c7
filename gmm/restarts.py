"""Several starts race; the best goes on (Biernacki, Celeux, Govaert 2003), and so does every start that may pass it.

Each start climbs `short_iter` iterations. The leader then climbs to the end. Another start is carried on, for as many
iterations again as it has had, while its promise exceeds the leader's objective by more than tol:

    promise = objective + gain still to come          (`Climb.promise`)

So the race ends where full climbs from every start would have ended, as far as the estimate is right.
A start whose trace so far is the leader's is on the leader's path and is left there.
Where passes are dear (climbs accelerated from the first step on), the leader after `LOOK` iterations goes first, up to
`LEAD` short_iter. Starts that are hopelessly behind it then, by more than `HOPELESS` times what they have risen, climb
no further, nor do those that after short_iter are on the slope below it.
Where objectives stand on plateaus for long and no estimate sees beyond, as bounds do while components empty, the race
is `thorough`: every start climbs to its end, but for those on the path of one that has.
Starts with fewer components on the numerical floor rank first whatever their objective: a likelihood that grows
because a covariance collapses is no merit. On few rows the race goes on among the neighbours of the mixture that won
(`gmm.escape`), and the climb that ends highest takes the winner's place in the table.

The table of restarts records how far each was taken. Invariant: one start alone, from its seed, is the same climb.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gmm.acceleration import Memory
from gmm.agreement import adjusted_rand_index
from gmm.convergence import LIMIT, STOPPED
from gmm.covariances.base import Covariance
from gmm.curvature import dot
from gmm.em import Accumulate, Callback, Climb, climb, resume, settled
from gmm.escape import Neighbours, escaped
from gmm.parameters import Parameters
from gmm.rehearsal import merit, n_degenerate
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["Outcome", "Race", "Restart", "log_likelihood", "race", "table"]

SAME_PARTITION = 0.95  # adjusted Rand index from which two starts have found the same mixture
SAME_OBJECTIVE = 10.0  # in units of tol
SAME_PATH = 1e-9  # nats per row, at every iteration: renumbered components differ by rounding, other starts by far more
COMPARED_ROWS = 1 << 12
LOOK, LEAD = 1, 4
HOPELESS = 12.0  # of 300 climbs two came from more than 5 behind and won; on photographs half the losers are 17 behind
RISE = 2e-3  # nats per row that any start may rise; where its sketch was nearly all rows it has hardly risen when seen
SAME_SLOPE, SAME_HILL = 1.5, 0.5  # in 30 races climbs to other tops had a factor above 1.5 or were more than 1.1 away


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
        Iterations over all rows it was given; a start that fell behind was not taken to convergence.
    converged : bool
    floored : int
        Components whose covariance rests on the numerical floor.
    agreement : float
        Adjusted Rand index between its labels and the best start's, on a subsample of at most 2**12 rows.
    same : bool
        Whether it found what the best start found, or was on the way there: agreement of at least 0.95, or an
        objective within 10 tol, or a slope that leads to the best, and as many floored components.
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


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a race came to, however it was run.

    Parameters
    ----------
    parameters, trace, floored, stop_reason
        Of the best climb, as in `gmm.em.Climb`.
    log_likelihood : float
        Its, by the kernel of prediction: nats per unit of sample weight, user coordinates.
    restarts : tuple of Restart
    winner : int
    segments : tuple of int
        Where in ``trace`` each climb begins, of those that followed the race.
    collapses : tuple of gmm.collapse.Collapse
    """

    parameters: Parameters
    trace: Sequence[float]
    floored: np.ndarray
    stop_reason: str
    log_likelihood: float
    restarts: tuple[Restart, ...]
    winner: int
    segments: tuple[int, ...] = (0,)
    collapses: tuple[Any, ...] = ()


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
    patience: int | None = None,
    thorough: bool = False,
    accumulate: Accumulate | None = None,
    callback: Callable[[int, int, float, float], object] | None = None,
    neighbours: Neighbours | None = None,
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
    patience : int, optional
        Iterations after which climbs that are not accelerated become so; None: never.
    thorough : bool
        Whether no start is dropped for what little it promises.
    accumulate : callable, optional
        The E-step where it is not that of ``rows``: where more is known of them.
    callback : callable, optional
        Called as ``callback(index of the start, iteration, objective, change)``; True ends the race.
    neighbours : Neighbours, optional
        Where to look on from the mixture that has won, once it has converged.

    Returns
    -------
    Race
    """

    def reporting(index: int) -> Callback | None:
        return None if callback is None else lambda *progress: callback(index, *progress)

    def arranged(index: int, reached: Climb) -> Climb:
        limits = {"tol": tol, "max_iter": max_iter, "accelerated": accelerated or patience is not None}
        return settled(reached, e_step, structure, floor=floor, ridge=ridge, **limits, callback=reporting(index))

    def carried_on(index: int, n_iter: int) -> Climb:
        return continued(climbs[index], n_iter, index)

    def continued(earlier: Climb, n_iter: int, index: int) -> Climb:
        until = min(n_iter, max_iter)
        if patience is not None and earlier.memory is None:
            if earlier.n_iter < patience:
                until = min(until, patience)
            else:
                earlier = replace(earlier, memory=Memory())
        limits = {"tol": tol, "max_iter": until, "callback": reporting(index)}
        return arranged(index, resume(earlier, e_step, structure, floor=floor, ridge=ridge, **limits))

    def begun(index: int, parameters: Parameters, until: int) -> Climb:
        limits = {"tol": tol, "max_iter": until if patience is None else min(until, patience)}
        how = {"floor": floor, "ridge": ridge, "accelerated": accelerated, "callback": reporting(index)}
        return arranged(index, climb(e_step, structure, parameters, **how, **limits))

    e_step = accumulate or rows.accumulate
    seeds = list(seeds)
    first = min(LOOK, short_iter) if accelerated and not thorough else short_iter
    climbs: list[Climb] = []
    for index, seed in enumerate(seeds):
        begin = begun(index, start(seed), max_iter if len(seeds) == 1 else min(first, max_iter))
        climbs.append(begin)
        if begin.parameters.n_components == 1 or begin.stop_reason == STOPPED:
            break

    if len(climbs) > 1 and first < short_iter and climbs[-1].stop_reason != STOPPED:
        leader = max(range(len(climbs)), key=lambda index: merit(climbs[index], structure))
        climbs[leader] = carried_on(leader, LEAD * short_iter)
        for index in range(len(climbs)):
            if climbs[index].stop_reason != STOPPED and not _is_behind(climbs[index], climbs[leader], structure):
                climbs[index] = carried_on(index, short_iter)

    while True:
        leader = max(range(len(climbs)), key=lambda index: merit(climbs[index], structure))
        if any(climbed.stop_reason == STOPPED for climbed in climbs):
            climbs[leader] = replace(climbs[leader], stop_reason=STOPPED)
            break
        if _unfinished(climbs[leader], max_iter):
            climbs[leader] = carried_on(leader, max_iter)
            continue
        ahead = climbs[leader]
        if thorough:
            rivals = [index for index, rival in enumerate(climbs) if _is_on_its_own(rival, climbs, max_iter)]
        else:
            rivals = [index for index, rival in enumerate(climbs) if _may_win(rival, ahead, structure, tol, max_iter)]
        if not rivals:
            break
        index = max(rivals, key=lambda rival: climbs[rival].promise)
        climbs[index] = carried_on(index, max_iter if thorough else max(2 * climbs[index].n_iter, 1))

    if neighbours is not None and climbs[leader].converged:
        climbs[leader] = escaped(
            *(climbs[leader], neighbours),
            partial(begun, leader),
            lambda earlier, n_iter: continued(earlier, n_iter, leader),
            tol=tol,
            max_iter=max_iter,
        )
    return Race(climbs[leader], leader, table(rows, structure, climbs, leader, seeds, ridge, tol, accumulate))


def log_likelihood(
    rows: Rows,
    structure: Covariance,
    ended: Climb,
    ridge: np.ndarray | None = None,
    accumulate: Accumulate | None = None,
) -> float:
    """Log-likelihood of a climb's parameters without penalties, nats per unit of sample weight, user coordinates.

    It is that of the rows alone, whatever ``accumulate`` knew of them, and of the mixture itself where a climb takes
    expectations.
    """
    statistics = ended.statistics
    if accumulate is not None or structure.is_averaged or (ridge is not None and ridge.any()):
        statistics = rows.accumulate(structure.plain.factorize(ended.parameters))
    return float(statistics.log_likelihood / statistics.weight) + rows.mean_log_jacobian


def _unfinished(climbed: Climb, max_iter: int) -> bool:
    return climbed.stop_reason == LIMIT and climbed.n_iter < max_iter


def _is_on_its_own(climbed: Climb, climbs: Sequence[Climb], max_iter: int) -> bool:
    """Whether a climb has not ended and repeats none that has."""
    ended = (other for other in climbs if not _unfinished(other, max_iter))
    return _unfinished(climbed, max_iter) and not any(_follows(climbed, other) for other in ended)


def _may_win(climbed: Climb, leader: Climb, structure: Covariance, tol: float, max_iter: int) -> bool:
    if climbed is leader or not _unfinished(climbed, max_iter) or _follows(climbed, leader):
        return False
    if climbed.memory is not None and _is_behind(climbed, leader, structure):
        return False
    degenerate, leading = n_degenerate(climbed, structure), n_degenerate(leader, structure)
    return degenerate < leading or (degenerate == leading and climbed.promise > leader.objective + tol)


def _is_behind(climbed: Climb, leader: Climb, structure: Covariance) -> bool:
    """Whether a climb that is no less degenerate hopelessly trails the leader, or climbs towards it."""
    if climbed is leader or climbed.n_iter < 1 or n_degenerate(climbed, structure) < n_degenerate(leader, structure):
        return False
    gap, risen = leader.objective - climbed.objective, climbed.objective - climbed.trace[0]
    if climbed.n_iter <= LOOK:
        return gap > HOPELESS * max(risen, RISE)
    return _is_below(climbed, leader, structure)


def _is_below(climbed: Climb, leader: Climb, structure: Covariance) -> bool:
    """Whether the leader stands on top of the hill that an accelerated climb is on.

    On one hill, as on a parabola, the slope f'x towards a top at x is twice its height. The climb's last known pull f
    is that where its last step began, or where it ended if it took none from there.
    """
    memory, top = climbed.memory, leader.parameters
    if memory is None or memory.coordinates is None or not leader.converged or not (top.mixing > 0.0).all():
        return False
    if structure.is_averaged:  # beliefs are not renumbered like mixtures, and where components empty do not pair up
        return False
    here = memory.coordinates.origin
    order = ((here.means[:, None] - top.means) ** 2).sum(axis=-1).argmin(axis=1)
    if len(set(order.tolist())) < len(order):
        return False
    covariances = structure.take(top.covariances, order)
    renumbered = replace(top, weights=top.weights[order], means=top.means[order], covariances=covariances)
    way = memory.coordinates.of(renumbered)
    began = climbed.trace[-1 if here is climbed.parameters else -2]
    height, slope = leader.objective - began, dot(memory.pull, way)
    return dot(way, way) < SAME_HILL**2 and slope / SAME_SLOPE < 2.0 * height < SAME_SLOPE * slope


def _follows(climbed: Climb, leader: Climb) -> bool:
    """Whether a climb repeats the leader's, its components perhaps numbered otherwise."""
    return climbed.n_iter <= leader.n_iter and all(
        abs(mine - theirs) <= SAME_PATH for mine, theirs in zip(climbed.trace, leader.trace, strict=False)
    )


def table(
    rows: Rows,
    structure: Covariance,
    climbs: Sequence[Climb],
    winner: int,
    seeds: Sequence[int],
    ridge: np.ndarray | None,
    tol: float,
    accumulate: Accumulate | None,
    compared: Rows | None = None,
) -> tuple[Restart, ...]:
    """A record of each climb; arguments as of `race`, and the rows whose labels are to be ``compared``."""
    if compared is None:
        chosen = chosen_rows(rows.n_rows, seeds[0], COMPARED_ROWS, rows.sample_weight) if len(climbs) > 1 else None
        compared = rows if chosen is None else rows.subset(chosen)
    best = climbs[winner]

    def likelihood(climbed: Climb) -> float:
        found = math.nan
        if structure.is_averaged and climbed is not best:
            found = structure.plain_log_likelihood(climbed.statistics, climbed.parameters, ridge)
        if math.isnan(found):
            return log_likelihood(rows, structure, climbed, ridge, accumulate)
        return found + rows.mean_log_jacobian

    def labels(climbed: Climb) -> np.ndarray:
        scores = compared.score(structure.factorize(climbed.parameters), log_density=False, label=True)
        return scores.label + 1  # noise is -1

    reference = labels(best) if len(climbs) > 1 else None
    table = []
    for climbed, seed in zip(climbs, seeds, strict=False):
        agreement = 1.0 if climbed is best else adjusted_rand_index(labels(climbed), reference)
        near = abs(climbed.objective - best.objective) <= SAME_OBJECTIVE * tol or _is_below(climbed, best, structure)
        floored = int(climbed.floored.sum())
        table.append(
            Restart(
                seed=seed,
                log_likelihood=likelihood(climbed),
                n_iter=climbed.n_iter,
                converged=climbed.converged,
                floored=floored,
                agreement=agreement,
                same=climbed is best or ((agreement >= SAME_PARTITION or near) and floored == int(best.floored.sum())),
            )
        )
    return tuple(table)
