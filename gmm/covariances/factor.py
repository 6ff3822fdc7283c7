"""Factor analysers: covariance_k = L_k L_k' + diag(psi_k) with n_factors columns in L_k ("factor"; Rubin and Thayer
1982; Ghahramani and Hinton 1996; McLachlan and Peel 2000, chapter 8), or one psi for all components ("factor-common").

The maximise step, with S_k the scatter about the new mean and B the n_factors directions of the previous covariance,
each over sqrt(1 + lambda) (`gmm.covariances.loadings`), needs of S no more than its diagonal and G = S B':

    H = I + B G,     L = G H^(-1/2) V',     psi = diag(S) - sum_a L_a^2          common: the mean of psi_k, by n_k

That is one step of parameter-expanded EM (Liu, Rubin, Wu 1998) for factors as missing data: the expected moments of
the factors, whose covariance is free for the moment, go into the loadings. It never lets the likelihood of the
responsibilities' weighted rows fall, and the exact means before it neither, so the objective never falls. V turns the
loadings back to the axes the previous ones had, so that a climb moves on a straight way.

psi is kept above the numerical floor and above SMALLEST of the feature's variance in the component (a Heywood case: the
factors alone explain the feature), or where it was, if that is less: the likelihood given a bound is highest at it, so
this does not let the objective fall. A component rests on the floor when a psi does, or when more than n_factors of
them have come to their bound: then the covariance is next to singular.

Means, mixing weights and components without rows are as in every structure (`gmm.covariances.base`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmm._validation import checked_array
from gmm.covariances.base import Covariance, require_positive, require_rows
from gmm.covariances.coordinates import Coordinates, FactorCoordinates
from gmm.covariances.loadings import Spectrum, canonical, dense, gram, precisions, spectrum, spectrum_of, turned
from gmm.covariances.positive_definite import largest_exponents, symmetric, whitener
from gmm.errors import ParameterError
from gmm.frame import Frame
from gmm.parameters import Factors, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["FACTOR", "FACTOR_COMMON", "Factor"]

SMALLEST = 2.0**-20  # share of a feature's variance that is noise, at least: a thousandth of its standard deviation
RESOLVED = 2.0**10  # eps: of a variance's share what sums of this rounding tell from zero
SETTLING = 3  # rounds at a given partition: the third moves the loadings of photographs by a tenth of the second


@dataclass(frozen=True)
class Factor(Covariance):
    """Structures with loadings; one for each number of factors.

    Parameters
    ----------
    n_factors : int or None
        None: it is still to be chosen.
    is_common : bool
        Whether the components share their noise variances.
    """

    n_factors: int | None = None
    is_common: bool = False

    scaling = "feature"
    kernel = Kernel.FACTOR
    moments_kernel = Kernel.DIAG  # of a start's partition; see `settled`

    @property
    def name(self) -> str:
        return "factor-common" if self.is_common else "factor"

    def __reduce__(self) -> tuple:
        return type(self), (self.n_factors, self.is_common)

    @property
    def is_open(self) -> bool:
        """Whether the number of factors is still to be chosen."""
        return self.n_factors is None

    def sized(self, n_factors: int | None) -> Factor:
        return replace(self, n_factors=n_factors)

    def shaped_as(self, covariances: np.ndarray) -> Factor:
        return self.sized(covariances.shape[1] - 1)

    def rows_needed(self, n_features: int) -> int:
        """Of so few rows, or one less, the factors alone can be all of the scatter."""
        return min(self.n_factors + 2, n_features + 1)

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, 1 + self.n_factors, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        q, D = self.n_factors, n_features
        of_loadings = min(D * q - q * (q - 1) // 2, D * (D - 1) // 2)  # beyond that a matrix has no more to say
        return n_components * of_loadings + D * (1 if self.is_common else n_components)

    def validate(
        self, covariances: Any, n_components: int, n_features: int, name: str = "covariances"
    ) -> np.ndarray:
        """From a pair: loadings (K, D, q) and noise variances (K, D), or (D,) for all components."""
        K, D = n_components, n_features
        if not isinstance(covariances, (tuple, list)) or len(covariances) != 2:
            raise ParameterError(
                f"{name} of {self.name!r} are a pair: loadings {(K, D)} by factors and noise variances {(K, D)} or "
                f"{(D,)}, got {type(covariances).__name__}"
            )
        given = np.shape(covariances[0])
        if len(given) != 3 or given[2] < 1 or (self.n_factors or given[2]) != given[2]:
            wanted = "n_factors" if self.n_factors is None else self.n_factors
            raise ParameterError(f"{name}: loadings must have shape ({K}, {D}, {wanted}), got {given}")
        loadings = checked_array(covariances[0], (K, D, given[2]), f"{name}: loadings")
        shared = np.ndim(covariances[1]) == 1
        psi = checked_array(covariances[1], (D,) if shared else (K, D), f"{name}: noise variances")
        psi = np.broadcast_to(psi, (K, D))
        if self.is_common and (psi != psi[0]).any():
            raise ParameterError(f"{name}: noise variances of {self.name!r} are the same for all components")
        require_positive(psi, name, "component {}, feature {}")
        return np.ascontiguousarray(np.concatenate([psi[:, None], loadings.swapaxes(1, 2)], axis=1))

    def check(self, covariances: np.ndarray, n_components: int, n_features: int) -> None:
        array = checked_array(covariances, self.shape(n_components, n_features), "covariances")
        require_positive(array[:, 0], "covariances", "component {}, feature {}")

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        weights, means, covariances = parameters.weights, parameters.means, parameters.covariances
        psi, D = covariances[:, 0], means.shape[1]
        bad = ~(psi > 0).all(axis=1) | ~np.isfinite(covariances).all(axis=(1, 2))
        if bad.any():
            raise np.linalg.LinAlgError(f"the covariance of component {int(bad.argmax())} is not positive definite")
        values, _, directions = spectrum_of(parameters)
        log_det = np.log(psi).sum(axis=1) + np.log1p(values).sum(axis=1)
        with np.errstate(divide="ignore", over="ignore"):
            constants = np.log(weights) - 0.5 * (D * np.log(2.0 * np.pi) + log_det)
            if ridge is not None:
                inverse = 1.0 / psi - (directions**2 / (1.0 + values)[:, :, None]).sum(axis=1)
                constants -= 0.5 * (inverse @ ridge)
        if ridge is not None and not np.isfinite(constants[weights > 0]).all():
            worst = int(np.argmin(np.where(weights > 0, constants, np.inf)))
            raise ParameterError(f"reg_covar is beyond float64's range next to the covariance of component {worst}")
        whiteners = np.concatenate([1.0 / np.sqrt(psi)[:, None], directions], axis=1)
        log_noise = None if parameters.noise is None else parameters.noise.log_constant
        return Factors(self.kernel, constants, means, whiteners, log_noise, parameters, ridge)

    def maximize(
        self, statistics: Statistics, previous: Parameters, *, ridge: np.ndarray | None = None, floor: np.ndarray
    ) -> tuple[Parameters, np.ndarray]:
        require_rows(statistics)
        n, alive = statistics.n, statistics.n > 0.0
        divisor = np.where(alive, n, 1.0)[:, None]
        d = statistics.first / divisor
        means = np.where(alive[:, None], statistics.means + d, previous.means)
        r = np.zeros(statistics.n_features) if ridge is None else ridge
        if statistics.along is None:
            covariances, floored = self._begun(statistics.second / divisor - d**2 + r, n, floor)
        else:
            second, along = statistics.second / divisor[:, :, None], statistics.along
            variances = second[:, 0] - d**2 + r
            along_d = (along * d[:, None, :]).sum(axis=2)
            scatter = second[:, 1:] - along_d[:, :, None] * d[:, None, :] + along * r
            found = self._stepped(variances, scatter, along, spectrum_of(previous))
            covariances, floored = self._bounded(found, variances, n, previous.covariances, floor, statistics.epsilon)
        kept = previous.covariances.copy()
        kept[alive] = covariances[alive]
        if self.is_common:
            kept[:, 0] = covariances[alive.argmax(), 0]
        parameters = Parameters(n / n.sum(), means, kept)
        if previous.noise is not None:
            share = statistics.noise / (n.sum() + statistics.noise)
            parameters = parameters.with_noise(previous.noise.weighing(share))
        return parameters, floored & alive

    def settled(self, parameters: Parameters, moments: Any, counts: np.ndarray, **limits: Any) -> Parameters:
        """Loadings found by maximise steps at a given partition, of components with rows enough.

        The first is Nystroem's approximation of the scatter by its image of some directions, for the loadings that
        `maximize` begins with are large.
        """
        settles = counts >= 2 * self.rows_needed(parameters.n_features)
        if not settles.all() and (self.is_common or not settles.any()):
            return parameters
        for _ in range(SETTLING):
            found, floored = self.maximize(moments(self.factorize(parameters)), parameters, **limits)
            taken = (settles & ~floored)[:, None, None]
            if self.is_common and not taken.all():
                break
            parameters = replace(parameters, covariances=np.where(taken, found.covariances, parameters.covariances))
        return parameters

    def coordinates(self, origin: Parameters) -> Coordinates:
        return FactorCoordinates(origin, self.is_common, SMALLEST)

    def dense(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return dense(covariances)

    def precisions(self, covariances: np.ndarray) -> np.ndarray:
        return precisions(covariances)

    def precisions_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.dual.covariance_out(precisions(covariances))

    def precisions_cholesky(self, covariances: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        return np.ascontiguousarray((whitener(dense(covariances)) * scale).swapaxes(-1, -2))

    def colorize(self, covariances: np.ndarray, k: int, z: np.ndarray) -> np.ndarray:
        values, _, directions = spectrum(covariances[k : k + 1])
        sd = np.sqrt(covariances[k, 0])
        N = directions[0] * sd
        return sd * (z + ((z @ N.T) / (np.sqrt(1.0 + values[0]) + 1.0)) @ N)

    def covariances_in(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """From the inner shape to the inner shape."""
        loadings = np.ldexp(covariances[:, 1:], -frame.exponent)
        return np.concatenate([frame.variances_in(covariances[:, :1]), loadings], axis=1)

    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_out(dense(covariances))

    def loadings_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """Canonical loadings (K, D, q) in user units."""
        return frame.lengths_out(canonical(covariances).swapaxes(1, 2)).swapaxes(1, 2).copy()

    def noise_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """Noise variances (K, D), or (D,) where they are common, in user units."""
        return frame.variances_out(covariances[0 if self.is_common else slice(None), 0])

    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        return largest_exponents(covariances[:, 0] + (covariances[:, 1:] ** 2).sum(axis=1))

    def _begun(self, variances: np.ndarray, n: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half of each variance noise, half of it in loadings of irregular signs, which are a sketch of any scatter."""
        floored = (variances < floor).any(axis=1)
        variances = np.maximum(variances, floor)
        if self.is_common:
            variances = np.broadcast_to(n @ variances / n.sum(), variances.shape)
        q, D = self.n_factors, variances.shape[1]
        signs = 2.0 * np.random.default_rng(0).integers(0, 2, (q, D)) - 1.0
        loadings = np.sqrt(variances / (2.0 * q))[:, None, :] * signs
        return np.concatenate([variances[:, None] / 2.0, loadings], axis=1), floored

    def _stepped(
        self, variances: np.ndarray, scatter: np.ndarray, along: np.ndarray, before: Spectrum
    ) -> np.ndarray:
        """The step without bounds: scatter (K, q, D) is along S."""
        values, turns, _ = before
        share = 1.0 / np.sqrt(1.0 + values)
        H = symmetric(gram(along, scatter)) * share[:, :, None] * share[:, None, :]
        h, vectors = np.linalg.eigh(H)
        root = (vectors / np.sqrt(1.0 + np.maximum(h, 0.0))[:, None, :]) @ vectors.swapaxes(1, 2)
        loadings = turned(turns @ (root * share[:, None, :]), scatter)
        return np.concatenate([(variances - (loadings**2).sum(axis=1))[:, None], loadings], axis=1)

    def _bounded(
        self,
        found: np.ndarray,
        variances: np.ndarray,
        n: np.ndarray,
        previous: np.ndarray,
        floor: np.ndarray,
        epsilon: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        psi = found[:, 0]
        if self.is_common:
            psi, variances = (np.broadcast_to(n @ each / n.sum(), psi.shape) for each in (psi, variances))
        bound = np.maximum(floor, max(SMALLEST, RESOLVED * epsilon) * variances)
        floored = (psi < floor).any(axis=1) | ((psi < bound).sum(axis=1) > self.n_factors)
        found[:, 0] = np.maximum(psi, np.minimum(bound, previous[:, 0]))
        return found, floored


FACTOR, FACTOR_COMMON = Factor(), Factor(is_common=True)
