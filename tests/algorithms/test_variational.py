"""The bound is that of the stated model, by exact evidence, Monte Carlo and quadrature, and never falls."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from scipy import stats
from scipy.special import betaln, digamma, gammaln, logsumexp, multigammaln
from tolerances import FIVE_SIGMA, MONOTONE

from gmm import BayesianGaussianMixture
from gmm.mixing import PRIORS
from gmm.variational import NEGLIGIBLE, Variational

STRUCTURES = ("full", "tied", "diag", "spherical")
CASES = [(structure, kind) for structure in STRUCTURES for kind in PRIORS]
EVIDENCE = 1e-10
"""Absolute, nats of some 100 in all: log-gammas and sums of tens of terms in another order."""

MEAN, B0, F0 = np.array([1.0, -90.0, 999.0]), 0.7, 3.5
MATRIX = np.diag([1.0, 2.0, 3.0]) + 0.3
SCATTER = {"full": MATRIX, "tied": MATRIX, "diag": np.array([1.0, 2.0, 3.0]), "spherical": 2.0}
PRIOR = {"mean_prior": MEAN, "mean_precision_prior": B0, "degrees_of_freedom_prior": F0}


def rows(n):
    return np.random.default_rng(n).normal(size=(n, 3)) * [1.0, 5.0, 0.1] + [3.0, -100.0, 1000.0]


def wishart_evidence(X, mean, C0):
    """log p(X) of a normal-Wishart (Murphy 2007, equation 266)."""
    N, D = X.shape
    centre = X.mean(axis=0)
    d, b, f = centre - mean, B0 + N, F0 + N
    C = C0 + (X - centre).T @ (X - centre) + B0 * N / b * np.outer(d, d)
    dets = F0 / 2 * np.linalg.slogdet(C0)[1] - f / 2 * np.linalg.slogdet(C)[1]
    return dets - N * D / 2 * np.log(np.pi) + multigammaln(f / 2, D) - multigammaln(F0 / 2, D) + D / 2 * np.log(B0 / b)


def evidence(X, structure):
    if structure in ("full", "tied"):
        return wishart_evidence(X, MEAN, MATRIX)
    if structure == "diag":
        return sum(wishart_evidence(X[:, [j]], MEAN[[j]], np.array([[SCATTER["diag"][j]]])) for j in range(3))
    N, D = X.shape
    squares = ((X - X.mean(axis=0)) ** 2).sum() + B0 * N / (B0 + N) * ((X.mean(axis=0) - MEAN) ** 2).sum()
    a0, r0 = D * F0 / 2, D * SCATTER["spherical"] / 2
    a, r = a0 + N * D / 2, r0 + squares / 2
    gammas = gammaln(a) - gammaln(a0) + a0 * np.log(r0) - a * np.log(r)
    return gammas + D / 2 * np.log(B0 / (B0 + N)) - N * D / 2 * np.log(2 * np.pi)


def model(n_components, structure, kind="dirichlet_distribution", **arguments):
    return BayesianGaussianMixture(
        n_components, covariance_type=structure, weight_concentration_prior_type=kind, random_state=0, **arguments
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_component_has_the_exact_evidence(structure):
    X = rows(23)
    fit = model(1, structure, covariance_prior=SCATTER[structure], **PRIOR).fit(X)
    assert fit.lower_bound_ * len(X) == pytest.approx(evidence(X, structure), abs=EVIDENCE)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_component_of_a_process_loses_what_lies_beyond(structure):
    X = rows(23)
    arguments = {"covariance_prior": SCATTER[structure], "weight_concentration_prior": 2.0, **PRIOR}
    fit = model(1, structure, "dirichlet_process", **arguments).fit(X)
    kept = betaln(1 + len(X), 2.0) - betaln(1, 2.0)  # the chance that all rows are of the first component
    assert fit.lower_bound_ * len(X) == pytest.approx(evidence(X, structure) + kept, abs=EVIDENCE)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_predictive_is_a_ratio_of_evidences(structure):
    X, new = rows(23), rows(4)
    fit = model(1, structure, covariance_prior=SCATTER[structure], **PRIOR).fit(X)
    for row, log_density in zip(new, fit.posterior_predictive(new), strict=True):
        expected = evidence(np.vstack([X, row]), structure) - evidence(X, structure)
        assert log_density == pytest.approx(expected, abs=EVIDENCE)


def sampled(fit, structure, size):
    """Draws of mixing weights (S, K), means (S, K, D), dense precisions (S, K, D, D), and log q - log p of each."""
    rng = np.random.default_rng(0)
    K, D = fit.means_.shape
    if fit.weight_concentration_prior_type == "dirichlet_process":
        a, b = fit.weight_concentration_
        v = rng.beta(a, b, (size, K))
        log_ratio = (stats.beta.logpdf(v, a, b) - stats.beta.logpdf(v, 1.0, fit.weight_concentration_prior_)).sum(
            axis=1
        )
        weights = v * np.cumprod(np.hstack([np.ones((size, 1)), 1.0 - v[:, :-1]]), axis=1)
    else:
        weights = rng.dirichlet(fit.weight_concentration_, size)
        q, p = stats.dirichlet(fit.weight_concentration_), stats.dirichlet(np.full(K, fit.weight_concentration_prior_))
        log_ratio = q.logpdf(weights.T) - p.logpdf(weights.T)
    f0, C0 = fit.degrees_of_freedom_prior_, fit.covariance_prior_
    f = np.broadcast_to(fit.degrees_of_freedom_, K)
    precisions = np.empty((size, K, D, D))
    for k in range(1 if structure == "tied" else K):
        V = fit.covariances_ if structure == "tied" else fit.covariances_[k]
        if structure in ("full", "tied"):
            q, p = stats.wishart(f[k], np.linalg.inv(f[k] * V)), stats.wishart(f0, np.linalg.inv(C0))
            drawn = q.rvs(size, random_state=rng)
            log_ratio = log_ratio + [q.logpdf(each) - p.logpdf(each) for each in drawn]
            precisions[:, k] = drawn
            continue
        times = D if structure == "spherical" else 1
        q = stats.gamma(f[k] * times / 2, scale=2 / (f[k] * times * np.atleast_1d(V)))
        p = stats.gamma(f0 * times / 2, scale=2 / (times * np.atleast_1d(C0)))
        drawn = q.rvs((size, D if structure == "diag" else 1), random_state=rng)
        log_ratio = log_ratio + (q.logpdf(drawn) - p.logpdf(drawn)).sum(axis=1)
        precisions[:, k] = drawn[:, :, None] * np.eye(D)
    if structure == "tied":
        precisions[:] = precisions[:, :1]
    z = rng.normal(size=(size, K, D))
    roots = np.linalg.cholesky(np.linalg.inv(precisions))
    means = fit.means_ + np.einsum("skij,skj->ski", roots, z) / np.sqrt(fit.mean_precision_)[:, None]
    b0 = fit.mean_precision_prior_
    away = means - fit.mean_prior_
    squares = np.einsum("ski,skij,skj->sk", away, precisions, away)
    halves = D * np.log(fit.mean_precision_ / b0) - (z**2).sum(axis=2) + b0 * squares
    return weights, means, precisions, log_ratio + halves.sum(axis=1) / 2


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_the_bound_is_that_of_monte_carlo(structure, kind):
    X = np.random.default_rng(5).normal(size=(12, 2)) + np.repeat([[0.0, 0.0], [3.0, -2.0]], 6, axis=0)
    fit = model(3, structure, kind, max_iter=4, tol=0.0, degrees_of_freedom_prior=4.0).fit(X)
    r = fit.predict_proba(X)
    weights, means, precisions, log_ratio = sampled(fit, structure, 4000)
    d = X[:, None] - means[:, None]
    squares = np.einsum("snki,skij,snkj->snk", d, precisions, d)
    logs = np.log(weights)[:, None] + (np.linalg.slogdet(precisions)[1][:, None] - squares) / 2 - np.log(2 * np.pi)
    values = (r * (logs - np.log(r))).sum(axis=(1, 2)) - log_ratio
    error = values.std() / np.sqrt(len(values))
    assert error < 0.1
    assert fit.lower_bound_ * len(X) == pytest.approx(values.mean(), abs=FIVE_SIGMA * error)


def expected_logs(fit, X):
    """E log of weight and density of each component at rows, (N, K): full covariances, from the attributes alone."""
    D, f, total = X.shape[1], fit.degrees_of_freedom_, fit.weight_concentration_.sum()
    log_det = digamma((f[:, None] - np.arange(D)) / 2).sum(axis=1) + D * np.log(2 / f)
    log_det -= np.linalg.slogdet(fit.covariances_)[1]
    d = X[:, None] - fit.means_
    squares = np.einsum("nki,kij,nkj->nk", d, fit.precisions_, d)
    logs = (log_det - D * np.log(2 * np.pi) - D / fit.mean_precision_ - squares) / 2
    return digamma(fit.weight_concentration_) - digamma(total) + logs


def test_a_missing_value_is_integrated_out():
    X = blobs(40, n_components=2, separation=3.0).X
    gaps = X.copy()
    gaps[::3, 0] = np.nan
    fit = model(2, "full", max_iter=5, tol=0.0, missing="marginalize").fit(gaps)
    posterior = fit._result.posterior
    whole = logsumexp(expected_logs(fit, X[~np.isnan(gaps[:, 0])]), axis=1).sum()
    grid = np.linspace(-40.0, 40.0, 20001)
    for value in X[np.isnan(gaps[:, 0]), 1]:
        at = expected_logs(fit, np.stack([grid, np.full(len(grid), value)], axis=1))
        whole += logsumexp(at) + np.log(grid[1] - grid[0])
    expected = whole - posterior.divergence(fit._result.prior)
    assert fit.lower_bound_ * len(X) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("structure", "kind"), CASES)
@pytest.mark.parametrize("extra", ["plain", "weights", "ridge", "missing"])
def test_the_bound_never_falls(structure, kind, extra):
    rng = np.random.default_rng(3)
    X, weights, arguments = blobs(400, separation=1.5, n_features=3).X, None, {}
    if extra == "weights":
        weights = rng.exponential(size=len(X))
    elif extra == "ridge":
        arguments = {"reg_covar": 0.5}
    elif extra == "missing":
        X = np.where(rng.random(X.shape) < 0.2, np.nan, X)
        arguments = {"missing": "marginalize"}
    fit = model(5, structure, kind, tol=0.0, max_iter=120, n_init=1, **arguments, acceleration=None)
    with np.errstate(all="raise", under="ignore"):
        fit.fit(X, sample_weight=weights, start=rng.integers(0, 5, len(X)))
    assert fit.n_iter_ == 120
    assert fit.lower_bounds_[-1] > fit.lower_bounds_[0] + 1e-3
    assert np.diff(fit.lower_bounds_).min() > -MONOTONE


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_longer_steps_end_no_lower(structure, kind):
    X = blobs(400, separation=1.5).X
    start = np.random.default_rng(0).integers(0, 3, len(X))
    plain = model(3, structure, kind, acceleration=None, tol=1e-9, max_iter=5000).fit(X, start=start)
    quick = model(3, structure, kind, tol=1e-9, max_iter=5000).fit(X, start=start)
    assert np.diff(quick.lower_bounds_).min() > -MONOTONE
    assert quick.lower_bound_ > plain.lower_bound_ - 1e-6


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_the_log_likelihood_of_expected_parameters_shows_in_the_bound(structure, kind):
    """Of many rows; of few, constants are too far apart to say."""
    for n, is_near in ((200_000, True), (200, False)):
        fit = model(4, structure, kind, max_iter=2, tol=0.0, n_init=1).fit(blobs(n, separation=1.5).X)
        inner = fit._result
        rows = inner.mixture.rows(blobs(n, separation=1.5).X)
        variational = Variational(inner.mixture.structure, inner.prior, float(n))
        statistics = rows.accumulate(variational.factorize(inner.posterior))
        found = variational.plain_log_likelihood(statistics, inner.posterior, None)
        assert np.isnan(found) != is_near
        if is_near:
            assert found + inner.mixture.frame.log_jacobian == pytest.approx(fit.log_likelihood_, abs=NEGLIGIBLE)
            expected = statistics.log_likelihood / statistics.weight + inner.mixture.frame.log_jacobian
            assert abs(expected - fit.log_likelihood_) > NEGLIGIBLE


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_vector_is_a_posterior_and_every_posterior_a_vector(structure):
    fit = model(3, structure, "dirichlet_process", max_iter=3, tol=0.0).fit(blobs(200).X)
    inner = fit._result
    beliefs = Variational(inner.mixture.structure, inner.prior, 200.0).coordinates(inner.posterior)
    vector = np.random.default_rng(0).normal(size=beliefs.of(inner.posterior).size) * 0.05
    assert np.abs(beliefs.of(inner.posterior)).max() < 1e-12
    there = beliefs.at(vector)
    again = beliefs.at(beliefs.of(there))
    for name in ("concentration", "mean_precision", "means", "degrees_of_freedom", "covariances", "weights"):
        np.testing.assert_allclose(getattr(again, name), getattr(there, name), rtol=1e-10)
    here = beliefs.at(np.zeros(vector.size))
    np.testing.assert_allclose(here.concentration, inner.posterior.concentration, rtol=1e-10)
    assert there.mean_precision.sum() == pytest.approx(200.0 + 3.0)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_many_rows_take_longer_steps(structure):
    X = blobs(20_000, separation=1.5).X
    start = np.random.default_rng(0).integers(0, 3, len(X))
    plain = model(3, structure, acceleration=None, tol=1e-8, max_iter=5000).fit(X, start=start)
    quick = model(3, structure, tol=1e-8, max_iter=5000).fit(X, start=start)
    assert np.diff(quick.lower_bounds_).min() > -MONOTONE
    assert quick.n_iter_ < plain.n_iter_
    assert quick.lower_bound_ > plain.lower_bound_ - 3e-8
