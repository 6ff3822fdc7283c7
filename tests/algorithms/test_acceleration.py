"""Leaps: fewer passes to the same optimum, never a fall, and an end as honest as plain EM's."""

from dataclasses import replace

import numpy as np
import pytest
from framed_rows import framed
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import DEGENERATE, blobs, overlapping
from tolerances import MONOTONE

from gmm.acceleration import Leap, Memory
from gmm.convergence import CONVERGED, FALL, LIMIT
from gmm.covariances import FULL, SPHERICAL, STRUCTURES
from gmm.curvature import Pairs
from gmm.datasets import load_faithful
from gmm.em import climb, resume
from gmm.initialization import start
from gmm.rows import Rows


class Counted:
    """Rows that count their passes."""

    def __init__(self, rows):
        self.rows, self.passes = rows, 0

    def accumulate(self, factors):
        self.passes += 1
        return self.rows.accumulate(factors)


def run(rows, structure=FULL, n_components=2, *, method="random_from_data", seed=0, ridge=None, **more):
    frame = (rows.rows if isinstance(rows, Counted) else rows).frame
    limits = {"floor": frame.floor, "ridge": ridge}
    begin = start(getattr(rows, "rows", rows), structure, n_components, method, seed, **limits)
    options = {"tol": 1e-6, "max_iter": 20_000, "accelerated": True} | limits | more
    return climb(rows.accumulate, structure, begin, **options)


SLOW = {
    "two 1.8 apart": lambda: (overlapping().X, 2),
    "faithful, 3": lambda: (load_faithful().data, 3),
    "four 1.5 apart in 2": lambda: (blobs(4000, n_components=4, separation=1.5).X, 4),
    "six 2 apart in 5": lambda: (blobs(4000, n_features=5, n_components=6, separation=2.0).X, 6),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", SLOW)
def test_a_slow_climb_ends_within_tol_of_plain_em_in_fewer_passes(name, seed, structure):
    X, n_components = SLOW[name]()
    rows = Counted(framed(X, structure))
    plain = run(rows, structure, n_components, seed=seed, tol=1e-9, accelerated=False)
    target = plain.objective - 1e-6
    passes = 1 + next(i for i, objective in enumerate(plain.trace) if objective >= target)
    rows.passes = 0
    quick = run(rows, structure, n_components, seed=seed)
    assert quick.stop_reason == CONVERGED
    assert quick.n_passes == rows.passes
    assert quick.objective >= target
    reached = 1 + next(i for i, objective in enumerate(quick.trace) if objective >= target)
    refused = quick.n_passes - len(quick.trace)
    assert reached + refused <= max(1.1 * passes, 1 + passes)
    if passes > 100:
        assert quick.n_passes < plain.n_passes / 2


def test_a_plateau_of_hundreds_of_iterations_takes_dozens():
    rows = framed(overlapping().X)
    plain, quick = (run(rows, accelerated=accelerated) for accelerated in (False, True))
    assert plain.n_passes > 5 * quick.n_passes
    assert quick.objective >= plain.objective - 1e-6


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(STRUCTURES)),
    n_features=st.integers(1, 5),
    n_components=st.integers(2, 5),
    separation=st.sampled_from([0.5, 1.5, 3.0]),
    seed=st.integers(0, 10**6),
    weighted=st.booleans(),
    ridge=st.sampled_from([None, 1e-3]),
)
def test_the_objective_never_falls(name, n_features, n_components, separation, seed, weighted, ridge):
    structure = STRUCTURES[name]
    problem = blobs(300, n_features=n_features, n_components=n_components, separation=separation, seed=seed)
    weight = np.random.default_rng(seed).integers(0, 4, 300).astype(float) if weighted else None
    rows = Counted(framed(problem.X * [10.0**j for j in range(n_features)], structure, weight))
    ridge = ridge and np.full(n_features, ridge)
    ended = run(rows, structure, n_components, seed=seed, ridge=ridge, tol=0.0, max_iter=80)
    assert ended.stop_reason == LIMIT
    assert -np.diff(ended.trace).min() <= MONOTONE
    assert ended.n_passes == rows.passes
    again = rows.accumulate(structure.factorize(ended.parameters, ridge=ridge))
    assert ended.objective == again.log_likelihood / again.weight


@pytest.mark.parametrize("name", DEGENERATE)
def test_on_the_floor_climbs_are_plain(name, structure):
    rows = framed(DEGENERATE[name]()[0], structure)
    plain, quick = (run(rows, structure, method="kmeans", accelerated=flag) for flag in (False, True))
    assert quick.stop_reason == plain.stop_reason
    if plain.floored.all():
        assert quick.trace == plain.trace
    assert quick.objective >= plain.objective - 1e-6


def test_a_climb_in_parts_is_the_same_climb(structure):
    rows = framed(blobs(600, n_components=3, separation=1.5).X, structure)
    whole = run(rows, structure, 3, tol=1e-9, max_iter=60)
    assert whole.memory.last_leap > 0
    for parts in ((3,), (5, 6, 12, 13), tuple(range(60))):
        part = run(rows, structure, 3, tol=1e-9, max_iter=0)
        for until in (*parts, 60):
            part = resume(part, rows.accumulate, structure, floor=rows.frame.floor, tol=1e-9, max_iter=until)
        assert part.trace == whole.trace
        assert (part.stop_reason, part.n_passes) == (whole.stop_reason, whole.n_passes)
        np.testing.assert_array_equal(part.parameters.covariances, whole.parameters.covariances)


def test_refused_leaps_leave_plain_em(monkeypatch, structure):
    """Leaps far away lower the objective: each costs a pass, fewer and fewer are tried, and nothing else changes."""
    rows = framed(blobs(300).X, structure)

    def far(self, trace):
        if self.pause or self.pull is None:
            return None
        step = np.zeros_like(self.pull)
        step[3:9] = 3.0 * np.random.default_rng(len(trace)).normal(size=6)  # the means
        return Leap(self.coordinates.at(step), step, 1.0, False)

    options = {"method": "kmeans", "tol": 0.0, "max_iter": 60}
    plain = run(rows, structure, 3, accelerated=False, **options)
    monkeypatch.setattr(Memory, "leap", far)
    ended = run(rows, structure, 3, **options)
    assert ended.trace == plain.trace
    assert 3 <= ended.n_passes - plain.n_passes <= 7


def test_a_leap_onto_the_floor_is_refused(monkeypatch):
    """A component that shrinks onto one row is likelier than the truth, and no merit."""
    X = blobs(300).X
    X[:40] = X[0]
    rows = framed(X)
    collapsed = {}

    def onto_one_row(self, trace):
        if self.pause or self.pull is None:
            return None
        here = self.coordinates.origin
        means, covariances = here.means.copy(), here.covariances.copy()
        means[1], covariances[1] = rows.frame.points_in(X[:1])[0], np.eye(2) * 1e-40
        there = replace(here, means=means, covariances=covariances)
        collapsed[len(trace)] = rows.accumulate(FULL.factorize(there)).log_likelihood / 300
        return Leap(there, np.ones_like(self.pull), 1.0, False)

    monkeypatch.setattr(Memory, "leap", onto_one_row)
    ended = run(rows, FULL, 3, method="kmeans", tol=0.0, max_iter=12)
    assert any(objective > ended.trace[n - 1] for n, objective in collapsed.items())
    assert not ended.floored.any()
    assert ended.memory.last_leap == 0


def test_callback_and_trace_tell_only_what_was_kept():
    seen = []
    ended = run(framed(overlapping().X), callback=lambda *told: seen.append(told))
    assert [told[0] for told in seen] == list(range(1, ended.n_iter + 1))
    assert tuple(told[1] for told in seen) == ended.trace[1:]
    assert ended.n_passes >= len(ended.trace)


def test_compiled_and_twin_end_alike(structure):
    X = blobs(2500, n_features=3, n_components=3, separation=1.5).X
    compiled, reference = (run(framed(X, structure, twin=twin), structure, 3, tol=1e-10) for twin in (False, True))
    assert compiled.memory.last_leap > 0
    assert compiled.objective == pytest.approx(reference.objective, abs=1e-9)


def test_float32_ends_where_float64_does(structure):
    X = blobs(4000, n_components=4, separation=1.5).X.astype(np.float32)
    rows = Rows.from_array(X, precision="float32", scaling=structure.scaling)
    exact = replace(rows, precision="float64")
    for tol in (1e-6, 1e-10):
        ended = run(rows, structure, 4, tol=tol)
        rest = climb(exact.accumulate, structure, ended.parameters, floor=rows.frame.floor, tol=1e-11, max_iter=20_000)
        assert ended.stop_reason == CONVERGED
        assert rest.objective - rest.trace[0] < 1e-6


def test_tol_zero_runs_all_iterations_and_stands_still_at_the_end():
    ended = run(framed(overlapping().X), tol=0.0, max_iter=300)
    assert ended.memory.last_leap > 0
    assert (ended.n_iter, ended.stop_reason) == (300, LIMIT)
    assert ended.n_passes <= 301 + 30


def test_a_fall_is_still_a_fall():
    class Sinking(type(SPHERICAL)):
        calls = 0

        def maximize(self, statistics, previous, **limits):
            self.calls += 1
            parameters, floored = super().maximize(statistics, previous, **limits)
            return replace(parameters, means=parameters.means + 3.0 * (self.calls > 2)), floored

    rows = framed(blobs(300).X, SPHERICAL)
    begin = start(rows, SPHERICAL, 3, "random_from_data", 0, floor=rows.frame.floor)
    options = {"floor": rows.frame.floor, "tol": 1e-300, "max_iter": 50, "accelerated": True}
    ended = climb(rows.accumulate, Sinking(), begin, **options)
    assert (ended.stop_reason, ended.n_iter) == (FALL, 2)


# ---- what the pairs tell, on a climb whose answer is known


def linear(rates, n_steps, seed=0, *, leaps=False):
    """A `Memory` after EM steps f(x) = -b x of a quadratic with its best value 0 at x = 0, and what is to come."""
    b = 1.0 - np.asarray(rates)
    x = np.random.default_rng(seed).normal(size=len(b))
    pairs = Pairs()
    for _ in range(n_steps):
        pull = -b * x
        step = pairs.newton_step(pull) if leaps and len(pairs) > 1 else pull
        pairs = pairs.followed_by(step, b * step)
        x = x + step
    return Memory(pairs=pairs, pull=-b * x), (b * x * x).sum() / 2


@pytest.mark.parametrize("rates", [[0.9, 0.5], [0.999, 0.3], [0.99, 0.98, 0.9, 0.5, 0.1]])
@pytest.mark.parametrize("leaps", [False, True])
def test_what_is_to_come_is_bounded_from_above(rates, leaps):
    for n_steps in (4, 6, 8):
        memory, left = linear(rates, n_steps, leaps=leaps)
        assert memory.gain_to_come() >= 0.9 * left


def test_quasi_newton_steps_soon_end_a_quadratic():
    rates = [0.999, 0.9, 0.5]
    left = {(n, leaps): linear(rates, n, leaps=leaps)[1] for n in (0, 20) for leaps in (False, True)}
    assert left[20, True] < 1e-11 * left[0, True]
    assert left[20, False] > 1e-4 * left[0, False]


def test_a_saddle_promises_no_end():
    memory, _ = linear([1.05, 0.5], 4)
    assert memory.gain_to_come() == np.inf
