"""How uncertain the component of each row is.

Invariant: between 0 and 1 - 1 / K, or 1 - 1 / (K + 1) with noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm.mixture_estimator import MixtureEstimator, fit_of

__all__ = ["uncertainty"]


def uncertainty(model: MixtureEstimator, X: Any, *, noise_covariance: Any = None) -> np.ndarray:
    """Probability that a row does not belong to the component it is given to: 1 less its largest posterior.

    Its mean over rows of the mixture is the share that `predict` gets wrong. Where few rows were fitted,
    ``predict_proba`` of a `gmm.bootstrap` knows more of it.

    Parameters
    ----------
    model : GaussianMixture or BayesianGaussianMixture
        Fitted.
    X : array-like of shape (N, D)
    noise_covariance : optional
        As for ``predict``.

    Returns
    -------
    ndarray of shape (N,), float64

    Examples
    --------
    >>> import gmm
    >>> model = gmm.GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
    >>> gmm.uncertainty(model, [[0.0], [1.5], [2.0]]).round(3)
    array([0.   , 0.119, 0.5  ])
    """
    fit = fit_of(model)
    rows = model._rows(X, fit, noise_covariance)
    posterior = rows.score(fit.assigning, log_density=False, posterior=True).posterior.astype(np.float64)
    largest = posterior.argmax(axis=1)
    posterior[np.arange(len(posterior)), largest] = 0.0  # the others' sum keeps the digits that 1 - p would lose
    return posterior.sum(axis=1)
