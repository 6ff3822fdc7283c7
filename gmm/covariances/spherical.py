"""One variance per component: variance_k = trace(S_k) / D ("spherical", mclust's VII).

Its frame has one common scale, so the ridge is the same for all features; its floor is the mean of the features'.
"""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, log_constants, require_positive
from gmm.covariances.positive_definite import largest_exponents
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["SPHERICAL"]


class Spherical(Covariance):
    name = "spherical"
    scaling = "common"
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

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        W = 1 / np.sqrt(parameters.covariances)
        constants = log_constants(parameters.weights, parameters.n_features, parameters.n_features * np.log(W))
        if ridge is not None:
            constants -= W * W * (ridge.sum() / 2)
        return Factors(Kernel.SPHERICAL, constants, parameters.means, W)

    def _covariances(
        self,
        statistics: Statistics,
        shift: np.ndarray,
        previous: np.ndarray,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        alive = statistics.n > 0
        trace = statistics.second / np.where(alive, statistics.n, 1.0) - (shift**2).sum(axis=1)
        variance = trace / statistics.n_features
        if ridge is not None:
            variance += ridge.mean()
        low = alive & (variance < floor.mean())
        return np.where(alive, np.where(low, floor.mean(), variance), previous), low

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
