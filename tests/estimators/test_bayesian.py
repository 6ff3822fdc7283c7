"""BayesianGaussianMixture as scikit-learn's users know it, and what it does beyond."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from problems import blobs
from tolerances import MONOTONE, PARITY_SKLEARN, WEIGHTED

from gmm import BayesianGaussianMixture, GaussianMixture
from gmm.errors import ParameterError
from gmm.mixing import PRIORS

STRUCTURES = ("full", "tied", "diag", "spherical")
CASES = [(structure, kind) for structure in STRUCTURES for kind in PRIORS]
PLAIN = {"tol": 0.0, "acceleration": None}


def model(n_components=3, structure="full", kind="dirichlet_process", **arguments):
    given = {"random_state": 0, **arguments}
    return BayesianGaussianMixture(
        n_components, covariance_type=structure, weight_concentration_prior_type=kind, **given
    )


@pytest.fixture(name="X", scope="module")
def make_rows():
    return blobs(300, n_features=3, separation=4.0).X


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("n_iter", [1, 20])
def test_full_covariances_walk_with_scikit_learn(X, kind, n_iter):
    mixture = pytest.importorskip("sklearn.mixture")
    rng = np.random.default_rng(2)
    responsibilities = rng.dirichlet(np.full(4, 0.5), len(X))

    class Begun(mixture.BayesianGaussianMixture):
        def _initialize_parameters(self, X, *unused, **also_unused):
            self._initialize(X, responsibilities)

    arguments = {"weight_concentration_prior_type": kind, "max_iter": n_iter, "tol": 0.0}
    theirs = Begun(n_components=4, reg_covar=0.0, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        theirs.fit(X)
    ours = BayesianGaussianMixture(4, acceleration=None, **arguments).fit(X, start=responsibilities)
    for name in (
        "weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "weight_concentration_",
        "mean_precision_", "degrees_of_freedom_", "weight_concentration_prior_", "mean_precision_prior_",
        "degrees_of_freedom_prior_", "mean_prior_", "covariance_prior_",
    ):  # fmt: skip
        expected, found = getattr(theirs, name), getattr(ours, name)
        assert np.shape(found) == np.shape(expected), name
        np.testing.assert_allclose(found, expected, rtol=PARITY_SKLEARN, atol=PARITY_SKLEARN, err_msg=name)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=PARITY_SKLEARN)


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_whole_weights_repeat_rows(X, structure, kind):
    rng = np.random.default_rng(0)
    weights, start = rng.integers(0, 4, len(X)), rng.integers(0, 3, len(X))
    index = np.repeat(np.arange(len(X)), weights)
    weighted = model(3, structure, kind, max_iter=10, **PLAIN).fit(X, sample_weight=weights, start=start)
    repeated = model(3, structure, kind, max_iter=10, **PLAIN).fit(X[index], start=start[index])
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=WEIGHTED)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=WEIGHTED, atol=WEIGHTED)
    np.testing.assert_allclose(weighted.lower_bounds_, repeated.lower_bounds_, rtol=WEIGHTED)


def test_weights_are_counts_in_any_unit_the_sums_are_kept_in(X):
    one = model(max_iter=10, **PLAIN, covariance_prior=np.eye(3)).fit(X, sample_weight=np.full(len(X), 2.0**70))
    assert one.mean_precision_.sum() == pytest.approx(len(X) * 2.0**70)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", PRIORS)
def test_components_that_are_not_needed_stay_empty(kind, seed):
    problem = blobs(600, separation=8.0, seed=seed)
    fit = model(10, kind=kind, weight_concentration_prior=0.01, random_state=seed).fit(problem.X)
    used = fit.weights_ > 0.01
    assert used.sum() == 3
    assert (fit.mean_precision_[~used] - fit.mean_precision_prior_ < 0.01).all()  # rows; expected weights are larger
    np.testing.assert_allclose(np.sort(fit.weights_[used]), np.bincount(np.sort(problem.labels)) / 600, atol=0.03)
    assert len(np.unique(fit.predict(problem.X))) == 3


@pytest.mark.parametrize(
    ("kind", "n_true", "separation", "seed"),
    [("dirichlet_process", 10, 2.0, 1), ("dirichlet_distribution", 12, 2.5, 0)],
)
def test_the_best_of_the_starts_wins(kind, n_true, separation, seed):
    """Wherever they stand after a few iterations, and however many components they empty on the way."""
    X = blobs(500, n_components=n_true, separation=separation, seed=seed).X
    prior = {"weight_concentration_prior": 0.1, "mean_precision_prior": 0.01, "covariance_prior": np.eye(2)}
    arguments = {"kind": kind, "max_iter": 3000, **prior}
    many = model(14, n_init=5, **arguments).fit(X)
    alone = [model(14, n_init=1, random_state=each.seed, **arguments).fit(X).lower_bound_ for each in many.restarts_]
    assert np.ptp(alone) > 0.01
    assert many.lower_bound_ == max(alone)


def test_a_process_ends_in_the_order_of_size():
    """From any order of the components to the same bound, which a climb that keeps the order cannot reach."""
    problem = blobs(400, n_components=4, separation=8.0)
    order = np.array([2, 0, 3, 1])
    sorted_labels = np.argsort(np.argsort(-np.bincount(problem.labels)))[problem.labels]
    best, other = (model(4).fit(problem.X, start=labels) for labels in (sorted_labels, order[sorted_labels]))
    assert (np.diff(other.mean_precision_) < 0.0).all()
    assert other.lower_bound_ == pytest.approx(best.lower_bound_, abs=2e-6)
    steps = np.diff(other.lower_bounds_)
    assert (steps >= -MONOTONE).all()
    assert other.n_iter_ == len(steps) > best.n_iter_


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_the_predictive_integrates_to_one(structure, kind):
    fit = model(2, structure, kind, degrees_of_freedom_prior=8.0).fit(blobs(30, n_components=2).X)
    u, step = np.linspace(-9.0, 9.0, 361, retstep=True)
    x, y = (grid.ravel() for grid in np.meshgrid(np.sinh(u), np.sinh(u)))
    density = np.exp(fit.posterior_predictive(np.stack([x, y], axis=1)))
    total = (density * np.cosh(np.arcsinh(x)) * np.cosh(np.arcsinh(y))).sum() * step**2
    assert total == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_intervals_hold_what_draws_of_the_posterior_hold(structure):
    from scipy import stats

    fit = model(2, structure, "dirichlet_distribution").fit(blobs(40, n_components=2).X)
    found, D = fit.credible_intervals(0.8), 2
    f = np.broadcast_to(fit.degrees_of_freedom_, 2)
    a = fit.weight_concentration_
    np.testing.assert_allclose(found.weights, stats.beta(a, a.sum() - a).ppf([[0.1], [0.9]]))
    variances = {
        "full": lambda: np.diagonal(fit.covariances_, axis1=1, axis2=2),
        "tied": lambda: np.tile(np.diagonal(fit.covariances_), (2, 1)),
        "diag": lambda: fit.covariances_,
        "spherical": lambda: np.repeat(fit.covariances_[:, None], D, axis=1),
    }[structure]()
    g = (f * D if structure == "spherical" else f)[:, None]
    t = g - 1 if structure in ("full", "tied") else g
    gamma = stats.invgamma(t / 2, scale=variances * g / 2)
    np.testing.assert_allclose(found.variances, [gamma.ppf(0.1), gamma.ppf(0.9)])
    student = stats.t(t, fit.means_, np.sqrt(variances * g / (t * fit.mean_precision_[:, None])))
    np.testing.assert_allclose(found.means, [student.ppf(0.1), student.ppf(0.9)])


def test_answers_are_those_of_expected_parameters(X):
    fit = model().fit(X)
    plain = GaussianMixture.from_parameters(fit.weights_, fit.means_, fit.covariances_)
    np.testing.assert_allclose(fit.score_samples(X), plain.score_samples(X), rtol=1e-10)
    assert fit.log_likelihood_ == pytest.approx(fit.score(X), rel=1e-12)
    assert fit.score(X) > fit.lower_bound_


@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_do_not_matter(X, structure):
    near = model(structure=structure).fit(X)
    far = model(structure=structure).fit(X * 2.0**170)
    assert np.array_equal(near.predict_proba(X), far.predict_proba(X * 2.0**170))
    assert far.lower_bound_ == pytest.approx(near.lower_bound_ - 3 * 170 * np.log(2.0), rel=1e-12)


def test_threads_do_not_matter(X):
    one, two = (model(n_threads=n).fit(X) for n in (1, 2))
    assert np.array_equal(one.means_, two.means_)
    assert np.array_equal(one.lower_bounds_, two.lower_bounds_)


def test_a_warm_start_carries_on_where_it_was(X):
    start = np.random.default_rng(0).integers(0, 3, len(X))
    whole = model(max_iter=6, **PLAIN).fit(X, start=start)
    parts = model(max_iter=3, **PLAIN, warm_start=True).fit(X, start=start).fit(X)
    assert np.array_equal(whole.lower_bounds_[3:], parts.lower_bounds_)
    assert np.array_equal(whole.means_, parts.means_)
    other = parts.set_params(weight_concentration_prior_type="dirichlet_distribution").fit(X)
    assert other.weight_concentration_.shape == (3,)


def test_rows_of_which_nothing_is_observed_say_nothing(X):
    start = np.random.default_rng(0).integers(0, 3, len(X))
    gaps = X.copy()
    gaps[::4, 1] = np.nan
    blank = np.vstack([gaps, np.full((20, 3), np.nan)])
    arguments = {"missing": "marginalize", "max_iter": 5, **PLAIN}
    one = model(**arguments).fit(gaps, start=start)
    two = model(**arguments).fit(blank, start=np.append(start, np.zeros(20, int)))
    np.testing.assert_allclose(one.means_, two.means_, rtol=1e-12)
    assert two.mean_precision_.sum() == pytest.approx(len(X) + 3)
    np.testing.assert_allclose(two.predict_proba(blank)[-1].sum(), 1.0)


def test_callbacks_hear_the_bound_and_may_stop_the_fit(X):
    heard = []

    def listen(progress):
        heard.append(progress.objective)
        return len(heard) == 2

    fit = model(callbacks=listen, n_init=1, tol=0.0).fit(X)
    assert fit.stop_reason_ == "callback"
    assert heard == fit.lower_bounds_[1:].tolist()


def test_it_is_pickled(X):
    fit = model().fit(X)
    again = pickle.loads(pickle.dumps(fit))
    assert np.array_equal(again.predict_proba(X), fit.predict_proba(X))
    assert np.array_equal(again.mean_precision_, fit.mean_precision_)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weight_concentration_prior_type": "dirichlet_proces"}, "did you mean 'dirichlet_process'"),
        ({"weight_concentration_prior": 0.0}, "weight_concentration_prior must be positive"),
        ({"mean_precision_prior": -1.0}, "mean_precision_prior must be a finite number"),
        ({"mean_prior": [0.0, 1.0]}, r"mean_prior has shape \(2,\), expected \(3,\)"),
        ({"degrees_of_freedom_prior": 2.0}, "degrees_of_freedom_prior must be greater than 2"),
        ({"covariance_prior": np.diag([1.0, 1.0, -1.0])}, "covariance_prior: the matrix is not positive definite"),
        ({"covariance_prior": [1.0, 0.0, 1.0], "covariance_type": "diag"}, "covariance_prior: feature 1"),
        ({"covariance_prior": -2.0, "covariance_type": "spherical"}, "covariance_prior must be positive"),
        ({"covariance_type": "VVV"}, "covariance_type must be one of"),
        ({"n_components": 0}, "n_components must be between"),
    ],
)
def test_bad_arguments_are_named(X, arguments, words):
    with pytest.raises(ParameterError, match=words):
        BayesianGaussianMixture(**arguments).fit(X)


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0])
def test_a_level_is_a_probability(X, level):
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        model().fit(X).credible_intervals(level)


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_the_predictive_density_of_rows_out_of_reach_is_zero(covariance_type):
    X = np.random.default_rng(0).normal(size=(50, 2))
    model = BayesianGaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    far = model.posterior_predictive([[1e100, 0.0], [1e300, 0.0]])
    assert np.isfinite(far[0])
    assert far[1] == -np.inf
