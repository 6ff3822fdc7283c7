"""A climb in one call of the core is the climb of the loop in Python, bit for bit."""

from dataclasses import replace

import numpy as np
import problems
import pytest
from framed_rows import framed
from tolerances import EPS32, EPS64

from gmm import _native, small
from gmm.convergence import has_converged
from gmm.covariances import FULL, STRUCTURES
from gmm.covariances.full import Full
from gmm.em import climb, resume
from gmm.errors import GmmError, ParameterError
from gmm.initialization import start
from gmm.noise import Noise
from gmm.parameters import Parameters
from gmm.rows import Rows
from gmm.small import SMALL, most_work, rows_of


def both(rows, structure, begin, **limits):
    """The climb in the core and the one in Python, which a callback or another way to accumulate asks for."""
    limits = {"floor": rows.frame.floor, "tol": 1e-8, "max_iter": 60} | limits
    assert rows_of(rows.accumulate, structure, begin) is rows
    quick = climb(rows.accumulate, structure, begin, **limits)
    slow = climb(lambda factors: rows.accumulate(factors), structure, begin, **limits)
    return quick, slow


def assert_same(quick, slow):
    assert quick.trace == slow.trace
    assert quick.stop_reason == slow.stop_reason
    np.testing.assert_array_equal(quick.floored, slow.floored)
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(quick.parameters, name), getattr(slow.parameters, name))
    for name in ("n", "first", "second", "means", "log_likelihood", "weight", "n_rows", "epsilon"):
        np.testing.assert_array_equal(getattr(quick.statistics, name), getattr(slow.statistics, name))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ridge", [None, 0.05])
@pytest.mark.parametrize(("D", "precision"), [(1, "float64"), (3, "float32"), (4, "float64"), (11, "float64")])
def test_same_bits(structure, D, precision, ridge, weighted):
    X = problems.blobs(220, n_features=D, n_components=3, separation=2.0).X
    weight = np.random.default_rng(0).uniform(0, 2, len(X)) if weighted else None
    rows = Rows.from_array(X, weight, scaling=structure.scaling, precision=precision)
    begin = start(rows, structure, 3, "random_from_data", 1, floor=rows.frame.floor)
    for limits in ({}, {"tol": 0.0, "max_iter": 7}, {"max_iter": 0}, {"max_iter": 1}):
        quick, slow = both(rows, structure, begin, ridge=None if ridge is None else np.full(D, ridge), **limits)
        assert_same(quick, slow)
    assert begin.weights.base is None
    np.testing.assert_array_equal(begin.weights, np.full(3, 1 / 3))


def test_in_parts(structure):
    rows = framed(problems.blobs(200).X, structure)
    begin = start(rows, structure, 3, "random_from_data", 0, floor=rows.frame.floor)
    limits = {"floor": rows.frame.floor, "tol": 1e-9}
    whole = climb(rows.accumulate, structure, begin, max_iter=50, **limits)
    part = climb(rows.accumulate, structure, begin, max_iter=4, **limits)
    kept = part.trace, part.parameters.means.copy(), part.statistics.second.copy()
    assert_same(resume(part, rows.accumulate, structure, max_iter=50, **limits), whole)
    assert part.trace == kept[0]
    np.testing.assert_array_equal(part.parameters.means, kept[1])
    np.testing.assert_array_equal(part.statistics.second, kept[2])


def test_a_start_out_of_the_ordinary_is_left_to_the_loop():
    """A covariance without factors is named; the objective of a mean beyond float64's reach is no number."""
    rows = framed(problems.blobs(50).X, FULL)
    broken = Parameters(np.full(2, 0.5), np.zeros((2, 2)), np.stack([np.eye(2), -np.eye(2)]))
    with pytest.raises(ParameterError, match="component 1 is not positive definite"):
        climb(rows.accumulate, FULL, broken, floor=rows.frame.floor, tol=0.0, max_iter=5)
    for limits in ({"max_iter": 0}, {"max_iter": 3}):
        unknown = Parameters(np.full(2, 0.5), np.full((2, 2), np.nan), np.stack([np.eye(2)] * 2))
        with pytest.raises(GmmError):
            climb(rows.accumulate, FULL, unknown, floor=rows.frame.floor, tol=0.0, **limits)


def test_more_iterations_than_one_call(monkeypatch):
    rows = framed(problems.blobs(40, separation=1.0).X, FULL)
    begin = start(rows, FULL, 3, "random_from_data", 0, floor=rows.frame.floor)
    monkeypatch.setattr(small, "SLICE", 100 * most_work(rows.n_rows, 3, rows.n_features))
    quick, slow = both(rows, FULL, begin, tol=0.0, max_iter=250)
    assert_same(quick, slow)
    assert quick.n_iter == 250


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_floor_dead_components_and_far_means(structure, shift):
    """Fewer distinct rows than a covariance needs, a component without rows, tied means too far for its kernel."""
    X = problems.blobs(60, n_features=2, n_components=3).X
    X[:20] = X[0]
    X[40:] += shift
    rows = framed(X, structure)
    begin = start(rows, structure, 4, "random_from_data", 0, floor=rows.frame.floor)
    dead = Parameters(np.array([0.4, 0.3, 0.3, 0.0]), begin.means, begin.covariances)
    for parameters in (begin, dead):
        assert_same(*both(rows, structure, parameters))


def test_who_may_take_it():
    rows = framed(problems.blobs(100).X, FULL)
    few, many = (Parameters(np.full(K, 1 / K), np.zeros((K, 2)), np.ones((K, 2, 2))) for K in (3, SMALL // 100))
    assert rows_of(rows.accumulate, FULL, few) is rows
    assert rows_of(lambda factors: None, FULL, few) is None
    assert rows_of(rows.accumulate, FULL, many) is None
    assert rows_of(rows.accumulate, FULL, few.with_noise(Noise(0.1, 1.0, np.zeros(2), np.ones(2)))) is None
    assert rows_of(replace(rows, log_prior=np.zeros((100, 3))).accumulate, FULL, few) is None

    class Other(Full):
        def maximize(self, *arguments, **limits):
            raise NotImplementedError

    assert rows_of(rows.accumulate, Other(), few) is None

    class Changed(Rows):
        def accumulate(self, factors):
            raise NotImplementedError

    assert rows_of(Changed(rows.X, None, rows.frame).accumulate, FULL, few) is None
    heard = []
    ended = climb(
        rows.accumulate,
        FULL,
        start(rows, FULL, 3, "random_from_data", 0, floor=rows.frame.floor),
        floor=rows.frame.floor,
        tol=1e-6,
        max_iter=50,
        callback=lambda *progress: heard.append(progress),
    )
    assert len(heard) == ended.n_iter


@pytest.mark.parametrize("epsilon", [EPS64, EPS32])
def test_the_stopping_rule_is_the_same(epsilon):
    """Traces that slow down at one or two rates, with noise of rounding, judged at every length and several tol."""
    rng = np.random.default_rng(0)
    agreed = set()
    for _ in range(60):
        rate, other = rng.uniform(0.2, 0.99, 2)
        steps = np.arange(80)
        trace = -3 - rate**steps - rng.uniform(0, 0.1) * other**steps
        trace += rng.normal(size=80) * epsilon * rng.choice([0.0, 3.0])
        for length in range(1, 81):
            for tol in (0.0, 1e-9, 1e-6, 1e-3):
                expected = has_converged(list(trace[:length]), tol, epsilon)
                assert _native.has_converged(trace[:length].copy(), tol, epsilon) == expected
                agreed.add(expected)
    assert agreed == {False, True}


def test_arguments_are_checked():
    rows = framed(problems.blobs(30).X, STRUCTURES["full"])
    with pytest.raises(ValueError, match="trace: expected shape"):
        _native.climb(
            *(rows.X, None, rows.frame.scale, rows.frame.centre, 0, 1, None, rows.frame.floor, None, EPS64, 0.0, 5),
            *(np.ones(1), np.zeros((1, 2)), np.eye(2)[None].copy(), np.ones(1), np.zeros((1, 2))),
            *(np.eye(2)[None].copy(), np.zeros(1, bool), np.zeros(3), 1, 0.0, 30.0),
        )
