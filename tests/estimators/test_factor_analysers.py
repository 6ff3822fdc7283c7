"""Mixtures of factor analysers as a user meets them."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from factor_problem import analysers, drawn, expanded_step, matrices
from scipy.stats import multivariate_normal
from tolerances import MONOTONE, SAME_SCORE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.errors import ParameterError
from gmm.factor_count import ladder

KINDS = ("factor", "factor-common")


def rows_of(n_components=2, n_features=12, n_factors=2, n_rows=1500, *, apart=6.0, is_common=False, seed=0):
    _, truth = analysers(n_components, n_features, n_factors, is_common=is_common, seed=seed)
    truth.means[:] *= apart / np.sqrt(n_features)
    return (*drawn(truth, n_rows, seed), truth)


def fitted(X, n_components=2, **more):
    return GaussianMixture(n_components, **({"covariance_type": "factor", "random_state": 0} | more)).fit(X)


def test_one_component_is_factor_analysis():
    """The maximum that scikit-learn's factor analysis finds, of data with one."""
    from sklearn.decomposition import FactorAnalysis

    X, _, _ = rows_of(1, 10, 2, 800)
    reference = FactorAnalysis(2, tol=1e-10, max_iter=5000, svd_method="lapack").fit(X)
    model = fitted(X, 1, n_factors=2, tol=1e-9, max_iter=5000, n_init=1)
    assert model.converged_
    assert abs(model.score(X) - reference.score(X)) < 1e-6
    np.testing.assert_allclose(model.noise_variance_[0], reference.noise_variance_, rtol=1e-2)
    np.testing.assert_allclose(model.covariances_[0], reference.get_covariance(), atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_drawn_is_found(kind):
    X, labels, truth = rows_of(3, 15, 2, 6000, is_common=kind == "factor-common")
    model = fitted(X, 3, covariance_type=kind, n_factors=2)
    assert model.converged_
    order = [int(np.bincount(labels[model.predict(X) == k]).argmax()) for k in range(3)]
    assert sorted(order) == [0, 1, 2]
    expected = matrices(truth.covariances)[order]
    assert np.abs(model.covariances_ - expected).max() < 0.12 * np.abs(expected).max()
    assert model.score(X) >= GaussianMixture.from_parameters(
        truth.weights, truth.means, (truth.covariances[:, 1:].swapaxes(1, 2), truth.covariances[:, 0]), "factor"
    ).score(X)


@pytest.mark.parametrize("kind", KINDS)
def test_attributes(kind):
    X, _, _ = rows_of(2, 9, 3, 400)
    model = fitted(X, covariance_type=kind, n_factors=3, max_iter=30, tol=0)
    L, psi = model.loadings_, model.noise_variance_
    assert L.shape == (2, 9, 3)
    assert psi.shape == ((9,) if kind == "factor-common" else (2, 9))
    assert model.n_factors_ == 3
    psi = np.broadcast_to(psi, (2, 9))
    dense = L @ L.swapaxes(1, 2) + psi[:, :, None] * np.eye(9)
    np.testing.assert_allclose(model.covariances_, dense, rtol=0, atol=1e-12 * np.abs(dense).max())
    np.testing.assert_allclose(model.precisions_ @ dense, np.tile(np.eye(9), (2, 1, 1)), atol=1e-9)
    P = model.precisions_cholesky_
    np.testing.assert_allclose(P @ P.swapaxes(1, 2), model.precisions_, rtol=0, atol=1e-9 * model.precisions_.max())
    signal = L.swapaxes(1, 2) @ (L / psi[:, :, None])
    values = np.diagonal(signal, axis1=1, axis2=2)
    np.testing.assert_allclose(signal, values[:, :, None] * np.eye(3), atol=1e-10 * values.max())
    assert (np.diff(values) <= 0).all()
    sizes = L / np.sqrt(psi)[:, :, None]
    largest = np.take_along_axis(sizes, np.abs(sizes).argmax(axis=1)[:, None], axis=1)
    assert (largest > 0).all()
    np.testing.assert_allclose(model.volume_, np.linalg.det(dense) ** (1 / 9), rtol=1e-9)
    assert model.n_parameters() == 1 + 18 + 2 * (27 - 3) + psi.size // (2 if kind == "factor-common" else 1)
    with pytest.raises(ValueError, match="read-only"):
        model.loadings_[0] = 0
    with pytest.raises(AttributeError, match="have no factors"):
        GaussianMixture(1).fit(X).loadings_  # noqa: B018


def test_densities_are_those_of_the_matrices():
    X, _, _ = rows_of(2, 9, 3, 400)
    model = fitted(X, n_factors=3)
    logs = [multivariate_normal(m, S).logpdf(X) for m, S in zip(model.means_, model.covariances_, strict=True)]
    expected = np.logaddexp.reduce(np.log(model.weights_) + np.stack(logs, axis=1), axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-10)
    assert abs(model.score(X) - model.log_likelihood_) < SAME_SCORE
    full = GaussianMixture.from_parameters(model.weights_, model.means_, model.covariances_)
    np.testing.assert_allclose(model.predict_proba(X), full.predict_proba(X), atol=1e-10)


def test_iterations_are_those_of_the_formulas():
    """Five of them, from given parameters, in the data's units and without the package's frame or kernels."""
    X, _, _ = rows_of(2, 7, 2, 300)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    units = 10.0 ** np.arange(-3, 4)
    _, p = analysers(2, 7, 2, seed=9)
    weights, means, L, psi = p.weights, p.means.copy(), p.covariances[:, 1:].copy(), p.covariances[:, 0].copy()
    pair = (L.swapaxes(1, 2) * units[:, None], psi * units**2)
    arrays = {"weights_init": weights, "means_init": means * units, "covariances_init": pair}
    model = fitted(X * units, n_factors=2, acceleration=None, tol=0, max_iter=5, **arrays)
    for _ in range(5):
        S = [L[k].T @ L[k] + np.diag(psi[k]) for k in range(2)]
        logs = np.stack([np.log(weights[k]) + multivariate_normal(means[k], S[k]).logpdf(X) for k in range(2)], axis=1)
        r = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
        weights = r.mean(axis=0)
        means = r.T @ X / r.sum(axis=0)[:, None]
        for k in range(2):
            c = X - means[k]
            scatter = (c * r[:, k, None]).T @ c / r[:, k].sum()
            loadings, psi[k] = expanded_step(scatter, L[k], psi[k])
            L[k] = loadings.T
    np.testing.assert_allclose(model.weights_, weights, rtol=1e-9)
    np.testing.assert_allclose(model.means_ / units, means, atol=1e-9)
    dense = np.stack([L[k].T @ L[k] + np.diag(psi[k]) for k in range(2)])
    np.testing.assert_allclose(model.covariances_ / units / units[:, None], dense, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("acceleration", ["auto", None])
def test_the_objective_never_falls(kind, dtype, acceleration):
    """Few rows, nearly dependent features, weak and strong factors."""
    rng = np.random.default_rng(0)
    for seed in range(4):
        X, _, _ = rows_of(3, 20, 3, 150, apart=3.0, seed=seed)
        X[:, 3] = X[:, 4] + 1e-3 * rng.normal(size=len(X))
        X[:, 5] *= 100.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = {"covariance_type": kind, "acceleration": acceleration}
            model = fitted(X.astype(dtype), 3, n_factors=4, max_iter=60, **told)
        assert model.stop_reason_ != "objective fell"
        assert np.diff(model.lower_bounds_).min() >= -(1e-5 if dtype == "float32" else MONOTONE)


def test_acceleration_ends_no_lower():
    X, _, _ = rows_of(2, 20, 3, 400, apart=3.0)
    quick, plain = (fitted(X, n_factors=3, acceleration=how, max_iter=2000, n_init=1) for how in ("auto", None))
    assert quick.converged_
    assert quick.n_iter_ <= plain.n_iter_
    assert quick.log_likelihood_ >= plain.log_likelihood_ - 3e-6


def test_units_of_features_make_no_difference():
    X, _, _ = rows_of(2, 8, 2, 500)
    units = 2.0 ** np.arange(-20, 20, 5)
    plain, scaled = fitted(X, n_factors=2), fitted(X * units, n_factors=2)
    np.testing.assert_array_equal(plain.predict(X), scaled.predict(X * units))
    np.testing.assert_allclose(scaled.loadings_, plain.loadings_ * units[:, None], rtol=1e-6, atol=0)
    np.testing.assert_allclose(scaled.noise_variance_, plain.noise_variance_ * units**2, rtol=1e-6)


def test_weights_are_repetitions():
    X, _, _ = rows_of(2, 6, 2, 300)
    count = np.random.default_rng(0).integers(0, 3, len(X))
    start = (X[:, 0] > np.median(X[:, 0])).astype(int)
    told = {"n_factors": 2, "tol": 0, "max_iter": 8, "covariance_type": "factor"}
    a = GaussianMixture(2, **told).fit(X, sample_weight=count.astype(float), start=start)
    b = GaussianMixture(2, **told).fit(np.repeat(X, count, axis=0), start=np.repeat(start, count))
    np.testing.assert_allclose(a.lower_bounds_[1:], b.lower_bounds_[1:], atol=WEIGHTED)


def test_copies_have_the_same_bits(tmp_path):
    X, _, _ = rows_of(2, 6, 2, 300)
    for kind in KINDS:
        model = fitted(X, covariance_type=kind, n_factors=2)
        model.save(tmp_path / "model.gmm")
        for again in (pickle.loads(pickle.dumps(model)), gmm.load(tmp_path / "model.gmm")):
            np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
            np.testing.assert_array_equal(again.loadings_, model.loadings_)
            assert again.n_parameters() == model.n_parameters()
            assert (again.covariance_type, again.n_factors) == (kind, 2)


def test_a_fit_is_continued():
    X, _, _ = rows_of(2, 10, 2, 500, apart=3.0)
    model = fitted(X, n_factors=2, warm_start=True, max_iter=4, tol=0)
    before = model.lower_bounds_[-1]
    model.set_params(max_iter=20).fit(X)
    assert abs(model.lower_bounds_[0] - before) < 1e-12
    moved = X[::2] * 3.0 + 1.0
    assert np.isfinite(model.fit(moved).lower_bounds_).all()
    with pytest.raises(ParameterError, match="n_factors"):
        model.set_params(n_factors=3).fit(X)


def test_samples_have_the_covariances():
    X, _, _ = rows_of(2, 5, 2, 800)
    model = fitted(X, n_factors=2)
    drawn_rows, labels = model.sample(200_000)
    for k in range(2):
        S = np.cov(drawn_rows[labels == k], rowvar=False)
        np.testing.assert_allclose(S, model.covariances_[k], atol=0.03 * np.abs(model.covariances_[k]).max())


def test_from_parameters():
    L, psi = np.array([[[1.0], [2.0]]]), np.array([[0.5, 0.25]])
    model = GaussianMixture.from_parameters([1.0], [[0.0, 1.0]], (L, psi), "factor")
    np.testing.assert_array_equal(model.loadings_, L)
    np.testing.assert_array_equal(model.noise_variance_, psi)
    np.testing.assert_allclose(model.covariances_, [[[1.5, 2.0], [2.0, 4.25]]])
    assert model.n_parameters() == 2 + 3
    common = GaussianMixture.from_parameters([1.0], [[0.0, 1.0]], (L, psi[0]), "factor-common")
    np.testing.assert_array_equal(common.noise_variance_, psi[0])


def test_labels_noise_and_restraints_go_with_it():
    X, labels, _ = rows_of(2, 8, 2, 600)
    known = np.where(np.arange(600) % 5 == 0, labels, -1)
    model = GaussianMixture(2, covariance_type="factor", n_factors=2, random_state=0).fit(X, labels=known)
    assert (model.predict(X) == labels).mean() > 0.95
    clutter = np.vstack([X, np.random.default_rng(0).uniform(-30, 30, (100, 8))])
    noisy = fitted(clutter, n_factors=2, noise=True)
    assert abs(noisy.noise_weight_ - 1 / 7) < 0.03
    equal = fitted(X, n_factors=2, equal_weights=True)
    np.testing.assert_allclose(equal.weights_, 0.5)
    held = fitted(X, n_factors=2, fixed="means", means_init=model.means_)
    np.testing.assert_allclose(held.means_, model.means_, atol=1e-10)


def test_no_matrix_of_features_is_formed(monkeypatch, tmp_path):
    """Neither by a fit nor by what it answers; only where one is asked for."""
    def refused(*_):
        raise AssertionError("a matrix of features")

    for name in ("dense", "precisions", "whitener"):
        monkeypatch.setattr(f"gmm.covariances.factor.{name}", refused)
    X, _, _ = rows_of(2, 30, 2, 300)
    model = fitted(X, n_factors=2)
    for answer in (model.predict_proba, model.score, model.bic, model.icl):
        assert np.isfinite(answer(X)).all()
    model.sample(5)
    model.save(tmp_path / "model.gmm")
    assert gmm.load(tmp_path / "model.gmm").loadings_.shape == (2, 30, 2)
    with pytest.raises(AssertionError, match="a matrix of features"):
        model.covariances_  # noqa: B018


def test_many_groups():
    groups = [rows_of(2, 6, 1, 200, seed=seed)[0] for seed in range(3)]
    found = gmm.fit_many(groups, n_components=2, covariance_type="factor", n_init=1, random_state=0)
    for g, X in enumerate(groups):
        model, alone = found[g], fitted(X, n_init=1)
        assert model.n_factors_ == alone.n_factors_
        np.testing.assert_array_equal(model.loadings_, alone.loadings_)


BASE = np.random.default_rng(0).normal(size=(120, 5))
HARD = {
    "constant column": np.column_stack([BASE, np.full(120, 3.0)]),
    "all constant": np.full((50, 3), 2.0),
    "1e300": BASE * 1e300,
    "far": BASE + 1e10,
    "units": BASE * 10.0 ** np.array([-200, -100, 0, 100, 200]),
    "as many rows as components": BASE[:3],
    "one feature": BASE[:, :1],
    "features that depend on others": np.column_stack([BASE[:, 0], BASE[:, 0] * 2, BASE[:, 0] - 1, BASE[:, 1]]),
    "fewer rows than features": np.random.default_rng(1).normal(size=(8, 40)),
    "an outlier": np.vstack([BASE, np.full((1, 5), 1e8)]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", HARD)
def test_hard_rows(what, kind):
    X = HARD[what]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fitted(X, 3, covariance_type=kind, n_factors=min(2, X.shape[1]), n_init=1, max_iter=40)
    assert np.isfinite(model.lower_bounds_).all()
    assert np.diff(model.lower_bounds_).min(initial=0.0) >= -MONOTONE * max(1.0, abs(model.objective_) / 700.0)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, atol=1e-12)
    if what not in ("1e300", "units"):
        assert np.isfinite(model.covariances_).all()
        assert (model.noise_variance_ > 0).all()


# ---- how many factors


def test_the_ladder_ends_at_ledermanns_bound():
    for D in range(1, 60):
        rungs = list(ladder(D))
        assert rungs[0] == 1
        assert sorted(set(rungs)) == rungs
        assert all((D - q) ** 2 >= D + q for q in rungs[1:])


@pytest.mark.parametrize("n_factors", [1, 3])
def test_the_number_of_factors_is_found(n_factors):
    X, _, _ = rows_of(2, 14, n_factors, 1000)
    model = fitted(X, n_init=1)
    assert model.n_factors_ == n_factors
    assert model.n_factors is None
    told = fitted(X, n_init=1, n_factors=n_factors)
    assert model.log_likelihood_ >= told.log_likelihood_ - 1e-9


def test_aic_takes_more_factors_where_rows_that_are_not_fitted_gain():
    """Strong factors that all rows tell, and weak ones that BIC cannot."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(4, 16)) * np.array([2.0, 2.0, 0.2, 0.2])[:, None]
    X = rng.normal(size=(3000, 4)) @ loadings + rng.normal(size=(3000, 16))
    found = {name: fitted(X[:300], 1, n_factors=name) for name in ("bic", "aic", None)}
    assert found["bic"].n_factors_ == found[None].n_factors_ == 2
    assert found["aic"].n_factors_ > 2
    assert found["aic"].score(X[300:]) > found["bic"].score(X[300:])
    with pytest.raises(ParameterError, match="n_factors must be an integer or one of"):
        fitted(X, n_factors="best")


def test_given_loadings_say_how_many():
    X, _, _ = rows_of(2, 6, 2, 300)
    pair = (np.ones((2, 6, 3)), np.ones((2, 6)))
    model = fitted(X, covariances_init=pair, max_iter=3, tol=0)
    assert model.n_factors_ == 3


def test_select_compares_them():
    X, _, _ = rows_of(2, 10, 2, 600)
    found = gmm.select(X, [1, 2], ("full", "diag", "factor", "factor-common"), n_factors=2, random_state=0, n_init=1)
    assert found.best_.n_components == 2
    assert found.best_.covariance_type.startswith("factor")


def test_standard_errors_are_refused():
    X, _, _ = rows_of(1, 4, 1, 200)
    with pytest.raises(ParameterError, match="not for 'factor'"):
        fitted(X, 1, n_factors=1).standard_errors(X)


# ---- real rows


def patches(side, step, grey=True):
    from sklearn.datasets import load_sample_images

    found = []
    for image in load_sample_images().images:
        X = np.asarray(image, np.float64).mean(axis=2, keepdims=True) if grey else np.asarray(image, np.float64)
        windows = np.lib.stride_tricks.sliding_window_view(X, (side, side, X.shape[2]))[::step, ::step]
        found.append(windows.reshape(-1, side * side * X.shape[2]))
    return np.concatenate(found)


def test_patches_of_photographs_are_better_told_by_factors():
    """Held-out log-likelihood above diagonal and full matrices, N < D^2."""
    X = patches(8, 9)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(X))
    train, test = X[order[:2000]], X[order[2000:]]
    scores = {}
    for kind in ("factor", "diag", "full"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GaussianMixture(10, covariance_type=kind, n_factors=10, n_init=1, random_state=0).fit(train)
        scores[kind] = model.score(test)
    assert scores["factor"] > scores["full"]
    assert scores["factor"] > scores["diag"] + 10
