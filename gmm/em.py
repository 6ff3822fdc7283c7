"""The EM loop (Dempster, Laird, Rubin 1977): the only one in the package.

    parameters --factorize--> factors --accumulate--> statistics --maximize--> parameters

`climb` knows rows only through ``accumulate`` and the model only through ``factorize`` and ``maximize`` of a
structure; whoever replaces one of the three (missing values, priors, other processes) keeps the loop.

Invariant: statistics, objective and the last entry of the trace belong to the parameters returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmm.convergence import CONVERGED, FALL, LIMIT, STOPPED, fall_allowance, has_converged
from gmm.covariances.base import Covariance
from gmm.errors import GmmError
from gmm.parameters import Factors, Parameters
from gmm.statistics import Statistics

__all__ = ["Callback", "Climb", "climb", "resume"]

Callback = Callable[[int, float, float], object]
Accumulate = Callable[[Factors], Statistics]


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
    """

    parameters: Parameters
    statistics: Statistics
    trace: tuple[float, ...]
    floored: np.ndarray
    stop_reason: str

    @property
    def objective(self) -> float:
        """What the climb maximised, at ``parameters``: nats per unit of sample weight, frame coordinates."""
        return self.trace[-1]

    @property
    def n_iter(self) -> int:
        """Number of M-steps from the start to ``parameters``."""
        return len(self.trace) - 1

    @property
    def converged(self) -> bool:
        return self.stop_reason == CONVERGED


def climb(
    accumulate: Accumulate,
    structure: Covariance,
    parameters: Parameters,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
    tol: float,
    max_iter: int,
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
        Largest number of M-steps; 0 evaluates the start.
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
    statistics = accumulate(_factorized(structure, parameters, ridge))
    first = Climb(parameters, statistics, (_objective(statistics),), np.zeros(parameters.n_components, bool), LIMIT)
    return resume(first, accumulate, structure, floor=floor, ridge=ridge, tol=tol, max_iter=max_iter, callback=callback)


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
    """Carry on a climb until ``max_iter`` M-steps in all; arguments as in `climb`.

    A climb that ran in parts is the same, bit for bit, as one that ran at once. One that converged, fell or was
    stopped is returned as it is.
    """
    if earlier.stop_reason != LIMIT:
        return earlier
    parameters, statistics, floored = earlier.parameters, earlier.statistics, earlier.floored
    trace = list(earlier.trace)
    stop_reason = LIMIT
    for iteration in range(len(trace), max_iter + 1):
        proposal, proposal_floored = structure.maximize(statistics, parameters, ridge=ridge, floor=floor)
        proposed = accumulate(_factorized(structure, proposal, ridge))
        objective = _objective(proposed)
        change = objective - trace[-1]
        if change < -fall_allowance(objective, proposed.epsilon):
            stop_reason = FALL
            break
        parameters, statistics, floored = proposal, proposed, proposal_floored
        trace.append(objective)
        stopped = callback is not None and callback(iteration, objective, change) is True
        if has_converged(trace, tol, statistics.epsilon):
            stop_reason = CONVERGED
            break
        if stopped:
            stop_reason = STOPPED
            break
    return Climb(parameters, statistics, tuple(trace), floored, stop_reason)


def _factorized(structure: Covariance, parameters: Parameters, ridge: np.ndarray | None) -> Factors:
    """Factors, or an error that names the component whose covariance has none."""
    try:
        return structure.factorize(parameters, ridge=ridge)
    except np.linalg.LinAlgError as error:
        structure.validate(parameters.covariances, *parameters.means.shape)
        raise GmmError(f"a covariance cannot be factorized: {error}") from error


def _objective(statistics: Statistics) -> float:
    """Log-likelihood per unit of sample weight, with whatever constants the factors carry."""
    objective = statistics.log_likelihood / statistics.weight
    if math.isnan(objective):
        raise GmmError("the log-likelihood is not a number: some covariance or mean has left the range of float64")
    return float(objective)
