"""Ward's tree against SciPy's, and what weights and sizes may not change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from gmm import GaussianMixture
from gmm.agreement import adjusted_rand_index
from gmm.datasets import load_faithful, load_iris
from gmm.hierarchy import LEAVES, ward
from gmm.reference import trees


@pytest.mark.parametrize(("n_rows", "n_features"), [(1, 2), (2, 1), (3, 2), (40, 1), (150, 4), (700, 3)])
def test_the_tree_is_scipys(n_rows, n_features):
    points = np.random.default_rng(n_rows).normal(size=(n_rows, n_features))
    tree = ward(points)
    assert tree.pairs.shape == (n_rows - 1, 2)
    if n_rows == 1:
        assert tree.cut(1).tolist() == [0]
        return
    theirs = linkage(points, "ward")
    np.testing.assert_allclose(tree.costs, theirs[:, 2] ** 2 / 2, rtol=1e-9)
    for n_clusters in {1, 2, min(5, n_rows), n_rows // 2, n_rows}:
        if n_clusters:
            labels = tree.cut(n_clusters)
            assert len(np.unique(labels)) == n_clusters
            assert adjusted_rand_index(labels, fcluster(theirs, n_clusters, "maxclust")) == 1.0


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(0)
    points, weight = rng.normal(size=(60, 2)), rng.integers(1, 5, 60)
    repeated = np.repeat(points, weight, axis=0)
    labels = ward(points, weight).cut(6)
    assert adjusted_rand_index(np.repeat(labels, weight), ward(repeated).cut(6)) == 1.0


def test_costs_add_up_to_the_sum_of_squares():
    points = load_iris().data
    squares = ((points - points.mean(axis=0)) ** 2).sum()
    assert ward(points + 1e-9 * np.arange(len(points))[:, None]).costs.sum() == pytest.approx(squares, rel=1e-6)


def test_more_clusters_than_rows_are_as_many_as_there_are():
    assert ward(np.zeros((3, 1))).cut(8).tolist() == [0, 1, 2]


def test_a_hierarchical_start_needs_no_seed_and_is_tried_once():
    X = load_faithful().data
    fits = [GaussianMixture(3, init_params="hierarchical", random_state=seed).fit(X) for seed in (0, 1)]
    assert len(fits[0].restarts_) == 1
    np.testing.assert_array_equal(fits[0].means_, fits[1].means_)
    assert fits[0].score(X) > -4.2


def test_of_many_rows_it_sees_some():
    X = np.random.default_rng(0).normal(size=(5 * LEAVES, 2)) + np.repeat([0.0, 9.0], 5 * LEAVES // 2)[:, None]
    model = GaussianMixture(2, init_params="hierarchical", n_init=2, random_state=0, order_by="mean").fit(X)
    assert len(model.restarts_) == 2
    np.testing.assert_allclose(model.means_, [[0, 0], [9, 9]], atol=0.1)


def test_rows_with_gaps():
    X = load_iris().data.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    model = GaussianMixture(3, init_params="hierarchical", missing="marginalize", random_state=0).fit(X)
    assert np.isfinite(model.log_likelihood_)


@pytest.mark.parametrize(("n_rows", "n_features"), [(2, 1), (7, 3), (300, 5)])
def test_the_core_finds_the_merges_of_its_twin(n_rows, n_features):
    rng = np.random.default_rng(n_rows)
    points, weight = rng.normal(size=(n_rows, n_features)), rng.uniform(0.5, 2.0, n_rows)
    pairs, costs = trees.ward(points, weight)
    order = np.argsort(costs, kind="stable")
    tree = ward(points, weight)
    np.testing.assert_array_equal(tree.pairs, pairs[order])
    np.testing.assert_allclose(tree.costs, costs[order], rtol=1e-12)


def test_points_that_are_no_numbers_are_refused():
    points = np.ones((9, 2))
    points[3] = np.nan
    with pytest.raises(ValueError, match="argument"):
        ward(points)
