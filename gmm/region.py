"""The box over which noise is spread: the smaller of two that hold all rows.

    along the features       volume = product of the ranges
    along principal axes     volume = product of the ranges of the rows' projections

(mclust's hypvol: Banfield and Raftery 1993.) Principal axes are those of the rows in the user's units, so a rotation
turns the box and leaves its volume. Rows of weight zero are absent. Volumes are logarithms, so no units are too large.

Where values are missing it is the box along the features, of what was observed of each: no axes are known then, and a
row needs a volume in its observed features alone.

Directions without spread do not count. A constant feature has, in every component and in the noise, one more factor
that is the same for all rows: it is given the length that makes the factors equal,

    sqrt(2 pi) times the standard deviation that the floor leaves a component there,

so that it cancels. Where one variance serves all features there is no such factor; the length is then that of their
mean variance. Where features depend on others exactly, covariances that follow them are held by the floor in such
directions too, and the box is that of the principal axes with spread; for other structures it is that of the features.

Invariant: the box depends on the rows and the scaling of the structure, not on their order or on n_threads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm import _native
from gmm.covariances.base import Covariance
from gmm.errors import DataError
from gmm.noise import Noise
from gmm.parameters import Kernel
from gmm.rows import Rows

__all__ = ["box_of"]

CHUNK = 1 << 14  # rows projected at a time
FLAT = 2.0**-24  # of the longest side, or standard deviation: shorter ones are rounding of projection, or covariance
GROWTH = 2.0**-40  # of a side, on both ends: so that rounding leaves no row outside
LOG_ROOT_TWO_PI = 0.5 * np.log(2.0 * np.pi)


def box_of(rows: Rows, structure: Covariance) -> Noise:
    """Noise of weight 0 over the smaller box.

    Parameters
    ----------
    rows : Rows
    structure : Covariance

    Raises
    ------
    DataError
        When no feature has any spread.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.covariances import FULL
    >>> from gmm.region import box_of
    >>> from gmm.rows import Rows
    >>> rows = Rows.from_array(np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0], [4.0, 2.0]]))
    >>> round(float(np.exp(box_of(rows, FULL).log_volume - rows.frame.log_jacobian)), 9)  # user units
    8.0
    """
    columns = rows.columns
    low, high = rows.frame.points_in(columns["minimum"]), rows.frame.points_in(columns["maximum"])
    varies = high > low
    if not varies.any():
        raise DataError(f"noise needs rows that differ: no feature has any spread, with n_samples = {rows.n_rows}")
    log_lengths = np.log(np.where(varies, high - low, 1.0))
    flat = np.zeros(rows.n_features) if varies.all() else _log_flat(rows, structure)
    log_lengths = np.where(varies, log_lengths, flat)
    along = Noise(0.0, float(log_lengths.sum()), low, np.where(varies, high - low, 0.0), log_lengths)
    if varies.sum() < 2 or not rows.is_whole:
        return along
    constant = float(np.where(varies, 0.0, flat).sum())
    turned = _dependent(rows, varies, constant) if structure.moments_kernel is Kernel.FULL else None
    if turned is None:
        turned = _principal(rows, varies, constant)
        if turned is None or turned.log_volume >= along.log_volume:
            return along
    return replace(turned, log_lengths=log_lengths)


def _log_flat(rows: Rows, structure: Covariance) -> np.ndarray:
    """Log lengths (D,) that make constant features cancel."""
    variances = rows.frame.floor
    if structure.scaling == "common":
        variances = np.full(rows.n_features, rows.variances.mean())
    return LOG_ROOT_TWO_PI + 0.5 * np.log(variances)


def _scatter(rows: Rows) -> np.ndarray:
    """Covariance of all rows (D, D), frame coordinates."""
    weight = 1.0 * rows.n_rows if rows.sample_weight is None else rows.sample_weight.sum()
    return rows.total_scatter / weight  # the frame is centred at the mean, up to rounding


def _principal(rows: Rows, varies: np.ndarray, log_flat: float) -> Noise | None:
    """The box along the principal axes of the features that vary, None where these span none."""
    steps = rows.frame.exponent[varies] - rows.frame.exponent[varies].max()  # frame to one common unit, at most 1
    unit = np.ldexp(1.0, np.maximum(steps, -1000))
    covariance = _scatter(rows)[np.ix_(varies, varies)] * unit[:, None] * unit
    axes = np.ascontiguousarray(np.linalg.eigh(covariance)[1])
    low, lengths = _projected(rows, varies, unit, axes)
    box = _turned(rows, varies, unit, axes, low, lengths)
    if not (lengths > FLAT * lengths.max()).all() or not (
        np.isfinite(box.corner).all() and np.isfinite(box.edges).all()
    ):
        return None
    return replace(box, log_volume=float(np.log(lengths).sum() - np.log(unit).sum()) + log_flat)


def _dependent(rows: Rows, varies: np.ndarray, log_flat: float) -> Noise | None:
    """The box of rows whose varying features depend on each other, for covariances that follow them; else None.

    What the floor makes of the covariance of all rows tells the factor that components have from flat directions:
    determinant = product of the variances along the axes with spread, times that.
    """
    covariance = _scatter(rows)[np.ix_(varies, varies)]
    raised, floored = covariance[None].copy(), np.zeros(1, bool)
    squares = np.ascontiguousarray(covariance.diagonal()[None])
    _native.lift(raised, squares, np.ascontiguousarray(rows.frame.floor[varies]), rows.epsilon, floored, 1)
    if not floored[0]:
        return None
    variances, axes = np.linalg.eigh(covariance)
    unit = np.ones(len(covariance))
    low, lengths = _projected(rows, varies, unit, np.ascontiguousarray(axes))
    spread = (lengths > FLAT * lengths.max()) & (variances > FLAT**2 * variances.max())
    flat = 0.5 * (np.linalg.slogdet(raised[0])[1] - np.log(variances[spread]).sum())
    log_flat += flat + np.count_nonzero(~spread) * LOG_ROOT_TWO_PI
    box = _turned(rows, varies, unit, axes, low, np.where(spread, lengths, 0.0))
    return replace(box, log_volume=float(np.log(lengths[spread]).sum()) + log_flat)


def _projected(rows: Rows, varies: np.ndarray, unit: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the rows' projections on the axes (columns) begin, and how far they reach, in the frame times ``unit``."""
    low, high = np.full(len(unit), np.inf), np.full(len(unit), -np.inf)
    for first in range(0, rows.n_rows, CHUNK):
        part = slice(first, first + CHUNK)
        X = rows.X[part] if rows.sample_weight is None else rows.X[part][rows.sample_weight[part] > 0]
        points = np.ascontiguousarray(rows.frame.points_in(X)[:, varies] * unit) @ axes
        low = np.minimum(low, points.min(axis=0, initial=np.inf))
        high = np.maximum(high, points.max(axis=0, initial=-np.inf))
    lengths = high - low
    return low - GROWTH * lengths, lengths * (1.0 + 2.0 * GROWTH)


def _turned(
    rows: Rows, varies: np.ndarray, unit: np.ndarray, axes: np.ndarray, low: np.ndarray, lengths: np.ndarray
) -> Noise:
    """The box over these axes, its volume still to be told."""
    edges = np.zeros((rows.n_features, rows.n_features))
    corner = rows.frame.points_in(rows.X[:1])[0]  # constant features
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        corner[varies] = (axes @ low) / unit
        edges[np.ix_(varies, varies)] = (axes * lengths).T / unit
    return Noise(0.0, 0.0, corner, edges)
