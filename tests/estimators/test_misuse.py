"""Misuse answers with one clear error that names the argument, row, column or component, and loses nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gmm import GaussianMixture
from gmm.errors import GmmError


@pytest.fixture(name="X")
def make_rows():
    return np.random.default_rng(0).normal(size=(40, 2))


def names(value):
    """Of the arguments of a case: what they are may have no words that are the same in every process."""
    return "-".join(value) if isinstance(value, dict) else ""


BAD_ARGUMENTS = [
    ({"n_components": 0}, "n_components must be between"),
    ({"n_components": -1}, "n_components must be between"),
    ({"n_components": 2.5}, "n_components must be an integer"),
    ({"n_components": True}, "n_components must be an integer"),
    ({"n_components": None}, "n_components must be an integer"),
    ({"n_components": 10**12}, "n_components must be between"),
    ({"n_components": 41}, "n_components=41.*n_samples = 40"),
    ({"covariance_type": "ful"}, "did you mean 'full'"),
    ({"covariance_type": "sperical"}, "did you mean 'spherical'"),
    ({"covariance_type": 3}, "covariance_type"),
    ({"init_params": "kmean"}, "did you mean 'kmeans'"),
    ({"init_params": 7}, "init_params"),
    ({"order_by": "weigth"}, "did you mean 'weight'"),
    ({"order_by": 2}, "order_by"),
    ({"order_by": lambda mixture: "abc"}, "order_by must give 1 numbers, one for each component, got 'abc'"),
    ({"covariances_init": 1e-305 * np.eye(2)[None], "reg_covar": 1e10}, "reg_covar is beyond float64's range"),
    ({"reg_covar": -1e-6}, "reg_covar must be a finite number"),
    ({"reg_covar": np.nan}, "reg_covar"),
    ({"reg_covar": np.inf}, "reg_covar"),
    ({"tol": -1.0}, "tol must be a number >= 0"),
    ({"tol": np.nan}, "tol must be a number >= 0, got nan"),
    ({"tol": "small"}, "tol must be a real number"),
    ({"max_iter": -1}, "max_iter must be between"),
    ({"max_iter": 1.5}, "max_iter must be an integer"),
    ({"n_init": 0}, "n_init must be between"),
    ({"short_iter": -1}, "short_iter must be between"),
    ({"acceleration": "fast"}, "acceleration must be one of"),
    ({"acceleration": "atuo"}, "did you mean 'auto'"),
    ({"acceleration": True}, "acceleration must be one of"),
    ({"n_threads": 0}, "n_threads must be between"),
    ({"dtype": "float16"}, "dtype must be None, 'float32' or 'float64'"),
    ({"dtype": "int"}, "dtype must be"),
    ({"random_state": -1}, "random_state"),
    ({"random_state": "seed"}, "random_state must be None, an integer, a numpy.random.Generator"),
    ({"warm_start": "yes"}, "warm_start must be True or False, got 'yes'"),
    ({"callbacks": [print, 1]}, "callbacks must be None or a list of callables"),
    ({"verbose": -1}, "verbose must be between"),
    ({"verbose_interval": 0}, "verbose_interval must be between"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS, ids=names)
def test_bad_argument_is_named(X, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        GaussianMixture(**arguments).fit(X)
    assert isinstance(caught.value, GmmError)


BAD_STARTS = [
    ({"weights_init": [0.5, 0.6]}, "weights_init"),
    ({"weights_init": [1.5, -0.5]}, "weights_init"),
    ({"weights_init": [1.0]}, "weights_init"),
    ({"weights_init": [np.nan, 1.0]}, "weights_init"),
    ({"means_init": [[0.0, 0.0]]}, "means_init"),
    ({"means_init": [[0.0, 0.0], [np.inf, 0.0]]}, "means_init"),
    ({"means_init": [[0.0], [1.0]]}, "means_init"),
    ({"precisions_init": [[[1.0, 0.5], [0.0, 1.0]]] * 2}, "precisions_init.*symmetric"),
    ({"precisions_init": [np.eye(2), np.ones((2, 2))]}, "precisions_init.*positive definite"),
    ({"precisions_init": np.eye(2)}, "precisions_init"),
    ({"precisions_init": [1.0, 0.0], "covariance_type": "spherical"}, "component 1 has precision 0, not positive"),
    ({"precisions_init": -np.ones((2, 2)), "covariance_type": "diag"}, "component 0, feature 0 has precision -1"),
    ({"covariances_init": [0.0, 1.0], "covariance_type": "spherical"}, "component 0 has variance 0, not positive"),
    ({"covariances_init": [np.eye(2), -np.eye(2)]}, "covariances_init.*component 1"),
    ({"covariances_init": [np.eye(2)] * 2, "precisions_init": [np.eye(2)] * 2}, "covariances_init.*precisions_init"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_STARTS, ids=names)
def test_bad_start_is_named(X, arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, **arguments).fit(X)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.zeros(39, int), r"start has shape \(39,\); expected labels \(40,\) or responsibilities \(40, 2\)"),
        (np.r_[np.ones(39, int), 2], r"start: row 39 is not a label in -1 \.\. 1: 2"),
        (np.full((40, 3), 1 / 3), r"start has shape \(40, 3\)"),
        (np.full((40, 2), 0.3), r"start: row 0 sums neither to 1 nor"),
        (np.full((40, 2), np.nan), "start: row 0 has a responsibility that is negative or no number"),
        (np.full(40, 0.5), "start: row 0 is not a label"),
        (np.full((40, 2), "a"), "start must hold labels or responsibilities"),
    ],
)
def test_bad_labels_or_responsibilities(X, start, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(X, start=start)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(39), "sample_weight"),
        (np.ones((40, 2)), "sample_weight"),
        (-np.ones(40), "sample_weight at row 0.*not negative"),
        (np.r_[np.ones(39), np.nan], "sample_weight.*row 39"),
        (np.r_[np.inf, np.ones(39)], "sample_weight.*row 0"),
        (np.zeros(40), "(?i)weight.*zero"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "score"])
def test_bad_weights(X, weight, message, method):
    model = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, sample_weight=weight)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba", "score_samples", "score"])
def test_a_value_that_is_not_finite_is_located(X, bad, dtype, method):
    model = GaussianMixture(2, random_state=0).fit(X)
    rows = X.astype(dtype)
    rows[7, 1] = bad
    with pytest.raises(ValueError, match=r"(?s)(NaN|inf).*row 7.*column 1"):
        getattr(model, method)(rows)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (np.zeros(5), ValueError, "Reshape your data"),
        (np.float64(1.0), ValueError, "Reshape your data"),
        (np.zeros((2, 3, 4)), ValueError, "got 3D"),
        (np.zeros((0, 2)), ValueError, r"0 sample\(s\)"),
        (np.zeros((5, 0)), ValueError, r"0 feature\(s\)"),
        (None, TypeError, "X must be a 2D array .* got an object of type NoneType"),
        ("abc", TypeError, "got an object of type str"),
        (np.zeros((5, 2), complex), ValueError, "Complex data not supported"),
        (np.array([["a", "b"]] * 5), TypeError, "X, column 0, row 0: .a. is not a number"),
        (np.zeros((5, 2), "datetime64[s]"), TypeError, "datetime64"),
        (np.ma.masked_array(np.zeros((5, 2)), mask=np.eye(5, 2)), ValueError, "masked"),
    ],
)
def test_rows_that_are_not_a_table_of_numbers(rows, error, message):
    with pytest.raises(error, match=message) as caught:
        GaussianMixture().fit(rows)
    assert isinstance(caught.value, GmmError)


def test_fewer_rows_than_components():
    with pytest.raises(ValueError, match=r"n_components=3.*n_samples = 2"):
        GaussianMixture(3).fit([[0.0], [1.0]])


def test_fewer_rows_of_positive_weight_than_components(X):
    weight = np.zeros(40)
    weight[:2] = 1.0
    with pytest.raises(ValueError, match="n_components=3"):
        GaussianMixture(3).fit(X, sample_weight=weight)


def test_wrong_number_of_features(X):
    model = GaussianMixture().fit(X)
    with pytest.raises(ValueError, match="X has 3 features, but GaussianMixture is expecting 2 features as input"):
        model.predict(np.zeros((4, 3)))


def test_misspelt_parameter_in_set_params():
    with pytest.raises(ValueError, match="did you mean 'n_components'"):
        GaussianMixture().set_params(n_component=3)


@pytest.mark.parametrize("bad", [-1, 2.5, True, "three"])
def test_sample_refuses_what_is_not_a_count(X, bad):
    with pytest.raises(ValueError, match="n_samples"):
        GaussianMixture().fit(X).sample(bad)


def test_a_failed_fit_leaves_the_earlier_one(X):
    model = GaussianMixture(2, random_state=0).fit(X)
    before = {name: getattr(model, name) for name in ("means_", "n_iter_", "lower_bounds_", "n_features_in_")}
    for rows in (np.full((5, 3), np.nan), np.zeros((1, 7)), np.array([["text"]])):
        with pytest.raises((ValueError, TypeError)):
            model.fit(rows)
    model.set_params(covariance_type="nonsense")
    with pytest.raises(ValueError, match="covariance_type"):
        model.fit(X)
    for name, value in before.items():
        assert getattr(model, name) is value or np.array_equal(getattr(model, name), value)


def test_nothing_is_fitted_after_a_first_failure():
    model = GaussianMixture(2)
    with pytest.raises(ValueError, match="row 1"):
        model.fit([[0.0], [np.nan], [1.0]])
    assert not hasattr(model, "means_")
    assert not model.__sklearn_is_fitted__()
