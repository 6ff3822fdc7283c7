"""Seeding and Lloyd's iterations, on compiled rows and on the twin."""

from dataclasses import replace

import numpy as np
import pytest
from framed_rows import framed
from problems import blobs, five_distinct_points, identical_rows
from sklearn.cluster import KMeans, kmeans_plusplus

from gmm.kmeans import MAX_ITER, column_moments, lloyd, seed_centres, standardised


def points_of(rows):
    """(N, D) rows as `rows` shows them."""
    return np.asarray(rows.X) * rows.frame.scale - rows.frame.centre


def test_columns_have_mean_zero_and_unit_spread(rows_of):
    X = blobs(500, n_features=3).X * [1e-200, 1.0, 1e150] + [0.0, 1e9, 0.0]
    weight = np.random.default_rng(0).uniform(0, 2, 500)
    seen = points_of(standardised(rows_of(X, sample_weight=weight)))
    np.testing.assert_allclose(np.average(seen, axis=0, weights=weight), 0, atol=1e-6)
    np.testing.assert_allclose(np.average(seen**2, axis=0, weights=weight), 1, rtol=1e-6)
    np.testing.assert_allclose(np.ptp(points_of(standardised(rows_of(X), "range")), axis=0), 1, rtol=1e-6)


def test_column_moments_are_those_of_the_weighted_rows(rows_of):
    X, weight = blobs(200).X + 1e6, np.random.default_rng(0).uniform(0, 2, 200)
    rows = rows_of(X, sample_weight=weight)
    mean, variance = column_moments(rows)
    np.testing.assert_allclose(rows.frame.points_out(mean), np.average(X, axis=0, weights=weight), rtol=1e-14)
    expected = np.diag(np.cov(X.T, aweights=weight, bias=True))
    np.testing.assert_allclose(rows.frame.variances_out(variance), expected, rtol=1e-9)


def test_constant_columns_do_not_count(rows_of):
    X = np.column_stack([blobs(100).X, np.full(100, 1e6)])
    assert (points_of(standardised(rows_of(X)))[:, 2] == 0).all()


def test_lloyd_ends_where_scikit_learn_ends(rows_of):
    rows = standardised(rows_of(blobs(800, n_components=4, separation=3.0).X))
    seeds = points_of(rows)[[0, 50, 100, 150]]
    ours = lloyd(rows, seeds)
    theirs = KMeans(4, init=seeds, n_init=1, tol=0, algorithm="lloyd").fit(points_of(rows))
    assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-3)  # ours stops when the centres shift by 1e-2 in all
    np.testing.assert_array_equal(ours.labels, rows.assign(ours.centres, label=True).label)


def test_weights_are_repetitions(rows_of):
    X, times = blobs(300).X, np.random.default_rng(0).integers(1, 4, 300)
    weighted = standardised(rows_of(X, sample_weight=times.astype(float)))
    repeated = standardised(rows_of(X.repeat(times, axis=0)))
    seeds = points_of(weighted)[:3]
    ours, theirs = lloyd(weighted, seeds), lloyd(repeated, seeds)
    np.testing.assert_allclose(ours.centres, theirs.centres, atol=1e-9)
    assert ours.inertia == pytest.approx(theirs.inertia, rel=1e-9)


def test_a_centre_without_rows_moves_to_the_farthest(rows_of):
    X = np.repeat([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]], 20, axis=0)
    rows = standardised(rows_of(X))
    ended = lloyd(rows, np.array([[0.0, 0.0], [50.0, 50.0], [60.0, 60.0]]))
    assert len(np.unique(ended.labels)) == 3
    assert ended.inertia == pytest.approx(0, abs=1e-20)


def test_a_row_of_weight_zero_takes_no_centre(rows_of):
    X = np.repeat([[0.0, 0.0], [1.0, 0.0]], 20, axis=0)
    absent = 1000.0 + 1000.0 * np.arange(2 * MAX_ITER)[:, None] * [1.0, -1.0]
    weight = np.repeat([1.0, 0.0], [40, len(absent)])
    rows = standardised(rows_of(np.concatenate([X, absent]), sample_weight=weight))
    ended = lloyd(rows, np.array([[0.0, 0.0], [-5e6, 0.0]]))
    assert ended.labels[0] != ended.labels[20]


@pytest.mark.parametrize("seed", range(5))
def test_seeds_are_distinct_rows_while_there_are_any(rows_of, seed):
    rows = standardised(rows_of(five_distinct_points()))
    centres = seed_centres(rows, 8, np.random.default_rng(seed))
    assert len(np.unique(centres, axis=0)) == 5
    assert len(np.unique(centres[:5], axis=0)) == 5
    assert len(np.unique(lloyd(rows, centres).labels)) == 5


def test_seeds_are_distinct_in_single_precision():
    X = np.repeat(np.random.default_rng(0).normal(size=(5, 3)) + 1000.0, 20, axis=0)
    rows = standardised(replace(framed(X), precision="float32"))
    for seed in range(20):
        assert len(np.unique(seed_centres(rows, 8, np.random.default_rng(seed)), axis=0)) == 5


def test_identical_rows_make_one_cluster(rows_of):
    rows = standardised(rows_of(identical_rows()))
    ended = lloyd(rows, seed_centres(rows, 3, np.random.default_rng(0)))
    assert (ended.labels == 0).all()


def test_rows_of_weight_zero_are_never_seeds(rows_of):
    X = blobs(100).X
    X[::2] += 1e3
    weight = np.tile([0.0, 1.0], 50)
    rows = standardised(rows_of(X, sample_weight=weight))
    for seed in range(10):
        centres = seed_centres(rows, 4, np.random.default_rng(seed))
        distance = ((centres[:, None] - points_of(rows)[1::2]) ** 2).sum(axis=-1)
        assert (distance.min(axis=1) < 1e-20).all()


def test_greedy_seeds_are_better_than_those_drawn_once():
    rows = standardised(framed(blobs(2000, n_features=5, n_components=20, separation=6.0).X))
    greedy, plain = [], []
    for seed in range(10):
        greedy.append(rows.assign(seed_centres(rows, 20, np.random.default_rng(seed))).inertia)
        drawn = kmeans_plusplus(points_of(rows), 20, random_state=seed, n_local_trials=1)[0]
        plain.append(rows.assign(drawn).inertia)
    assert np.mean(greedy) < 0.85 * np.mean(plain)
