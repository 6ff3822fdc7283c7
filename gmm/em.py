"""The EM loop (Dempster, Laird, Rubin 1977): the only one in the package.

    parameters --factorize--> factors --accumulate--> statistics --maximize--> parameters

`climb` knows rows only through ``accumulate`` and the model only through ``factorize`` and ``maximize`` of a
structure; whoever replaces one of the three (missing values, priors, other processes) keeps the loop. On few rows the
core runs the same iterations in one call (`gmm.small`). Where EM is slow `gmm.acceleration` proposes longer steps,
which the loop keeps as long as the objective does not fall.

Invariant: statistics, objective and the last entry of the trace belong to the parameters returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gmm.acceleration import Leap, Memory
from gmm.convergence import (
    CONVERGED,
    FALL,
    LIMIT,
    STOPPED,
    ends_by_rounding,
    fall_allowance,
    gain_to_come,
    has_converged,
    rounding,
)
from gmm.covariances.base import Covariance
from gmm.covariances.floor import lift
from gmm.errors import GmmError
from gmm.parameters import Factors, Parameters
from gmm.small import advance, begin, rows_of
from gmm.statistics import Statistics
from gmm.workers import give_up_if_stopped

__all__ = ["Accumulate", "Callback", "Climb", "climb", "resume", "settled"]

Callback = Callable[[int, float, float], object]
Accumulate = Callable[[Factors], Statistics]
Maximized = tuple[Parameters, np.ndarray]
Arrival = tuple[Statistics, float, Maximized]

NEAR = 2.0**-26  # of the floor: what rounding may have added to a variance that it holds


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a climb ended and how it went.

    Parameters
    ----------
    parameters : Parameters
        The last ones, in frame coordinates; the better ones where the objective fell.
    statistics : Statistics
        Of the rows under these parameters.
    trace : tuple of float
        Objective of the start and after each M-step: ``n_iter + 1`` values, nats per unit of sample weight, frame
        coordinates.
    floored : ndarray of shape (K,), bool
        Components whose covariance rested on the numerical floor in the last M-step.
    stop_reason : str
        "converged", "max_iter", "objective fell" or "callback".
    n_passes : int
        Passes over the rows, those of refused leaps included.
    memory : Memory, optional
        What an accelerated climb knows of its last steps; None for plain EM.
    """

    parameters: Parameters
    statistics: Statistics
    trace: tuple[float, ...]
    floored: np.ndarray
    stop_reason: str
    n_passes: int
    memory: Memory | None = None

    @property
    def objective(self) -> float:
        """What the climb maximised, at ``parameters``: nats per unit of sample weight, frame coordinates."""
        return self.trace[-1]

    @property
    def n_iter(self) -> int:
        """Number of steps from the start to ``parameters``."""
        return len(self.trace) - 1

    @property
    def converged(self) -> bool:
        return self.stop_reason == CONVERGED

    @property
    def promise(self) -> float:
        """Objective that the climb may reach, as far as it can tell."""
        expected = None if self.memory is None else self.memory.expectation()
        return self.objective + (gain_to_come(self.trace) if expected is None else expected)


def climb(
    accumulate: Accumulate,
    structure: Covariance,
    parameters: Parameters,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    tol: float,
    max_iter: int,
    accelerated: bool = False,
    callback: Callback | None = None,
) -> Climb:
    """Run EM from ``parameters`` until what is still to come is below ``tol``.

    Parameters
    ----------
    accumulate : callable
        Factors to Statistics: the E-step, such as ``rows.accumulate``.
    structure : Covariance
        Its ``factorize`` and ``maximize`` are the rest of the iteration.
    parameters : Parameters
        The start, in frame coordinates.
    floor : ndarray of shape (D,)
        Numerical floor of the variances, frame units.
    ridge : ndarray of shape (D,), optional
        The user's ``reg_covar`` in frame units; the objective then includes its penalty.
    tol : float
        Nats per row; 0 runs all of ``max_iter``. See `gmm.convergence`.
    max_iter : int
        Largest number of steps; 0 evaluates the start.
    accelerated : bool
        Whether to leap where EM is slow.
    callback : callable, optional
        Called after each iteration as ``callback(iteration, objective, change)``; True stops the climb.

    Returns
    -------
    Climb

    Raises
    ------
    GmmError
        When the objective is not a number or a covariance not positive definite, which finite rows and valid
        parameters should not cause; it names the component.
    """
    limits = {"floor": floor, "ridge": ridge, "tol": tol, "max_iter": max_iter}
    parameters = structure.admit(parameters)
    plain = callback is None and not accelerated
    few = rows_of(accumulate, structure, parameters) if plain else None
    begun = None if few is None else begin(few, structure, parameters, **limits)
    if begun is not None:
        parameters, statistics, floored, trace, converged = begun
        stop_reason = CONVERGED if converged else LIMIT
        first = Climb(parameters, statistics, tuple(trace), floored, stop_reason, len(trace))
    else:
        statistics = accumulate(_factorized(structure, parameters, ridge))
        floored = np.zeros(parameters.n_components, bool)
        memory = Memory() if accelerated else None
        objective = _objective(structure, statistics, parameters)
        first = Climb(parameters, statistics, (objective,), floored, LIMIT, 1, memory)
    return resume(first, accumulate, structure, **limits, callback=callback)


def resume(
    earlier: Climb,
    accumulate: Accumulate,
    structure: Covariance,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Climb:
    """Carry on a climb until ``max_iter`` steps in all; arguments as in `climb`.

    A climb that ran in parts is the same, bit for bit, as one that ran at once. One that converged, fell or was
    stopped is returned as it is.
    """
    if earlier.stop_reason != LIMIT:
        return earlier
    parameters, statistics, floored = earlier.parameters, earlier.statistics, earlier.floored
    trace, memory, n_passes = list(earlier.trace), earlier.memory, earlier.n_passes
    plain = callback is None and memory is None
    few = rows_of(accumulate, structure, parameters) if plain else None
    if few is not None:
        limits = {"floor": floor, "ridge": ridge, "tol": tol, "max_iter": max_iter}
        parameters, statistics, floored, converged = advance(
            few, structure, parameters, statistics, floored, trace, **limits
        )
        n_passes += len(trace) - len(earlier.trace)
        if converged:
            return Climb(parameters, statistics, tuple(trace), floored, CONVERGED, n_passes)
    stop_reason = LIMIT

    def maximized(statistics: Statistics, previous: Parameters) -> Maximized:
        return structure.maximize(statistics, previous, ridge=ridge, floor=floor)

    def landed(leap: Leap) -> Arrival | None:
        """What is found where a leap ends; None if the objective is lower there or the next M-step meets the floor."""
        try:
            found = accumulate(structure.factorize(leap.parameters, ridge=ridge))
        except np.linalg.LinAlgError:
            return None
        objective = float(found.log_likelihood / found.weight) - structure.penalty(leap.parameters)
        if not objective >= trace[-1] - rounding(trace[-1], found.epsilon):
            return None
        onward = maximized(found, leap.parameters)
        return None if onward[1].any() else (found, objective, onward)

    onward = None
    for iteration in range(len(trace), max_iter + 1):
        give_up_if_stopped()
        proposal, proposal_floored = onward or maximized(statistics, parameters)
        onward = leap = None
        if memory is not None:
            told = {"tol": tol, "epsilon": statistics.epsilon}
            memory = memory.seen(structure, parameters, proposal, proposal_floored, **told)
            if memory.converged:
                stop_reason = CONVERGED
                break
            leap = memory.leap(trace)
        if leap is not None:
            n_passes += 1
            arrival = landed(leap)
            if arrival is None:
                memory, leap = memory.refusing(leap), None
            else:
                proposal, (proposed, objective, onward) = leap.parameters, arrival
                memory = memory.kept(leap, objective - trace[-1], iteration)
        if leap is None:
            n_passes += 1
            proposed = accumulate(_factorized(structure, proposal, ridge))
            objective = _objective(structure, proposed, proposal)
        change = objective - trace[-1]
        if change < -fall_allowance(objective, proposed.epsilon):
            noise = max(structure.rounding(each) for each in (parameters, proposal))
            expected = None if memory is None else memory.expectation()
            stop_reason = CONVERGED if ends_by_rounding(trace, objective, tol, noise, expected) else FALL
            floored = floored | proposal_floored  # what the step ran into
            if len(trace) == 1:  # a start does not know what it rests on
                floored = floored | _resting(structure, parameters, floor, proposed.epsilon)
            break
        parameters, statistics, floored = proposal, proposed, proposal_floored
        trace.append(objective)
        stopped = callback is not None and callback(iteration, objective, change) is True
        steady = trace if memory is None else memory.steady(trace)
        if has_converged(steady, tol, statistics.epsilon):
            stop_reason = CONVERGED
            break
        if stopped:
            stop_reason = STOPPED
            break
    return Climb(parameters, statistics, tuple(trace), floored, stop_reason, n_passes, memory)


def settled(
    ended: Climb,
    accumulate: Accumulate,
    structure: Covariance,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    tol: float,
    max_iter: int,
    accelerated: bool = False,
    callback: Callback | None = None,
) -> Climb:
    """Go on from a better order of the components as long as a climb that has converged leaves one.

    Arguments as in `climb`, for ``max_iter`` steps in all; to change the order is a step.
    """
    while ended.converged and ended.n_iter < max_iter:
        better = structure.rearranged(ended.parameters, tol)
        if better is None:
            break
        done = ended.n_iter + 1
        said = None if callback is None else lambda n_iter, *progress, done=done: callback(done + n_iter, *progress)
        how = {"floor": floor, "ridge": ridge, "tol": tol, "accelerated": accelerated, "callback": said}
        more = climb(accumulate, structure, better, **how, max_iter=max_iter - done)
        if more.trace[0] < ended.objective:
            break  # by rounding
        ended = replace(more, trace=ended.trace + more.trace, n_passes=ended.n_passes + more.n_passes)
    return ended


def _factorized(structure: Covariance, parameters: Parameters, ridge: np.ndarray | None) -> Factors:
    """Factors, or an error that names the component whose covariance has none."""
    try:
        return structure.factorize(parameters, ridge=ridge)
    except np.linalg.LinAlgError as error:
        structure.check(parameters.covariances, *parameters.means.shape)
        raise GmmError(f"a covariance cannot be factorized: {error}") from error


def _resting(structure: Covariance, parameters: Parameters, floor: np.ndarray, epsilon: float) -> np.ndarray:
    """Living components (K,) whose covariance is no larger than the floor lets it be."""
    matrices = structure.dense(parameters.covariances, *parameters.means.shape)
    return lift(matrices, floor * (1.0 + NEAR), epsilon)[1] & (parameters.weights > 0.0)


def _objective(structure: Covariance, statistics: Statistics, parameters: Parameters) -> float:
    """Log-likelihood per unit of sample weight, with whatever constants the factors carry, less the penalty."""
    objective = statistics.log_likelihood / statistics.weight - structure.penalty(parameters)
    if math.isnan(objective):
        raise GmmError("the log-likelihood is not a number: some covariance or mean has left the range of float64")
    return float(objective)
