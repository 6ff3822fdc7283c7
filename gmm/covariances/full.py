"""One matrix of its own for every component: covariance_k = S_k (scikit-learn's "full", mclust's VVV)."""

from __future__ import annotations

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, log_constants
from gmm.covariances.floor import lift
from gmm.covariances.positive_definite import (
    cholesky,
    diagonal,
    inverse,
    largest_exponents,
    log_determinant,
    symmetric,
    validate_matrices,
    whitener,
)
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["FULL"]


class Full(Covariance):
    name = "full"
    scaling = "feature"
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

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        W = whitener(parameters.covariances)
        constants = log_constants(parameters.weights, parameters.n_features, log_determinant(W))
        if ridge is not None:
            constants -= ((W * W) @ ridge).sum(axis=-1) / 2
        return Factors(Kernel.FULL, constants, parameters.means, W)

    def _covariances(
        self,
        statistics: Statistics,
        shift: np.ndarray,
        previous: np.ndarray,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        alive = statistics.n > 0
        moments = statistics.second / np.where(alive, statistics.n, 1.0)[:, None, None]
        scatter = symmetric(moments - shift[:, :, None] * shift[:, None, :])
        if ridge is not None:
            scatter += np.diag(ridge)
        squares = diagonal(moments)
        if alive.all():
            return lift(scatter, floor, statistics.epsilon, squares)
        covariances, floored = previous.copy(), np.zeros(alive.shape, bool)
        covariances[alive], floored[alive] = lift(scatter[alive], floor, statistics.epsilon, squares[alive])
        return covariances, floored

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
