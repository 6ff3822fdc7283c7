"""One structure, numbers of components from the bottom up: a start for each, a climb, and what the next learns of it.

Starts of K components are the shared partitions, components all alike about drawn rows, and those of K - 1 components
with one split; once K + 1 are known, also those with two as one (split and merge: Ueda, Nakano, Ghahramani, Hinton
2000). All climb a few iterations on the sketch, the likeliest go on: on few rows `FINALISTS` of them to the end, and
the best, if its structure has a kernel of its own, to its neighbours (`gmm.escape`); on many the best alone, on all
rows. What a union finds takes the place of an earlier climb only if it ends higher.

Invariant: a ladder depends on the rows, the seed and the numbers of components, not on other structures or threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gmm.collapse import is_sound
from gmm.covariances import climbs_in_core, is_native
from gmm.errors import CollapseError, DataError
from gmm.exchange import FEWEST
from gmm.fitting import PATIENCE, climbed, finished, plan_of, require_rows, ridge_in, settled
from gmm.parameters import Parameters
from gmm.partition import from_partition, too_thin
from gmm.record import Fit
from gmm.restarts import Outcome
from gmm.selection.shared import Sketch
from gmm.settings import Settings
from gmm.small import is_small
from gmm.whole import AROUND, GIVEN, Plan, fit_given, is_soon_over

__all__ = ["Ladder", "can_climb"]

SHORT = 12  # iterations of each start on the sketch
SHORT_TOL = 1e-4  # nats per row
FINALISTS = 3
LEAP_SOON = 10  # iterations of plain EM where a pass is dear

Found = Outcome | DataError | CollapseError


def can_climb(settings: Settings) -> bool:
    """Whether a fit by these settings is an ordinary one, which may share its starts with others."""
    structure = settings.structure
    ordinary = structure is structure.plain and settings.prior is None and climbs_in_core(structure.core)
    return ordinary and plan_of(settings) is not None and not settings.warm_start


@dataclass(eq=False)
class Ladder:
    """Fits of one structure.

    Parameters
    ----------
    sketch : Sketch
    settings : mapping of int to Settings
        By number of components.
    names : ndarray of shape (D,), optional
        Of the features.
    """

    sketch: Sketch
    settings: Mapping[int, Settings]
    names: np.ndarray | None = None

    def __post_init__(self) -> None:
        any_settings = next(iter(self.settings.values()))
        self.structure = any_settings.structure
        view = self.sketch.view(self.structure.scaling)
        self.rows, self.seen = view.rows, view.seen
        self.ridge = ridge_in(any_settings.reg_covar, self.rows.frame)
        self.limits = {"floor": self.rows.frame.floor, "ridge": self.ridge}

    def climb(self) -> Iterator[tuple[int, Fit | Exception]]:
        """Numbers of components from the lowest up, with a fit or why there is none."""
        found: dict[int, Found] = {}
        before = None
        for K in sorted(self.settings):
            found[K] = self._attempted(K, found.get(K - 1))
            if before is not None:
                last = self._reconsidered(before, found[before], found[K]) if before == K - 1 else found[before]
                yield before, self._finished(before, last)
            before = K
        yield before, self._finished(before, found[before])

    def _attempted(self, K: int, below: Found | None) -> Found:
        try:
            require_rows(self.settings[K], self.rows.sample_weight, self.rows.n_rows)
            partitions = self.sketch.partitions(K)
            if isinstance(below, Outcome):
                partitions = partitions + self.sketch.splits(self._labels(below), K - 1)
            return self._best(K, [self._begun(K, labels) for labels in partitions] + self._drawn(K))
        except (DataError, CollapseError) as error:
            return error

    def _drawn(self, K: int) -> list[Parameters]:
        """Components that are all alike, about rows that are drawn."""
        if self.seen.n_rows < K or K == 1:
            return []
        covariances = self.structure.take(self.alike, np.zeros(K, np.int64))
        means = [self.seen.frame.points_in(self.seen.X[drawn]) for drawn in self.sketch.drawn(K)]
        return [Parameters(np.full(K, 1.0 / K), each, covariances) for each in means]

    @cached_property
    def alike(self) -> np.ndarray:
        """Covariance of one component that has all rows."""
        return self._begun(1, np.zeros(self.seen.n_rows, np.int64)).covariances

    def _begun(self, K: int, labels: np.ndarray) -> Parameters:
        return from_partition(self.seen, self.structure, K, labels, **self.limits, spare=2)

    def _labels(self, outcome: Outcome) -> np.ndarray:
        """Of the sketch, by a mixture."""
        factors = self.structure.factorize(outcome.parameters)
        return self.seen.score(factors, log_density=False, label=True).label

    def _best(self, K: int, starts: list[Parameters]) -> Outcome:
        """What the likeliest of some starts climbs to."""
        few = self.rows.n_rows <= self.seen.n_rows or is_small(self.rows.n_rows, K, self.rows.n_features)
        finalists = starts
        if len(starts) > 1:
            merits, reached = self._rehearsed(K, starts)
            order = sorted(range(len(starts)), key=merits.__getitem__, reverse=True)
            finalists = [reached(g) for g in order[: FINALISTS if few else 1]]
        best = max(self._climbed(K, finalists), key=self._merit)
        return best if K < FEWEST or not (few and is_native(self.structure)) else self._escaped(K, best)

    def _escaped(self, K: int, best: Outcome) -> Outcome:
        """The same outcome, or a better one by exchanges of its components."""
        plan = replace(self._plan(K), method=AROUND)
        if not is_soon_over(plan, self.rows.n_rows, self.rows.n_features):
            return best
        found = fit_given(plan, self.rows, self.ridge, [best.parameters]).outcome(0)
        return best if found is None else max([best, found], key=self._merit)

    def _rehearsed(
        self, K: int, starts: list[Parameters]
    ) -> tuple[list[tuple[int, float]], Callable[[int], Parameters]]:
        """What each start is ranked by after a few iterations on the sketch, and where it is then.

        What wants a closer look comes last, where it was.
        """
        plan = replace(self._plan(K), max_iter=SHORT, tol=SHORT_TOL, patience=None)
        batch = fit_given(plan, self.seen, self.ridge, starts)
        weight = float(self.seen.n_rows if self.seen.sample_weight is None else self.seen.sample_weight.sum())
        degenerate = self._n_degenerate(batch.weights, batch.floored, weight)
        merits = [
            (-K - 1, 0.0) if batch.unusual[g] else (-int(degenerate[g]), batch.objective(g)) for g in range(len(starts))
        ]
        return merits, lambda g: starts[g] if batch.unusual[g] else batch.parameters(g)

    def _climbed(self, K: int, starts: list[Parameters]) -> list[Outcome]:
        """Climbs to the end on all rows."""
        settings, plan = self.settings[K], self._plan(K)
        found: list[Outcome | None] = [None] * len(starts)
        if is_soon_over(plan, self.rows.n_rows, self.rows.n_features):
            batch = fit_given(plan, self.rows, self.ridge, starts)
            found = [batch.outcome(g) for g in range(len(starts))]
        return [
            outcome or climbed(settings, self.rows, None, self.ridge, lambda seed, own=own: own, [self.sketch.seed])
            for outcome, own in zip(found, starts, strict=True)
        ]

    def _reconsidered(self, K: int, outcome: Found, above: Found) -> Found:
        """The outcome, or a better one by two of the components above as one."""
        if not (isinstance(outcome, Outcome) and isinstance(above, Outcome)) or K == 1:
            return outcome
        unions = self.sketch.unions(self._labels(above), K + 1)
        starts = [outcome.parameters, *(self._begun(K, labels) for labels in unions)]
        merits, reached = self._rehearsed(K, starts)
        best = max(range(1, len(starts)), key=merits.__getitem__)
        if merits[best] <= (merits[0][0], merits[0][1] + self.settings[K].tol):
            return outcome
        (rival,) = self._climbed(K, [reached(best)])
        return max([outcome, rival], key=self._merit)

    def _finished(self, K: int, outcome: Found) -> Fit | Exception:
        if not isinstance(outcome, Outcome):
            return outcome
        settings, rows, held = self.settings[K], self.rows, np.zeros(K, bool)
        try:
            if not is_sound(outcome):
                outcome = settled(settings, rows, outcome, self.names, held, None, self.ridge)
        except CollapseError as error:
            return error
        sizes = (rows.n_rows, rows.total_weight, rows.mean_log_jacobian)
        return finished(settings, rows.frame, *sizes, outcome, self.names, held)

    def _plan(self, K: int) -> Plan:
        dear = not is_small(self.rows.n_rows, K, self.rows.n_features)
        plan = replace(plan_of(self.settings[K]), method=GIVEN, n_init=1)
        return replace(plan, patience=LEAP_SOON) if dear and plan.patience == PATIENCE else plan

    def _merit(self, outcome: Outcome) -> tuple[int, float]:
        degenerate = self._n_degenerate(outcome.parameters.weights, outcome.floored, self.rows.total_weight)
        return -int(degenerate), float(outcome.trace[-1])

    def _n_degenerate(self, weights: np.ndarray, floored: np.ndarray, weight: float) -> np.ndarray:
        """As `gmm.rehearsal.n_degenerate`, of mixing weights (..., K)."""
        return (floored | too_thin(weights * weight, self.structure, self.rows.n_features)).sum(axis=-1)
