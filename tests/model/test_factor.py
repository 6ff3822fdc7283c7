"""Factor analysers below the estimators: their factors, the M-step against dense formulas, its bounds, books."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from factor_problem import along, analysers, drawn, expanded_step, matrices
from scipy.stats import multivariate_normal
from tolerances import CLOSED_FORM, MONOTONE

from gmm.covariances import structure
from gmm.covariances.factor import RESOLVED, SMALLEST, Factor
from gmm.covariances.loadings import dense, spectrum
from gmm.covariances.scatter import about
from gmm.errors import ParameterError
from gmm.frame import Frame
from gmm.parameters import Parameters
from gmm.statistics import Statistics

SIZES = [(1, 1, 1), (3, 2, 1), (2, 5, 2), (3, 9, 3), (2, 9, 9), (2, 40, 7)]
NO_FLOOR = 1e-300


@pytest.mark.parametrize(("K", "D", "q"), SIZES)
def test_factors_are_those_of_the_matrices(K, D, q):
    kind, p = analysers(K, D, q)
    ridge = np.linspace(0.1, 0.5, D)
    X = np.random.default_rng(1).normal(size=(5, D))
    for r in (None, ridge):
        factors = kind.factorize(p, r)
        for k in range(K):
            c = X - p.means[k]
            w, u = factors.whiteners[k, 0], factors.whiteners[k, 1:]
            explained = ((c @ u.T) ** 2 / (1 + ((u / w) ** 2).sum(axis=1))).sum(axis=1)
            found = factors.log_constants[k] - (((w * c) ** 2).sum(axis=1) - explained) / 2
            S = matrices(p.covariances)[k]
            penalty = 0.0 if r is None else 0.5 * np.trace(np.linalg.inv(S) @ np.diag(r))
            expected = np.log(p.weights[k]) + multivariate_normal(p.means[k], S).logpdf(X) - penalty
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_what_was_derived_stays_with_its_parameters():
    kind, p = analysers(2, 6, 2)
    factors = kind.factorize(p)
    other = replace(p, covariances=2.0 * p.covariances)
    assert "spectrum" in p.derived
    assert not other.derived
    assert np.abs(kind.factorize(other).whiteners - factors.whiteners).max() > 0.1
    np.testing.assert_array_equal(kind.factorize(p).whiteners, factors.whiteners)


def test_a_dead_component_and_a_bad_one():
    kind, p = analysers(3, 4, 2)
    p.weights[1] = 0.0
    assert np.isneginf(kind.factorize(p).log_constants[1])
    p.covariances[2, 0, 3] = 0.0
    with pytest.raises(np.linalg.LinAlgError, match="component 2"):
        kind.factorize(p)


# ---- the maximise step


def problem(K, D, q, n_rows=400, **more):
    """Rows under responsibilities of their own, and parameters that are not theirs."""
    kind, truth = analysers(K, D, q, seed=1, **more)
    X, labels = drawn(truth, n_rows)
    mass = np.random.default_rng(2).uniform(0.5, 2.0, (len(X), 1)) * (labels[:, None] == np.arange(K))
    return kind, analysers(K, D, q, seed=3, **more)[1], X, mass


@pytest.mark.parametrize("ridge", [None, 0.2])
@pytest.mark.parametrize(("K", "D", "q"), SIZES)
def test_the_step_is_parameter_expanded_em(K, D, q, ridge):
    kind, previous, X, mass = problem(K, D, q)
    r = None if ridge is None else np.full(D, ridge)
    statistics = along(X, mass, previous.means, kind.factorize(previous).whiteners)
    found, floored = kind.maximize(statistics, previous, ridge=r, floor=np.full(D, NO_FLOOR))
    assert not floored.any() or q >= D - 1
    np.testing.assert_allclose(found.weights, mass.sum(axis=0) / mass.sum(), rtol=CLOSED_FORM)
    for k in range(K):
        mean = mass[:, k] @ X / mass[:, k].sum()
        np.testing.assert_allclose(found.means[k], mean, atol=1e-11)
        S = ((X - mean) * mass[:, k, None]).T @ (X - mean) / mass[:, k].sum() + (0 if r is None else np.diag(r))
        L, psi = expanded_step(S, previous.covariances[k, 1:], previous.covariances[k, 0])
        ours = found.covariances[k, 1:]
        np.testing.assert_allclose(ours.T @ ours, L @ L.T, rtol=0, atol=1e-9 * np.abs(S).max())
        bound = np.minimum(previous.covariances[k, 0], SMALLEST * np.diag(S))
        np.testing.assert_allclose(found.covariances[k, 0], np.maximum(psi, bound), rtol=0, atol=1e-9 * np.abs(S).max())


@pytest.mark.parametrize(("K", "D", "q"), [(1, 5, 2), (3, 9, 3)])
def test_a_model_that_fits_exactly_stays(K, D, q):
    """Loadings keep their axes too, which steps longer than EM's live on."""
    kind, p = analysers(K, D, q)
    whiteners = kind.factorize(p).whiteners
    S = matrices(p.covariances)
    n = 100.0 * p.weights
    second = np.stack([np.vstack([np.diag(S[k]), whiteners[k, 1:] @ S[k]]) for k in range(K)]) * n[:, None, None]
    exact = Statistics(n, np.zeros((K, D)), second, p.means, 0.0, 100.0, 100, along=whiteners[:, 1:])
    found, floored = kind.maximize(exact, p, floor=np.full(D, NO_FLOOR))
    assert not floored.any()
    np.testing.assert_allclose(found.covariances, p.covariances, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.means, p.means, atol=CLOSED_FORM)


def test_factors_without_signal_stay_out_of_the_way():
    """More factors than the scatter has directions: those without signal turn nothing."""
    rng = np.random.default_rng(0)
    kind, previous = analysers(1, 30, 12)
    X, mass = rng.normal(size=(8, 30)), np.ones((8, 1))
    p, floor = previous, np.full(30, 1e-12)
    S = np.cov(X, rowvar=False, bias=True)

    def likelihood(covariances):
        matrix = matrices(covariances)[0]
        return -0.5 * (np.linalg.slogdet(matrix)[1] + np.trace(np.linalg.solve(matrix, S)))

    for _ in range(40):
        before = p
        p, floored = kind.maximize(along(X, mass, p.means, kind.factorize(p).whiteners), p, floor=floor)
        p = Parameters(p.weights, X.mean(axis=0, keepdims=True), p.covariances)
        assert likelihood(p.covariances) >= likelihood(before.covariances) - 1e-6
    assert spectrum(p.covariances).values[0, -1] < 1e-12 * spectrum(p.covariances).values[0, 0]
    assert floored[0]


def test_common_noise_is_the_mean_of_the_components_own():
    kind, previous, X, mass = problem(3, 6, 2, is_common=True)
    statistics = along(X, mass, previous.means, kind.factorize(previous).whiteners)
    floor = np.full(6, NO_FLOOR)
    common, _ = kind.maximize(statistics, previous, floor=floor)
    own, _ = Factor(2).maximize(statistics, previous, floor=floor)
    n = mass.sum(axis=0)
    np.testing.assert_allclose(common.covariances[:, 1:], own.covariances[:, 1:], rtol=0, atol=0)
    psi = np.tile(n @ own.covariances[:, 0] / n.sum(), (3, 1))
    np.testing.assert_allclose(common.covariances[:, 0], psi, rtol=1e-12)


@pytest.mark.parametrize("is_common", [False, True])
@pytest.mark.parametrize(("K", "D", "q"), SIZES)
def test_the_likelihood_of_a_partition_never_falls(K, D, q, is_common):
    kind, p, X, mass = problem(K, D, q, is_common=is_common)
    floor = np.full(D, 1e-12)

    def likelihood(parameters):
        S = matrices(parameters.covariances)
        logs = [multivariate_normal(parameters.means[k], S[k], allow_singular=True).logpdf(X) for k in range(K)]
        return sum(mass[:, k] @ np.atleast_1d(logs[k]) for k in range(K)) / mass.sum()

    before = likelihood(p)
    for _ in range(30):
        p, _ = kind.maximize(along(X, mass, p.means, kind.factorize(p).whiteners), p, floor=floor)
        after = likelihood(p)
        assert after >= before - 1e3 * MONOTONE
        before = after


@pytest.mark.parametrize("n_alike", [1, 2])
def test_features_that_factors_explain_keep_a_share_of_noise(n_alike):
    """Heywood's case is no floor of the component, for its matrix is regular; two features that are equal are one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    X[:, 1] = X[:, 0] if n_alike == 2 else X[:, 0] + rng.normal(size=500)
    X[:, 2:4] += X[:, :1]
    kind, mass = Factor(1), np.ones((500, 1))
    p = Parameters(np.ones(1), np.zeros((1, 5)), np.ones((1, 2, 5)))
    for _ in range(20000):
        p, floored = kind.maximize(along(X, mass, p.means, kind.factorize(p).whiteners), p, floor=np.full(5, 1e-12))
    share = p.covariances[0, 0] / X.var(axis=0)
    assert share.min() >= SMALLEST * (1 - 1e-9)
    assert share[:n_alike].max() < 1e-3
    assert share[n_alike:].min() > 0.4
    assert floored[0] == (n_alike == 2)


def test_the_bound_lifts_nothing_above_where_it_was():
    """Given less noise than the bound, as a mixture from elsewhere may be, the likelihood still does not fall."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    X[:, 1:] += X[:, :1]
    kind, mass, floor = Factor(1), np.ones((300, 1)), np.full(4, 1e-14)
    inner = np.stack([[1e-9, 1.0, 1.0, 1.0], np.ones(4)])[None]
    p = Parameters(np.ones(1), X.mean(axis=0, keepdims=True), inner)
    S = np.cov(X, rowvar=False, bias=True)
    found, _ = kind.maximize(along(X, mass, p.means, kind.factorize(p).whiteners), p, floor=floor)
    assert found.covariances[0, 0, 0] <= 1e-9 * (1 + 1e-6)
    before, after = (matrices(each.covariances)[0] for each in (p, found))
    likelihoods = [-np.linalg.slogdet(V)[1] - np.trace(np.linalg.solve(V, S)) for V in (before, after)]
    assert likelihoods[1] >= likelihoods[0]


def test_the_bound_grows_with_the_rounding_of_the_sums():
    kind, previous, X, mass = problem(1, 4, 1)
    X[:, 1] = X[:, 0]
    floor = np.full(4, 1e-12)
    p = previous
    for _ in range(200):
        statistics = along(X, mass, p.means, kind.factorize(p).whiteners)
        statistics = Statistics(**{**vars(statistics), "epsilon": 2.0**-23})
        p, _ = kind.maximize(statistics, p, floor=floor)
    mean = mass[:, 0] @ X / mass.sum()
    variances = mass[:, 0] @ (X - mean) ** 2 / mass.sum()
    shares = p.covariances[0, 0] / variances
    np.testing.assert_allclose(shares[:2], RESOLVED * 2.0**-23, rtol=1e-6)
    assert shares[2:].min() > 0.1


def test_a_collapsed_component_rests_on_the_floor():
    kind, previous, X, mass = problem(2, 4, 1)
    X[mass[:, 1] > 0] = 1.0
    statistics = along(X, mass, previous.means, kind.factorize(previous).whiteners)
    found, floored = kind.maximize(statistics, previous, floor=np.full(4, 1e-6))
    assert floored.tolist() == [False, True]
    assert (found.covariances[1, 0] >= 1e-6 * (1 - 1e-12)).all()


def test_dead_components_keep_theirs():
    kind, previous, X, mass = problem(3, 5, 2)
    mass[:, 1] = 0.0
    statistics = along(X, mass, previous.means, kind.factorize(previous).whiteners)
    found, floored = kind.maximize(statistics, previous, floor=np.full(5, 1e-12))
    assert found.weights[1] == 0.0
    assert not floored[1]
    np.testing.assert_array_equal(found.covariances[1], previous.covariances[1])
    np.testing.assert_array_equal(found.means[1], previous.means[1])


def test_settled_loadings_span_the_signal():
    kind, truth = analysers(2, 30, 3, signal=2.0)
    X, labels = drawn(truth, 2000)
    mass = (labels[:, None] == np.arange(2)).astype(float)
    means = np.stack([X[labels == k].mean(axis=0) for k in range(2)])
    variances = np.stack([X[labels == k].var(axis=0) for k in range(2)])
    n = mass.sum(axis=0)
    plain = Statistics(n, np.zeros((2, 30)), variances * n[:, None], means, 0.0, n.sum(), len(X))
    limits = {"ridge": None, "floor": np.full(30, 1e-12)}
    begun, _ = kind.maximize(plain, Parameters(n / n.sum(), means, np.zeros((2, 4, 30))), **limits)
    np.testing.assert_allclose(np.diagonal(dense(begun.covariances), axis1=1, axis2=2), variances, rtol=1e-12)
    found = kind.settled(begun, lambda f: along(X, mass, f.means, f.whiteners), np.bincount(labels), **limits)
    for k in range(2):
        S, expected = dense(found.covariances)[k], matrices(truth.covariances)[k]
        assert np.abs(S - expected).max() < 0.25 * np.abs(expected).max()
    few = kind.settled(begun, None, np.array([3.0, 5.0]), **limits)
    assert few is begun


# ---- books


def test_parameters_are_counted():
    assert Factor(3).n_parameters(2, 10) == 2 * (30 - 3 + 10)
    assert Factor(3, True).n_parameters(2, 10) == 2 * (30 - 3) + 10
    for D in range(1, 8):
        assert Factor(D).n_parameters(1, D) == D * (D + 1) // 2


def test_names_copies_and_sizes():
    for name in ("factor", "factor-common"):
        opened, kind = structure(name), structure(name, 4)
        assert opened.is_open
        assert not kind.is_open
        assert kind.name == name
        assert kind.shape(3, 7) == (3, 5, 7)
        assert pickle.loads(pickle.dumps(kind)) == kind
    assert structure("full", 3) is structure("full")


def test_moments_move_with_the_means():
    kind, previous, X, mass = problem(3, 5, 2)
    whiteners = kind.factorize(previous).whiteners
    moved = about(along(X, mass, previous.means, whiteners), previous.means + 0.7, kind.moments_kernel)
    expected = along(X, mass, previous.means + 0.7, whiteners)
    np.testing.assert_allclose(moved.first, expected.first, rtol=0, atol=1e-9)
    np.testing.assert_allclose(moved.second, expected.second, rtol=0, atol=1e-9 * np.abs(expected.second).max())


def test_statistics_along_other_directions_do_not_add():
    kind, previous, X, mass = problem(2, 5, 2)
    whiteners = kind.factorize(previous).whiteners
    a, b = along(X, mass, previous.means, whiteners), along(X, mass, previous.means, 2 * whiteners)
    np.testing.assert_array_equal((a + a).second, 2 * a.second)
    with pytest.raises(ParameterError, match="statistics add"):
        a + b


def test_units():
    kind, p = analysers(2, 3, 1)
    frame = Frame.at_scale(np.array([3, -2, 0]))
    there = kind.covariances_in(p.covariances, frame)
    S = matrices(p.covariances)
    np.testing.assert_allclose(frame.covariance_out(matrices(there)), S, rtol=1e-14)
    np.testing.assert_allclose(kind.covariances_out(there, frame), S, rtol=1e-14)
    np.testing.assert_allclose(kind.precisions_out(there, frame) @ S, np.tile(np.eye(3), (2, 1, 1)), atol=1e-12)
    np.testing.assert_array_equal(kind.noise_out(there, frame), p.covariances[:, 0])
    L = kind.loadings_out(there, frame)
    np.testing.assert_allclose(L @ L.swapaxes(1, 2) + p.covariances[:, :1] * np.eye(3), S, rtol=0, atol=1e-13)


def test_given_covariances_are_checked():
    kind = structure("factor")
    L, psi = np.ones((2, 3, 1)), np.ones((2, 3))
    assert kind.validate((L, psi), 2, 3).shape == (2, 2, 3)
    np.testing.assert_array_equal(kind.validate((L, psi[0]), 2, 3), kind.validate((L, psi), 2, 3))
    for given, message in (
        (np.ones((2, 3, 3)), "are a pair"),
        ((L[:, :2], psi), r"component|shape"),
        ((L[0], psi), "loadings must have shape"),
        ((L, -psi), "component 0, feature 0 has variance -1"),
        ((L * np.nan, psi), "loadings"),
    ):
        with pytest.raises(ParameterError, match=message):
            kind.validate(given, 2, 3, "covariances_init")
    with pytest.raises(ParameterError, match=r"must have shape \(2, 3, 2\)"):
        structure("factor", 2).validate((L, psi), 2, 3)
    psi[1] = 2.0
    with pytest.raises(ParameterError, match="the same for all"):
        structure("factor-common").validate((L, psi), 2, 3)
