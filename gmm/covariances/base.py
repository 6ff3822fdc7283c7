"""What a covariance structure is: one small class each, so that callers never branch on a type name.

The maximise step shared by all: with statistics about the current means m_k and d_k = first_k / n_k,

    weight_k = n_k / sum n,    mean_k = m_k + d_k,    S_k = second_k / n_k - d_k d_k' + ridge,

then each structure takes the covariance of its own shape closest to the S_k in likelihood, and lifts it to the
numerical floor where rounding made it singular. Both this and the factors are computed in the core (`gmm_maximize`,
`gmm_factorize` in csrc/gmm.h; `gmm.reference` has the NumPy twin). A structure says which `kernel` it is there.

A component with n_k = 0 is dead: it keeps its mean and covariance, its weight is exactly 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from gmm import _native
from gmm.covariances.coordinates import Coordinates
from gmm.covariances.geometry import Axes
from gmm.errors import ParameterError
from gmm.frame import Frame, Scaling
from gmm.parameters import Factors, Form, Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["Covariance"]

EPS = float(np.finfo(np.float64).eps)
ROUNDING_SHARE = 8.0  # largest seen 3.2, over 600 climbs at conditions 1e3 to 1e14, D = 2 to 20, on two ISAs


class Covariance(ABC):
    """A covariance structure. Stateless; one instance of each is kept in `gmm.covariances`.

    Attributes
    ----------
    name : str
    scaling : {"feature", "common"}
        Which frames leave the structure unchanged.
    kernel : Kernel
        What the core knows it as; the covariances have the shape of that kernel's whiteners.
    moments_kernel : Kernel
        What to ask `Rows.moments` for.
    axes : {"features", "shared", "own"}
        Of the ellipsoids.
    form : Form
        What the components' covariances share.
    """

    name: ClassVar[str]
    scaling: ClassVar[Scaling]
    kernel: ClassVar[Kernel]
    moments_kernel: ClassVar[Kernel]
    axes: ClassVar[Axes] = "own"
    n_factors: ClassVar[int | None] = None
    is_open: ClassVar[bool] = False  # whether a size of it is still to be chosen (`gmm.covariances.factor`)
    form: ClassVar[Form] = Form.OWN

    def __reduce__(self) -> tuple:
        from gmm.covariances import structure

        return structure, (self.name,)

    def __repr__(self) -> str:
        return f"<covariance structure {self.name!r}>"

    def rows_needed(self, n_features: int) -> int:
        """Rows in general position that make a component's covariance regular."""
        return n_features + 1 if self.moments_kernel is Kernel.FULL else 2

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

    def sized(self, n_factors: int | None) -> Covariance:
        """The structure with so many factors, where it has any."""
        return self

    def shaped_as(self, covariances: np.ndarray) -> Covariance:
        """The structure of the size of these covariances, in the shape used inside."""
        return self

    def check(self, covariances: np.ndarray, n_components: int, n_features: int) -> None:
        """Refuse covariances in the shape used inside that cannot be a mixture's, as `validate` does."""
        self.validate(covariances, n_components, n_features)

    def factorize(self, parameters: Parameters, ridge: np.ndarray | None = None) -> Factors:
        """Whiteners and log constants; `ridge` (D,) are variances in frame units.

        Raises
        ------
        numpy.linalg.LinAlgError
            When a covariance is not positive definite, naming the first one.
        ParameterError
            When the penalty of the ridge overflows.
        """
        weights, means, covariances = parameters.weights, parameters.means, parameters.covariances
        constants, whiteners = np.empty(len(weights)), np.empty(covariances.shape)
        bad = _native.factorize(self.kernel, weights, means, covariances, ridge, constants, whiteners, 1)
        if bad >= 0:
            raise np.linalg.LinAlgError(f"the covariance of component {bad} is not positive definite")
        if ridge is not None and not np.isfinite(constants[weights > 0]).all():
            worst = int(np.argmin(np.where(weights > 0, constants, np.inf)))
            raise ParameterError(f"reg_covar is beyond float64's range next to the covariance of component {worst}")
        noise = parameters.noise
        log_noise = None if noise is None else noise.log_constant
        return Factors(self.kernel, constants, means, whiteners, log_noise, parameters, ridge)

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
        shape = statistics.first.shape
        require_rows(statistics)
        weights, means = np.empty(shape[0]), np.empty(shape)
        covariances, floored = np.empty(previous.covariances.shape), np.empty(shape[0], bool)
        _native.maximize(
            *(self.kernel, statistics.n, statistics.first, statistics.second, statistics.means),
            *(previous.means, previous.covariances, ridge, floor, statistics.epsilon),
            *(weights, means, covariances, floored, 1, self.form),
        )
        parameters = Parameters(weights, means, covariances)
        if previous.noise is not None:
            share = statistics.noise / (statistics.n.sum() + statistics.noise)
            parameters = parameters.with_noise(previous.noise.weighing(share))
        return parameters, floored

    def settled(
        self,
        parameters: Parameters,
        moments: Callable[[Factors], Statistics],
        counts: np.ndarray,
        *,
        ridge: np.ndarray | None,
        floor: np.ndarray,
    ) -> Parameters:
        """Parameters of a partition, once more than `Rows.moments` of `moments_kernel` is needed to know them.

        ``moments`` are those of the partition for given factors, ``counts`` (K,) its rows.
        """
        return parameters

    # Without restraints (`gmm.covariances.restrained` has them)

    is_averaged: ClassVar[bool] = False  # whether log-densities are expectations (`gmm.variational`)
    can_leap: ClassVar[bool] = True

    @property
    def plain(self) -> Covariance:
        """The structure without restraints."""
        return self

    @property
    def core(self) -> Covariance:
        """The structure that the core climbs with in its place."""
        return self

    def to_core(self, covariances: np.ndarray) -> np.ndarray:
        """Covariances in the shape of ``core``'s."""
        return covariances

    def from_core(self, covariances: np.ndarray, n_components: int) -> np.ndarray:
        """Covariances that ``core`` climbed to, in the structure's own shape."""
        return covariances

    def admit(self, parameters: Parameters) -> Parameters:
        """The parameters, or the nearest that a climb may begin from."""
        return parameters

    def penalty(self, parameters: Parameters) -> float:
        """What the objective lacks of the log-likelihood beside the ridge's penalty, nats per unit of sample weight."""
        return 0.0

    def rearranged(self, parameters: Parameters, tol: float) -> Parameters | None:
        """The same Gaussians in an order that gains more than tol, where the objective knows the order."""
        return None

    def is_regular_on(self, statistics: Statistics) -> bool:
        """Whether covariances are kept from collapsing, however few of these rows a component has."""
        return False

    def n_held(self, n_components: int, n_features: int) -> int:
        """How many of the parameters are not free."""
        return 0

    def immovable(self, n_components: int) -> np.ndarray:
        """Components (K,) that keep their number."""
        return np.zeros(n_components, bool)

    def rounding(self, parameters: Parameters) -> float:
        """Nats per row that the objective may lose because its best covariances are stored to eps.

        With W the whiteners, kappa_kj = sum_i (W_k)_ji^2 (S_k)_ii is the condition of conditional variance j of
        component k, which rounding changes by delta = eps kappa_kj of itself. At its best value it costs its rows
        delta^2 / 4 (first order vanishes); ROUNDING_SHARE times the sum of delta^2 covers what was seen. Beside that
        rounding in diagonal structures is nothing: 0.
        """
        factors = self.factorize(parameters).centred()
        if factors.kernel is not Kernel.FULL:
            return 0.0
        variances = np.diagonal(self.dense(parameters.covariances, *parameters.means.shape), axis1=-2, axis2=-1)
        kappa = (factors.whiteners**2 @ variances[:, :, None])[:, :, 0]
        return ROUNDING_SHARE * float(parameters.weights @ ((EPS * kappa) ** 2).sum(axis=1))

    @abstractmethod
    def coordinates(self, origin: Parameters) -> Coordinates:
        """Mixtures around one as vectors, for acceleration."""

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

    def reframed(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """From one frame to another, in the shape used inside; ``frame`` is the other as seen from the one."""
        return self.covariances_in(covariances, frame)

    @abstractmethod
    def covariances_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """From the frame to user units; a RepresentationError where float64 cannot hold them."""

    def precisions_out(self, covariances: np.ndarray, frame: Frame) -> np.ndarray:
        """Inverse covariances in user units, in the shape of `covariances_out`."""
        return self.covariances_out(self.precisions(covariances), frame.dual)

    @abstractmethod
    def exponents(self, covariances: np.ndarray, n_features: int) -> np.ndarray:
        """Binary exponents (D,) of the largest standard deviation of each feature, for `Frame.at_scale`."""

    def take(self, covariances: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Covariances of the components in another order."""
        return covariances[order]


def require_rows(statistics: Statistics) -> None:
    """Refuse sums in which no component has any weight."""
    if not statistics.n.any():
        raise ParameterError("noise takes every row: its density exceeds that of every component at all of them")


def require_positive(variances: np.ndarray, name: str, owner: str) -> np.ndarray:
    """Return the variances, or raise a ParameterError naming, by the template `owner`, whose is not positive."""
    for index in np.argwhere(~(variances > 0)):
        what = "precision" if name.startswith("precision") else "variance"
        raise ParameterError(f"{name}: {owner.format(*index)} has {what} {variances[tuple(index)]:g}, not positive")
    return variances
