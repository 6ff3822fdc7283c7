"""One matrix shared by all components: covariance = sum_k n_k S_k / sum_k n_k ("tied", mclust's EEE).

The quick kernel whitens each row once, y = W x', and subtracts whitened means, and its pooled scatter is the total
minus what lies between the means (see `Rows.accumulate`). Both lose digits by the square of a row's distance from the
frame's centre in standard deviations, so it is chosen only while, for all k and j,

    |W mean_k|^2 <= 2^16    and    (inverse covariance)_jj (covariance_jj + max_k mean_kj^2) <= 2^16,

an error of 2^16 eps, 1e-11 nats; otherwise the full kernel gets K equal whiteners.
"""

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

__all__ = ["TIED"]

FARTHEST = 2.0**16


class Tied(Covariance):
    name = "tied"
    scaling = "feature"
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
        W = whitener(parameters.covariances)
        constants = log_constants(parameters.weights, parameters.n_features, log_determinant(W))
        if ridge is not None:
            constants -= ((W * W) @ ridge).sum() / 2
        factors = Factors(Kernel.TIED, constants, parameters.means, W)
        return factors if _expandable(W, parameters) else factors.centred()

    def _covariances(
        self,
        statistics: Statistics,
        shift: np.ndarray,
        previous: np.ndarray,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        n, second = statistics.n, statistics.second
        if second.ndim == 2:  # a difference of sums about the frame's centre
            squares = diagonal(second) + n @ statistics.means**2
        else:
            second = second.sum(axis=0)
            squares = diagonal(second)
        scatter = symmetric(second - (shift.T * n) @ shift) / n.sum()
        if ridge is not None:
            scatter += np.diag(ridge)
        covariances, floored = lift(scatter[None], floor, statistics.epsilon, squares[None] / n.sum())
        return covariances[0], np.repeat(floored, len(n))

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


def _expandable(W: np.ndarray, parameters: Parameters) -> bool:
    squares = parameters.means**2
    distance = ((parameters.means @ W.T) ** 2).sum(axis=1)
    spread = (W * W).sum(axis=0) * (diagonal(parameters.covariances) + squares.max(axis=0))
    return bool(max(distance.max(), spread.max()) <= FARTHEST)


TIED = Tied()
