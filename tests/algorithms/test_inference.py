"""Standard errors: the information against differences of the log-likelihood, closed forms, refusals, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from gmm import BayesianGaussianMixture, GaussianMixture
from gmm.errors import DataError, ParameterError
from gmm.inference import _free_entries, _sums
from gmm.missing import IncompleteRows
from gmm.rows import Rows

K, D = 2, 2
NAMES = ["full", "tied", "diag", "spherical"]


def fitted(name, n_rows=400, **settings):
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(n_rows // 4, D)) * [0.5, 2.0] + [3.0, 0.0], rng.normal(size=(n_rows - n_rows // 4, D))
    X = np.concatenate(parts)
    return GaussianMixture(K, covariance_type=name, tol=1e-14, max_iter=5000, random_state=0, **settings).fit(X), X


def log_likelihood(parameters, X, weight, name, shape, seen=(0, 1)):
    """Total, of logits against the last, means and free covariance entries in their own order; by SciPy."""
    logits = np.append(parameters[: K - 1], 0.0)
    means = parameters[K - 1 : K - 1 + K * D].reshape(K, D)
    entries = parameters[K - 1 + K * D :]
    covariances = np.empty(shape)
    if name in ("full", "tied"):
        places = np.nonzero(np.broadcast_to(np.tri(D, dtype=bool), shape))
        covariances[places] = entries
        covariances[(*places[:-2], places[-1], places[-2])] = entries
    else:
        covariances[...] = entries.reshape(shape)
    dense = {
        "full": lambda: covariances,
        "tied": lambda: np.repeat(covariances[None], K, axis=0),
        "diag": lambda: covariances[:, :, None] * np.eye(D),
        "spherical": lambda: covariances[:, None, None] * np.eye(D),
    }[name]()
    X, block = X[:, list(seen)], np.ix_(seen, seen)
    logs = [
        np.atleast_1d(multivariate_normal(m[list(seen)], S[block]).logpdf(X)) for m, S in zip(means, dense, strict=True)
    ]
    return weight @ (logsumexp(np.array(logs).T + logits, axis=1) - logsumexp(logits))


@pytest.mark.parametrize("name", NAMES)
def test_the_information_is_minus_the_hessian(name):
    model, X = fitted(name)
    mixture = model._fitted().mixture
    p, frame = mixture.parameters, mixture.frame
    weight = np.random.default_rng(1).integers(0, 3, len(X)).astype(float)
    free = _free_entries(mixture)
    X, weight = X[::8], weight[::8]
    information, outer, gradient = _sums(mixture, Rows(X, weight, frame), free)
    here = np.concatenate([np.log(p.weights[:-1] / p.weights[-1]), p.means.ravel(), p.covariances[free.places]])
    inside = frame.points_in(X)

    def value(parameters):
        return log_likelihood(parameters, inside, weight, name, p.covariances.shape)

    P, h = len(here), 1e-4
    hessian = np.empty((P, P))
    for a in range(P):
        for b in range(P):
            ea, eb = h * np.eye(P)[a], h * np.eye(P)[b]
            around = value(here + ea + eb) - value(here + ea - eb) - value(here - ea + eb) + value(here - ea - eb)
            hessian[a, b] = around / (4 * h * h)
    np.testing.assert_allclose(information, -hessian, rtol=0, atol=1e-4 * np.abs(hessian).max())
    scores = np.array([
        [(log_likelihood(here + e, x[None], np.ones(1), name, p.covariances.shape)
          - log_likelihood(here - e, x[None], np.ones(1), name, p.covariances.shape)) / (2 * h)
         for e in h * np.eye(P)]
        for x in inside
    ])  # fmt: skip
    np.testing.assert_allclose(outer, (scores * weight[:, None]).T @ scores, rtol=0, atol=1e-5 * np.abs(outer).max())
    np.testing.assert_allclose(gradient, weight @ scores, rtol=0, atol=1e-5 * np.sqrt(np.diagonal(outer).max()))


@pytest.mark.parametrize("kind", ["observed", "outer", "sandwich"])
def test_one_gaussian_has_closed_standard_errors(kind):
    X = np.random.default_rng(2).normal(size=(20_000, 3)) * [1.0, 10.0, 0.1] + [0.0, 1e3, 0.0]
    model = GaussianMixture(1).fit(X)
    errors = model.standard_errors(X, kind=kind)
    S = model.covariances_[0]
    v = np.diagonal(S)
    tolerance = 1e-9 if kind == "observed" else 0.1
    np.testing.assert_allclose(errors.means[0], np.sqrt(v / len(X)), rtol=tolerance)
    np.testing.assert_allclose(errors.covariances[0], np.sqrt((np.outer(v, v) + S**2) / len(X)), rtol=tolerance)
    assert errors.weights[0] == 0.0
    assert errors.intervals()["weights"] == (1.0, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_units_and_weights(name):
    model, X = fitted(name)
    errors = model.standard_errors(X)
    doubled = model.standard_errors(X, sample_weight=np.full(len(X), 2.0))
    np.testing.assert_allclose(doubled.means, errors.means / np.sqrt(2.0), rtol=1e-9)
    scale = 1e3 if name == "spherical" else np.array([1e3, 1e-3])
    other = GaussianMixture(K, covariance_type=name, tol=1e-14, max_iter=5000, random_state=0).fit(X * scale)
    np.testing.assert_allclose(other.standard_errors(X * scale).means, errors.means * scale, rtol=1e-4)
    for attribute in ("weights", "means", "covariances"):
        low, high = errors.intervals(0.9)[attribute]
        estimate = getattr(model, attribute + "_")
        assert low.shape == estimate.shape == getattr(errors, attribute).shape
        assert (low <= estimate).all()
        assert (estimate <= high).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_information_of_rows_with_gaps_is_minus_the_hessian(name):
    model, X = fitted(name)
    mixture = model._fitted().mixture
    p, frame = mixture.parameters, mixture.frame
    X = X[::16].copy()
    gaps = np.random.default_rng(4).random(X.shape) < 0.3
    gaps[0] = True  # a row of which nothing is known
    X[gaps] = np.nan
    weight = np.random.default_rng(1).integers(1, 3, len(X)).astype(float)
    free = _free_entries(mixture)
    information, outer, gradient = _sums(mixture, IncompleteRows(X, weight, frame), free)
    here = np.concatenate([np.log(p.weights[:-1] / p.weights[-1]), p.means.ravel(), p.covariances[free.places]])
    inside, shape = frame.points_in(X), p.covariances.shape

    def each(parameters):
        return np.array([observed_log_density(parameters, x, name, shape) for x in inside])

    P, h = len(here), 1e-4
    steps = h * np.eye(P)
    scores = np.array([(each(here + e) - each(here - e)) / (2 * h) for e in steps]).T
    np.testing.assert_allclose(outer, (scores * weight[:, None]).T @ scores, rtol=0, atol=1e-5 * np.abs(outer).max())
    np.testing.assert_allclose(gradient, weight @ scores, rtol=0, atol=1e-5 * np.sqrt(np.diagonal(outer).max()))
    hessian = np.empty((P, P))
    for a in range(P):
        for b in range(a + 1):
            ea, eb = steps[a], steps[b]
            around = each(here + ea + eb) - each(here + ea - eb) - each(here - ea + eb) + each(here - ea - eb)
            hessian[a, b] = hessian[b, a] = weight @ around / (4 * h * h)
    np.testing.assert_allclose(information, -hessian, rtol=0, atol=1e-4 * np.abs(hessian).max())


def observed_log_density(parameters, x, name, shape):
    """As `log_likelihood`, of the observed features of one row."""
    seen = np.flatnonzero(~np.isnan(x))
    if not seen.size:
        return 0.0
    return log_likelihood(parameters, x[None], np.ones(1), name, shape, seen)


def test_gaps_widen_standard_errors_and_without_any_nothing_changes():
    model, X = fitted("full")
    gaps = X.copy()
    gaps[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    settings = {"tol": 1e-14, "max_iter": 5000, "random_state": 0, "missing": "marginalize"}
    whole = GaussianMixture(K, **settings).fit(X)
    np.testing.assert_array_equal(whole.standard_errors(X).means, model.standard_errors(X).means)
    some = GaussianMixture(K, **settings).fit(gaps)
    assert (some.standard_errors(gaps).means > 0.9 * model.standard_errors(X).means).all()


def test_one_gaussian_whose_second_feature_is_sometimes_missing_has_closed_standard_errors():
    """Anderson 1957: the first feature and the regression of the second on it are parameters of separate factors."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=300)
    y = 2.0 + 0.8 * x + 0.5 * rng.normal(size=300)
    X = np.column_stack([x, y])
    X[200:, 1] = np.nan
    model = GaussianMixture(1, missing="marginalize", tol=1e-15, max_iter=5000).fit(X)
    design = np.column_stack([np.ones(200), x[:200]])
    slopes, squares = np.linalg.lstsq(design, y[:200], rcond=None)[:2]
    of_slopes = squares[0] / 200 * np.linalg.inv(design.T @ design)
    at = np.array([1.0, x.mean()])
    wanted = [x.var() / 300, slopes[1] ** 2 * x.var() / 300 + at @ of_slopes @ at]
    np.testing.assert_allclose(model.means_[0], [x.mean(), at @ slopes], rtol=1e-6)
    np.testing.assert_allclose(model.standard_errors(X).means[0], np.sqrt(wanted), rtol=1e-5)


def test_noise_is_one_more_weight():
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(size=(900, 2)), rng.uniform(-10, 10, (300, 2))])
    model = GaussianMixture(1, noise=True, tol=1e-13, random_state=0).fit(X)
    errors = model.standard_errors(X)
    np.testing.assert_allclose(errors.weights, np.sqrt(0.75 * 0.25 / 1200), rtol=0.1)  # rows nearly tell which


def test_refusals():
    model, X = fitted("full")
    with pytest.raises(ParameterError, match="kind must be"):
        model.standard_errors(X, kind="observd")
    with pytest.raises(ParameterError, match="level must lie"):
        model.standard_errors(X).intervals(95)
    with pytest.raises(ParameterError, match="level must be a real number, got '95%'"):
        model.standard_errors(X).intervals("95%")
    with pytest.raises(ParameterError, match="reg_covar"):
        fitted("full", reg_covar=0.1)[0].standard_errors(X)
    with pytest.raises(ParameterError, match="held or bounded"):
        fitted("full", equal_weights=True)[0].standard_errors(X)
    with pytest.raises(ParameterError, match="not for 'VEV'"):
        fitted("VEV")[0].standard_errors(X)
    with pytest.raises(ParameterError, match="singular or not positive"):
        GaussianMixture(2, random_state=0).fit(X, labels=np.arange(len(X)) % 2).standard_errors(X)
    with pytest.raises(ParameterError, match=r"maximum of their likelihood elsewhere \(one step gains 7.74 nats\)"):
        GaussianMixture(2, random_state=0).fit(X, noise_covariance=np.full(X.shape, 0.1)).standard_errors(X)
    with pytest.raises(DataError, match="fitted to 400 rows, but X has 399"):
        model.standard_errors(X[1:])
    with pytest.raises(DataError, match="fitted with a sample_weight, of sum 800: give it here, too"):
        GaussianMixture(K, random_state=0).fit(X, sample_weight=np.full(400, 2.0)).standard_errors(X)
    with pytest.raises(ParameterError, match="posteriors have no standard errors: take credible_intervals"):
        BayesianGaussianMixture(2, random_state=0).fit(X).standard_errors(X)
    gone = GaussianMixture.from_parameters([1.0, 0.0], np.zeros((2, 2)), np.stack([np.eye(2)] * 2))
    with pytest.raises(AttributeError):
        gone.standard_errors(X)


@pytest.mark.long
def test_intervals_cover():
    """Nominal 95%: two Gaussians three standard deviations apart, 1,000 rows, 1,000 samples."""
    truth = GaussianMixture.from_parameters([0.4, 0.6], [[0.0, 0.0], [3.0, 0.0]], np.stack([np.eye(2)] * 2))
    held = {"weights": [], "means": [], "covariances": []}
    for seed in range(1000):
        truth.random_state = seed
        X, _ = truth.sample(1000)
        model = GaussianMixture(2, n_init=1, tol=1e-9, order_by="mean", random_state=0).fit(X)
        for name, (low, high) in model.standard_errors(X).intervals(0.95).items():
            held[name].append((low <= getattr(truth, name + "_")) & (getattr(truth, name + "_") <= high))
    for name, inside in held.items():
        print(name, np.mean(inside, axis=0))
        assert 0.93 <= np.mean(inside) <= 0.97
