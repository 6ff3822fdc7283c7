"""Fits under restraints: the objective never falls, the restraint holds, and what is beside it goes on working."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from problems import blobs
from tolerances import MONOTONE, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.covariances import STRUCTURES
from gmm.datasets import load_iris
from gmm.errors import ParameterError

EVERY = list(STRUCTURES)
K, D = 3, 3
RATIO = 6.0


def rows(seed=0, n_samples=240):
    """Three blobs of very different size, so that a ratio bites."""
    problem = blobs(n_samples, n_features=D, n_components=K, separation=4.0, seed=seed)
    centres, size = problem.means[problem.labels], np.array([0.3, 1.0, 2.5])[problem.labels]
    return centres + (problem.X - centres) * size[:, None]


X = rows()
MEANS = blobs(n_features=D, n_components=K, separation=4.0).means + 0.2


def covariances(name):
    shapes = {"full": np.eye(D)[None].repeat(K, 0), "tied": np.eye(D), "diag": np.ones((K, D)), "spherical": np.ones(K)}
    return 1.5 * shapes[name]


RESTRAINTS = {
    "equal weights": lambda name: {"equal_weights": True},
    "ratio": lambda name: {"eigen_ratio": RATIO},
    "ratio of one": lambda name: {"eigen_ratio": 1.0},
    "shrinkage": lambda name: {"shrinkage": 0.3},
    "auto": lambda name: {"shrinkage": "auto"},
    "ratio and shrinkage": lambda name: {"eigen_ratio": 3.0, "shrinkage": 0.1, "equal_weights": True},
    "weights": lambda name: {"fixed": ("weights",), "weights_init": [0.2, 0.3, 0.5]},
    "a weight": lambda name: {"fixed": {"weights": [1]}, "weights_init": [0.2, 0.3, 0.5]},
    "means": lambda name: {"fixed": ("means",), "means_init": MEANS},
    "some means": lambda name: {"fixed": {"means": [0, 2]}, "means_init": MEANS, "eigen_ratio": RATIO},
    "covariances": lambda name: {"fixed": ("covariances",), "covariances_init": covariances(name)},
    "means and weights": lambda name: {
        "fixed": {"means": [1], "weights": "all"}, "means_init": MEANS, "weights_init": [0.2, 0.3, 0.5]
    },
}  # fmt: skip
COMPANY = {
    "alone": ({}, {}),
    "weights": ({}, {"sample_weight": np.random.default_rng(1).integers(0, 4, len(X)).astype(float)}),
    "labels": ({}, {"labels": np.where(np.arange(len(X)) % 9 == 0, np.arange(len(X)) // 9 % K, -1)}),
    "missing": ({"missing": "marginalize"}, {}),
    "noise": ({"noise": True}, {}),
    "ridge": ({"reg_covar": 0.05}, {}),
    "plain steps": ({"acceleration": None}, {}),
    "float32": ({}, {}),
}


def given(company):
    if company == "missing":
        gaps = X.copy()
        gaps[np.random.default_rng(2).random(X.shape) < 0.15] = np.nan
        return gaps
    return X.astype(np.float32) if company == "float32" else X


def check_held(model, name, options):
    """What a restraint says of the fitted mixture."""
    rest = 1.0 - model.noise_weight_
    dense = STRUCTURES[name].dense(np.array(model.covariances_), K, D)
    if options.get("equal_weights"):
        np.testing.assert_allclose(model.weights_, rest / K, rtol=1e-14)
    if "eigen_ratio" in options:
        e = np.linalg.eigvalsh(dense)
        assert e.max() <= options["eigen_ratio"] * e.min() * (1 + 1e-12)
    fixed = options.get("fixed", ())
    for what, at in fixed.items() if isinstance(fixed, dict) else dict.fromkeys(fixed, "all").items():
        part = slice(None) if isinstance(at, str) else at
        if what == "weights":
            np.testing.assert_allclose(model.weights_[part], rest * np.array(options["weights_init"])[part], rtol=1e-14)
        if what == "means":
            np.testing.assert_allclose(model.means_[part], MEANS[part], rtol=1e-13, atol=1e-13)
        if what == "covariances":
            np.testing.assert_array_equal(model.covariances_, options["covariances_init"])


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("company", COMPANY)
@pytest.mark.parametrize("restraint", RESTRAINTS)
def test_the_objective_never_falls_and_the_restraint_holds(restraint, company, name):
    options, (more, known) = RESTRAINTS[restraint](name), COMPANY[company]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(K, covariance_type=name, n_init=2, max_iter=150, random_state=0, **options, **more)
        model.fit(given(company), **known)
    allowed = 1e-4 if company == "float32" else MONOTONE
    assert model.stop_reason_ in ("converged", "max_iter")
    assert np.diff(model.lower_bounds_).min(initial=0.0) >= -allowed
    assert model.n_iter_ > 0
    check_held(model, name, options)


def test_without_a_restraint_the_bits_are_those_of_before():
    """Defaults spelt out take the same quick way."""
    plain = GaussianMixture(3, random_state=0).fit(load_iris().data)
    spelt = GaussianMixture(
        3, equal_weights=False, eigen_ratio=None, shrinkage=0.0, fixed=(), on_collapse="repair", random_state=0
    ).fit(load_iris().data)
    np.testing.assert_array_equal(plain.covariances_, spelt.covariances_)
    assert plain.lower_bounds_.tolist() == spelt.lower_bounds_.tolist()


@pytest.mark.parametrize("name", EVERY)
def test_a_ratio_that_does_not_bite_changes_nothing_but_the_frame(name):
    options = {"covariance_type": name, "random_state": 0, "acceleration": None, "tol": 1e-9}
    start = np.arange(len(X)) % K
    free = GaussianMixture(K, **options).fit(X, start=start)
    loose = GaussianMixture(K, eigen_ratio=1e9, **options).fit(X, start=start)
    np.testing.assert_allclose(loose.lower_bounds_[-1], free.lower_bounds_[-1], atol=1e-8)
    np.testing.assert_allclose(loose.means_, free.means_, atol=1e-3)


def test_ratio_of_one_has_one_variance():
    """Of all covariances equal to v I the likeliest v is the mean square within components, by responsibility."""
    model = GaussianMixture(K, eigen_ratio=1.0, random_state=0, tol=1e-12, acceleration=None).fit(X)
    r = model.predict_proba(X)
    squares = (r[:, :, None] * (X[:, None] - model.means_) ** 2).sum()
    np.testing.assert_allclose(model.covariances_, squares / (len(X) * D) * np.eye(D)[None].repeat(K, 0), atol=1e-6)


def test_eigen_ratio_keeps_a_spike_away():
    """Two nearly equal rows are a component of their own without a bound."""
    rng = np.random.default_rng(0)
    data = np.vstack([rng.normal(size=(100, 2)), [[5.0, 5.0], [5.0, 5.0 + 1e-9]]])
    start = np.r_[np.zeros(100, int), 1, 1]
    with pytest.warns(gmm.errors.CollapseWarning):
        GaussianMixture(2, random_state=0).fit(data, start=start)
    with warnings.catch_warnings():
        warnings.simplefilter("error", gmm.errors.CollapseWarning)
        model = GaussianMixture(2, eigen_ratio=10.0, random_state=0).fit(data, start=start)
    e = np.linalg.eigvalsh(model.covariances_)
    assert e.max() <= 10.0 * e.min() * (1 + 1e-12)


def truth(D, seed):
    """Rows of two components whose covariances are far from regular on 60 rows, and as many to test on."""
    rng = np.random.default_rng(seed)
    roots = np.sqrt(np.exp(-0.05 * np.arange(D)))
    means = np.zeros((2, D))
    means[1, :10] = 2.0
    labels = np.arange(2060) % 2
    data = means[labels] + rng.normal(size=(2060, D)) * roots
    return data[:60], data[60:]


@pytest.mark.parametrize("shrinkage", ["auto", 0.1, 0.5])
@pytest.mark.parametrize("n_components", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_shrinkage_scores_held_out_rows_of_more_features_than_rows(seed, n_components, shrinkage):
    fitted, held_out = truth(100, seed)
    shrunken = GaussianMixture(n_components, shrinkage=shrinkage, random_state=0).fit(fitted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = GaussianMixture(n_components, random_state=0).fit(fitted)
        diagonal = GaussianMixture(n_components, covariance_type="spherical", random_state=0).fit(fitted)
    assert shrunken.score(held_out) > plain.score(held_out) + 1.0
    if shrinkage == "auto":
        assert shrunken.score(held_out) > diagonal.score(held_out) - 1.0


def test_free_parameters_enter_the_criteria():
    full = GaussianMixture(K, random_state=0).fit(X)
    equal = GaussianMixture(K, equal_weights=True, random_state=0).fit(X)
    still = GaussianMixture(K, fixed={"means": [0]}, means_init=MEANS, random_state=0).fit(X)
    assert full.n_parameters() - equal.n_parameters() == K - 1
    assert full.n_parameters() - still.n_parameters() == D
    np.testing.assert_allclose(equal.aic(X), 2 * equal.n_parameters() - 2 * equal.score(X) * len(X))
    assert f"{equal.n_parameters()} free parameters" in equal.summary()


def test_order_by_leaves_what_is_fixed_in_place():
    options = {"means_init": MEANS, "order_by": 0, "random_state": 0}
    model = GaussianMixture(K, fixed={"means": [0]}, **options).fit(X)
    np.testing.assert_allclose(model.means_[0], MEANS[0], atol=1e-13)
    assert model.means_[1, 0] < model.means_[2, 0]


def test_a_warm_start_gives_the_values():
    begun = GaussianMixture.from_parameters([0.2, 0.3, 0.5], MEANS, covariances("full"))
    begun.set_params(warm_start=True, fixed=("means", "weights"), random_state=0).fit(X)
    np.testing.assert_allclose(begun.means_, MEANS, atol=1e-13)
    np.testing.assert_array_equal(begun.weights_, [0.2, 0.3, 0.5])
    before = begun.objective_
    begun.fit(X)
    assert begun.lower_bounds_[0] >= before - MONOTONE


@pytest.mark.parametrize("restraint", ["equal weights", "ratio", "auto", "some means"])
def test_the_fitted_model_travels(restraint, tmp_path):
    options = RESTRAINTS[restraint]("full")
    model = GaussianMixture(K, random_state=0, **options).fit(X)
    model.save(tmp_path / "m.gmm")
    for again in (gmm.load(tmp_path / "m.gmm"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.n_parameters() == model.n_parameters()
        assert again.segments_.tolist() == [0]
        assert again.eigen_ratio == model.eigen_ratio


@pytest.mark.parametrize("restraint", ["equal weights", "ratio", "auto", "means"])
@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_do_not_change_bits(restraint, n_threads):
    options = RESTRAINTS[restraint]("full")
    data = rows(n_samples=5000)
    fits = [GaussianMixture(K, n_threads=n, n_init=1, random_state=0, **options).fit(data) for n in (1, n_threads)]
    np.testing.assert_array_equal(fits[0].covariances_, fits[1].covariances_)


def test_integer_weights_are_repeated_rows():
    counts = np.random.default_rng(0).integers(1, 4, len(X))
    for options in ({"eigen_ratio": 4.0}, {"shrinkage": 0.2}, {"equal_weights": True}):
        model = GaussianMixture(K, random_state=0, acceleration=None, max_iter=30, tol=0, **options)
        start = np.arange(len(X)) % K
        weighted = model.fit(X, sample_weight=counts, start=start).lower_bounds_
        repeated = model.fit(np.repeat(X, counts, axis=0), start=np.repeat(start, counts)).lower_bounds_
        np.testing.assert_allclose(weighted, repeated, rtol=0, atol=100 * WEIGHTED)


def test_fit_many_gives_the_bits_of_fit():
    groups = {"a": X[:120], "b": X[120:]}
    for options in ({"eigen_ratio": 4.0}, {"equal_weights": True}, {"shrinkage": "auto"}):
        fits = gmm.fit_many(groups, 2, random_state=0, **options)
        for key, group in groups.items():
            alone = GaussianMixture(2, random_state=0, n_threads=1, **options).fit(group)
            np.testing.assert_array_equal(fits[key].covariances_, alone.covariances_)
            assert fits[key].n_parameters() == alone.n_parameters()


MISUSE = [
    ({"equal_weights": 1}, "equal_weights must be True or False"),
    ({"eigen_ratio": 0.5}, "eigen_ratio must be a finite number >= 1"),
    ({"eigen_ratio": np.inf}, "eigen_ratio must be a finite number"),
    ({"eigen_ratio": "ten"}, "eigen_ratio must be a real number"),
    ({"shrinkage": "atuo"}, "did you mean 'auto'"),
    ({"shrinkage": -0.1}, "shrinkage must be a finite number >= 0"),
    ({"shrinkage": 1.0}, "shrinkage must be below 1"),
    ({"on_collapse": "repeat"}, "on_collapse must be one of .* did you mean 'repair'"),
    ({"fixed": 3}, "fixed must be names out of"),
    ({"fixed": "mean"}, "fixed knows .*'mean', did you mean 'means'"),
    ({"fixed": ("means", "covariance")}, "did you mean 'covariances'"),
    ({"fixed": {"means": [3]}, "means_init": MEANS}, "fixed\\['means'\\] must be between 0 and 2"),
    ({"fixed": {"means": "some"}, "means_init": MEANS}, "must be 'all' or numbers of components"),
    ({"fixed": {"means": [0.5]}, "means_init": MEANS}, "must be an integer"),
    ({"fixed": ("means",)}, "fixed holds the means, but nothing says at what: give means_init"),
    ({"fixed": ("covariances",)}, "give covariances_init or precisions_init"),
    ({"fixed": ("weights",)}, "give weights_init, or continue a fit with warm_start=True"),
    ({"fixed": ("weights",), "weights_init": [0.2, 0.3, 0.5], "equal_weights": True}, "give one of them"),
    (
        {"fixed": {"covariances": [0]}, "covariances_init": np.eye(D), "covariance_type": "tied"},
        "a tied covariance is one for all components",
    ),
    (
        {"fixed": ("covariances",), "covariances_init": [np.diag([1, 2, 9.0])] * 3, "eigen_ratio": 4.0},
        "eigenvalues of the fixed covariances have the ratio 9",
    ),
]


@pytest.mark.parametrize(("options", "message"), MISUSE, ids=lambda v: str(v) if isinstance(v, str) else "")
def test_misuse_is_named(options, message):
    with pytest.raises(ParameterError, match=message):
        GaussianMixture(K, **options).fit(X)
