"""When to stop: an estimate of the gain still to come.

EM gains shrink, in the end, by a constant rate per iteration. With recent = l_t - l_{t-m}, before = l_{t-m} - l_{t-2m}
and rate = recent / before, what is still to come after iteration t is (Aitken's acceleration: Boehning, Dietz,
Schaub, Schlattmann, Lindsay 1994; McLachlan and Krishnan, The EM Algorithm, section 4.9)

    recent * rate / (1 - rate)

The slowest part of the climb hides behind the faster ones at lag m = 1 and shows at longer lags, so the largest
estimate over m = 1, 2, 4, ..., LONGEST_LAG counts, and over longer lags still until the gain stands clear of rounding:
in float32 single gains drown in it long before the climb ends. Three guards: a rate below one half is taken for one
half (an early gain may collapse before the climb proper begins); gains that do not shrink promise no end; and two
successive iterations must agree.

What no trace can show is a saddle: where gains shrink for long and then grow again, a climb may end on it.

Rounding alone may lower an objective: a covariance is stored to eps, its smallest conditional variances only to eps
times their condition (`Covariance.rounding`). A fall within that ends a climb as converged when nothing larger is to
come; of a covariance so nearly singular that more than WORTH_KEEPING is lost, it is a fall like any other.

Everything is in nats per unit of sample weight. Invariant: a fall of the objective by more than rounding is never
convergence, and no trace holds one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "CONVERGED",
    "FALL",
    "LIMIT",
    "STOPPED",
    "ends_by_rounding",
    "fall_allowance",
    "gain_to_come",
    "has_converged",
]

CONVERGED = "converged"  #: the estimated gain still to come is below tol
FALL = (
    "objective fell"  #: the objective fell with more than rounding to come, or by more; the better parameters are kept
)
STOPPED = "callback"  #: a callback asked for it
LIMIT = "max_iter"  #: the iteration limit came first

LONGEST_LAG = 16  # at 4 some slow problems of the tests ended 8 tol short, at 16 at most 2.1; 32 costs iterations
SLOWEST_TRUSTED_RATE = 0.5
CLEAR = 8.0  # times the noise a gain must be for its rate to mean something
FALL_ALLOWANCE = 1e-11  # nats per row: contract 5 of the numerical contract
WORTH_KEEPING = 1e-6  # nats per row, the default tol: what a climb promises, it does not give away to rounding
ROUNDING_ULPS = 4.0  # of the mean log-likelihood: measured noise of block sums is below 2


def rounding(objective: float, epsilon: float) -> float:
    """Noise of an objective of this size, in nats per row, when rows are summed with unit roundoff ``epsilon``."""
    return ROUNDING_ULPS * epsilon * max(1.0, abs(objective))


def fall_allowance(objective: float, epsilon: float) -> float:
    """Largest decrease that rounding may explain, in nats per row: 1e-11 in float64, 16 noises in float32."""
    return max(FALL_ALLOWANCE, 16.0 * rounding(objective, epsilon))


def gain_to_come(
    trace: Sequence[float], last: int | None = None, *, noise: float = 0.0, slowest: float = SLOWEST_TRUSTED_RATE
) -> float:
    """Estimate the objective's rise from ``trace[last]`` to its limit.

    Parameters
    ----------
    trace : sequence of float
        Objective of the start and after each iteration, nats per row.
    last : int, optional
        The iteration to judge from; the latest by default.
    noise : float
        Gains up to this size count as none.
    slowest : float
        Smaller rates, over lags up to LONGEST_LAG, are taken for this one.

    Returns
    -------
    float
        Nats per row; ``inf`` where the trace is too short or its gains do not shrink.

    Examples
    --------
    A gain that halves every time is what is still to come:

    >>> from gmm.convergence import gain_to_come
    >>> gain_to_come([0.0, 1.0, 1.5, 1.75])
    0.25
    >>> gain_to_come([0.0, 1.0, 2.0])
    inf
    """
    last = len(trace) - 1 if last is None else last
    if last < 2:
        return 0.0 if last == 1 and abs(trace[1] - trace[0]) <= noise else math.inf
    worst, lag, recent = 0.0, 1, 0.0
    while 2 * lag <= last and (lag <= LONGEST_LAG or recent <= CLEAR * noise):
        middle = trace[last - lag]
        recent, before = trace[last] - middle, middle - trace[last - 2 * lag]
        if recent > noise:
            if recent >= before:
                return math.inf
            rate = recent / before
            if lag <= LONGEST_LAG:
                rate = max(rate, slowest)
            worst = max(worst, recent * rate / (1.0 - rate))
        lag *= 2
    return worst


def has_converged(trace: Sequence[float], tol: float, epsilon: float) -> bool:
    """Say whether what is still to come is below ``tol`` (nats per row), by two successive estimates.

    A gain within rounding settles it at once. ``tol=0`` never stops a climb.

    Examples
    --------
    >>> from gmm.convergence import has_converged
    >>> has_converged([-3.0, -2.0, -1.9, -1.89, -1.889, -1.8889], 0.02, 2e-16)
    True
    """
    if tol <= 0.0 or len(trace) == 0:
        return False
    last = len(trace) - 1
    noise = rounding(trace[last], epsilon)
    if gain_to_come(trace, last, noise=noise) > tol:
        return False
    quiet = trace[last] - trace[last - 1] <= noise
    return quiet or gain_to_come(trace, last - 1, noise=noise) <= tol


def ends_by_rounding(
    trace: Sequence[float], fallen: float, tol: float, noise: float, to_come: float | None = None
) -> bool:
    """Say whether a climb whose next objective would be ``fallen`` has converged to what rounding can resolve.

    So it is when the fall is within ``noise``, what rounding of the covariances may cost (nats per row; of more than
    tol and WORTH_KEEPING no more counts), and what is to come is below tol or drowns in it. No rate is taken for a
    slower one here: over the long lags that show anything, a gain is mostly an old one. A climb that knows
    better what is ``to_come`` says so.

    Examples
    --------
    >>> from gmm.convergence import ends_by_rounding
    >>> ends_by_rounding([-3.0, -2.0, -2.0 + 1e-9], -2.0, 1e-10, noise=1e-8)
    True
    >>> ends_by_rounding([-3.0, -2.0, -2.0 + 1e-9], -2.0, 1e-10, noise=1e-12)
    False
    """
    noise = min(noise, max(tol, WORTH_KEEPING))
    if to_come is None:
        to_come = gain_to_come([*trace, fallen], noise=noise, slowest=0.0)
    return fallen >= trace[-1] - noise and to_come <= max(tol, noise)
