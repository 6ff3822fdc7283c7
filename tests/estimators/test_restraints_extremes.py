"""Restraints where data are difficult, units are odd, and steps are long."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from problems import DEGENERATE, five_distinct_points, identical_rows, overlapping
from tolerances import MONOTONE

from gmm import GaussianMixture
from gmm.covariances import STRUCTURES

EVERY = list(STRUCTURES)
OPTIONS = {
    "ratio": {"eigen_ratio": 8.0},
    "ratio of one": {"eigen_ratio": 1.0},
    "endless ratio": {"eigen_ratio": 1e300},
    "shrinkage": {"shrinkage": 0.2},
    "hardly any": {"shrinkage": 1e-15},
    "auto": {"shrinkage": "auto"},
    "equal weights": {"equal_weights": True},
}
ROWS = {
    **{name: make()[0] for name, make in DEGENERATE.items()},
    "identical rows": identical_rows(),
    "five points": five_distinct_points(),
    "fewer rows than features": np.random.default_rng(0).normal(size=(4, 9)),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("problem", ROWS)
def test_degenerate_rows_have_a_finite_fit(problem, option):
    X = ROWS[problem]
    for name in EVERY:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GaussianMixture(2, covariance_type=name, random_state=0, n_init=2, **OPTIONS[option]).fit(X)
        assert np.isfinite(model.lower_bounds_).all()
        assert model.stop_reason_ in ("converged", "max_iter")
        assert np.diff(model.lower_bounds_).min(initial=0.0) >= -MONOTONE
        if option == "ratio":
            e = np.linalg.eigvalsh(STRUCTURES[name].dense(np.array(model.covariances_), 2, X.shape[1]))
            assert e.max() <= 8.0 * e.min() * (1 + 1e-9)


@pytest.mark.parametrize("exponent", [-400, -30, 30, 400])
@pytest.mark.parametrize("option", ["ratio", "auto", "equal weights"])
def test_units_by_powers_of_two_change_no_bit(option, exponent):
    X = overlapping(300).X @ [[1.0, 0.3]] + np.random.default_rng(0).normal(size=(300, 2))
    fits = [GaussianMixture(2, random_state=0, **OPTIONS[option]).fit(rows) for rows in (X, np.ldexp(X, exponent))]
    np.testing.assert_array_equal(fits[0].weights_, fits[1].weights_)
    np.testing.assert_array_equal(np.ldexp(fits[0].means_, exponent), fits[1].means_)


def test_float32_at_an_offset():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 1, (200, 2)), rng.normal(5, 0.1, (200, 2))])
    near = GaussianMixture(2, eigen_ratio=5.0, random_state=0, order_by=0).fit(X)
    far = GaussianMixture(2, eigen_ratio=5.0, random_state=0, order_by=0).fit((X + 100).astype(np.float32))
    np.testing.assert_allclose(far.covariances_, near.covariances_, rtol=2e-3, atol=2e-4)


LONG = {
    "equal weights": {"equal_weights": True},
    "a weight": {"fixed": {"weights": [0]}, "weights_init": [0.4, 0.4, 0.2]},
    "a mean": {"fixed": {"means": [1]}, "means_init": [[0.0], [2.0], [1.0]]},
    "a covariance": {"fixed": {"covariances": [2]}, "covariances_init": [[[1.0]], [[1.0]], [[1.5]]]},
    "shrinkage": {"shrinkage": 0.05},
}


@pytest.mark.parametrize("option", LONG)
def test_long_steps_end_where_em_does_and_hold_what_is_held(option):
    X = overlapping(12_000).X
    start = np.searchsorted(np.quantile(X, [0.3, 0.7]), X[:, 0])
    options = {"max_iter": 4000, "tol": 1e-5, "random_state": 0, **LONG[option]}
    fits = [GaussianMixture(3, acceleration=kind, **options).fit(X, start=start) for kind in (None, "auto")]
    plain, quick = fits
    assert quick.n_iter_ < plain.n_iter_
    assert quick.objective_ >= plain.objective_ - 3e-5
    assert np.diff(quick.lower_bounds_).min() >= -MONOTONE
    for model in fits:
        if option == "equal weights":
            np.testing.assert_allclose(model.weights_, 1 / 3, rtol=1e-15)
        if option == "a weight":
            assert model.weights_[0] == 0.4
        if option == "a mean":
            np.testing.assert_allclose(model.means_[1], 2.0, rtol=1e-14)
        if option == "a covariance":
            assert model.covariances_[2] == 1.5


def test_under_a_ratio_no_step_is_longer_than_ems():
    X = overlapping(30_000).X
    fits = [GaussianMixture(2, eigen_ratio=1.5, acceleration=kind, random_state=0).fit(X) for kind in (None, "auto")]
    assert fits[0].lower_bounds_.tolist() == fits[1].lower_bounds_.tolist()
