"""A covariance structure with a conjugate prior: the maximise step finds the posterior mode (Fraley, Raftery 2007).

The prior says of each component: mean ~ N(m, S / kappa), covariance S ~ inverse Wishart (for variances: inverse gamma),
and of the mixing weights: Dirichlet. Seen from its mode T it adds to the log-likelihood

    - c sum_M KL(N(0, T) || N(0, S)) - kappa / 2 sum_k |mean_k - m|^2_S + (a - 1) sum_k log(K weight_k)

its log density over that at its mode; M are the K matrices, or the one that all share. In the maximise step it is c
rows about the mean and kappa rows at m, with scatter_k the sum of w r (x - mean_k)(x - mean_k)' at the new mean:

    mean_k = (n_k x_k + kappa m) / (n_k + kappa)            weight_k ~ n_k + a - 1
    S_k    = (scatter_k + kappa (mean_k - m)(mean_k - m)' + c T) / (n_k + c)

and both sums over k, beside one c T, for a covariance that all share. The structure itself makes the last step, from
sums so completed. Strengths are per unit of sample weight, so that a sketch of the rows has the objective of all.

Invariant: likelihood times prior never falls, and no covariance of a living component is below c T / (n + c).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gmm.covariances.base import Covariance, require_rows
from gmm.covariances.positive_definite import cholesky
from gmm.covariances.scatter import about
from gmm.parameters import Kernel, Parameters
from gmm.statistics import Statistics

__all__ = ["ALONE", "SHARED", "Belief", "Conjugate"]

ALONE = ("full", "VVV", "diag", "VVI", "spherical", "VII")
SHARED = ("tied", "EEE", "EEI", "EII")


class Belief(NamedTuple):
    """The prior in frame coordinates; strengths per unit of sample weight.

    Parameters
    ----------
    mean : ndarray of shape (D,)
    kappa : float
        Rows that the mean counts for.
    rows : float
        c, of each matrix; of spherical ones in units of D values.
    target : ndarray of shape (D, D), (D,) or ()
        T, the mode of a covariance.
    concentration : float
        a - 1.
    """

    mean: np.ndarray
    kappa: float
    rows: float
    target: np.ndarray
    concentration: float


@dataclass(frozen=True, eq=False)
class Conjugate:
    """A `Covariance` whose maximise step heeds a prior.

    Parameters
    ----------
    inner : Covariance
        One of `ALONE` or `SHARED`, perhaps with parameters that are held (`gmm.covariances.restrained`).
    belief : Belief, optional
        Found from the rows.
    """

    inner: Covariance
    belief: Belief | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __reduce__(self) -> tuple:
        return type(self), (self.inner, self.belief)

    @property
    def plain(self) -> Covariance:
        """The structure itself."""
        return self.inner.plain

    @property
    def is_shared(self) -> bool:
        """Whether all components have one covariance."""
        return self.plain.name in SHARED

    def is_regular_on(self, statistics: Statistics) -> bool:
        """Whether the prior counts for as many rows as make a covariance regular; on a small sketch it does not."""
        return self.belief.rows * statistics.weight >= self.plain.rows_needed(statistics.n_features)

    def maximize(
        self, statistics: Statistics, previous: Parameters, *, ridge: np.ndarray | None = None, floor: np.ndarray
    ) -> tuple[Parameters, np.ndarray]:
        """As `Covariance.maximize`, of likelihood times prior."""
        require_rows(statistics)
        n, kernel, W = statistics.n, self.plain.moments_kernel, statistics.weight
        mean, kappa, rows, target, concentration = self.belief
        kappa, rows, concentration = kappa * W, rows * W, concentration * W
        alive = n > 0.0
        pulled = statistics.first + kappa * (mean - statistics.means)
        shift = pulled / np.where(alive, n + kappa, 1.0)[:, None]
        means = np.where(alive[:, None], statistics.means + shift, previous.means)
        means = self.inner.admit(replace(previous, means=means)).means  # those held
        second = about(statistics, means, kernel).second
        added = kappa * _squares(means - mean, kernel)
        prior = rows * (statistics.n_features if kernel is Kernel.SPHERICAL else 1.0) * target
        if self.is_shared:
            within, share, counted = prior + added.sum(axis=0), n / n.sum(), n * (1.0 + rows / n.sum())
            added = np.multiply.outer(share, within)
        else:
            counted, added = np.where(alive, n + rows, 0.0), added + prior
        if ridge is not None:
            added = added + np.multiply.outer(n, _ridge(ridge, kernel))
        second = second + (added.sum(axis=0) if second.ndim < added.ndim else added)
        completed = replace(statistics, n=counted, first=np.zeros_like(means), second=second, means=means)
        alone = replace(previous, noise=None)
        found, floored = self.plain.maximize(completed, alone, ridge=None, floor=floor)
        if (
            self.is_shared and self.plain.kernel is not Kernel.TIED
        ):  # the dead have it too, for the prior of their means
            found.covariances[~alive] = found.covariances[alive.argmax()]
        shares = np.where(previous.weights > 0.0, n + concentration, n)
        found = replace(found, weights=shares / shares.sum(), means=means)
        if previous.noise is not None:
            taken = statistics.noise / (shares.sum() + statistics.noise)
            found = found.with_noise(previous.noise.weighing(taken))
        return self.inner.admit(found), floored & alive

    def penalty(self, parameters: Parameters) -> float:
        """What the prior takes from the objective: minus its log density over that at its mode, per sample weight."""
        mean, kappa, rows, target, concentration = self.belief
        kernel, D = self.plain.moments_kernel, parameters.n_features
        W, away = self.plain.factorize(parameters).centred().whiteners, parameters.means - mean
        if kernel is Kernel.FULL:
            root = cholesky(target)
            log_ratio = -2.0 * np.log(np.diagonal(W, axis1=1, axis2=2) * np.diagonal(root)).sum(axis=1)
            trace, distance = ((W @ root) ** 2).sum(axis=(1, 2)), ((W @ away[:, :, None]) ** 2).sum()
        else:
            each = W[:, None] if W.ndim == 1 else W
            ratio = np.broadcast_to(each**2 * target, away.shape)
            log_ratio, trace, distance = -np.log(ratio).sum(axis=1), ratio.sum(axis=1), ((each * away) ** 2).sum()
        divergence = 0.5 * (trace - D + log_ratio)
        divergence = divergence[0] if self.is_shared else divergence.sum()
        weights = parameters.weights[parameters.weights > 0.0]
        shares = concentration * np.log(len(weights) * weights).sum()
        return float(rows * divergence + 0.5 * kappa * distance - shares)


def _squares(d: np.ndarray, kernel: Kernel) -> np.ndarray:
    """d_k d_k' (K, D, D), their diagonals (K, D) or traces (K,)."""
    if kernel is Kernel.FULL:
        return d[:, :, None] * d[:, None, :]
    return d**2 if kernel is Kernel.DIAG else (d**2).sum(axis=1)


def _ridge(ridge: np.ndarray, kernel: Kernel) -> np.ndarray | float:
    if kernel is Kernel.FULL:
        return np.diag(ridge)
    return ridge if kernel is Kernel.DIAG else float(ridge.sum())
