"""Eigenvalues truncated to a ratio: against a scan over the lower bound, closed forms, and what must not change."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import CLOSED_FORM

from gmm.covariances.eigen_ratio import Spectrum, bounds, limited


def criterion(values, weight, lower, upper):
    """What truncated eigenvalues cost, n (log t + e / t) summed, for one lower bound or many (S,)."""
    lower, upper = (np.asarray(bound, float)[..., None, None] for bound in (lower, upper))
    truncated = np.clip(values, lower, upper)
    return (weight[:, None] * (np.log(truncated) + values / truncated)).sum(axis=(-1, -2))


def problem(seed, M=3, D=4, spread=4.0):
    rng = np.random.default_rng(seed)
    return np.exp(spread * rng.normal(size=(M, D))), rng.uniform(0.5, 50.0, M)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 4.0, 50.0, 1e4])
@pytest.mark.parametrize("seed", range(12))
def test_no_lower_bound_of_a_fine_scan_is_better(seed, ratio):
    values, weight = problem(seed, M=1 + seed % 4, D=1 + seed % 5)
    found = criterion(values, weight, *bounds(values, weight, ratio))
    scan = np.geomspace(values.min() / ratio / 2, values.max() * 2, 20_001)
    best = criterion(values, weight, scan, scan * ratio).min()
    assert found <= best + 1e-12 * abs(best)
    lower, upper = bounds(values, weight, ratio)
    assert upper <= lower * ratio * (1 + 1e-14)


def test_two_variances_have_a_closed_form():
    """Of e_1 < e_2 / c both are truncated: m = (w_1 e_1 + w_2 e_2 / c) / (w_1 + w_2)."""
    values, weight, c = np.array([[1.0], [100.0]]), np.array([3.0, 2.0]), 9.0
    m = (3.0 * 1.0 + 2.0 * 100.0 / c) / 5.0
    np.testing.assert_allclose(bounds(values, weight, c), (m, c * m), rtol=CLOSED_FORM)


def test_ratio_one_is_the_mean():
    values, weight = problem(3)
    mean = (weight[:, None] * values).sum() / (weight.sum() * values.shape[1])
    np.testing.assert_allclose(bounds(values, weight, 1.0), (mean, mean), rtol=CLOSED_FORM)


def test_singular_directions_are_raised_at_a_finite_cost():
    values, weight = np.array([[0.0, 0.0, 1.0], [2.0, 3.0, 4.0]]), np.array([5.0, 7.0])
    lower, upper = bounds(values, weight, 10.0)
    assert 0 < lower < 1
    scan = np.geomspace(1e-3, 10, 5001)
    assert criterion(values, weight, lower, upper) <= criterion(values, weight, scan, 10.0 * scan).min() + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_bounds_of_the_lower_bound_hold_and_the_nearest_is_best(seed):
    values, weight = problem(seed)
    free = bounds(values, weight, 3.0)[0]
    assert bounds(values, weight, 3.0, least=2 * free)[0] == 2 * free
    assert bounds(values, weight, 3.0, most=free / 2)[0] == free / 2
    scan = np.geomspace(2 * free, 100 * free, 500)
    assert criterion(values, weight, 2 * free, 6 * free) <= criterion(values, weight, scan, 3.0 * scan).min()


def test_components_without_weight_have_no_say_but_obey():
    S = np.array([np.diag([1.0, 2.0]), np.diag([1e-6, 1e6])])
    made, _ = limited(S, np.array([4.0, 0.0]), 3.0, 0.0)
    np.testing.assert_array_equal(made[0], S[0])
    e = np.linalg.eigvalsh(made)
    assert e.max() <= 3.0 * e.min() * (1 + 1e-14)


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 4), (3,)])
def test_what_obeys_comes_back_bit_for_bit(shape):
    rng = np.random.default_rng(0)
    S = rng.uniform(1.0, 2.0, shape)
    if S.ndim == 3:
        S = np.array([np.eye(4) * 3 + (s + s.T) / 8 for s in S])
    made, rested = limited(S, np.ones(3), 100.0, 0.0)
    np.testing.assert_array_equal(made, S)
    assert not rested.any()


def test_eigenvectors_are_kept():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(2, 5, 5)) * [1.0, 3.0, 10.0, 0.1, 1.0]
    S = A @ A.swapaxes(1, 2)
    made, _ = limited(S, np.array([3.0, 2.0]), 5.0, 0.0)
    np.testing.assert_allclose(S @ made, made @ S, atol=1e-10 * np.abs(S).max() ** 2)
    e = Spectrum(made).values
    np.testing.assert_allclose(e.max() / e.min(), 5.0, rtol=1e-12)


def test_the_truncated_matrices_are_the_likeliest():
    """No feasible matrix nearby is likelier: small turns and small changes of eigenvalues within the bounds."""
    rng = np.random.default_rng(2)
    A = rng.normal(size=(2, 3, 3)) * [1.0, 4.0, 0.1]
    S, n, c = A @ A.swapaxes(1, 2), np.array([5.0, 3.0]), 8.0

    def cost(V):
        return float(n @ (np.linalg.slogdet(V)[1] + np.trace(np.linalg.solve(V, S), axis1=1, axis2=2)))

    made, _ = limited(S, n, c, 0.0)
    best = cost(made)
    for _ in range(300):
        skew = 0.05 * rng.normal(size=(2, 3, 3))
        turn = np.eye(3) + (skew - skew.swapaxes(1, 2)) / 2
        near = turn @ made @ turn.swapaxes(1, 2)
        spectrum = Spectrum((near + near.swapaxes(1, 2)) / 2)
        values = spectrum.values * np.exp(0.05 * rng.normal(size=(2, 3)))
        values = np.maximum(values, values.max() / c)
        assert cost(spectrum.replaced(values)) >= best - 1e-9
