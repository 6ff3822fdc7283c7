"""A variance per component and feature: variance_kj = (S_k)_jj ("diag", mclust's VVI)."""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, log_constants, require_positive
from gmm.covariances.positive_definite import largest_exponents
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["DIAG"]


class Diagonal(Covariance):
    name = "diag"
    scaling = "feature"
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

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        W = 1 / np.sqrt(parameters.covariances)
        constants = log_constants(parameters.weights, parameters.n_features, np.log(W).sum(axis=1))
        if ridge is not None:
            constants -= (W * W) @ ridge / 2
        return Factors(Kernel.DIAG, constants, parameters.means, W)

    def _covariances(
        self,
        statistics: Statistics,
        shift: np.ndarray,
        previous: np.ndarray,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        alive = (statistics.n > 0)[:, None]
        variances = statistics.second / np.where(alive, statistics.n[:, None], 1.0) - shift**2
        if ridge is not None:
            variances += ridge
        low = alive & (variances < floor)
        return np.where(alive, np.where(low, floor, variances), previous), low.any(axis=1)

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
