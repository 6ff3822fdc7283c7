"""Information criteria: how good a fit is for the parameters it spends. Lower is better, all three.

    AIC = 2 p - 2 L             Akaike 1974
    BIC = p ln n - 2 L          Schwarz 1978
    ICL = BIC + 2 E             Biernacki, Celeux, Govaert 2000, with E = - sum_i w_i ln max_k p(k | x_i)

L is the total log-likelihood in nats, p the number of free parameters, n the sum of the sample weights, which are
frequencies. E, the classification entropy, is what it costs to commit each row to its likeliest component: 0 when
the components do not overlap.

Invariant: no N x K array; posteriors are taken `SLICE_ROWS` rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["aic", "bic", "classification_entropy", "icl"]

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


def classification_entropy(
    posterior: Callable[[np.ndarray], np.ndarray], X: np.ndarray, sample_weight: np.ndarray | None = None
) -> float:
    """Sum over rows of -w ln max_k p(k | x), in nats.

    Parameters
    ----------
    posterior : callable
        Rows (n, D), or what stands for them, to posterior probabilities (n, K).
    X : ndarray of shape (N, D), or (N,) numbers of rows
    sample_weight : ndarray of shape (N,), optional

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.criteria import classification_entropy
    >>> even = lambda X: np.full((len(X), 2), 0.5)
    >>> round(classification_entropy(even, np.zeros((10, 1))), 4)
    6.9315
    """
    total = 0.0
    for first in range(0, len(X), SLICE_ROWS):
        rows = slice(first, first + SLICE_ROWS)
        uncertainty = -np.log(posterior(X[rows]).max(axis=1).astype(np.float64))
        total += float(uncertainty.sum() if sample_weight is None else sample_weight[rows] @ uncertainty)
    return total + 0.0
