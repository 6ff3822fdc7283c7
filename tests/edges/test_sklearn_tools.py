"""The estimator inside scikit-learn's tools: clone, pipelines, searches, metadata routing, fitted checks."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from gmm import GaussianMixture
from gmm.datasets import load_faithful

sklearn = pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402


@pytest.fixture(name="X")
def make_rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(c, 1.0, size=(60, 2)) for c in (0.0, 6.0, 12.0)])


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_import_does_not_load_scikit_learn():
    code = (
        "import sys, gmm; gmm.GaussianMixture(2).fit([[0.0], [1.0], [5.0], [6.0]]).predict([[1.0]]); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'pandas', 'polars'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_clone_keeps_arguments_and_forgets_the_fit(X):
    model = GaussianMixture(3, tol=1e-4, random_state=1).fit(X)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "means_")


def test_grid_search_finds_the_number_of_components(X):
    search = GridSearchCV(
        GaussianMixture(random_state=0), {"n_components": [1, 3], "covariance_type": ["full", "diag"]}
    )
    search.fit(X[np.random.default_rng(1).permutation(len(X))])
    assert search.best_params_["n_components"] == 3
    assert search.best_estimator_.means_.shape == (3, 2)


def test_grid_search_in_worker_processes_gives_the_same_scores(X):
    rows = X[np.random.default_rng(1).permutation(len(X))]
    scores = [cross_val_score(GaussianMixture(2, random_state=0), rows, n_jobs=n_jobs) for n_jobs in (None, 2)]
    np.testing.assert_array_equal(*scores)


def test_pipeline_scores_and_predicts(X):
    pipeline = make_pipeline(StandardScaler(), GaussianMixture(3, random_state=0)).fit(X)
    assert len(np.unique(pipeline.predict(X))) == 3
    scaled = pipeline[0].transform(X)
    assert pipeline.score(X) == pipeline[-1].score(scaled)


def test_pipeline_set_params_reaches_the_mixture(X):
    pipeline = make_pipeline(StandardScaler(), GaussianMixture()).set_params(gaussianmixture__n_components=2)
    assert pipeline[-1].n_components == 2


def test_unfitted_raises_scikit_learns_error(X):
    with pytest.raises(NotFittedError, match="GaussianMixture"):
        GaussianMixture().predict(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(GaussianMixture())
    check_is_fitted(GaussianMixture().fit(X))


def test_unfitted_error_survives_a_pickle(X):
    with pytest.raises(NotFittedError) as caught:
        GaussianMixture().predict(X)
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, NotFittedError)
    assert str(again) == str(caught.value)


def test_convergence_warning_is_scikit_learns(X):
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        GaussianMixture(3, max_iter=1, n_init=1, init_params="random", random_state=0).fit(X)


def test_tags_say_density_estimator():
    tags = get_tags(GaussianMixture())
    assert tags.estimator_type == "density_estimator"
    assert not tags.target_tags.required
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan


def test_sample_weight_is_routed_when_asked_for(X, routing):
    weight = np.zeros(len(X))
    weight[:60] = 1.0
    mixture = GaussianMixture(random_state=0).set_fit_request(sample_weight=True)
    pipeline = make_pipeline(StandardScaler(with_mean=False, with_std=False), mixture)
    pipeline[0].set_fit_request(sample_weight=False)
    pipeline.fit(X, sample_weight=weight)
    np.testing.assert_allclose(pipeline[-1].means_[0], X[:60].mean(axis=0), rtol=1e-12)


def test_sample_weight_under_another_name_and_through_a_clone(X, routing):
    mixture = clone(GaussianMixture(random_state=0).set_fit_request(sample_weight="mass"))
    others = dict.fromkeys(("labels", "start", "noise_covariance"))
    assert mixture.get_metadata_routing().fit.requests == {"sample_weight": "mass"} | others
    search = GridSearchCV(mixture.set_score_request(sample_weight=False), {"n_components": [1]})
    weight = np.r_[np.ones(60), np.zeros(120)]
    search.fit(X, mass=weight)
    np.testing.assert_allclose(search.best_estimator_.means_[0], X[:60].mean(axis=0), rtol=1e-12)


def test_scores_are_weighted_when_asked_for(X, routing):
    weight = np.r_[np.ones(60), np.zeros(120)]
    mixture = GaussianMixture(random_state=0).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    scores = cross_val_score(mixture, X, cv=[(np.arange(180), np.arange(180))], params={"sample_weight": weight})
    model = GaussianMixture(random_state=0).fit(X[:60])
    np.testing.assert_allclose(scores, [model.score(X[:60])], rtol=1e-12)


def test_an_unrequested_weight_is_refused(X, routing):
    search = GridSearchCV(GaussianMixture(), {"n_components": [1]})
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
        search.fit(X, sample_weight=np.ones(len(X)))


def test_request_for_unknown_metadata_is_refused(routing):
    with pytest.raises(TypeError, match="sample_weights"):
        GaussianMixture().set_fit_request(sample_weights=True)


def test_requests_need_routing_enabled():
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        GaussianMixture().set_fit_request(sample_weight=True)


def test_results_close_to_scikit_learn_on_old_faithful():
    from sklearn.mixture import GaussianMixture as Theirs

    X = load_faithful().data
    ours = GaussianMixture(2, random_state=0).fit(X)
    theirs = Theirs(2, random_state=0, tol=1e-8, max_iter=1000, reg_covar=0.0).fit(X)
    np.testing.assert_allclose(ours.score(X), theirs.score(X), rtol=1e-7)
    np.testing.assert_allclose(np.sort(ours.weights_), np.sort(theirs.weights_), rtol=1e-5)
