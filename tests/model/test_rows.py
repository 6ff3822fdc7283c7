"""Rows: the frame they choose, and what the sums of the compiled core become."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from tolerances import CLOSED_FORM

from gmm.covariances import STRUCTURES
from gmm.errors import DataError
from gmm.parameters import Kernel, Parameters
from gmm.rows import Rows, scanned, scanned_groups

TIED = STRUCTURES["tied"]


def test_a_frame_is_chosen_and_the_dtype_followed():
    p = problems.blobs(500, n_features=3)
    rows = Rows.from_array(p.X.astype(np.float32), scaling="common")
    assert rows.precision == "float32"
    assert rows.epsilon == 2.0**-23
    assert rows.frame.common_exponent == int(np.floor(np.log2(p.X.std(axis=0).max())))
    assert Rows.from_array(p.X).precision == "float64"
    assert Rows.from_array(p.X, precision="float32").precision == "float32"
    np.testing.assert_allclose(rows.frame.points_in(p.X).mean(axis=0), 0.0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_are_scanned_as_each_alone(dtype):
    groups = [problems.blobs(40 + 1500 * g, n_features=3, seed=g).X.astype(dtype) for g in range(4)]
    groups[1] = np.asfortranarray(groups[1])[::-1]
    groups[2][7, 1] = np.nan
    columns, finite = scanned_groups(groups)
    assert finite.tolist() == [True, True, False, True]
    for g in (0, 1, 3):
        for name, found in scanned(groups[g]).items():
            if name in columns:
                np.testing.assert_array_equal(columns[name][g], found)
    assert all((array[2] == 1.0).all() for array in columns.values())


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_a_value_that_is_not_finite_is_named(value, word):
    X = problems.blobs(3000, n_features=3).X
    X[2500, 1] = value
    message = f"Input X contains {word} at row 2500, column 1"
    with pytest.raises(DataError, match=message):
        Rows.from_array(X)
    frame = Rows.from_array(X[:100]).frame
    rows = Rows(X, None, frame)
    for use in (
        lambda: rows.assign(np.zeros((1, 3))),
        lambda: rows.moments(Kernel.DIAG, np.zeros((1, 3)), labels=np.zeros(3000, int)),
        lambda: rows.total_scatter,
    ):
        with pytest.raises(DataError, match=message):
            use()


def test_rows_of_weight_zero_do_not_choose_the_frame():
    X = problems.blobs(200).X
    far = np.concatenate([X, [[1e9, -1e9]]])
    frame = Rows.from_array(far, np.r_[np.ones(200), 0.0]).frame
    plain = Rows.from_array(X, np.ones(200)).frame
    np.testing.assert_array_equal(frame.exponent, plain.exponent)
    np.testing.assert_array_equal(frame.floor, plain.floor)
    assert frame.radius == pytest.approx(plain.radius, rel=1e-14)


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**-65, 1.0, 2.0**65, 2.0**1000])
def test_weights_of_any_size(factor):
    """Extreme weights are summed in their own unit; a factor that is a power of two changes no bit of a ratio."""
    p = problems.blobs(300)
    weight = np.random.default_rng(0).uniform(0.5, 1.0, 300)
    plain, scaled = Rows.from_array(p.X, weight), Rows.from_array(p.X, weight * factor)
    assert scaled.total_weight == pytest.approx(weight.sum() * factor, rel=1e-15)
    a, b = (rows.moments(Kernel.FULL, p.means, labels=p.labels) for rows in (plain, scaled))
    np.testing.assert_array_equal(a.second / a.weight, b.second / b.weight)
    np.testing.assert_array_equal(a.n / a.weight, b.n / b.weight)


def test_total_scatter():
    p = problems.blobs(700, n_features=4)
    weight = np.random.default_rng(0).uniform(0, 2, 700)
    for X in (p.X, p.X.astype(np.float32)):
        rows = Rows.from_array(X, weight)
        framed = rows.frame.points_in(X)
        np.testing.assert_allclose(
            rows.total_scatter, (framed * weight[:, None]).T @ framed, rtol=0, atol=CLOSED_FORM * 7000
        )


@pytest.mark.parametrize("n_features", [1, 3, 17])
def test_pooled_scatter_is_total_minus_between(n_features):
    p = problems.blobs(500, n_features=n_features)
    rows = Rows.from_array(p.X, np.random.default_rng(0).uniform(0, 2, 500))
    parameters = Parameters(p.weights, rows.frame.points_in(p.means), np.eye(n_features))
    factors = TIED.factorize(parameters)
    assert factors.kernel is Kernel.TIED
    pooled, separate = rows.accumulate(factors), rows.accumulate(factors.centred())
    np.testing.assert_allclose(pooled.n, separate.n, rtol=1e-11)
    np.testing.assert_allclose(pooled.second, separate.second.sum(axis=0), rtol=0, atol=1e-11 * 500)
    np.testing.assert_array_equal(pooled.second, pooled.second.T)
    assert pooled.log_likelihood == pytest.approx(separate.log_likelihood, rel=1e-12)


def test_scores_are_what_was_asked(structure):
    p = problems.blobs(50)
    rows = Rows.from_array(p.X, scaling=structure.scaling)
    statistics = rows.moments(structure.moments_kernel, np.zeros((3, 2)), labels=p.labels)
    previous = Parameters(p.weights, p.means, np.ones(structure.shape(3, 2)))
    factors = structure.factorize(structure.maximize(statistics, previous, floor=rows.frame.floor)[0])
    everything = rows.score(factors, log_density=True, posterior=True, label=True)
    for name in ("log_density", "posterior", "label"):
        wanted = {"log_density": False, name: True}
        one = rows.score(factors, **wanted)
        np.testing.assert_array_equal(getattr(one, name), getattr(everything, name))
        assert sum(value is not None for value in one) == 1
    np.testing.assert_array_equal(everything.posterior.argmax(axis=1), everything.label)
    total = rows.accumulate(factors).log_likelihood
    assert everything.log_density.sum() == pytest.approx(total, rel=1e-12)


def test_nearest_centres():
    p = problems.blobs(400, n_features=3)
    weight = np.random.default_rng(0).uniform(0, 2, 400)
    rows = Rows.from_array(p.X, weight)
    centres = rows.frame.points_in(p.means)
    found = rows.assign(centres, label=True, distance=True, sums=True)
    squares = ((rows.frame.points_in(p.X)[:, None] - centres) ** 2).sum(axis=-1)
    np.testing.assert_array_equal(found.label, squares.argmin(axis=1))
    np.testing.assert_allclose(found.distance, squares.min(axis=1), rtol=1e-11)
    assert found.inertia == pytest.approx(weight @ squares.min(axis=1), rel=1e-12)
    np.testing.assert_allclose(found.n, np.bincount(found.label, weight), rtol=1e-12)
    assert rows.assign(centres) == (found.inertia, None, None, None, None)


def test_a_subset_keeps_the_frame():
    p = problems.blobs(300)
    rows = Rows.from_array(p.X, np.arange(300.0))
    some = rows.subset(np.array([5, 7, 7]))
    np.testing.assert_array_equal(some.X, p.X[[5, 7, 7]])
    np.testing.assert_array_equal(some.sample_weight, [5.0, 7.0, 7.0])
    assert some.frame is rows.frame
    assert some.total_weight == 19.0
