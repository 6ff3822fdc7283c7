"""Errors of rows as users give them: shapes, what is refused and which row is named, what is not looked at."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from gmm.covariances import FULL
from gmm.errors import DataError, DataTypeError
from gmm.measured import CHUNK_VALUES, MeasuredRows, check_noise_covariance, measured
from gmm.missing import IncompleteRows
from gmm.parameters import Parameters
from gmm.rows import Rows

X = np.arange(15.0).reshape(5, 3) % 7


def matrices(n=5):
    roots = np.random.default_rng(0).normal(size=(n, 3, 3))
    return roots @ roots.swapaxes(1, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shapes(dtype):
    E = matrices().astype(dtype)
    for given, expected in (
        (E, E),
        (np.ones((5, 3), dtype), np.ones((5, 3))),
        (E[0], np.broadcast_to(E[0], (5, 3, 3))),
        (np.arange(3, dtype=dtype), np.broadcast_to(np.arange(3.0), (5, 3))),
    ):
        found = check_noise_covariance(given, X)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
        assert np.shares_memory(found, given)  # never copied
    np.testing.assert_array_equal(check_noise_covariance([1, 2, 3], X)[4], [1.0, 2.0, 3.0])


def test_all_zero_is_no_error():
    for shape in ((5, 3), (5, 3, 3), (3,), (3, 3)):
        assert check_noise_covariance(np.zeros(shape), X) is None
    rows = Rows.from_array(X)
    assert measured(rows, np.zeros(3)) is rows
    assert isinstance(measured(rows, np.ones(3)), MeasuredRows)


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (5, 2), (5, 3, 2), (4, 3, 3), (5, 3, 3, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(DataError, match=r"has shape \(.*\); expected \(5, 3\), \(5, 3, 3\), or for all"):
        check_noise_covariance(np.ones(shape), X)


def test_as_many_rows_as_features():
    """(D, D) may then be variances of rows or one matrix: what could be both is refused, not guessed at."""
    square = X[:3]
    for both in (np.eye(3), np.ones((3, 3))):
        with pytest.raises(DataError, match=r"could be variances of 3 rows or one matrix for all; give \(3, 3, 3\)"):
            check_noise_covariance(both, square)
    rows = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(check_noise_covariance(rows, square), rows)
    assert check_noise_covariance(np.ones((1, 1)), X[:1, :1]).shape == (1, 1)


@pytest.mark.parametrize("given", ["abc", [["a"] * 3] * 5, np.ones((5, 3), complex), [[1.0], [1.0, 2.0]]])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(DataTypeError, match="noise_covariance must be an array of real numbers"):
        check_noise_covariance(given, X)


def changed(E, index, value):
    E = E.copy()
    E[index] = value
    return E


ONES = np.ones((5, 3))


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        (changed(ONES, (3, 1), np.nan), "of row 3 is not finite at column 1"),
        (changed(ONES, (2, 0), np.inf), "of row 2 is not finite at column 0"),
        (changed(ONES, (4, 2), -1e-300), "of row 4 has a negative variance at column 2"),
        (changed(matrices(), (1, 2, 0), np.nan), "of row 1 is not finite at columns 2 and 0"),
        (changed(matrices(), (3, 1, 1), np.inf), "of row 3 is not finite at column 1"),
        (changed(matrices(), (3, 1, 1), -1.0), "of row 3 has a negative variance at column 1"),
        (changed(matrices(), (2, 0, 1), 0.123), "of row 2 is not symmetric at columns 0 and 1"),
        (changed(matrices(), (4, [0, 1], [1, 0]), 50.0), "of row 4 is not positive semidefinite at columns 0 and 1"),
        (np.stack([np.eye(3)] * 4 + [[[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]]),
         "of row 4 is not positive semidefinite"),
        (np.array([[1.0, 1e-9, 0.0], [1e-9, 0.0, 0.0], [0.0, 0.0, 1.0]]),
         "is not positive semidefinite at columns 0 and 1"),
        (np.array([1.0, -1.0, 1.0]), "has a negative variance at column 1"),
        (np.diag([1.0, 1.0, np.nan]), "is not finite at column 2"),
    ],
)  # fmt: skip
def test_the_row_and_the_columns_are_named(errors, message):
    with pytest.raises(DataError, match=f"^noise_covariance {message}$"):
        check_noise_covariance(errors, X)


def test_singular_errors_are_errors():
    line = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    for scale in (1e-300, 1e-12, 1.0, 1e12, 1e290):
        assert check_noise_covariance(line * scale, X) is not None
    assert check_noise_covariance(line.astype(np.float32) * np.float32(1e-6), X) is not None
    assert check_noise_covariance(np.diag([0.0, 1e-320, 0.0]), X) is not None


def test_what_belongs_to_missing_values_is_not_looked_at():
    gaps = X.copy()
    gaps[2, 1] = gaps[4] = np.nan
    for E in (ONES, matrices()):
        E = E.copy()
        E[2, 1] = E[4] = np.nan
        if E.ndim == 3:
            E[2, :, 1] = -np.inf
        rows = measured(IncompleteRows.from_array(gaps[:, :3], name="X"), E)
        np.testing.assert_array_equal(rows.errors, E)
        with pytest.raises(DataError, match="of row 2 is not finite"):
            check_noise_covariance(E, X)
    zero = np.where(np.isnan(gaps), 7.0, 0.0)
    assert check_noise_covariance(zero, gaps) is None


def test_rows_beyond_the_first_chunk_are_looked_at():
    n = CHUNK_VALUES // 3 + 5
    errors = np.zeros((n, 3))
    rows = np.zeros((n, 3))
    assert check_noise_covariance(errors, rows) is None
    errors[-1, 0] = 1.0
    assert check_noise_covariance(errors, rows) is errors
    errors[-2, 2] = -1.0
    with pytest.raises(DataError, match=f"of row {n - 2} has a negative variance at column 2"):
        check_noise_covariance(errors, rows)


def test_a_subset_takes_its_errors_along():
    rows = measured(Rows.from_array(X, np.arange(5.0)), matrices())
    some = rows.subset(np.array([4, 1]))
    np.testing.assert_array_equal(some.errors, matrices()[[4, 1]])
    np.testing.assert_array_equal(some.plain.X, X[[4, 1]])
    assert some.mean_log_jacobian == rows.mean_log_jacobian


def test_hostile_bytes():
    """Whatever the bits of the errors are, they are refused by row or give finite sums."""
    rng = np.random.default_rng(0)
    rows = Rows.from_array(rng.normal(size=(4, 2)))
    factors = FULL.factorize(Parameters(np.ones(1), np.zeros((1, 2)), np.eye(2)[None]))
    answers = {"refused": 0, "taken": 0}
    for _ in range(2000):
        matrix = rng.integers(0, 2**64, 3, np.uint64).view(np.float64)[[0, 1, 1, 2]].reshape(2, 2)
        if rng.random() < 0.5:
            matrix = np.diag(np.abs(np.diag(matrix)))
        errors = np.zeros((4, 2, 2))
        errors[rng.integers(4)] = matrix
        found = None
        with np.errstate(all="ignore"), contextlib.suppress(DataError):
            found = measured(rows, errors).accumulate(factors)
        answers["refused" if found is None else "taken"] += 1
        assert found is None or (np.isfinite(found.second).all() and np.isfinite(found.log_likelihood))
    assert min(answers.values()) > 300
