"""missing="marginalize" beside noise, labels, priors and sample weights: every pair of what can be combined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import problems
import pytest
from pairs import pairs
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tolerances import CLOSED_FORM, FIVE_SIGMA, MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")
K = 3


class Case(NamedTuple):
    """One choice of everything; `pairs` holds each pair of choices at least once."""

    structure: str
    dtype: str
    noise: bool | float
    labels: str | None
    weighted: bool
    reg_covar: float | None
    acceleration: str | None


CHOICES = Case(
    STRUCTURES, ("float64", "float32"), (True, False, 2e-4), ("hard", "soft", None), (True, False), (None, 0.2),
    ("auto", None),
)  # fmt: skip


CASES = list(pairs(CHOICES))


class Told(NamedTuple):
    """Rows with gaps, the component each came from (-1 for noise), and what is known of them."""

    X: np.ndarray
    truth: np.ndarray
    hard: np.ndarray
    soft: np.ndarray
    weight: np.ndarray

    def labels(self, kind):
        return {"hard": self.hard, "soft": self.soft, None: None}[kind]


def rows(n_rows=900, share=0.1, clutter=0.1, known=0.05, seed=0, separation=6.0, n_features=3):
    """Clusters in evenly spread clutter, values missing at random, labels of a share of the rows in clusters."""
    rng = np.random.default_rng(seed)
    p = problems.blobs(n_rows, n_features=n_features, separation=separation, seed=seed)
    X, truth = p.X.copy(), p.labels.copy()
    lost = rng.random(n_rows) < clutter
    X[lost] = rng.uniform(p.X.min(axis=0) - 2, p.X.max(axis=0) + 2, (n_rows, n_features))[lost]
    truth[lost] = -1
    X[rng.random(X.shape) < share] = np.nan
    X[:2] = np.nan
    told = (truth >= 0) & (rng.random(n_rows) < known)
    hard = np.where(told, truth, -1)
    soft = np.where(told[:, None], 0.02 + 0.96 * (truth[:, None] == range(K)), 0.5)
    return Told(X, truth, hard, soft, rng.uniform(0.2, 2.0, n_rows) * (rng.random(n_rows) > 0.1))


def model_of(case, **arguments):
    given = {"random_state": 0, "n_init": 1, "missing": "marginalize"} | arguments
    names = ("noise", "reg_covar", "acceleration", "dtype")
    return GaussianMixture(K, covariance_type=case.structure, **{n: getattr(case, n) for n in names}, **given)


def fit(case, told, **arguments):
    how = {"sample_weight": told.weight if case.weighted else None, "labels": told.labels(case.labels)}
    return model_of(case, **arguments).fit(told.X.astype(case.dtype), **how)


def objective(model, X, weight, labels, reg_covar=0.0):
    """Log-likelihood by the definition, per unit of weight, from scipy's densities: rows one at a time."""
    weights, means, shape = model.weights_, model.means_, model.covariances_
    matrices = {
        "full": lambda: shape,
        "tied": lambda: np.repeat(shape[None], K, axis=0),
        "diag": lambda: shape[:, :, None] * np.eye(X.shape[1]),
        "spherical": lambda: shape[:, None, None] * np.eye(X.shape[1]),
    }[model.covariance_type]()
    box = np.nanmax(X[weight > 0], axis=0) - np.nanmin(X[weight > 0], axis=0)
    if model.noise_weight_ > 0:
        box = box * np.exp((model.noise_log_volume_ - np.log(box).sum()) / len(box))
    logs = np.full((len(X), K + 1), -np.inf)
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        for k in range(K):
            S = matrices[k][np.ix_(o, o)]
            density = multivariate_normal(means[k][o], S).logpdf(x[o]) if len(o) else 0.0
            logs[i, k] = np.log(weights[k]) + density
            logs[i, k] -= reg_covar / 2 * np.trace(np.linalg.inv(S)) if len(o) else 0.0
        if model.noise_weight_ > 0:
            logs[i, K] = np.log(model.noise_weight_) - np.log(box[o]).sum()
    if labels is not None and labels.ndim == 2:
        logs[:, :K] += np.log(labels / labels.max(axis=1, keepdims=True))
    if labels is not None and labels.ndim == 1:
        own = labels[:, None] == np.arange(K + 1)
        logs[(labels >= 0)[:, None] & ~own] = -np.inf
    return float(weight @ logsumexp(logs, axis=1) / weight.sum())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_objective_never_falls_and_is_what_it_says(case):
    told = rows(400, share=0.2, separation=4.0)
    model = fit(case, told, max_iter=40, tol=0.0)
    assert case.noise is False or model.noise_weight_ > 0.01
    allowance = MONOTONE if case.dtype == "float64" else 1e-5
    assert np.diff(model.lower_bounds_).min() >= -allowance
    assert model.n_iter_ == 40 or model.stop_reason_ != "max_iter"
    X = told.X.astype(case.dtype).astype(np.float64)
    weight = told.weight if case.weighted else np.ones(len(X))
    near = {"abs": 1e-9} if case.dtype == "float64" else {"abs": 2e-5}
    expected = objective(model, X, weight, told.labels(case.labels), case.reg_covar or 0.0)
    assert model.objective_ == pytest.approx(expected, **near)
    assert model.log_likelihood_ == pytest.approx(objective(model, X, weight, None), **near)
    assert model.score(told.X.astype(case.dtype), sample_weight=weight) == pytest.approx(model.log_likelihood_, **near)


def given_start(structure):
    """Parameters to start from, since what a partition is completed with depends on the rows' numbers."""
    eye = np.eye(3)
    equal = {"full": np.repeat(eye[None], K, axis=0), "tied": eye, "diag": np.ones((K, 3)), "spherical": np.ones(K)}
    means = problems.blobs(9, n_features=3, separation=6.0, seed=1).means
    return {"weights_init": np.full(K, 1 / K), "means_init": means, "covariances_init": equal[structure],
            "max_iter": 25, "tol": 0.0}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_integer_weights_are_repetitions_and_zero_is_absence(case):
    told = rows(250, share=0.25, seed=1)
    case = case._replace(dtype="float64", acceleration=None, weighted=True)
    count = np.random.default_rng(1).integers(0, 4, len(told.X))
    weighted = fit(case, told._replace(weight=count), **given_start(case.structure))
    times = np.repeat(np.arange(len(count)), count)
    repeated = Told(*(part[times] for part in told))._replace(weight=None)
    repeated = fit(case, repeated, **given_start(case.structure))
    for name in ("weights_", "means_", "covariances_", "noise_weight_", "lower_bounds_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=0, atol=WEIGHTED)
    present = fit(case, Told(*(part[count > 0] for part in told))._replace(weight=count[count > 0]),
                  **given_start(case.structure))  # fmt: skip
    np.testing.assert_allclose(weighted.means_, present.means_, rtol=0, atol=WEIGHTED)
    assert weighted.objective_ == pytest.approx(present.objective_, abs=WEIGHTED)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_a_gap_every_bit_is_that_of_complete_rows(case):
    told = rows(300, share=0.0)
    told = told._replace(X=np.nan_to_num(told.X))
    fits = [fit(case, told, missing=missing, max_iter=15) for missing in ("raise", "marginalize")]
    for name in ("weights_", "means_", "covariances_", "lower_bounds_", "log_likelihood_", "noise_weight_"):
        np.testing.assert_array_equal(*(getattr(model, name) for model in fits))
    X = told.X.astype(case.dtype)
    for method in ("score_samples", "predict_proba", "predict"):
        np.testing.assert_array_equal(*(getattr(model, method)(X) for model in fits))


@pytest.mark.parametrize("labels", ["hard", "soft", None])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_clusters_are_found_in_clutter_with_gaps(structure, labels):
    told = rows(3000, share=0.1, clutter=0.1, known=0.05, separation=8.0)
    truth = problems.blobs(3000, n_features=3, separation=8.0)
    model = GaussianMixture(K, covariance_type=structure, noise=True, missing="marginalize", random_state=0)
    model.fit(told.X, labels=told.labels(labels))
    order = ((model.means_[:, None] - truth.means) ** 2).sum(axis=2).argmin(axis=0)
    if labels is not None:
        np.testing.assert_array_equal(order, range(K))
    np.testing.assert_allclose(model.means_[order], truth.means, rtol=0, atol=0.15)
    assert model.noise_weight_ == pytest.approx(np.mean(told.truth < 0), abs=0.02)
    found = model.predict(told.X)
    right = np.where(found >= 0, np.argsort(order)[found], -1) == told.truth
    assert right[~np.isnan(told.X).all(axis=1)].mean() > 0.93


@pytest.mark.parametrize("structure", STRUCTURES)
def test_all_labelled_and_one_component_in_each_is_the_fit_of_each(structure):
    """With every row labelled nothing is left to share out: full and diagonal components are fitted one by one."""
    told = rows(400, clutter=0.0, share=0.2)
    how = {"covariance_type": structure, "missing": "marginalize", "tol": 1e-13, "max_iter": 3000}
    together = GaussianMixture(K, noise=True, **how).fit(told.X, labels=told.truth)
    assert together.noise_weight_ == 0.0
    np.testing.assert_allclose(together.weights_, np.bincount(told.truth) / 400, rtol=CLOSED_FORM)
    if structure in ("full", "diag"):
        for k in range(K):
            alone = GaussianMixture(1, **how).fit(told.X[told.truth == k])
            np.testing.assert_allclose(together.means_[k], alone.means_[0], atol=1e-5)
            np.testing.assert_allclose(together.covariances_[k], alone.covariances_[0], atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_box_is_that_of_the_observed_values(structure):
    told = rows(500)
    how = {"covariance_type": structure, "missing": "marginalize"}
    lengths = np.nanmax(told.X, axis=0) - np.nanmin(told.X, axis=0)
    model = GaussianMixture(1, noise=True, **how).fit(told.X)
    assert model.noise_log_volume_ == pytest.approx(np.log(lengths).sum(), abs=1e-12)
    given = GaussianMixture(1, noise=0.01, **how).fit(told.X)
    assert given.noise_log_volume_ == pytest.approx(np.log(100.0), abs=1e-12)
    far = np.where(np.eye(3, dtype=bool), 1e6, np.nan)  # only noise, and one feature observed
    sides = given.noise_weight_ / np.exp(given.score_samples(far))
    np.testing.assert_allclose(sides / lengths, (100.0 / lengths.prod()) ** (1 / 3), rtol=1e-9)


@pytest.mark.filterwarnings("ignore::gmm.errors.CollapseWarning")
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_constant_feature_does_not_count(structure):
    """Where it is observed, it is the same factor of every density."""
    X = rows(500).X
    X[:, 1] = np.where(np.isnan(X[:, 1]), np.nan, 3.0)
    how = {"covariance_type": structure, "missing": "marginalize", "noise": True, "tol": 1e-9}
    flat, without = GaussianMixture(1, **how).fit(X), GaussianMixture(1, **how).fit(X[:, [0, 2]])
    if structure == "spherical":  # one variance for all features makes no sense of a constant one, but it is fitted
        assert np.isfinite(flat.noise_log_volume_)
        assert 0.0 < flat.noise_weight_ < 1.0
    else:
        assert flat.noise_weight_ == pytest.approx(without.noise_weight_, abs=1e-5)
        np.testing.assert_allclose(flat.means_[0, [0, 2]], without.means_[0], atol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_impute_expects_the_centre_of_the_box_and_draws_from_it(structure):
    told = rows(800, separation=8.0)
    model = GaussianMixture(K, covariance_type=structure, noise=True, missing="marginalize", random_state=0).fit(told.X)
    low, high = np.nanmin(told.X, axis=0), np.nanmax(told.X, axis=0)
    far = np.array([[1e4, np.nan, np.nan], [np.nan, -1e4, 0.0]])  # noise with certainty
    np.testing.assert_array_equal(model.predict(far), [-1, -1])
    middle = (low + high) / 2
    np.testing.assert_allclose(model.impute(far), [[1e4, *middle[1:]], [middle[0], -1e4, 0.0]], rtol=1e-9)
    draws = model.impute(far, n_draws=4000)[:, 0, 1:]
    assert (draws >= low[1:] - 1e-9).all()
    assert (draws <= high[1:] + 1e-9).all()
    sd = (high - low)[1:] / np.sqrt(12)
    assert (np.abs(draws.mean(axis=0) - middle[1:]) < FIVE_SIGMA * sd / np.sqrt(4000)).all()
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.05)
    nothing = np.full((1, 3), np.nan)
    expected = model.weights_ @ model.means_ + model.noise_weight_ * middle
    np.testing.assert_allclose(model.impute(nothing)[0], expected, rtol=1e-9, atol=1e-9)
    drawn = model.impute(nothing, n_draws=20_000)[:, 0]
    assert (np.abs(drawn.mean(axis=0) - expected) < FIVE_SIGMA * drawn.std(axis=0) / np.sqrt(20_000)).all()


def test_a_turned_box_answers_for_rows_with_gaps():
    """Of a fit to whole rows: rows with gaps have noise over the box along the features, the others over the turned."""
    rng = np.random.default_rng(0)
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    X = np.vstack([rng.normal(0, 0.3, (300, 2)), rng.uniform(-1, 1, (300, 2)) * [10.0, 2.0]]) @ turn
    model = GaussianMixture(1, noise=True, missing="marginalize", random_state=0).fit(X)
    lengths = np.ptp(X, axis=0)
    assert model.noise_log_volume_ < np.log(lengths).sum() - 0.5
    found = model.score_samples([[1e5, np.nan], [np.nan, 1e5], [1e5, 0.0]])
    sizes = [*np.log(lengths), model.noise_log_volume_]
    np.testing.assert_allclose(found, np.log(model.noise_weight_) - sizes, rtol=1e-12)
    assert model.impute([[1e5, np.nan]]).shape == (1, 2)


def test_a_model_file_keeps_the_box(tmp_path):
    told = rows(300)
    model = GaussianMixture(K, noise=True, missing="marginalize", random_state=0).fit(told.X)
    model.save(tmp_path / "model.gmm")
    again = gmm.load(tmp_path / "model.gmm")
    for method in ("score_samples", "predict_proba", "impute"):
        np.testing.assert_array_equal(getattr(again, method)(told.X), getattr(model, method)(told.X))


def test_many_rows_and_every_start():
    told = rows(40_000, known=0.02)
    for start in (None, np.where(told.truth >= 0, told.truth, -1)):
        model = GaussianMixture(K, noise=True, missing="marginalize", random_state=0, n_init=1, max_iter=5)
        model.set_params(tol=0.0).fit(told.X, labels=told.hard, start=start)
        assert np.diff(model.lower_bounds_).min() >= -MONOTONE
        assert model.noise_weight_ == pytest.approx(0.1, abs=0.03)
    warm = GaussianMixture(K, noise=True, missing="marginalize", warm_start=True, max_iter=3, tol=0.0, random_state=0)
    first = warm.fit(told.X).objective_
    assert warm.fit(told.X).lower_bounds_[0] == pytest.approx(first, abs=1e-12)


@pytest.mark.parametrize("case", CASES[:4], ids=str)
def test_bits_depend_on_neither_threads_nor_layout(case):
    told = rows(3000)
    seen = set()
    for n_threads, layout in ((1, np.ascontiguousarray), (3, np.ascontiguousarray), (2, np.asfortranarray)):
        model = fit(case, told._replace(X=layout(told.X)), n_threads=n_threads, max_iter=6, tol=0.0)
        parts = (model.means_, model.covariances_, model.lower_bounds_, model.predict_proba(told.X))
        seen.add(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
    assert len(seen) == 1


def test_criteria_count_noise_and_rows_with_gaps():
    told = rows(300)
    model = GaussianMixture(K, noise=True, missing="marginalize", random_state=0).fit(told.X)
    assert model.icl(told.X) >= model.bic(told.X)
    selection = gmm.select(told.X, (2, 3), "diag", noise=True, missing="marginalize", random_state=0)
    assert selection.best_.n_components == K
