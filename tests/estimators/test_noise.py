"""Fits with a noise component: known truth, weights, units, files, and what is refused."""

import math
import pickle

import numpy as np
import pytest
from tolerances import MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.covariances import STRUCTURES
from gmm.datasets import load_faithful
from gmm.errors import ParameterError

EVERY = list(STRUCTURES)


def two_clusters(seed, share=0.3, n_rows=1000):
    """Two Gaussians of different shapes and evenly spread noise, the last rows, over a box five times as wide."""
    rng = np.random.default_rng(seed)
    n_noise = round(share * n_rows)
    n_first = (n_rows - n_noise) * 4 // 7
    first = rng.normal(size=(n_first, 2)) * [1.0, 0.3] + [0.0, 5.0]
    second = rng.normal(size=(n_rows - n_noise - n_first, 2)) @ [[1.0, 0.8], [0.0, 0.4]]
    return np.vstack([first, second, rng.uniform([-10, -8], [10, 12], (n_noise, 2))])


def geyser_like(seed, n_noise):
    """As many rows as Old Faithful has, four times, from the mixture fitted to it; noise over twice its range."""
    X = load_faithful().data
    model = GaussianMixture(2, random_state=0).fit(X).set_params(random_state=seed)
    low, high = X.min(axis=0), X.max(axis=0)
    spread = (high - low) / 2
    noise = np.random.default_rng(seed).uniform(low - spread, high + spread, (n_noise, 2))
    return np.vstack([model.sample(4 * len(X))[0], noise])


def chevron(seed):
    """Two thin arms in a V and noise over the box around them, the shape of Banfield and Raftery's minefields."""
    rng = np.random.default_rng(seed)
    along, across = rng.uniform(0, 10, (2, 350)), rng.normal(0, 0.2, (2, 350))
    arms = [
        np.column_stack([sign * along[i] + across[i], along[i] - sign * across[i]]) for i, sign in enumerate((1, -1))
    ]
    return np.vstack([*arms, rng.uniform([-11, -1], [11, 11], (400, 2))])


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_the_weight_of_noise_is_recovered(seed, share):
    model = GaussianMixture(2, noise=True, random_state=seed).fit(two_clusters(seed, share, 2000))
    assert abs(model.noise_weight_ - share) < 0.02


@pytest.mark.parametrize("n_noise", [100, 500, 2000])
@pytest.mark.parametrize("seed", range(3))
def test_the_weight_of_noise_around_geyser_rows(seed, n_noise):
    X = geyser_like(seed, n_noise)
    model = GaussianMixture(2, noise=True, random_state=seed, order_by="mean").fit(X)
    assert abs(model.noise_weight_ - n_noise / len(X)) < 0.02
    np.testing.assert_allclose(model.means_, [[2.04, 54.5], [4.29, 80.0]], rtol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_arms_of_a_chevron_in_noise(seed):
    """Arms are not Gaussian, so the weight is off by what their ends lose; the rows are told apart."""
    X = chevron(seed)
    model = GaussianMixture(2, noise=True, random_state=seed).fit(X)
    truth = np.repeat([0, 1, -1], [350, 350, 400])
    found = model.predict(X)
    assert np.mean((found == -1) == (truth == -1)) > 0.85
    assert abs(model.noise_weight_ - 400 / 1100) < 0.08


def bands(seed, n_noise):
    """A minefield: two parallel rows of mines, long and thin and turned by half a radian, in Poisson clutter."""
    rng = np.random.default_rng(seed)
    turn = [[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]]
    rows = [rng.normal(centre, [8.0, 1.0], (200, 2)) @ turn for centre in ([0.0, 0.0], [10.0, 18.0])]
    return np.vstack([*rows, rng.uniform(-40, 40, (n_noise, 2))])


def arms(seed):
    """A chevron of two long thin Gaussians in clutter over the box around them."""
    rng = np.random.default_rng(seed)
    along, across = rng.normal(5.0, 2.0, (2, 350)), rng.normal(0.0, 0.2, (2, 350))
    found = np.vstack([np.column_stack([s * a + b, a - s * b]) for s, a, b in zip((1, -1), along, across, strict=True)])
    return np.vstack([found, rng.uniform(found.min(axis=0) - 1, found.max(axis=0) + 1, (400, 2))])


SIMULATED = {
    "minefield, 43 %": (lambda seed: bands(seed, 300), 2, 300 / 700),
    "minefield, 71 %": (lambda seed: bands(seed, 1000), 2, 1000 / 1400),
    "chevron, 36 %": (arms, 2, 400 / 1100),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", SIMULATED)
def test_the_weight_of_noise_in_minefields(kind, seed):
    """Gaussian features in Poisson clutter, as Banfield and Raftery's and mclust's examples have them."""
    draw, n_components, share = SIMULATED[kind]
    model = GaussianMixture(n_components, noise=True, random_state=seed).fit(draw(seed))
    assert abs(model.noise_weight_ - share) < 0.02


def test_clean_data_have_hardly_any_noise():
    X = np.random.default_rng(0).normal(size=(2000, 3))
    assert GaussianMixture(1, noise=True, random_state=0).fit(X).noise_weight_ < 0.02


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", EVERY)
def test_books_agree(kind, dtype):
    X = two_clusters(1).astype(dtype)
    model = GaussianMixture(3, covariance_type=kind, noise=True, random_state=0, max_iter=40, tol=0.0).fit(X)
    slack = MONOTONE if dtype == "float64" else 1e-5
    assert np.diff(model.lower_bounds_).min() > -slack
    assert abs(model.score(X) - model.log_likelihood_) < (1e-12 if dtype == "float64" else 1e-6)
    assert abs(model.objective_ - model.log_likelihood_) < (1e-12 if dtype == "float64" else 1e-5)
    assert abs(model.weights_.sum() + model.noise_weight_ - 1) < 1e-15 * 4
    posterior, label = model.predict_proba(X), model.predict(X)
    assert posterior.shape == (len(X), 4)
    np.testing.assert_allclose(posterior.sum(axis=1), 1, rtol=1e-6 if dtype == "float32" else 1e-14)
    best = posterior.argmax(axis=1)
    np.testing.assert_array_equal(label, np.where(best == 3, -1, best))
    pure = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X).n_parameters()
    assert model.n_parameters() == pure + 2
    assert model.bic(X) == pytest.approx((pure + 2) * math.log(len(X)) - 2 * len(X) * model.score(X))
    assert model.icl(X) == pytest.approx(model.bic(X) - 2 * np.log(posterior.max(axis=1).astype(float)).sum())


@pytest.mark.parametrize("kind", EVERY)
def test_leaps_end_where_plain_steps_end(kind):
    X = two_clusters(2, 0.4, 4000)
    limits = {"covariance_type": kind, "noise": True, "random_state": 0, "tol": 1e-9, "max_iter": 5000}
    leaping, plain = (GaussianMixture(3, acceleration=how, **limits).fit(X) for how in ("auto", "none"))
    assert leaping.n_iter_ <= plain.n_iter_
    assert leaping.objective_ > plain.objective_ - 3e-9


@pytest.mark.parametrize("kind", EVERY)
def test_sample_weights_are_repetitions_and_absences(kind):
    X = two_clusters(3, n_rows=300)
    weight = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    model = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0)
    weighted = model.fit(X, sample_weight=weight)
    repeated = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(
        np.repeat(X, weight.astype(int), axis=0)
    )
    rows = np.repeat(X, weight.astype(int), axis=0)
    assert weighted.noise_weight_ == pytest.approx(repeated.noise_weight_, rel=WEIGHTED)
    assert weighted.noise_log_volume_ == pytest.approx(repeated.noise_log_volume_, rel=WEIGHTED)
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=WEIGHTED, atol=WEIGHTED)
    for criterion in ("aic", "bic", "icl"):
        there = getattr(weighted, criterion)(X, sample_weight=weight)
        assert there == pytest.approx(getattr(repeated, criterion)(rows), rel=WEIGHTED)


@pytest.mark.parametrize("scale", [1e-160, 1e-12, 1e160, 1e300])
def test_any_units(scale):
    X = two_clusters(4)
    plain, scaled = (GaussianMixture(2, noise=True, random_state=0).fit(x) for x in (X, X * scale))
    assert scaled.noise_weight_ == pytest.approx(plain.noise_weight_, rel=1e-9)
    assert scaled.log_likelihood_ == pytest.approx(plain.log_likelihood_ - 2 * math.log(scale), rel=1e-9)
    assert scaled.noise_log_volume_ == pytest.approx(plain.noise_log_volume_ + 2 * math.log(scale), rel=1e-9)
    np.testing.assert_array_equal(scaled.predict(X * scale), plain.predict(X))


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_a_constant_column_changes_nothing(kind):
    X = two_clusters(5)
    flat = np.column_stack([X[:, 0], np.full(len(X), 7.0), X[:, 1]])
    plain = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(X)
    with pytest.warns(gmm.errors.CollapseWarning, match="x1"):
        found = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(flat)
    assert found.noise_weight_ == pytest.approx(plain.noise_weight_, abs=1e-4)


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_dependent_columns_change_nothing(kind):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 400), rng.normal(10, 1, 300), rng.uniform(-20, 30, 300)])[:, None]
    plain = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(x)
    with pytest.warns(gmm.errors.CollapseWarning):
        line = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(x * [[1.0, 2.0, -1.0]])
    assert line.noise_weight_ == pytest.approx(plain.noise_weight_, abs=1e-4)
    assert abs(plain.noise_weight_ - 0.3) < 0.02


def test_same_bits_for_any_number_of_threads_and_layout():
    X = two_clusters(6, n_rows=5000)
    one = GaussianMixture(2, noise=True, random_state=0, n_threads=1).fit(X)
    for other in (GaussianMixture(2, noise=True, random_state=0, n_threads=n).fit(X) for n in (2, 3)):
        assert other.noise_weight_ == one.noise_weight_
        np.testing.assert_array_equal(other.covariances_, one.covariances_)
    other = GaussianMixture(2, noise=True, random_state=0).fit(np.asfortranarray(X))
    assert other.noise_weight_ == one.noise_weight_


def test_far_rows_and_rows_outside_the_box():
    model = GaussianMixture(2, noise=True, random_state=0).fit(two_clusters(7))
    far = np.array([[1e3, 0.0], [1e300, -1e300]])
    np.testing.assert_array_equal(model.predict(far), [-1, -1])
    constant = math.log(model.noise_weight_) - model.noise_log_volume_
    np.testing.assert_allclose(model.score_samples(far), constant, rtol=1e-13)


def test_samples_come_from_the_box():
    X = two_clusters(8)
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    rows, label = model.sample(5000)
    assert abs(np.mean(label == -1) - model.noise_weight_) < 0.04
    noise = rows[label == -1]
    assert (noise >= X.min(axis=0) - 1e-9).all()
    assert (noise <= X.max(axis=0) + 1e-9).all()


def test_a_given_density():
    X = two_clusters(9)
    box = GaussianMixture(2, noise=True, random_state=0).fit(X)
    same = GaussianMixture(2, noise=math.exp(-box.noise_log_volume_), random_state=0).fit(X)
    assert same.noise_weight_ == pytest.approx(box.noise_weight_, rel=1e-9)
    thin = GaussianMixture(2, noise=1e-8, random_state=0).fit(X)
    assert thin.noise_log_volume_ == pytest.approx(8 * math.log(10), rel=1e-12)
    assert thin.noise_weight_ < box.noise_weight_
    with pytest.raises(ParameterError, match="noise takes every row"):
        GaussianMixture(2, noise=1e300, random_state=0).fit(X)


@pytest.mark.parametrize("start", ["labels", "responsibilities", "means", "arrays"])
def test_starts_of_the_users(start):
    X = two_clusters(10)
    truth = np.repeat([0, 1, -1], [400, 300, 300])
    best = GaussianMixture(2, noise=True, random_state=0, order_by="mean").fit(X)
    given = {"labels": truth, "responsibilities": (truth[:, None] == [0, 1]).astype(float)}
    init = {"means_init": [[0, 5], [0, 0]]}
    if start == "arrays":
        init |= {"weights_init": [0.5, 0.5], "covariances_init": np.array([np.eye(2)] * 2)}
    model = GaussianMixture(2, noise=True, order_by="mean", **(init if start not in given else {}))
    model.fit(X, start=given.get(start))
    assert len(model.restarts_) == 1
    assert model.noise_weight_ == pytest.approx(best.noise_weight_, abs=1e-3)


def test_a_warm_start_continues():
    X = two_clusters(11)
    model = GaussianMixture(2, noise=True, random_state=0, warm_start=True, max_iter=3, tol=0.0, n_init=1).fit(X)
    reached = model.objective_
    assert model.fit(X).lower_bounds_[0] == pytest.approx(reached, abs=1e-13)


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_warm_start_without_noise_continues_the_gaussians(scale):
    X = two_clusters(11)
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    init = {f"{name}_init": getattr(model, f"{name}_") for name in ("means", "covariances")}
    fresh = GaussianMixture(2, weights_init=model.weights_ / model.weights_.sum(), **init).fit(scale * X)
    model.set_params(noise=False, warm_start=True).fit(scale * X)
    assert model.noise_weight_ == 0.0
    np.testing.assert_allclose(model.lower_bounds_, fresh.lower_bounds_, rtol=1e-9)


@pytest.mark.parametrize("turned", [False, True])
def test_files_and_pickles_keep_every_bit(tmp_path, turned):
    X = two_clusters(12)
    X = X @ [[0.8, 0.6], [-0.6, 0.8]] if turned else X
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    assert (model._fitted().mixture.parameters.noise.edges.ndim == 2) == turned
    model.save(tmp_path / "noisy.gmm")
    for again in (gmm.load(tmp_path / "noisy.gmm"), pickle.loads(pickle.dumps(model))):
        assert again.noise is True
        assert (again.noise_weight_, again.noise_log_volume_) == (model.noise_weight_, model.noise_log_volume_)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        np.testing.assert_array_equal(again.sample(50)[0], model.sample(50)[0])
        assert again.bic(X) == model.bic(X)


def test_without_noise_there_is_none():
    model = GaussianMixture(2, random_state=0).fit(two_clusters(13))
    assert model.noise_weight_ == 0.0
    assert not hasattr(model, "noise_log_volume_")
    assert "noise" not in model.summary()


def test_the_summary_and_select_know_noise():
    X = two_clusters(14)
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    assert f"noise  {model.noise_weight_:.4f}" in model.summary()
    best = gmm.select(X, range(1, 4), ("full",), noise=True, random_state=0).best_
    assert best.n_components == 2
    assert best.noise_weight_ == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ("yes", "noise must be a real number"),
        (0.0, "noise=0 is no density"),
        (-1.0, "noise must be a finite number >= 0"),
        (math.nan, "noise must be a finite number >= 0"),
        (math.inf, "noise must be a finite number >= 0"),
        (None, "noise must be a real number"),
    ],
)
def test_bad_noise(noise, message):
    with pytest.raises(ParameterError, match=message):
        GaussianMixture(2, noise=noise).fit(two_clusters(0))


def test_rows_without_any_spread():
    with pytest.raises(gmm.errors.DataError, match="no feature has any spread"):
        GaussianMixture(1, noise=True).fit(np.ones((10, 2)))
