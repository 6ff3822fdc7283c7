"""Starts rehearsed on a sketch of many rows: when, how many, and that the likeliest is the one that goes on."""

import numpy as np
import pytest
from problems import blobs

from gmm.covariances import STRUCTURES
from gmm.em import climb
from gmm.initialization import start
from gmm.parameters import Parameters
from gmm.rehearsal import MOST_CANDIDATES, SKETCH_ROWS, likeliest, n_candidates, sketch_size
from gmm.rows import Rows

FULL = STRUCTURES["full"]


@pytest.fixture(scope="module")
def many():
    """Rows enough for two candidates."""
    problem = blobs(4 * SKETCH_ROWS, n_features=2, n_components=3)
    return problem, Rows.from_array(problem.X, n_threads=1)


def test_few_rows_are_not_rehearsed():
    assert n_candidates(4 * SKETCH_ROWS - 1, 3, 2) == 1
    assert n_candidates(4 * SKETCH_ROWS, 3, 2) == 2
    assert n_candidates(10**9, 3, 2) == MOST_CANDIDATES


def test_sketches_grow_with_the_model():
    assert sketch_size(3, 2) == SKETCH_ROWS
    assert sketch_size(64, 39) == 64 * 20 * 39
    assert sketch_size(1000, 2) == 64_000


def test_the_likeliest_candidate_wins(many):
    problem, rows = many
    frame = rows.frame
    truth = Parameters(problem.weights, frame.points_in(problem.means), frame.covariance_in(problem.covariances))
    heap = Parameters(np.full(3, 1 / 3), np.zeros((3, 2)), np.tile(np.cov(frame.points_in(problem.X).T), (3, 1, 1)))
    for candidates in ([lambda *_: truth, lambda *_: heap], [lambda *_: heap, lambda *_: truth]):
        best = likeliest(rows, FULL, 3, candidates, 0, floor=frame.floor, ridge=None)
        np.testing.assert_allclose(best.means, truth.means, atol=0.05)


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
