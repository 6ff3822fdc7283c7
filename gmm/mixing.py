"""Priors of the mixing weights and what a variational posterior makes of them: Dirichlet, and Dirichlet process.

    Dirichlet distribution    weights ~ Dir(a, ..., a)                          posterior Dir(a + n_1, ..., a + n_K)
    Dirichlet process         weight_k = v_k prod_{j<k} (1 - v_j),  v_k ~ Beta(1, a)
                              posterior v_k ~ Beta(1 + n_k, a + sum_{j>k} n_j) for k up to K, the prior beyond

n_k are sums of sample weight times responsibility. The process has components without end, of which only the first K
may hold rows (Blei and Jordan 2006, with the truncation of Kurihara, Welling and Vlassis 2007: v_K is not held at 1).
A posterior is an array: the concentrations (K,), or both parameters of the Beta distributions, (2, K).

Invariant: `divergence` is the Kullback-Leibler divergence from the prior, at least 0 but for rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, digamma, gammaln

__all__ = ["PRIORS", "DirichletDistribution", "DirichletProcess", "MixingPrior"]


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

    def mean_log(self, posterior: np.ndarray) -> np.ndarray:
        """Expected logs of the mixing weights (K,)."""
        return digamma(posterior) - digamma(posterior.sum())

    def remainder(self, posterior: np.ndarray) -> float:
        """Expected weight of components beyond the K."""
        return 0.0

    def marginals(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters of the Beta distribution of each mixing weight, (K,) and (K,)."""
        return posterior, posterior.sum() - posterior

    def divergence(self, posterior: np.ndarray) -> float:
        """From the prior, nats."""
        a, total = self.concentration, posterior.sum()
        K = len(posterior)
        norm = gammaln(total) - gammaln(posterior).sum() - gammaln(K * a) + K * gammaln(a)
        return float(norm + (posterior - a) @ (digamma(posterior) - digamma(total)))


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
        later = np.append(np.cumsum(n[:0:-1])[::-1], 0.0)
        return np.stack([1.0 + n, self.concentration + later])

    def mean(self, posterior: np.ndarray) -> np.ndarray:
        """Expected mixing weights (K,), made to sum to 1 as if there were no others."""
        first, _ = _moments(posterior)
        return first / first.sum()

    def mean_log(self, posterior: np.ndarray) -> np.ndarray:
        """Expected logs of the mixing weights (K,)."""
        v, rest = digamma(posterior) - digamma(posterior.sum(axis=0))
        return v + np.append(0.0, np.cumsum(rest[:-1]))

    def remainder(self, posterior: np.ndarray) -> float:
        """Expected weight of components beyond the K."""
        return float(np.prod(posterior[1] / posterior.sum(axis=0)))

    def marginals(self, posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parameters of the Beta distribution with mean and variance of each mixing weight, (K,) and (K,)."""
        first, second = _moments(posterior)
        size = (first - second) / (second - first**2)
        return first * size, (1.0 - first) * size

    def divergence(self, posterior: np.ndarray) -> float:
        """From the prior, nats."""
        a, b = posterior
        total = digamma(a + b)
        norm = betaln(1.0, self.concentration) - betaln(a, b)
        return float((norm + (a - 1.0) * (digamma(a) - total) + (b - self.concentration) * (digamma(b) - total)).sum())


MixingPrior = DirichletDistribution | DirichletProcess
PRIORS: dict[str, type[MixingPrior]] = {
    "dirichlet_process": DirichletProcess,
    "dirichlet_distribution": DirichletDistribution,
}


def _moments(posterior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected mixing weights of a process and their squares, (K,) each."""
    a, b = posterior
    total = a + b
    first = a / total * np.append(1.0, np.cumprod(b / total)[:-1])
    squares = total * (total + 1.0)
    second = a * (a + 1.0) / squares * np.append(1.0, np.cumprod(b * (b + 1.0) / squares)[:-1])
    return first, second
