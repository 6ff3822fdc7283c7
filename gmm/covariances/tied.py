"""One matrix shared by all components: covariance = sum_k n_k S_k / sum_k n_k ("tied", mclust's EEE).

The quick kernel whitens each row once, y = W x', and subtracts whitened means, and its pooled scatter is the total
minus what lies between the means (see `Rows.accumulate`). Both lose digits by the square of a row's distance from the
frame's centre in standard deviations, so it is chosen only while, for all k and j,

    |W mean_k|^2 <= 2^16    and    (inverse covariance)_jj (covariance_jj + max_k mean_kj^2) <= 2^16,

an error of 2^16 eps, 1e-11 nats; otherwise the full kernel gets K equal whiteners.
"""

from __future__ import annotations

import numpy as np

from gmm import _native
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
from gmm.parameters import Factors, Kernel, Parameters

__all__ = ["TIED"]


class Tied(Covariance):
    name = "tied"
    scaling = "feature"
    kernel = Kernel.TIED
    axes = "shared"
    moments_kernel = Kernel.FULL

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_features, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2

    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        array = checked_array(covariances, self.shape(n_components, n_features), name)
        return validate_matrices(array[None], name, ["the shared matrix"])[0]

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        factors = super().factorize(parameters, ridge)
        safe = _native.tied_is_safe(parameters.means, parameters.covariances, factors.whiteners)
        return factors if safe else factors.centred()

    def coordinates(self, origin: Parameters) -> Coordinates:
        return MatrixCoordinates(origin)

    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return np.repeat(covariances[None], n_components, axis=0)

    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        return inverse(covariances)

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        return np.ascontiguousarray((whitener(covariances) * scale).T)

    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        return z @ cholesky(covariances).T

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_in(covariances)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_out(covariances)

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(diagonal(covariances))

    def take(self, covariances: np.ndarray, order: np.ndarray) -> np.ndarray:
        return covariances


TIED = Tied()
