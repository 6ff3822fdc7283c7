"""Repeated, shuffled and absent rows become the same different rows."""

import numpy as np
import pytest
from framed_rows import framed
from problems import blobs

from gmm import distinct as module
from gmm.distinct import distinct
from gmm.missing import IncompleteRows

COUNTS = np.random.default_rng(0).integers(0, 4, 60)


def same(a, b):
    assert a.X.tobytes() == b.X.tobytes()
    assert (a.sample_weight is None) == (b.sample_weight is None)
    np.testing.assert_array_equal(a.sample_weight, b.sample_weight)


def test_repetitions_are_weights_in_any_order(structure):
    X = blobs(60).X
    weighted = distinct(framed(X, structure, COUNTS.astype(float)))
    order = np.random.default_rng(1).permutation(COUNTS.sum())
    same(weighted, distinct(framed(X.repeat(COUNTS, axis=0)[order], structure)))
    assert weighted.n_rows == np.count_nonzero(COUNTS)
    assert weighted.sample_weight.sum() == COUNTS.sum()
    shuffled = np.random.default_rng(2).permutation(60)
    same(weighted, distinct(framed(X[shuffled], structure, COUNTS[shuffled].astype(float))))


def test_rows_that_all_differ_need_no_weights():
    X = blobs(60).X
    alone = distinct(framed(X))
    assert alone.sample_weight is None
    np.testing.assert_array_equal(np.sort(alone.X, axis=0), np.sort(X, axis=0))
    same(alone, distinct(framed(X, sample_weight=np.ones(60))))


def test_a_missing_value_is_as_good_as_any():
    X = blobs(60).X.copy()
    X[::3, 0] = X[1::6, 1] = np.nan
    rows = IncompleteRows.from_array(X, COUNTS.astype(float))
    repeated = IncompleteRows.from_array(X.repeat(COUNTS, axis=0))
    same(distinct(rows), distinct(repeated))
    assert distinct(rows).n_rows == np.count_nonzero(COUNTS)


def test_zero_has_no_sign():
    assert distinct(framed(np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, -1.0]]))).X.shape == (2, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_digit_and_the_order_of_columns_count(dtype):
    X = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0 + 2.0**-20]], dtype)
    assert distinct(framed(X)).n_rows == 3


def test_rows_that_share_a_hash_stay_apart(monkeypatch):
    monkeypatch.setattr(module, "hashed", lambda seed, counter: counter >> np.uint64(60))
    rows = framed(blobs(60).X)
    np.testing.assert_array_equal(distinct(rows).X, rows.X)
