"""Codes whose ellipsoids have one orientation: EVE and VVE, and the orientation that suits several scatters best.

Given the eigenvalues a_k, an orientation Q costs  sum_k n_k trace(Q diag(1 / a_k) Q' S_k). Where two of its columns
turn in their plane by an angle, the best angle is that of the smallest eigenvector of the 2 x 2 matrix

    sum_k n_k (1 / a_ki - 1 / a_kj) [q_i q_j]' S_k [q_i q_j]                    (Flury and Gautschi 1986)

Pairs that share no column turn together; D - 1 such rounds, a sweep, meet every pair. Each turn lowers the cost, so
M-steps that begin with the previous orientation keep EM monotone; majorisation (Browne and McNicholas 2014) has the
same fixed points and takes many more steps to them.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from gmm.covariances.along_features import geometric_mean
from gmm.covariances.ellipsoids import Ellipsoids, regular, turned
from gmm.covariances.geometry import common_orientation

__all__ = ["EVE", "VVE"]

SWEEPS = 50  # of one M-step, at most
STILL = 1e-13  # largest angle of a sweep that ends it


class CommonAxes(Ellipsoids):
    """One orientation; eigenvalues and orientation in turn."""

    scaling = "common"
    axes = "shared"

    def constrained(self, n, scatter, previous, floor, epsilon):
        if previous is not None:
            axes = common_orientation(previous)
            values = np.diagonal(_rotated(previous, axes), axis1=1, axis2=2)
            _, *found = self._descended(n, scatter, axes, np.maximum(values, floor.max()), floor.max())
            return regular(*found, floor, epsilon)
        beginnings = [common_orientation(scatter), *np.linalg.eigh(scatter)[1], np.eye(len(floor))]
        found = [self._descended(n, scatter, axes, None, floor.max()) for axes in beginnings]
        return regular(*min(found, key=lambda each: each[0])[1:], floor, epsilon)

    def _descended(
        self, n: np.ndarray, scatter: np.ndarray, axes: np.ndarray, values: np.ndarray | None, least: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Cost, covariances and which rest on the floor, from an orientation and eigenvalues (None: the best) on."""
        rotated = _rotated(scatter, axes)
        values = self._values(n, rotated, least) if values is None else values
        for _ in range(SWEEPS):
            axes, rotated, angle = _sweep(axes, rotated, n, values)
            values = self._values(n, rotated, least)
            if angle < STILL:
                break
        variances = np.diagonal(rotated, axis1=1, axis2=2)
        cost = float(n @ (np.log(values) + variances / values).sum(axis=1))
        return cost, turned(values, axes), (variances < least).any(axis=1)

    @abstractmethod
    def _values(self, n: np.ndarray, rotated: np.ndarray, least: float) -> np.ndarray:
        """Best eigenvalues (K, D) for scatters seen along the axes."""


class VVE(CommonAxes):
    """Volume and shape vary: eigenvalues are the variances along the common axes."""

    name = "VVE"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + (n_components - 1) * n_features

    def _values(self, n: np.ndarray, rotated: np.ndarray, least: float) -> np.ndarray:
        return np.maximum(np.diagonal(rotated, axis1=1, axis2=2), least)


class EVE(CommonAxes):
    """Shapes vary, of one volume: the mean, by n_k, of the geometric means of the variances along the axes."""

    name = "EVE"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + (n_components - 1) * (n_features - 1)

    def _values(self, n: np.ndarray, rotated: np.ndarray, least: float) -> np.ndarray:
        variances = np.maximum(np.diagonal(rotated, axis1=1, axis2=2), least)
        volumes = geometric_mean(variances)
        return variances * ((n @ volumes / n.sum()) / volumes)[:, None]


def _rotated(matrices: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return axes.T @ matrices @ axes


def _sweep(
    axes: np.ndarray, rotated: np.ndarray, n: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Every pair of columns turned once: axes (D, D), scatters seen along them (K, D, D), the largest angle."""
    axes, rotated, largest = axes.copy(), rotated.copy(), 0.0
    precisions = n[:, None] / values
    for i, j in _rounds(len(axes)):
        gain = precisions[:, i] - precisions[:, j]  # (K, pairs)
        along = ((gain * (rotated[:, i, i] - rotated[:, j, j])).sum(axis=0)) / 2
        across = (gain * rotated[:, i, j]).sum(axis=0)
        size = (np.abs(gain) * (rotated[:, i, i] + rotated[:, j, j])).sum(axis=0)
        angle = np.arctan2(-across, -along) / 2
        angle[np.hypot(along, across) <= 1e-15 * size] = 0.0
        largest = max(largest, float(np.abs(angle).max(initial=0.0)))
        c, s = np.cos(angle), np.sin(angle)
        axes[:, i], axes[:, j] = c * axes[:, i] + s * axes[:, j], c * axes[:, j] - s * axes[:, i]
        rotated[:, :, i], rotated[:, :, j] = (
            c * rotated[:, :, i] + s * rotated[:, :, j],
            c * rotated[:, :, j] - s * rotated[:, :, i],
        )
        turned_i = c[:, None] * rotated[:, i] + s[:, None] * rotated[:, j]
        rotated[:, j] = c[:, None] * rotated[:, j] - s[:, None] * rotated[:, i]
        rotated[:, i] = turned_i
    return axes, rotated, largest


def _rounds(D: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rounds of disjoint pairs of columns, every pair once: a tournament where the first stays and the others move."""
    places = list(range(D + D % 2))  # the last of an odd number has no partner
    found = []
    for _ in range(len(places) - 1):
        half = len(places) // 2
        pairs = [(a, b) for a, b in zip(places[:half], reversed(places[half:]), strict=True) if max(a, b) < D]
        if pairs:
            found.append((np.array([min(p) for p in pairs]), np.array([max(p) for p in pairs])))
        places = [places[0], places[-1], *places[1:-1]]
    return found


EVE, VVE = EVE(), VVE()
