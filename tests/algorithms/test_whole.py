"""A fit in one call of the core is the one that Python makes of the same draws, step by step."""

import numpy as np
import problems
import pytest

import gmm
from gmm import fitting
from gmm.datasets import load_faithful
from gmm.draws import Draws
from gmm.errors import GmmError
from gmm.settings import Settings
from gmm.whole import METHODS, Plan, is_whole


def both(X, n_components, monkeypatch, sample_weight=None, **options):
    """The fit in the core and the one in Python."""
    settings = Settings.from_estimator(gmm.GaussianMixture(n_components, **options))
    arguments = {"sample_weight": sample_weight, "quiet": True}
    quick = fitting.fit_mixture(settings, X, **arguments)
    taken = []
    with monkeypatch.context() as patched:
        patched.setattr(fitting, "is_whole", lambda *_: taken.append(1))
        slow = fitting.fit_mixture(settings, X, **arguments)
    assert taken
    return quick, slow


def assert_close(quick, slow):
    assert [r.n_iter for r in quick.record.restarts] == [r.n_iter for r in slow.record.restarts]
    for mine, theirs in zip(quick.record.restarts, slow.record.restarts, strict=True):
        assert (mine.seed, mine.converged, mine.floored, mine.same) == (
            theirs.seed,
            theirs.converged,
            theirs.floored,
            theirs.same,
        )
        assert mine.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-9)
        assert mine.agreement == pytest.approx(theirs.agreement, abs=1e-12)
    assert quick.record.stop_reason == slow.record.stop_reason
    assert quick.record.log_likelihood == pytest.approx(slow.record.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(quick.record.trace, slow.record.trace, rtol=1e-9)
    np.testing.assert_array_equal(quick.record.floored, slow.record.floored)
    for name in ("weights", "means", "covariances"):
        mine, theirs = (getattr(fit.mixture.parameters, name) for fit in (quick, slow))
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("D", "K", "separation"), [(1, 2, 3.0), (3, 3, 2.0), (4, 1, 3.0), (9, 2, 2.0)])
def test_the_same_fit(structure, method, D, K, separation, monkeypatch):
    X = problems.blobs(230, n_features=D, n_components=K, separation=separation).X
    options = {"covariance_type": structure.name, "init_params": method, "random_state": 4, "n_init": 3}
    assert_close(*both(X, K, monkeypatch, **options))


@pytest.mark.parametrize("seed", range(3))
def test_repeated_and_weighted_rows(structure, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, (150, 2)) + np.where(np.arange(150) % 2, 0.0, 7.0)[:, None]
    weight = rng.integers(0, 3, len(X)).astype(float)
    options = {"covariance_type": structure.name, "random_state": seed, "reg_covar": 0.01}
    assert_close(*both(X, 2, monkeypatch, sample_weight=weight, **options))


@pytest.mark.parametrize("method", METHODS)
def test_components_with_too_few_rows(structure, method, monkeypatch):
    """Five rows for each of five components in three dimensions, of weights that are no counts: they are topped up."""
    X = problems.blobs(25, n_features=3, n_components=5, separation=4.0).X
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(X))
    options = {"covariance_type": structure.name, "init_params": method, "random_state": 0, "max_iter": 0}
    assert_close(*both(X, 5, monkeypatch, sample_weight=weight, **options))


def test_both_zeros_are_one_value(monkeypatch):
    X = np.random.default_rng(0).choice([-0.0, 0.0, 1.0, 3.0], size=(90, 2))
    for method in METHODS:
        assert_close(*both(X, 2, monkeypatch, init_params=method, random_state=0, n_init=3, reg_covar=0.1))


@pytest.mark.parametrize("options", [{"n_init": 1}, {"max_iter": 0}, {"max_iter": 3}, {"short_iter": 0}, {"tol": 0.1}])
def test_limits(options, monkeypatch):
    X = problems.blobs(150, n_features=2, n_components=3, separation=1.0).X
    assert_close(*both(X, 3, monkeypatch, random_state=1, **options))


def test_fewer_different_rows_than_components(structure, monkeypatch):
    X = np.repeat([[0.0, 1.0], [4.0, 1.5], [9.0, -2.0]], 12, axis=0)
    for method in METHODS:
        options = {"covariance_type": structure.name, "init_params": method, "random_state": 0, "n_init": 2}
        quick, slow = both(X, 4, monkeypatch, **options)
        np.testing.assert_allclose(np.sort(quick.mixture.weights), np.sort(slow.mixture.weights), rtol=1e-7, atol=1e-9)


def test_single_precision_and_strides(monkeypatch):
    X = problems.blobs(300, n_features=3, n_components=2, separation=4.0).X.astype(np.float32)
    wide = np.zeros((600, 5), np.float32)
    wide[::2, 1:4] = X
    contiguous, _ = both(X, 2, monkeypatch, random_state=0)
    strided, slow = both(wide[::2, 1:4], 2, monkeypatch, random_state=0)
    np.testing.assert_array_equal(strided.mixture.means, contiguous.mixture.means)
    assert strided.record.log_likelihood == pytest.approx(slow.record.log_likelihood, rel=1e-5)


def test_what_is_out_of_the_ordinary_is_left_to_python(monkeypatch):
    X = problems.blobs(60, n_features=2, n_components=2).X
    expected = gmm.GaussianMixture(2, random_state=0).fit(X)
    with monkeypatch.context() as patched:
        patched.setattr("gmm.whole.Batch.outcome", lambda self, g: None)
        model = gmm.GaussianMixture(2, random_state=0).fit(X)
    np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-9)
    with pytest.raises(GmmError):
        gmm.GaussianMixture(2, random_state=0).fit(np.full((60, 2), np.nan))


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_falls_within_the_rounding_of_a_covariance(kind, monkeypatch):
    """Features that nearly depend on each other: a fall ends a climb as converged while rounding explains it."""
    for seed, apart in ((0, 1e-5), (0, 1e-6), (1, 1e-5), (1, 1e-7)):
        X = problems.blobs(150, n_features=2, n_components=2, separation=1.0, seed=seed).X
        X = np.column_stack([X, X.sum(axis=1) + apart * np.random.default_rng(seed).normal(size=len(X))])
        options = {"covariance_type": kind, "init_params": "random_from_data", "acceleration": "none", "n_init": 1}
        quick, slow = both(X, 2, monkeypatch, random_state=0, tol=1e-10, max_iter=400, **options)
        assert quick.record.stop_reason == slow.record.stop_reason
        assert quick.record.n_iter == slow.record.n_iter


def test_a_slow_climb_leaps(monkeypatch):
    X = load_faithful().data[:, 1:]
    quick, slow = both(X, 3, monkeypatch, random_state=0, tol=1e-9)
    assert_close(quick, slow)
    assert quick.record.n_iter > fitting.PATIENCE
    plain = both(X, 3, monkeypatch, random_state=0, tol=1e-9, max_iter=150, acceleration="none")
    assert_close(*plain)
    assert plain[0].record.n_iter == 150
    assert quick.record.n_iter < 150
    assert quick.record.trace[-1] > plain[0].record.trace[-1]


@pytest.mark.parametrize(("n_init", "patience"), [(1, 6), (4, 6), (4, 2)])
@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_leaps(structure, ridge, n_init, patience, monkeypatch):
    """Leaps from an early iteration on, where Python takes them."""
    monkeypatch.setattr(fitting, "PATIENCE", patience)
    X = problems.blobs(200, n_features=3, n_components=3, separation=1.5).X
    options = {"covariance_type": structure.name, "random_state": 0, "tol": 1e-7, "short_iter": 4}
    quick, slow = both(X, 3, monkeypatch, n_init=n_init, reg_covar=ridge, **options)
    assert_close(quick, slow)
    plain = both(X, 3, monkeypatch, n_init=n_init, reg_covar=ridge, acceleration="none", **options)[0]
    assert quick.record.n_iter < plain.record.n_iter


@pytest.mark.parametrize(
    ("kind", "D", "K", "n_rows", "separation", "tol", "seed"),
    [
        ("full", 1, 4, 141, 1.0, 1e-8, 213),  # forgets its pairs on the floor, and ends by EM's own gains
        ("spherical", 2, 4, 234, 1.5, 1e-6, 63),
        ("tied", 1, 3, 121, 0.3, 1e-10, 38),  # leaps shorter than the radius leave it as it is
        ("full", 3, 2, 173, 1.0, 1e-8, 29),
        ("diag", 2, 4, 63, 1.5, 1e-6, 87),  # ends before the first leap
    ],
)
def test_leaps_that_come_and_go(kind, D, K, n_rows, separation, tol, seed, monkeypatch):
    monkeypatch.setattr(fitting, "PATIENCE", 4)
    X = problems.blobs(n_rows, n_features=D, n_components=K - 1, separation=separation, seed=seed).X
    options = {"covariance_type": kind, "tol": tol, "n_init": 2, "short_iter": 4, "random_state": seed}
    assert_close(*both(X, K, monkeypatch, max_iter=200, **options))


def test_the_choice_depends_on_shapes_and_options():
    plan = Settings.from_estimator(gmm.GaussianMixture(3))
    plan = fitting.plan_of(plan)
    assert isinstance(plan, Plan)
    assert is_whole(plan, 150, 4)
    assert not is_whole(plan, 2048, 1)
    assert not is_whole(plan, 150, 60)
    endless = gmm.GaussianMixture(3, max_iter=10**6, acceleration="none")
    assert not is_whole(fitting.plan_of(Settings.from_estimator(endless)), 150, 4)
    for options in ({"verbose": 1}, {"callbacks": [print]}, {"means_init": np.zeros((3, 4))}):
        assert fitting.plan_of(Settings.from_estimator(gmm.GaussianMixture(3, **options))) is None


def test_draws_are_uniform_and_come_one_after_the_other():
    draws = Draws(7)
    found = np.concatenate([draws.random(3), draws.random(40_000)])
    np.testing.assert_array_equal(found, Draws(7).random(40_003))
    assert found.min() >= 0.0
    assert found.max() < 1.0
    assert abs(found.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.02
    assert not np.isin(Draws(8).random(100), found).any()
    np.testing.assert_array_equal(Draws(2**64 + 7).random(5), found[:5])
