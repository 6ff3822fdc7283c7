"""A covariance structure under restraints: parameters that stay, equal mixing weights, bounded or shrunken eigenvalues.

Everything but the maximise step is the structure's own. With n_k, S_k from the sums (`gmm.covariances.scatter`):

- parameters that are held keep their values; S_k is then about the held mean, mixing weights that are free share what
  the held ones leave in proportion to n_k;
- equal mixing weights share what noise leaves among the components that are alive;
- shrinkage adds to the objective, per unit of sample weight, -s / M sum_k KL(N(0, t I) || N(0, V_k)), with M matrices
  and s the strength: rows of variance t in all directions, s / M of them to each component and row of the data.
  So V_k = (n_k S_k + nu t I) / (n_k + nu) with nu = s / M times the sample weight, an inverse-Wishart prior's mode;
- an eigenvalue ratio truncates the eigenvalues of what came out so far (`gmm.covariances.eigen_ratio`), with weights
  n_k + nu.

Each is the exact maximiser of the expected objective under the restraint, so EM never falls. The last two replace the
numerical floor: no eigenvalue is below `floor` (its mean over features) or 2**-30 of the largest of all.

Invariant: what `maximize` returns satisfies every restraint, and so does what `admit` makes of any parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from gmm.covariances.base import EPS, Covariance, require_rows
from gmm.covariances.coordinates import Coordinates
from gmm.covariances.eigen_ratio import Spectrum, limited
from gmm.covariances.scatter import about_held, scatter
from gmm.frame import Scaling
from gmm.parameters import Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["Held", "Restrained", "Shrinkage"]

LARGEST_RATIO = 2.0**30  # beyond, rounding of a matrix moves its smallest eigenvalues by 1e-6 of themselves


class Held(NamedTuple):
    """Which components (K,) keep a parameter, and its values of all components, frame coordinates."""

    which: np.ndarray
    values: np.ndarray


class Shrinkage(NamedTuple):
    """How many rows the target counts for, per row of the data, and its variance, frame coordinates."""

    strength: float
    target: float


@dataclass(frozen=True, eq=False)
class Restrained:
    """A `Covariance` whose maximise step heeds restraints.

    Parameters
    ----------
    plain : Covariance
        The structure itself.
    equal_weights : bool
    eigen_ratio : float, optional
    is_shrunken : bool
        Whether there is to be a `shrinkage`, which is found from the rows.
    shrinkage : Shrinkage, optional
    held : mapping of str to Held
        Keys are "weights", "means", "covariances".
    """

    plain: Covariance
    equal_weights: bool = False
    eigen_ratio: float | None = None
    is_shrunken: bool = False
    shrinkage: Shrinkage | None = None
    held: Mapping[str, Held] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.plain, name)

    def __reduce__(self) -> tuple:
        return type(self), (
            *(self.plain, self.equal_weights, self.eigen_ratio, self.is_shrunken, self.shrinkage, self.held),
        )

    def sized(self, n_factors: int | None) -> Restrained:
        """As `Covariance.sized`."""
        return replace(self, plain=self.plain.sized(n_factors))

    @property
    def scaling(self) -> Scaling:
        """Eigenvalues have a meaning in one common unit only."""
        return "common" if self.is_regular else self.plain.scaling

    @property
    def is_regular(self) -> bool:
        """Whether covariances are kept from collapsing, however few rows a component has."""
        return self.eigen_ratio is not None or self.is_shrunken

    def is_regular_on(self, statistics: Statistics) -> bool:
        """As `Covariance.is_regular_on`: on all rows alike."""
        return self.is_regular

    @property
    def can_leap(self) -> bool:
        """Whether steps longer than EM's stay within the restraints, but for rounding."""
        return self.eigen_ratio is None

    def n_held(self, n_components: int, n_features: int) -> int:
        """How many of the parameters are not free."""
        K, D = n_components, n_features
        one = self.plain.n_parameters(1, D)
        of_means = D * int(self._which("means", K).sum())
        covariances = self._which("covariances", K)
        if covariances.all() or (covariances.any() and self.eigen_ratio == 1.0):
            of_covariances = self.plain.n_parameters(K, D)
        elif self.eigen_ratio == 1.0:
            of_covariances = self.plain.n_parameters(K, D) - 1
        else:
            of_covariances = one * int(covariances.sum())
        of_weights = K if self.equal_weights else int(self._which("weights", K).sum())
        return min(of_weights, K - 1) + of_means + of_covariances

    def immovable(self, n_components: int) -> np.ndarray:
        """Components (K,) of which something is held, so that they keep their number."""
        names = ["weights", "means"] if self.plain.kernel is Kernel.TIED else ["weights", "means", "covariances"]
        return np.any([self._which(name, n_components) for name in names], axis=0)

    def maximize(
        self, statistics: Statistics, previous: Parameters, *, ridge: np.ndarray | None = None, floor: np.ndarray
    ) -> tuple[Parameters, np.ndarray]:
        """As `Covariance.maximize`, under the restraints."""
        if "means" in self.held:
            statistics = about_held(statistics, *self.held["means"], self.plain.moments_kernel)
        step = self._regular if self.is_regular else self.plain.maximize
        parameters, floored = step(statistics, previous, ridge=ridge, floor=floor)
        weights = self._shares(statistics.n, previous.weights, parameters)
        covariances = self._kept("covariances", parameters.covariances)
        floored = floored & ~self._which("covariances", len(floored))
        return replace(parameters, weights=weights, covariances=covariances), floored

    def admit(self, parameters: Parameters) -> Parameters:
        """The nearest parameters within the restraints."""
        weights = self._shares(parameters.weights, parameters.weights, parameters)
        covariances = self._kept("covariances", parameters.covariances)
        matrices = self._matrices(covariances)
        counted = self._free(len(matrices)) * (weights if len(matrices) == len(weights) else 1.0)
        if self.eigen_ratio is not None and counted.any():
            bounded = limited(matrices, counted, self._ratio, *self._held_bounds(0.0))[0]
            covariances = self._kept("covariances", bounded.reshape(covariances.shape))
        means = self._kept("means", parameters.means)
        return replace(parameters, weights=weights, means=means, covariances=covariances)

    def penalty(self, parameters: Parameters) -> float:
        """What shrinkage takes from the objective, nats per unit of sample weight."""
        if self.shrinkage is None:
            return 0.0
        strength, target = self.shrinkage
        W, D = self.plain.factorize(parameters).whiteners, parameters.n_features
        M = 1 if self.plain.kernel is Kernel.TIED else parameters.n_components
        if self.plain.kernel is Kernel.TIED and W.ndim == 3:  # copies of one, where the quick kernel is not safe
            W = W[0]
        if self.plain.kernel in (Kernel.FULL, Kernel.TIED):
            log_det = -2.0 * np.log(np.diagonal(W, axis1=-2, axis2=-1)).sum()
            precision = (W**2).sum()
        else:
            each = D if self.plain.kernel is Kernel.SPHERICAL else 1
            log_det, precision = -2.0 * each * np.log(W).sum(), each * (W**2).sum()
        return strength / M * 0.5 * float(target * precision + log_det - M * D * (1.0 + np.log(target)))

    def rounding(self, parameters: Parameters) -> float:
        """As `Covariance.rounding`; of eigenvalues that are truncated rounding counts by the first order.

        With c the largest ratio of eigenvalues, the smallest are stored to eps c of themselves.
        """
        if not self.is_regular:
            return self.plain.rounding(parameters)
        values = Spectrum(self._matrices(parameters.covariances)).values
        return parameters.n_features * EPS * float(values.max() / values.min())

    def coordinates(self, origin: Parameters) -> _Admitted:
        """As `Covariance.coordinates`; every vector is a mixture within the restraints."""
        return _Admitted(self.plain.coordinates(origin), self)

    def _regular(
        self, statistics: Statistics, previous: Parameters, *, ridge: np.ndarray | None, floor: np.ndarray
    ) -> tuple[Parameters, np.ndarray]:
        """The step with shrinkage and the ratio in place of the numerical floor."""
        require_rows(statistics)
        n, K = statistics.n, statistics.n_components
        alive = n > 0.0
        d = statistics.first / np.where(alive, n, 1.0)[:, None]
        means = np.where(alive[:, None], statistics.means + d, previous.means)
        weight, S = scatter(statistics, self.plain.kernel is Kernel.TIED, ridge)
        M, counted, least = len(S), weight > 0.0, 0.0
        if self.shrinkage is not None:
            nu = self.shrinkage.strength * statistics.weight / M
            share = (nu / (weight + nu)).reshape(-1, *[1] * (S.ndim - 1))
            target = self.shrinkage.target * (np.eye(S.shape[1]) if S.ndim == 3 else 1.0)
            S, weight = (1.0 - share) * S + share * target, weight + nu
            least = self.shrinkage.target * float(share.min())
        S = np.where(counted.reshape(-1, *[1] * (S.ndim - 1)), S, self._matrices(previous.covariances))
        weight = np.where(counted, weight, 0.0) * self._free(M)
        rested = np.zeros(M, bool)
        largest = np.trace(S, axis1=1, axis2=2).max() if S.ndim == 3 else S.max()
        clear = self.eigen_ratio is None and largest <= self._ratio * least  # by far, without eigenvalues
        if weight.any() and not clear:
            S, rested = limited(S, weight, self._ratio, *self._held_bounds(float(floor.mean())))
        shared = Parameters(n / n.sum(), means, S.reshape(previous.covariances.shape))
        if previous.noise is not None:
            shared = shared.with_noise(previous.noise.weighing(statistics.noise / (n.sum() + statistics.noise)))
        return shared, np.broadcast_to(rested, K) & alive

    @property
    def _ratio(self) -> float:
        return min(self.eigen_ratio or LARGEST_RATIO, LARGEST_RATIO)

    def _held_bounds(self, least: float) -> tuple[float, float]:
        """Bounds of the smallest eigenvalue that the floor and the covariances held leave."""
        if "covariances" not in self.held:
            return least, np.inf
        which, values = self.held["covariances"]
        e = np.linalg.eigvalsh(values[which]) if values.ndim == 3 else values[which]
        return max(least, float(e.max()) / self._ratio), float(e.min())

    def _matrices(self, covariances: np.ndarray) -> np.ndarray:
        return covariances[None] if self.plain.kernel is Kernel.TIED else covariances

    def _free(self, n_matrices: int) -> np.ndarray:
        return ~self._which("covariances", n_matrices)

    def _which(self, name: str, n: int) -> np.ndarray:
        """Components, or matrices, of which a parameter is held."""
        if name not in self.held:
            return np.zeros(n, bool)
        return np.broadcast_to(self.held[name].which, n)

    def _kept(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values with those that are held in their place."""
        if name not in self.held:
            return values
        which, given = self.held[name]
        return np.where(which.reshape(-1, *[1] * (values.ndim - 1)), given, values)

    def _shares(self, n: np.ndarray, before: np.ndarray, parameters: Parameters) -> np.ndarray:
        """Mixing weights (K,) of components with these sums of weight, beside the parameters' noise."""
        if not self.equal_weights and "weights" not in self.held:
            return parameters.weights
        rest = 1.0 if parameters.noise is None else 1.0 - parameters.noise.weight
        if self.equal_weights:
            alive = before > 0.0
            return np.where(alive, rest / alive.sum(), 0.0)
        which, given = self.held["weights"]
        shares = np.where(which, 0.0, n if n[~which].any() else before)
        left = max(1.0 - float(given[which].sum()), 0.0)
        return rest * np.where(which, given, shares * (left / (shares.sum() or 1.0)))


class _Admitted:
    """Coordinates of which every point is within restraints."""

    def __init__(self, free: Coordinates, restrained: Restrained) -> None:
        self._restrained, self.origin = restrained, free.origin
        self.of, self.reach, self._at = free.of, free.reach, free.at

    def at(self, vector: np.ndarray) -> Parameters:
        """Mixture of a vector."""
        return self._restrained.admit(self._at(vector))
