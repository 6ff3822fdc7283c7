"""What is believed of a mixture's parameters before the rows (`Prior`) and after them (`Posterior`).

    mixing weights ~ `gmm.mixing`,  precision_k ~ `gmm.wishart`,  mean_k | precision_k ~ N(m, inverse(b precision_k))

A posterior has the same form with factors of its own for each component, q(weights) prod_k q(mean_k, precision_k); of
a shared precision one factor, and the means given it. It is also a `Parameters`, the mixture at expected mixing
weights, means and precisions, so whatever takes a mixture takes a posterior. Both are in frame coordinates.

Invariant: covariances are the inverses of expected precisions, that is the scatter over the degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmm.mixing import MixingPrior, expected_logs
from gmm.parameters import Kernel, Parameters
from gmm.wishart import FAMILIES, Family, Norm

__all__ = ["Posterior", "Prior"]


@dataclass(frozen=True, eq=False)
class Prior:
    """Of every component alike, in frame coordinates.

    Parameters
    ----------
    kernel : Kernel
        Of the structure.
    mixing : DirichletDistribution or DirichletProcess
    mean_precision : float
        Rows that the mean counts for.
    mean : ndarray of shape (D,)
    degrees_of_freedom : float
        Rows that the scatter counts for.
    scatter : ndarray of shape (D, D), (D,) or ()
        scikit-learn's ``covariance_prior``; over the degrees of freedom it is the inverse of the expected precision.
    """

    kernel: Kernel
    mixing: MixingPrior
    mean_precision: float
    mean: np.ndarray
    degrees_of_freedom: float
    scatter: np.ndarray

    @property
    def family(self) -> Family:
        return FAMILIES[self.kernel]

    @cached_property
    def root(self) -> np.ndarray:
        """R with R R' the scatter."""
        return self.family.root(self.scatter)

    @cached_property
    def norm(self) -> Norm:
        """Of each precision's distribution."""
        return self.family.before(self.degrees_of_freedom, self.root, len(self.mean))

    def updated(self, n: np.ndarray, means: np.ndarray, scatters: np.ndarray) -> Posterior:
        """The posterior after n (K,) rows with these means (K, D) and sums of squares about them.

        ``scatters`` have the shape of the structure, for a shared matrix with a leading axis of 1.
        """
        b = self.mean_precision + n
        posterior_means = (self.mean_precision * self.mean + n[:, None] * means) / b[:, None]
        share = n * (self.mean_precision / b)
        between = self.family.squared(means - self.mean)
        between = share.reshape(-1, *[1] * (between.ndim - 1)) * between
        f = self._freedom(n)
        total = between.sum(axis=0) + scatters[0] if self.kernel is Kernel.TIED else between + scatters
        return self.holding(n, posterior_means, (self.scatter + total) / f.reshape(*f.shape, *[1] * self.scatter.ndim))

    def holding(self, n: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> Posterior:
        """A posterior after n (K,) rows, whatever its means and covariances."""
        concentration = self.mixing.posterior(n)
        return Posterior(
            self.mixing.mean(concentration),
            means,
            covariances,
            kernel=self.kernel,
            concentration=concentration,
            mean_precision=self.mean_precision + n,
            degrees_of_freedom=self._freedom(n),
        )

    def _freedom(self, n: np.ndarray) -> np.ndarray:
        return np.asarray(self.degrees_of_freedom + (n.sum() if self.kernel is Kernel.TIED else n))


@dataclass(frozen=True, eq=False, kw_only=True)
class Posterior(Parameters):
    """Of all components, in frame coordinates; weights, means and covariances as in `Parameters`.

    Parameters
    ----------
    kernel : Kernel
        Of the structure.
    concentration : ndarray of shape (K,) or (2, K)
        As `gmm.mixing` has it.
    mean_precision : ndarray of shape (K,)
    degrees_of_freedom : ndarray of shape (K,), () where the precision is shared
    """

    kernel: Kernel
    concentration: np.ndarray
    mean_precision: np.ndarray
    degrees_of_freedom: np.ndarray

    @property
    def family(self) -> Family:
        return FAMILIES[self.kernel]

    @cached_property
    def whiteners(self) -> np.ndarray:
        """W with W'W the expected precisions, a leading axis of 1 where they are shared."""
        shared = self.kernel is Kernel.TIED
        return self.family.whiteners(self.covariances[None] if shared else self.covariances)

    @cached_property
    def mixing_logs(self) -> np.ndarray:
        """As `gmm.mixing.expected_logs`."""
        return expected_logs(self.concentration)

    @cached_property
    def psi(self) -> np.ndarray:
        """As `gmm.wishart` has it, in the shape of the degrees of freedom."""
        return self.family.psi(self.degrees_of_freedom, self.n_features)

    @cached_property
    def norm(self) -> Norm:
        """Of the precisions' distributions, with a leading axis."""
        W = self.whiteners
        return self.family.norm(np.atleast_1d(self.degrees_of_freedom), self.family.log_det(W), self.n_features)

    def log_shares(self, prior: Prior, ridge: np.ndarray | None) -> np.ndarray:
        """Log c_k (K,) with which exp E log(weight_k N(x; mean_k, ..)) = c_k N(x; means_k, covariances_k).

        log c_k = E log weight_k + (E log|precision_k| - log|E precision_k|) / 2 - D / (2 b_k)
                  - tr(E precision_k ridge) / 2
        """
        D = self.n_features
        shares = prior.mixing.mean_log(self.mixing_logs) - D / (2.0 * self.mean_precision)
        shares = shares + 0.5 * self.family.gap(self.degrees_of_freedom, self.psi, D)
        return shares if ridge is None else shares - 0.5 * self.family.traces(self.whiteners, ridge)

    def divergence(self, prior: Prior) -> float:
        """Kullback-Leibler divergence from the prior, nats."""
        of_precisions = self.family.divergence(self.norm, self.psi, prior.norm, self._traces(prior), self.n_features)
        return sum(self._divergences(prior)) + of_precisions

    def rounded(self, prior: Prior) -> float:
        """Size of the largest terms in the divergence times their number, nats."""
        size = self.norm.size + prior.norm.size + self._traces(prior)
        return float(np.max(size) * np.size(size)) + sum(map(abs, self._divergences(prior)))

    def _divergences(self, prior: Prior) -> tuple[float, float]:
        """Of the mixing weights, and of the means given their precisions."""
        ratio = prior.mean_precision / self.mean_precision
        squares = prior.mean_precision * self.family.squares(self.whiteners, self.means - prior.mean)
        of_means = 0.5 * float((self.n_features * (ratio - 1.0 - np.log(ratio)) + squares).sum())
        return prior.mixing.divergence(self.concentration, self.mixing_logs), of_means

    def _traces(self, prior: Prior) -> np.ndarray:
        """Halves of tr(prior scatter times expected precision) in each Wishart distribution."""
        return self.family.against(self.whiteners, prior.root) * (self.family.repeats(self.n_features) / 2.0)
