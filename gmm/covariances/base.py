"""What a covariance structure is: one small class each, so that callers never branch on a type name.

The maximise step shared by all: with statistics about the current means m_k and d_k = first_k / n_k,

    weight_k = n_k / sum n,    mean_k = m_k + d_k,    S_k = second_k / n_k - d_k d_k' + ridge,

then each structure takes the covariance of its own shape closest to the S_k in likelihood, and lifts it to the
numerical floor where rounding made it singular. Adding n_k ridge to the scatter here and
-1/2 sum_j ridge_j (inverse covariance_k)_jj to the log constants in `factorize` belong together: they are EM for rows
that carry independent noise of variance ridge_j, so the stated objective never falls.

A component with n_k = 0 is dead: it keeps its mean and covariance, its weight is exactly 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from gmm.errors import ParameterError
from gmm.frame import Frame, Scaling
from gmm.parameters import Factors, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["Covariance"]

LOG_TWO_PI = float(np.log(2 * np.pi))


class Covariance(ABC):
    """A covariance structure. Stateless; one instance of each is kept in `gmm.covariances`.

    Attributes
    ----------
    name : str
    scaling : {"feature", "common"}
        Which frames leave the structure unchanged.
    moments_kernel : Kernel
        What to ask `Rows.moments` for.
    """

    name: ClassVar[str]
    scaling: ClassVar[Scaling]
    moments_kernel: ClassVar[Kernel]

    def __reduce__(self) -> tuple:
        from gmm.covariances import structure

        return structure, (self.name,)

    def __repr__(self) -> str:
        return f"<covariance structure {self.name!r}>"

    @abstractmethod
    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of `Parameters.covariances`."""

    @abstractmethod
    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Number of free parameters in the covariances alone."""

    @abstractmethod
    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        """Return a float64 C-contiguous copy, or raise a ParameterError that names component and cause."""

    @abstractmethod
    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        """Whiteners and log constants; `ridge` (D,) are variances in frame units."""

    def maximize(
        self,
        statistics: Statistics,
        previous: Parameters,
        *,
        ridge: np.ndarray | None = None,
        floor: np.ndarray,
    ) -> tuple[Parameters, np.ndarray]:
        """Parameters that maximise the expected objective, in closed form.

        Parameters
        ----------
        statistics : Statistics
        previous : Parameters
            What dead components keep.
        ridge : ndarray of shape (D,) or None
            Variances in frame units.
        floor : ndarray of shape (D,)
            Smallest variance that the input can express, frame units.

        Returns
        -------
        parameters : Parameters
        floored : ndarray of shape (K,), bool
            Components whose covariance rests on the floor.
        """
        n = statistics.n
        alive = n > 0
        shift = statistics.first / np.where(alive, n, 1.0)[:, None]
        means = statistics.means + shift
        if not alive.all():
            means[~alive] = previous.means[~alive]
        covariances, floored = self._covariances(statistics, shift, previous.covariances, ridge, floor)
        return Parameters(n / n.sum(), means, covariances), floored

    @abstractmethod
    def _covariances(
        self,
        statistics: Statistics,
        shift: np.ndarray,
        previous: np.ndarray,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Covariances of the maximise step and which components rest on the floor; `shift` (K, D) is first / n."""

    @abstractmethod
    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        """Covariances as matrices (K, D, D)."""

    @abstractmethod
    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        """Inverse covariances in the structure's shape; its own inverse, so it also turns precisions around."""

    def from_precisions(self, precisions: np.ndarray) -> np.ndarray:
        """Covariances whose inverses are given, in the structure's shape."""
        return self.precisions(precisions)

    @abstractmethod
    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        """Factors P of the precisions as scikit-learn defines them: P P' for matrices (P upper), P^2 otherwise.

        `scale` (D,) takes them to user units.
        """

    @abstractmethod
    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        """Turn standard normal rows z (n, D) into rows with the covariance of component k, about zero."""

    @abstractmethod
    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """From user units to the frame."""

    @abstractmethod
    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """From the frame to user units; a RepresentationError where float64 cannot hold them."""

    @abstractmethod
    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        """Binary exponents (D,) of the largest standard deviation of each feature, for `Frame.at_scale`."""

    def take(self, covariances: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Covariances of the components in another order."""
        return covariances[order]


def log_constants(weights: np.ndarray, n_features: int, log_det_whitener: np.ndarray) -> np.ndarray:
    """log weight - D/2 log(2 pi) + log det W, (K,); -inf for weight zero."""
    with np.errstate(divide="ignore"):
        return np.log(weights) - n_features / 2 * LOG_TWO_PI + log_det_whitener


def require_positive(variances: np.ndarray, name: str, owner: str) -> np.ndarray:
    """Return the variances, or raise a ParameterError naming, by the template `owner`, whose is not positive."""
    for index in np.argwhere(~(variances > 0)):
        raise ParameterError(f"{name}: {owner.format(*index)} has variance {variances[tuple(index)]:g}, not positive")
    return variances
