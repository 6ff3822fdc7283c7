"""A frame changes units exactly, at any scale that float64 has."""

from __future__ import annotations

import numpy as np
import pytest

from gmm.errors import RepresentationError
from gmm.frame import Frame

SCALES = [2.0**-1040, 1e-300, 1e-160, 1e-12, 1.0, 1e5, 1e160, 1e300]


def columns_of(X, weight=None):
    """The column sums that a scan finds, overflowing and underflowing as a scan does."""
    weight = np.ones(len(X)) if weight is None else weight
    with np.errstate(all="ignore"):
        mean = weight @ X / weight.sum()
        scatter = weight @ (X - mean) ** 2
    low, high = X.min(axis=0), X.max(axis=0)
    return {"minimum": low, "maximum": high, "mean": mean, "scatter": scatter, "weight": weight.sum()}


def rows(scale=1.0, shift=0.0, n=300, D=3):
    return (np.random.default_rng(0).normal(size=(n, D)) + shift) * scale


@pytest.mark.parametrize("scaling", ["feature", "common"])
@pytest.mark.parametrize("scale", SCALES)
def test_rows_become_of_size_one_whatever_their_unit(scale, scaling):
    X = rows(scale)
    frame = Frame.from_columns(columns_of(X), scaling, 2.0**-52)
    assert (frame.scale >= np.finfo(float).tiny).all()
    framed = frame.points_in(X)
    expected = 2.0 ** -(1040 - 1022) if scale < 1e-305 else 1.0  # there even a power of two runs out
    assert (framed.std(axis=0) > 0.25 * expected).all()  # half the range, about 3 sd, where no variance can be had
    assert (framed.std(axis=0) < 2.2 * expected).all()
    assert np.abs(framed).max() == pytest.approx(frame.radius, rel=1e-15)
    assert (np.frexp(frame.scale)[0] == 0.5).all()


def test_a_power_of_two_changes_no_bit_of_the_framed_rows():
    X = rows(shift=3.0)
    one = Frame.from_columns(columns_of(X), "feature", 2.0**-52)
    other = Frame.from_columns(columns_of(X * 2.0**70), "feature", 2.0**-52)
    np.testing.assert_array_equal(one.points_in(X), other.points_in(X * 2.0**70))
    np.testing.assert_array_equal(one.floor, other.floor)
    assert one.log_jacobian - other.log_jacobian == pytest.approx(3 * 70 * np.log(2), rel=1e-15)


def test_one_scale_for_all_columns():
    X = rows() * [1e-6, 1.0, 1e6]
    common = Frame.from_columns(columns_of(X), "common", 2.0**-52)
    assert common.common_exponent == 19
    with pytest.raises(ValueError, match="scale per feature"):
        Frame.from_columns(columns_of(X), "feature", 2.0**-52).variance_in(np.ones(2))


@pytest.mark.parametrize("scaling", ["feature", "common"])
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e6, 1e-300, 1e300])
def test_constant_columns_are_zero_in_the_frame(value, scaling):
    X = np.column_stack([np.full(50, value), np.full(50, value)])
    frame = Frame.from_columns(columns_of(X), scaling, 2.0**-52)
    np.testing.assert_array_equal(frame.points_in(X), 0.0)
    np.testing.assert_array_equal(frame.floor, 2.0**-98)
    np.testing.assert_array_equal(frame.points_out(np.zeros((1, 2))), X[:1])


def test_a_constant_column_does_not_set_the_common_scale():
    X = np.column_stack([rows(D=1), np.full(300, 1e12)])
    assert abs(Frame.from_columns(columns_of(X), "common", 2.0**-52).common_exponent) <= 1


def test_a_far_row_of_little_weight_does_not_leave_the_range():
    X = np.array([[0.0], [0.0], [1.0]])
    frame = Frame.from_columns(columns_of(X, np.array([1.0, 1.0, 1e-200])), "feature", 2.0**-52)
    assert 2.0**37 <= frame.radius <= 2.0**41


@pytest.mark.parametrize(("dtype", "shift"), [("float64", 0.0), ("float64", 1e8), ("float32", 0.0), ("float32", 1e3)])
def test_the_floor_is_the_rounding_of_the_input(dtype, shift):
    """Between the variance of rounding the rows to their dtype and 10,000 times it."""
    X = rows(shift=shift).astype(dtype)
    frame = Frame.from_columns(columns_of(X.astype(float)), "feature", float(np.finfo(dtype).eps))
    rounding = np.spacing(np.abs(X).max(axis=0)).astype(float) * frame.scale
    assert (frame.floor > rounding**2 / 12).all()
    assert (frame.floor < 1e4 * rounding**2).all()
    assert (np.frexp(frame.floor)[0] == 0.5).all()


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_units_change_there_and_back_bit_for_bit(scale):
    X = rows(scale)
    frame = Frame.from_columns(columns_of(X), "feature", 2.0**-52)
    covariances = np.cov(X / scale, rowvar=False)[None] * scale * scale
    np.testing.assert_array_equal(frame.covariance_out(frame.covariance_in(covariances)), covariances)
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    np.testing.assert_array_equal(frame.variances_out(frame.variances_in(variances)), variances)
    common = Frame.from_columns(columns_of(X), "common", 2.0**-52)
    np.testing.assert_array_equal(common.variance_out(common.variance_in(variances[0])), variances[0])


@pytest.mark.parametrize(("scale", "word"), [(1e-170, "small"), (1e170, "large")])
def test_a_variance_that_cannot_be_written_raises(scale, word):
    frame = Frame.from_columns(columns_of(rows(scale)), "feature", 2.0**-52)
    for give in (
        lambda: frame.covariance_out(np.eye(3)[None]),
        lambda: frame.variances_out(np.ones((1, 3))),
        lambda: Frame.from_columns(columns_of(rows(scale)), "common", 2.0**-52).variance_out(np.ones(1)),
    ):
        with pytest.raises(RepresentationError, match=f"too {word} for a float64 in these units"):
            give()


def test_the_dual_takes_precisions_out():
    frame = Frame.from_columns(columns_of(rows() * [1e-3, 1.0, 1e3]), "feature", 2.0**-52)
    covariance = np.cov(rows() * [1e-3, 1.0, 1e3], rowvar=False)[None]
    inside = np.linalg.inv(frame.covariance_in(covariance))
    np.testing.assert_allclose(frame.dual.covariance_out(inside) @ covariance, np.eye(3)[None], atol=1e-9)


@pytest.mark.parametrize(
    "columns",
    [
        [rows(1e-300, D=1), rows(1e300, D=1)],
        [rows(1e-300, D=1), np.full((300, 1), 1e300)],
        [rows(1e300, D=1), np.full((300, 1), 1e-300)],
        [rows(1e305, shift=1.0, D=1), np.zeros((300, 1))],
    ],
)
@pytest.mark.parametrize("scaling", ["feature", "common"])
@pytest.mark.parametrize("weight", [1e-12, 1.0])
def test_no_mixture_of_units_leaves_the_range(columns, scaling, weight):
    X = np.column_stack(columns)
    frame = Frame.from_columns(columns_of(X, np.full(300, weight)), scaling, 2.0**-52)
    framed = frame.points_in(X)
    assert np.abs(framed).max() == pytest.approx(frame.radius, rel=1e-12)
    assert frame.radius < 64
    assert (frame.floor > 0).all()
    assert frame.floor.max() < 2.0**-80


def test_a_variance_that_overflows_falls_back_on_the_range():
    columns = {"minimum": [-1e157], "maximum": [1e157], "mean": [0.0], "scatter": [1e302], "weight": 1e-10}
    frame = Frame.from_columns(columns, "feature", 2.0**-52)
    assert frame.exponent[0] == int(np.floor(np.log2(1e157)))
