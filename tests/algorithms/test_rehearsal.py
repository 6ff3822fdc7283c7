"""Starts rehearsed on a sketch: how much, on which rows, and that the likeliest is the one that goes on."""

import math

import numpy as np
import pytest
from framed_rows import framed
from problems import blobs

from gmm.covariances import DIAG, FULL
from gmm.covariances.factor import Factor
from gmm.covariances.restrained import Restrained
from gmm.em import climb
from gmm.initialization import CANDIDATES, start
from gmm.parameters import Parameters
from gmm.rehearsal import (
    FEWEST_ROWS,
    MOST_CANDIDATES,
    MOST_WORK,
    SCREENED,
    SCREENS,
    SHORTEST,
    likeliest,
    n_degenerate,
    plan,
    sketch_of,
)
from gmm.rows import Rows
from gmm.small import FEW


@pytest.fixture(scope="module")
def many():
    """Rows enough for several sketches, each twice as large as the one before."""
    problem = blobs(16 * FEW, n_features=2, n_components=3)
    return problem, Rows.from_array(problem.X, n_threads=1)


def test_few_rows_are_all_seen_by_a_few_candidates():
    for n_components in (2, 4):
        few = plan(FULL, n_components, 2, FEW - 1)
        assert {each.n_rows for each in few.rounds} == {FEW - 1}
        assert few.n_candidates >= max(len(kinds) for kinds in CANDIDATES.values())  # each kind has its turn
    assert plan(FULL, 3, 2, FEW - 1).n_candidates == plan(FULL, 2, 2, FEW - 1).n_candidates - 1
    assert plan(FULL, 3, 40, FEW - 1).n_candidates == plan(FULL, 2, 2, FEW - 1).n_candidates  # not among neighbours


@pytest.mark.parametrize("n_rows", [100, 10**4, 10**5, 10**6])
@pytest.mark.parametrize(("structure", "n_components", "n_features"), [(FULL, 3, 2), (FULL, 16, 64), (DIAG, 500, 8)])
def test_a_round_costs_a_few_dozen_iterations_at_most(structure, n_components, n_features, n_rows):
    left, rounds = plan(structure, n_components, n_features, n_rows)
    for n_iter, n_seen in rounds:
        assert left * n_iter * n_seen <= (100 if n_seen == n_rows else 50) * n_rows
        left -= left // 2
    assert left == 1


def test_rounds_see_more_and_more_rows_until_they_see_all():
    _, rounds = plan(FULL, 3, 2, 10**4)
    assert [n_rows for _, n_rows in rounds] == [256, 512, 512, 1024, 2048, 4096]
    _, rounds = plan(FULL, 3, 2, 3000)
    assert [n_rows for _, n_rows in rounds] == [256, 512, 512, 1024, 3000, 3000]


def test_sketches_grow_with_the_model_and_long_work_is_cut():
    sizes = {(3, 2): FEWEST_ROWS[0], (8, 5): 8 * 8 * 6, (16, 8): 16 * 64, (64, 39): 64 * 4 * 40, (1000, 2): 1000 * 64}
    for (K, D), size in sizes.items():
        assert plan(FULL, K, D, 3 * 10**5 if K > 8 else 10**5).rounds[0].n_rows == size
    cut = plan(FULL, 64, 39, 10**6)
    assert {each.n_iter for each in cut.rounds} == {SHORTEST}
    assert cut.n_candidates == min(MOST_CANDIDATES)
    n_iter, size = plan(FULL, 16, 64, 10**5).rounds[0]
    assert SHORTEST < n_iter <= MOST_WORK / (size * 16 * 64 * 65 / 2)


def test_factors_are_seen_through_more_rows_up_to_what_a_matrix_needs():
    sizes = [plan(Factor(q), 10, 64, 10**5).rounds[0].n_rows for q in (1, 10, 16, 60)]
    assert sizes == [FEWEST_ROWS[True], 10 * 4 * 4 * 12, plan(FULL, 10, 64, 10**5).rounds[0].n_rows, sizes[2]]
    assert plan(Factor(2), 3, 3, 10**5).rounds[0] == plan(FULL, 3, 3, 10**5).rounds[0]


def test_more_candidates_are_screened_where_that_costs_a_few_passes_over_the_rows():
    size = FEWEST_ROWS[0]
    fewest = 4 * SCREENED * size
    assert plan(FULL, 3, 2, fewest - 1).n_candidates == max(MOST_CANDIDATES)
    screened = plan(FULL, 3, 2, fewest)
    assert screened.n_candidates == SCREENED
    field = [math.ceil(SCREENED / 2**turn) for turn in range(len(screened.rounds))]
    assert field[-1] == 2
    passes = sum(n * each.n_iter * each.n_rows for n, each in zip(field[:SCREENS], screened.rounds, strict=False))
    assert passes + SCREENED * 2 * size <= 4 * fewest
    assert plan(FULL, 9, 2, 10**7).n_candidates == min(MOST_CANDIDATES)


def test_a_larger_sketch_holds_the_smaller(many):
    _, rows = many
    small, large = (sketch_of(rows, size, 3) for size in (FEW, 2 * FEW))
    assert set(map(tuple, small.X)) <= set(map(tuple, large.X))
    assert abs(large.n_rows - 2 * FEW) < 5 * np.sqrt(2 * FEW)
    assert sketch_of(rows, 8 * FEW + 1, 3) is rows


@pytest.mark.parametrize("place", [0, 3, 7])
def test_the_likeliest_candidate_wins(many, place):
    problem, rows = many
    frame = rows.frame
    truth = Parameters(problem.weights, frame.points_in(problem.means), frame.covariance_in(problem.covariances))
    heap = Parameters(np.full(3, 1 / 3), np.zeros((3, 2)), np.tile(np.cov(frame.points_in(problem.X).T), (3, 1, 1)))
    candidates = [lambda *_, turn=turn: truth if turn == place else heap for turn in range(100)]
    best = likeliest(rows, FULL, 3, candidates, 0, floor=frame.floor, ridge=None)
    np.testing.assert_allclose(best.means, truth.means, atol=0.05)


def test_a_collapsed_candidate_comes_last():
    """Eight equal rows as a component of their own have the higher likelihood."""
    X = blobs(200, separation=3.0, n_components=2).X
    X[:8] = X[0]
    rows = framed(X)
    points = rows.frame.points_in(X)
    tiny, wide = np.diag(rows.frame.floor), np.cov(points.T)
    spike = Parameters(np.array([0.04, 0.96]), np.stack([points[0], points.mean(axis=0)]), np.stack([tiny, wide]))
    sides = Parameters(np.array([0.5, 0.5]), np.array([[-0.5, 0.0], [0.5, 0.0]]), np.stack([wide, wide]))
    limits = {"floor": rows.frame.floor}
    ended = [climb(rows.accumulate, FULL, each, **limits, tol=1e-4, max_iter=10) for each in (spike, sides)]
    assert ended[0].floored.any()
    assert ended[0].objective > ended[1].objective
    best = likeliest(rows, FULL, 2, [lambda *_: spike, lambda *_: sides], 0, ridge=None, **limits)
    assert np.linalg.eigvalsh(best.covariances).min() > 1e-3


def test_a_rehearsed_start_is_near_its_end(many):
    """What is left to climb on all rows is less than the rows' own noise about a sketch of them."""
    _, rows = many
    begun = start(rows, FULL, 3, "kmeans", 0, floor=rows.frame.floor)
    ended = climb(rows.accumulate, FULL, begun, floor=rows.frame.floor, tol=1e-6, max_iter=500)
    assert ended.converged
    assert ended.trace[-1] - ended.trace[0] < 3e-3


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_do_not_change_it(many, n_threads):
    problem, rows = many
    other = Rows.from_array(np.asfortranarray(problem.X), n_threads=n_threads)
    first, second = (start(r, FULL, 3, "kmeans", 5, floor=rows.frame.floor) for r in (rows, other))
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_few_rows_are_no_fault_where_covariances_are_kept_regular():
    """A component of two rows: a spike on its own, a component like others under a bound on eigenvalues."""
    rows = framed(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [50.0, 50.0], [51.0, 50.5]]))
    means = np.array([[0.5, 0.5], [50.5, 50.25]])
    begun = Parameters(np.array([2 / 3, 1 / 3]), rows.frame.points_in(means), np.array([np.eye(2) / 100] * 2))
    for kind, expected in ((FULL, 1), (Restrained(FULL, eigen_ratio=10.0), 0), (Restrained(FULL, True), 1)):
        climbed = climb(rows.accumulate, kind, begun, floor=rows.frame.floor, tol=0.0, max_iter=0)
        assert n_degenerate(climbed, kind) == expected
