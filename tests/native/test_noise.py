"""Noise and priors of rows in the compiled path: against the NumPy twin, row by row, and the ends of the range."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
from native_problem import LINEAR, bits
from native_problem import problem as native
from twin_problem import KERNELS, SIZES, TOLERANCE, assert_same_statistics, close, problem, weights_of

from gmm import _native
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel
from gmm.reference import Rows as Twin
from gmm.rows import Rows

NAME = attrgetter("name")


def noisy(factors, X, frame):
    """The same mixture beside noise that takes about a third of the rows."""
    density = Twin(X, None, frame).score(factors).log_density
    return replace(factors, log_noise=float(np.quantile(density, 0.3)))


def priors(n_rows, n_components, seed=3):
    """Over ten decades, a fifth of them zero, never all of a row's."""
    rng = np.random.default_rng(seed)
    prior = 10.0 ** rng.uniform(-10, 0, (n_rows, n_components)) * (rng.random((n_rows, n_components)) > 0.2)
    prior[np.arange(n_rows), rng.integers(n_components, size=n_rows)] = 1.0
    with np.errstate(divide="ignore"):
        return np.log(prior)


@pytest.mark.parametrize("with_prior", [False, True], ids=["plain", "prior"])
@pytest.mark.parametrize("with_noise", [False, True], ids=["pure", "noise"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS, ids=NAME)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_against_the_twin(n_features, n_components, kernel, precision, with_noise, with_prior):
    if not with_noise and not with_prior:
        return  # test_twin.py
    X, frame, factors = problem(n_features, n_components, kernel, n_rows=1300)
    weight, prior = weights_of(len(X)), priors(len(X), n_components) if with_prior else None
    factors = noisy(factors, X, frame) if with_noise else factors
    rows, twin = Rows(X, weight, frame, precision, 2, 0, prior), Twin(X, weight, frame, log_prior=prior)
    tolerance = TOLERANCE[precision]
    found, expected = rows.accumulate(factors), twin.accumulate(factors)
    if kernel is Kernel.TIED and with_noise:  # each component's own scatter: the total would hold that of noise
        found = replace(found, second=found.second.sum(axis=0))
    assert_same_statistics(found, expected, tolerance, frame.radius)
    close(found.log_likelihood, expected.log_likelihood, tolerance)
    close(found.noise, expected.noise, tolerance, expected.weight)
    assert not with_noise or 0.1 < expected.noise / expected.weight < 0.95
    close(found.n.sum() + found.noise, found.weight, tolerance)

    wanted = {"log_density": True, "posterior": True, "label": True}
    found, expected = rows.score(factors, **wanted), twin.score(factors, **wanted)
    assert found.posterior.shape == (len(X), n_components + with_noise)
    close(found.log_density, expected.log_density, tolerance)
    close(found.posterior, expected.posterior, tolerance * np.abs(expected.log_density).max())
    ranked = np.sort(expected.posterior, axis=1)
    clear = ranked[:, -1] - (ranked[:, -2] if ranked.shape[1] > 1 else 0.0) > 1e-3
    np.testing.assert_array_equal(found.label[clear], expected.label[clear])
    assert (found.label == -1).any() == with_noise
    if with_prior and not with_noise:
        assert (found.posterior[np.isneginf(prior)] == 0.0).all()


def skipped(X, weight, frame, factors, skipping):
    """Sums n, first, second; log-likelihood, weight, weight of noise."""
    (K, D), second = factors.means.shape, np.zeros(factors.whiteners.shape)
    sums = np.zeros(K), np.zeros((K, D)), second
    totals = _native.accumulate(
        *(X, weight, frame.scale, frame.centre, 0, 1, factors.log_constants, factors.means, factors.whiteners),
        *(*sums, 2, skipping, factors.log_noise),
    )
    return *sums, *totals


@pytest.mark.parametrize("skipping", [1, 2], ids=["dense", "skipping"])
def test_skipping_beside_noise(skipping):
    """Terms left out are below 2**-58 of the components' density, so of that with noise too; far rows are noise."""
    X, frame, factors = problem(12, 9, Kernel.FULL, n_rows=2100)
    factors, weight = noisy(factors, X, frame), weights_of(len(X))
    expected = Twin(X, weight, frame).accumulate(factors)
    far = np.full((3, 12), 1e200)
    n, first, second, log_likelihood, total, noise = skipped(
        np.vstack([far, X]), np.append([1.0, 2.0, 0.0], weight), frame, factors, skipping
    )
    close(n, expected.n, 1e-12, total)
    close(first, expected.first, 1e-12, total * frame.radius)
    close(second, expected.second, 1e-12, total * frame.radius**2)
    close([log_likelihood - 3.0 * factors.log_noise, noise - 3.0], [expected.log_likelihood, expected.noise], 1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS, ids=NAME)
@pytest.mark.parametrize("n_features", [3, 12])
def test_far_rows_are_noise(kernel, n_features, precision):
    X, frame, factors = problem(n_features, 3, kernel, n_rows=70)
    factors = noisy(factors, X, frame)
    X = X.copy()
    X[5], X[33, 0], X[40] = 1e300, -1e200, 1e30
    rows = Rows(X, None, frame, precision, 1)
    scores = rows.score(factors, posterior=True, label=True)
    far = [5, 33, 40]
    np.testing.assert_array_equal(scores.label[far], -1)
    np.testing.assert_array_equal(scores.posterior[far], np.eye(4)[[3, 3, 3]])
    np.testing.assert_allclose(scores.log_density[far], factors.log_noise, rtol=1e-6 if precision == "float32" else 0)
    near = Rows(np.delete(X, far, axis=0), None, frame, precision, 1).accumulate(factors)
    found = rows.accumulate(factors)
    close(found.n, near.n, TOLERANCE[precision], 70)
    close(found.second, near.second, TOLERANCE[precision], 70 * frame.radius**2)
    close(found.noise, near.noise + 3, TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_noise_fainter_than_float32_can_tell_is_still_that_of_far_rows(precision):
    X, frame, factors = problem(3, 3, Kernel.FULL, n_rows=70)
    X = X.copy()
    X[33] = 1e300
    rows, faint = Rows(X, None, frame, precision, 1), replace(factors, log_noise=-1e300)
    scores, pure = (rows.score(each, posterior=True, label=True) for each in (faint, factors))
    np.testing.assert_array_equal(scores.posterior[33], [0.0, 0.0, 0.0, 1.0])
    assert scores.label[33] == -1
    assert -np.inf < scores.log_density[33] <= -1e37
    near = np.arange(70) != 33
    np.testing.assert_array_equal(scores.log_density[near], pure.log_density[near])
    np.testing.assert_array_equal(scores.posterior[near, :3], pure.posterior[near])
    assert rows.accumulate(faint).noise == 1.0


def test_noise_of_weight_zero_changes_no_bit():
    X, frame, factors = problem(5, 4, Kernel.FULL, n_rows=500)
    rows, none = Rows(X, None, frame), replace(factors, log_noise=-np.inf)
    pure, found = rows.accumulate(factors), rows.accumulate(none)
    wide, frame, wide_factors = problem(12, 9, Kernel.FULL, n_rows=2100)
    for skipping in (1, 2):
        each = [skipped(wide, None, frame, replace(wide_factors, log_noise=c), skipping) for c in (None, -np.inf)]
        assert [np.asarray(total).tobytes() for total in each[0]] == [np.asarray(total).tobytes() for total in each[1]]
    assert (found.log_likelihood, found.noise) == (pure.log_likelihood, 0.0)
    np.testing.assert_array_equal(found.second, pure.second)
    posterior = rows.score(none, posterior=True).posterior
    np.testing.assert_array_equal(posterior[:, :4], rows.score(factors, posterior=True).posterior)
    assert (posterior[:, 4] == 0.0).all()


def test_a_far_row_keeps_to_its_prior():
    frame = Frame.identity(2)
    factors = Factors(Kernel.DIAG, np.log([0.5, 0.5]), np.array([[0.0, 0.0], [1e10, 0.0]]), np.ones((2, 2)))
    X, prior = np.array([[1e200, 0.0], [1e200, 0.0]]), np.array([[0.0, 0.0], [0.0, -np.inf]])
    rows = Rows(X[::-1], None, frame, "float64", 1, 0, prior[::-1].copy())
    twin = Twin(X[::-1], None, frame, log_prior=prior[::-1])
    found, expected = (each.score(factors, posterior=True, label=True) for each in (rows, twin))
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_array_equal(found.posterior[0], [1.0, 0.0])


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("n_features", [3, 20])
def test_same_bits_for_any_number_of_threads(n_threads, n_features):
    given = native(n_rows=5000, n_features=n_features, log_noise=-6.0, log_prior=priors(5000, 4))
    one, many = given.change(n_threads=1), given.change(n_threads=n_threads)
    assert bits(one.accumulate()) == bits(many.accumulate())
    assert bits(one.score()) == bits(many.score())


def test_slices_of_a_long_call_take_their_own_priors(monkeypatch):
    """A call over rows equals calls over its blocks, each with its part of the priors."""
    prior = priors(3000, 4)
    given = native(n_rows=3000, log_noise=-6.0, log_prior=prior)
    whole, sums, noise = given.accumulate(), given.sums, 0.0
    for first in range(0, 3000, 1024):
        part = slice(first, first + 1024)
        weight = given.sample_weight[part].copy()
        piece = given.change(X=given.X[part], sample_weight=weight, log_prior=prior[part].copy())
        noise += piece.accumulate(**sums)["noise"]
    np.testing.assert_array_equal(whole["n"], sums["n"])
    assert abs(whole["noise"] - noise) < 1e-12 * noise


def test_bad_noise_and_priors():
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="outside its contract"):
            native(log_noise=bad).accumulate()
        with pytest.raises(ValueError, match="outside its contract"):
            native(log_noise=bad).score()
    with pytest.raises(ValueError, match="outside its contract"):
        native(LINEAR, log_noise=-1.0).accumulate()
    with pytest.raises(ValueError, match=r"log_prior: expected shape \(50, 4\)"):
        native(log_prior=np.zeros((50, 3))).accumulate()
    with pytest.raises(TypeError, match="log_prior: expected elements of type 'd'"):
        native(log_prior=np.zeros((50, 4), np.float32)).score()
