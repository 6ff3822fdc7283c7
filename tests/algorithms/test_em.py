"""The EM loop: what it returns, that it climbs, and closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from framed_rows import framed
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import DEGENERATE, blobs, cauchy
from tolerances import CLOSED_FORM, MONOTONE, PARITY_TWIN

from gmm.convergence import CONVERGED, FALL, LIMIT, STOPPED
from gmm.covariances import FULL, STRUCTURES
from gmm.covariances.full import Full
from gmm.em import climb, resume
from gmm.errors import GmmError, ParameterError
from gmm.initialization import start
from gmm.parameters import Parameters
from gmm.partition import from_partition


def run(rows, structure=FULL, n_components=3, *, tol=1e-6, max_iter=100, ridge=None, begin=None, **more):
    floor = rows.frame.floor
    if begin is None:
        begin = start(rows, structure, n_components, "random_from_data", 0, floor=floor, ridge=ridge)
    return climb(rows.accumulate, structure, begin, floor=floor, ridge=ridge, tol=tol, max_iter=max_iter, **more)


def falls(climbed):
    return -np.diff(climbed.trace).min(initial=0.0)


# ---- bookkeeping


@pytest.mark.parametrize("max_iter", [0, 1, 7])
@pytest.mark.parametrize("ridge", [None, 0.1])
def test_objective_belongs_to_the_parameters(rows_of, structure, max_iter, ridge):
    rows = rows_of(blobs(300).X, structure)
    ridge = ridge and np.full(2, ridge)
    ended = run(rows, structure, tol=0.0, max_iter=max_iter, ridge=ridge)
    again = rows.accumulate(structure.factorize(ended.parameters, ridge=ridge))
    assert ended.n_iter == max_iter == len(ended.trace) - 1
    assert ended.objective == ended.trace[-1] == again.log_likelihood / again.weight
    assert ended.statistics.log_likelihood == again.log_likelihood
    assert (ended.stop_reason, ended.converged) == (LIMIT, False)


def test_zero_iterations_return_the_start(structure):
    rows = framed(blobs(300).X, structure)
    begin = start(rows, structure, 3, "kmeans", 0, floor=rows.frame.floor)
    assert run(rows, structure, begin=begin, max_iter=0).parameters is begin


def test_a_climb_in_parts_is_the_same_climb(structure):
    rows = framed(blobs(300, separation=2.0).X, structure)
    whole = run(rows, structure, max_iter=40)
    part = run(rows, structure, max_iter=3)
    parts = resume(part, rows.accumulate, structure, floor=rows.frame.floor, tol=1e-6, max_iter=40)
    assert parts.trace == whole.trace
    assert parts.stop_reason == whole.stop_reason
    np.testing.assert_array_equal(parts.parameters.covariances, whole.parameters.covariances)
    assert part.n_iter == 3 < whole.n_iter


def test_callback_sees_every_iteration():
    seen = []
    ended = run(framed(blobs(300).X), callback=lambda *told: seen.append(told))
    assert [told[0] for told in seen] == list(range(1, ended.n_iter + 1))
    assert tuple(told[1] for told in seen) == ended.trace[1:]
    assert [told[2] for told in seen] == list(np.diff(ended.trace))


def test_callback_stops_the_climb():
    ended = run(framed(blobs(300).X), callback=lambda iteration, *_: iteration == 2)
    assert (ended.n_iter, ended.stop_reason, ended.converged) == (2, STOPPED, False)


def test_a_restart_from_the_optimum_stops_after_one_step(rows_of, structure):
    rows = rows_of(blobs(300, separation=8.0).X, structure)
    first = run(rows, structure, tol=1e-14, max_iter=1000)
    assert first.stop_reason == CONVERGED
    assert run(rows, structure, begin=first.parameters).n_iter == 1


class Sinking(Full):
    """A maximise step that, from its third call on, moves the means away."""

    calls = 0

    def maximize(self, statistics, previous, **limits):
        self.calls += 1
        parameters, floored = super().maximize(statistics, previous, **limits)
        return Parameters(parameters.weights, parameters.means + (self.calls > 2), parameters.covariances), floored


def test_a_fall_is_never_convergence_and_the_better_parameters_come_back():
    rows = framed(blobs(300).X)
    begin = start(rows, FULL, 3, "random_from_data", 0, floor=rows.frame.floor)
    ended = run(rows, Sinking(), begin=begin, tol=1e-300)
    assert (ended.stop_reason, ended.converged, ended.n_iter) == (FALL, False, 2)
    np.testing.assert_array_equal(ended.parameters.means, run(rows, begin=begin, tol=0, max_iter=2).parameters.means)
    assert falls(ended) == 0


def test_an_objective_that_is_not_a_number_is_an_error():
    rows = framed(blobs(300).X)
    begin = start(rows, FULL, 3, "kmeans", 0, floor=rows.frame.floor)

    def spoilt(factors):
        return replace(rows.accumulate(factors), log_likelihood=math.nan)

    with pytest.raises(GmmError, match="not a number"):
        climb(spoilt, FULL, begin, floor=rows.frame.floor, tol=1e-6, max_iter=3)


# ---- it climbs


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(STRUCTURES)),
    n_features=st.integers(1, 6),
    n_components=st.integers(1, 5),
    separation=st.sampled_from([0.5, 2.0, 6.0]),
    seed=st.integers(0, 10**6),
    method=st.sampled_from(["random", "random_from_data", "kmeans"]),
    weighted=st.booleans(),
    ridge=st.sampled_from([None, 1e-3]),
)
def test_objective_never_falls(name, n_features, n_components, separation, seed, method, weighted, ridge):
    structure = STRUCTURES[name]
    problem = blobs(150, n_features=n_features, n_components=n_components, separation=separation, seed=seed)
    weight = np.random.default_rng(seed).integers(0, 4, 150).astype(float) if weighted else None
    rows = framed(problem.X * [10.0**j for j in range(n_features)], structure, weight)
    ridge = ridge and np.full(n_features, ridge)
    begin = start(rows, structure, n_components, method, seed, floor=rows.frame.floor, ridge=ridge)
    ended = run(rows, structure, begin=begin, tol=0.0, max_iter=40, ridge=ridge)
    assert ended.stop_reason == LIMIT
    assert falls(ended) <= MONOTONE


@pytest.mark.parametrize("name", DEGENERATE)
def test_objective_never_falls_on_degenerate_rows(name, structure):
    ended = run(framed(DEGENERATE[name]()[0], structure), structure, 2, tol=1e-6, max_iter=500)
    assert ended.stop_reason == CONVERGED
    assert falls(ended) <= MONOTONE


def test_objective_never_falls_without_a_variance(structure):
    ended = run(framed(cauchy(), structure), structure, 3, tol=1e-6, max_iter=300)
    assert ended.stop_reason in (CONVERGED, LIMIT)
    assert falls(ended) <= MONOTONE


# ---- closed forms and oracles


def test_one_component_is_the_closed_form_in_one_step(rows_of, structure):
    X = blobs(400, n_features=4, n_components=2).X * [1.0, 10.0, 0.01, 3.0]
    weight = np.random.default_rng(0).uniform(0.0, 3.0, 400)
    rows = rows_of(X, structure, weight)
    labels = np.where(np.arange(400) < 20, 0, -1)
    begin = from_partition(rows, structure, 1, labels, floor=rows.frame.floor)
    ended = run(rows, structure, begin=begin)
    mean = np.average(X, axis=0, weights=weight)
    covariance = np.cov(X.T, aweights=weight, bias=True)
    expected = {"full": covariance[None], "tied": covariance, "diag": np.diag(covariance)[None]}
    expected["spherical"] = np.diag(covariance).mean()[None]
    found = structure.covariances_out(ended.parameters.covariances, rows.frame)
    scale = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(rows.frame.points_out(ended.parameters.means)[0], mean, atol=CLOSED_FORM * scale.max())
    np.testing.assert_allclose(found, expected[structure.name], rtol=10 * CLOSED_FORM, atol=CLOSED_FORM)
    assert (ended.converged, ended.n_iter) == (True, 2)


def test_compiled_and_twin_walk_the_same_path(structure):
    X = blobs(2500, n_features=5, n_components=4, separation=2.0).X
    weight = np.random.default_rng(1).uniform(0.0, 2.0, len(X))
    ends = []
    for twin in (False, True):
        rows = framed(X, structure, weight, twin=twin)
        begin = from_partition(rows, structure, 4, np.arange(len(X)) % 4, floor=rows.frame.floor)
        ends.append(run(rows, structure, begin=begin, tol=0.0, max_iter=30))
    compiled, reference = ends
    np.testing.assert_allclose(compiled.trace, reference.trace, rtol=PARITY_TWIN)
    for field in ("weights", "means", "covariances"):
        ours, theirs = getattr(compiled.parameters, field), getattr(reference.parameters, field)
        np.testing.assert_allclose(ours, theirs, rtol=PARITY_TWIN, atol=PARITY_TWIN)


def test_a_dead_component_stays_dead(rows_of, structure):
    rows = rows_of(blobs(300).X, structure)
    labels = np.arange(300) % 2
    begin = from_partition(rows, structure, 3, labels, floor=rows.frame.floor)
    begin = replace(begin, means=begin.means + np.array([[0.0], [0.0], [7.0]]))
    ended = run(rows, structure, begin=begin, max_iter=10)
    assert begin.weights[2] == ended.parameters.weights[2] == 0.0
    np.testing.assert_array_equal(ended.parameters.means[2], begin.means[2])
    if structure.name != "tied":
        np.testing.assert_array_equal(ended.parameters.covariances[2], begin.covariances[2])
    two = from_partition(rows, structure, 2, labels, floor=rows.frame.floor)
    np.testing.assert_allclose(ended.trace, run(rows, structure, begin=two, max_iter=10).trace, rtol=1e-14)


def test_a_covariance_without_factors_is_named():
    start = Parameters(np.full(2, 0.5), np.zeros((2, 2)), np.array([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]]))
    with pytest.raises(ParameterError, match="component 1"):
        climb(None, FULL, start, floor=np.full(2, 1e-30), tol=0.0, max_iter=1)
