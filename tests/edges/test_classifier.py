"""The classifier of Gaussian mixtures: Bayes' rule against the truth, classes known in part, scikit-learn's checks."""

from __future__ import annotations

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from tolerances import CLOSED_FORM, FIVE_SIGMA, WEIGHTED

import gmm
from gmm import GaussianMixtureClassifier
from gmm.classes import check_classes, check_target
from gmm.datasets import load_iris
from gmm.errors import DataError, ParameterError

MODELS = ("mclustda", "edda")


def two_classes(n_rows, seed=0):
    """Overlapping classes: one Gaussian against two; and their true probabilities."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n_rows)
    centres = np.array([[0.0, 0.0], [-2.0, 2.0], [2.5, 1.0]])
    X = centres[y] + rng.normal(size=(n_rows, 2)) * np.array([1.0, 0.7, 0.7])[y][:, None]
    sd = np.array([1.0, 0.7, 0.7])
    density = np.exp(-0.5 * ((X[:, None] - centres) ** 2).sum(axis=2) / sd**2) / sd**2
    truth = density[:, 0] / density.sum(axis=1)
    return X, np.where(y == 0, "one", "two"), truth


@pytest.fixture(scope="module")
def iris():
    return load_iris().data, np.repeat(["setosa", "versicolor", "virginica"], 50)


def test_probabilities_are_calibrated():
    X, y, _ = two_classes(4000)
    new, new_y, truth = two_classes(20_000, seed=1)
    model = GaussianMixtureClassifier((1, 2, 3), random_state=0).fit(X, y)
    assert [mixture.n_components for mixture in model.mixtures_] == [1, 2]
    found = model.predict_proba(new)[:, 0]
    assert np.abs(found - truth).mean() < 0.02
    bins = np.digitize(found, np.linspace(0, 1, 11)[1:-1])
    for b in range(10):
        inside = bins == b
        expected, right = found[inside].mean(), (new_y[inside] == "one").mean()
        assert abs(expected - right) < 0.03 + FIVE_SIGMA * np.sqrt(0.25 / inside.sum())


def test_edda_is_quadratic_discriminant_analysis(iris):
    X, y = iris
    model = GaussianMixtureClassifier(model="edda", covariance_types="full").fit(X, y)
    for c, mixture in zip(model.classes_, model.mixtures_, strict=True):
        own = X[y == c]
        np.testing.assert_allclose(mixture.means_, [own.mean(axis=0)], rtol=1e-9)
        np.testing.assert_allclose(mixture.covariances_, [np.cov(own.T, bias=True)], rtol=1e-9)
    assert model.score(X, y) == pytest.approx(147 / 150)


def test_edda_with_a_shared_matrix_is_linear_discriminant_analysis(iris):
    discriminant = pytest.importorskip("sklearn.discriminant_analysis")
    X, y = iris
    model = GaussianMixtureClassifier(model="edda", covariance_types="tied").fit(X, y)
    linear = discriminant.LinearDiscriminantAnalysis(solver="lsqr").fit(X, y)
    scaled = (linear.covariance_ * 1.0, model.mixtures_[0].covariances_)
    np.testing.assert_allclose(*scaled, rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), linear.predict_proba(X), atol=1e-9)


def test_edda_chooses_by_the_likelihood_of_rows_with_their_classes(iris):
    X, y = iris
    model = GaussianMixtureClassifier(model="edda").fit(X, y)
    joint = {}
    for kind in ("full", "tied", "diag", "spherical"):
        one = GaussianMixtureClassifier(model="edda", covariance_types=kind).fit(X, y)
        logs = one._log_joint(X)[np.arange(150), np.repeat([0, 1, 2], 50)].sum()
        fitted = gmm.GaussianMixture(3, covariance_type=kind).fit(X, labels=np.repeat([0, 1, 2], 50))
        joint[kind] = fitted.n_parameters() * np.log(150) - 2 * logs
    assert model.mixtures_[0].covariance_type == min(joint, key=joint.get)


def test_rows_without_a_class_help():
    X, y, _ = two_classes(1500, seed=2)
    new, new_y, truth = two_classes(5000, seed=3)
    known = np.random.default_rng(0).random(len(X)) < 0.04
    options = {"random_state": 0, "covariance_types": "full"}
    alone = GaussianMixtureClassifier((1, 2), **options).fit(X[known], y[known])
    joint = GaussianMixtureClassifier((1, 2), unlabelled="?", **options).fit(X, np.where(known, y, "?"))
    assert list(joint.classes_) == ["one", "two"]
    errors = [np.abs(each.predict_proba(new)[:, 0] - truth).mean() for each in (alone, joint)]
    assert errors[1] < errors[0]
    assert joint.score(new, new_y) > alone.score(new, new_y)


def test_rows_without_a_class_help_where_a_class_is_one_gaussian():
    rng = np.random.default_rng(5)
    y = rng.integers(2, size=2000)
    X = rng.normal(size=(2000, 2)) * np.array([1.0, 2.5])[y][:, None] + 1.5 * y[:, None]
    known = np.arange(2000) < 24
    models = (("alone", X[known], y[known], None), ("joint", X, np.where(known, y, -1), -1))
    means = {
        name: np.concatenate(
            [each.means_ for each in GaussianMixtureClassifier(model="edda", unlabelled=mark).fit(rows, part).mixtures_]
        )
        for name, rows, part, mark in models
    }
    error = {name: np.abs(found - [[0, 0], [1.5, 1.5]]).max() for name, found in means.items()}
    assert error["joint"] < 0.2 < error["alone"]


@pytest.mark.parametrize("model", MODELS)
def test_every_row_labelled_is_the_supervised_fit(model, iris):
    X, y = iris
    plain = GaussianMixtureClassifier(1, model=model, random_state=0).fit(X, y)
    marked = GaussianMixtureClassifier(1, model=model, random_state=0, unlabelled="?").fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), marked.predict_proba(X))


@pytest.mark.parametrize("model", MODELS)
def test_sample_weights_are_repetitions_and_absences(model, iris):
    X, y = iris
    count = np.random.default_rng(0).integers(0, 3, 150)
    options = {"n_components": 1, "model": model, "random_state": 0}
    weighted = GaussianMixtureClassifier(**options).fit(X, y, sample_weight=count.astype(float))
    repeated = GaussianMixtureClassifier(**options).fit(np.repeat(X, count, axis=0), np.repeat(y, count))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7, atol=WEIGHTED)
    np.testing.assert_allclose(weighted.class_prior_, repeated.class_prior_, rtol=CLOSED_FORM)
    absent = GaussianMixtureClassifier(**options).fit(X, y, sample_weight=(y != "setosa").astype(float))
    assert list(absent.classes_) == ["versicolor", "virginica"]


def test_given_priors_and_far_rows(iris):
    X, y = iris
    model = GaussianMixtureClassifier(1, class_prior=[0.98, 0.01, 0.01], random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba([[1e300] * 4]), [[0.98, 0.01, 0.01]])
    far = model.predict_log_proba(X[:50, ::-1])
    assert far.min() > -np.inf
    np.testing.assert_allclose(np.exp(far), model.predict_proba(X[:50, ::-1]), rtol=1e-9, atol=1e-300)
    even = GaussianMixtureClassifier(1, random_state=0).fit(X, y)
    odds = [np.diff(each.predict_log_proba(X)[:, 1:]) for each in (model, even)]
    np.testing.assert_allclose(*odds, rtol=1e-9, atol=1e-9)


def test_a_row_that_only_an_impossible_class_can_explain_has_the_priors():
    """Beside a class a hundred orders of magnitude wider the others' densities are 0 as numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2)) * np.repeat([1e155, 1.0, 1.0], 30)[:, None]
    y = np.repeat(["a wide one", "b", "c"], 30)
    model = GaussianMixtureClassifier(1, class_prior=[0.0, 0.25, 0.75], random_state=0).fit(X, y)
    assert np.isfinite(model.mixtures_[0].score_samples([[1e160, 0.0]]))
    np.testing.assert_allclose(model.predict_proba([[1e160, 0.0]]), [[0.0, 0.25, 0.75]])


def test_pickles_names_and_refits(iris):
    pandas = pytest.importorskip("pandas")
    X, y = iris
    table = pandas.DataFrame(X, columns=list("abcd"))
    model = GaussianMixtureClassifier(1, random_state=0).fit(table, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(DataError, match="feature names should match"):
        model.predict(table[list("abdc")])
    for answer in (model.predict, model.predict_proba, model.predict_log_proba):
        with pytest.warns(UserWarning, match="does not have valid feature names") as caught:
            answer(X)
        assert caught[0].filename == __file__
    before = model.predict(table)
    with pytest.raises(DataError):
        model.fit(table, y[:-1])
    np.testing.assert_array_equal(model.predict(table), before)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        ([0, 1], "inconsistent numbers of samples"),
        ([[0, 1]] * 3, "y should be a 1d array"),
        ([0, np.nan, 1], "Input y contains NaN, the first at row 1"),
        ([0, np.inf, 1], "Input y contains infinity"),
        (np.array(["a", "b", np.nan], dtype=object), "Input y contains NaN, the first at row 2"),
        (np.array([1, np.float32("nan"), 1], dtype=object), "Input y contains NaN, the first at row 1"),
        ([0, 0.5, 1], "Unknown label type: continuous"),
    ],
)
def test_bad_targets(y, message):
    with pytest.raises(DataError, match=message):
        check_target(y, 3)


@pytest.mark.parametrize("unlabelled", [None, "setosa"])
@pytest.mark.parametrize("model", MODELS)
def test_a_value_that_is_not_finite_is_named_by_its_row_of_all(model, unlabelled, iris):
    X, y = iris[0].copy(), iris[1]
    X[120, 2] = np.nan
    with pytest.raises(DataError, match="NaN at row 120, column 2"):
        GaussianMixtureClassifier(1, model=model, unlabelled=unlabelled).fit(X, y)


@pytest.mark.parametrize("unlabelled", [None, "setosa"])
@pytest.mark.parametrize("model", MODELS)
def test_structures_are_checked_whatever_the_model(model, unlabelled, iris):
    for kinds, message in (((), "covariance_types is empty"), (None, "None is not known"), ("ful", "did you mean")):
        with pytest.raises(ParameterError, match=message):
            GaussianMixtureClassifier(1, covariance_types=kinds, model=model, unlabelled=unlabelled).fit(*iris)


def test_scores_are_of_classes_for_every_row(iris):
    model = GaussianMixtureClassifier(1, random_state=0).fit(*iris)
    for y, message in ((iris[1][:1], "inconsistent numbers of samples"), (None, "requires y to be passed")):
        with pytest.raises(DataError, match=message):
            model.score(iris[0], y)


def test_bad_classes_and_arguments(iris):
    with pytest.raises(DataError, match="no class but unlabelled=-1"):
        check_classes(np.array([-1, -1]), -1)
    with pytest.raises(DataError, match="different kinds"):
        check_classes(np.array(["a", 1], dtype=object), None)
    with pytest.raises(ParameterError, match="did you mean 'edda'"):
        GaussianMixtureClassifier(model="eda").fit(*iris)
    with pytest.raises(ParameterError, match="class_prior"):
        GaussianMixtureClassifier(class_prior=[0.5, 0.5]).fit(*iris)


def sklearn_checks():
    pytest.importorskip("sklearn", minversion="1.6")
    from sklearn.utils.estimator_checks import estimator_checks_generator

    with warnings.catch_warnings():  # it says that we do not inherit from BaseEstimator: on purpose
        warnings.filterwarnings("ignore", message="Estimator GaussianMixtureClassifier does not inherit")
        for estimator in (GaussianMixtureClassifier((1, 2), n_init=2), GaussianMixtureClassifier(model="edda")):
            for instance, check in estimator_checks_generator(estimator):
                name = check.func.__name__ if isinstance(check, partial) else check.__name__
                yield pytest.param(instance, check, id=f"{estimator.model}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(sklearn_checks()))
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(estimator, check):
    check(estimator)


def with_gaps(X, share=0.15, seed=0):
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


@pytest.mark.parametrize("model", MODELS)
def test_rows_with_missing_values(iris, model):
    X, y = with_gaps(iris[0]), iris[1]
    X[3] = np.nan
    with pytest.raises(DataError, match="contains NaN"):
        GaussianMixtureClassifier(model=model).fit(X, y)
    fitted = GaussianMixtureClassifier((1, 2), model=model, missing="marginalize", random_state=0).fit(X, y)
    assert fitted.score(X, y) > 0.9
    found = fitted.predict_proba(X)
    density = np.exp([mixture.score_samples(X) for mixture in fitted.mixtures_]).T * fitted.class_prior_
    np.testing.assert_allclose(found, density / density.sum(axis=1, keepdims=True), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[3], fitted.class_prior_, rtol=CLOSED_FORM)
    with pytest.raises(DataError, match="contains NaN"):
        fitted.set_params(missing="raise").predict(X)
    with pytest.raises(ParameterError, match="missing must be one of"):
        fitted.set_params(missing="drop").fit(X, y)


@pytest.mark.parametrize("model", MODELS)
def test_rows_with_missing_values_and_without_a_class(iris, model):
    X, y = with_gaps(iris[0], 0.1), iris[1].astype(object)
    known = np.random.default_rng(1).random(150) < 0.3
    given = np.where(known, y, "?")
    arguments = {"model": model, "unlabelled": "?", "missing": "marginalize", "random_state": 0}
    fitted = GaussianMixtureClassifier(1, covariance_types=("full", "tied"), **arguments).fit(X, given)
    assert fitted.score(X[~known], y[~known]) > 0.9


def test_whole_rows_are_classified_bit_for_bit_whatever_missing_says(iris):
    fits = [GaussianMixtureClassifier(2, missing=m, random_state=0).fit(*iris) for m in ("raise", "marginalize")]
    np.testing.assert_array_equal(*(fitted.predict_proba(iris[0]) for fitted in fits))
