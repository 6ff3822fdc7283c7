"""Terms below 2**-58 of a row's density left out of full covariances: the same statistics as with them.

Means from overlapping to far apart, sizes on both sides of every tile and lane boundary; against the dense kernel and
the NumPy twin, which has every term.
"""

import numpy as np
import pytest
from native_problem import FULL, LINEAR, Problem, bits, problem

from gmm import _native
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel
from gmm.reference import Rows as Twin

AUTO, NEVER, ALWAYS = range(3)
SIZES = [(9, 4), (10, 150), (12, 40), (16, 32), (23, 7), (39, 20), (64, 5), (120, 6)]
APART = {"overlapping": 0.5, "mixed": 7.0, "separated": 12.0, "far apart": 40.0}


def mixture(n_features, n_components, apart, *, n_rows=2500, weighted=False, precision=1):
    """Rows of Gaussians whose means are typically ``apart`` standard deviations from each other, and their factors."""
    rng = np.random.default_rng([n_features, n_components])
    D, K = n_features, n_components
    means = rng.normal(size=(K, D)) * apart / np.sqrt(2 * D)
    labels = rng.integers(K, size=n_rows)
    whiteners = np.tril(rng.normal(size=(K, D, D)) * 0.1 / np.sqrt(D), -1)
    whiteners += np.eye(D) * rng.uniform(0.8, 1.2, (K, 1, D))
    X = rng.normal(size=(n_rows, D))
    for k in range(K):
        X[labels == k] = means[k] + np.linalg.solve(whiteners[k], X[labels == k].T).T
    X = X.astype(["float32", "float64"][precision])
    constants = np.log(np.diagonal(whiteners, axis1=1, axis2=2)).sum(axis=1) + np.log(rng.dirichlet(np.full(K, 5.0)))
    weight = rng.uniform(0.5, 2.0, n_rows) * (rng.random(n_rows) > 0.1) if weighted else None
    ones, zeros = np.ones(D), np.zeros(D)
    return Problem(X, weight, ones, zeros, FULL, constants, means, whiteners, precision)


def accumulate(given, skipping):
    sums = given.sums
    log_likelihood, weight, _ = _native.accumulate(
        given.X, given.sample_weight, given.scale, given.centre, given.kernel, given.precision, given.log_constants,
        given.means, given.whiteners, *sums.values(), given.n_threads, skipping,
    )  # fmt: skip
    return sums | {"log_likelihood": log_likelihood, "weight": weight}


def assert_close(found, expected, given, tolerance):
    """Relative to what each component's sums are made of: its weight, times the size of the terms."""
    total = expected["weight"]
    deviation = np.sqrt(np.trace(expected["second"], axis1=1, axis2=2) / np.maximum(expected["n"], 1e-300))
    sizes = {"n": expected["n"], "first": (expected["n"] * deviation)[:, None]}
    sizes["second"] = (expected["n"] * deviation**2)[:, None, None]
    for name, size in sizes.items():
        allowed = tolerance * size + 2.0**-58 * total * (1 + np.ptp(given.X)) ** 2
        assert (np.abs(found[name] - expected[name]) <= allowed).all(), name
    assert abs(found["log_likelihood"] - expected["log_likelihood"]) <= tolerance * abs(expected["log_likelihood"])
    assert abs(found["weight"] - total) <= 1e-14 * total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("apart", APART.values(), ids=APART)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_same_statistics_as_dense(n_features, n_components, apart, weighted):
    given = mixture(n_features, n_components, apart, weighted=weighted)
    assert_close(accumulate(given, ALWAYS), accumulate(given, NEVER), given, 1e-13)


@pytest.mark.parametrize("apart", APART.values(), ids=APART)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_same_statistics_as_dense_in_float32(n_features, n_components, apart):
    given = mixture(n_features, n_components, apart, precision=0)
    assert_close(accumulate(given, ALWAYS), accumulate(given, NEVER), given, 1e-5 * (1 + apart))


@pytest.mark.parametrize("apart", APART.values(), ids=APART)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
def test_same_statistics_as_the_twin(n_features, n_components, apart):
    given = mixture(n_features, n_components, apart, n_rows=1100, weighted=True)
    twin = Twin(given.X, given.sample_weight, Frame.identity(n_features))
    expected = twin.accumulate(Factors(Kernel.FULL, given.log_constants, given.means, given.whiteners))
    names = ("n", "first", "second", "log_likelihood", "weight")
    assert_close(accumulate(given, ALWAYS), {name: getattr(expected, name) for name in names}, given, 1e-13)


@pytest.mark.parametrize("n_rows", [1, 7, 24, 25, 143, 145, 1023, 1024, 1025, 2049])
def test_any_number_of_rows(n_rows):
    given = mixture(12, 6, 12.0, n_rows=n_rows)
    assert_close(accumulate(given, ALWAYS), accumulate(given, NEVER), given, 1e-13)


def test_components_switched_off():
    given = mixture(12, 6, 12.0)
    constants = given.log_constants.copy()
    constants[[1, 5]] = -np.inf
    given = given.change(log_constants=constants)
    found = accumulate(given, ALWAYS)
    assert_close(found, accumulate(given, NEVER), given, 1e-13)
    assert not found["second"][[1, 5]].any()


def test_wrong_guesses_change_nothing():
    """Means alike in all features but the last, which a guess of the owner may well pass over."""
    given = mixture(64, 5, 12.0)
    means = np.zeros_like(given.means)
    means[:, -1] = 15.0 * np.arange(5)
    X = np.random.default_rng(0).normal(size=given.X.shape) + means[np.arange(len(given.X)) % 5]
    given = given.change(means=means, X=X)
    assert_close(accumulate(given, ALWAYS), accumulate(given, NEVER), given, 1e-13)


@pytest.mark.parametrize("precision", [0, 1], ids=["float32", "float64"])
def test_same_bits_for_any_number_of_threads_and_layout(precision):
    given = mixture(16, 12, 12.0, n_rows=9 * 1024 + 77, precision=precision)
    one, *others = [bits(accumulate(given.change(n_threads=t), ALWAYS)) for t in (1, 2, 3, 8)]
    turned = accumulate(given.change(X=np.asfortranarray(given.X)), ALWAYS)
    assert [*others, bits(turned)] == [one] * 4


def test_choice():
    """Left to itself it is on for separated components, off for overlapping ones and for few features."""
    for apart, expected in ((0.5, NEVER), (20.0, ALWAYS)):
        given = mixture(16, 12, apart)
        assert bits(accumulate(given, AUTO)) == bits(accumulate(given, expected))
        assert bits(accumulate(given, NEVER)) != bits(accumulate(given, ALWAYS))
    few = mixture(4, 12, 20.0)
    assert bits(accumulate(few, ALWAYS)) == bits(accumulate(few, NEVER))


def test_choice_beyond_the_features_whose_curvature_is_known():
    for apart, expected in ((0.5, NEVER), (60.0, ALWAYS)):
        given = mixture(120, 12, apart, n_rows=1500)
        assert bits(accumulate(given, AUTO)) == bits(accumulate(given, expected))


def test_a_block_whose_rows_do_not_fit_is_dense():
    """Each block of 1024 rows chooses for itself, so a call over all rows is the calls over its blocks."""
    fits = mixture(16, 12, 14.0, n_rows=2 * 1024)
    middle = np.random.default_rng(1).normal(size=(1024, 16)) * 0.1
    X = np.concatenate([fits.X[:1024], middle, fits.X[1024:]])
    first, second, third = (
        accumulate(fits.change(X=X[block * 1024 : (block + 1) * 1024]), way)
        for block, way in enumerate((ALWAYS, NEVER, ALWAYS))
    )
    expected = bits({name: first[name] + second[name] + third[name] for name in first})
    assert [bits(accumulate(fits.change(X=X, n_threads=t), AUTO)) for t in (1, 3)] == [expected] * 2


def test_a_block_is_chosen_by_the_terms_that_count_not_by_those_that_are_looked_at():
    """Planes alone rule out nothing of rows far outside, where one term counts, or in the middle, where all do."""
    near = mixture(120, 12, 20.0, n_rows=1024)
    rng = np.random.default_rng(2)
    away = rng.normal(size=near.X.shape)
    outside = near.X + 80.0 * away / np.linalg.norm(away, axis=1)[:, None]
    for X, expected in ((near.X, ALWAYS), (outside, ALWAYS), (0.1 * away, NEVER)):
        given = near.change(X=X)
        assert bits(accumulate(given, AUTO)) == bits(accumulate(given, expected))
        assert bits(accumulate(given, NEVER)) != bits(accumulate(given, ALWAYS))


def test_linear_forms_keep_every_term_when_told_to():
    """One of two forms alike but for a factor of e**-60 is left out of the moments, from 128 features on."""
    rng = np.random.default_rng(0)
    for n_features, skips in ((130, AUTO), (130, ALWAYS), (130, NEVER), (100, AUTO)):
        X, ones = rng.normal(size=(200, n_features)), np.ones(n_features)
        slopes = np.repeat(rng.normal(size=(1, n_features)), 2, axis=0)
        given = Problem(X, None, ones, 0.0 * ones, LINEAR, np.array([0.0, -60.0]), slopes, slopes)
        left_out = n_features == 130 and skips != NEVER
        expected = 0.0 if left_out else 200 * np.exp(-60.0)
        np.testing.assert_allclose(accumulate(given, skips)["n"], [200.0, expected], rtol=1e-12)


@pytest.mark.parametrize("spread", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("apart", [12.0, 17.0, 30.0])
def test_rows_on_the_way_from_one_mean_to_another(apart, spread):
    """The direction in which a triangle inequality is tight, between components alike or wide beside narrow."""
    given = mixture(16, 12, apart, n_rows=4 * 66 * 11)
    scale = np.geomspace(1.0, spread, 12)[::-1]
    first, second = (ends.repeat(44) for ends in np.triu_indices(12, 1))
    way = np.tile(np.linspace(0.0, 1.0, 44), 66)[:, None]
    X = (1 - way) * given.means[first] + way * given.means[second] + given.X % 0.01
    constants = given.log_constants - 16 * np.log(scale)
    given = given.change(X=X, whiteners=given.whiteners / scale[:, None, None], log_constants=constants)
    assert_close(accumulate(given, ALWAYS), accumulate(given, NEVER), given, 1e-13)


def test_unknown_choice():
    with pytest.raises(ValueError, match="skipping"):
        accumulate(problem(FULL, n_rows=10), 3)
