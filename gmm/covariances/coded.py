"""mclust's codes: covariance_k = volume_k orientation_k diag(shape_k) orientation_k' with parts that are shared or not.

The three letters of a code are those of volume, shape and orientation (Banfield and Raftery 1993; Celeux and Govaert
1995): E equal for all components, V varying, I the identity. Public covariances, precisions and their factors are
matrices (K, D, D) whatever the code; inside a fit they have the shape of the code's kernel.

The M-step of a code takes weights and means from the sums as every structure does, and of all covariances of its form
those which are likeliest given each component's scatter S_k, in the core (csrc/forms.c):

    minimise  sum_k n_k (log |covariance_k| + trace(inverse(covariance_k) S_k)).

Invariant: scatters of a code's own form are their own solution, which is how given covariances are checked.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gmm import _native
from gmm._validation import checked_array
from gmm.covariances.base import EPS, Covariance
from gmm.covariances.coordinates import Coordinates
from gmm.covariances.diagonal import Diagonal
from gmm.covariances.full import Full
from gmm.covariances.positive_definite import diagonal, largest_exponents, validate_matrices, whitener
from gmm.covariances.spherical import Spherical
from gmm.covariances.tied import TIED
from gmm.errors import ParameterError
from gmm.frame import Frame
from gmm.parameters import Factors, Parameters
from gmm.statistics import Statistics

__all__ = ["EEE", "VII", "VVI", "VVV", "Coded", "Constrained"]

ALIKE = 1e-6  # of a variance: how far given covariances may be from a code's form


class Formed:
    """Coordinates of a structure in which a code's mixtures are a part: where a vector leads is given the code's form.

    Parameters
    ----------
    inner : Coordinates
    form : callable
        Weights (K,) and covariances to the closest covariances of the code's form.
    """

    def __init__(self, inner: Coordinates, form: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self.origin, self.of, self.reach = inner.origin, inner.of, inner.reach
        self._inner, self._form = inner, form

    def at(self, vector: np.ndarray) -> Parameters:
        """Mixture of a vector."""
        found = self._inner.at(vector)
        return replace(found, covariances=self._form(found.weights, found.covariances))


class Coded(Covariance):
    """A code with public matrices (K, D, D)."""

    @abstractmethod
    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        """Matrices (K, D, D) of the code's form in the shape used inside."""

    def projected(self, dense: np.ndarray) -> np.ndarray:
        """The matrices (K, D, D) of the code's form that are closest to these."""
        return self.dense(self.narrowed(dense), *dense.shape[:2])

    def validate(
        self, covariances: np.ndarray, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        array = checked_array(covariances, (n_components, n_features, n_features), name)
        array = validate_matrices(array, name, [f"component {k}" for k in range(n_components)])
        sd = np.sqrt(diagonal(array))
        apart = np.abs(self.projected(array) - array) / (sd[:, :, None] * sd[:, None, :])
        worst = int(apart.max(axis=(1, 2)).argmax())
        if apart[worst].max() > ALIKE:
            raise ParameterError(
                f"{name}: not of the form {self.name!r} (letters: volume, shape, orientation; E equal, V varying, I "
                f"along the features); component {worst} is {apart[worst].max():.2g} of a variance away from it"
            )
        return array

    def check(self, covariances: np.ndarray, n_components: int, n_features: int) -> None:
        super().validate(covariances, n_components, n_features)  # that of the form inside

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        K, D = len(covariances), np.size(scale)
        W = whitener(self.dense(covariances, K, covariances.shape[-1] if covariances.ndim > 1 else D))
        return np.ascontiguousarray((W * scale).swapaxes(-1, -2))

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return self.narrowed(frame.covariance_in(covariances))

    def reframed(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return super().covariances_in(covariances, frame)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_out(self.dense(covariances, len(covariances), frame.n_features))

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(diagonal(covariances))


class VVV(Coded, Full):
    """Everything varies: "full" by its code."""

    name = "VVV"

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return dense


class VVI(Coded, Diagonal):
    """Along the features, volume and shape vary: "diag" by its code."""

    name = "VVI"

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).copy()


class VII(Coded, Spherical):
    """Spheres whose volumes vary: "spherical" by its code."""

    name = "VII"

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return diagonal(dense).mean(axis=1)


class EEE(Coded, Full):
    """One matrix for all: "tied" by its code, kept (K, D, D)."""

    name = "EEE"
    axes = "shared"

    def rows_needed(self, n_features: int) -> int:
        return 1

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return TIED.n_parameters(n_components, n_features)

    def narrowed(self, dense: np.ndarray) -> np.ndarray:
        return np.repeat(dense.mean(axis=0, keepdims=True), len(dense), axis=0)

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        return TIED.factorize(_shared(parameters), ridge)

    def maximize(
        self, statistics: Statistics, previous: Parameters, *, ridge: np.ndarray | None = None, floor: np.ndarray
    ) -> tuple[Parameters, np.ndarray]:
        found, floored = TIED.maximize(statistics, _shared(previous), ridge=ridge, floor=floor)
        return replace(found, covariances=self.from_core(found.covariances, found.n_components)), floored

    def coordinates(self, origin: Parameters) -> Formed:
        return Formed(super().coordinates(origin), lambda weights, covariances: self.narrowed(covariances))

    @property
    def core(self) -> Covariance:
        return TIED

    def to_core(self, covariances: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(covariances[0])

    def from_core(self, covariances: np.ndarray, n_components: int) -> np.ndarray:
        return np.repeat(covariances[None], n_components, axis=0)


def _shared(parameters: Parameters) -> Parameters:
    return replace(parameters, covariances=EEE.to_core(parameters.covariances))


class Constrained(Coded):
    """A code whose components share a part of their covariances: its `form`, which the core's M-step takes."""

    def formed(self, n: np.ndarray, scatter: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
        """Covariances of the form, inside, that are likeliest given each component's scatter; no floor.

        Parameters
        ----------
        n : ndarray of shape (K,)
            0 for a component whose scatter stays as it is.
        scatter : ndarray in the shape of the covariances
        previous : ndarray in the shape of the covariances, optional
            Where iterations inside begin, so that the objective cannot fall.
        """
        found, n_features = np.array(scatter, np.float64, order="C"), self._n_features(scatter)
        _native.constrain(self.form, n, previous, np.zeros(n_features), EPS, found, np.zeros(len(n), bool))
        return found

    @abstractmethod
    def _n_features(self, covariances: np.ndarray) -> int: ...

    def projected(self, dense: np.ndarray) -> np.ndarray:
        K, D = dense.shape[:2]
        return self.dense(self.formed(np.ones(K), self.narrowed(dense)), K, D)

    def coordinates(self, origin: Parameters) -> Formed:
        inner = super().coordinates(origin)
        return Formed(inner, lambda weights, covariances: self.formed(weights, covariances, origin.covariances))


VVV, VVI, VII, EEE = VVV(), VVI(), VII(), EEE()
