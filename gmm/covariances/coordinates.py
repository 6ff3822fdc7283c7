"""Mixtures near a given one as vectors: free coordinates in which a step of length s changes rows about s^2 / 2 nats.

With pi, mu, S = L L' the weights (with that of noise), means and covariances at the origin, a mixture pi', mu',
S' = L' L'' has

    log(pi'_k / pi_k),      inverse(L_k) (mu'_k - mu_k),      log C_jj and C_ij of C = inverse(L_k) L'_k,  i > j

(for variances: half the log of their ratio; for factor analysers that of psi, and (L'_k - L_k) / sqrt(psi_k) with L
the loadings), multiplied by sqrt(pi_k) unless all components share them, and log C_jj by
sqrt 2 more: to first order the square root of the information that rows with known components would carry. So every
vector is a mixture, units and sizes of components do not matter, and the EM map is nearly symmetric there, which
`gmm.acceleration` lives on.

Invariant: ``at(of(p))`` is p. Weights have one coordinate more than freedom, so not every v is ``of(at(v))``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

import numpy as np

from gmm.covariances.loadings import Root
from gmm.covariances.positive_definite import diagonal, product, symmetric, whitener
from gmm.parameters import Parameters

__all__ = ["Coordinates", "FactorCoordinates", "MatrixCoordinates", "VarianceCoordinates"]

ROOT_TWO = 2.0**0.5


class Coordinates(ABC):
    """Vectors (P,) for the mixtures around one with positive weights.

    Parameters
    ----------
    origin : Parameters
        The mixture whose vector is 0.
    """

    def __init__(self, origin: Parameters) -> None:
        self.origin = origin
        root = np.sqrt(origin.weights)
        parts = [np.sqrt(origin.mixing), np.repeat(root, origin.n_features), *self._covariance_scales(root)]
        self._scale = np.concatenate([part.ravel() for part in parts])

    def of(self, parameters: Parameters) -> np.ndarray:
        """Vector of a mixture."""
        weights = np.log(parameters.mixing / self.origin.mixing)
        parts = [weights, self._whitened(parameters.means - self.origin.means), *self._logarithm(parameters)]
        return np.concatenate([part.ravel() for part in parts]) * self._scale

    def at(self, vector: np.ndarray) -> Parameters:
        """Mixture of a vector."""
        K, D = self.origin.means.shape
        noise, n_weights = self.origin.noise, len(self.origin.mixing)
        mixing, shifts, covariances = np.split(vector / self._scale, [n_weights, n_weights + K * D])
        weights = self.origin.mixing * np.exp(mixing - mixing.max())
        weights /= weights.sum()
        means = self.origin.means + self._coloured(shifts.reshape(K, D))
        moved = None if noise is None else noise.weighing(weights[K])
        return Parameters(weights[:K], means, self._exponential(covariances), moved)

    def reach(self, vector: np.ndarray) -> float:
        """Largest move of any component in its own units: standard deviations, and logs of them and of its weight."""
        return float(np.abs(vector / self._scale).max())

    @abstractmethod
    def _covariance_scales(self, root: np.ndarray) -> list[np.ndarray]:
        """What the natural coordinates of the covariances are multiplied by; `root` (K,) are the roots of weights."""

    @abstractmethod
    def _whitened(self, shifts: np.ndarray) -> np.ndarray:
        """Differences of means (K, D) in standard deviations."""

    @abstractmethod
    def _coloured(self, shifts: np.ndarray) -> np.ndarray:
        """The inverse of `_whitened`."""

    @abstractmethod
    def _logarithm(self, parameters: Parameters) -> list[np.ndarray]:
        """Natural coordinates of the covariances."""

    @abstractmethod
    def _exponential(self, natural: np.ndarray) -> np.ndarray:
        """Covariances from their natural coordinates."""


class MatrixCoordinates(Coordinates):
    """Of mixtures with matrices, (K, D, D) or one (D, D) for all."""

    def __init__(self, origin: Parameters) -> None:
        super().__init__(origin)
        self._whiteners, self._roots = _roots(origin)
        self._below = _below(origin.n_features)

    def _covariance_scales(self, root: np.ndarray) -> list[np.ndarray]:
        D = self.origin.n_features
        owners = root if self.origin.covariances.ndim == 3 else np.ones(1)
        return [np.repeat(ROOT_TWO * owners, D), np.repeat(owners, D * (D - 1) // 2)]

    def _whitened(self, shifts: np.ndarray) -> np.ndarray:
        return np.einsum("...ij,...j->...i", self._whiteners, shifts)

    def _coloured(self, shifts: np.ndarray) -> np.ndarray:
        return np.einsum("...ij,...j->...i", self._roots, shifts)

    def _logarithm(self, parameters: Parameters) -> list[np.ndarray]:
        C = product(self._whiteners, _roots(parameters)[1])
        return [np.log(diagonal(C)), C[..., *self._below]]

    def _exponential(self, natural: np.ndarray) -> np.ndarray:
        shape = self.origin.covariances.shape
        n, D = natural.size // (shape[-1] * (shape[-1] + 1) // 2), shape[-1]
        C = np.zeros((n, D, D))
        C[:, range(D), range(D)] = np.exp(natural[: n * D].reshape(n, D))
        C[:, *self._below] = natural[n * D :].reshape(n, -1)
        roots = product(self._roots, C.reshape(shape))
        return symmetric(product(roots, roots.swapaxes(-1, -2)))


def _roots(parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Whiteners and roots L of a mixture's matrices, which a climb asks for where it arrives and where it leaves."""
    if "roots" not in parameters.derived:
        whiteners = whitener(parameters.covariances)
        roots = product(parameters.covariances, whiteners.swapaxes(-1, -2))  # L = S inverse(L)'
        parameters.derived["roots"] = whiteners, roots
    return parameters.derived["roots"]


@cache
def _below(n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of what lies below the diagonal."""
    return np.tril_indices(n_features, -1)


class VarianceCoordinates(Coordinates):
    """Of mixtures with a variance per feature (K, D) or one for all features (K,)."""

    def __init__(self, origin: Parameters) -> None:
        super().__init__(origin)
        self._sd = np.sqrt(origin.covariances).reshape(origin.n_components, -1)

    def _covariance_scales(self, root: np.ndarray) -> list[np.ndarray]:
        K, D = self.origin.means.shape
        per_component = self.origin.covariances.size // K
        return [np.repeat(root * (2 * D / per_component) ** 0.5, per_component)]

    def _whitened(self, shifts: np.ndarray) -> np.ndarray:
        return shifts / self._sd

    def _coloured(self, shifts: np.ndarray) -> np.ndarray:
        return shifts * self._sd

    def _logarithm(self, parameters: Parameters) -> list[np.ndarray]:
        return [np.log(parameters.covariances / self.origin.covariances) / 2]

    def _exponential(self, natural: np.ndarray) -> np.ndarray:
        return self.origin.covariances * np.exp(2 * natural.reshape(self.origin.covariances.shape))


class FactorCoordinates(Coordinates):
    """Of factor analysers, (K, 1 + q, D) noise variances and loadings (`gmm.covariances.loadings`).

    Parameters
    ----------
    origin : Parameters
    is_common : bool
        Whether the components share their noise variances.
    smallest : float
        Share of a feature's variance that noise keeps, unless it had less.
    """

    def __init__(self, origin: Parameters, is_common: bool, smallest: float) -> None:
        self._is_common, self._smallest, self._root = is_common, smallest, Root(origin)
        super().__init__(origin)

    def _covariance_scales(self, root: np.ndarray) -> list[np.ndarray]:
        _, n, D = self.origin.covariances.shape
        owners = np.ones(1) if self._is_common else root
        return [np.repeat(ROOT_TWO * owners, D), np.repeat(root, (n - 1) * D)]

    def _whitened(self, shifts: np.ndarray) -> np.ndarray:
        return self._root.whitened(shifts)

    def _coloured(self, shifts: np.ndarray) -> np.ndarray:
        return self._root.coloured(shifts)

    def _logarithm(self, parameters: Parameters) -> list[np.ndarray]:
        there, here = parameters.covariances, self.origin.covariances
        ratios = np.log(there[:, 0] / here[:, 0]) / 2
        return [ratios[0] if self._is_common else ratios, (there[:, 1:] - here[:, 1:]) / np.sqrt(here[:, :1])]

    def _exponential(self, natural: np.ndarray) -> np.ndarray:
        here = self.origin.covariances
        K, n, D = here.shape
        n_noise = D if self._is_common else K * D
        loadings = here[:, 1:] + np.sqrt(here[:, :1]) * natural[n_noise:].reshape(K, n - 1, D)
        psi = here[:, 0] * np.exp(2 * natural[:n_noise].reshape(-1, D))
        least = self._smallest * (psi + (loadings**2).sum(axis=1))
        if self._is_common:
            least = least.max(axis=0)
        psi = np.maximum(psi, np.minimum(least, here[:, 0]))
        return np.concatenate([psi[:, None], loadings], axis=1)
