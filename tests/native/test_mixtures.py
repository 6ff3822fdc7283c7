"""Factors and maximise steps of the core against the NumPy twin, in sizes on both sides of every panel."""

import numpy as np
import problems
import pytest
from tolerances import EPS32, EPS64, SUM_FLOAT64

from gmm import _native
from gmm.covariances import STRUCTURES
from gmm.covariances.floor import lift
from gmm.parameters import Kernel, Parameters
from gmm.reference import factorize, maximize
from gmm.reference.floor import lift as twin_lift
from gmm.reference.triangles import whitener as twin_whitener
from gmm.statistics import Statistics

SIZES = [(1, 1), (2, 3), (3, 16), (5, 4), (8, 7), (9, 2), (16, 9), (17, 3), (33, 5), (39, 3), (64, 2), (70, 2)]
FLOOR = 2.0**-98


def mixture(structure, D, K, seed=0):
    rng = np.random.default_rng([seed, D, K])
    dense = np.stack([problems.random_covariance(D, rng, condition=1e3) for _ in range(K)])
    variances = np.ascontiguousarray(np.diagonal(dense, axis1=1, axis2=2))
    covariances = {"full": dense, "tied": dense[0], "diag": variances, "spherical": variances.mean(axis=1)}
    return Parameters(rng.dirichlet(np.ones(K)), rng.normal(size=(K, D)), covariances[structure.name])


def statistics(structure, D, K, *, pooled=False, dead=None, seed=1):
    """Sums of random rows about random means; in the tied structure's other shape if asked for."""
    rng = np.random.default_rng([seed, D, K])
    means = rng.normal(size=(K, D))
    r = rng.dirichlet(np.ones(K), 3 * D + 10)
    if dead is not None:
        r[:, dead] = 0.0
    rows = rng.normal(size=(len(r), D)) * np.linspace(0.5, 2.0, D)
    c = rows[:, None] - means
    first, second = np.einsum("nk,nkd->kd", r, c), np.einsum("nk,nki,nkj->kij", r, c, c)
    second = (second + second.swapaxes(1, 2)) / 2
    squares = np.diagonal(second, axis1=1, axis2=2)
    second = {"full": second, "tied": second.sum(axis=0) if pooled else second, "diag": squares.copy()}.get(
        structure.name, squares.sum(axis=1)
    )
    return Statistics(r.sum(axis=0), first, second, means, 0.0, float(len(r)), len(r))


def ridge_of(structure, D):
    return np.full(D, 0.3) if structure.scaling == "common" else np.linspace(0.1, 0.5, D)


def close(found, expected, tolerance=SUM_FLOAT64):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(np.abs(expected).max(), 1.0))


@pytest.mark.parametrize("ridged", [False, True])
@pytest.mark.parametrize(("D", "K"), SIZES)
def test_factorize(structure, D, K, ridged):
    given = mixture(structure, D, K)
    ridge = ridge_of(structure, D) if ridged else None
    found, expected = structure.factorize(given, ridge), factorize(structure.kernel, given, ridge)
    close(found.log_constants, expected.log_constants)
    if found.kernel is expected.kernel:
        close(found.whiteners, expected.whiteners)


@pytest.mark.parametrize("dead", [None, 0])
@pytest.mark.parametrize("ridged", [False, True])
@pytest.mark.parametrize(("D", "K"), SIZES[1:])
def test_maximize(structure, D, K, ridged, dead):
    given, previous = statistics(structure, D, K, dead=dead), mixture(structure, D, K)
    limits = {"ridge": ridge_of(structure, D) if ridged else None, "floor": np.full(D, FLOOR)}
    found, floored = structure.maximize(given, previous, **limits)
    expected, expected_floored = maximize(structure.kernel, given, previous, **limits)
    for name in ("weights", "means", "covariances"):
        close(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(floored, expected_floored)
    if dead is not None and structure.name != "tied":
        np.testing.assert_array_equal(found.covariances[dead], previous.covariances[dead])


def test_maximize_of_pooled_moments():
    tied = STRUCTURES["tied"]
    for D, K in SIZES:
        given, previous = statistics(tied, D, K, pooled=True), mixture(tied, D, K)
        found, _ = tied.maximize(given, previous, floor=np.full(D, FLOOR))
        expected, _ = maximize(Kernel.TIED, given, previous, floor=np.full(D, FLOOR))
        close(found.covariances, expected.covariances)


@pytest.mark.parametrize("name", ["diag", "spherical"])
def test_variances_rest_on_the_floor(name):
    structure = STRUCTURES[name]
    given, previous = statistics(structure, 4, 3), mixture(structure, 4, 3)
    floor = np.full(4, 5.0) if name == "spherical" else np.array([0.3, 1e-9, 1.0, 4.0])
    found, floored = structure.maximize(given, previous, floor=floor)
    expected, expected_floored = maximize(structure.kernel, given, previous, floor=floor)
    close(found.covariances, expected.covariances)
    np.testing.assert_array_equal(floored, expected_floored)
    assert floored.any()


@pytest.mark.parametrize("epsilon", [EPS64, EPS32])
@pytest.mark.parametrize("D", [1, 2, 5, 8, 9, 17, 33])
def test_lift(D, epsilon):
    """Fewer rows than features, a repeated column, a constant one, and some that are regular."""
    rng = np.random.default_rng(D)
    made = [rng.normal(size=(n, D)) for n in (D + 30, max(D - 1, 1), D + 30, D + 30)]
    made[2][:, -1] = made[2][:, 0]
    made[3][:, 0] = 0.0
    S = np.stack([X.T @ X / len(X) for X in made])
    S = (S + S.swapaxes(1, 2)) / 2
    found, floored = lift(S, np.full(D, FLOOR), epsilon)
    expected = [twin_lift(s[None], np.full(D, FLOOR), epsilon) for s in S]
    np.testing.assert_array_equal(floored, [alone[1][0] for alone in expected])
    assert floored[3]
    for k, (covariance, _) in enumerate(expected):
        # what follows a nearly dependent feature is determined only up to the inverse of what it has of its own
        close(found[k], covariance[0], 1e-10)
    W = np.empty_like(S)
    assert _native.whiten(found, W, 1) == -1
    close(np.log(np.diagonal(W, axis1=1, axis2=2)), np.log(np.diagonal(twin_whitener(found), axis1=1, axis2=2)), 1e-9)


@pytest.mark.parametrize("name", ["full", "tied"])
@pytest.mark.parametrize("D", [2, 9, 33])
def test_a_covariance_is_not_raised_where_the_previous_one_is_likelier(name, D):
    """A repeated feature: the previous residual variance a quarter of the new level, then far above it."""
    structure = STRUCTURES[name]
    rows = np.random.default_rng(D).normal(size=(D + 30, D))
    rows[:, -1] = rows[:, 0]
    rows -= rows.mean(axis=0)
    S, n, floor = rows.T @ rows, np.array([float(len(rows))]), np.full(D, FLOOR)
    given = Statistics(n, np.zeros((1, D)), S[None], np.zeros((1, D)), 0.0, n[0], len(rows))

    def maximized(previous):
        before = Parameters(np.ones(1), np.zeros((1, D)), previous.reshape(structure.shape(1, D)))
        found, floored = structure.maximize(given, before, floor=floor)
        expected, _ = maximize(structure.kernel, given, before, floor=floor)
        close(found.covariances, expected.covariances, 1e-10)
        assert floored.all()
        return found.covariances.reshape(D, D)

    raised = maximized(np.eye(D))
    level = raised[-1, -1] - raised[0, 0]
    assert 0 < level < 1e-10
    likelier, unlikelier = raised.copy(), raised.copy()
    likelier[-1, -1] -= level * 0.75
    unlikelier[-1, -1] += level * 64
    np.testing.assert_array_equal(maximized(likelier), likelier)
    np.testing.assert_array_equal(maximized(unlikelier), raised)


def test_lift_returns_what_is_regular_as_it_is():
    S = np.eye(3)[None] * 2.0
    found, floored = lift(S, np.full(3, FLOOR), EPS64)
    assert found is S
    assert not floored.any()


@pytest.mark.parametrize("D", [3, 40, 130])
def test_bits_do_not_depend_on_threads(D):
    given = mixture(STRUCTURES["full"], D, 6)
    found = []
    for n_threads in (1, 2, 3, 8):
        W = np.empty_like(given.covariances)
        S, floored = given.covariances.copy(), np.empty(6, bool)
        assert _native.whiten(given.covariances, W, n_threads) == -1
        _native.lift(S, np.ones((6, D)), np.full(D, FLOOR), EPS64, floored, n_threads)
        found.append(W.tobytes() + S.tobytes() + floored.tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("D", [2, 8, 30])
def test_the_first_matrix_without_a_factor_is_named(D):
    full = STRUCTURES["full"]
    given = mixture(full, D, 5)
    for k in (3, 1):
        given.covariances[k, D - 1, D - 1] = -1.0
        with pytest.raises(np.linalg.LinAlgError, match=f"component {k} "):
            full.factorize(given)
    given.covariances[0, 0, 0] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="component 0 "):
        full.factorize(given)


def test_arguments_are_checked():
    full, given = STRUCTURES["full"], mixture(STRUCTURES["full"], 3, 2)
    with pytest.raises(ValueError, match="weights: expected shape"):
        full.factorize(Parameters(given.weights[:1], given.means, given.covariances))
    with pytest.raises(ValueError, match="covariances: expected shape"):
        full.factorize(Parameters(given.weights, given.means, given.covariances[0]))
    with pytest.raises(ValueError, match="ridge: expected shape"):
        full.factorize(given, np.zeros(2))
    with pytest.raises(TypeError, match="floor: expected a float64 array"):
        full.maximize(statistics(full, 3, 2), given, floor=None)
    with pytest.raises(ValueError, match="n_threads"):
        _native.whiten(given.covariances, np.empty((2, 3, 3)), 0)
    with pytest.raises(ValueError, match="kernel: expected 0"):
        _native.factorize(4, given.weights, given.means, given.covariances, None, np.empty(2), np.empty((2, 3, 3)), 1)
