"""Fewer passes over the rows: longer steps than EM's own where its climb is slow.

Near an optimum EM is steepest ascent, preconditioned by the information that rows with known components would carry
(Xu and Jordan 1996). In the coordinates of `gmm.covariances.coordinates`, taken about the mixture x it is at, EM's step
f(x) is that ascent's gradient, in nats per row. The last steps tell a quasi-Newton step H f (of EM: Jamshidian and
Jennrich 1997) and the slowest part b of the climb that they have seen (`gmm.curvature`): the step promises a gain of
f'Hf / 2, and what is to come is bounded by

    f'f / (2 b).

The guard: a leap, longer than EM's step, is kept only if the objective does not fall; otherwise EM's own step is taken
from where it started, and the next leaps are shorter and wait. A pass that evaluates a leap also makes the statistics
for the step after it, so a leap that is kept costs no pass more, one that is refused costs one.

Far from an optimum a leap may end in another one, so leaps begin when EM's steps have become short (CALM) and slow.

Invariant: `Memory` is immutable and all that a later iteration needs, so a climb in parts is the climb at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gmm.covariances.base import Covariance
from gmm.covariances.coordinates import Coordinates
from gmm.curvature import Pairs, dot
from gmm.parameters import Parameters

__all__ = ["Leap", "Memory"]

SLOW = 0.25  # and the last gain was this share of the one before
CALM = 0.1  # length of EM's step: at 0.02 climbs take a tenth longer and end no better
RADIUS, LARGEST_RADIUS = 0.1, 1.0  # length of a leap: at first, at most
REACH = 1.0  # how far a leap may move any component, in its own units
WORTHWHILE = 1.5  # times EM's gain, which a leap must promise
LONGEST_PAUSE = 32  # iterations without a leap after many refusals
RESOLVED = 16.0  # units roundoff: EM's step at an optimum in float64 is 0.3 to 14 of them


@dataclass(frozen=True, eq=False)
class Leap:
    """Where to go, by which step (P,) in the coordinates about here, and the gain it promises (nats per row)."""

    parameters: Parameters
    step: np.ndarray
    promise: float
    shortened: bool


@dataclass(frozen=True, eq=False)
class Memory:
    """What a climb remembers of its last iterations.

    Parameters
    ----------
    pairs : Pairs
        Of the last steps along which the objective is concave.
    pull : ndarray (P,), optional
        EM's step where the climb was last; None before the first and after components died or met the floor.
    taken : ndarray (P,), optional
        The step from there to where it is now.
    radius : float
        Longest leap.
    refused : int
        Leaps refused since the last that was kept.
    pause : int
        Iterations to wait before the next.
    last_leap : int
        Iteration of the last leap that was kept, 0 before the first: gains around leaps say nothing of a rate.
    still : bool
        Whether EM's step is no more than rounding.
    near, converged : bool
        Whether the last estimate of what is to come was below tol, after a leap, and whether the last two were.
    coordinates : Coordinates, optional
        About the mixture where the climb is.
    """

    pairs: Pairs = field(default_factory=Pairs)
    pull: np.ndarray | None = None
    taken: np.ndarray | None = None
    radius: float = RADIUS
    refused: int = 0
    pause: int = 0
    last_leap: int = 0
    still: bool = False
    near: bool = False
    converged: bool = False
    coordinates: Coordinates | None = field(default=None, repr=False)

    def seen(
        self,
        structure: Covariance,
        here: Parameters,
        image: Parameters,
        floored: np.ndarray,
        *,
        tol: float,
        epsilon: float,
    ) -> Memory:
        """Remember EM's step from ``here`` to ``image``; forget all where it cannot be trusted.

        Parameters
        ----------
        structure : Covariance
        here, image : Parameters
            Where the climb is and what the M-step makes of it.
        floored : ndarray of shape (K,), bool
            Components of the image that rest on the numerical floor.
        tol : float
            For `converged`, nats per row.
        epsilon : float
            Unit roundoff of the arithmetic on rows.
        """
        if floored.any() or not (here.mixing > 0).all() or not (image.mixing > 0).all():
            return Memory(radius=self.radius, last_leap=self.last_leap)
        coordinates = structure.coordinates(here)
        pull = coordinates.of(image)
        pairs, straight = self.pairs, True
        if self.taken is not None:
            change = self.pull - pull
            straight = dot(self.taken, change) > 0.0
            if straight:
                pairs = pairs.followed_by(self.taken, change)
        memory = replace(
            self, pairs=pairs, pull=pull, taken=pull, pause=max(self.pause - 1, 0), coordinates=coordinates
        )
        still = memory._square <= (RESOLVED * epsilon) ** 2
        near = still or (straight and memory.gain_to_come(tol) <= tol)
        near = near and tol > 0.0 and self.last_leap > 0
        return replace(memory, still=still, near=near, converged=near and self.near)

    def elsewhere(self) -> Memory:
        """What is still of use on another surface that bends much alike, such as that of more of the same rows."""
        return Memory(pairs=self.pairs, last_leap=1)

    def gain_to_come(self, tol: float = 0.0) -> float:
        """Estimate, never too low as far as the pairs have seen, of the rise that is left (nats per row).

        ``inf`` with fewer than two pairs or where they see no optimum. Anything above ``tol`` may be returned early.
        """
        if len(self.pairs) < 2 or self.pull is None:
            return math.inf
        quick = self._square / (2.0 * min(1.0, self.pairs.rates.min()))
        if quick > tol > 0.0:
            return quick
        if self.pairs.slowest <= 0.0:
            return math.inf
        return max(self._square / (2.0 * min(1.0, self.pairs.slowest)), dot(self.pull, self._newton_step) / 2.0)

    def steady(self, trace: Sequence[float]) -> Sequence[float]:
        """The part of a trace that EM's own steps made and whose end its gains may tell; empty where pairs tell it."""
        if not self.last_leap:
            return trace
        return trace[self.last_leap :] if self.pull is None else trace[:0]

    def expectation(self) -> float | None:
        """What the pairs expect to come (nats per row); None before the first leap, when the trace tells it."""
        return self.gain_to_come() if self.last_leap else None

    def leap(self, trace: Sequence[float]) -> Leap | None:
        """A step that promises more than EM's, or None."""
        if len(self.pairs) < 2 or self.coordinates is None or self.pause:
            return None
        if not (self.last_leap or self.refused) and trace[-1] - trace[-2] <= SLOW * (trace[-2] - trace[-3]):
            return None
        if self.still or self._square > CALM**2:
            return None
        if 2.0 * self.radius <= WORTHWHILE * self._square**0.5:  # it promises no more than |pull| radius
            return None
        newton = self._newton_step
        share = min(1.0, self.radius / dot(newton, newton) ** 0.5, REACH / self.coordinates.reach(newton))
        promise = dot(self.pull, newton) * (share - share**2 / 2.0)
        if not promise > WORTHWHILE * self._square / 2.0:
            return None
        step = share * newton
        return Leap(self.coordinates.at(step), step, promise, share < 1.0)

    def kept(self, leap: Leap, gain: float, iteration: int) -> Memory:
        """After a leap that gained so much."""
        radius = min(LARGEST_RADIUS, 2.0 * self.radius) if leap.shortened and gain > leap.promise / 2 else self.radius
        radius = _shorter(radius, leap) if gain < leap.promise / 4 else radius
        return replace(self, taken=leap.step, radius=radius, refused=0, last_leap=iteration)

    def refusing(self, leap: Leap) -> Memory:
        """After a leap that lowered the objective: the next is shorter, and waits twice as long each time."""
        refused = self.refused + 1
        pause = min(2**refused // 2, LONGEST_PAUSE) + 1
        return replace(self, radius=_shorter(self.radius, leap), refused=refused, pause=pause)

    @cached_property
    def _square(self) -> float:
        return dot(self.pull, self.pull)

    @cached_property
    def _newton_step(self) -> np.ndarray:
        return self.pairs.newton_step(self.pull)


def _shorter(radius: float, leap: Leap) -> float:
    return min(radius, dot(leap.step, leap.step) ** 0.5) / 4.0
