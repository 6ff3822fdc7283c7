"""Starts of many rows made in the core are those that Python makes of the same draws, step by step."""

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm.covariances import FULL
from gmm.frame import Frame
from gmm.initialization import start
from gmm.prepared import prepare
from gmm.rows import Rows
from gmm.subsample import seeds

FIELDS = ("weights", "means", "covariances")


def many(n_rows=3000, n_features=3, n_components=4, separation=2.0, seed=0):
    return blobs(n_rows, n_features=n_features, n_components=n_components, separation=separation, seed=seed).X


def both(rows, structure, n_components, seed, ridge=None):
    """The start from the core and the one from Python."""
    limits = {"floor": rows.frame.floor, "ridge": ridge}
    made = prepare(rows, structure, n_components, [seed], **limits)
    return made[seed], start(rows, structure, n_components, "kmeans", seed, **limits)


def assert_close(quick, slow):
    for name in FIELDS:
        np.testing.assert_allclose(getattr(quick, name), getattr(slow, name), rtol=1e-7, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("seed", [0, 2**63 + 5])
@pytest.mark.parametrize(("n_rows", "D", "K"), [(2048, 1, 2), (3000, 3, 4), (9000, 9, 3)])
def test_the_same_start(structure, n_rows, D, K, seed):
    rows = Rows.from_array(many(n_rows, D, K), scaling=structure.scaling)
    assert_close(*both(rows, structure, K, seed))


def test_weighted_and_repeated_rows(structure):
    rng = np.random.default_rng(1)
    X = rng.integers(0, 6, (5000, 2)) + np.where(np.arange(5000) % 2, 0.0, 7.0)[:, None]
    weight = rng.integers(0, 3, len(X)).astype(float)
    rows = Rows.from_array(X, weight, scaling=structure.scaling)
    assert_close(*both(rows, structure, 3, 1, ridge=np.full(2, 0.01)))


def test_fewer_different_rows_than_components():
    X = np.repeat([[0.0, 1.0], [4.0, 1.5], [9.0, -2.0]], 900, axis=0)
    quick, slow = both(Rows.from_array(X), FULL, 5, 3)
    np.testing.assert_allclose(np.sort(quick.weights), np.sort(slow.weights), atol=1e-9)


def test_both_zeros_are_one_row():
    X = np.random.default_rng(0).choice([-0.0, 0.0, 1.0, 5.0], size=(40_000, 1))
    for seed in range(4):
        quick, slow = both(Rows.from_array(X), FULL, 4, seed)
        np.testing.assert_allclose(np.sort(quick.weights), np.sort(slow.weights), atol=1e-6)
        assert np.count_nonzero(quick.weights) == 3


def test_single_precision_any_layout_and_threads():
    X = many().astype(np.float32)
    wide = np.zeros((6000, 5), np.float32)
    wide[::2, 1:4] = X
    drawn = seeds(3, 5)
    made = []
    for data, n_threads in ((X, 1), (wide[::2, 1:4], 2), (np.asfortranarray(X), 3)):
        rows = Rows.from_array(data, n_threads=n_threads)
        made.append(prepare(rows, FULL, 4, drawn, floor=rows.frame.floor, ridge=None))
    assert list(made[0]) == drawn
    for other in made[1:]:
        for seed in drawn:
            for name in FIELDS:
                np.testing.assert_array_equal(getattr(made[0][seed], name), getattr(other[seed], name))
    alone = prepare(rows, FULL, 4, drawn[3:4], floor=rows.frame.floor, ridge=None)
    np.testing.assert_array_equal(alone[drawn[3]].means, made[0][drawn[3]].means)


def test_what_the_core_leaves_out_python_makes(monkeypatch):
    X = many()
    expected = gmm.GaussianMixture(4, random_state=0).fit(X)
    taken = []
    with monkeypatch.context() as patched:
        patched.setattr("gmm.starts.prepare", lambda *_, **__: taken.append(1) or {})
        model = gmm.GaussianMixture(4, random_state=0).fit(X)
    assert taken
    np.testing.assert_allclose(model.means_, expected.means_, rtol=1e-7)


def test_calls_are_short_however_many_rows_there_are(monkeypatch):
    """A call goes through the numbers of all rows for each start, and answers no Ctrl-C meanwhile."""
    X = np.broadcast_to(np.zeros((1, 1)), (2 * 10**8, 1))
    called = []
    monkeypatch.setattr("gmm._native.start", lambda *arguments: called.append(len(arguments[6])))
    for n_rows, starts in ((10**4, [8]), (2 * 10**7, [6, 2]), (2 * 10**8, [2] * 4)):
        called.clear()
        prepare(Rows(X[:n_rows], None, Frame.identity(1), n_threads=2), FULL, 2, range(8), floor=np.ones(1), ridge=None)
        assert called == starts


def test_long_rehearsals_are_left_to_python():
    rows = Rows.from_array(np.random.default_rng(0).normal(size=(9000, 40)))
    assert prepare(rows, FULL, 40, [0], floor=rows.frame.floor, ridge=None) == {}
    assert prepare(rows, FULL, 1, [0], floor=rows.frame.floor, ridge=None) == {}
