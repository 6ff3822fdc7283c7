"""The factor kernel beyond what test_twin.py asks of every kernel: numbers of factors, strong signals, lists, bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from factor_problem import analysers, drawn
from native_problem import problem as native
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tolerances import SUM_FLOAT64
from twin_problem import TOLERANCE, assert_same_statistics, close, weights_of

from gmm import _native
from gmm.covariances.loadings import dense
from gmm.frame import Frame
from gmm.parameters import Kernel
from gmm.reference import Rows as Twin
from gmm.rows import Rows

PRECISIONS = ("float32", "float64")


def problem(n_components, n_features, n_factors, n_rows=700, **more):
    """Rows of the mixture itself."""
    kind, parameters = analysers(n_components, n_features, n_factors, **more)
    X, labels = drawn(parameters, n_rows)
    return X, labels, Frame.identity(n_features), kind.factorize(parameters)


def compare(X, frame, factors, precision, tolerance, weight=None):
    rows, twin = Rows(X, weight, frame, precision, 2), Twin(X, weight, frame)
    found, expected = rows.accumulate(factors), twin.accumulate(factors)
    assert_same_statistics(found, expected, tolerance, np.abs(X).max())
    close(found.log_likelihood, expected.log_likelihood, tolerance)
    np.testing.assert_array_equal(found.along, factors.whiteners[:, 1:])
    scores, wanted = rows.score(factors, posterior=True), twin.score(factors, posterior=True)
    close(scores.log_density, wanted.log_density, tolerance)
    close(scores.posterior, wanted.posterior, tolerance * np.abs(wanted.log_density).max())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("n_factors", [*range(1, 18), 24, 33])
def test_any_number_of_factors(n_factors, precision):
    X, _, frame, factors = problem(3, 37, n_factors)
    compare(X, frame, factors, precision, TOLERANCE[precision], weights_of(len(X)))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("n_components", "n_features", "n_factors"), [(10, 784, 10), (1, 300, 1), (40, 65, 3)])
def test_many_features(n_components, n_features, n_factors, precision):
    X, _, frame, factors = problem(n_components, n_features, n_factors, 260, signal=0.3)
    compare(X, frame, factors, precision, TOLERANCE[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("signal", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("n_features", [3, 8, 21])
def test_a_strong_signal_costs_no_digits(n_features, signal, precision):
    """Density errors stay at those of the noise, whatever the factors' variance: a million times it, and more."""
    X, _, frame, factors = problem(2, n_features, 2, signal=signal)
    found = Rows(X, None, frame, precision, 2).score(factors).log_density
    expected = Twin(X, None, frame).score(factors).log_density
    eps = 2.0**-23 if precision == "float32" else 2.0**-52
    lost = 200 * eps * signal * np.sqrt(n_features)  # rounding of the residual: eps of the signal's size
    bound = max(lost, 1e-11 if precision == "float64" else 2e-4) * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def test_mixed_signals():
    """One component above the bound of the short form, one below, one without any factor's variance."""
    kind, parameters = analysers(3, 12, 3)
    parameters.covariances[0, 1:] *= 1e4
    parameters.covariances[2, 1:] = 0.0
    X, _ = drawn(parameters, 500)
    factors = kind.factorize(parameters)
    found = Rows(X, None, Frame.identity(12)).score(factors, posterior=True)
    expected = Twin(X, None, Frame.identity(12)).score(factors, posterior=True)
    np.testing.assert_allclose(found.log_density, expected.log_density, rtol=1e-9)
    np.testing.assert_allclose(found.posterior, expected.posterior, atol=1e-8)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_factors_without_signal_beside_strong_ones(precision):
    """Their directions are rounding, and not orthogonal to those of a signal of 1e7; they must take nothing from it."""
    kind, parameters = analysers(2, 20, 9, signal=700.0)
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(9, 9)))[0] * ([1.0] * 3 + [1e-6] * 2 + [1e-12] * 4)
    parameters.covariances[:, 1:] = turn @ parameters.covariances[:, 1:]  # 3 factors, and as good as none
    X, _ = drawn(parameters, 300)
    factors = kind.factorize(parameters)
    assert ((factors.whiteners[:, 1:] / factors.whiteners[:, :1]) ** 2).sum(axis=2).max() > 1e7
    S = dense(parameters.covariances)
    logs = [multivariate_normal(parameters.means[k], S[k]).logpdf(X) for k in range(2)]
    expected = logsumexp(np.log(parameters.weights)[:, None] + logs, axis=0)
    found = Rows(X, None, Frame.identity(20), precision).score(factors).log_density
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 if precision == "float64" else 0.02)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_given_partitions(precision):
    X, labels, frame, factors = problem(3, 19, 5)
    weight = weights_of(len(X))
    shares = np.random.default_rng(1).dirichlet(np.ones(3), len(X))
    labels = np.where(np.arange(len(X)) % 7 == 0, -1, labels)
    rows, twin = Rows(X, weight, frame, precision, 2), Twin(X, weight, frame)
    for given in ({"responsibilities": shares}, {"labels": labels}):
        given |= {"whiteners": factors.whiteners}
        found = rows.moments(Kernel.FACTOR, factors.means, **given)
        expected = twin.moments(Kernel.FACTOR, factors.means, **given)
        assert_same_statistics(found, expected, TOLERANCE[precision], np.abs(X).max())


def test_terms_left_out_are_negligible():
    X, _, frame, factors = problem(4, 30, 2, 3000)
    far = replace(factors, means=factors.means * 20)
    rows = Rows(X, None, frame)
    n, first, second = np.zeros(4), np.zeros((4, 30)), np.zeros(far.whiteners.shape)
    arrays = (far.log_constants, far.means, far.whiteners, n, first, second)
    _native.accumulate(X, None, frame.scale, frame.centre, Kernel.FACTOR, 1, *arrays, 2, 1)
    found = rows.accumulate(far)
    size = np.abs(second).max()
    np.testing.assert_allclose(found.second, second, rtol=0, atol=SUM_FLOAT64 * size)
    np.testing.assert_allclose(found.n, n, rtol=SUM_FLOAT64, atol=len(X) * 2.0**-58)
    assert (found.n == 0).any()


def test_rows_beyond_every_density():
    frame = Frame.identity(2)
    kind, p = analysers(2, 2, 1)
    p.means[:] = 0.0
    p.covariances[:] = [[[1.0, 1.0], [0.0, 2.0]], [[1.0, 1.0], [2.0, 0.0]]]
    factors = kind.factorize(p)
    X = np.array([[1e170, 0.0], [0.0, 1e170], [1e300, 1e299], [1e30, 0.0], [0.0, 0.0]])
    found = Rows(X, None, frame, "float64", 1).score(factors, posterior=True, label=True)
    expected = Twin(X, None, frame).score(factors, posterior=True, label=True)
    np.testing.assert_array_equal(found.label[:4], [1, 0, 1, 1])
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_allclose(found.posterior, expected.posterior, rtol=1e-12)
    assert np.isneginf(found.log_density[:3]).all()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bits_depend_on_nothing_but_the_rows(precision):
    X, _, frame, factors = problem(3, 41, 6, 5000)
    one = Rows(X, None, frame, precision, 1).accumulate(factors)
    for n_threads in (2, 3, 8):
        for x in (X, np.asfortranarray(X), X[::-1].copy()[::-1]):
            other = Rows(x, None, frame, precision, n_threads).accumulate(factors)
            for name in ("n", "first", "second", "log_likelihood"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    whole = Rows(X, None, frame, precision).score(factors).log_density
    for i in (0, 17, 1023, 4999):
        np.testing.assert_array_equal(Rows(X[i : i + 1], None, frame, precision).score(factors).log_density, whole[i])


def test_shapes_are_checked():
    X, _, _, factors = problem(2, 5, 2)
    given = native(0, n_rows=len(X), n_features=5, n_components=2)
    arrays = (factors.log_constants, factors.means)
    sums = (np.zeros(2), np.zeros((2, 5)))
    for whiteners, message in (
        (factors.whiteners[:, 0].copy(), "with 1 to D factors"),
        (factors.whiteners[:, :1].copy(), "with 1 to D factors"),
        (np.ones((2, 7, 5)), "with 1 to D factors"),
        (np.ones((3, 3, 5)), "whiteners: expected shape"),
    ):
        with pytest.raises(ValueError, match=message):
            _native.accumulate(
                X, None, given.scale, given.centre, 5, 1, *arrays, whiteners, *sums, np.zeros((2, 3, 5)), 1
            )
    with pytest.raises(ValueError, match="second: expected shape"):
        _native.accumulate(
            X, None, given.scale, given.centre, 5, 1, *arrays, factors.whiteners, *sums, np.zeros((2, 2, 5)), 1
        )
    with pytest.raises(TypeError, match="whiteners"):
        _native.moments(
            X, None, given.scale, given.centre, 5, 1, factors.means, None, np.zeros(len(X), np.int64), *sums,
            np.zeros((2, 3, 5)), 1,
        )  # fmt: skip
