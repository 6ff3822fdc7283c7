"""GaussianMixtureSelector: scikit-learn's checks, and that it is the mixture that `select` chooses."""

from __future__ import annotations

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm.datasets import load_faithful
from gmm.errors import DataError, ParameterError

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, estimator_checks_generator

ESTIMATORS = [
    gmm.GaussianMixtureSelector((1, 2)),
    gmm.GaussianMixtureSelector((1, 3), covariance_types=("VEV", "EEE"), missing="marginalize", max_iter=50),
]


def all_checks():
    with warnings.catch_warnings():  # it says that we do not inherit from BaseEstimator: on purpose
        warnings.filterwarnings("ignore", message="Estimator GaussianMixtureSelector does not inherit")
        for estimator in ESTIMATORS:
            for instance, check in estimator_checks_generator(estimator):
                name = check.func.__name__ if isinstance(check, partial) else check.__name__
                yield pytest.param(instance, check, id=f"{estimator!r}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(all_checks()))
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
def test_check_feature_names():
    pytest.importorskip("pandas")
    check_dataframe_column_names_consistency("GaussianMixtureSelector", ESTIMATORS[0])


def test_it_is_the_mixture_that_select_chooses():
    X = load_faithful().data
    weight = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    model = gmm.GaussianMixtureSelector((1, 2, 3), criterion="icl", random_state=3).fit(X, sample_weight=weight)
    selection = gmm.select(X, (1, 2, 3), criterion="icl", random_state=3, sample_weight=weight)
    assert (model.n_components_, model.covariance_type_) == (
        selection.best_.n_components, selection.best_.covariance_type
    )  # fmt: skip
    assert model.selection_.table == selection.table
    for other in (selection.best_, model.best_estimator_, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
        np.testing.assert_array_equal(other.means_, model.means_)
    assert model.bic(X, sample_weight=weight) == pytest.approx(selection.best_candidate.bic, rel=1e-12)


def test_its_file_is_that_of_the_mixture_it_chose(tmp_path):
    X = load_faithful().data
    model = gmm.GaussianMixtureSelector((1, 2), covariance_types="full", random_state=0).fit(X)
    model.save(tmp_path / "model.gmm")
    loaded = gmm.load(tmp_path / "model.gmm")
    assert type(loaded) is gmm.GaussianMixture
    assert loaded.get_params() == model.best_estimator_.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_resampling_asks_for_its_mixture():
    X = load_faithful().data
    model = gmm.GaussianMixtureSelector(2, covariance_types="full", random_state=0).fit(X)
    with pytest.raises(ParameterError, match="got a GaussianMixtureSelector: take its best_estimator_"):
        gmm.bootstrap(model, X)
    with pytest.raises(ParameterError, match="got a Selection: take its best_"):
        gmm.stability(model.selection_, X)


def test_in_a_pipeline():
    X = blobs(200, separation=8.0).X
    pipeline = make_pipeline(StandardScaler(), gmm.GaussianMixtureSelector(range(1, 6), random_state=0))
    labels = clone(pipeline).fit_predict(X)
    assert len(np.unique(labels)) == 3


def test_more_components_than_rows_are_left_out_of_several():
    assert gmm.GaussianMixtureSelector(covariance_types="diag").fit(blobs(5).X).n_components_ <= 5
    numbers = np.arange(1, 10), np.arange(1, 10).tolist()
    found = [gmm.GaussianMixtureSelector(each, covariance_types="diag").fit(blobs(5).X).selection_ for each in numbers]
    for selection in found:
        assert [row.n_components for row in selection.table] == [1, 2, 3, 4, 5]
    with pytest.raises(DataError, match="n_components=9"):
        gmm.GaussianMixtureSelector(9).fit(blobs(5).X)


def test_a_fit_that_fails_keeps_the_previous_one():
    model = gmm.GaussianMixtureSelector((1, 2), covariance_types="diag").fit(blobs(50).X)
    means = model.means_
    with pytest.raises(ParameterError, match="criterion"):
        model.set_params(criterion="best").fit(blobs(50).X)
    np.testing.assert_array_equal(model.means_, means)
