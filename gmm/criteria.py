"""Criteria of how good a fit is for the parameters it spends. Lower is better, all of them.

    AIC  = 2 p - 2 L                        Akaike 1974
    AICc = AIC + 2 p (p + 1) / (n - p - 1)  Hurvich and Tsai 1989
    BIC  = p ln n - 2 L                     Schwarz 1978
    ICL  = BIC + 2 C                        Biernacki, Celeux, Govaert 2000
    NEC  = E / (L - L_1), 1 for K = 1       Celeux and Soromenho 1996; Biernacki, Celeux, Govaert 1999

L is the total log-likelihood in nats and L_1 that of one component, p the number of free parameters, n the sum of the
sample weights, which are frequencies. C = - sum_i w_i ln max_k p(k | x_i), the classification entropy, is what it costs
to commit each row to its likeliest component, E = - sum_ik w_i p(k | x_i) ln p(k | x_i) the entropy of the posteriors:
both are 0 when the components do not overlap.

Invariant: no N x K array; posteriors are taken `SLICE_ROWS` rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["Entropies", "aic", "aicc", "bic", "classification_entropy", "entropies", "icl", "nec"]

SLICE_ROWS = 1 << 14


def aic(log_likelihood: float, n_parameters: int) -> float:
    """Akaike's criterion from a total log-likelihood (nats).

    Examples
    --------
    >>> from gmm.criteria import aic
    >>> aic(-100.0, 5)
    210.0
    """
    return 2.0 * n_parameters - 2.0 * log_likelihood


def bic(log_likelihood: float, n_parameters: int, weight: float) -> float:
    """Schwarz's criterion from a total log-likelihood (nats) of rows whose sample weights sum to ``weight``.

    Examples
    --------
    >>> from gmm.criteria import bic
    >>> round(bic(-100.0, 5, 100.0), 3)
    223.026
    """
    return n_parameters * math.log(weight) - 2.0 * log_likelihood


def icl(log_likelihood: float, n_parameters: int, weight: float, entropy: float) -> float:
    """Integrated completed likelihood: `bic` plus twice the `classification_entropy`.

    Examples
    --------
    >>> from gmm.criteria import icl
    >>> round(icl(-100.0, 5, 100.0, 4.0), 3)
    231.026
    """
    return bic(log_likelihood, n_parameters, weight) + 2.0 * entropy


def aicc(log_likelihood: float, n_parameters: int, weight: float) -> float:
    """Akaike's criterion corrected for few rows; infinite where there are no more rows than parameters and one.

    Examples
    --------
    >>> from gmm.criteria import aicc
    >>> round(aicc(-100.0, 5, 20.0), 3)
    214.286
    """
    left = weight - n_parameters - 1.0
    correction = 2.0 * n_parameters * (n_parameters + 1.0) / left if left > 0 else math.inf
    return aic(log_likelihood, n_parameters) + correction


def nec(log_likelihood: float, of_one: float, entropy: float, n_components: int) -> float:
    """Normalised entropy: that of the posteriors over what the components gain on a single one.

    Infinite where they gain nothing. One component is as good as several with an entropy of their whole gain.

    Examples
    --------
    >>> from gmm.criteria import nec
    >>> nec(-100.0, -150.0, 4.0, 3), nec(-150.0, -150.0, 0.0, 1)
    (0.08, 1.0)
    """
    if n_components == 1:
        return 1.0
    gain = log_likelihood - of_one
    return entropy / gain if gain > 0 else math.inf


class Entropies(NamedTuple):
    """Total nats: of committing rows to their likeliest components, and of the posteriors."""

    classification: float
    posterior: float


def entropies(
    posterior: Callable[[np.ndarray], np.ndarray], X: np.ndarray, sample_weight: np.ndarray | None = None
) -> Entropies:
    """Sums over rows of -w ln max_k p(k | x) and of -w sum_k p(k | x) ln p(k | x), in nats.

    Parameters
    ----------
    posterior : callable
        Rows (n, D), or what stands for them, to posterior probabilities (n, K).
    X : ndarray of shape (N, D), or (N,) numbers of rows
    sample_weight : ndarray of shape (N,), optional

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.criteria import entropies
    >>> even = lambda X: np.full((len(X), 2), 0.5)
    >>> [round(entropy, 4) for entropy in entropies(even, np.zeros((10, 1)))]
    [6.9315, 6.9315]
    """
    totals = np.zeros(2)
    for first in range(0, len(X), SLICE_ROWS):
        rows = slice(first, first + SLICE_ROWS)
        shares = posterior(X[rows]).astype(np.float64)
        logs = np.log(np.where(shares > 0, shares, 1.0))
        each = np.stack([np.log(shares.max(axis=1)), np.einsum("nk,nk->n", shares, logs)])
        totals -= each.sum(axis=1) if sample_weight is None else each @ sample_weight[rows]
    return Entropies(*(totals + 0.0).tolist())


def classification_entropy(
    posterior: Callable[[np.ndarray], np.ndarray], X: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Sum over rows of -w ln max_k p(k | x), in nats; arguments as for `entropies`."""
    return entropies(posterior, X, sample_weight).classification
