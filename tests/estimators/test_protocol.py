"""The estimator as an object: arguments, attributes, starts, order, representation."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from gmm import GaussianMixture
from gmm.rows import Rows

STRUCTURES = ("full", "tied", "diag", "spherical")
ARGUMENTS = {
    "n_components": 1, "covariance_type": "full", "n_factors": None,
    "tol": 1e-6, "reg_covar": None, "max_iter": 500, "n_init": 5,
    "short_iter": 10, "init_params": "kmeans", "weights_init": None, "means_init": None, "precisions_init": None,
    "covariances_init": None, "equal_weights": False, "eigen_ratio": None, "shrinkage": None, "prior": None,
    "noise": False, "missing": "raise", "on_collapse": "repair", "acceleration": "auto", "fixed": (), "order_by": None,
    "random_state": None,
    "warm_start": False, "n_threads": None, "dtype": None, "callbacks": None, "verbose": 0, "verbose_interval": 10,
}  # fmt: skip


@pytest.fixture(name="X", scope="module")
def make_rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(c, 0.7, size=(n, 3)) for c, n in ((0.0, 50), (5.0, 100), (9.0, 150))])


def test_the_constructor_is_the_documented_one():
    parameters = inspect.signature(GaussianMixture).parameters
    assert {name: p.default for name, p in parameters.items()} == ARGUMENTS
    assert [p.kind for p in parameters.values()][1:] == [inspect.Parameter.KEYWORD_ONLY] * (len(ARGUMENTS) - 1)
    for name in ARGUMENTS:
        assert f"    {name} : " in GaussianMixture.__doc__, name


def test_arguments_are_stored_as_they_are():
    given = {name: object() for name in ARGUMENTS}
    model = GaussianMixture(**given)
    assert model.get_params() == given
    assert vars(model) == given
    assert GaussianMixture().set_params(**given).get_params(deep=False) == given


def test_representation_shows_what_differs_from_the_defaults():
    assert repr(GaussianMixture()) == "GaussianMixture()"
    assert repr(GaussianMixture(3, tol=1e-3)) == "GaussianMixture(n_components=3, tol=0.001)"
    assert len(repr(GaussianMixture(2, means_init=np.zeros((1000, 50))))) < 400


@pytest.mark.parametrize("structure", STRUCTURES)
def test_shapes_are_scikit_learns(X, structure):
    model = GaussianMixture(2, covariance_type=structure, random_state=0).fit(X)
    shape = {"full": (2, 3, 3), "tied": (3, 3), "diag": (2, 3), "spherical": (2,)}[structure]
    assert model.weights_.shape == (2,)
    assert model.means_.shape == (2, 3)
    assert model.n_features_in_ == 3
    assert model.covariances_.shape == model.precisions_.shape == model.precisions_cholesky_.shape == shape
    if structure in ("full", "tied"):
        np.testing.assert_allclose(model.covariances_ @ model.precisions_, np.broadcast_to(np.eye(3), shape), atol=1e-9)
        root = model.precisions_cholesky_
        np.testing.assert_allclose(root @ np.swapaxes(root, -1, -2), model.precisions_, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(np.tril(root, -1), 0.0)
    else:
        np.testing.assert_allclose(model.covariances_ * model.precisions_, 1.0, rtol=1e-12)
        np.testing.assert_allclose(model.precisions_cholesky_**2, model.precisions_, rtol=1e-12)


def test_attributes_are_those_of_the_fit_and_cannot_be_written(X):
    model = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(AttributeError):
        model.means_ = np.zeros((2, 3))
    with pytest.raises(ValueError, match="read-only"):
        model.means_[0] = 0.0
    assert not any(isinstance(v, np.ndarray) and len(v) == len(X) for v in vars(model).values())


def test_unfitted_attributes_are_absent():
    model = GaussianMixture()
    for name in ("weights_", "means_", "covariances_", "converged_", "n_iter_", "restarts_", "n_features_in_"):
        assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = model.means_


@pytest.mark.parametrize("structure", STRUCTURES)
def test_fit_predict_is_predict_after_fit(X, structure):
    model = GaussianMixture(3, covariance_type=structure, random_state=0, n_init=1, max_iter=3, tol=0.0)
    labels = model.fit_predict(X)
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_array_equal(labels, model.predict_proba(X).argmax(axis=1))


@pytest.mark.parametrize(("order_by", "sorted_by"), [
    ("weight", lambda m: -m.weights_), ("mean", lambda m: m.means_[:, 0]), (2, lambda m: m.means_[:, 2]),
])  # fmt: skip
def test_order_by(X, order_by, sorted_by):
    rng = np.random.default_rng(3)
    for _ in range(3):
        model = GaussianMixture(3, order_by=order_by, random_state=int(rng.integers(1000))).fit(X)
        assert (np.diff(sorted_by(model)) > 0).all()
        assert abs(model.score(X) - model.log_likelihood_) <= 1e-12
    one, other = (GaussianMixture(3, order_by=order_by, random_state=s).fit(X) for s in (1, 2))
    np.testing.assert_allclose(one.means_, other.means_, atol=1e-4)  # both end within 3 tol = 3e-6 nats of one top


def test_a_misspelt_order_is_refused_before_any_work(X):
    seen = []
    with pytest.raises(ValueError, match="order_by"):
        GaussianMixture(2, order_by="wieght", callbacks=[seen.append]).fit(X)
    assert not seen


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_given_number_of_threads_reaches_the_rows(X, n_threads, monkeypatch):
    seen = set()

    def spy(rows, factors, accumulate=Rows.accumulate):
        seen.add(rows.n_threads)
        return accumulate(rows, factors)

    monkeypatch.setattr(Rows, "accumulate", spy)
    GaussianMixture(2, n_threads=n_threads, random_state=0, callbacks=[lambda progress: None]).fit(X)  # pass by pass
    assert seen == {n_threads}


def test_order_by_a_feature_name(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = GaussianMixture(3, order_by="b", random_state=0).fit(frame)
    assert (np.diff(model.means_[:, 1]) > 0).all()
    with pytest.raises(ValueError, match="order_by"):
        GaussianMixture(3, order_by="d", random_state=0).fit(frame)


def test_starts_given_as_labels_and_as_responsibilities_agree(X):
    labels = np.repeat([0, 1, 2], (50, 100, 150))
    fits = [GaussianMixture(3, max_iter=5, tol=0.0).fit(X, start=start) for start in (labels, np.eye(3)[labels])]
    np.testing.assert_allclose(fits[0].means_, fits[1].means_, rtol=1e-12)
    assert len(fits[0].restarts_) == 1
    np.testing.assert_array_equal(fits[0].predict(X), labels)


def test_given_means_alone_are_a_start(X):
    centres = np.array([[0.0] * 3, [5.0] * 3, [9.0] * 3])
    model = GaussianMixture(3, means_init=centres).fit(X)
    own = [X[model.predict(X) == k].mean(axis=0) for k in range(3)]  # three clear groups
    np.testing.assert_allclose(model.means_, own, atol=1e-3)
    assert model.predict(centres).tolist() == [0, 1, 2]
    assert len(model.restarts_) == 1


@pytest.mark.parametrize("name", ["kmeans", "k-means++", "hierarchical", "random", "random_from_data"])
def test_named_starts(X, name):
    model = GaussianMixture(3, init_params=name, random_state=0).fit(X)
    assert model.converged_
    assert model.log_likelihood_ == pytest.approx(GaussianMixture(3, random_state=0).fit(X).log_likelihood_, abs=3e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_from_parameters_predicts_like_the_fit(X, structure):
    model = GaussianMixture(3, covariance_type=structure, random_state=0).fit(X)
    made = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_, covariance_type=structure)
    assert made.n_components == 3
    assert made.covariance_type == structure
    assert made.n_features_in_ == 3
    np.testing.assert_allclose(made.score_samples(X), model.score_samples(X), rtol=1e-9)
    np.testing.assert_array_equal(made.predict(X), model.predict(X))
    np.testing.assert_allclose(made.means_, model.means_, rtol=1e-15)
    assert not hasattr(made, "log_likelihood_")
    assert "component" in made.summary()


@pytest.mark.parametrize(("weights", "means", "covariances", "message"), [
    ([0.5, 0.6], [[0.0], [1.0]], [[[1.0]]] * 2, "weights"),
    ([0.5, 0.5], [[0.0], [np.nan]], [[[1.0]]] * 2, "means"),
    ([0.5, 0.5], [[0.0], [1.0]], [[[1.0]], [[-1.0]]], "component 1"),
    ([0.5, 0.5], [[0.0], [1.0]], [[[1.0]]], "covariances"),
])  # fmt: skip
def test_from_parameters_refuses_what_is_no_mixture(weights, means, covariances, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture.from_parameters(weights, means, covariances)


def test_dtype_chooses_the_arithmetic(X):
    narrow = X.astype(np.float32)
    assert GaussianMixture(2, random_state=0).fit(narrow).predict_proba(narrow).dtype == np.float32
    assert GaussianMixture(2, random_state=0, dtype="float64").fit(narrow).predict_proba(narrow).dtype == np.float64
    assert GaussianMixture(2, random_state=0, dtype=np.float32).fit(X).predict_proba(X).dtype == np.float32
    assert GaussianMixture(2, random_state=0).fit(narrow).means_.dtype == np.float64


def test_summary_is_in_the_users_units(X):
    text = GaussianMixture(3, order_by="mean", random_state=0).fit(X * 1000).summary()
    for expected in ("3 components", "3 features", "full", "300", "converged", "best found", "of 5 times", "x0", "x2"):
        assert expected in text, expected
    assert re.search(r"0\.5\d* .*± [67]\d\d\.?\d*", text), text  # heaviest component; the spread is about 700


def test_summary_uses_feature_names(X):
    pandas = pytest.importorskip("pandas")
    text = GaussianMixture(2, random_state=0).fit(pandas.DataFrame(X, columns=["width", "height", "depth"])).summary()
    assert "width" in text
    assert "depth" in text
