"""The bootstrap: standard errors against closed ones, matching, what is drawn, determinism, refusals."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm import GaussianMixture
from gmm.errors import AlignmentWarning, DataError, ParameterError
from gmm.replicates import _Reference
from gmm.resampling import METHODS, Resampler, spread

N_REPLICATES = 400
SPREAD = 5.0 / np.sqrt(2.0 * N_REPLICATES)
"""Five standard deviations of a standard deviation of as many normal replicates, relative."""


@pytest.fixture(scope="module")
def fitted():
    X = blobs(600, n_features=2, n_components=3, separation=5.0).X
    return GaussianMixture(3, tol=1e-10, order_by="mean", random_state=0).fit(X), X


@pytest.mark.parametrize("method", METHODS)
def test_one_gaussian_has_closed_standard_errors(method):
    X = np.random.default_rng(0).normal(size=(500, 2)) * [1.0, 1e3] + [0.0, 1e5]
    model = GaussianMixture(1).fit(X)
    found = gmm.bootstrap(model, X, n_replicates=N_REPLICATES, method=method, random_state=1)
    S = model.covariances_[0]
    v = np.diagonal(S)
    errors = found.standard_errors
    np.testing.assert_allclose(errors.means[0], np.sqrt(v / 500), rtol=SPREAD)
    np.testing.assert_allclose(np.diagonal(errors.covariances[0]), np.sqrt(2.0 / 500) * v, rtol=2 * SPREAD)
    assert (found.weights == 1.0).all()
    assert (found.margin == 1.0).all()
    assert not found.ambiguous.any()
    low, high = found.intervals(0.95)["means"]
    np.testing.assert_allclose((high - low)[0], 2 * 1.96 * np.sqrt(v / 500), rtol=3 * SPREAD)


@pytest.mark.parametrize("method", METHODS)
def test_separate_components_agree_with_the_information(fitted, method):
    model, X = fitted
    found = gmm.bootstrap(model, X, n_replicates=N_REPLICATES, method=method, random_state=0)
    closed = model.standard_errors(X)
    for name in ("weights", "means", "covariances"):
        np.testing.assert_allclose(getattr(found.standard_errors, name), getattr(closed, name), rtol=0.4)
        low, high = found.intervals()[name]
        assert low.shape == high.shape == getattr(model, name + "_").shape
        assert (low <= high).all()
    assert found.resemblance.min() > 0.5
    assert not found.ambiguous.any()
    assert found.n_failed == 0


@pytest.mark.parametrize("name", ["EII", "VVI", "EEE"])
def test_codes_are_matrices(fitted, name):
    _, X = fitted
    model = GaussianMixture(3, covariance_type=name, random_state=0).fit(X)
    found = gmm.bootstrap(model, X, n_replicates=3, random_state=0)
    assert found.covariances.shape == (3, 3, 2, 2)
    assert found.standard_errors.intervals()["covariances"].low.shape == (3, 2, 2)


def test_components_keep_the_numbers_of_the_fit(fitted):
    model, X = fitted
    found = gmm.bootstrap(model, X, n_replicates=50, random_state=0)
    np.testing.assert_allclose(found.means.mean(axis=0), model.means_, atol=0.1)
    renumbered = GaussianMixture.from_parameters(
        model.weights_[::-1], model.means_[::-1], model.covariances_[::-1]
    )  # fmt: skip
    other = GaussianMixture(3, tol=1e-10, weights_init=model.weights_[::-1], means_init=model.means_[::-1],
                            covariances_init=renumbered.covariances_).fit(X)  # fmt: skip
    again = gmm.bootstrap(other, X, n_replicates=50, random_state=0)
    np.testing.assert_allclose(again.means[:, ::-1], found.means, rtol=1e-3)


def test_a_replicate_that_numbers_its_components_otherwise_is_renumbered(fitted):
    model, X = fitted
    resampler = Resampler.of(model, X, "weighted")
    reference, fit = _Reference.of(resampler, 0), resampler.again(7)
    for order in ([2, 0, 1], [0, 2, 1]):
        back, found = reference.matched(replace(fit, mixture=fit.mixture.reorder(np.array(order))))
        np.testing.assert_array_equal(back.mixture.means, fit.mixture.means)
        np.testing.assert_array_equal(np.array(order)[found.order], np.arange(3))


@pytest.mark.parametrize("method", METHODS)
def test_threads_and_seeds(fitted, method):
    model, X = fitted
    one = gmm.bootstrap(model, X, n_replicates=8, method=method, random_state=3, n_threads=1)
    two = gmm.bootstrap(model, X, n_replicates=8, method=method, random_state=3, n_threads=3)
    other = gmm.bootstrap(model, X, n_replicates=8, method=method, random_state=4)
    np.testing.assert_array_equal(one.covariances, two.covariances)
    assert not np.array_equal(one.covariances, other.covariances)


def test_what_has_not_begun_when_one_is_interrupted_never_does():
    done = []

    def work(seed):
        if seed == 0:
            raise KeyboardInterrupt
        time.sleep(0.01)
        done.append(seed)

    with pytest.raises(KeyboardInterrupt):
        spread(work, range(300), 1)
    assert len(done) < 299


def test_frequencies_are_repeated_rows(fitted):
    """Weights of a row that stands for three sum like those of three rows: replicates differ, their spread does not."""
    _, X = fitted
    weight = np.full(200, 3.0)
    model = GaussianMixture(1).fit(X[:200], sample_weight=weight)
    for method in METHODS:
        found = gmm.bootstrap(
            model, X[:200], n_replicates=N_REPLICATES, method=method, sample_weight=weight, random_state=0
        )  # fmt: skip
        wanted = np.sqrt(np.diagonal(model.covariances_[0]) / 600)
        np.testing.assert_allclose(found.standard_errors.means[0], wanted, rtol=SPREAD)


def test_missing_values_are_drawn_where_they_were(fitted):
    _, X = fitted
    gaps = X.copy()
    gaps[np.random.default_rng(5).random(X.shape) < 0.1] = np.nan
    model = GaussianMixture(3, missing="marginalize", random_state=0).fit(gaps)
    drawn, weight = Resampler.of(model, gaps, "parametric")._drawn(np.random.default_rng(0))
    assert weight is None
    np.testing.assert_array_equal(np.isnan(drawn), np.isnan(gaps))


@pytest.mark.parametrize("method", METHODS)
def test_missing_values_widen_errors_as_fewer_rows_do(method):
    """Of independent features each mean rests on the rows that have its feature, here on half of them."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[np.random.default_rng(1).random(X.shape) < 0.5] = np.nan
    model = GaussianMixture(1, missing="marginalize", tol=1e-10).fit(X)
    found = gmm.bootstrap(model, X, n_replicates=N_REPLICATES, method=method, random_state=0)
    observed = (~np.isnan(X)).sum(axis=0)
    wanted = np.sqrt(np.diagonal(model.covariances_[0]) / observed)
    np.testing.assert_allclose(found.standard_errors.means[0], wanted, rtol=SPREAD)


def test_averaged_posteriors_of_rows_with_gaps(fitted):
    _, X = fitted
    gaps = X.copy()
    gaps[np.random.default_rng(5).random(X.shape) < 0.1] = np.nan
    model = GaussianMixture(3, missing="marginalize", random_state=0).fit(gaps)
    found = gmm.bootstrap(model, gaps, n_replicates=5, random_state=0)
    each = [
        GaussianMixture.from_parameters(*parts).set_params(missing="marginalize").predict_proba(gaps)
        for parts in zip(found.weights, found.means, found.covariances, strict=True)
    ]
    np.testing.assert_allclose(found.predict_proba(gaps), np.mean(each, axis=0), rtol=1e-9, atol=1e-12)


def test_averaged_posteriors_are_the_mean_of_the_replicates(fitted):
    model, X = fitted
    found = gmm.bootstrap(model, X, n_replicates=6, random_state=0)
    each = [
        GaussianMixture.from_parameters(*parts).predict_proba(X)
        for parts in zip(found.weights, found.means, found.covariances, strict=True)
    ]
    np.testing.assert_allclose(found.predict_proba(X), np.mean(each, axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.predict(X), np.mean(each, axis=0).argmax(axis=1))


def test_averaged_posteriors_are_closer_to_the_truth_of_few_rows():
    """Mean log loss of the true component, over 20 samples of 60 rows."""
    truth = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [2.5, 0.0]], np.stack([np.eye(2)] * 2))
    truth.random_state = 99
    new, labels = truth.sample(500)
    losses = []
    for seed in range(20):
        truth.random_state = seed
        X, _ = truth.sample(60)
        model = GaussianMixture(2, order_by="mean", prior="default", random_state=0).fit(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AlignmentWarning)
            averaged = gmm.bootstrap(model, X, n_replicates=30, random_state=seed)
        pair = [p.predict_proba(new)[np.arange(500), labels] for p in (model, averaged)]
        losses.append([-np.log(np.maximum(p, 1e-300)).mean() for p in pair])
    plain, averaged = np.mean(losses, axis=0)
    assert averaged < plain


def test_noise_is_a_column_of_its_own(fitted):
    _, X = fitted
    rng = np.random.default_rng(0)
    X = np.concatenate([X, rng.uniform(-20, 20, (60, 2))])
    model = GaussianMixture(3, noise=True, random_state=0).fit(X)
    found = gmm.bootstrap(model, X, n_replicates=5, random_state=0)
    posterior = found.predict_proba([[19.0, -19.0], [0.0, 0.0]])
    assert posterior.shape == (2, 4)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, rtol=1e-12)
    assert found.predict([[19.0, -19.0]])[0] == -1


def test_labels_stay(fitted):
    _, X = fitted
    labels = np.full(len(X), -1)
    labels[:5] = 1
    model = GaussianMixture(3, random_state=0).fit(X, labels=labels)
    found = gmm.bootstrap(model, X, n_replicates=4, labels=labels, random_state=0)
    np.testing.assert_allclose(found.means.mean(axis=0), model.means_, atol=0.3)


@pytest.mark.parametrize("many", [False, True])
def test_errors_of_rows_stay(fitted, many):
    """Of one Gaussian seen with errors of known variances: Var(mean) = (variance + error) / N for equal errors."""
    n = 5000 if many else 400  # more rows than matching looks at
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) + rng.normal(size=(n, 2)) * np.sqrt(3.0)
    errors = np.full((n, 2), 3.0)
    model = GaussianMixture(1).fit(X, noise_covariance=errors)
    found = gmm.bootstrap(model, X, n_replicates=60, noise_covariance=errors, random_state=0)
    wanted = np.sqrt((np.diagonal(model.covariances_[0]) + 3.0) / n)
    np.testing.assert_allclose(found.standard_errors.means[0], wanted, rtol=5.0 / np.sqrt(120))
    assert found.covariances.mean() < 1.0


def test_components_that_are_no_two_are_open():
    """Three components for one Gaussian: how they share it out changes from replicate to replicate."""
    X = np.random.default_rng(0).normal(size=(400, 2))
    model = GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)
    with pytest.warns(AlignmentWarning, match="open which component is which"):
        found = gmm.bootstrap(model, X, n_replicates=60, random_state=0)
    assert found.ambiguous.mean() > 0.05
    assert found.open_components.any()
    assert "which is open" in str(found)


def test_a_component_that_other_rows_do_not_have_is_lost():
    """Two components for one Gaussian: the small one is another in every replicate."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = GaussianMixture(2, covariance_type="tied", order_by="weight", random_state=0).fit(X)
    with pytest.warns(AlignmentWarning, match="seldom the same in the replicates: 1"):
        found = gmm.bootstrap(model, X, n_replicates=60, random_state=0)
    assert found.lost_components.tolist() == [False, True]
    assert "seldom the same" in str(found).splitlines()[2]


def test_failures_are_counted(fitted):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(4, 2)) + 20])
    model = GaussianMixture(2, random_state=0).fit(X)
    with pytest.warns(AlignmentWarning, match="replicates failed"):
        found = gmm.bootstrap(model, X, n_replicates=60, method="nonparametric", random_state=0)
    assert found.n_failed > 3
    assert found.n_replicates + found.n_failed == 60


def test_a_report(fitted):
    model, X = fitted
    lines = str(gmm.bootstrap(model, X, n_replicates=5, random_state=0)).splitlines()
    assert lines[0] == "5 replicates (weighted), 0 failed; estimate (standard error)"
    assert lines[1].startswith(f"component 0: weight {model.weights_[0]:.4f} (")


def test_a_later_fit_changes_nothing(fitted):
    _, X = fitted
    model = GaussianMixture(2, random_state=0).fit(X)
    found = gmm.bootstrap(model, X, n_replicates=3, random_state=0)
    before = found.standard_errors.estimates[1].copy()
    model.set_params(n_components=1).fit(X[:50])
    np.testing.assert_array_equal(found.standard_errors.estimates[1], before)


def test_refusals(fitted):
    model, X = fitted
    with pytest.raises(ParameterError, match=r"method must be one of .*did you mean 'weighted'"):
        gmm.bootstrap(model, X, method="weigthed")
    with pytest.raises(ParameterError, match="n_replicates"):
        gmm.bootstrap(model, X, n_replicates=1)
    with pytest.raises(DataError, match="fitted to 600 rows, but X has 10"):
        gmm.bootstrap(model, X[:10])
    shares = np.full(600, 1 / 600)
    weighted = GaussianMixture(3, random_state=0).fit(X, sample_weight=shares)
    with pytest.raises(DataError, match="fitted with a sample_weight, of sum 1: give it here, too"):
        gmm.bootstrap(weighted, X)
    with pytest.raises(DataError, match="sample_weight sums to 1, which resampling takes for a number of rows"):
        gmm.bootstrap(weighted, X, sample_weight=shares)
    with pytest.raises(ParameterError, match="rows drawn from the mixture have no labels"):
        gmm.bootstrap(model, X, method="parametric", labels=np.zeros(600, int))
    with pytest.raises(ParameterError, match="only a GaussianMixture"):
        gmm.bootstrap(gmm.BayesianGaussianMixture(2, random_state=0).fit(X), X)
    with pytest.raises(ParameterError, match="level must lie"):
        gmm.bootstrap(model, X, n_replicates=2, random_state=0).intervals(1.0)
    with pytest.raises(AttributeError):
        gmm.bootstrap(GaussianMixture(2), X)
    gaps = X.copy()
    gaps[0, 0] = np.nan
    missing = GaussianMixture(3, missing="marginalize", random_state=0).fit(gaps)
    with pytest.raises(ParameterError, match="sample_weight or missing values, not both"):
        gmm.bootstrap(missing, gaps, method="parametric", sample_weight=np.ones(600))


@pytest.mark.parametrize("random_state", ["a", 1.5, True, -1])
@pytest.mark.parametrize("asks", [gmm.bootstrap, gmm.stability, gmm.compare_kmeans])
def test_a_seed_that_is_none_is_named(fitted, asks, random_state):
    model, X = fitted
    with pytest.raises(ParameterError, match="random_state must be"):
        asks(model, X, random_state=random_state)
