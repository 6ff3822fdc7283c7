"""Rows without spread in some direction, in every structure: the groups, the likelihood in what is left, the cause."""

from __future__ import annotations

import math
import warnings

import numpy as np
import problems
import pytest
from oracle import dense_covariances, density

from gmm import GaussianMixture
from gmm.errors import CollapseWarning

STRUCTURES = ("full", "tied", "diag", "spherical")
# What is left of the rows when the columns that say nothing are gone, and which structures find them singular.
LEFT = {
    "constant column of 0": ([0, 1], ("full", "tied", "diag")),
    "constant column of 1": ([0, 1], ("full", "tied", "diag")),
    "constant column of 1e6": ([0, 1], ("full", "tied", "diag")),
    "constant column of 1e-300": ([0, 1], ("full", "tied", "diag")),
    "duplicated column": ([0, 1], ("full", "tied")),
    "dependent column": ([0, 1], ("full", "tied")),
    "line in space": ([0], ("full", "tied")),
    "one-hot columns": ([0, 1, 2], ("full", "tied")),
    "integer grid": ([0, 1], ()),
}


def fit(X, structure, start=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GaussianMixture(2, covariance_type=structure, random_state=0).fit(X, start=start)
    return model, [str(w.message) for w in caught if issubclass(w.category, CollapseWarning)]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", LEFT)
def test_groups_likelihood_and_cause(name, structure):
    X, truth = problems.DEGENERATE[name]()
    columns, singular = LEFT[name]
    # Beside one-hot columns, groups by their value are likelier than any other: there the start says which are meant.
    start = truth if name == "one-hot columns" else None
    model, complaints = fit(X, structure, start)
    labels = model.predict(X)
    assert (labels == truth).all() or (labels == 1 - truth).all()
    np.testing.assert_allclose(np.sort(model.weights_), 0.5, rtol=1e-9)
    assert (np.diff(model.lower_bounds_) >= -1e-11 * max(1.0, abs(model.objective_))).all()
    if structure in singular:
        assert len(complaints) == 1
        assert "numerical floor" in complaints[0]
        assert complaints[0].split(":")[0] in model.summary()
        plain, _ = fit(X[:, columns], structure, start)
        ratio = model.score_samples(X) - plain.score_samples(X[:, columns])
        for k in (0, 1):  # what the directions without spread add is the same for all rows of a group
            np.testing.assert_allclose(ratio[truth == k], ratio[truth == k].mean(), rtol=0, atol=1e-2)
    else:
        assert complaints == []
    if name.startswith("constant") and structure in singular:
        assert "no spread in x2" in complaints[0]
    if name != "constant column of 1e-300" or structure == "spherical":  # the floor's variance is below float64
        assert np.linalg.eigvalsh(dense_covariances(model)).min() > 0


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n_components", [1, 2, 5])
def test_identical_rows_of_any_size(structure, n_components):
    for X in (problems.identical_rows(), np.full((30, 2), 1e6), np.zeros((30, 1))):
        with pytest.warns(CollapseWarning) as caught:
            model = GaussianMixture(n_components, covariance_type=structure, random_state=0).fit(X)
        assert len(caught) == 1
        live = model.weights_ > 0
        np.testing.assert_array_equal(model.means_[live], np.broadcast_to(X[0], (live.sum(), X.shape[1])))
        np.testing.assert_allclose(model.weights_.sum(), 1.0, rtol=1e-15)
        heights = [np.linalg.slogdet(2 * np.pi * c)[1] for c in dense_covariances(model)]  # every row is at every mean
        wanted = np.logaddexp.reduce(np.log(model.weights_[live]) - np.array(heights)[live] / 2)
        np.testing.assert_allclose(model.score_samples(X), wanted, rtol=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "hierarchical", "random", "random_from_data"])
@pytest.mark.parametrize("n_components", [5, 6, 8])
def test_five_distinct_points(structure, dtype, init_params, n_components):
    X = problems.five_distinct_points().astype(dtype)
    settings = {"init_params": init_params, "covariance_type": structure, "random_state": 0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = GaussianMixture(n_components, **settings).fit(X)
    assert len(caught) <= 1
    assert (model.weights_ > 0).sum() <= 5
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-6)
    points = np.unique(X, axis=0)
    expected, _, error = density(model, points.astype(np.float64))
    scores = model.score_samples(points)
    if dtype is np.float64:
        assert (np.abs(scores - expected) <= error).all()
    else:
        np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert (np.linalg.eigvalsh(dense_covariances(model)[model.weights_ > 0]) > 0).all()


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n_samples", [1, 2, 3, 4, 7, 8, 9])
def test_as_many_rows_as_components_and_fewer_than_features(structure, n_samples):
    X = np.random.default_rng(n_samples).normal(size=(n_samples, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = GaussianMixture(n_samples, covariance_type=structure, random_state=0).fit(X)
    np.testing.assert_allclose(model.weights_ @ model.means_, X.mean(axis=0), atol=1e-12)
    assert np.linalg.eigvalsh(dense_covariances(model)).min() > 0
    with pytest.raises(ValueError, match=f"n_components={n_samples + 1}.*n_samples = {n_samples}"):
        GaussianMixture(n_samples + 1, covariance_type=structure).fit(X)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(2))
def test_cauchy_rows_are_climbed_to_the_end(structure, seed):
    X = problems.cauchy(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = GaussianMixture(4, covariance_type=structure, random_state=seed).fit(X)
    assert model.stop_reason_ in ("converged", "max_iter")
    assert (np.diff(model.lower_bounds_) >= -1e-11).all()
    assert model.log_likelihood_ == pytest.approx(model.score(X), abs=1e-12)
    assert np.isfinite(model.means_).all()
    assert np.linalg.eigvalsh(dense_covariances(model)).min() > 0


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("n_features", [1, 2, 16])
def test_a_billion_standard_deviations(structure, n_features):
    made = problems.far_apart(n_features=n_features)
    model, complaints = fit(made.X, structure)
    posterior = model.predict_proba(made.X)
    assert set(np.unique(posterior)) == {0.0, 1.0}
    first = model.predict(made.X[:1])[0]
    np.testing.assert_array_equal(model.predict(made.X), np.where(made.labels == made.labels[0], first, 1 - first))
    for k in (0, 1):
        rows = made.X[made.labels == k]
        found = model.means_[model.predict(rows[:1])[0]]
        exact = [math.fsum(column) / len(rows) for column in rows.T]
        np.testing.assert_allclose(found, exact, rtol=0, atol=2 * 2.0**-52 * np.abs(made.X).max())
    assert complaints == []
