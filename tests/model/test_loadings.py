"""Loadings and noise variances against the matrices they stand for, and mixtures of them as vectors."""

from __future__ import annotations

import numpy as np
import pytest
from factor_problem import analysers, matrices
from tolerances import CLOSED_FORM

from gmm.covariances.factor import SMALLEST
from gmm.covariances.loadings import Root, canonical, dense, gram, precisions, spectrum, turned

SIZES = [(1, 1, 1), (3, 2, 1), (2, 5, 2), (3, 9, 3), (2, 9, 9), (2, 40, 7)]


@pytest.mark.parametrize(("K", "D", "q"), SIZES)
def test_algebra(K, D, q):
    _, p = analysers(K, D, q)
    S = matrices(p.covariances)
    np.testing.assert_allclose(dense(p.covariances), S, rtol=0, atol=CLOSED_FORM * np.abs(S).max())
    np.testing.assert_allclose(precisions(p.covariances) @ S, np.tile(np.eye(D), (K, 1, 1)), atol=1e-11)
    found = spectrum(p.covariances)
    N = found.directions * np.sqrt(p.covariances[:, :1])
    squares = np.einsum("kaj,kbj->kab", N, N)
    expected = found.values[:, :, None] * np.eye(q)
    np.testing.assert_allclose(squares, expected, rtol=0, atol=CLOSED_FORM * squares.max())
    assert (np.diff(found.values) <= 0).all()
    turns = found.turns
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), np.tile(np.eye(q), (K, 1, 1)), atol=CLOSED_FORM)
    d = np.random.default_rng(0).normal(size=(K, D))
    squares = np.einsum("ki,kij,kj->k", d, np.linalg.inv(S), d)
    root = Root(p)
    np.testing.assert_allclose((root.whitened(d) ** 2).sum(axis=1), squares, rtol=1e-10)
    np.testing.assert_allclose(root.coloured(root.whitened(d)), d, rtol=1e-10, atol=1e-12)


def test_products_in_pieces_are_products():
    rng = np.random.default_rng(0)
    a, b, turn = rng.normal(size=(2, 40, 900)), rng.normal(size=(2, 40, 900)), rng.normal(size=(2, 3, 40))
    np.testing.assert_allclose(gram(a, b), a @ b.swapaxes(1, 2), rtol=0, atol=1e-11)
    np.testing.assert_allclose(turned(turn, a), turn @ a, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("K", "D", "q"), SIZES)
def test_canonical_loadings(K, D, q):
    _, p = analysers(K, D, q)
    psi, L = p.covariances[:, 0], canonical(p.covariances)
    assert L.shape == (K, D, q)
    np.testing.assert_allclose(
        L @ L.swapaxes(1, 2), p.covariances[:, 1:].swapaxes(1, 2) @ p.covariances[:, 1:], rtol=0, atol=1e-11
    )
    signal = L.swapaxes(1, 2) @ (L / psi[:, :, None])
    values = np.diagonal(signal, axis1=1, axis2=2)
    np.testing.assert_allclose(signal, values[:, :, None] * np.eye(q), rtol=0, atol=1e-11 * values.max())
    assert (np.diff(values) <= 0).all()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(q, q)))[0]
    turned_loadings = np.concatenate([psi[:, None], turn @ p.covariances[:, 1:]], axis=1)
    np.testing.assert_allclose(canonical(turned_loadings), L, rtol=0, atol=1e-9)


@pytest.mark.parametrize("is_common", [False, True])
def test_coordinates_go_there_and_back(is_common):
    kind, origin = analysers(3, 6, 2, is_common=is_common)
    _, other = analysers(3, 6, 2, is_common=is_common, seed=5)
    coordinates = kind.coordinates(origin)
    vector = coordinates.of(other)
    assert len(vector) == 3 + 18 + 36 + (6 if is_common else 18)
    found = coordinates.at(vector)
    np.testing.assert_allclose(found.means, other.means, atol=1e-12)
    np.testing.assert_allclose(found.covariances, other.covariances, atol=1e-12)
    np.testing.assert_allclose(coordinates.of(origin), 0.0, atol=0)
    assert coordinates.reach(vector) > 0


def test_coordinates_keep_a_share_of_noise():
    kind, origin = analysers(1, 4, 1)
    coordinates = kind.coordinates(origin)
    vector = np.zeros(1 + 4 + 8)
    vector[5:9] = -100.0
    found = coordinates.at(vector).covariances[0]
    np.testing.assert_allclose(found[0], SMALLEST * (found[1] ** 2), rtol=1e-5)
