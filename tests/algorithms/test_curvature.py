"""What pairs of steps and changes tell, beside dense matrices."""

import numpy as np
import pytest

from gmm.curvature import MOST, Pairs, dot


def surface(n, seed=0):
    """A symmetric positive definite B (n, n), eigenvalues 0.01 to 1."""
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
    return (basis * np.geomspace(0.01, 1.0, n)) @ basis.T


def followed(B, steps):
    pairs = Pairs()
    for step in steps:
        pairs = pairs.followed_by(step, B @ step)
    return pairs


def dense(B, steps):
    """H by the updates of BFGS, one matrix after the other."""
    H = one = np.eye(len(B))
    for s in steps:
        y = B @ s
        left = one - np.outer(s, y) / (s @ y)
        H = left @ H @ left.T + np.outer(s, s) / (s @ y)
    return H


@pytest.mark.parametrize("n_pairs", [0, 1, 2, 5, MOST, MOST + 3])
def test_newton_step_is_that_of_the_dense_matrix_of_the_last_pairs(n_pairs):
    B, rng = surface(12), np.random.default_rng(n_pairs)
    steps, pull = rng.normal(size=(n_pairs, 12)), rng.normal(size=12)
    pairs = followed(B, steps)
    assert len(pairs) == min(n_pairs, MOST)
    if n_pairs:
        np.testing.assert_allclose(pairs.newton_step(pull), dense(B, steps[-MOST:]) @ pull, rtol=1e-9)
        np.testing.assert_allclose(pairs.newton_step(B @ steps[-1]), steps[-1], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(pairs.products, pairs.vectors @ pairs.vectors.T, rtol=1e-12, atol=1e-12)


def test_slowest_is_the_smallest_eigenvalue_on_the_span_of_the_steps():
    B, steps = surface(9), np.random.default_rng(1).normal(size=(4, 9))
    steps *= np.array([1.0, 1e-3, 1e-6, 1e-9])[:, None]  # what a step's length is does not matter
    pairs = followed(B, steps)
    basis = np.linalg.qr(steps.T)[0]
    assert pairs.slowest == pytest.approx(np.linalg.eigvalsh(basis.T @ B @ basis)[0], rel=1e-6)
    assert pairs.slowest <= pairs.rates.min()
    np.testing.assert_allclose(pairs.rates, [(s @ B @ s) / (s @ s) for s in steps], rtol=1e-9)
    repeated = pairs.followed_by(steps[0], B @ steps[0])
    assert repeated.slowest == pytest.approx(pairs.slowest, rel=1e-6)


def test_dot():
    assert dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 11.0
