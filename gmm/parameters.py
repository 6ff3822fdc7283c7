"""What a mixture is (`Parameters`) and what a kernel needs of it (`Factors`).

    p(x) = sum_k  weight_k  N(x; mean_k, covariance_k)  [+ noise, see `gmm.noise`]
    log density of component k at x  =  log_constant_k - |whitener_k (x - mean_k)|^2 / 2

K is the number of components, D of features. Both classes hold frame coordinates (see `gmm.frame`), float64,
C-contiguous. `Covariance.factorize` turns Parameters into Factors; nobody stores Factors.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np

from gmm.noise import Noise

__all__ = ["Factors", "Form", "Kernel", "Parameters"]


class Kernel(IntEnum):
    """The triangular factor a compiled kernel uses, and the shape of the second moments it writes.

    Values are those of `gmm_structure` in csrc/gmm.h.
    """

    FULL = 0  # whiteners (K, D, D) lower triangular, second (K, D, D)
    TIED = 1  # whiteners (D, D) lower triangular,    second (D, D), pooled over components
    DIAG = 2  # whiteners (K, D) = 1 / sd,            second (K, D)
    SPHERICAL = 3  # whiteners (K,) = 1 / sd,         second (K,), the trace
    FACTOR = 5  # whiteners (K, 1 + q, D),            second (K, 1 + q, D): 1 / sd of the noise and q directions, and
    #             squares and products with them (`gmm.covariances.loadings`)

    def whitener_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of the whiteners, which is also the shape of the second moments; that of FACTOR is as it is given."""
        return {
            Kernel.FULL: (n_components, n_features, n_features),
            Kernel.TIED: (n_features, n_features),
            Kernel.DIAG: (n_components, n_features),
            Kernel.SPHERICAL: (n_components,),
        }[self]


class Form(IntEnum):
    """What the components' covariances share beyond their shape: mclust's codes. Values are those of `gmm_form`."""

    OWN = 0  # nothing, or all of it (tied)
    EII = 1
    EEI = 2
    VEI = 3
    EVI = 4
    VEE = 5
    EVE = 6
    VVE = 7
    EEV = 8
    VEV = 9
    EVV = 10


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters of a Gaussian mixture, in frame coordinates.

    Parameters
    ----------
    weights : ndarray of shape (K,)
        Mixing weights, non-negative, of sum 1, or 1 less the weight of noise. Exactly 0 for a dead component.
    means : ndarray of shape (K, D)
    covariances : ndarray
        In the shape of their structure: (K, D, D) full, (D, D) tied, (K, D) diag, (K,) spherical, (K, 1 + q, D) factor.
    noise : Noise, optional
    derived : dict
        What a structure has worked out of these parameters, which do not change, and may ask for again.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    noise: Noise | None = None
    derived: dict[str, Any] = field(init=False, repr=False, default_factory=dict)

    @property
    def mixing(self) -> np.ndarray:
        """All mixing weights, (K,), or (K + 1,) with that of noise last."""
        return self.weights if self.noise is None else np.append(self.weights, self.noise.weight)

    def with_noise(self, noise: Noise) -> Parameters:
        """The same Gaussians beside noise, their mixing weights made to sum to what it leaves."""
        total = self.weights.sum()
        return replace(self, weights=self.weights * ((1.0 - noise.weight) / total), noise=noise)

    def without_noise(self) -> Parameters:
        """The Gaussians alone, their mixing weights made to sum to 1 where there was noise."""
        return self if self.noise is None else replace(self, weights=self.weights / self.weights.sum(), noise=None)

    @property
    def n_components(self) -> int:
        return self.means.shape[0]

    @property
    def n_features(self) -> int:
        return self.means.shape[1]


@dataclass(frozen=True, eq=False)
class Factors:
    """A mixture ready for a kernel: whiteners W with W'W the inverse covariance, and log constants (nats).

    Parameters
    ----------
    kernel : Kernel
    log_constants : ndarray of shape (K,)
        log weight - D/2 log(2 pi) + log det W + additive terms such as the ridge's; -inf switches a component off.
    means : ndarray of shape (K, D)
    whiteners : ndarray of shape `kernel.whitener_shape(K, D)`
    log_noise : float, optional
        Log of the density of noise times its weight; -inf for weight 0.
    parameters : Parameters, optional
        What they are the factors of, for passes that see some features of a row only (`gmm.missing`).
    ridge : ndarray of shape (D,), optional
        Whose penalty is in the log constants.
    """

    kernel: Kernel
    log_constants: np.ndarray
    means: np.ndarray
    whiteners: np.ndarray
    log_noise: float | None = None
    parameters: Parameters | None = None
    ridge: np.ndarray | None = None

    @property
    def n_components(self) -> int:
        return self.means.shape[0]

    @property
    def n_features(self) -> int:
        return self.means.shape[1]

    @property
    def along(self) -> np.ndarray | None:
        """Directions (K, q, D) of second moments, which only `Kernel.FACTOR` has."""
        return self.whiteners[:, 1:] if self.kernel is Kernel.FACTOR else None

    def without_noise(self) -> Factors:
        """Return those of the components alone, whose mixing weights stay as they are."""
        parameters = None if self.parameters is None else replace(self.parameters, noise=None)
        return replace(self, log_noise=None, parameters=parameters)

    def centred(self) -> Factors:
        """Return the same mixture for a kernel that subtracts the mean before it whitens.

        `Kernel.TIED` whitens each row once and subtracts whitened means, which costs digits far from the frame's
        centre; every other kernel is centred already and is returned as it is.
        """
        if self.kernel is not Kernel.TIED:
            return self
        shape = Kernel.FULL.whitener_shape(self.n_components, self.n_features)
        whiteners = np.ascontiguousarray(np.broadcast_to(self.whiteners, shape))
        return replace(self, kernel=Kernel.FULL, whiteners=whiteners)
