"""Climbs from the same start that must agree: weights and repetition, order, names, coordinates."""

import numpy as np
import pytest
from framed_rows import framed
from problems import blobs
from tolerances import WEIGHTED

from gmm.covariances import FULL, SPHERICAL, TIED
from gmm.em import climb
from gmm.partition import from_partition

PATH = 1e-9  # relative: the same climb summed in another order or in other coordinates, condition 10, 20 iterations


def path(X, structure, labels, sample_weight=None, *, n_iter=20):
    """Objectives in user units, and the last parameters there, of a climb from labels."""
    rows = framed(X, structure, sample_weight)
    begin = from_partition(rows, structure, labels.max() + 1, labels, floor=rows.frame.floor)
    ended = climb(rows.accumulate, structure, begin, floor=rows.frame.floor, tol=0.0, max_iter=n_iter)
    covariances = structure.covariances_out(ended.parameters.covariances, rows.frame)
    return np.array(ended.trace) + rows.frame.log_jacobian, rows.frame.points_out(ended.parameters.means), covariances


def agree(one, other, rtol):
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


@pytest.fixture
def problem():
    X = blobs(600, n_features=3, n_components=3, separation=2.0).X
    return X, (X[:, 0] > X[:, 0].mean()).astype(np.int64) + (X[:, 1] > X[:, 1].mean())


def test_integer_weights_are_repeated_rows(problem, structure):
    X, labels = problem
    times = np.random.default_rng(0).integers(1, 4, len(X))
    weighted = path(X, structure, labels, times.astype(float))
    agree(weighted, path(X.repeat(times, axis=0), structure, labels.repeat(times)), WEIGHTED)


def test_zero_weights_are_absent_rows(problem, structure):
    X, labels = problem
    kept = np.random.default_rng(0).random(len(X)) < 0.7
    far = np.where(kept[:, None], X, 1e6)
    agree(path(far, structure, labels, kept.astype(float)), path(X[kept], structure, labels[kept]), WEIGHTED)


@pytest.mark.parametrize("unit", [1e-300, 3.0, 1e300])
def test_the_unit_of_weights_does_not_matter(problem, structure, unit):
    X, labels = problem
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    agree(path(X, structure, labels, weight * unit), path(X, structure, labels, weight), PATH)


def test_order_of_rows(problem, structure):
    X, labels = problem
    order = np.random.default_rng(0).permutation(len(X))
    agree(path(X[order], structure, labels[order]), path(X, structure, labels), PATH)


def test_names_of_components(problem, structure):
    X, labels = problem
    names = np.array([2, 0, 1])
    trace, means, covariances = path(X, structure, names[labels])
    covariances = structure.take(covariances, names)
    agree((trace, means[names], covariances), path(X, structure, labels), PATH)


@pytest.mark.parametrize("shift", [1e4, -1e8])
def test_translation(problem, structure, shift):
    X, labels = problem
    X = np.round(X * 2**20) / 2**20  # exact after the shift
    trace, means, covariances = path(X + shift, structure, labels)
    agree((trace, means - shift, covariances), path(X, structure, labels), max(PATH, abs(shift) * 1e-15))


@pytest.mark.parametrize("unit", [1e-5, 1e12])
def test_units_of_all_features(problem, structure, unit):
    X, labels = problem
    trace, means, covariances = path(X * unit, structure, labels)
    there = (trace + 3 * np.log(unit), means / unit, covariances / unit**2)
    agree(there, path(X, structure, labels), PATH)


@pytest.mark.parametrize("structure", [FULL, TIED, SPHERICAL], ids=lambda structure: structure.name)
def test_rotation(problem, structure):
    X, labels = problem
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    trace, means, _ = path(X @ basis, structure, labels)
    expected = path(X, structure, labels)
    agree((trace, means @ basis.T), expected[:2], PATH)


@pytest.mark.parametrize("structure", [FULL, TIED], ids=lambda structure: structure.name)
def test_affine_maps(problem, structure):
    X, labels = problem
    matrix = np.array([[2.0, 0.5, 0.0], [-1.0, 300.0, 0.1], [0.0, 0.02, 0.01]])
    trace, means, _ = path(X @ matrix + 5.0, structure, labels)
    expected = path(X, structure, labels)
    there = (trace + np.linalg.slogdet(matrix)[1], (means - 5.0) @ np.linalg.inv(matrix))
    agree(there, expected[:2], 1e-7)  # condition of the map 3e4
