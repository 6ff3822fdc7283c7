"""The tree of ellipsoids: costs against their definition, merges that are the cheapest, no units."""

import numpy as np
import pytest

from gmm.agglomeration import LEAST, SHARE, Clusters, agglomerate, leaves


def rows(seed=0, n=60, D=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + rng.integers(0, 3, n)[:, None] * 4.0
    return (X - X.mean(axis=0)) / X.std(axis=0), rng.integers(1, 4, n).astype(float), rng.integers(0, 7, n)


def cost(points, weight, T):
    centred = points - np.average(points, axis=0, weights=weight)
    n = weight.sum()
    return n * np.linalg.slogdet(((centred.T * weight) @ centred + SHARE * T) / (n + SHARE))[1]


def test_costs_are_their_definition():
    points, weight, labels = rows()
    T = np.cov(points.T, fweights=weight.astype(int), bias=True) + LEAST * np.eye(3)
    clusters = Clusters.of(points, weight, labels, 8)  # the last is empty
    expected = [cost(points[labels == k], weight[labels == k], T) for k in range(7)]
    np.testing.assert_allclose(clusters.cost()[:7], expected, rtol=1e-10)
    assert clusters.cost()[7] == 0.0
    a, b = np.triu_indices(7, 1)
    unions = [cost(points[own], weight[own], T) for own in (np.isin(labels, pair) for pair in zip(a, b, strict=True))]
    np.testing.assert_allclose(clusters.cost_of_union(a, b), unions, rtol=1e-9)


def test_each_merge_is_the_cheapest_of_all_pairs():
    points, weight, labels = rows(1)
    tree = agglomerate(points, weight, labels)
    for n_clusters in range(7, 1, -1):
        now, later = tree.cut(n_clusters), tree.cut(n_clusters - 1)
        clusters = Clusters.of(points, weight, now, n_clusters)
        a, b = np.triu_indices(n_clusters, 1)
        alone = clusters.cost()
        best = np.argmin(clusters.cost_of_union(a, b) - alone[a] - alone[b])
        together = np.where(now == b[best], a[best], now)
        assert len(set(zip(together.tolist(), later.tolist(), strict=True))) == n_clusters - 1


def test_weights_are_repeated_rows_and_features_may_be_mixed():
    points, weight, labels = rows(2)
    times = weight.astype(int)
    repeated = agglomerate(np.repeat(points, times, axis=0), None, np.repeat(labels, times))
    tree = agglomerate(points, weight, labels)
    np.testing.assert_array_equal(tree.pairs, repeated.pairs)
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    np.testing.assert_array_equal(agglomerate(points @ Q, weight, labels).pairs, tree.pairs)


def test_features_that_depend_on_each_other():
    points, weight, labels = rows(4)
    points = np.c_[points, points[:, 0]]
    assert len(np.unique(agglomerate(points, weight, labels).cut(2))) == 2


@pytest.mark.parametrize(("n_rows", "n_features", "expected"), [(1, 2, 2), (50, 2, 50), (5000, 6, 100), (5000, 64, 11)])
def test_the_square_of_the_leaves_is_bounded(n_rows, n_features, expected):
    assert leaves(n_rows, n_features) == expected
