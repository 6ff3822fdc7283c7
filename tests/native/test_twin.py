"""The compiled path against the NumPy twin: the same rows, frame and factors, the same sums.

Every structure, both precisions, sizes on both sides of every tile and lane boundary, weights and layouts.
"""

from operator import attrgetter

import numpy as np
import pytest
from tolerances import SUM_FLOAT64
from twin_problem import KERNELS, SIZES, TOLERANCE, assert_same_statistics, close, problem, weights_of

from gmm.frame import Frame
from gmm.parameters import Factors, Kernel
from gmm.reference import Rows as Twin
from gmm.rows import Rows

NAME = attrgetter("name")


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS, ids=NAME)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_accumulate(n_features, n_components, kernel, precision):
    X, frame, factors = problem(n_features, n_components, kernel)
    weight = weights_of(len(X))
    found = Rows(X, weight, frame, precision, 2).accumulate(factors)
    expected = Twin(X, weight, frame).accumulate(factors)
    assert_same_statistics(found, expected, TOLERANCE[precision], frame.radius)
    close(found.log_likelihood, expected.log_likelihood, TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_many_features(precision):
    """So many that a component's weights are read once for all rows of a tile, and sums are asked for ahead."""
    X, frame, factors = problem(517, 2, Kernel.FULL, n_rows=131)
    rows, twin = Rows(X, None, frame, precision, 2), Twin(X, None, frame)
    found, expected = rows.accumulate(factors), twin.accumulate(factors)
    assert_same_statistics(found, expected, TOLERANCE[precision], frame.radius)
    close(found.log_likelihood, expected.log_likelihood, TOLERANCE[precision])
    close(rows.score(factors)[0], twin.score(factors)[0], TOLERANCE[precision])


@pytest.mark.parametrize("n_rows", [1, 2, 7, 8, 9, 63, 64, 65, 127, 129, 1023, 1024, 1025, 2047, 2049])
@pytest.mark.parametrize("kernel", KERNELS, ids=NAME)
def test_any_number_of_rows(kernel, n_rows):
    X, frame, factors = problem(5, 3, kernel)
    found = Rows(X[:n_rows], None, frame, "float64", 2).accumulate(factors)
    expected = Twin(X[:n_rows], None, frame).accumulate(factors)
    assert_same_statistics(found, expected, SUM_FLOAT64, frame.radius)
    close(found.log_likelihood, expected.log_likelihood, SUM_FLOAT64)


@pytest.mark.parametrize("kernel", [Kernel.FULL, Kernel.DIAG, Kernel.SPHERICAL], ids=NAME)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_moments(n_features, n_components, kernel):
    X, frame, factors = problem(n_features, n_components, kernel)
    rng = np.random.default_rng(1)
    weight = weights_of(len(X))
    shares = rng.dirichlet(np.ones(n_components), len(X))
    labels = rng.integers(-1, n_components, len(X))
    rows, twin = Rows(X, weight, frame, "float64", 2), Twin(X, weight, frame)
    for given in ({"responsibilities": shares}, {"labels": labels}):
        found = rows.moments(kernel, factors.means, **given)
        expected = twin.moments(kernel, factors.means, **given)
        assert_same_statistics(found, expected, SUM_FLOAT64, frame.radius)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS, ids=NAME)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_score(n_features, n_components, kernel, precision):
    X, frame, factors = problem(n_features, n_components, kernel, n_rows=300)
    found = Rows(X, None, frame, precision, 2).score(factors, log_density=True, posterior=True, label=True)
    expected = Twin(X, None, frame).score(factors, log_density=True, posterior=True, label=True)
    close(found.log_density, expected.log_density, TOLERANCE[precision])
    close(found.posterior, expected.posterior, TOLERANCE[precision] * np.abs(expected.log_density).max())
    ranked = np.sort(expected.posterior, axis=1)
    clear = ranked[:, -1] - (ranked[:, -2] if n_components > 1 else 0.0) > 1e-3
    np.testing.assert_array_equal(found.label[clear], expected.label[clear])


def test_rows_beyond_every_density():
    """A row whose squares overflow belongs to the nearest component by Mahalanobis distance."""
    frame = Frame.identity(2)
    factors = Factors(Kernel.DIAG, np.log([0.5, 0.5]), np.zeros((2, 2)), np.array([[1.0, 0.5], [0.5, 1.0]]))
    X = np.array([[1e170, 0.0], [0.0, 1e170], [1e300, 1e299], [1e30, 0.0], [0.0, 0.0]])
    found = Rows(X, None, frame, "float64", 1).score(factors, log_density=True, posterior=True, label=True)
    expected = Twin(X, None, frame).score(factors, log_density=True, posterior=True, label=True)
    np.testing.assert_array_equal(expected.label[:4], [1, 0, 1, 1])
    np.testing.assert_array_equal(expected.posterior[:4, 1], [1.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_allclose(found.posterior, expected.posterior, rtol=1e-14)
    np.testing.assert_allclose(found.log_density, expected.log_density, rtol=1e-14)
    assert np.isneginf(found.log_density[:3]).all()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_assign(n_features, n_components, precision):
    X, frame, factors = problem(n_features, n_components, Kernel.SPHERICAL)
    weight = weights_of(len(X))
    found = Rows(X, weight, frame, precision, 2).assign(factors.means, label=True, distance=True, sums=True)
    expected = Twin(X, weight, frame).assign(factors.means, label=True, distance=True, sums=True)
    tolerance = TOLERANCE[precision]
    close(found.inertia, expected.inertia, tolerance)
    close(found.distance, expected.distance, tolerance)
    close(found.n, expected.n, tolerance, weight.sum())
    close(found.sum, expected.sum, tolerance, weight.sum() * frame.radius)
    assert np.mean(found.label == expected.label) > 1 - 1e-3


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_seed(n_features, n_components, precision):
    X, frame, factors = problem(n_features, n_components, Kernel.SPHERICAL)
    weight = weights_of(len(X))
    ours, twin = Rows(X, weight, frame, precision, 2), Twin(X, weight, frame)
    closest = None
    for candidates in (factors.means[:1], factors.means):
        found, expected = ours.seed(candidates, closest), twin.seed(candidates, closest)
        close(found[0], expected[0], TOLERANCE[precision])
        close(found[1], expected[1], TOLERANCE[precision])
        closest = expected[0][:, 0]


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X[::-1].copy()[::-1],
        lambda X: np.flip(np.flip(X, 1).copy(), 1),
    ],
    ids=["fortran", "strided", "reversed rows", "reversed columns"],
)
def test_layouts_have_the_same_bits(layout):
    X, frame, factors = problem(5, 3, Kernel.FULL)
    plain, moved = (Rows(x, None, frame, "float64", 2).accumulate(factors) for x in (X, layout(X)))
    assert plain.log_likelihood == moved.log_likelihood
    for name in ("n", "first", "second"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(moved, name))


def test_total_scatter():
    X, frame, _ = problem(9, 2, Kernel.FULL)
    weight = weights_of(len(X))
    close(Rows(X, weight, frame).total_scatter, Twin(X, weight, frame).total_scatter, SUM_FLOAT64)
