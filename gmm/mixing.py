"""Priors of the mixing weights and what a variational posterior makes of them: Dirichlet, and Dirichlet process.

    Dirichlet distribution    weights ~ Dir(a, ..., a)                          posterior Dir(a + n_1, ..., a + n_K)
    Dirichlet process         weight_k = v_k prod_{j<k} (1 - v_j),  v_k ~ Beta(1, a)
                              posterior v_k ~ Beta(1 + n_k, a + sum_{j>k} n_j) for k up to K, the prior beyond

n_k are sums of sample weight times responsibility. The process has components without end, of which only the first K
may hold rows (Blei and Jordan 2006, with the truncation of Kurihara, Welling and Vlassis 2007: v_K is not held at 1).
A posterior is an array: the concentrations (K,), or both parameters of the Beta distributions, (2, K). Expected logs of
what they are the distributions of, `expected_logs`, have the same shape.

Invariant: `divergence` is the Kullback-Leibler divergence from the prior, at least 0 but for rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln

__all__ = ["PRIORS", "DirichletDistribution", "DirichletProcess", "MixingPrior", "expected_logs"]


def expected_logs(posterior: np.ndarray) -> np.ndarray:
    """Of the mixing weights (K,), or of v_k and 1 - v_k (2, K)."""
    return digamma(posterior) - digamma(posterior.sum(axis=0))


@dataclass(frozen=True)
class DirichletDistribution:
    """A finite mixture.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.mixing import DirichletDistribution
    >>> prior = DirichletDistribution(0.5)
    >>> posterior = prior.posterior(np.array([2.0, 1.0]))
    >>> prior.mean(posterior)
    array([0.625, 0.375])
    """

    concentration: float

    def posterior(self, n: np.ndarray) -> np.ndarray:
        """Concentrations (K,) after sums of weight n (K,)."""
        return self.concentration + n

    def mean(self, posterior: np.ndarray) -> np.ndarray:
        """Expected mixing weights (K,)."""
        return posterior / posterior.sum()

    def mean_log(self, logs: np.ndarray) -> np.ndarray:
        """Expected logs of the mixing weights (K,)."""
        return logs

    def remainder(self, posterior: np.ndarray) -> float:
        """Expected weight of components beyond the K."""
        return 0.0

    def marginals(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters of the Beta distribution of each mixing weight, (K,) and (K,)."""
        return posterior, posterior.sum() - posterior

    def gain(self, n: np.ndarray, other: np.ndarray) -> float:
        """What the bound gains where components are numbered so that sums of weight n (K,) are ``other``: nothing."""
        return 0.0

    def divergence(self, posterior: np.ndarray, logs: np.ndarray) -> float:
        """From the prior, nats."""
        a, K = self.concentration, len(posterior)
        norm = gammaln(posterior.sum()) - gammaln(posterior).sum() - gammaln(K * a) + K * gammaln(a)
        return float(norm + (posterior - a) @ logs)


@dataclass(frozen=True)
class DirichletProcess:
    """A mixture of components without end.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.mixing import DirichletProcess
    >>> prior = DirichletProcess(1.0)
    >>> posterior = prior.posterior(np.array([2.0, 1.0]))
    >>> posterior.tolist()
    [[3.0, 2.0], [2.0, 1.0]]
    >>> round(prior.remainder(posterior), 4)
    0.1333
    """

    concentration: float

    def posterior(self, n: np.ndarray) -> np.ndarray:
        """Both parameters of each v_k, (2, K), after sums of weight n (K,)."""
        found = np.empty((2, len(n)))
        found[0] = 1.0 + n
        found[1, -1] = 0.0
        found[1, :-1] = n[:0:-1].cumsum()[::-1]
        found[1] += self.concentration
        return found

    def mean(self, posterior: np.ndarray) -> np.ndarray:
        """Expected mixing weights (K,), made to sum to 1 as if there were no others."""
        first = _broken(posterior, posterior.sum(axis=0))
        return first / first.sum()

    def mean_log(self, logs: np.ndarray) -> np.ndarray:
        """Expected logs of the mixing weights (K,)."""
        found = logs[0].copy()
        found[1:] += logs[1, :-1].cumsum()
        return found

    def remainder(self, posterior: np.ndarray) -> float:
        """Expected weight of components beyond the K."""
        return float(np.prod(posterior[1] / posterior.sum(axis=0)))

    def marginals(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters of the Beta distribution with mean and variance of each mixing weight, (K,) and (K,)."""
        first, second = _moments(posterior)
        size = (first - second) / (second - first**2)
        return first * size, (1.0 - first) * size

    def gain(self, n: np.ndarray, other: np.ndarray) -> float:
        """What the bound gains where components are numbered so that sums of weight n (K,) are ``other``, nats.

        Where l rows come later, neighbours with n and m rows that swap gain log((a + l + m) / (a + l + n)), so the best
        order is by size, the largest first (Kurihara, Welling and Teh 2007).
        """
        return float((betaln(*self.posterior(other)) - betaln(*self.posterior(n))).sum())

    def divergence(self, posterior: np.ndarray, logs: np.ndarray) -> float:
        """From the prior, nats."""
        a, b = posterior
        norm = -math.log(self.concentration) - betaln(a, b)
        return float((norm + (a - 1.0) * logs[0] + (b - self.concentration) * logs[1]).sum())


MixingPrior = DirichletDistribution | DirichletProcess
PRIORS: dict[str, type[MixingPrior]] = {
    "dirichlet_process": DirichletProcess,
    "dirichlet_distribution": DirichletDistribution,
}


def _moments(posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected mixing weights of a process and their squares, (K,) each."""
    total = posterior.sum(axis=0)
    return _broken(posterior, total), _broken(posterior * (posterior + 1.0), total * (total + 1.0))


def _broken(parts: np.ndarray, total: np.ndarray) -> np.ndarray:
    """parts[0, k] / total[k] of what is left once parts[0] / total of each stick before has been broken off."""
    shares = parts / total
    shares[0, 1:] *= shares[1, :-1].cumprod()
    return shares[0]
