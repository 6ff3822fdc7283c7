"""Tail probabilities of a quadratic form in independent standard normal variables.

    P(Q > 0),    Q = k + sum_l (q_l z_l^2 + c_l z_l)

By inversion of the moment generating function M(s) = E exp(s Q), log M = k s + sum_l (c_l^2 s^2 / (2 (1 - 2 q_l s))
- log(1 - 2 q_l s) / 2), which is analytic off the real line:

    P(Q > 0) = 1/(2 pi i) integral of M(s) / s ds        along a path that crosses the real line between 0 and 1 / (2 q)

The path crosses where M is least (the saddle; Daniels 1954), so nothing cancels, and small probabilities keep their
digits. It bends away from the imaginary axis, to where M falls off, in steps that grow exponentially, so the
trapezoidal rule converges geometrically (Trefethen, Weideman 2014). Imhof (1961) and Davies (1980) integrate along the
axis.

Invariant: a step is halved until two sums agree to `AGREE` of the probability; the last difference is returned with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

__all__ = ["Tail", "positive_probability"]

AGREE = 1e-11
REACH = 40.0  # nats below its largest value at which the integrand is left
BENDS = (0.5, 0.2, 0.0)  # slopes of the path against the imaginary axis
STEP, HALVINGS = 0.25, 8
NOTHING = -750.0  # nats of a probability that float64 cannot tell from 0
LEAST = 0.25  # of the width of the saddle: how near the pole at 0 the path may cross


class Tail(NamedTuple):
    """A probability and how far, absolutely, its last two approximations are apart."""

    probability: float
    error: float


def positive_probability(constant: float, linear: np.ndarray, quadratic: np.ndarray) -> Tail:
    """P(constant + sum_l (quadratic_l z_l^2 + linear_l z_l) > 0) of standard normal z.

    Parameters
    ----------
    constant : float
    linear, quadratic : ndarray of shape (D,)

    Examples
    --------
    A normal variable, and the square of one:

    >>> import numpy as np
    >>> from gmm.quadratic_form import positive_probability
    >>> round(positive_probability(-1.0, np.array([1.0]), np.array([0.0])).probability, 6)  # P(z > 1)
    0.158655
    >>> round(positive_probability(-1.0, np.array([0.0]), np.array([1.0])).probability, 6)  # P(|z| > 1)
    0.317311
    """
    form = _Form(float(constant), np.asarray(linear, np.float64), np.asarray(quadratic, np.float64))
    certain = form.certain()
    if certain is not None:
        return Tail(certain, 0.0)
    saddle = form.saddle()
    if saddle < 0.0:  # more likely than not: the other tail is the smaller one
        other = form.negated().upper_tail(-saddle)
        return Tail(1.0 - other.probability, other.error)
    return form.upper_tail(saddle)


class _Form(NamedTuple):
    k: float
    c: np.ndarray
    q: np.ndarray

    def negated(self) -> _Form:
        return _Form(-self.k, -self.c, -self.q)

    def certain(self) -> float | None:
        """0 or 1 where the form has one sign throughout."""
        flat = self.q == 0.0
        if (self.c[flat] != 0.0).any():
            return None
        curved = ~flat
        extreme = self.k - float((self.c[curved] ** 2 / (4.0 * self.q[curved])).sum())
        if (self.q <= 0.0).all() and extreme <= 0.0:
            return 0.0
        if (self.q >= 0.0).all() and extreme >= 0.0:
            return 1.0
        return None

    def bounds(self) -> tuple[float, float]:
        """Ends of the interval in which M is finite."""
        low, high = float(self.q.min(initial=0.0)), float(self.q.max(initial=0.0))
        return (0.5 / low if low < 0.0 else -math.inf), (0.5 / high if high > 0.0 else math.inf)

    def log_m(self, s: np.ndarray) -> np.ndarray:
        """Log M at complex points (n,)."""
        below = 1.0 - 2.0 * s[:, None] * self.q
        return self.k * s + (0.5 * (self.c * s[:, None]) ** 2 / below - 0.5 * np.log(below)).sum(axis=1)

    def slope(self, s: float) -> float:
        """Derivative of log M at a real point."""
        below = 1.0 - 2.0 * self.q * s
        return self.k + float(((self.q + self.c**2 * s * (1.0 - self.q * s) / below) / below).sum())

    def curvature(self, s: float) -> float:
        below = 1.0 - 2.0 * self.q * s
        return float((2.0 * self.q**2 / below**2 + self.c**2 / below**3).sum())

    def saddle(self) -> float:
        """Where log M is least, by bisection between ends that are doubled, or moved towards a bound."""
        low, high = self.bounds()

        def end(bound: float, sign: float) -> float:
            s = sign / math.sqrt(self.curvature(0.0)) if math.isinf(bound) else bound / 2.0
            for _ in range(200):
                if sign * self.slope(s) >= 0.0:
                    break
                s = 2.0 * s if math.isinf(bound) else (s + bound) / 2.0
            return s

        if self.slope(0.0) == 0.0:
            return 0.0
        ends = (end(low, -1.0), 0.0) if self.slope(0.0) > 0.0 else (0.0, end(high, 1.0))
        if self.slope(ends[0]) * self.slope(ends[1]) >= 0.0:  # beyond what halving towards a bound can tell apart
            return ends[0] if ends[1] == 0.0 else ends[1]
        return float(brentq(self.slope, *ends, xtol=1e-300, rtol=1e-6))

    def upper_tail(self, saddle: float) -> Tail:
        """P(Q > 0) by a path that crosses at, or to the right of, the saddle, which is not negative."""
        if float(self.log_m(np.array([complex(saddle)]))[0].real) < NOTHING:
            return Tail(0.0, 0.0)  # P(Q > 0) <= M(s) for every s >= 0
        high = self.bounds()[1]
        width = 1.0 / math.sqrt(self.curvature(saddle))
        cross = max(saddle, LEAST / math.sqrt(self.curvature(0.0)))
        if cross >= high:
            cross = max(saddle, 0.5 * high)
        scale = min(width, cross, high - cross)
        best = Tail(math.nan, math.inf)
        for bend in BENDS:
            for towards in (1.0, -1.0) if bend else (1.0,):
                found = self._integral(cross, scale, bend * towards)
                if found.error < best.error:
                    best = found
                if best.error <= AGREE * max(best.probability, 0.0):
                    return best
        return best

    def _integral(self, cross: float, scale: float, bend: float) -> Tail:
        """Trapezoidal sums along cross + scale (i sinh u + bend (cosh u - 1)), u >= 0: the other half is conjugate."""
        top = float(self.log_m(np.array([complex(cross)]))[0].real)

        def integrand(u: np.ndarray) -> np.ndarray:
            s = cross + scale * (1j * np.sinh(u) + bend * (np.cosh(u) - 1.0))
            ds = scale * (1j * np.cosh(u) + bend * np.sinh(u))
            with np.errstate(over="ignore", invalid="ignore"):
                return (np.exp(self.log_m(s) - top) * ds / s).imag / math.pi

        end = self._end(integrand)
        if end is None:
            return Tail(0.0, math.inf)
        n, step, error = math.ceil(end / STEP) + 1, STEP, math.inf
        values = integrand(step * np.arange(n))
        total = step * (values.sum() - 0.5 * values[0])
        for _ in range(HALVINGS):
            finer = 0.5 * (total + step * integrand(step * (np.arange(n) + 0.5)).sum())
            error, total = abs(finer - total), finer
            if error <= AGREE * abs(total):
                break
            n, step = 2 * n, 0.5 * step
        return Tail(min(max(float(total) * math.exp(top), 0.0), 1.0), float(error) * math.exp(top))

    @staticmethod
    def _end(integrand: Callable[[np.ndarray], np.ndarray]) -> float | None:
        """Where the integrand has fallen by `REACH` nats for good, as far as looked; None where it grows."""
        u = np.arange(0.0, 120.0, 0.5)
        with np.errstate(all="ignore"):
            size = np.abs(integrand(u))
        finite = np.isfinite(size)
        if not finite.all():
            u, size = u[: int(np.argmin(finite))], size[: int(np.argmin(finite))]
        if len(size) < 2 or size.max() > 1e3 * max(size[:3].max(), 1e-300):
            return None
        large = np.flatnonzero(size > size.max() * math.exp(-REACH))
        return float(u[min(int(large[-1]) + 1, len(u) - 1)])
