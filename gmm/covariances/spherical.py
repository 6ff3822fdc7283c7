"""One variance per component: variance_k = trace(S_k) / D ("spherical", mclust's VII).

Its frame has one common scale, so the ridge is the same for all features; its floor is the mean of the features'.
"""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, require_positive
from gmm.covariances.coordinates import Coordinates, VarianceCoordinates
from gmm.covariances.positive_definite import largest_exponents
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters

__all__ = ["SPHERICAL"]


class Spherical(Covariance):
    name = "spherical"
    scaling = "common"
    kernel = Kernel.SPHERICAL
    axes = "features"
    moments_kernel = Kernel.SPHERICAL

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components,)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components

    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        array = checked_array(covariances, self.shape(n_components, n_features), name)
        return require_positive(array, name, "component {}")

    def coordinates(self, origin: Parameters) -> Coordinates:
        return VarianceCoordinates(origin)

    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return covariances[:, None, None] * np.eye(n_features)

    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        return 1 / covariances

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        return 1 / np.sqrt(covariances) * np.ravel(scale)[0]

    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        return z * np.sqrt(covariances[k])

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variance_in(covariances)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variance_out(covariances)

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(np.repeat(covariances[:, None], n_features, axis=1))


SPHERICAL = Spherical()
