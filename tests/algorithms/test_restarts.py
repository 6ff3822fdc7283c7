"""The race of restarts: who wins, what the table says, and that a seed repeats its start."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from framed_rows import framed
from hypothesis import given
from hypothesis import strategies as st
from problems import blobs
from sklearn.metrics import adjusted_rand_score

from gmm.agreement import adjusted_rand_index
from gmm.convergence import CONVERGED, FALL, LIMIT
from gmm.covariances import FULL
from gmm.datasets import load_faithful
from gmm.em import climb
from gmm.initialization import start
from gmm.partition import from_partition
from gmm.restarts import LOOK, _is_below, log_likelihood, race
from gmm.subsample import seeds


def run(rows, n_components, n_init=5, *, method="random", structure=FULL, begin=None, **more):
    limits = {"floor": rows.frame.floor, "ridge": more.pop("ridge", None)}
    begin = begin or partial(start, rows, structure, n_components, method, **limits)
    options = {"tol": 1e-6, "max_iter": 500, "short_iter": 10} | more
    return race(rows, structure, begin, seeds(0, n_init), **limits, **options)


@pytest.fixture
def faithful():
    return framed(load_faithful().data)


def test_the_race_ends_where_full_climbs_end(rows_of):
    X = blobs(600, n_features=3, n_components=6, separation=2.0).X
    rows = rows_of(X)
    numbers = seeds(4, 5)  # from random starts some leave plateaus that no estimate sees the end of
    begin = partial(start, rows, FULL, 6, "random", floor=rows.frame.floor)
    limits = {"floor": rows.frame.floor, "tol": 1e-6, "max_iter": 500}
    raced = race(rows, FULL, begin, numbers, short_iter=10, **limits)
    whole = [climb(rows.accumulate, FULL, begin(seed), **limits) for seed in numbers]
    assert raced.best.objective == max(climbed.objective for climbed in whole)
    assert sum(restart.n_iter for restart in raced.restarts) < sum(climbed.n_iter for climbed in whole)
    assert raced.best.stop_reason == CONVERGED


def test_a_start_can_be_repeated_from_its_seed(faithful):
    raced = run(faithful, 3)
    winner = raced.restarts[raced.winner]
    begin = start(faithful, FULL, 3, "random", winner.seed, floor=faithful.frame.floor)
    alone = climb(faithful.accumulate, FULL, begin, floor=faithful.frame.floor, tol=1e-6, max_iter=500)
    assert alone.trace == raced.best.trace
    assert winner.n_iter == alone.n_iter


def test_the_table_describes_every_start(faithful):
    raced = run(faithful, 3)
    best = raced.restarts[raced.winner]
    assert [restart.seed for restart in raced.restarts] == seeds(0, 5)
    assert raced.log_likelihood == best.log_likelihood == max(restart.log_likelihood for restart in raced.restarts)
    assert best.log_likelihood == raced.best.objective + faithful.frame.log_jacobian
    assert (best.agreement, best.same) == (1.0, True)
    assert best.n_iter == raced.best.n_iter
    assert raced.n_found == sum(restart.same for restart in raced.restarts) >= 1
    for restart in raced.restarts:
        assert restart.n_iter >= 10 or restart.converged
        assert -1 <= restart.agreement <= 1


def test_starts_that_agree_are_counted():
    problem = blobs(400, separation=10.0)
    rows = framed(problem.X)
    upper = problem.X[:, 0] > np.median(problem.X[problem.labels == 0, 0])
    other = np.where(problem.labels == 0, upper, 2)  # one group split, two merged
    partitions = dict(zip(seeds(0, 3), [problem.labels, (problem.labels + 1) % 3, other], strict=True))

    def begin(seed):
        return from_partition(rows, FULL, 3, partitions[seed], floor=rows.frame.floor)

    raced = run(rows, 3, 3, begin=begin, max_iter=1)
    assert [restart.same for restart in raced.restarts] == [True, True, False]
    assert raced.restarts[1].agreement == 1.0
    assert raced.n_found == 2


def test_a_start_on_the_leaders_path_is_left_there():
    problem = blobs(400, separation=2.0)
    rows = framed(problem.X)
    shifts = dict(zip(seeds(0, 3), range(3), strict=True))

    def begin(seed):
        return from_partition(rows, FULL, 3, (problem.labels + shifts[seed]) % 3, floor=rows.frame.floor)

    raced = run(rows, 3, 3, begin=begin, short_iter=4)
    assert sorted(restart.n_iter for restart in raced.restarts)[:2] == [4, 4]
    assert raced.n_found == 3


@pytest.mark.parametrize("separation", [1.0, 2.0, 3.0])
def test_the_accelerated_race_ends_where_full_climbs_end(structure, separation):
    rows = framed(blobs(600, n_features=3, n_components=5, separation=separation).X, structure)
    begin = partial(start, rows, structure, 5, "random_from_data", floor=rows.frame.floor)
    raced = run(rows, 5, method="random_from_data", structure=structure, accelerated=True)
    limits = {"floor": rows.frame.floor, "tol": 1e-6, "max_iter": 500, "accelerated": True}
    whole = [climb(rows.accumulate, structure, begin(seed), **limits) for seed in seeds(0, 5)]
    assert raced.best.objective >= max(climbed.objective for climbed in whole) - 1e-6


def test_starts_on_the_slope_below_the_leader_are_left_there():
    problem = blobs(2000, separation=2.5)
    rows = framed(problem.X)
    numbers = seeds(0, 4)

    def begin(seed):
        rng = np.random.default_rng(seed)
        labels = np.where(rng.random(2000) < 0.03, rng.integers(3, size=2000), problem.labels)
        return from_partition(rows, FULL, 3, (labels + numbers.index(seed)) % 3, floor=rows.frame.floor)

    plain, raced = (run(rows, 3, 4, begin=begin, accelerated=flag, short_iter=3) for flag in (False, True))
    assert raced.best.objective >= plain.best.objective - 1e-6
    assert [restart.n_iter for restart in raced.restarts].count(3) == 3
    assert raced.n_found == 4


def test_the_slope_of_a_start_whose_first_step_fell(monkeypatch):
    rows = framed(blobs(400, n_features=2, n_components=3, separation=3.0).X)
    limits = {"floor": rows.frame.floor, "tol": 1e-9, "max_iter": 200}
    top = climb(rows.accumulate, FULL, start(rows, FULL, 3, "kmeans", 0, floor=rows.frame.floor), **limits)
    means = top.parameters.means + 0.02
    with monkeypatch.context() as patched:
        patched.setattr("gmm.em.fall_allowance", lambda *_: -np.inf)
        fallen = climb(rows.accumulate, FULL, replace(top.parameters, means=means), accelerated=True, **limits)
    assert (fallen.stop_reason, fallen.n_iter) == (FALL, 0)
    assert _is_below(fallen, top, FULL)
    assert not _is_below(fallen, replace(top, trace=(*top.trace, top.objective + 1.0)), FULL)


def test_a_hopeless_start_is_left_after_a_look():
    problem = blobs(400, separation=10.0)
    rows = framed(problem.X)
    upper = problem.X[:, 0] > np.median(problem.X[problem.labels == 0, 0])
    other = np.where(problem.labels == 0, upper, 2)  # one group split, two merged
    partitions = dict(zip(seeds(0, 3), [other, problem.labels, other], strict=True))

    def begin(seed):
        return from_partition(rows, FULL, 3, partitions[seed], floor=rows.frame.floor)

    raced = run(rows, 3, 3, begin=begin, accelerated=True)
    assert raced.winner == 1
    assert [restart.n_iter for restart in raced.restarts][::2] == [LOOK, LOOK]
    assert [restart.same for restart in raced.restarts] == [False, True, False]


def test_a_floored_start_ranks_last_whatever_its_likelihood():
    X = blobs(200, separation=3.0, n_components=2).X
    X[:8] = X[0]
    rows = framed(X)
    collapsed = np.repeat([1, 0], [8, 192])
    partitions = iter([collapsed, (X[:, 0] > X[:, 0].mean()).astype(int)])
    raced = run(rows, 2, 2, begin=lambda seed: from_partition(rows, FULL, 2, next(partitions), floor=rows.frame.floor))
    assert [restart.floored for restart in raced.restarts] == [1, 0]
    assert raced.restarts[0].log_likelihood > raced.restarts[1].log_likelihood
    assert raced.winner == 1
    assert not raced.restarts[0].same


def test_one_component_needs_one_start(faithful):
    raced = run(faithful, 1)
    assert len(raced.restarts) == 1
    assert raced.n_found == 1


@pytest.mark.parametrize("n_init", [1, 3])
@pytest.mark.parametrize("max_iter", [0, 4])
def test_max_iter_limits_every_start(faithful, n_init, max_iter):
    raced = run(faithful, 3, n_init, max_iter=max_iter)
    assert {restart.n_iter for restart in raced.restarts} == {max_iter}
    assert raced.best.stop_reason == LIMIT


def test_no_short_runs(faithful):
    assert run(faithful, 2, 3, short_iter=0).best.converged


def test_callback_is_told_which_start(faithful):
    told = []
    raced = run(faithful, 3, callback=lambda *progress: told.append(progress))
    assert len(told) == sum(restart.n_iter for restart in raced.restarts)
    last = [progress for progress in told if progress[0] == raced.winner][-1]
    assert last[1:3] == (raced.best.n_iter, raced.best.objective)


def test_log_likelihood_leaves_the_penalty_out(faithful):
    ridge = np.full(2, 0.1)
    raced = run(faithful, 2, ridge=ridge)
    plain = faithful.accumulate(FULL.factorize(raced.best.parameters))
    expected = plain.log_likelihood / plain.weight + faithful.frame.log_jacobian
    assert log_likelihood(faithful, FULL, raced.best, ridge) == raced.log_likelihood == expected
    assert raced.best.objective + faithful.frame.log_jacobian < expected - 1e-3


def test_weights_are_repetitions_in_the_table(faithful):
    weighted = replace(faithful, sample_weight=np.full(faithful.n_rows, 2.0))
    ours, theirs = run(weighted, 2), run(faithful, 2)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-12)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_adjusted_rand_index_is_scikit_learns(pairs):
    labels, others = np.array(pairs).T
    assert adjusted_rand_index(labels, others) == pytest.approx(adjusted_rand_score(labels, others), abs=1e-12)
