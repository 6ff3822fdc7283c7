"""fit(X, noise_covariance=...): the mixture of the true values behind rows that were observed with error."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from measured_problem import KINDS, NAMES, random_errors
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tolerances import CLOSED_FORM, MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.errors import DataError

SUMMARY = ("weights_", "means_", "covariances_", "lower_bounds_", "log_likelihood_")


def as_matrices(errors, n_rows, n_features):
    """Errors of every kind as (N, D, D)."""
    matrices = errors if errors.ndim > 1 and errors.shape[-2:] == (n_features, n_features) else None
    if matrices is None:
        matrices = errors[..., None] * np.eye(n_features)
    return np.broadcast_to(matrices, (n_rows, n_features, n_features))


def noisy(kind, n_rows=500, n_features=3, share=0.0, seed=0, separation=3.0, size=0.3):
    """Blobs seen with errors of this kind, and the errors."""
    rng = np.random.default_rng([seed, 1])
    X = problems.blobs(n_rows, n_features=n_features, separation=separation, seed=seed).X
    errors = size * random_errors(kind, n_rows, n_features, rng)
    S = as_matrices(errors, n_rows, n_features) + 1e-30 * np.eye(n_features)
    X = X + np.einsum("nij,nj->ni", np.linalg.cholesky(S), rng.normal(size=X.shape))
    X[rng.random(X.shape) < share] = np.nan
    return X, errors


def fit(X, errors, n_components=3, *, sample_weight=None, start=None, **kwargs):
    kwargs = {"random_state": 0, "n_init": 2, "missing": "marginalize"} | kwargs
    return GaussianMixture(n_components, **kwargs).fit(
        X, sample_weight=sample_weight, start=start, noise_covariance=errors
    )


def dense(structure, means, covariances):
    """Covariances (K, D, D)."""
    K, D = means.shape
    return {
        "full": lambda: covariances,
        "tied": lambda: np.repeat(covariances[None], K, axis=0),
        "diag": lambda: covariances[:, :, None] * np.eye(D),
        "spherical": lambda: covariances[:, None, None] * np.eye(D),
    }[structure]()


def logs_of(weights, means, covariances, X, errors, reg_covar=0.0):
    """(N, K) log weight plus log-density of what was observed, from scipy's, less the penalty of the ridge."""
    S = as_matrices(errors, *X.shape)
    logs = np.tile(np.log(weights), (len(X), 1))
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        for k in range(len(weights) if len(o) else 0):
            V = covariances[k][np.ix_(o, o)]
            logs[i, k] += multivariate_normal(means[k, o], V + S[i][np.ix_(o, o)]).logpdf(x[o])
            logs[i, k] -= reg_covar / 2 * np.trace(np.linalg.inv(V))
    return logs


# ---- the objective


@pytest.mark.parametrize("reg_covar", [None, 0.2])
@pytest.mark.parametrize("share", [0.0, 0.25])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", NAMES)
def test_the_objective_never_falls(structure, kind, share, reg_covar):
    for seed, acceleration in enumerate((None, "auto")):
        X, errors = noisy(kind, share=share, seed=seed)
        weight = np.random.default_rng(seed).uniform(0.1, 2.0, len(X))
        model = fit(X, errors, covariance_type=structure, reg_covar=reg_covar, acceleration=acceleration, max_iter=60,
                    sample_weight=weight, tol=0.0, n_init=1, random_state=seed)  # fmt: skip
        assert model.n_iter_ == 60 or model.stop_reason_ == "converged"
        assert np.diff(model.lower_bounds_).min() >= -MONOTONE
        score = model.score(X, sample_weight=weight, noise_covariance=errors)
        assert score == pytest.approx(model.log_likelihood_, abs=1e-11)
        if reg_covar is None:
            assert score == pytest.approx(model.objective_, abs=1e-11)


@pytest.mark.parametrize("reg_covar", [0.0, 0.2])
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("structure", NAMES)
def test_the_objective_is_stationary_where_the_fit_ends(structure, share, reg_covar):
    """Slopes of the log-likelihood less the ridge's penalty, by central differences of scipy's densities."""
    X, errors = noisy("matrices", 150, 2, share)
    model = fit(X, errors, 2, covariance_type=structure, reg_covar=reg_covar, tol=0.0, max_iter=2000, n_init=1)

    def objective(means, covariances):
        S = dense(structure, means, covariances)
        return logsumexp(logs_of(model.weights_, means, S, X, errors, reg_covar), axis=1).mean()

    assert objective(model.means_, model.covariances_) == pytest.approx(model.objective_, abs=1e-10)
    step, rng = 1e-5, np.random.default_rng(0)
    for _ in range(2):
        m, S = rng.normal(size=model.means_.shape), rng.normal(size=model.covariances_.shape)
        S = S + S.swapaxes(-1, -2) if structure in ("full", "tied") else S
        there, back = (objective(model.means_ + s * m, model.covariances_ + s * S) for s in (step, -step))
        assert abs(there - back) / (2 * step) < 1e-6


@pytest.mark.parametrize("structure", NAMES)
def test_no_covariance_falls_below_a_ridge(structure):
    """Errors of variance e = 4 explain rows of variance s = 1 without any spread v of the truth, and a ridge r holds it
    where log(v + e) + s / (v + e) + r / v is least: v^2 (v + e - s) = r (v + e)^2, along each axis of the rows."""
    X, e = np.random.default_rng(0).normal(size=(400, 2)) * [1.0, 0.7], 4.0
    for r in (1e-6, 0.01):
        how = {"covariance_type": structure, "reg_covar": r, "max_iter": 20_000, "tol": 1e-14}
        model = fit(X, np.full(2, e), 1, **how)
        v = np.linalg.eigvalsh(dense(structure, model.means_, model.covariances_)[0])
        s = {"diag": np.sort(X.var(axis=0)), "spherical": X.var(axis=0).mean()}.get(
            structure, np.linalg.eigvalsh(np.cov(X.T, bias=True))
        )
        np.testing.assert_allclose(v**2 * (v + e - s), r * (v + e) ** 2, rtol=1e-3)
        assert (v > r).all()


# ---- rows, weights, units


@pytest.mark.parametrize("structure", NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_errors_of_zero_give_the_bits_of_the_ordinary_fit(structure, dtype):
    X, _ = noisy("variances")
    X = X.astype(dtype)
    plain = fit(X, None, covariance_type=structure)
    for errors in (np.zeros_like(X), np.zeros((500, 3, 3)), np.zeros(3), np.zeros((3, 3)), [[0] * 3] * 500):
        model = fit(X, errors, covariance_type=structure)
        for name in SUMMARY:
            np.testing.assert_array_equal(getattr(model, name), getattr(plain, name))
        for method in ("score_samples", "predict_proba", "predict"):
            np.testing.assert_array_equal(getattr(model, method)(X, noise_covariance=errors), getattr(plain, method)(X))


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("structure", NAMES)
def test_tiny_errors_give_nearly_the_ordinary_fit(structure, share):
    X, _ = noisy("variances", share=share)
    how = {"covariance_type": structure, "reg_covar": 0.1, "tol": 1e-10}
    plain, model = fit(X, None, **how), fit(X, np.full(3, 1e-12), **how)
    np.testing.assert_allclose(model.means_, plain.means_, atol=1e-3)
    assert model.objective_ == pytest.approx(plain.objective_, abs=1e-8)


def same_up_to(model, other, tolerance):
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(model, name), getattr(other, name), rtol=0, atol=tolerance)


def given_start(X, K=3):
    return {"weights_init": np.full(K, 1 / K), "means_init": np.nan_to_num(X[:K], nan=1.0),
            "covariances_init": np.repeat(np.eye(X.shape[1])[None], K, axis=0),
            "max_iter": 30, "tol": 0.0, "acceleration": None}  # fmt: skip


@pytest.mark.parametrize("kind", ["variances", "matrices"])
def test_integer_weights_are_repetitions_and_zero_is_absence(kind):
    X, errors = noisy(kind, share=0.2)
    count = np.random.default_rng(1).integers(0, 4, len(X))
    how = given_start(X)
    weighted = fit(X, errors, sample_weight=count, **how)
    same_up_to(weighted, fit(X.repeat(count, axis=0), errors.repeat(count, axis=0), **how), WEIGHTED)
    kept = count > 0
    same_up_to(weighted, fit(X[kept], errors[kept], sample_weight=count[kept], **how), WEIGHTED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", NAMES)
def test_bits_depend_on_neither_threads_nor_layout(structure, kind):
    X, errors = noisy(kind, 3000, share=0.05)
    seen = {
        b"".join(
            np.ascontiguousarray(part).tobytes()
            for part in (model.means_, model.covariances_, model.lower_bounds_,
                         model.score_samples(rows, noise_covariance=errors))
        )
        for n_threads, rows in ((1, X), (2, X), (8, X), (2, np.asfortranarray(X)))
        for model in [fit(rows, errors, covariance_type=structure, n_threads=n_threads, max_iter=8, tol=0.0)]
    }  # fmt: skip
    assert len(seen) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", NAMES)
def test_units_and_origin_do_not_matter(structure, kind):
    """Powers of two commute with everything, one for all features where the structure asks for it; shifts nearly."""
    X, errors = noisy(kind, 400, share=0.1)
    units = 2.0 ** (np.array([-30, 3, 40]) if structure != "spherical" else np.full(3, 20))
    scaled_errors = errors * (units**2 if "variances" in kind else np.outer(units, units))
    how = {"covariance_type": structure, "max_iter": 20, "tol": 0.0}
    plain, scaled = fit(X, errors, **how), fit(X * units, scaled_errors, **how)
    np.testing.assert_array_equal(plain.means_ * units, scaled.means_)
    labels = plain.predict(X, noise_covariance=errors)
    np.testing.assert_array_equal(labels, scaled.predict(X * units, noise_covariance=scaled_errors))
    shifted = fit(X + 1e4, errors, start=labels, **how)
    there = fit(X, errors, start=labels, **how)
    np.testing.assert_allclose(shifted.covariances_, there.covariances_, atol=1e-7)
    np.testing.assert_allclose(shifted.lower_bounds_, there.lower_bounds_, atol=1e-8)


def test_single_precision_rows_are_read_as_they_are():
    X, errors = noisy("matrices")
    model = fit(X.astype(np.float32), errors.astype(np.float32))
    exact = fit(X.astype(np.float32).astype(float), errors.astype(np.float32).astype(float))
    assert model.objective_ == pytest.approx(exact.objective_, abs=1e-6)
    proba = model.predict_proba(X.astype(np.float32), noise_covariance=errors)
    assert proba.dtype == np.float32
    assert model.score(X.astype(np.float32), noise_covariance=errors.astype(np.float32)) == pytest.approx(
        model.log_likelihood_, abs=1e-11
    )


# ---- answers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", NAMES)
def test_answers_about_new_rows(structure, kind):
    X, errors = noisy(kind, 200, share=0.2)
    model = fit(X, errors, covariance_type=structure, max_iter=5, tol=0.0)
    S = dense(structure, model.means_, model.covariances_)
    logs = logs_of(model.weights_, model.means_, S, X, errors)
    total, posterior = logsumexp(logs, axis=1), np.exp(logs - logsumexp(logs, axis=1)[:, None])
    given = {"noise_covariance": errors}
    np.testing.assert_allclose(model.score_samples(X, **given), total, rtol=0, atol=CLOSED_FORM * 1000)
    np.testing.assert_allclose(model.predict_proba(X, **given), posterior, rtol=0, atol=CLOSED_FORM * 1000)
    np.testing.assert_array_equal(model.predict(X, **given), posterior.argmax(axis=1))
    p = model.n_parameters()
    assert model.aic(X, **given) == pytest.approx(2 * p - 2 * total.sum(), rel=1e-12)
    assert model.bic(X, **given) == pytest.approx(p * np.log(200) - 2 * total.sum(), rel=1e-12)
    entropy = -np.log(posterior.max(axis=1)).sum()
    assert model.icl(X, **given) == pytest.approx(model.bic(X, **given) + 2 * entropy, rel=1e-10)
    assert model.score(X, **given) == pytest.approx(total.mean(), rel=1e-12)
    assert (model.score_samples(X, **given) != model.score_samples(X)).any()
    how = {"missing": "marginalize", "n_init": 2, "random_state": 0, "max_iter": 5, "tol": 0.0}
    again = GaussianMixture(3, covariance_type=structure, **how)
    np.testing.assert_array_equal(again.fit_predict(X, noise_covariance=errors), model.predict(X, **given))


STARTS = {
    "labels": {"start": np.arange(500) % 3},
    "responsibilities": {"start": np.full((500, 3), 0.2) + 0.4 * np.eye(3)[np.arange(500) % 3]},
    "means": {"means_init": problems.blobs(500, n_features=3).means},
    "callable": {"init_params": lambda X, K, rng: np.arange(len(X)) % K},
    "k-means++": {"init_params": "k-means++"},
    "random": {"init_params": "random"},
    "random_from_data": {"init_params": "random_from_data"},
}


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("name", STARTS)
def test_every_start(name, share):
    X, errors = noisy("matrices", share=share)
    model = fit(X, errors, max_iter=3, tol=0.0, **STARTS[name])
    assert np.diff(model.lower_bounds_).min() >= -MONOTONE


def test_many_rows_start_from_sketches():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(70_000, 2)) + 6.0 * (np.arange(70_000) % 2)[:, None]
    errors = rng.uniform(0, 1, X.shape)
    model = fit(X + rng.normal(size=X.shape) * np.sqrt(errors), errors, 2, n_init=2, order_by="mean")
    np.testing.assert_allclose(model.means_, [[0, 0], [6, 6]], atol=0.05)
    np.testing.assert_allclose(model.covariances_, np.repeat(np.eye(2)[None], 2, axis=0), atol=0.05)


def test_warm_starts_callbacks_and_files(tmp_path):
    X, errors = noisy("variances")
    told = []
    model = GaussianMixture(3, warm_start=True, max_iter=2, tol=0.0, random_state=0, callbacks=[told.append])
    model.fit(X, noise_covariance=errors)
    first = model.objective_
    assert model.fit(X, noise_covariance=errors).lower_bounds_[0] == pytest.approx(first, abs=1e-12)
    assert told[-1].objective == pytest.approx(model.objective_, abs=1e-12)
    model.save(tmp_path / "model.gmm")
    again = gmm.load(tmp_path / "model.gmm")
    expected = model.predict_proba(X, noise_covariance=errors)
    np.testing.assert_array_equal(again.predict_proba(X, noise_covariance=errors), expected)


# ---- misuse


def test_gaps_need_leave():
    X, errors = noisy("variances")
    model = GaussianMixture(2, random_state=0).fit(X, noise_covariance=errors)
    X[7, 1] = np.nan
    errors[7, 1] = np.nan
    for ask in (model.fit, model.predict, model.predict_proba, model.score_samples, model.score):
        with pytest.raises(DataError, match="Input X contains NaN at row 7, column 1"):
            ask(X, noise_covariance=errors)
    model.set_params(missing="marginalize").fit(X, noise_covariance=errors)
    assert np.isfinite(model.score_samples(X, noise_covariance=errors)).all()
    X[9, 2] = np.inf
    for ask in (model.fit, model.predict, model.score_samples):
        with pytest.raises(DataError, match="Input X contains infinity at row 9, column 2"):
            ask(X, noise_covariance=errors)


def test_errors_beyond_the_range_of_the_frame():
    X = np.random.default_rng(0).normal(size=(50, 2)) * 1e-100
    errors = np.ones((50, 2))
    errors[13, 1] = 1e200
    with pytest.raises(DataError, match="of row 13 is beyond float64's range in units of the data's spread"):
        GaussianMixture(1).fit(X, noise_covariance=errors)


@pytest.mark.parametrize("make", problems.DEGENERATE.values(), ids=problems.DEGENERATE)
@pytest.mark.parametrize("structure", NAMES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_singular_rows(make, structure):
    """Half of the rows without error, the others with some a tenth of the column's spread."""
    X = make()[0]
    spread = np.ptp(X, axis=0)
    errors = np.where(np.arange(len(X))[:, None] % 2 == 0, 0.0, (0.1 * spread) ** 2)
    model = fit(X, errors, 2, covariance_type=structure, max_iter=40)
    assert np.diff(model.lower_bounds_).min() >= -MONOTONE * max(1, abs(model.objective_))
    score = model.score(X, noise_covariance=errors)
    np.testing.assert_allclose(score, model.log_likelihood_, rtol=1e-6, atol=1e-6)
    assert np.isfinite(model.means_).all()
