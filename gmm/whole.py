"""Whole fits of few rows, starts included, in one call of the core; many groups of rows on many threads.

    rows and seeds --gmm_fit--> what `gmm.restarts.race` finds from the starts of `gmm.initialization`

The core makes the same draws and the same passes as the Python it stands in for; where something is out of the ordinary
(a covariance without factors, tied factors that want copies) it says so and Python has its turn.

Invariant: whether a fit is made here depends on its shapes and options alone; its bits do not depend on other groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmm import _native
from gmm.convergence import CONVERGED, FALL, LIMIT
from gmm.covariances import Covariance, climbs_in_core, is_native
from gmm.frame import Frame
from gmm.parameters import Parameters
from gmm.restarts import Outcome, Restart
from gmm.rows import Rows
from gmm.small import SMALL, are_few, most_work

__all__ = ["AROUND", "GIVEN", "METHODS", "Batch", "Plan", "fit_batches", "fit_given", "is_soon_over", "is_whole"]

METHODS = {"kmeans": 0, "k-means++": 1, "random": 2, "random_from_data": 3}  # gmm_method in csrc/fits.h
GIVEN = "given"  # a start that is handed in
AROUND = "around"  # such a start, and the neighbours of the mixture it leads to
NUMBERS = METHODS | {GIVEN: 4, AROUND: 5}
USUAL_PASSES = 200  # of a climb that is handed its start
MOST_PASSES = 4000  # of SMALL each, 0.1 s: no Ctrl-C is answered on the way
LONGEST_TRACES = 1 << 16  # iterations of all starts
REHEARSED = 100  # passes of a start's rehearsal, and some
NEIGHBOURS = 500  # passes among the neighbours of the winner, where it has some; 20 to 100 as a rule
STOP_REASONS = {0: LIMIT, 1: CONVERGED, 3: FALL}  # gmm_stop
UNUSUAL = 2
BATCH = 256  # groups in one call, at most
SHARES = 8  # calls a thread: the last ones leave little to wait for


@dataclass(frozen=True)
class Plan:
    """What fits have in common."""

    structure: Covariance
    n_components: int
    method: object
    tol: float
    max_iter: int
    short_iter: int
    n_init: int
    patience: int | None = None  # iterations after which slow climbs leap; None: never

    @property
    def core(self) -> Covariance:
        """What climbs in the structure's place."""
        return self.structure.core

    def work(self, n_rows: int, n_features: int) -> int:
        """Multiply-adds that a fit may take."""
        passes = self.n_init * (self.max_iter + REHEARSED) + NEIGHBOURS
        return passes * most_work(n_rows, self.n_components, n_features)


def is_whole(plan: Plan, n_rows: int, n_features: int) -> bool:
    """Say whether a fit is made in one call: few rows, all of them rehearsed, and soon over."""
    return (
        isinstance(plan.method, str)
        and plan.method in METHODS
        and is_native(plan.structure)
        and are_few(n_rows, plan.n_components, n_features)
        and plan.n_init * (plan.max_iter + REHEARSED) <= LONGEST_TRACES
        and plan.work(n_rows, n_features) <= MOST_PASSES * SMALL
    )


def is_soon_over(plan: Plan, n_rows: int, n_features: int) -> bool:
    """Say whether a climb from a given start is made in one call: soon over, as climbs go."""
    passes = min(plan.max_iter, USUAL_PASSES) * most_work(n_rows, plan.n_components, n_features)
    return climbs_in_core(plan.core) and passes <= MOST_PASSES * SMALL and plan.max_iter <= LONGEST_TRACES


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of some groups of rows, an array over groups of everything."""

    structure: Covariance
    frames: Sequence[Frame]
    n_rows: Sequence[int]
    seeds: Sequence[Sequence[int]]
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    floored: np.ndarray
    traces: np.ndarray  # of all groups, one after the other
    tables: np.ndarray
    log_likelihoods: np.ndarray
    endings: np.ndarray  # (G, 4): gmm_stop, entries of the trace, starts begun, number of the best

    @cached_property
    def ends(self) -> np.ndarray:
        """Where in `traces` each group's ends."""
        return np.cumsum(self.endings[:, 1])

    @cached_property
    def unusual(self) -> np.ndarray:
        """Groups in which something came up that wants a closer look, (G,) bool."""
        return self.endings[:, 0] == UNUSUAL

    @cached_property
    def converged(self) -> np.ndarray:
        return self.endings[:, 0] == 1

    @cached_property
    def collapsed(self) -> np.ndarray:
        """Groups in which a component rests on the floor or lost its rows, (G,) bool."""
        return self.floored.any(axis=1) | (self.weights == 0).any(axis=1)

    @cached_property
    def troubled(self) -> np.ndarray:
        """Groups of which there may be something to complain, (G,) bool."""
        return ~self.converged | self.collapsed

    def log_likelihood(self, g: int) -> float:
        """By the kernel of prediction, nats per unit of sample weight, user coordinates."""
        return float(self.log_likelihoods[g]) + self.frames[g].log_jacobian

    def parameters(self, g: int) -> Parameters:
        """Of one group."""
        covariances = self.structure.from_core(self.covariances[g], len(self.weights[g]))
        return Parameters(self.weights[g], self.means[g], covariances)

    def objective(self, g: int) -> float:
        """Of one group: what its climb reached, nats per unit of sample weight, frame coordinates."""
        return float(self.traces[self.ends[g] - 1])

    def outcome(self, g: int) -> Outcome | None:
        """Of one group; None of an unusual one."""
        stop, n_trace, n_started, winner = self.endings[g].tolist()
        if stop == UNUSUAL:
            return None
        shift, end = self.frames[g].log_jacobian, int(self.ends[g])
        return Outcome(
            parameters=self.parameters(g),
            trace=self.traces[end - n_trace : end],
            floored=self.floored[g],
            stop_reason=STOP_REASONS[stop],
            log_likelihood=self.log_likelihood(g),
            restarts=tuple(
                Restart(seed, log_likelihood + shift, int(n_iter), stopped == 1, int(floored), agreement, same == 1)
                for seed, (log_likelihood, agreement, n_iter, stopped, floored, same) in zip(
                    self.seeds[g], self.tables[g, :n_started].tolist(), strict=False
                )
            ),
            winner=winner,
        )


def fit_batches(
    plan: Plan,
    groups: Sequence[Rows],
    ridges: Sequence[np.ndarray] | None,
    seeds: Sequence[Sequence[int]],
    n_threads: int,
) -> list[Batch]:
    """Fit groups of rows with the same number of features and precision, a batch at a time.

    Parameters
    ----------
    plan : Plan
    groups : sequence of Rows
    ridges : sequence of ndarray (D,), or None
        The user's ``reg_covar`` in the units of each frame.
    seeds : sequence of sequences of int
        One for each start of each group.
    n_threads : int
        Calls are spread over them: each holds the interpreter only between calls, and none spins while it waits.
    """
    largest = plan.work(max(rows.n_rows for rows in groups), groups[0].n_features)
    share = -(-len(groups) // (SHARES * n_threads)) if n_threads > 1 else len(groups)
    size = min(max(MOST_PASSES * SMALL // largest, 1), BATCH, share)

    def fitted(at: int) -> Batch:
        part = slice(at, at + size)
        return _fitted(plan, groups[part], ridges and ridges[part], seeds[part])

    firsts = range(0, len(groups), size)
    if n_threads == 1 or len(firsts) == 1:
        return [fitted(at) for at in firsts]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(fitted, firsts))


def fit_given(plan: Plan, rows: Rows, ridge: np.ndarray | None, starts: Sequence[Parameters]) -> Batch:
    """Climb from each of some given starts on the same rows, in one call; as `fit_batches` otherwise."""
    ridges = None if ridge is None else [ridge] * len(starts)
    return _fitted(plan, [rows] * len(starts), ridges, [[0]] * len(starts), starts)


def _fitted(
    plan: Plan,
    groups: Sequence[Rows],
    ridges: Sequence[np.ndarray] | None,
    seeds: Sequence[Sequence[int]],
    starts: Sequence[Parameters] | None = None,
) -> Batch:
    G, K, D, core = len(groups), plan.n_components, groups[0].n_features, plan.core
    shape = core.shape(K, D)
    if starts is None:
        weights, means, covariances = np.empty((G, K)), np.empty((G, K, D)), np.empty((G, int(np.prod(shape))))
    else:
        weights, means = (_stacked([getattr(each, name) for each in starts]) for name in ("weights", "means"))
        covariances = _stacked([plan.structure.to_core(each.covariances) for each in starts]).reshape(G, -1)
    traces, tables = np.empty((G, plan.max_iter + 1)), np.zeros((G, plan.n_init, 6))
    floored, log_likelihoods, endings = np.zeros((G, K), bool), np.empty(G), np.zeros((G, 4), np.int64)
    _native.fit(
        *([rows.X for rows in groups], [rows.sample_weight for rows in groups]),
        np.ldexp(1.0, -np.array([rows.frame.exponent for rows in groups])),
        *(_stacked([getattr(rows.frame, name) for rows in groups]) for name in ("centre", "floor")),
        *(None if ridges is None else _stacked(ridges), _words(seeds)),
        *(core.kernel, int(groups[0].precision == "float64"), NUMBERS[plan.method]),
        *(plan.tol, plan.max_iter, plan.short_iter, plan.max_iter if plan.patience is None else plan.patience),
        *(weights, means, covariances),
        *(floored, traces, tables, log_likelihoods, endings, 1, core.form),
    )
    endings[endings[:, 0] == UNUSUAL, 1] = 0
    entries = traces[np.arange(traces.shape[1]) < endings[:, 1:2]]
    frames, n_rows = [rows.frame for rows in groups], [rows.n_rows for rows in groups]
    covariances = covariances.reshape(G, *shape)
    return Batch(
        *(plan.structure, frames, n_rows, seeds, weights, means, covariances, floored, entries, tables),
        *(log_likelihoods, endings),
    )


def _words(seeds: Sequence[Sequence[int]]) -> np.ndarray:
    """Seeds modulo 2**64, which is all that `gmm.draws` sees of them, as int64."""
    return np.array([[seed % (1 << 64) for seed in each] for each in seeds], np.uint64).view(np.int64)


def _stacked(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.array(arrays, np.float64)
