"""Rows with missing values: their frame, units of their log-densities, and bits that no other row can change."""

from __future__ import annotations

import numpy as np
import problems
import pytest

from gmm.covariances import STRUCTURES
from gmm.missing import IncompleteRows, kind_of_rows
from gmm.parameters import Parameters
from gmm.rows import Rows

NAMES = ("full", "tied", "diag", "spherical")


def gappy(n_rows=500, n_features=4, share=0.3, dtype=np.float64):
    X = (problems.blobs(n_rows, n_features=n_features).X * 2.0 ** np.arange(n_features) * 3.0).astype(dtype)
    X[np.random.default_rng(0).random(X.shape) < share] = np.nan
    return X


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scaling", ["feature", "common"])
def test_the_frame_of_a_column_is_that_of_its_observed_values(scaling, weighted):
    X = gappy()
    weight = np.random.default_rng(1).uniform(size=len(X)) if weighted else None
    rows = IncompleteRows.from_array(X, weight, scaling=scaling)
    exponents = []
    for j in range(4):
        seen = ~np.isnan(X[:, j])
        alone = Rows.from_array(X[seen, j : j + 1], None if weight is None else weight[seen])
        exponents.append(alone.frame.exponent[0])
        unit = 2.0 ** (alone.frame.exponent[0] - rows.frame.exponent[j])
        np.testing.assert_allclose(rows.frame.centre[j], alone.frame.centre[0] * unit, rtol=1e-14)
        assert rows.frame.floor[j] == alone.frame.floor[0] * unit**2
    expected = exponents if scaling == "feature" else [max(exponents)] * 4
    np.testing.assert_array_equal(rows.frame.exponent, expected)
    assert rows.frame.radius == np.nanmax(np.abs(rows.frame.points_in(X)))


def test_the_jacobian_is_that_of_what_was_observed():
    X = gappy()
    weight = np.random.default_rng(1).uniform(size=len(X))
    rows = IncompleteRows.from_array(X, weight)
    expected = (~np.isnan(X)) @ np.log(rows.frame.scale)
    np.testing.assert_allclose(rows.log_jacobian, expected, rtol=1e-14)
    assert rows.mean_log_jacobian == pytest.approx(weight @ expected / weight.sum(), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_features", [2, 5, 12])
def test_a_row_scores_the_same_bits_alone(name, n_features, dtype):
    X, structure = gappy(n_features=n_features, dtype=dtype), STRUCTURES[name]
    rows = IncompleteRows.from_array(X, scaling=structure.scaling)
    shape = structure.shape(3, n_features)
    covariances = np.ones(shape) if name in ("diag", "spherical") else np.broadcast_to(np.eye(n_features), shape).copy()
    means = np.random.default_rng(0).normal(size=(3, n_features))
    factors = structure.factorize(Parameters(np.array([0.2, 0.5, 0.3]), means, covariances)).centred()
    together = rows.score(factors, posterior=True, label=True)
    for i in range(0, len(X), 29):
        alone = rows.subset(np.array([i])).score(factors, posterior=True, label=True)
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[i])


def test_complete_rows_are_read_the_ordinary_way():
    assert kind_of_rows(np.zeros((3, 2)), "marginalize") is Rows
    assert kind_of_rows(gappy(), "raise") is Rows
    assert kind_of_rows(gappy(), "marginalize") is IncompleteRows


def test_what_needs_whole_rows_says_so():
    rows = IncompleteRows.from_array(gappy())
    with pytest.raises(ValueError, match="NaN"):
        rows.assign(np.zeros((1, 4)))
