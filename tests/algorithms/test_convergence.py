import math
from dataclasses import replace

import numpy as np
import pytest
from problems import overlapping

from gmm.convergence import ends_by_rounding, fall_allowance, gain_to_come, has_converged
from gmm.covariances import FULL
from gmm.datasets import load_faithful
from gmm.em import climb
from gmm.initialization import start
from gmm.rows import Rows

EPS = 2.0**-52


def geometric(rate, n, *, gain=1.0):
    """Objectives whose gains shrink by ``rate``: the limit is 0."""
    return [-gain * rate**t / (1 - rate) for t in range(n)]


@pytest.mark.parametrize("rate", [0.97, 0.99, 0.999])
@pytest.mark.parametrize("n", [3, 5, 40, 200])
def test_one_slow_rate_is_estimated_exactly(rate, n):
    trace = geometric(rate, n)
    assert gain_to_come(trace) == pytest.approx(-trace[-1], rel=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_quick_rate_is_never_underestimated(rate, n):
    trace = geometric(rate, n)
    assert gain_to_come(trace) >= -trace[-1] * (1 - 1e-6)


@pytest.mark.parametrize("n", [20, 60, 150])
def test_a_slow_climb_hidden_by_a_fast_one_shows_at_longer_lags(n):
    """Gains of 0.8^t drown gains of 0.99^t; the estimate from two successive gains alone is short by far."""
    trace = [fast + 0.01 * slow for fast, slow in zip(geometric(0.8, n), geometric(0.99, n), strict=True)]
    last, middle, first = trace[-1], trace[-2], trace[-3]
    short = (last - middle) ** 2 / ((middle - first) - (last - middle))
    assert short <= gain_to_come(trace) <= -1.5 * trace[-1]
    assert gain_to_come(trace) >= -trace[-1] / 3


def test_fast_early_gains_are_not_believed():
    """The second gain is a millionth of the first: a rate of 1e-6 would promise the end."""
    assert gain_to_come([0.0, 1.0, 1.0 + 1e-6]) == pytest.approx(1e-6)


@pytest.mark.parametrize("trace", [[0.0], [0.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 1.5, 2.5]])
def test_no_end_in_sight(trace):
    assert gain_to_come(trace) == math.inf
    assert not has_converged(trace, 1e6, EPS)


def test_two_estimates_must_agree():
    """A dip in the gains promises the end once; the next gain takes it back."""
    dip = [-1.0, -0.5, -0.25, -0.25 + 1e-9]
    assert gain_to_come(dip) <= 1e-8
    assert not has_converged(dip, 1e-8, EPS)
    assert has_converged([*dip, -0.25 + 1.5e-9], 1e-8, EPS)


@pytest.mark.parametrize("epsilon", [EPS, 2.0**-23])
def test_gains_within_rounding_end_the_climb(epsilon):
    level = -30.0
    assert has_converged([-40.0, level, level + 30 * epsilon], 1e-12, epsilon)
    assert has_converged([level, level], 1e-12, epsilon)
    assert not has_converged([level, level + 1000 * epsilon * abs(level)], 1e-12, epsilon)


def test_noise_of_float32_does_not_keep_a_climb_going():
    rng = np.random.default_rng(0)
    trace = [np.float64(np.float32(-3.0 + g)) for g in geometric(0.9, 400)] + rng.uniform(-1e-7, 1e-7, 400)
    stops = [t for t in range(3, 400) if has_converged(trace[:t], 1e-6, 2.0**-23)]
    assert stops
    assert -geometric(0.9, 400)[stops[0] - 1] < 3e-6


def test_a_slow_climb_below_the_noise_of_float32_is_seen_at_long_lags():
    """Single gains of 4e-8 are a tenth of the noise, but 2e-5 is still to come."""
    rows = Rows.from_array(overlapping().X.astype(np.float32), precision="float32")
    begin = start(rows, FULL, 2, "random_from_data", 0, floor=rows.frame.floor)
    ended = climb(rows.accumulate, FULL, begin, floor=rows.frame.floor, tol=1e-6, max_iter=5000)
    exact = replace(rows, precision="float64")
    rest = climb(exact.accumulate, FULL, ended.parameters, floor=rows.frame.floor, tol=1e-10, max_iter=20_000)
    assert ended.converged
    assert rest.trace[-1] - rest.trace[0] < 5e-6


def test_tol_zero_never_stops():
    assert not has_converged([-1.0, -1.0, -1.0, -1.0], 0.0, EPS)


def test_fall_allowance_follows_the_precision():
    assert fall_allowance(-3.0, EPS) == 1e-11
    assert 1e-6 < fall_allowance(-3.0, 2.0**-23) < 1e-4


def pixels_like():
    """Rows such as an image has: strings of neighbouring colours in two lights, 8 bits with the noise of a sensor."""
    rng = np.random.default_rng(5)
    t = rng.beta(1.5, 1.5, 4000)
    shade = np.column_stack([t, t**1.3, 0.2 + 0.6 * t**2]) * rng.choice([0.6, 1.0], 4000, p=[0.3, 0.7])[:, None]
    return np.round(255 * (shade + 0.03 * rng.normal(size=shade.shape)))


@pytest.mark.parametrize(
    ("X", "n_components", "method"),
    [
        (overlapping().X, 2, "random"),
        (overlapping().X, 2, "random_from_data"),
        (load_faithful().data, 3, "random"),
        (load_faithful().data, 3, "kmeans"),
        (pixels_like(), 16, "kmeans"),
    ],
    ids=["two 1.8 apart, random", "two 1.8 apart, from data", "faithful, random", "faithful, kmeans", "pixels"],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_default_tol_ends_within_three_tol_of_the_optimum(X, n_components, method, seed):
    rows = Rows.from_array(X)
    begin = start(rows, FULL, n_components, method, seed, floor=rows.frame.floor)

    def end(tol):
        return climb(rows.accumulate, FULL, begin, floor=rows.frame.floor, tol=tol, max_iter=20_000)

    loose, tight = end(1e-6), end(1e-12)
    assert loose.converged
    assert tight.converged
    assert loose.n_iter < tight.n_iter
    assert tight.objective - loose.objective < 3e-6


@pytest.mark.parametrize("tol", [1e-10, 1e-6])
def test_a_fall_within_rounding_ends_a_climb_that_has_nothing_larger_to_gain(tol):
    quick = [*geometric(0.1, 12), 0.0]
    assert ends_by_rounding(quick, -1e-8, tol, 1e-7)
    assert not ends_by_rounding(quick, -1e-8, tol, 1e-9)  # more than rounding explains
    assert not ends_by_rounding(quick, -1e-5, tol, 1e-4)  # however large it is, rounding excuses no more than 1e-6


def test_a_fall_within_rounding_does_not_end_a_slow_climb():
    """Its gains drown in rounding one by one, but not together."""
    slow = geometric(0.999, 2000, gain=1e-9 / 0.999**2000)
    assert -slow[-1] == pytest.approx(1e-6, rel=1e-2)
    assert not ends_by_rounding(slow, slow[-1] - 1e-9, 1e-8, 1e-8)
    assert ends_by_rounding(slow, slow[-1] - 1e-9, 2e-6, 1e-8)


def test_a_fall_in_the_first_iteration():
    assert ends_by_rounding([-1.0], -1.0 - 1e-9, 0.0, 1e-8)
    assert not ends_by_rounding([-1.0], -1.0 - 1e-7, 0.0, 1e-8)
