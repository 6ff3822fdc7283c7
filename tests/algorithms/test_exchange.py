"""Exchanges of components: which two become one, where another is cut, and that this leaves a trap of EM."""

from itertools import product

import numpy as np
import pytest
from framed_rows import framed

from gmm.agglomeration import SHARE
from gmm.covariances import DIAG, FULL, SPHERICAL
from gmm.em import climb
from gmm.exchange import cut, exchanges, labels_of
from gmm.partition import from_partition


def trap(n=50, seed=0, shape=2):
    """Two pairs of clusters; of the labels given one component has the first pair and two share a cluster."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), n)
    X = rng.normal(size=(4 * n, shape))
    X[:, 0] += np.array([0.0, 10.0, 200.0, 210.0])[labels]
    low = np.array([0, 0, 1, 2])[labels]
    low[(labels == 3) & (X[:, 1] > 0)] = 3
    return X, labels, low


@pytest.mark.parametrize("structure", [FULL, DIAG, SPHERICAL], ids=str)
def test_the_first_exchange_leaves_the_trap(structure):
    X, labels, low = trap()
    rows = framed(X, structure)
    limits = {"floor": rows.frame.floor, "ridge": None}

    def climbed(parameters):
        return climb(rows.accumulate, structure, parameters, **limits, tol=1e-8, max_iter=500)

    top, trapped = (climbed(from_partition(rows, structure, 4, each, **limits)) for each in (labels, low))
    assert trapped.objective < top.objective - 0.1
    found = [climbed(start) for start in exchanges(rows, structure, trapped.parameters, **limits)]
    assert found[0].objective == pytest.approx(top.objective, abs=1e-6)
    assert len(found) == 4


def test_a_cut_is_the_best_of_all_in_the_units_of_the_rows():
    rng = np.random.default_rng(1)
    mixing = np.array([[5.0, 0.0], [4.0, 0.1]])
    points = (rng.normal(size=(11, 2)) + np.where(np.arange(11) < 4, 6.0, 0.0)[:, None] * [0, 1]) @ mixing.T
    weight = rng.uniform(0.5, 2.0, 11)
    about = points - np.average(points, axis=0, weights=weight)
    covariance = (about.T * weight) @ about / weight.sum()
    z = about @ np.linalg.inv(np.linalg.cholesky(covariance)).T

    def between(side):
        n = [weight[side == half].sum() for half in (0, 1)]
        centres = [np.average(z[side == half], axis=0, weights=weight[side == half]) for half in (0, 1)]
        return n[0] * n[1] / sum(n) * ((centres[0] - centres[1]) ** 2).sum()

    every = [np.array(side) for side in product([0, 1], repeat=11) if 0 < sum(side) < 11]
    best = max(between(side) for side in every)
    assert between(cut(about, weight, covariance).astype(int)) == pytest.approx(best, rel=1e-12)
    assert cut(np.zeros((5, 2)), np.ones(5), np.eye(2)) is None


def cost(points, structure, T):
    about = points - points.mean(axis=0)
    S = (about.T @ about + SHARE * T) / (len(points) + SHARE)
    variances = {DIAG: np.diag(S), SPHERICAL: np.full(len(S), np.trace(S) / len(S)), FULL: None}[structure]
    return len(points) * (np.linalg.slogdet(S)[1] if variances is None else np.log(variances).sum())


@pytest.mark.parametrize("structure", [FULL, DIAG, SPHERICAL], ids=str)
def test_exchanges_go_by_what_they_gain(structure, monkeypatch):
    X, _, low = trap(20, seed=3)
    rows = framed(X, structure)
    limits = {"floor": rows.frame.floor, "ridge": None}
    parameters = from_partition(rows, structure, 4, low, **limits)
    owner, points = labels_of(rows, structure, parameters), rows.frame.points_in(X)
    about = points - np.stack([points[owner == k].mean(axis=0) for k in range(4)])[owner]
    T = about.T @ about / len(X) + 1e-8 * np.diag(points.var(axis=0) + 1e-6) + np.diag(rows.frame.floor)

    def total(labels):
        return sum(cost(points[labels == k], structure, T) for k in range(4))

    monkeypatch.setattr("gmm.exchange.from_partition", lambda rows, structure, K, labels, **_: labels)
    gains = [total(owner) - total(labels) for labels in exchanges(rows, structure, parameters, **limits)]
    assert len(gains) == 4
    assert gains[0] > 10.0
    assert gains == sorted(gains, reverse=True)


def test_a_dead_component_is_given_half_of_another():
    X, labels, _ = trap(30)
    rows = framed(X)
    limits = {"floor": rows.frame.floor, "ridge": None}
    parameters = from_partition(rows, FULL, 5, np.minimum(labels, 2), **limits)
    assert (parameters.weights == 0).sum() == 2
    first = exchanges(rows, FULL, parameters, **limits)[0]
    assert (first.weights == 0).sum() == 1
    assert sorted((first.weights * len(X)).round().astype(int).tolist())[1:] == [30, 30, 30, 30]


def test_units_and_repetitions_do_not_matter():
    X, _, low = trap(25, seed=2, shape=9)

    def weights(X, sample_weight=None):
        rows = framed(X, FULL, sample_weight)
        limits = {"floor": rows.frame.floor, "ridge": None}
        return [start.weights for start in exchanges(rows, FULL, parameters, **limits)]

    rows = framed(X)
    parameters = from_partition(rows, FULL, 4, low, floor=rows.frame.floor)
    np.testing.assert_allclose(weights(X * 2.0 ** np.arange(-4, 5)), weights(X), rtol=1e-9)
    many, few = np.repeat(X, 3, axis=0), np.full(100, 3.0)
    np.testing.assert_allclose(weights(many)[0], weights(X, few)[0], rtol=1e-9)


def test_two_components_have_nothing_to_exchange():
    X, labels, _ = trap(10)
    rows = framed(X)
    limits = {"floor": rows.frame.floor, "ridge": None}
    assert exchanges(rows, FULL, from_partition(rows, FULL, 2, labels // 2, **limits), **limits) == []
    alike = framed(np.repeat([[0.0, 1.0], [3.0, 1.0], [5.0, 8.0]], 9, axis=0))
    limits["floor"] = alike.frame.floor
    at_points = from_partition(alike, FULL, 3, np.repeat(np.arange(3), 9), **limits)
    assert all((start.weights > 0).all() for start in exchanges(alike, FULL, at_points, **limits))
