"""Transplants: components about a few rows that the mixture does not expect."""

import numpy as np
import pytest
from framed_rows import framed

from gmm.covariances import FULL
from gmm.draws import Draws
from gmm.em import climb
from gmm.partition import from_partition
from gmm.transplant import transplants


def lone_cluster(seed=0):
    """A heap of which one component is enough, and a small cluster beside it that shares the other's component."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [200, 100, 12])
    X = np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 4.0]])[labels] + np.array([1.0, 1.0, 0.1])[labels][
        :, None
    ] * rng.normal(size=(312, 2))
    return X, labels, np.where(labels > 0, 2, (X[:, 0] > 0).astype(int))


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied", "EEV", "VVE"])
def test_a_small_cluster_gets_a_component(kind):
    from gmm.covariances import structure

    X, labels, low = lone_cluster()
    rows, one = framed(X, structure(kind)), structure(kind)
    limits = {"floor": rows.frame.floor, "ridge": None}

    def climbed(parameters):
        return climb(rows.accumulate, one, parameters, **limits, tol=1e-8, max_iter=500)

    top, trapped = (climbed(from_partition(rows, one, 3, each, **limits)) for each in (labels, low))
    assert trapped.objective < top.objective - 1e-3
    found = [climbed(start) for start in transplants(rows, one, trapped.parameters, Draws(0), 20, **limits)]
    assert max(each.objective for each in found) >= top.objective - 1e-6


def test_a_row_of_more_weight_is_drawn_more_often():
    X, _, low = lone_cluster()
    weight = np.ones(len(X))
    weight[300:] = 1e-9  # the small cluster
    rows = framed(X, sample_weight=weight)
    limits = {"floor": rows.frame.floor, "ridge": None}
    begun = from_partition(rows, FULL, 3, low, **limits)
    far = rows.frame.points_in(np.array([9.0, 4.0]))
    drawn = [
        np.abs(start.means - far).sum(axis=1).min() for start in transplants(rows, FULL, begun, Draws(3), 9, **limits)
    ]
    assert min(drawn) > 0.2


def test_rows_that_are_all_expected_alike():
    rows = framed(np.repeat([[0.0], [4.0]], 6, axis=0))
    limits = {"floor": rows.frame.floor, "ridge": None}
    begun = from_partition(rows, FULL, 2, np.repeat([0, 1], 6), **limits)
    found = transplants(rows, FULL, begun, Draws(0), 3, **limits)
    assert len(found) == 3
    assert all(np.isfinite(start.covariances).all() and start.weights.sum() == pytest.approx(1.0) for start in found)
