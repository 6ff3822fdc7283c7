"""Codes whose ellipsoids turn: VEE, EVV, EEV and VEV (Celeux and Govaert 1995, section 3)."""

from __future__ import annotations

import numpy as np

from gmm.covariances.along_features import MOST_ROUNDS, STILL, geometric_mean
from gmm.covariances.coded import Constrained
from gmm.covariances.floor import lift
from gmm.covariances.full import Full
from gmm.covariances.positive_definite import diagonal, symmetric, whitener

__all__ = ["EEV", "EVV", "VEE", "VEV", "Ellipsoids", "regular", "turned"]


class Ellipsoids(Constrained, Full):
    """Matrices (K, D, D) inside."""

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return np.array(dense)


class VEE(Ellipsoids):
    """One shape and orientation, volumes vary: volumes and their common matrix C in turn.

    volume_k = trace(inverse(C) S_k) / D,  C = sum_k n_k S_k / volume_k, of determinant one.
    """

    name = "VEE"
    axes = "shared"

    def rows_needed(self, n_features: int) -> int:
        return 2

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + n_components - 1

    def constrained(self, n, scatter, previous, floor, epsilon):
        common = np.tensordot(n, scatter, 1) / n.sum() if previous is None else previous[0]
        volume, unit, floored = np.zeros(len(n)), 1.0, False
        for _ in range(MOST_ROUNDS):
            common, on_floor = lift(common[None], floor / unit, epsilon)
            floored = floored or bool(on_floor[0])
            common = common[0] * geometric_mean(diagonal(whitener(common[0])) ** 2)
            W = whitener(common)
            squares = ((W @ scatter) * W).sum(axis=(1, 2))
            before, volume = volume, np.maximum(squares / len(floor), floor.max())
            if floored or not (np.abs(volume - before) > STILL * volume).any():
                break
            unit = float(volume.max())
            common = symmetric(np.tensordot(n / volume, scatter, 1) / n.sum())
        return regular(volume[:, None, None] * common, np.repeat(floored, len(n)), floor, epsilon)


class EVV(Ellipsoids):
    """One volume, shape and orientation vary: volume = sum_k n_k |S_k|^(1/D) / sum_k n_k."""

    name = "EVV"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features * (n_features + 1) // 2 - 1) + 1

    def constrained(self, n, scatter, previous, floor, epsilon):
        scatter, floored = lift(scatter, floor, epsilon)
        volumes = geometric_mean(diagonal(whitener(scatter)) ** -2.0)
        return scatter * ((n @ volumes / n.sum()) / volumes)[:, None, None], floored


class EEV(Ellipsoids):
    """One volume and shape, orientations vary: those of the S_k, and the pooled eigenvalues."""

    name = "EEV"
    scaling = "common"

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        D = n_features
        return n_components * (D * (D + 1) // 2) - (n_components - 1) * D

    def constrained(self, n, scatter, previous, floor, epsilon):
        values, axes = _eigen(scatter)
        pooled = np.repeat((n @ values / n.sum())[None], len(n), axis=0)
        raised = np.maximum(pooled, floor.max())
        return regular(turned(raised, axes), (raised > pooled).any(axis=1), floor, epsilon)


class VEV(Ellipsoids):
    """One shape, volume and orientation vary: volumes and shape of the eigenvalues of the S_k in turn."""

    name = "VEV"
    scaling = "common"

    def rows_needed(self, n_features: int) -> int:
        return 2

    def n_parameters(self, n_components: int, n_features: int) -> int:
        D = n_features
        return n_components * (D * (D + 1) // 2) - (n_components - 1) * (D - 1)

    def constrained(self, n, scatter, previous, floor, epsilon):
        values, axes = _eigen(scatter)
        shape = n @ values / n.sum() if previous is None else np.linalg.eigvalsh(previous[0])[::-1]
        volume = np.zeros(len(n))
        for _ in range(MOST_ROUNDS):
            shape = np.maximum(shape, floor.max())
            shape = shape / geometric_mean(shape)
            before, volume = volume, np.maximum((values / shape).mean(axis=1), floor.max())
            if not (np.abs(volume - before) > STILL * volume).any():
                break
            shape = n @ (values / volume[:, None]) / n.sum()
        found = volume[:, None] * shape
        raised = np.maximum(found, floor.max())
        floored = (raised > found).any(axis=1) | (n @ values / n.sum() < floor.max()).any()
        return regular(turned(raised, axes), floored, floor, epsilon)


def turned(values: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Matrices (K, D, D) with these eigenvalues (K, D) and eigenvectors (K, D, D) or (D, D)."""
    return np.ascontiguousarray(symmetric((axes * values[:, None, :]) @ axes.swapaxes(-1, -2)))


def regular(
    matrices: np.ndarray, floored: np.ndarray, floor: np.ndarray, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices raised to the floor where rounding made them singular, and which rest on it."""
    found, raised = lift(matrices, floor, epsilon)
    return found, raised | floored


def _eigen(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (K, D), falling, and eigenvectors in the columns of (K, D, D)."""
    values, axes = np.linalg.eigh(matrices)
    return values[:, ::-1], axes[:, :, ::-1]


VEE, EVV, EEV, VEV = VEE(), EVV(), EEV(), VEV()
