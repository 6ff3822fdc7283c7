"""missing="marginalize": the likelihood of what was observed, climbed exactly, and predictions that marginalise."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tolerances import CLOSED_FORM, MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.errors import DataError, GmmWarning

STRUCTURES = ("full", "tied", "diag", "spherical")


def gaps(X, share=0.2, seed=0):
    """A copy of the rows with values missing at random."""
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


def blobs(n_samples=600, n_features=3, **kwargs):
    return problems.blobs(n_samples, n_features=n_features, **kwargs).X


def fit(X, n_components=3, *, structure="full", sample_weight=None, start=None, **kwargs):
    kwargs = {"random_state": 0, "n_init": 2} | kwargs
    model = GaussianMixture(n_components, covariance_type=structure, missing="marginalize", **kwargs)
    return model.fit(X, sample_weight=sample_weight, start=start)


def dense(structure, means, covariances):
    """Covariances (K, D, D)."""
    K, D = means.shape
    return {
        "full": lambda: covariances,
        "tied": lambda: np.repeat(covariances[None], K, axis=0),
        "diag": lambda: covariances[:, :, None] * np.eye(D),
        "spherical": lambda: covariances[:, None, None] * np.eye(D),
    }[structure]()


def marginal_logs(weights, means, covariances, X):
    """(N, K) log weight plus log-density of what is observed, from scipy's normal density."""
    logs = np.tile(np.log(weights), (len(X), 1))
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        for k in range(len(weights) if len(o) else 0):
            logs[i, k] += multivariate_normal(means[k][o], covariances[k][np.ix_(o, o)]).logpdf(x[o])
    return logs


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_complete_rows_give_the_bits_of_the_ordinary_path(structure, dtype):
    X = blobs().astype(dtype)
    weight = np.random.default_rng(0).uniform(size=len(X))
    fits = [
        GaussianMixture(3, covariance_type=structure, missing=missing, random_state=0).fit(X, sample_weight=weight)
        for missing in ("raise", "marginalize")
    ]
    for name in ("weights_", "means_", "covariances_", "lower_bounds_", "log_likelihood_"):
        np.testing.assert_array_equal(*(getattr(model, name) for model in fits))
    for method in ("score_samples", "predict_proba", "predict"):
        np.testing.assert_array_equal(*(getattr(model, method)(X) for model in fits))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_densities_are_those_of_marginals(structure):
    X = gaps(blobs(300), 0.4)
    X[5] = np.nan
    model = fit(X, structure=structure, max_iter=5, tol=0.0)
    logs = marginal_logs(model.weights_, model.means_, dense(structure, model.means_, model.covariances_), X)
    np.testing.assert_allclose(model.score_samples(X), logsumexp(logs, axis=1), rtol=0, atol=CLOSED_FORM * 100)
    posterior = np.exp(logs - logsumexp(logs, axis=1)[:, None])
    np.testing.assert_allclose(model.predict_proba(X), posterior, rtol=0, atol=CLOSED_FORM * 100)
    np.testing.assert_array_equal(model.predict(X), posterior.argmax(axis=1))
    assert model.score_samples(X)[5] == 0.0
    np.testing.assert_array_equal(model.predict_proba(X)[5], model.weights_)
    assert model.score(X) == pytest.approx(model.log_likelihood_, abs=1e-12)


@pytest.mark.parametrize("reg_covar", [None, 0.3])
@pytest.mark.parametrize("acceleration", ["auto", None])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_objective_never_falls(structure, acceleration, reg_covar):
    for seed, share in enumerate((0.05, 0.2, 0.4)):
        X = gaps(blobs(800, separation=3.0, seed=seed), share, seed)
        weight = np.random.default_rng(seed).uniform(0.1, 2.0, len(X))
        model = fit(X, structure=structure, reg_covar=reg_covar, acceleration=acceleration, sample_weight=weight,
                    max_iter=60, tol=0.0, n_init=1, random_state=seed)  # fmt: skip
        assert model.n_iter_ == 60 or model.stop_reason_ == "converged"
        assert np.diff(model.lower_bounds_).min() >= -MONOTONE
        if reg_covar is None:
            assert model.score(X, sample_weight=weight) == pytest.approx(model.objective_, abs=1e-11)


@pytest.mark.parametrize("reg_covar", [None, 0.3])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_objective_is_stationary_where_the_fit_ends(structure, reg_covar):
    """Slopes of the observed log-likelihood less the ridge's penalty, by central differences of scipy's densities."""
    X = gaps(blobs(150, n_features=2, separation=3.0), 0.3)
    model = fit(X, 2, structure=structure, reg_covar=reg_covar, tol=0.0, max_iter=1000)

    def objective(means, covariances):
        S = dense(structure, means, covariances)
        logs = marginal_logs(model.weights_, means, S, X)
        for i, x in enumerate(X):
            o = np.flatnonzero(~np.isnan(x))
            for k in range(2):
                logs[i, k] -= (reg_covar or 0.0) / 2 * np.trace(np.linalg.inv(S[k][np.ix_(o, o)]))
        return logsumexp(logs, axis=1).mean()

    assert objective(model.means_, model.covariances_) == pytest.approx(model.objective_, abs=1e-10)
    step, rng = 1e-5, np.random.default_rng(0)
    for _ in range(3):
        m, S = rng.normal(size=model.means_.shape), rng.normal(size=model.covariances_.shape)
        S = S + S.swapaxes(-1, -2) if structure in ("full", "tied") else S
        there, back = (objective(model.means_ + s * m, model.covariances_ + s * S) for s in (step, -step))
        assert abs(there - back) / (2 * step) < 1e-6


def test_monotone_pattern_of_one_gaussian_has_a_closed_form():
    """Of two features one always observed: moments of it from all rows, the regression from complete ones (Anderson
    1957)."""
    rng = np.random.default_rng(0)
    x = rng.normal(5.0, 2.0, 400)
    y = 3.0 - 1.5 * x + rng.normal(size=400)
    complete = rng.random(400) > 0.4
    model = fit(np.column_stack([x, np.where(complete, y, np.nan)]), 1, tol=1e-14, max_iter=2000)
    xc, yc = x[complete], y[complete]
    slope = ((xc - xc.mean()) * (yc - yc.mean())).mean() / xc.var()
    residual = yc.var() - slope**2 * xc.var()
    mean = [x.mean(), yc.mean() + slope * (x.mean() - xc.mean())]
    covariance = [[x.var(), slope * x.var()], [slope * x.var(), residual + slope**2 * x.var()]]
    np.testing.assert_allclose(model.means_, [mean], rtol=1e-6)
    np.testing.assert_allclose(model.covariances_, [covariance], rtol=1e-5)


@pytest.mark.parametrize("structure", ["diag", "spherical"])
def test_one_gaussian_without_correlations_has_the_observed_moments(structure):
    X = gaps(blobs(300), 0.3)
    model = fit(X, 1, structure=structure, tol=1e-14, max_iter=2000)
    squares = (X - np.nanmean(X, axis=0)) ** 2
    expected = np.nanmean(squares, axis=0) if structure == "diag" else np.nansum(squares) / np.isfinite(X).sum()
    np.testing.assert_allclose(model.means_[0], np.nanmean(X, axis=0), rtol=1e-9)
    np.testing.assert_allclose(model.covariances_[0], expected, rtol=1e-6)


def given_start(X, K=3):
    means = np.nan_to_num(X[:K], nan=1.0)
    return {"weights_init": np.full(K, 1 / K), "means_init": means,
            "covariances_init": np.repeat(np.eye(X.shape[1])[None], K, axis=0)}  # fmt: skip


def test_integer_weights_are_repetitions():
    X = gaps(blobs(300), 0.3)
    count = np.random.default_rng(1).integers(0, 4, len(X))
    how = {"max_iter": 30, "tol": 0.0, "acceleration": None} | given_start(X)
    weighted = fit(X, sample_weight=count, **how)
    repeated = fit(X.repeat(count, axis=0), **how)
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=0, atol=WEIGHTED)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_bits_depend_on_neither_threads_nor_layout(structure):
    X = gaps(blobs(3000), 0.1)
    seen = {
        b"".join(
            np.ascontiguousarray(part).tobytes()
            for part in (model.means_, model.covariances_, model.lower_bounds_, model.score_samples(rows))
        )
        for n_threads, rows in ((1, X), (2, X), (8, X), (2, np.asfortranarray(X)))
        for model in [fit(rows, structure=structure, n_threads=n_threads, max_iter=8, tol=0.0)]
    }
    assert len(seen) == 1


@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_do_not_matter(structure):
    """Powers of two commute with everything; one for all features where the structure asks for it."""
    X = gaps(blobs(400), 0.2)
    units = 2.0 ** (np.array([-30, 3, 40]) if structure != "spherical" else np.full(3, 20))
    plain, scaled = fit(X, structure=structure), fit(X * units, structure=structure)
    np.testing.assert_array_equal(plain.means_ * units, scaled.means_)
    np.testing.assert_array_equal(plain.predict(X), scaled.predict(X * units))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_clusters_are_found_despite_gaps(structure):
    p = problems.blobs(2000, n_features=4, separation=8.0)
    model = fit(gaps(p.X, 0.25), structure=structure, n_init=5)
    nearest = ((model.means_[:, None] - p.means) ** 2).sum(axis=2)
    assert sorted(nearest.argmin(axis=1)) == [0, 1, 2]
    assert nearest.min(axis=1).max() < 0.05


STARTS = {
    "labels": {"start": np.arange(600) % 3},
    "responsibilities": {"start": np.full((600, 3), 0.2) + 0.4 * np.eye(3)[np.arange(600) % 3]},
    "means": {"means_init": problems.blobs(600, n_features=3).means},
    "callable": {"init_params": lambda X, K, rng: np.isfinite(X).all(axis=1) * (np.arange(len(X)) % K)},
    "k-means++": {"init_params": "k-means++"},
    "random": {"init_params": "random"},
    "random_from_data": {"init_params": "random_from_data"},
}


@pytest.mark.parametrize("name", STARTS)
def test_every_start(name):
    model = fit(gaps(blobs()), max_iter=3, tol=0.0, **STARTS[name])
    assert np.diff(model.lower_bounds_).min() >= -MONOTONE


def test_many_rows_start_from_a_subsample_and_labels_from_all():
    rng = np.random.default_rng(0)
    labels = np.arange(70_000) % 2
    X = gaps(rng.normal(size=(70_000, 2)) + 6.0 * labels[:, None], 0.1)
    for start in (None, labels):
        model = fit(X, 2, start=start, n_init=1)
        np.testing.assert_allclose(np.sort(model.means_[:, 0]), [0.0, 6.0], atol=0.05)


def test_warm_start_continues():
    X = gaps(blobs())
    model = GaussianMixture(3, missing="marginalize", warm_start=True, max_iter=2, tol=0.0, random_state=0).fit(X)
    first = model.objective_
    assert model.fit(X).lower_bounds_[0] == pytest.approx(first, abs=1e-12)


def test_misuse_is_named():
    X = gaps(blobs())
    with pytest.raises(DataError, match=r"Input X contains NaN at row \d+, column \d+"):
        GaussianMixture(2).fit(X)
    with pytest.raises(ValueError, match=r"missing must be one of.*did you mean 'marginalize'"):
        GaussianMixture(2, missing="marginalise").fit(X)
    lost = X.copy()
    lost[:, 1] = np.nan
    with pytest.raises(DataError, match=r"column 1 of X is missing \(NaN\) in every row"):
        fit(lost)
    weight = np.isnan(X[:, 2]).astype(float)
    with pytest.raises(DataError, match=r"column 2 of X is missing .* in every row of positive weight"):
        fit(X, sample_weight=weight)
    model = fit(X)
    X[7, 1] = -np.inf
    message = "Input X contains infinity at row 7, column 1"
    for use in (fit, model.predict, model.score_samples, model.impute, lambda X: model.impute(X, n_draws=1)):
        with pytest.raises(DataError, match=message):
            use(X)
    model.set_params(missing="raise")
    with pytest.raises(DataError, match="Input X contains NaN at row"):
        model.predict(X)


@pytest.mark.parametrize("make", problems.DEGENERATE.values(), ids=problems.DEGENERATE)
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_singular_rows(make, structure):
    X = gaps(make()[0], 0.15)
    model = fit(X, 2, structure=structure, max_iter=40)
    assert np.diff(model.lower_bounds_).min() >= -MONOTONE * max(1, abs(model.objective_))
    np.testing.assert_allclose(model.score_samples(X).mean(), model.log_likelihood_, rtol=1e-12, atol=1e-12)
    reach = np.nanmax(X, axis=0) - np.nanmin(X, axis=0)
    rounding = 1e-9 * (reach.max() + np.abs(np.nanmean(X, axis=0)))  # a common scale rounds by the widest column
    assert (np.abs(model.means_ - np.nanmean(X, axis=0)) <= 2 * reach + rounding).all()


def test_a_model_file_keeps_the_setting(tmp_path):
    X = gaps(blobs())
    model = fit(X)
    model.save(tmp_path / "model.gmm")
    again = gmm.load(tmp_path / "model.gmm")
    assert again.missing == "marginalize"
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_groups_with_gaps():
    groups = {"whole": blobs(200), "gaps": gaps(blobs(200))}
    fitted = gmm.fit_many(groups, 3, missing="marginalize", random_state=0)
    assert fitted.models["gaps"].log_likelihood_ == fit(groups["gaps"], n_init=5).log_likelihood_
    with pytest.warns(GmmWarning):
        refused = gmm.fit_many(groups, 3, random_state=0)
    assert list(refused.failures) == ["gaps"]


def kinds_of_gaps(X):
    """The same rows, as every kind of table says that a value is missing."""
    gone = np.isnan(X)
    listed = [[None if np.isnan(x) else x for x in row] for row in X]
    yield "lists", listed
    yield "masked", np.ma.MaskedArray(np.where(gone, 1e300, X), gone)
    pandas = pytest.importorskip("pandas")
    yield "pandas", pandas.DataFrame(X, columns=list("abc"))
    yield "pandas nullable", pandas.DataFrame(X, columns=list("abc")).astype("Float64")
    polars = pytest.importorskip("polars")
    yield "polars", polars.DataFrame(listed, schema=list("abc"), orient="row")


def test_every_kind_of_table():
    X = gaps(blobs(200))
    expected = fit(X).score_samples(X)
    for kind, table in kinds_of_gaps(X):
        model = fit(table)
        np.testing.assert_array_equal(model.score_samples(table), expected, err_msg=kind)
        np.testing.assert_array_equal(np.isnan(model.impute(table)), False, err_msg=kind)


def test_masked_whole_numbers():
    X = np.ma.MaskedArray(np.arange(60).reshape(20, 3) % 7, np.arange(60).reshape(20, 3) % 5 == 0)
    model = fit(X, 1, structure="diag", tol=1e-14)
    np.testing.assert_allclose(model.means_[0], X.mean(axis=0), rtol=1e-6)
