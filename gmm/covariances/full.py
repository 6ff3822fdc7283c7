"""One matrix of its own for every component: covariance_k = S_k (scikit-learn's "full", mclust's VVV)."""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance
from gmm.covariances.coordinates import Coordinates, MatrixCoordinates
from gmm.covariances.positive_definite import (
    cholesky,
    diagonal,
    inverse,
    largest_exponents,
    validate_matrices,
    whitener,
)
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters

__all__ = ["FULL"]


class Full(Covariance):
    name = "full"
    scaling = "feature"
    kernel = Kernel.FULL
    moments_kernel = Kernel.FULL

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2

    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        array = checked_array(covariances, self.shape(n_components, n_features), name)
        return validate_matrices(array, name, [f"component {k}" for k in range(n_components)])

    def coordinates(self, origin: Parameters) -> Coordinates:
        return MatrixCoordinates(origin)

    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return covariances.copy()

    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        return inverse(covariances)

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        return np.ascontiguousarray((whitener(covariances) * scale).swapaxes(-1, -2))

    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        return z @ cholesky(covariances[k]).T

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_in(covariances)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_out(covariances)

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(diagonal(covariances))


FULL = Full()
