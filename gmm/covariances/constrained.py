"""mclust's codes whose components share a part of their covariances; formulas stand in csrc/forms.c and beside it.

What each needs of its rows: where all components share the variances along an axis, one row is enough.
"""

from __future__ import annotations

import numpy as np

from gmm.covariances.coded import Constrained
from gmm.covariances.diagonal import Diagonal
from gmm.covariances.full import Full
from gmm.covariances.positive_definite import diagonal
from gmm.covariances.spherical import Spherical
from gmm.parameters import Form

__all__ = ["EEI", "EEV", "EII", "EVE", "EVI", "EVV", "VEE", "VEI", "VEV", "VVE"]


class EII(Constrained, Spherical):
    """Spheres of one volume."""

    name = "EII"
    form = Form.EII

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return 1

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).mean(axis=1)

    def _n_features(self, covariances: np.ndarray) -> int:
        return 1  # a variance is a variance, whatever their number


class AlongFeatures(Constrained, Diagonal):
    """Variances (K, D) inside."""

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).copy()

    def _n_features(self, covariances: np.ndarray) -> int:
        return covariances.shape[1]


class EEI(AlongFeatures):
    """One ellipsoid along the features."""

    name = "EEI"
    form = Form.EEI

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features


class VEI(AlongFeatures):
    """One shape along the features, volumes vary."""

    name = "VEI"
    form = Form.VEI

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components + n_features - 1


class EVI(AlongFeatures):
    """One volume along the features, shapes vary."""

    name = "EVI"
    form = Form.EVI

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features - 1) + 1


class Ellipsoids(Constrained, Full):
    """Matrices (K, D, D) inside."""

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return np.array(dense)

    def _n_features(self, covariances: np.ndarray) -> int:
        return covariances.shape[1]


class VEE(Ellipsoids):
    """One shape and orientation, volumes vary."""

    name = "VEE"
    form = Form.VEE
    axes = "shared"

    def rows_needed(self, n_features: int) -> int:
        return 2

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + n_components - 1


class EVV(Ellipsoids):
    """One volume, shape and orientation vary."""

    name = "EVV"
    form = Form.EVV

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features * (n_features + 1) // 2 - 1) + 1


class EEV(Ellipsoids):
    """One volume and shape, orientations vary."""

    name = "EEV"
    form = Form.EEV
    scaling = "common"

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        D = n_features
        return n_components * (D * (D + 1) // 2) - (n_components - 1) * D


class VEV(Ellipsoids):
    """One shape, volume and orientation vary."""

    name = "VEV"
    form = Form.VEV
    scaling = "common"

    def rows_needed(self, n_features: int) -> int:
        return 2

    def n_parameters(self, n_components: int, n_features: int) -> int:
        D = n_features
        return n_components * (D * (D + 1) // 2) - (n_components - 1) * (D - 1)


class VVE(Ellipsoids):
    """One orientation, volume and shape vary."""

    name = "VVE"
    form = Form.VVE
    scaling = "common"
    axes = "shared"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + (n_components - 1) * n_features


class EVE(Ellipsoids):
    """One orientation and one volume, shapes vary."""

    name = "EVE"
    form = Form.EVE
    scaling = "common"
    axes = "shared"

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2 + (n_components - 1) * (n_features - 1)


EII, EEI, VEI, EVI = EII(), EEI(), VEI(), EVI()
VEE, EVV, EEV, VEV, EVE, VVE = VEE(), EVV(), EEV(), VEV(), EVE(), VVE()
