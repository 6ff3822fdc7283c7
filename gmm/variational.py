"""Variational Bayes: EM whose parameters are beliefs (Attias 2000; Bishop 2006, section 10.2).

The evidence of the rows is bounded from below, for any beliefs q of the parameters, by

    log p(X)  >=  sum_i w_i log sum_k exp E_q log(weight_k N(x_i; mean_k, ..))  -  KL(q; prior)

and the beliefs that raise the bound most, given responsibilities, are those that `gmm.posteriors.Prior.updated` makes
of the sums n_k, means and scatter of an E-step. The expectation is the log-density of an ordinary Gaussian and a
constant (`Posterior.log_shares`), so the passes over the rows are those of plain EM with other log constants, and the
loop in `gmm.em` climbs the bound with KL for a penalty. The same holds of the observed values of rows with gaps: what
is missing is one more unknown, and summed out of that Gaussian. A ridge is noise that rows are assumed to carry, of
which they too know the expectation only: it is added to their scatter; log-densities lose tr(E precision ridge) / 2.

Invariant: an objective is the bound itself, with every constant; for one component and no ridge it is log p(X).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from gmm.covariances.base import EPS, Covariance
from gmm.covariances.scatter import scatter
from gmm.parameters import Factors, Kernel, Parameters
from gmm.posteriors import Posterior, Prior
from gmm.rows import Rows
from gmm.statistics import Statistics

__all__ = ["Variational"]

LOG_TAU = float(np.log(2.0 * np.pi))
NEGLIGIBLE = 1e-7  # nats per row, of a start that lost


@dataclass(frozen=True, eq=False)
class Variational:
    """A `Covariance` whose maximise step updates beliefs, for rows of one total weight.

    Parameters
    ----------
    plain : Covariance
    prior : Prior
    weight : float
        Sum of the sample weights, in the user's units: how many rows there are.
    unit : float
        That of the sample weights in sums of an E-step (`Rows.weight_exponent`).
    """

    plain: Covariance
    prior: Prior
    weight: float
    unit: float = 1.0

    is_averaged: ClassVar[bool] = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.plain, name)

    def __reduce__(self) -> tuple:
        return type(self), (self.plain, self.prior, self.weight, self.unit)

    def is_regular_on(self, statistics: Statistics) -> bool:
        """As `Covariance.is_regular_on`: a component without rows has the prior's covariance and does no harm."""
        return True

    def plain_log_likelihood(self, statistics: Statistics, parameters: Posterior, ridge: np.ndarray | None) -> float:
        """Log-likelihood per unit of sample weight of the mixture of the attributes at the rows of this E-step, or NaN.

        Both have the same Gaussians. With d the differences of log constants and r a row's responsibilities it has
        log sum r exp d = r'd + (r'd^2 - (r'd)^2) / 2 + ... more; NaN where the second term is not NEGLIGIBLE.
        """
        n, shares = statistics.n, parameters.log_shares(self.prior, ridge)
        d = np.log(np.where(n > 0.0, parameters.weights, 1.0)) - np.where(n > 0.0, shares, 0.0)
        if not n @ d**2 <= 2.0 * NEGLIGIBLE * statistics.weight:
            return math.nan
        return float((statistics.log_likelihood + n @ d) / statistics.weight)

    def seeing(self, sketch: Rows) -> Variational:
        """The same for some of the rows, which stand for all."""
        seen = sketch.n_rows if sketch.sample_weight is None else sketch.sample_weight.sum()
        return replace(self, unit=float(self.weight / seen))

    def rearranged(self, parameters: Posterior, tol: float) -> Posterior | None:
        """As `Covariance.rearranged`: by size, the largest first, where the prior of mixing weights expects that."""
        n = parameters.mean_precision - self.prior.mean_precision
        order = np.argsort(-n, kind="stable")
        if not self.prior.mixing.gain(n, n[order]) > tol * self.weight:
            return None
        return self.prior.holding(n[order], parameters.means[order], self.plain.take(parameters.covariances, order))

    def believed(self, mixture: Parameters) -> Posterior:
        """The posterior after as many rows as there are, with a mixture's shares, means and covariances."""
        n, V = mixture.weights * self.weight, mixture.covariances
        scatters = (V * self.weight)[None] if self._is_shared else n.reshape(-1, *[1] * (V.ndim - 1)) * V
        return self.prior.updated(n, mixture.means, scatters)

    def factorize(self, parameters: Posterior, ridge: np.ndarray | None = None) -> Factors:
        """As `Covariance.factorize`, with expected log-densities."""
        W, D, kernel = parameters.whiteners, parameters.n_features, self.plain.kernel
        shares = parameters.log_shares(self.prior, ridge)
        constants = shares + 0.5 * (self.prior.family.log_volume(W, D) - D * LOG_TAU)
        weights = np.exp(shares)  # exactly 0 below 1e-323: no row knows the difference
        seen = Parameters(weights, parameters.means, parameters.covariances)
        return Factors(kernel, constants, parameters.means, W[0] if self._is_shared else W, parameters=seen)

    def maximize(
        self,
        statistics: Statistics,
        previous: Parameters | None = None,
        *,
        ridge: np.ndarray | None = None,
        floor: np.ndarray,
    ) -> tuple[Posterior, np.ndarray]:
        """As `Covariance.maximize`; the floor is met only where rounding outweighs the prior."""
        n, V = scatter(statistics, self._is_shared, ridge)
        counted = np.where(statistics.n > 0.0, statistics.n, 1.0)
        means = statistics.means + statistics.first / counted[:, None]
        scatters = (self.unit * n).reshape(-1, *[1] * (V.ndim - 1)) * V
        posterior = self.prior.updated(self.unit * statistics.n, means, scatters)
        V = posterior.covariances
        least = floor / (self.prior.degrees_of_freedom + self.weight)  # what a scatter at the floor may come to
        raised, floored = self.prior.family.held(V[None] if self._is_shared else V, least)
        if floored.any():
            posterior = replace(posterior, covariances=raised.reshape(V.shape))
        return posterior, np.repeat(floored, len(means)) if self._is_shared else floored

    def penalty(self, parameters: Posterior) -> float:
        """KL divergence of the beliefs from the prior, nats per unit of sample weight."""
        return parameters.divergence(self.prior) / self.weight

    def rounding(self, parameters: Posterior) -> float:
        """As `Covariance.rounding`, with that of the divergence."""
        return self.plain.rounding(parameters) + EPS * parameters.rounded(self.prior) / self.weight

    def coordinates(self, origin: Posterior) -> _Beliefs:
        """As `Covariance.coordinates`; every vector is a posterior of the form that updates have."""
        return _Beliefs(self, origin)

    @property
    def _is_shared(self) -> bool:
        return self.plain.kernel is Kernel.TIED


class _Beliefs:
    """Coordinates of posteriors after n_k rows: those of the mixture with mixing weights in proportion to n_k + 1.

    With the row more than it has, a component without rows has coordinates too.
    """

    def __init__(self, structure: Variational, origin: Posterior) -> None:
        self.origin, self._structure = origin, structure
        self._free = structure.plain.coordinates(self._mixture(origin))
        self.reach = self._free.reach

    def of(self, posterior: Posterior) -> np.ndarray:
        """Vector of a posterior."""
        return self._free.of(self._mixture(posterior))

    def at(self, vector: np.ndarray) -> Posterior:
        """Posterior of a vector."""
        mixture = self._free.at(vector)
        total = self._structure.weight + mixture.n_components
        n = np.maximum(mixture.weights * total - 1.0, 0.0)
        return self._structure.prior.holding(n, mixture.means, mixture.covariances)

    def _mixture(self, posterior: Posterior) -> Parameters:
        derived = posterior.derived
        if "mixture" not in derived:
            rows = posterior.mean_precision - self._structure.prior.mean_precision + 1.0
            derived["mixture"] = Parameters(rows / rows.sum(), posterior.means, posterior.covariances)
        return derived["mixture"]
