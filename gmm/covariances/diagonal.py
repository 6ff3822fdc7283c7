"""A variance per component and feature: variance_kj = (S_k)_jj ("diag", mclust's VVI)."""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, require_positive
from gmm.covariances.coordinates import Coordinates, VarianceCoordinates
from gmm.covariances.positive_definite import largest_exponents
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters

__all__ = ["DIAG"]


class Diagonal(Covariance):
    name = "diag"
    scaling = "feature"
    kernel = Kernel.DIAG
    axes = "features"
    moments_kernel = Kernel.DIAG

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        array = checked_array(covariances, self.shape(n_components, n_features), name)
        return require_positive(array, name, "component {}, feature {}")

    def coordinates(self, origin: Parameters) -> Coordinates:
        return VarianceCoordinates(origin)

    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return covariances[:, :, None] * np.eye(n_features)

    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        return 1 / covariances

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        return 1 / np.sqrt(covariances) * scale

    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        return z * np.sqrt(covariances[k])

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variances_in(covariances)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variances_out(covariances)

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(covariances)


DIAG = Diagonal()
