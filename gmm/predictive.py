"""What beliefs of a mixture say: the density of a new row, and where parameters lie.

With f, C of a Wishart of p features and g degrees of freedom (`gmm.wishart`), t = g + 1 - p and b the precision of the
mean, a new row of component k is Student's, and so is a coordinate of its mean; a variance is C_jj over a chi-square:

    x      ~  Student_t(mean, (1 + 1/b) C / t)          (Bishop 2006, equation 10.81)
    mean_j ~  Student_t(mean_j, C_jj / (b t)),    covariance_jj ~ C_jj / chi^2_t

Of a Dirichlet process the weight beyond the K components has the density of the prior. Mixing weights are Beta
distributed; those of a process only for the first component, the others have a Beta of the same mean and variance.

Invariant: `log_predictive` integrates to one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, chdtri, gammaln, logsumexp, stdtrit

from gmm.posteriors import Posterior, Prior

__all__ = ["Intervals", "intervals", "log_predictive"]

CELLS = 1 << 16  # numbers at a time
MOST_SHOWN = 24  # numbers of an array in a representation; of more, the first and last


class Intervals(NamedTuple):
    """Lower and upper bounds, on the first axis, of credible intervals of the same level."""

    weights: np.ndarray  # (2, K)
    means: np.ndarray  # (2, K, D)
    variances: np.ndarray  # (2, K, D), diagonals of the covariances

    def __repr__(self) -> str:
        with np.printoptions(threshold=MOST_SHOWN, edgeitems=1):
            return f"Intervals(weights={self.weights!r}, means={self.means!r}, variances={self.variances!r})"


def log_predictive(posterior: Posterior, prior: Prior, X: np.ndarray) -> np.ndarray:
    """Log-density of rows (N, D) averaged over the posterior, (N,), nats; all in frame coordinates.

    That of rows so far away that the square of their distance is none of float64 is -inf.
    """
    family, D = posterior.family, posterior.n_features
    beyond = prior.mixing.remainder(posterior.concentration)
    with np.errstate(divide="ignore"):
        shares = np.log(np.append(posterior.weights * (1.0 - beyond), beyond))
    K = posterior.n_components
    before = family.whiteners((prior.scatter / prior.degrees_of_freedom)[None])
    own = np.broadcast_to(posterior.whiteners, (K, *posterior.whiteners.shape[1:]))
    W = np.concatenate([own, before])
    means = np.concatenate([posterior.means, prior.mean[None]])
    b = np.append(posterior.mean_precision, prior.mean_precision)
    f = np.append(np.broadcast_to(posterior.degrees_of_freedom, K), prior.degrees_of_freedom)
    p, g = family.order(D), family.freedom(f, D)
    t, widened = g + 1.0 - p, (1.0 + 1.0 / b) * g
    constants = shares + 0.5 * family.log_volume(W, D)
    found, step = np.empty(len(X)), max(CELLS // (D * (K + 1)), 1)
    for first in range(0, len(X), step):
        d = X[first : first + step, None] - means
        with np.errstate(over="ignore"):
            squares = family.separate(W, d)
        m = D // squares.shape[-1]
        norm = gammaln((t + m) / 2.0) - gammaln(t / 2.0) - m / 2.0 * np.log(np.pi * widened)
        tails = (t + m) / 2.0 * np.log1p(squares / widened[:, None]).sum(axis=-1)
        found[first : first + step] = logsumexp(constants + squares.shape[-1] * norm - tails, axis=1)
    return found


def intervals(posterior: Posterior, prior: Prior, level: float) -> Intervals:
    """Central credible intervals of every mixing weight, mean and variance, in frame coordinates."""
    family, D = posterior.family, posterior.n_features
    tails = np.array([0.5 - level / 2.0, 0.5 + level / 2.0])[:, None]
    alpha, beta = prior.mixing.marginals(posterior.concentration)
    weights = betaincinv(alpha, np.maximum(beta, np.finfo(float).tiny), tails)
    f = np.broadcast_to(posterior.degrees_of_freedom, len(posterior.means))
    g = family.freedom(f, D)
    t = (g + 1.0 - family.order(D))[:, None]
    variances = family.variances(posterior.covariances, D)
    scatters = np.broadcast_to(variances, posterior.means.shape) * g[:, None]
    reach = np.sqrt(scatters / (posterior.mean_precision[:, None] * t))
    tails = tails[:, :, None]
    return Intervals(weights, posterior.means + reach * stdtrit(t, tails), scatters / chdtri(t, tails))
