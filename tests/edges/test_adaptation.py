"""Adaptation of a background mixture: against NumPy from posteriors, its prior's objective, and speech-like rows."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from tolerances import WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.covariances import STRUCTURES
from gmm.errors import DataError, ParameterError

D = 3
EVERY = ["full", "tied", "diag", "spherical", "VVV", "EEE", "VVI", "EEI", "VII", "EII"]
BACKGROUND = blobs(500, n_features=D, n_components=3, separation=3.0, seed=1).X
X = np.random.default_rng(5).normal([0.5, 0.0, -0.5], size=(60, D))


def background(name, K=3):
    return GaussianMixture(K, covariance_type=name, random_state=0).fit(BACKGROUND)


def adapted_by_hand(model, name, rows, weight, r, which, prior):
    """The paper's formulas with E[x] and E[x x'] about zero, on dense matrices."""
    posterior = model.predict_proba(rows) * weight[:, None]
    K, n = len(prior[0]), posterior.sum(axis=0)
    alpha = n / (n + r)
    w, m, S = prior
    mean = (posterior.T @ rows) / n[:, None]
    square = np.einsum("nk,ni,nj->kij", posterior, rows, rows) / n[:, None, None]
    outer = np.einsum("ki,kj->kij", m, m)
    means = alpha[:, None] * mean + (1 - alpha)[:, None] * m if "means" in which else m
    a = alpha[:, None, None]
    shift = mean - m
    if "means" in which:
        V = a * square + (1 - a) * (S + outer) - np.einsum("ki,kj->kij", means, means)
    else:
        cross = np.einsum("ki,kj->kij", m, shift)
        V = a * (square - outer - cross - cross.swapaxes(1, 2)) + (1 - a) * S
    if name in ("tied", "EEE", "EEI", "EII"):
        V = np.repeat(np.average(V, axis=0, weights=n + r)[None], K, axis=0)
    if name in ("diag", "VVI", "EEI"):
        V = np.stack([np.diag(np.diag(each)) for each in V])
    if name in ("spherical", "VII", "EII"):
        V = np.stack([np.trace(each) / D * np.eye(D) for each in V])
    weights = alpha * n / n.sum() + (1 - alpha) * w
    return (
        weights / weights.sum() if "weights" in which else w,
        means,
        V if "covariances" in which else S,
    )


def dense(model, name):
    """Covariances as matrices (K, D, D)."""
    given = model.covariances_
    return STRUCTURES[name].dense(given, model.n_components, D) if name in STRUCTURES else given


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "which",
    [("means",), ("weights",), ("covariances",), ("means", "covariances"), ("weights", "means", "covariances")],
)
@pytest.mark.parametrize("n_iter", [1, 3])
def test_it_is_the_papers(name, which, n_iter):
    model = background(name)
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(X))
    prior = model.weights_, model.means_, dense(model, name)
    reached, wanted = model, None
    for _ in range(n_iter):
        wanted = adapted_by_hand(reached, name, X, weight, 9.0, which, prior)
        reached = gmm.adapt(model, X, 9.0, which, n_iter=_ + 1, sample_weight=weight)
    for found, expected in zip((reached.weights_, reached.means_, dense(reached, name)), wanted, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    assert reached.covariance_type == name
    assert reached.n_parameters() == model.n_parameters()
    for part in {"weights", "means", "covariances"} - set(which):
        np.testing.assert_array_equal(getattr(reached, f"{part}_"), getattr(model, f"{part}_"))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("which", [("means",), ("covariances",), ("means", "covariances")])
def test_steps_raise_likelihood_times_prior(name, which):
    """A normal-inverse-Wishart prior that counts as r rows for each component."""
    model, r = background(name), 16.0
    m, S = model.means_, dense(model, name)

    def objective(found):
        V, shift = dense(found, name), found.means_ - m
        inverse = np.linalg.inv(V)
        prior = np.linalg.slogdet(V)[1] + np.einsum("kij,kji->k", inverse, S)
        return found.score(X) * len(X) - r / 2 * (prior + np.einsum("ki,kij,kj->k", shift, inverse, shift)).sum()

    trace = [objective(model)] + [objective(gmm.adapt(model, X, r, which, n_iter=n)) for n in range(1, 12)]
    assert np.diff(trace).min() >= -1e-9
    assert trace[-1] > trace[0] + 1.0


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical"])
def test_the_relevance_factor_leads_from_a_step_of_em_to_the_background(name):
    model, everything = background(name), ("weights", "means", "covariances")
    step = GaussianMixture(3, covariance_type=name, max_iter=1, tol=0.0, acceleration=None, warm_start=True)
    step._result = model._result
    rows = BACKGROUND[:90] + 0.3
    step.fit(rows)
    near, far = (gmm.adapt(model, rows, r, everything) for r in (1e-9, 1e12))
    for part in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(near, part), getattr(step, part), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(getattr(far, part), getattr(model, part), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EII"])
def test_weights_are_rows(name):
    model, n = background(name), np.random.default_rng(0).integers(0, 4, len(X))
    everything = ("weights", "means", "covariances")
    weighted = gmm.adapt(model, X, parameters=everything, sample_weight=n)
    repeated = gmm.adapt(model, np.repeat(X, n, axis=0), parameters=everything)
    tiny = gmm.adapt(model, X, 16e-200, everything, sample_weight=n * 1e-200)
    for part in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(weighted, part), getattr(repeated, part), rtol=WEIGHTED, atol=1e-12)
        np.testing.assert_allclose(getattr(tiny, part), getattr(repeated, part), rtol=WEIGHTED, atol=1e-12)


def test_as_many_components_as_features_share_a_matrix():
    model = background("tied", K=D)
    found = gmm.adapt(model, X, 9.0, ("means", "covariances"), n_iter=2)
    before = gmm.adapt(model, X, 9.0, ("means", "covariances"))
    prior = model.weights_, model.means_, dense(model, "tied")
    wanted = adapted_by_hand(before, "tied", X, np.ones(len(X)), 9.0, ("means", "covariances"), prior)
    np.testing.assert_allclose(found.covariances_, wanted[2][0], rtol=1e-9, atol=1e-11)


def test_any_structure_adapts_means_and_missing_rows_are_seen():
    model = GaussianMixture(2, covariance_type="VEV", missing="marginalize", random_state=0).fit(BACKGROUND)
    gaps = X.copy()
    gaps[::3, 1] = np.nan
    found = gmm.adapt(model, gaps, parameters=("means", "weights"))
    np.testing.assert_array_equal(found.covariances_, model.covariances_)
    assert found.score(gaps) > model.score(gaps)
    with pytest.raises(ParameterError, match="'VEV' cannot be adapted"):
        gmm.adapt(model, gaps, parameters="covariances")


def test_noise_keeps_its_weight():
    model = GaussianMixture(2, noise=True, random_state=0).fit(np.vstack([BACKGROUND, 30.0 * X[:20]]))
    found = gmm.adapt(model, X, parameters=("weights", "means", "covariances"))
    assert found.noise_weight_ == model.noise_weight_ > 0.0
    np.testing.assert_allclose(found.weights_.sum(), 1.0 - model.noise_weight_, rtol=1e-14)


def test_its_noise_and_factors_are_those_of_the_background():
    how = {"covariance_type": "factor", "n_factors": 1, "noise": True}
    background = GaussianMixture(2, **how, tol=1e-2, random_state=0).fit(BACKGROUND)
    found = gmm.adapt(background, X).get_params()
    assert {name: found[name] for name in how} == how


def test_few_rows_of_a_speaker_tell_him_from_others():
    """Thirty rows each of ten speakers, who move the sixteen components of a background of all: new rows are told."""
    rng = np.random.default_rng(2)
    centres, shifts = 3.0 * rng.normal(size=(16, 12)), 0.7 * rng.normal(size=(10, 16, 12))

    def spoken(s, n):
        k = rng.integers(0, 16, n)
        return centres[k] + shifts[s, k] + rng.normal(size=(n, 12))

    pool = np.vstack([spoken(s, 300) for s in range(10)])
    world = GaussianMixture(16, covariance_type="diag", random_state=0).fit(pool)
    few = [spoken(s, 30) for s in range(10)]
    speakers = [gmm.adapt(world, rows) for rows in few]
    alone = [GaussianMixture(16, covariance_type="diag", random_state=0, reg_covar=0.1).fit(rows) for rows in few]
    tests = [spoken(s, 20) for s in range(10) for _ in range(5)]

    def told(models):
        return sum(int(np.argmax([m.score(rows) for m in models]) == i // 5) for i, rows in enumerate(tests))

    assert told(speakers) >= 45 > told(alone)


def test_what_cannot_be_is_refused():
    model = background("full")
    with pytest.raises(ParameterError, match="relevance_factor=0 forgets"):
        gmm.adapt(model, X, 0)
    with pytest.raises(ParameterError, match=r"not 'mean', did you mean 'means'"):
        gmm.adapt(model, X, parameters=("mean",))
    with pytest.raises(ParameterError, match="names out of"):
        gmm.adapt(model, X, parameters=())
    with pytest.raises(DataError, match="all zero"):
        gmm.adapt(model, X, sample_weight=np.zeros(len(X)))
