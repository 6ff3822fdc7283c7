"""Codes whose axes are the features: EII, EEI, VEI and EVI (Celeux and Govaert 1995, section 3)."""

from __future__ import annotations

import numpy as np

from gmm.covariances.coded import Constrained
from gmm.covariances.diagonal import Diagonal
from gmm.covariances.positive_definite import diagonal
from gmm.covariances.spherical import Spherical

__all__ = ["EEI", "EII", "EVI", "MOST_ROUNDS", "STILL", "VEI", "geometric_mean"]

MOST_ROUNDS = 1000
STILL = 1e-14  # relative change of the volumes


class AlongFeatures(Constrained, Diagonal):
    """Variances (K, D) inside."""

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).copy()


class EII(Constrained, Spherical):
    """Spheres of one volume: variance = sum_k n_k trace(S_k) / (D sum_k n_k)."""

    name = "EII"

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return 1

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).mean(axis=1)

    def constrained(self, n, scatter, previous, floor, epsilon):
        variance = n @ scatter / n.sum()
        lifted = max(variance, floor.mean())
        return np.full(len(n), lifted), np.full(len(n), variance < floor.mean())


class EEI(AlongFeatures):
    """One ellipsoid along the features: variance_j = sum_k n_k (S_k)_jj / sum_k n_k."""

    name = "EEI"

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features

    def constrained(self, n, scatter, previous, floor, epsilon):
        pooled = n @ scatter / n.sum()
        floored = np.repeat((pooled < floor).any(), len(n))
        return np.repeat(np.maximum(pooled, floor)[None], len(n), axis=0), floored


class VEI(AlongFeatures):
    """One shape along the features, volumes vary: volume and shape in turn, each exact given the other."""

    name = "VEI"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components + n_features - 1

    def constrained(self, n, scatter, previous, floor, epsilon):
        shape = n @ scatter / n.sum() if previous is None else previous[0]
        shape = np.maximum(shape, floor)
        volume = np.zeros(len(n))
        for _ in range(MOST_ROUNDS):
            shape = shape / geometric_mean(shape)
            before, volume = volume, np.maximum((scatter / shape).mean(axis=1), floor.max())
            if not (np.abs(volume - before) > STILL * volume).any():
                break
            shape = np.maximum(n @ (scatter / volume[:, None]) / n.sum(), floor / volume.max())
        variances = volume[:, None] * shape
        floored = (variances <= floor).any(axis=1) | (n @ scatter / n.sum() < floor).any()
        return np.maximum(variances, floor), floored


class EVI(AlongFeatures):
    """One volume along the features, shapes vary: volume = sum_k n_k |diag S_k|^(1/D) / sum_k n_k."""

    name = "EVI"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features - 1) + 1

    def constrained(self, n, scatter, previous, floor, epsilon):
        floored = (scatter < floor).any(axis=1)
        scatter = np.maximum(scatter, floor)
        volumes = geometric_mean(scatter)
        return scatter / volumes[:, None] * (n @ volumes / n.sum()), floored


def geometric_mean(values: np.ndarray) -> np.ndarray:
    return np.exp(np.log(values).mean(axis=-1))


EII, EEI, VEI, EVI = EII(), EEI(), VEI(), EVI()
