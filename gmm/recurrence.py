"""Do components come back when the mixture is fitted anew to resampled rows? (Hennig 2007)

    jaccard_bk  =  max_l |A_k and B_l| / |A_k or B_l|          A: rows of the fit's components, B: of resample b's

Every resample is fitted from starts of its own, and then labels all rows of the fit, those it did not see included. The
whole partitions are compared by the adjusted Rand index. A component whose coefficient is at most one half has been
dissolved: a coefficient above one half can belong to one component only.

Invariant: renumbering components changes nothing; the same random_state gives the same result for any n_threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm._validation import check_integer
from gmm.agreement import adjusted_rand_index
from gmm.errors import GmmError
from gmm.gaussian_mixture import GaussianMixture
from gmm.record import Fit
from gmm.resampling import Resampler, spread
from gmm.subsample import seeds

__all__ = ["Stability", "stability"]

DISSOLVED = 0.5
UNSTABLE = 0.6  # mean coefficient below which Hennig would not trust a cluster


@dataclass(frozen=True, eq=False)
class Stability:
    """How components and partitions recur; made by `stability`.

    Attributes
    ----------
    adjusted_rand : ndarray of shape (B,)
        Between the labels of the fit and those of each resample's.
    jaccard : ndarray of shape (B, K)
        Of each component and that of the resample which is most like it.
    n_failed : int
        Resamples left out because a component collapsed.
    """

    adjusted_rand: np.ndarray
    jaccard: np.ndarray
    n_failed: int

    @property
    def mean_jaccard(self) -> np.ndarray:
        """Mean of each component (K,): above 0.75 it is stable, below 0.6 it should not be trusted (Hennig 2007)."""
        return self.jaccard.mean(axis=0)

    @property
    def dissolved(self) -> np.ndarray:
        """Share of resamples (K,) in which a component has dissolved: its coefficient is at most 0.5."""
        return (self.jaccard <= DISSOLVED).mean(axis=0)

    @property
    def unstable(self) -> np.ndarray:
        """Components (K,), bool, whose mean coefficient is below 0.6."""
        return self.mean_jaccard < UNSTABLE

    def __str__(self) -> str:
        """A line for the partition and one for each component."""
        lines = [
            f"{len(self.adjusted_rand)} resamples, {self.n_failed} failed; adjusted Rand index "
            f"{self.adjusted_rand.mean():.3f} (from {self.adjusted_rand.min():.3f})"
        ]
        for k, (mean, share) in enumerate(zip(self.mean_jaccard, self.dissolved, strict=True)):
            said = "  not to be trusted" if self.unstable[k] else ""
            lines.append(f"component {k}: mean Jaccard {mean:.3f}, dissolved in {share:.0%}{said}")
        return "\n".join(lines)

    __repr__ = __str__


def stability(
    model: GaussianMixture,
    X: Any,
    *,
    n_resamples: int = 100,
    method: str = "nonparametric",
    sample_weight: Any = None,
    labels: Any = None,
    noise_covariance: Any = None,
    random_state: Any = None,
    n_threads: int | None = None,
) -> Stability:
    """How well the components of a fitted mixture recur in resampled rows.

    Parameters
    ----------
    model : GaussianMixture
        Fitted; it stays as it is.
    X : array-like of shape (N, D)
        The rows of its fit.
    n_resamples : int, default=100
        Each is fitted as ``model`` was, starts included.
    method : {"nonparametric", "weighted", "parametric"}, default="nonparametric"
        As for `gmm.bootstrap`.
    sample_weight : array-like of shape (N,), optional
        Frequencies, as at the fit.
    labels, noise_covariance : optional
        As at the fit; not for ``method="parametric"``.
    random_state : int, Generator, RandomState or None
    n_threads : int, optional
        Threads that resamples are spread over; each fit has one.

    Returns
    -------
    Stability

    Raises
    ------
    ParameterError, DataError
        As of `gmm.bootstrap`.

    Examples
    --------
    Two components of the eruptions come back every time; of five, some do not:

    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = gmm.GaussianMixture(2, random_state=0).fit(X)
    >>> bool(gmm.stability(model, X, n_resamples=20, random_state=0).mean_jaccard.min() > 0.9)
    True
    >>> many = gmm.GaussianMixture(5, random_state=0).fit(X)
    >>> bool(gmm.stability(many, X, n_resamples=20, random_state=0).unstable.any())
    True
    """
    n_resamples = check_integer(n_resamples, "n_resamples")
    resampler = Resampler.of(model, X, method, sample_weight, labels, noise_covariance)
    K, weights = resampler.fit.mixture.n_components, resampler.sample_weight

    def labelled(fit: Fit) -> np.ndarray:
        return resampler.rows(fit).score(fit.assigning, log_density=False, label=True).label

    own = labelled(resampler.fit)

    def work(seed: int) -> Any:
        fit = resampler.afresh(seed)
        if isinstance(fit, GmmError):
            return fit
        others = labelled(fit)
        return adjusted_rand_index(own + 1, others + 1, weights), _jaccard(own, others, K, weights)

    done, n_failed = spread(work, seeds(random_state, n_resamples), n_threads)
    indices, coefficients = zip(*done, strict=True)
    return Stability(np.array(indices), np.array(coefficients), n_failed)


def _jaccard(own: np.ndarray, others: np.ndarray, n_components: int, weights: np.ndarray | None) -> np.ndarray:
    """Largest Jaccard coefficient (K,) of each component with any of the others; noise, -1, is none of them.

    A component without rows, which nothing can bring back, has 0.
    """
    width = n_components + 1
    table = np.bincount((own + 1) * width + others + 1, weights, minlength=width * width).reshape(width, width)
    either = table.sum(axis=1)[1:, None] + table.sum(axis=0)[1:] - table[1:, 1:]
    return (table[1:, 1:] / np.where(either > 0.0, either, 1.0)).max(axis=1)
