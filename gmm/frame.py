"""The coordinates a fit lives in: x' = x * scale - centre, with scale a power of two per feature.

A power of two changes units exactly (but for overflow), so a covariance goes into the frame and back bit for bit
and data at 1e-300 or 1e300 are fitted like data at 1. User units exist only at the public edge.

Scale of a column: its standard deviation rounded down to a power of two; half the range where the variance cannot
be written (data beyond 1e154 or below 1e-154); the magnitude of the value for a constant column, 1 for zeros.
Floor of a column: the variance that rounding of the input alone can make, (8 eps R_j + eps max|x_j|)^2 with R_j the
largest |x_j - centre_j|; a constant column has no rounding of its own and gets (8 eps)^2 in its own units. Both are
rounded up to a power of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from gmm.errors import RepresentationError

__all__ = ["Frame", "Scaling"]

Scaling = Literal["feature", "common"]

EPS = float(np.finfo(np.float64).eps)
LARGEST_EXPONENT = 1022  # both 2**e and 2**-e are normal doubles
SMALLEST_VARIANCE = 2.0**-900  # below this a sum of squares may have lost digits
FARTHEST = 2.0**-900  # a common unit is at least this share of the largest value, or that would be infinite in it
WIDEST = 40  # a column spans at most 2**WIDEST of its units, however little weight its far rows have


@dataclass(frozen=True, eq=False)
class Frame:
    """An exact change of coordinates, fixed once per fit.

    Parameters
    ----------
    exponent : ndarray of shape (D,), int64
        scale = 2.0 ** -exponent.
    centre : ndarray of shape (D,)
        In scaled units.
    radius : float
        Largest |x'_j| of the rows the frame was made from.
    floor : ndarray of shape (D,)
        Variance floor of each feature in frame units.
    """

    exponent: np.ndarray
    centre: np.ndarray
    radius: float
    floor: np.ndarray

    @property
    def n_features(self) -> int:
        return self.exponent.shape[0]

    @cached_property
    def scale(self) -> np.ndarray:
        """Powers of two, (D,)."""
        return np.ldexp(1.0, -self.exponent)

    @cached_property
    def log_jacobian(self) -> float:
        """What to add to a log-density in the frame to get the one in user units: sum of log(scale), nats."""
        return -float(np.log(2.0)) * int(self.exponent.sum())

    @classmethod
    def identity(cls, n_features: int) -> Frame:
        """Return the frame that changes nothing; its floor is that of float64 data of magnitude one."""
        return cls.at_scale(np.zeros(n_features, np.int64))

    @classmethod
    def at_scale(cls, exponent: np.ndarray, scaling: Scaling = "feature") -> Frame:
        """Return a frame around the origin with the given exponents (D,), for a model that was not fitted here."""
        exponent = _clamp(np.asarray(exponent, np.int64))
        if scaling == "common":
            exponent = np.full(exponent.shape, exponent.max())
        return cls(exponent, np.zeros(exponent.shape), 1.0, np.full(exponent.shape, (8 * EPS) ** 2))

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], scaling: Scaling, eps: float) -> Frame:
        """Choose the frame from the column ranges, means and scatter that `_native.scan` finds.

        Parameters
        ----------
        columns : mapping
            minimum, maximum, mean, scatter: (D,), user units; weight: float. Over rows of positive weight.
        scaling : {"feature", "common"}
            One scale per column, or one for all (structures that single out the identity need it).
        eps : float
            Unit roundoff of the dtype the data came in.
        """
        return cls.many_from_columns({key: np.array([value]) for key, value in columns.items()}, scaling, eps)[0]

    @classmethod
    def many_from_columns(cls, columns: Mapping[str, np.ndarray], scaling: Scaling, eps: float) -> list[Frame]:
        """Return the frames of groups of rows with as many features each: arrays of `from_columns`, (G, D), (G,)."""
        low, high, mean, scatter, weight = (columns[key] for key in ("minimum", "maximum", "mean", "scatter", "weight"))
        with np.errstate(over="ignore"):
            variance = scatter / weight[:, None]
        exponent = _exponents(low, high, variance, scaling)
        constant = low == high
        scale = np.ldexp(1.0, -exponent)
        middle = np.where(np.isfinite(mean), np.clip(mean, low, high), low / 2 + high / 2)
        centre = middle * scale
        reach = np.maximum(np.abs(low * scale - centre), np.abs(high * scale - centre))
        magnitude = np.maximum(np.abs(low), np.abs(high)) * scale
        floor = np.where(constant, 8 * eps, 8 * eps * reach + eps * magnitude) ** 2
        floor = np.maximum(floor, SMALLEST_VARIANCE)  # of a column that is nothing in a common unit
        radius = reach.max(axis=1).tolist()
        floor = np.exp2(np.ceil(np.log2(floor)))
        return [cls(*made) for made in zip(exponent, centre, radius, floor, strict=True)]

    def points_in(self, X: np.ndarray) -> np.ndarray:
        """Rows or means (..., D) from user units to the frame; infinite where they are out of its reach."""
        with np.errstate(over="ignore"):
            return np.asarray(X, np.float64) * self.scale - self.centre

    def points_out(self, X: np.ndarray) -> np.ndarray:
        """Rows or means (..., D) from the frame to user units."""
        return _rescale(X + self.centre, self.exponent, "a mean or row")

    def lengths_out(self, lengths: np.ndarray) -> np.ndarray:
        """Differences of rows (..., D) from the frame to user units."""
        return _rescale(lengths, self.exponent, "a loading")

    def variances_in(self, variances: np.ndarray) -> np.ndarray:
        """Variances per feature (..., D) from user units to the frame."""
        return _rescale(variances, -2 * self.exponent, "a variance", positive=True)

    def variances_out(self, variances: np.ndarray) -> np.ndarray:
        """Variances per feature (..., D) from the frame to user units."""
        return _rescale(variances, 2 * self.exponent, "a variance", positive=True)

    def covariance_in(self, covariances: np.ndarray) -> np.ndarray:
        """Dense covariances (..., D, D) from user units to the frame."""
        return _rescale_dense(covariances, -self.exponent)

    def covariance_out(self, covariances: np.ndarray) -> np.ndarray:
        """Dense covariances (..., D, D) from the frame to user units."""
        return _rescale_dense(covariances, self.exponent)

    def variance_in(self, variance: np.ndarray) -> np.ndarray:
        """Variances shared by all features, any shape, from user units to a frame of common scale."""
        return _rescale(variance, -2 * self.common_exponent, "a variance", positive=True)

    def variance_out(self, variance: np.ndarray) -> np.ndarray:
        """Variances shared by all features, any shape, from a frame of common scale to user units."""
        return _rescale(variance, 2 * self.common_exponent, "a variance", positive=True)

    @property
    def dual(self) -> Frame:
        """The frame whose units are the reciprocals of this one's, about zero: it takes precisions to user units."""
        return Frame(-self.exponent, np.zeros_like(self.centre), self.radius, self.floor)

    @property
    def common_exponent(self) -> int:
        """The one exponent of a frame of common scale; a ValueError for any other."""
        first = int(self.exponent[0])
        if (self.exponent != first).any():
            raise ValueError("a variance shared by all features has no meaning in a frame with a scale per feature")
        return first


def _exponents(low: np.ndarray, high: np.ndarray, variance: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Exponent of each column's unit, (G, D) int64; see the head of this file."""
    half = high / 2 - low / 2
    written = np.isfinite(variance) & (variance > SMALLEST_VARIANCE)
    spread = np.where(written, np.sqrt(np.where(written, variance, 0.0)), half)
    spread = np.maximum(spread, half * 2.0**-WIDEST)
    varies = low < high
    if scaling == "common":
        largest = np.maximum(np.abs(low), np.abs(high)).max(axis=1, keepdims=True)
        widest = np.where(varies, spread, 0.0).max(axis=1, keepdims=True)
        common = np.where(varies.any(axis=1, keepdims=True), np.maximum(widest, largest * FARTHEST), largest)
        spread = np.broadcast_to(common, low.shape)
    else:
        spread = np.where(varies, spread, np.abs(low))
    return _clamp(np.where(spread > 0, np.frexp(spread)[1] - 1, 0).astype(np.int64))


def _clamp(exponent: np.ndarray) -> np.ndarray:
    return np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)


def _rescale(values: np.ndarray, exponent: Any, what: str, *, positive: bool = False) -> np.ndarray:
    """Multiply by 2 ** exponent; exact, or a RepresentationError."""
    with np.errstate(over="ignore", under="ignore"):
        result = np.ldexp(np.asarray(values, np.float64), exponent)
    if not np.isfinite(result).all() or (positive and not (result > 0).all()):
        raise RepresentationError(
            f"{what} of this mixture is too {'large' if not np.isfinite(result).all() else 'small'} for a float64 in "
            "these units; prediction still works, or rescale the data"
        )
    return result


def _rescale_dense(covariances: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    result = _rescale(covariances, exponent[:, None] + exponent, "a covariance")
    if not (np.diagonal(result, axis1=-2, axis2=-1) > 0).all():
        _rescale(np.zeros(1), 0, "a variance", positive=True)
    return result
