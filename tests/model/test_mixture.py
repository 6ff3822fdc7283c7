"""A mixture keeps the user's numbers, and evaluates and draws from the density they define."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import problems
import pytest
from tolerances import FIVE_SIGMA, ORACLE_DENSITY

from gmm.covariances import STRUCTURES
from gmm.errors import GmmError, ParameterError, RepresentationError
from gmm.frame import Frame
from gmm.mixture import Mixture
from gmm.parameters import Kernel, Parameters

K, D = 3, 2


def given(structure, scale=1.0, condition=10.0, n_features=D):
    p = problems.blobs(10, n_features=n_features, n_components=K, condition=condition)
    variances = np.diagonal(p.covariances, axis1=1, axis2=2)
    covariances = {
        "full": p.covariances,
        "tied": p.covariances[0],
        "diag": variances,
        "spherical": variances[:, 0],
    }[structure.name]
    return p.weights, p.means * scale, covariances * scale * scale


def mixture(structure, **kwargs):
    return Mixture.from_user(*given(structure, **kwargs), structure.name)


@pytest.mark.parametrize("scale", [1e-140, 1e-5, 1.0, 3.0, 1e140])
def test_parameters_come_back_bit_for_bit(structure, scale):
    m = mixture(structure, scale=scale)
    for found, expected in zip((m.weights, m.means, m.covariances), given(structure, scale), strict=True):
        np.testing.assert_array_equal(found, expected)
    dense = structure.dense(m.covariances, K, D)
    inverse = structure.dense(m.precisions, K, D)
    np.testing.assert_allclose(dense @ inverse, np.broadcast_to(np.eye(D), dense.shape), rtol=0, atol=1e-11)


def test_precisions_cholesky_are_in_user_units(structure):
    m = mixture(structure, scale=1e-4)
    root = m.precisions_cholesky
    square = root @ np.swapaxes(root, -1, -2) if structure.name in ("full", "tied") else root**2
    np.testing.assert_allclose(square, m.precisions, rtol=1e-12, atol=1e-12 * np.abs(m.precisions).max())
    if structure.name in ("full", "tied"):
        np.testing.assert_array_equal(np.tril(root, -1), 0.0)


@pytest.mark.parametrize("scale", [1e-160, 1e-300, 1e300])
def test_prediction_works_where_covariances_cannot_be_written(structure, scale):
    """The density of scaled rows is the density of the rows, moved by D log(scale)."""
    plain = mixture(structure)
    exponent = round(np.log2(scale))
    frame = Frame(plain.frame.exponent + exponent, plain.frame.centre, plain.frame.radius, plain.frame.floor)
    far = Mixture(structure, plain.parameters, frame)
    X = problems.blobs(50, n_features=D).X
    moved = np.ldexp(X, exponent)
    np.testing.assert_array_equal(far.label(moved), plain.label(X))
    expected = plain.log_density(X) - D * exponent * np.log(2)
    np.testing.assert_allclose(far.log_density(moved), expected, rtol=1e-14, atol=1e-11)
    np.testing.assert_array_equal(far.means, np.ldexp(plain.means, exponent))
    if abs(exponent) > 540:
        for name in ("covariances", "precisions"):
            with pytest.raises(RepresentationError, match="in these units"):
                getattr(far, name)


def test_parameters_may_be_as_small_as_float64():
    m = Mixture.from_user([1.0], [[2e-160]], [1e-320], "spherical")
    sd = np.sqrt(1e-320)
    expected = -0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * (2e-160 / sd) ** 2
    assert m.log_density([[0.0]])[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8])
def test_log_density_against_many_digits(structure, condition):
    mp = pytest.importorskip("mpmath")
    m = mixture(structure, condition=condition, n_features=4)
    weights, means, dense = m.weights, m.means, structure.dense(m.covariances, K, 4)
    X = means[0] + np.random.default_rng(0).normal(size=(5, 4))
    for x, found in zip(X, m.log_density(X), strict=True):
        with mp.workdps(60):
            total = mp.mpf(0)
            for weight, mean, covariance in zip(weights, means, dense, strict=True):
                C = mp.matrix(covariance.tolist())
                c = mp.matrix([mp.mpf(float(a)) - mp.mpf(float(b)) for a, b in zip(x, mean, strict=True)])
                square = (c.T * mp.lu_solve(C, c))[0]
                total += mp.mpf(float(weight)) * mp.exp(-square / 2) / mp.sqrt((2 * mp.pi) ** 4 * mp.det(C))
            expected = mp.log(total)
        assert abs(mp.mpf(float(found)) - expected) <= ORACLE_DENSITY * condition * max(1, abs(expected))


def test_the_density_integrates_to_one(structure):
    m = mixture(structure)
    step = 0.1  # a sum over a grid is exact for Gaussians wider than the grid, up to exp(-2 (pi sd / step)^2)
    axis = np.arange(-20, 20, step) + m.means.mean()
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(m.log_density(grid)).sum() * step**2 == pytest.approx(1.0, abs=1e-9)


def test_posteriors_are_bayes_rule(structure):
    m = mixture(structure)
    X = problems.blobs(200, n_features=D, separation=2.0).X
    joint = np.column_stack(
        [
            m.weights[k] * np.exp(Mixture.from_user([1.0], m.means[[k]], one, structure.name).log_density(X))
            for k, one in enumerate(structure.take(m.covariances, [k]) for k in range(K))
        ]
    )
    posterior = m.posterior(X)
    np.testing.assert_allclose(posterior, joint / joint.sum(axis=1, keepdims=True), rtol=1e-10, atol=1e-15)
    np.testing.assert_array_equal(m.label(X), posterior.argmax(axis=1))
    assert m.posterior(X, precision="float32").dtype == np.float32


def test_prediction_is_centred():
    """A tied mixture far from zero is evaluated as x - mean, to the last digits."""
    near = mixture(STRUCTURES["tied"])
    assert near.factors.kernel is Kernel.FULL
    far = Mixture.from_user(near.weights, near.means + 2.0**30, near.covariances, "tied")
    X = np.round(problems.blobs(20, n_features=D).X * 2**16) / 2**16
    means = np.round(near.means * 2**16) / 2**16
    near, far = (Mixture.from_user(near.weights, means + shift, near.covariances, "tied") for shift in (0.0, 2.0**30))
    np.testing.assert_array_equal(far.log_density(X + 2.0**30), near.log_density(X))


def test_copies_are_bitwise_and_nothing_can_be_changed(structure):
    m = mixture(structure)
    X = problems.blobs(20, n_features=D).X
    density = m.log_density(X)
    for twin in (pickle.loads(pickle.dumps(m)), copy.copy(m), copy.deepcopy(m)):
        assert twin.structure is structure
        np.testing.assert_array_equal(twin.log_density(X), density)
        np.testing.assert_array_equal(twin.covariances, m.covariances)
        with pytest.raises(ValueError, match="read-only"):
            twin.parameters.means[0] = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        m.frame = None
    m.weights[0] = m.means[0] = m.covariances[0] = 7.0
    np.testing.assert_array_equal(m.log_density(X), density)


def test_order(structure):
    m = mixture(structure)
    order = np.array([2, 0, 1])
    turned = m.reorder(order)
    X = problems.blobs(50, n_features=D).X
    np.testing.assert_array_equal(turned.weights, m.weights[order])
    np.testing.assert_array_equal(turned.means, m.means[order])
    np.testing.assert_allclose(turned.posterior(X), m.posterior(X)[:, order], rtol=1e-12, atol=1e-15)


def test_number_of_parameters(structure):
    sklearn = pytest.importorskip("sklearn.mixture")
    theirs = sklearn.GaussianMixture(K, covariance_type=structure.name)
    theirs.means_ = np.zeros((K, D))
    assert mixture(structure).n_parameters == theirs._n_parameters()


# ---- sampling


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_samples_have_the_moments_of_the_mixture(structure, scale):
    m = mixture(structure)
    exponent = round(np.log2(scale))
    frame = Frame(m.frame.exponent + exponent, m.frame.centre, m.frame.radius, m.frame.floor)
    X, labels = Mixture(structure, m.parameters, frame).sample(40_000, np.random.default_rng(0))
    X = np.ldexp(X, -exponent)
    dense = structure.dense(m.covariances, K, D)
    counts = np.bincount(labels, minlength=K)
    assert (np.abs(counts - 40_000 * m.weights) < FIVE_SIGMA * np.sqrt(40_000 * m.weights * (1 - m.weights))).all()
    for k in range(K):
        rows = X[labels == k] - m.means[k]
        variances = np.diagonal(dense[k])
        assert (np.abs(rows.mean(axis=0)) < FIVE_SIGMA * np.sqrt(variances / counts[k])).all()
        error = np.abs(rows.T @ rows / counts[k] - dense[k])
        assert (error < FIVE_SIGMA * np.sqrt(2 * np.outer(variances, variances) / counts[k])).all()


def test_few_samples():
    m = mixture(STRUCTURES["full"])
    X, labels = m.sample(0, np.random.default_rng(0))
    assert X.shape == (0, D)
    assert labels.shape == (0,)
    X, labels = m.sample(1, np.random.default_rng(0))
    assert X.shape == (1, D)
    assert labels.dtype == np.int64
    again, _ = m.sample(1, np.random.default_rng(0))
    np.testing.assert_array_equal(again, X)


def test_weights_that_sum_to_one_but_for_an_ulp_are_fine():
    rng = np.random.default_rng(0)
    for components in (3, 10, 1000, 20_000):
        for _ in range(10):
            weights = np.r_[rng.dirichlet(np.ones(components - 1)), 1e-30]  # numpy looks at the sum but for the last
            weights *= 1 + rng.choice([-1, 1]) * components * 2.0**-52
            m = Mixture.from_user(weights, np.zeros((components, 1)), np.ones(components), "spherical")
            assert len(m.sample(100, rng)[0]) == 100


def test_a_component_of_weight_zero_is_never_drawn_nor_predicted():
    m = Mixture.from_user([0.5, 0.5, 0.0], [[0.0], [5.0], [2.5]], np.ones(3), "spherical")
    assert set(m.sample(10_000, np.random.default_rng(0))[1]) == {0, 1}
    posterior = m.posterior([[2.5], [1e6]])
    np.testing.assert_array_equal(posterior[:, 2], 0.0)
    expected = np.log(np.exp(-(2.5**2) / 2) / np.sqrt(2 * np.pi))  # 2.5 from both of weight one half
    assert m.log_density([[2.5]])[0] == pytest.approx(expected, rel=1e-15)


# ---- refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [0.0], [1.0], "spherical"), r"means must have shape \(n_components, n_features\), got \(1,\)"),
        (([], np.empty((0, 2)), [], "spherical"), r"got \(0, 2\)"),
        (([0.5, 0.5], [[0.0]], [1.0], "spherical"), r"weights has shape \(2,\), expected \(1,\)"),
        (([1.0], [[np.nan]], [1.0], "spherical"), r"means\[0, 0\] is nan"),
        (([1.0], [[0.0]], [-1.0], "spherical"), "component 0 has variance -1"),
        (([1.0], [[0.0]], [1.0], "spheric"), "did you mean 'spherical'"),
        (([1.0], [[1e300]], [1e-300], "spherical"), "component 0 lies more standard deviations from zero"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Mixture.from_user(*arguments)


def test_bad_rows_are_named():
    m = mixture(STRUCTURES["full"])
    with pytest.raises(GmmError, match="X has 3 features, but this mixture is expecting 2"):
        m.log_density(np.zeros((2, 3)))
    with pytest.raises(GmmError, match="NaN at row 1, column 0"):
        m.label([[0.0, 1.0], [np.nan, 2.0]])


def test_parameters_in_the_frame_are_shared_not_copied():
    arrays = (np.ones(1), np.zeros((1, 2)), np.ones((1, 2)))
    m = Mixture(STRUCTURES["diag"], Parameters(*arrays), Frame.identity(2))
    assert np.shares_memory(m.parameters.means, arrays[1])
    assert arrays[1].flags.writeable
