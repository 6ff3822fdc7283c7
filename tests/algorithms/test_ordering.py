"""Canonical orders of components."""

import numpy as np
import pytest

from gmm.errors import ParameterError
from gmm.mixture import Mixture
from gmm.ordering import component_order

WEIGHTS = np.array([0.2, 0.3, 0.0, 0.3, 0.2])
MEANS = np.array([[1.0, 5.0], [1.0, 2.0], [-9.0, 0.0], [0.0, 7.0], [4.0, -1.0]])


@pytest.fixture
def mixture():
    return Mixture.from_user(WEIGHTS, MEANS, np.arange(1.0, 6.0), "spherical")


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        ("weight", [3, 1, 0, 4, 2]),
        ("mean", [3, 1, 0, 4, 2]),
        (0, [3, 1, 0, 4, 2]),
        (1, [4, 1, 0, 3, 2]),
        ("b", [4, 1, 0, 3, 2]),
        (lambda mixture: -mixture.covariances, [4, 3, 1, 0, 2]),
        (lambda mixture: np.zeros(5), [3, 1, 0, 4, 2]),
    ],
)
def test_order(mixture, order_by, expected):
    assert component_order(mixture, order_by, ["a", "b"]).tolist() == expected


@pytest.mark.parametrize("order_by", ["weight", "mean", 0, 1])
def test_the_order_does_not_depend_on_the_one_before(mixture, order_by):
    first = mixture.reorder(component_order(mixture, order_by))
    again = mixture.reorder(np.array([4, 2, 0, 1, 3]))
    again = again.reorder(component_order(again, order_by))
    np.testing.assert_array_equal(first.means, again.means)
    np.testing.assert_array_equal(first.covariances, again.covariances)
    np.testing.assert_array_equal(first.weights, again.weights)


@pytest.mark.parametrize(
    ("order_by", "message"),
    [
        ("weigth", "did you mean 'weight'"),
        ("c", "'c'"),
        (2, "order_by=2"),
        (-1, "order_by=-1"),
        (True, "True"),
        (1.5, "1.5"),
        (lambda mixture: [1.0, 2.0], "5 numbers"),
        (lambda mixture: [np.nan] * 5, "5 numbers"),
    ],
)
def test_misuse(mixture, order_by, message):
    with pytest.raises(ParameterError, match=message):
        component_order(mixture, order_by, ["a", "b"])
