"""Each structure against the formula that defines it, written out one component at a time."""

from __future__ import annotations

import pickle

import mpmath
import numpy as np
import problems
import pytest
from model.labelled import of_labels
from tolerances import CLOSED_FORM

from gmm.covariances import STRUCTURES
from gmm.covariances import structure as by_name
from gmm.errors import ParameterError
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters

K, SIZES = 3, [1, 2, 5, 9, 26]
NO_FLOOR = 1e-300


def truth(structure, D, seed=0):
    """Parameters of a structure, well away from any special case."""
    p = problems.blobs(K + 1, n_features=D, n_components=K, seed=seed)
    variances = np.diagonal(p.covariances, axis1=1, axis2=2)
    covariances = {
        "full": p.covariances,
        "tied": p.covariances[0],
        "diag": variances.copy(),
        "spherical": variances.mean(axis=1),
    }[structure.name]
    return Parameters(p.weights, p.means, covariances)


def statistics_of(structure, D, shift=0.1):
    """Labelled rows and their statistics about means that are off by `shift`."""
    p = problems.blobs(40 * D + 60, n_features=D, n_components=K)
    means = p.means + shift
    return p.X, p.labels, of_labels(p.X, p.labels, means, structure.moments_kernel)


def scatter_matrices(X, labels):
    return np.stack([np.cov(X[labels == k], rowvar=False, bias=True).reshape(X.shape[1], -1) for k in range(K)])


@pytest.mark.parametrize("D", SIZES)
def test_maximize_is_the_closed_form(structure, D):
    X, labels, statistics = statistics_of(structure, D)
    ridge = np.full(D, 0.3) if structure.scaling == "common" else np.linspace(0.1, 0.5, D)
    for r in (None, ridge):
        found, floored = structure.maximize(statistics, truth(structure, D), ridge=r, floor=np.full(D, NO_FLOOR))
        share = np.bincount(labels) / len(X)
        S = scatter_matrices(X, labels) + (0 if r is None else np.diag(r))
        variances = np.diagonal(S, axis1=1, axis2=2)
        expected = {
            "full": S,
            "tied": np.tensordot(share, S, axes=1),
            "diag": variances,
            "spherical": variances.mean(axis=1),
        }[structure.name]
        np.testing.assert_allclose(found.weights, share, rtol=CLOSED_FORM)
        np.testing.assert_allclose(found.means, [X[labels == k].mean(axis=0) for k in range(K)], atol=CLOSED_FORM)
        np.testing.assert_allclose(found.covariances, expected, rtol=0, atol=CLOSED_FORM * np.abs(S).max())
        assert not floored.any()
        if found.covariances.ndim > 1 and structure.name in ("full", "tied"):
            np.testing.assert_array_equal(found.covariances, np.swapaxes(found.covariances, -1, -2))


def test_tied_takes_pooled_and_separate_moments():
    tied = STRUCTURES["tied"]
    p = problems.blobs(200, n_features=4)
    pooled, separate = (of_labels(p.X, p.labels, p.means, kernel) for kernel in (Kernel.TIED, Kernel.FULL))
    results = [tied.maximize(s, truth(tied, 4), floor=np.full(4, NO_FLOOR))[0] for s in (pooled, separate)]
    np.testing.assert_allclose(results[0].covariances, results[1].covariances, rtol=0, atol=CLOSED_FORM)


@pytest.mark.parametrize("D", SIZES)
def test_factorize_gives_the_log_density(structure, D):
    stats = pytest.importorskip("scipy.stats")
    parameters = truth(structure, D)
    ridge = np.full(D, 0.05)
    plain, ridged = structure.factorize(parameters), structure.factorize(parameters, ridge)
    dense = structure.dense(parameters.covariances, K, D)
    x = parameters.means[0] + np.linspace(-1, 2, D)
    for k in range(K):
        W = plain.centred().whiteners[k]
        whitened = W @ (x - parameters.means[k]) if np.ndim(W) == 2 else W * (x - parameters.means[k])
        found = plain.log_constants[k] - whitened @ whitened / 2
        expected = np.log(parameters.weights[k]) + stats.multivariate_normal(parameters.means[k], dense[k]).logpdf(x)
        assert found == pytest.approx(expected, abs=1e-10)
        penalty = np.trace(np.diag(ridge) @ np.linalg.inv(dense[k])) / 2
        assert plain.log_constants[k] - ridged.log_constants[k] == pytest.approx(penalty, rel=1e-10)
    np.testing.assert_array_equal(plain.whiteners, ridged.whiteners)


@pytest.mark.parametrize("D", SIZES)
def test_whiteners_are_lower_triangular_and_invert(structure, D):
    parameters = truth(structure, D)
    factors = structure.factorize(parameters)
    assert factors.whiteners.shape == factors.kernel.whitener_shape(K, D)
    for array in (factors.log_constants, factors.means, factors.whiteners):
        assert array.flags.c_contiguous
        assert array.dtype == np.float64
    if structure.name in ("full", "tied"):
        np.testing.assert_array_equal(np.triu(factors.whiteners, 1), 0.0)


@pytest.mark.parametrize("D", SIZES)
def test_precisions(structure, D):
    covariances = truth(structure, D).covariances
    precisions = structure.precisions(covariances)
    dense = structure.dense(covariances, K, D)
    np.testing.assert_allclose(
        structure.dense(precisions, K, D) @ dense, np.broadcast_to(np.eye(D), dense.shape), rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(structure.from_precisions(precisions), covariances, rtol=0, atol=1e-12)
    assert precisions.shape == structure.shape(K, D)


@pytest.mark.parametrize("D", [2, 5])
def test_precisions_cholesky_are_scikit_learns(structure, D):
    mixture = pytest.importorskip("sklearn.mixture._gaussian_mixture")
    covariances = truth(structure, D).covariances
    expected = mixture._compute_precision_cholesky(covariances, structure.name)
    np.testing.assert_allclose(structure.precisions_cholesky(covariances), expected, rtol=0, atol=CLOSED_FORM * 10)


@pytest.mark.parametrize("D", [1, 2, 7])
def test_numbers_of_parameters_are_scikit_learns(structure, D):
    mixture = pytest.importorskip("sklearn.mixture")
    theirs = mixture.GaussianMixture(K, covariance_type=structure.name)
    theirs.means_ = np.zeros((K, D))
    assert structure.n_parameters(K, D) + K * D + K - 1 == theirs._n_parameters()


def test_colorize_has_the_covariance(structure):
    covariances = truth(structure, 4).covariances
    z = np.eye(4)
    rows = structure.colorize(covariances, 1, z)
    np.testing.assert_allclose(rows.T @ rows, structure.dense(covariances, K, 4)[1], rtol=0, atol=CLOSED_FORM)


def test_a_dead_component_keeps_its_place(structure):
    X, labels, _ = statistics_of(structure, 3)
    previous = truth(structure, 3, seed=5)
    statistics = of_labels(X, np.where(labels == 1, 0, labels), np.zeros((K, 3)), structure.moments_kernel)
    found, floored = structure.maximize(statistics, previous, floor=np.full(3, NO_FLOOR))
    assert found.weights[1] == 0.0
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_array_equal(found.means[1], previous.means[1])
    if structure.name != "tied":
        np.testing.assert_array_equal(found.covariances[1], previous.covariances[1])
    assert not floored.any()
    assert structure.factorize(found).log_constants[1] == -np.inf


def test_many_components_at_once(structure):
    rng = np.random.default_rng(0)
    many = 500
    covariances = structure.from_precisions(
        {
            "full": np.stack([problems.random_covariance(2, rng) for _ in range(many)]),
            "tied": problems.random_covariance(2, rng),
            "diag": rng.uniform(1, 2, (many, 2)),
            "spherical": rng.uniform(1, 2, many),
        }[structure.name]
    )
    parameters = Parameters(np.full(many, 1 / many), rng.normal(size=(many, 2)), covariances)
    together = structure.factorize(parameters).centred()
    for k in (0, 250, 499):
        one = Parameters(parameters.weights[:1], parameters.means[k : k + 1], structure.take(covariances, [k]))
        alone = structure.factorize(one).centred()
        np.testing.assert_allclose(together.log_constants[k], alone.log_constants[0], rtol=CLOSED_FORM)
        np.testing.assert_allclose(together.whiteners[k], alone.whiteners[0], rtol=CLOSED_FORM)


def test_the_log_determinant_survives_where_the_determinant_does_not():
    D = 2000
    diag = STRUCTURES["diag"]
    constants = diag.factorize(Parameters(np.ones(1), np.zeros((1, D)), np.full((1, D), 1e-8))).log_constants
    assert constants[0] == pytest.approx(-D / 2 * np.log(2 * np.pi * 1e-8), rel=1e-13)
    dense = np.full((300, 300), 0.5e-8) + np.eye(300) * 0.5e-8
    full = STRUCTURES["full"].factorize(Parameters(np.ones(1), np.zeros((1, 300)), dense[None])).log_constants[0]
    expected = -150 * np.log(2 * np.pi) - 0.5 * (299 * np.log(0.5e-8) + np.log(0.5e-8 * 301))
    assert full == pytest.approx(expected, rel=1e-13)


# ---- the quick tied kernel


@pytest.mark.parametrize(
    ("means", "covariance", "kernel"),
    [
        ([[0.0, 0.0], [2.0, 1.0]], np.eye(2), Kernel.TIED),
        ([[0.0, 0.0], [250.0, 0.0]], np.eye(2), Kernel.TIED),
        ([[0.0, 0.0], [260.0, 0.0]], np.eye(2), Kernel.FULL),
        ([[0.0, 0.0], [200.0, 200.0]], np.eye(2), Kernel.FULL),
        ([[0.0, 0.0], [1.0, 1.0]], np.array([[1.0, 1 - 1e-6], [1 - 1e-6, 1.0]]), Kernel.FULL),
    ],
)
def test_tied_expands_the_square_only_near_the_centre(means, covariance, kernel):
    parameters = Parameters(np.array([0.5, 0.5]), np.array(means), covariance)
    factors = STRUCTURES["tied"].factorize(parameters)
    assert factors.kernel is kernel
    assert factors.centred().kernel is Kernel.FULL
    np.testing.assert_array_equal(factors.centred().whiteners[1], np.atleast_3d(factors.whiteners.T).T[-1])


# ---- what users give


def test_valid_covariances_pass_unchanged(structure):
    covariances = truth(structure, 3).covariances
    found = structure.validate(np.asfortranarray(covariances), K, 3)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, covariances)
    np.testing.assert_array_equal(structure.validate(covariances * 1e-300, K, 3), covariances * 1e-300)


BAD = {
    "full": {
        "shape": (np.eye(2), r"shape \(2, 2\), expected \(3, 2, 2\)"),
        "skew": ([np.eye(2), [[1, 0.5], [0.4, 1]], np.eye(2)], "component 1 is not symmetric"),
        "semidefinite": ([np.eye(2), np.eye(2), [[1, 1], [1, 1]]], "component 2 is not positive definite"),
        "negative": ([-np.eye(2), np.eye(2), np.eye(2)], "component 0 .* definite, diagonal entry 0 is -1"),
        "NaN": ([np.eye(2), np.eye(2), [[1, np.nan], [np.nan, 1]]], r"\[2, 0, 1\] is nan"),
        "text": ("full", "must be an array of real numbers"),
    },
    "tied": {
        "shape": ([np.eye(2)] * 3, r"shape \(3, 2, 2\), expected \(2, 2\)"),
        "skew": ([[1, 0.5], [0.4, 1]], "not symmetric"),
        "indefinite": ([[1, 2], [2, 1]], "the shared matrix is not positive definite"),
    },
    "diag": {
        "shape": (np.ones((2, 3)), r"shape \(2, 3\), expected \(3, 2\)"),
        "zero": ([[1, 1], [1, 0], [1, 1]], "component 1, feature 1 has variance 0, not positive"),
        "negative": ([[1, 1], [1, 1], [-2, 1]], "component 2, feature 0 has variance -2"),
    },
    "spherical": {
        "shape": (np.ones((3, 2)), r"shape \(3, 2\), expected \(3,\)"),
        "zero": ([1, 0, 1], "component 1 has variance 0"),
        "infinite": ([1, np.inf, 1], r"\[1\] is inf"),
    },
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in BAD for kind in BAD[name]])
def test_bad_covariances_are_named(name, kind):
    covariances, message = BAD[name][kind]
    with pytest.raises(ParameterError, match=f"covariances_init.*{message}"):
        STRUCTURES[name].validate(covariances, 3, 2, "covariances_init")


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("D", [2, 30])
def test_large_and_small_matrices_are_judged_alike(D, scale):
    full = STRUCTURES["full"]
    good = np.stack([problems.random_covariance(D, np.random.default_rng(0))] * 2) * scale
    full.validate(good, 2, D)
    skew, indefinite = good.copy(), good.copy()
    skew[1, 0, 1] += 1e-3 * scale
    indefinite[1, 0, 1] = indefinite[1, 1, 0] = scale
    for bad, cause in ((skew, "symmetric"), (indefinite, "positive definite")):
        with pytest.raises(ParameterError, match=f"component 1 is not {cause}"):
            full.validate(bad, 2, D)
    with pytest.raises(np.linalg.LinAlgError):
        full.precisions(indefinite)


def test_registry(structure):
    assert pickle.loads(pickle.dumps(structure)) is structure is by_name(structure.name)
    for name, near in [("ful", "full"), ("sperical", "spherical"), ("diagonal", "diag")]:
        with pytest.raises(ParameterError, match=f"did you mean '{near}'"):
            by_name(name)
    with pytest.raises(ParameterError, match="'full', 'tied', 'diag', 'spherical'"):
        by_name(3)


def test_units_of_the_structure(structure):
    covariances = truth(structure, 3).covariances
    frame = Frame.at_scale(np.array([5, -3, 0]), structure.scaling)
    inside = structure.covariances_in(covariances, frame)
    dense = structure.dense(inside, K, 3)
    expected = structure.dense(covariances, K, 3) * frame.scale[:, None] * frame.scale
    np.testing.assert_array_equal(dense, expected)
    np.testing.assert_array_equal(structure.covariances_out(inside, frame), covariances)


@pytest.mark.parametrize("name", ["full", "tied"])
@pytest.mark.parametrize("condition", [1e8, 1e10, 1e12])
def test_rounding_bounds_what_a_stored_covariance_costs(name, condition):
    """Against the best covariance of the same rows in 50 digits; and it is no more than a few thousand times that."""
    structure, D, cost, bound = by_name(name), 3, [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        spread = np.geomspace(1.0, condition**-0.5, D)
        X = rng.normal(size=(60, D)) * spread @ np.linalg.qr(rng.normal(size=(D, D)))[0]
        X -= X.mean(axis=0)
        means = X.mean(axis=0, keepdims=True)
        statistics = of_labels(X, np.zeros(60, np.int64), means, structure.moments_kernel)
        anything = Parameters(np.ones(1), means, np.eye(D).reshape(structure.shape(1, D)))
        found, _ = structure.maximize(statistics, anything, floor=np.full(D, NO_FLOOR))
        W = structure.factorize(found).centred().whiteners[0]
        with mpmath.workdps(50):
            rows = mpmath.matrix((X - found.means).tolist())
            S, exact = rows.T * rows / 60, mpmath.matrix(W.tolist())
            fitted, log_det = exact * S * exact.T, mpmath.log(mpmath.det(exact) ** 2 * mpmath.det(S))
            cost.append(float(sum(fitted[j, j] for j in range(D)) - D - log_det) / 2)
        bound.append(structure.rounding(found))
    assert max(cost) > 0
    assert all(each <= most for each, most in zip(cost, bound, strict=True))
    assert max(bound) <= 5000 * max(cost)


def test_variances_lose_nothing_to_rounding():
    for name in ("diag", "spherical"):
        assert by_name(name).rounding(truth(by_name(name), 3)) == 0.0
