"""Degenerate data and prediction far out: finite answers, the cause named, no NaN anywhere."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from oracle import dense_covariances, density
from tolerances import MONOTONE

from gmm import GaussianMixture
from gmm.errors import CollapseWarning

STRUCTURES = ("full", "tied", "diag", "spherical")


def fit(X, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixture(*args, random_state=0, **kwargs).fit(X)


def assert_sound(model, X):
    """The books of a fit agree, and what it says of some of its rows is what its parameters say, in 50 digits."""
    assert abs(model.weights_.sum() - 1) < 1e-12
    assert (np.diff(model.lower_bounds_) >= -MONOTONE * max(1, abs(model.lower_bound_))).all()
    found = model.score_samples(X)
    assert model.log_likelihood_ == pytest.approx(found.mean(), rel=1e-12, abs=1e-12)
    assert model.objective_ == model.lower_bound_ == pytest.approx(model.log_likelihood_, rel=1e-12, abs=1e-12)
    some = np.unique(np.linspace(0, len(X) - 1, 6).astype(int))
    expected, posterior, error = density(model, X[some])
    assert (np.abs(found[some] - expected) <= error).all(), (found[some] - expected, error)
    np.testing.assert_array_less(np.abs(model.predict_proba(X)[some] - posterior).max(axis=1), error)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)


def two_blobs(n=200, D=2, gap=8.0):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(n, D)), rng.normal(size=(n, D)) + gap])


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("far", [1e6, 1e100, 1e160, 1e308])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_far_out_are_one_hot_by_mahalanobis_order(structure, far, dtype):
    if dtype is np.float32 and far > 3e38:
        far = 3e38
    model = fit(two_blobs(), 2, covariance_type=structure)
    rows = np.array([[far, far], [-far, -far], [far, 0.0], [0.0, 0.0]], dtype)
    posterior, label = model.predict_proba(rows), model.predict(rows)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(posterior.argmax(axis=1), label)
    assert not np.isnan(model.score_samples(rows)).any()
    if structure == "tied" and far > 1e6:
        return  # x' P x is the same for every component, and x - mean has no digit left for the mean: a tie
    assert (posterior[:3].max(axis=1) == 1.0).all()
    scaled = rows[:3].astype(np.float64) / far * 1e6
    distance = [
        np.einsum("ni,ij,nj->n", scaled - mean, np.linalg.inv(dense), scaled - mean)
        for mean, dense in zip(model.means_, dense_covariances(model), strict=True)
    ]
    np.testing.assert_array_equal(label[:3], np.argmin(distance, axis=0))
    if far == 1e6:
        expected, exact, _ = density(model, rows.astype(np.float64))
        np.testing.assert_allclose(model.score_samples(rows), expected, rtol=1e-12 if dtype is np.float64 else 1e-5)
        np.testing.assert_allclose(posterior, exact, atol=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_blobs_a_billion_sigma_apart(structure):
    X = two_blobs(gap=1e9)
    model = fit(X, 2, covariance_type=structure)
    posterior = model.predict_proba(X)
    assert set(np.unique(posterior)) == {0.0, 1.0}
    assert len(np.unique(model.predict(X)[:200])) == 1
    assert_sound(model, X)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n_components", [1, 2])
def test_all_rows_identical(structure, n_components):
    X = np.full((30, 3), 7.5)
    with pytest.warns(CollapseWarning):
        model = GaussianMixture(n_components, covariance_type=structure, random_state=0).fit(X)
    assert_sound(model, X)
    np.testing.assert_allclose(model.means_[model.weights_ > 0], 7.5, rtol=1e-14)
    assert "floor" in model.summary()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_five_distinct_points_with_eight_components(structure):
    X = np.repeat(np.array([[0.0, 0.0], [5.0, 1.0], [9.0, 3.0], [-4.0, 8.0], [2.0, -7.0]]), 20, axis=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GaussianMixture(8, covariance_type=structure, random_state=0).fit(X)
    assert (model.weights_ > 0).sum() <= 5
    assert (model.weights_[model.weights_ <= 1e-12] == 0.0).all()
    assert len(caught) == 1, [str(w.message) for w in caught]
    assert "no rows and mixing weight 0" in str(caught[0].message)
    assert_sound(model, X)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("value", [0.0, 1.0, 1e6, 1e-300])
def test_a_constant_column(structure, value):
    X = two_blobs()
    rows = np.column_stack([X, np.full(len(X), value)])
    model = fit(rows, 2, covariance_type=structure)
    if value == 1e-300 and structure != "spherical":  # the floor's variance, (8 eps 1e-300)^2, is below float64
        with pytest.raises(ValueError, match="too small for a float64"):
            _ = model.covariances_
    else:
        assert_sound(model, rows)
    if structure != "spherical":  # the column multiplies every density by the same constant
        ratio = model.score_samples(rows) - fit(X, 2, covariance_type=structure).score_samples(X)
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    labels = model.predict(rows)
    assert len(set(labels[:200])) == len(set(labels[200:])) == 1
    assert labels[0] != labels[-1]
    if structure in ("full", "tied", "diag"):
        assert "floor" in model.summary()


@pytest.mark.parametrize("order_by", [None, "mean", "weight"])
def test_a_floored_component_is_named_with_its_flat_feature(order_by):
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.normal(20.0, 1.0, 300), np.full(300, 5.0)])
    X = np.concatenate([flat, rng.normal(size=(100, 2))])
    start = np.repeat([0, 1], (300, 100))
    with pytest.warns(CollapseWarning) as caught:
        model = GaussianMixture(2, order_by=order_by).fit(X, start=start)
    held = int(np.argmax(model.means_[:, 0]))
    said = f"component {held} has no spread in x1"
    assert said in str(caught[0].message)
    assert said in model.summary()


@pytest.mark.parametrize("structure", ["full", "tied"])
@pytest.mark.parametrize("kind", ["duplicated", "combination", "line"])
def test_linear_dependence(structure, kind):
    X = two_blobs()
    rows = {
        "duplicated": np.column_stack([X, X[:, 0]]),
        "combination": np.column_stack([X, 2 * X[:, 0] - 3 * X[:, 1]]),
        "line": X[:, :1] * np.array([1.0, 2.0, -1.0]),
    }[kind]
    model = fit(rows, 2, covariance_type=structure)
    assert_sound(model, rows)
    assert np.linalg.eigvalsh(dense_covariances(model)).min() > 0
    labels = model.predict(rows)
    plain = fit(X if kind != "line" else X[:, :1], 2, covariance_type=structure)
    reference = plain.predict(X if kind != "line" else X[:, :1])
    agreement = np.mean(labels == reference)
    assert max(agreement, 1 - agreement) == 1.0


def test_one_hot_columns_and_integer_grids():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, 300)
    one_hot = np.eye(4)[kind]
    model = fit(one_hot, 4)
    assert_sound(model, one_hot)
    np.testing.assert_allclose(model.weights_[model.predict(np.eye(4))], np.bincount(kind) / 300, rtol=1e-9)
    grid = rng.integers(0, 4, (300, 2)).astype(float)
    for structure in STRUCTURES:
        assert_sound(fit(grid, 3, covariance_type=structure), grid)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shape", [(1, 3), (3, 3), (4, 3), (5, 8)])
def test_hardly_any_rows(structure, shape):
    X = np.random.default_rng(0).normal(size=shape)
    for n_components in {1, shape[0]}:
        model = fit(X, n_components, covariance_type=structure)
        assert_sound(model, X)
        np.testing.assert_allclose(model.weights_ @ model.means_, X.mean(axis=0), atol=1e-12)


def test_cauchy_rows():
    X = np.random.default_rng(0).standard_cauchy((500, 2))
    model = fit(X, 3, max_iter=200)
    assert_sound(model, X)


def test_no_density_above_the_peak():
    rng = np.random.default_rng(0)
    X = 1e4 + 1e-3 * rng.normal(size=(500, 2))
    model = fit(X, 1, covariance_type="diag")
    peak = -np.log(2 * np.pi) - 0.5 * np.log(model.covariances_[0]).sum()
    assert model.score_samples(X).max() <= peak + 1e-11
    assert model.score_samples(model.means_)[0] == pytest.approx(peak, abs=1e-9)


@pytest.mark.parametrize("n_samples", [0, 1, 1000])
def test_sample(n_samples):
    model = fit(two_blobs(), 2)
    X, labels = model.sample(n_samples)
    assert X.shape == (n_samples, 2)
    assert labels.shape == (n_samples,)
    if n_samples:
        np.testing.assert_array_equal(labels, model.predict(X))  # the blobs are 11 standard deviations apart


def test_sample_proportions_and_means():
    model = GaussianMixture.from_parameters([0.2, 0.8], [[0.0], [100.0]], [[[1.0]], [[4.0]]])
    model.random_state = 0
    X, labels = model.sample(10**5)
    assert abs((labels == 0).sum() - 2e4) < 5 * np.sqrt(1e5 * 0.2 * 0.8)
    np.testing.assert_array_equal(labels, (X[:, 0] > 50).astype(int))
    assert abs(X[labels == 1].std() - 2.0) < 0.03


def test_weights_that_sum_to_one_but_for_rounding():
    weights = np.full(10, 0.1)  # their sum is 1 - 1 ulp
    model = GaussianMixture.from_parameters(weights, np.zeros((10, 1)), np.ones(10), covariance_type="spherical")
    assert model.sample(1000)[0].shape == (1000, 1)
