"""Vectors for mixtures: there and back, and their length is what rows tell."""

import numpy as np
import pytest
from problems import random_covariance
from tolerances import CLOSED_FORM

from gmm.acceleration import REACH
from gmm.covariances import STRUCTURES
from gmm.parameters import Parameters

K, D = 3, 4


@pytest.fixture(params=list(STRUCTURES))
def structure(request):
    return STRUCTURES[request.param]


def mixture(structure, seed):
    """Components of very different size, spread and weight."""
    rng = np.random.default_rng(seed)
    matrices = np.stack([random_covariance(D, rng) * 10.0 ** (3 * k) for k in range(K)])
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": np.diagonal(matrices, axis1=1, axis2=2).copy(),
        "spherical": matrices[:, 0, 0].copy(),
    }[structure.name]
    weights = rng.dirichlet(np.ones(K))
    return Parameters(weights, rng.normal(size=(K, D)), covariances)


def test_there_and_back(structure):
    origin, other = mixture(structure, 0), mixture(structure, 1)
    coordinates = structure.coordinates(origin)
    vector = coordinates.of(other)
    assert vector.shape == (K + K * D + structure.n_parameters(K, D),)
    back = coordinates.at(vector)
    for field in ("weights", "means", "covariances"):
        scale = np.abs(getattr(other, field)).max()
        np.testing.assert_allclose(getattr(back, field), getattr(other, field), rtol=1e-10, atol=CLOSED_FORM * scale)
    assert np.abs(coordinates.of(origin)).max() < CLOSED_FORM


def test_any_vector_that_a_leap_may_take_is_a_mixture(structure):
    coordinates = structure.coordinates(mixture(structure, 0))
    for seed in range(20):
        vector = np.random.default_rng(seed).normal(size=coordinates.of(mixture(structure, 1)).size)
        vector *= REACH / coordinates.reach(vector)
        there = coordinates.at(vector)
        assert there.weights.sum() == pytest.approx(1.0)
        signs, log_determinants = np.linalg.slogdet(structure.dense(there.covariances, K, D))
        assert (signs == 1).all()
        expected = np.log(there.weights) - D / 2 * np.log(2 * np.pi) - log_determinants / 2
        np.testing.assert_allclose(structure.factorize(there).log_constants, expected, rtol=1e-9)


def divergence(p, q, structure):
    """Of rows with known components, p from q: nats per row."""
    S, T = (structure.dense(each.covariances, K, D) for each in (p, q))
    inverse = np.linalg.inv(T)
    gaps = q.means - p.means
    parts = (
        np.trace(inverse @ S, axis1=1, axis2=2)
        - D
        + np.einsum("ki,kij,kj->k", gaps, inverse, gaps)
        - np.linalg.slogdet(inverse @ S)[1]
    )
    return p.weights @ (np.log(p.weights / q.weights) + parts / 2)


def test_half_the_squared_length_is_the_divergence(structure):
    """Of short vectors, whatever the units and sizes of components."""
    origin = mixture(structure, 0)
    coordinates = structure.coordinates(origin)
    for seed in range(20):
        vector = np.random.default_rng(seed).normal(size=coordinates.of(origin).size)
        vector[:K] -= (vector[:K] @ np.sqrt(origin.weights)) * np.sqrt(origin.weights)  # weights sum to 1
        vector *= 1e-3 / np.linalg.norm(vector)
        assert divergence(origin, coordinates.at(vector), structure) == pytest.approx(5e-7, rel=0.02)


def test_reach_is_the_largest_move_of_a_component(structure):
    origin = mixture(structure, 0)
    coordinates = structure.coordinates(origin)
    wider = Parameters(origin.weights, origin.means, origin.covariances * 4.0)
    assert coordinates.reach(coordinates.of(wider)) == pytest.approx(np.log(2.0))
    means = origin.means.copy()
    means[2] += np.linalg.cholesky(structure.dense(origin.covariances, K, D)[2])[:, 0]  # one standard deviation
    moved = Parameters(origin.weights, means, origin.covariances)
    assert coordinates.reach(coordinates.of(moved)) == pytest.approx(1.0)
