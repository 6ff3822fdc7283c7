"""Fits with a conjugate prior: closed form, optimum, monotone climbs, limits, units, and what is beside it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from problems import blobs
from scipy import stats
from tolerances import MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.covariances import STRUCTURES
from gmm.errors import CollapseWarning, ParameterError
from gmm.priors import ConjugatePrior

EVERY = ["full", "tied", "diag", "spherical", "VVV", "EEE", "VVI", "EEI", "VII", "EII"]
MATRICES, VARIANCES = ("full", "tied", "VVV", "EEE"), ("diag", "VVI", "EEI")
SHARED = ("tied", "EEE", "EEI", "EII")
K, D = 3, 2
X = blobs(240, n_features=D, n_components=K, separation=2.5, seed=4).X * [1.0, 2.5] + [3.0, -1.0]
NU, KAPPA, A, CENTRE = 7.0, 2.5, 4.0, np.array([2.0, 0.5])


def scale_of(name):
    return np.array([[3.0, 0.8], [0.8, 5.0]]) if name in MATRICES else [3.0, 5.0] if name in VARIANCES else 4.0


def prior_of(name):
    return ConjugatePrior(CENTRE, KAPPA, NU, scale_of(name), A)


def dense(model, name):
    given = np.array(model.covariances_)
    return STRUCTURES[name].dense(given, model.n_components, D) if name in STRUCTURES else given


def log_prior(name, weights, means, V):
    """Log density of the prior by scipy, up to a constant of its own."""
    total = stats.dirichlet.logpdf(weights / weights.sum(), np.full(len(weights), A)) if len(weights) > 1 else 0.0
    total += sum(stats.multivariate_normal.logpdf(m, CENTRE, v / KAPPA) for m, v in zip(means, V, strict=True))
    for v in V[:1] if name in SHARED else V:
        if name in MATRICES:
            total += stats.invwishart.logpdf(v, NU, scale_of(name))
        elif name in VARIANCES:
            total += stats.invgamma.logpdf(np.diag(v), NU / 2, scale=np.array(scale_of(name)) / 2).sum()
        else:
            total += stats.invgamma.logpdf(v[0, 0], NU / 2, scale=scale_of(name) / 2)
    return float(total)


@pytest.mark.parametrize("name", EVERY)
def test_one_component_is_fraley_and_rafterys_closed_form(name):
    """Their table of modes, with K = 1."""
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(X))
    n, centre = weight.sum(), np.average(X, axis=0, weights=weight)
    model = GaussianMixture(1, covariance_type=name, prior=prior_of(name)).fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.means_[0], (n * centre + KAPPA * CENTRE) / (n + KAPPA), rtol=1e-12)
    away = centre - CENTRE
    W = ((X - centre) * weight[:, None]).T @ (X - centre) + KAPPA * n / (KAPPA + n) * np.outer(away, away)
    if name in MATRICES:
        wanted = (np.array(scale_of(name)) + W) / (NU + n + D + 2)
    elif name in VARIANCES:
        wanted = np.diag((np.array(scale_of(name)) + np.diag(W)) / (NU + n + 3))
    else:
        wanted = (scale_of(name) + np.trace(W)) / (NU + (n + 1) * D + 2) * np.eye(D)
    np.testing.assert_allclose(dense(model, name)[0], wanted, rtol=1e-11)


@pytest.mark.parametrize("name", EVERY)
def test_the_objective_is_log_likelihood_plus_log_prior(name):
    """By scipy's densities; what is left over is one constant, whatever the parameters."""
    options = {"covariance_type": name, "prior": prior_of(name), "n_init": 1, "acceleration": None, "tol": 0.0}
    left = []
    for max_iter in (0, 1, 3, 8):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GaussianMixture(K, max_iter=max_iter, random_state=0, **options).fit(X)
        assert model.n_iter_ == max_iter
        prior = log_prior(name, model.weights_, model.means_, dense(model, name)) / len(X)
        left.append(model.objective_ - model.score(X) - prior)
        np.testing.assert_allclose(model.log_likelihood_, model.score(X), rtol=1e-12)
        assert model.objective_ < model.log_likelihood_
    np.testing.assert_allclose(left, left[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", EVERY)
def test_where_it_ends_the_gradient_is_nothing(name):
    """Central differences of likelihood plus scipy's prior, along every free coordinate."""
    options = {"covariance_type": name, "prior": prior_of(name), "tol": 1e-15, "max_iter": 20000}
    model = GaussianMixture(K, random_state=0, **options).fit(X)
    V = dense(model, name)

    def objective(logits, means, V):
        weights = np.exp(logits) / np.exp(logits).sum()
        likelihood = GaussianMixture.from_parameters(weights, means, V).score(X)
        return likelihood + log_prior(name, weights, means, V) / len(X)

    at, step = (np.log(model.weights_), model.means_, V), 1e-4
    ways = []
    for k in range(K):
        ways.append((np.eye(K)[k], 0.0, 0.0))
        ways += [(0.0, np.outer(np.eye(K)[k], np.eye(D)[j]), 0.0) for j in range(D)]
        own = np.ones(K) if name in SHARED else np.eye(K)[k]
        if name in MATRICES or name in VARIANCES:
            shapes = [np.outer(e, e) for e in np.eye(D)] + ([1.0 - np.eye(D)] if name in MATRICES else [])
        else:
            shapes = [np.eye(D)]
        ways += [(0.0, 0.0, own[:, None, None] * shape) for shape in shapes]
    for way in ways:
        sides = [objective(*(a + sign * step * w for a, w in zip(at, way, strict=True))) for sign in (1, -1)]
        assert abs(sides[0] - sides[1]) / (2 * step) < 2e-6


COMPANY = {
    "alone": ({}, {}),
    "weights": ({}, {"sample_weight": np.random.default_rng(1).integers(0, 4, len(X)).astype(float)}),
    "labels": ({}, {"labels": np.where(np.arange(len(X)) % 9 == 0, np.arange(len(X)) // 9 % K, -1)}),
    "missing": ({"missing": "marginalize"}, {}),
    "noise": ({"noise": True}, {}),
    "ridge": ({"reg_covar": 0.05}, {}),
    "errors": ({}, {"noise_covariance": np.full((len(X), D), 0.1)}),
    "errors and gaps": ({"missing": "marginalize"}, {"noise_covariance": np.full((len(X), D), 0.1)}),
    "plain steps": ({"acceleration": None}, {}),
    "equal weights": ({"equal_weights": True}, {}),
    "held mean": ({"fixed": {"means": [1]}, "means_init": [[0.0, 0.0], [3.0, 1.0], [5.0, -4.0]]}, {}),
    "held weight": ({"fixed": {"weights": [1]}, "weights_init": [0.2, 0.3, 0.5]}, {}),
    "float32": ({}, {}),
}


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EEE", "EEI", "EII"])
@pytest.mark.parametrize("company", COMPANY)
@pytest.mark.parametrize("prior", ["default", "strong"])
def test_the_objective_never_falls(name, company, prior):
    options, known = COMPANY[company]
    rows = X.astype(np.float32) if company == "float32" else X.copy()
    if options.get("missing"):
        rows[np.random.default_rng(2).random(X.shape) < 0.15] = np.nan
    prior = prior if prior == "default" else prior_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gmm.errors.GmmWarning)
        model = GaussianMixture(K, covariance_type=name, prior=prior, n_init=2, max_iter=150, random_state=0, **options)
        model.fit(rows, **known)
    assert model.stop_reason_ in ("converged", "max_iter")
    assert np.diff(model.lower_bounds_).min(initial=0.0) >= -(1e-4 if company == "float32" else MONOTONE)
    assert model.n_iter_ > 0
    if company == "equal weights":
        np.testing.assert_allclose(model.weights_, 1 / K, rtol=1e-14)
    if company == "held mean":
        np.testing.assert_allclose(model.means_[1], [3.0, 1.0], rtol=1e-13)
    if company == "held weight":
        np.testing.assert_allclose(model.weights_[1], 0.3, rtol=1e-14)


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_a_held_mean_has_the_mode_beside_it(name):
    """K = 1: the scatter about the held mean, and the prior's distance to it."""
    held = np.array([[3.0, 1.0]])
    options = {"covariance_type": name, "fixed": ("means",), "means_init": held}
    model = GaussianMixture(1, prior=prior_of(name), **options).fit(X)
    T = (X - held).T @ (X - held) + KAPPA * np.outer(held[0] - CENTRE, held[0] - CENTRE)
    n, scale = len(X), np.array(scale_of(name))
    wanted = {
        **dict.fromkeys(MATRICES, (scale + T) / (NU + n + D + 2)),
        **dict.fromkeys(VARIANCES, np.diag((scale + np.diag(T)) / (NU + n + 3))),
        "spherical": (scale + np.trace(T)) / (NU + (n + 1) * D + 2) * np.eye(D),
    }[name]
    np.testing.assert_allclose(dense(model, name)[0], wanted, rtol=1e-11)


@pytest.mark.parametrize("name", EVERY)
def test_many_rows_make_it_the_maximum_of_the_likelihood(name):
    options = {"covariance_type": name, "random_state": 0, "acceleration": None, "tol": 1e-13, "max_iter": 3000}
    start = blobs(240, n_features=D, n_components=K, separation=2.5, seed=4).labels
    plain = GaussianMixture(K, **options).fit(X, start=start)
    found = GaussianMixture(K, prior=prior_of(name), **options).fit(X, start=start, sample_weight=np.full(len(X), 1e12))
    np.testing.assert_allclose(found.objective_, plain.objective_, atol=1e-9)
    np.testing.assert_allclose(found.means_, plain.means_, atol=1e-4)
    np.testing.assert_allclose(found.covariances_, plain.covariances_, atol=1e-4)


@pytest.mark.parametrize("name", EVERY)
def test_rows_that_hardly_count_leave_the_priors_mode(name):
    model = GaussianMixture(1, covariance_type=name, prior=prior_of(name)).fit(X, sample_weight=np.full(len(X), 1e-200))
    mode = np.diag(scale_of(name)) / (NU + 3) if name in VARIANCES else np.array(scale_of(name)) / (NU + D + 2)
    np.testing.assert_allclose(model.means_[0], CENTRE, rtol=1e-12)
    np.testing.assert_allclose(dense(model, name)[0], mode if mode.ndim else mode * np.eye(D), rtol=1e-12)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("prior", ["default", "strong"])
def test_weights_are_rows(name, prior):
    n = np.random.default_rng(0).integers(0, 4, len(X))
    prior, start = prior if prior == "default" else prior_of(name), np.arange(len(X)) % K
    options = {"covariance_type": name, "prior": prior, "acceleration": None, "max_iter": 20, "tol": 0.0}
    weighted = GaussianMixture(K, **options).fit(X, start=start, sample_weight=n)
    repeated = GaussianMixture(K, **options).fit(np.repeat(X, n, axis=0), start=np.repeat(start, n))
    for part in ("weights_", "means_", "covariances_", "objective_", "log_likelihood_"):
        np.testing.assert_allclose(getattr(weighted, part), getattr(repeated, part), rtol=WEIGHTED, atol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_the_default_moves_with_the_data(name):
    """Any affine map for matrices; a common unit and an origin for variances, whose prior is one for all features."""
    rng, start = np.random.default_rng(3), np.arange(len(X)) % K
    A = rng.normal(size=(D, D)) + 2.0 * np.eye(D) if name in MATRICES else 1e3 * np.eye(D)
    options = {"covariance_type": name, "prior": "default", "acceleration": None, "tol": 0.0, "max_iter": 15}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = GaussianMixture(K, **options).fit(X, start=start)
        there = GaussianMixture(K, **options).fit(X @ A.T + 1e4, start=start)
    np.testing.assert_allclose(there.means_, here.means_ @ A.T + 1e4, rtol=1e-8)
    np.testing.assert_allclose(dense(there, name), A @ dense(here, name) @ A.T, rtol=1e-6)
    shift = np.log(abs(np.linalg.det(A)))
    np.testing.assert_allclose(there.lower_bounds_ + shift, here.lower_bounds_, atol=1e-8)


@pytest.mark.parametrize("name", EVERY)
def test_the_default_is_that_of_fraley_and_raftery(name):
    rows = np.c_[X, np.random.default_rng(0).gamma(2.0, size=len(X))]
    V = np.cov(rows.T)
    scale = V if name in MATRICES else np.trace(V) / 3
    spelt = ConjugatePrior(rows.mean(axis=0), 0.01, 3 + 2, scale / K ** (2 / 3), 1.0)
    options = {"covariance_type": name, "random_state": 0}
    models = [GaussianMixture(K, prior=prior, **options).fit(rows) for prior in ("default", ConjugatePrior(), spelt)]
    assert models[0].objective_ == models[1].objective_
    np.testing.assert_allclose(models[2].covariances_, models[0].covariances_, rtol=1e-7)
    np.testing.assert_allclose(models[2].objective_, models[0].objective_, rtol=1e-10)


@pytest.mark.parametrize("name", ["full", "diag", "spherical", "VVV", "VVI", "VII"])
def test_a_component_of_one_row_does_not_collapse(name):
    rows = np.vstack([X, [[200.0, 300.0]]])
    start = np.r_[np.zeros(len(X), int), 1]
    with pytest.warns(CollapseWarning):
        GaussianMixture(2, covariance_type=name).fit(rows, start=start)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = GaussianMixture(2, covariance_type=name, prior="default").fit(rows, start=start)
    assert model.collapses_ == ()
    np.testing.assert_allclose(model.weights_[1] * len(rows), 1.0, rtol=1e-6)
    assert np.linalg.eigvalsh(dense(model, name)[1]).min() > 0.1


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_degenerate_rows_are_climbed_and_their_books_agree(name):
    """A constant column, columns that depend on each other, one row only, and data far from one."""
    rng = np.random.default_rng(0)
    line = rng.normal(size=(50, 1)) @ np.array([[1.0, 2.0]])
    constant = np.c_[rng.normal(size=50), np.ones(50)]
    for rows, k in ((line, 2), (constant, 2), (X[:1], 1), (X * 1e150, 2), (X * 1e-150, 2), (X + 1e9, 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GaussianMixture(k, covariance_type=name, prior="default", random_state=0).fit(rows)
        assert np.diff(model.lower_bounds_).min(initial=0.0) >= -MONOTONE
        assert model.log_likelihood_ == pytest.approx(model.score(rows), rel=1e-12)
        assert model.objective_ <= model.log_likelihood_


def test_concentration_evens_out_mixing_weights():
    shares = []
    for a in (1.0, 100.0, 1e9):
        model = GaussianMixture(K, prior=ConjugatePrior(weight_concentration=a), random_state=0).fit(X)
        shares.append(np.ptp(model.weights_))
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 1e-6


def test_it_is_pickled_cloned_saved_and_continued(tmp_path):
    clone = pytest.importorskip("sklearn.base").clone
    model = GaussianMixture(K, prior=ConjugatePrior(scale=np.eye(D)), random_state=0)
    found = clone(model).fit(X)
    again = pickle.loads(pickle.dumps(found))
    assert again.objective_ == found.objective_
    found.save(tmp_path / "model.gmm")
    np.testing.assert_array_equal(gmm.load(tmp_path / "model.gmm").means_, found.means_)
    objective = found.objective_
    assert found.set_params(warm_start=True).fit(X).objective_ >= objective - MONOTONE
    assert found.n_parameters() == GaussianMixture(K, random_state=0).fit(X).n_parameters()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": "defualt"}, "did you mean 'default'"),
        ({"prior": 3.0}, r"prior must be None, 'default' or a gmm\.priors\.ConjugatePrior"),
        ({"prior": "default", "covariance_type": "VEV"}, "prior with covariance_type='VEV': only full"),
        ({"prior": "default", "eigen_ratio": 4.0}, "give one of them"),
        ({"prior": "default", "shrinkage": "auto"}, "give one of them"),
        ({"prior": ConjugatePrior(degrees_of_freedom=1.0)}, "degrees_of_freedom must be more than 1 here, got 1"),
        ({"prior": ConjugatePrior(mean=[0.0])}, r"prior mean has shape \(1,\), expected \(2,\)"),
        ({"prior": ConjugatePrior(scale=1.0)}, r"prior scale has shape \(\), expected \(2, 2\)"),
        ({"prior": ConjugatePrior(scale=-np.eye(2))}, "prior scale: the scale is not positive definite"),
        ({"prior": ConjugatePrior(scale=[1.0, 0.0]), "covariance_type": "diag"}, "feature 1 has variance 0"),
        ({"prior": ConjugatePrior(scale=0.0), "covariance_type": "spherical"}, "has variance 0, not positive"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        GaussianMixture(2, **options).fit(X)


@pytest.mark.parametrize("options", [{"prior": "default"}, {"shrinkage": 0.1}, {"eigen_ratio": 50.0}])
def test_what_is_no_maximum_of_the_likelihood_has_no_standard_errors(options):
    model = GaussianMixture(2, random_state=0, **options).fit(X)
    with pytest.raises(ParameterError, match=f"with {next(iter(options))} estimates are no maximum"):
        model.standard_errors(X)


def test_numbers_that_are_no_strengths_are_refused():
    for wrong in ({"mean_precision": -1.0}, {"weight_concentration": 0.5}, {"degrees_of_freedom": np.nan}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            ConjugatePrior(**wrong)


@pytest.mark.parametrize("name", ["full", "tied", "VVV", "EEE"])
@pytest.mark.parametrize("seed", range(3))
def test_the_default_has_a_mode_where_there_are_fewer_rows_than_features(name, seed):
    X = np.random.default_rng(seed).normal(size=(6, 12))
    options = {"covariance_type": name, "prior": "default", "random_state": 0}
    model = GaussianMixture(2, **options).fit(X)
    assert model.converged_
    assert np.diff(model.lower_bounds_).min(initial=0.0) >= -1e-11
    units = np.logspace(-3, 3, 12)
    other = GaussianMixture(2, **options).fit(np.concatenate([X * units, units[None]]), sample_weight=[1] * 6 + [0])
    assert other.objective_ + np.log(units).sum() == pytest.approx(model.objective_, rel=0, abs=1e-6)
