"""Advice on a fitted mixture: what it shows by itself (`gmm.cautions`), and whether BIC would have fewer components.

For the latter a mixture of one component less is fitted to the same rows with the same options, which costs as much as
the fit did; nothing of it happens unless it is asked for.

Invariant: advice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gmm import criteria
from gmm._validation import check_sample_weight
from gmm.cautions import Caution, cautions
from gmm.errors import GmmError
from gmm.factor_count import fit_any
from gmm.gaussian_mixture import GaussianMixture
from gmm.mixture_estimator import MixtureEstimator, fit_of
from gmm.rows import Rows
from gmm.settings import Settings

__all__ = ["advice"]

GIVEN = ("weights_init", "means_init", "precisions_init", "covariances_init")  # of K components


def advice(
    model: MixtureEstimator, X: Any = None, *, sample_weight: Any = None, noise_covariance: Any = None
) -> list[Caution]:
    """What a careful reader of a fitted mixture would look at again.

    Parameters
    ----------
    model : GaussianMixture or BayesianGaussianMixture
        Fitted.
    X : array-like of shape (N, D), optional
        The rows of its fit. With them scales are those of the rows, which spherical components cannot tell, and for a
        `GaussianMixture` one component less is fitted, too, and compared by BIC.
    sample_weight, noise_covariance : optional
        As at the fit.

    Returns
    -------
    list of gmm.cautions.Caution
        Each has a ``topic``, a ``message`` and the ``components`` it is about. Topics are "scale", "components",
        "few rows" and "spurious".

    Raises
    ------
    DataError
        Rows that are not those of the fit.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> for caution in gmm.advice(gmm.GaussianMixture(4, random_state=0).fit(X), X):
    ...     print(caution.topic, "-", caution)
    components - BIC supports fewer than 4 components: that of 3 is lower by 16.8 (2324.18 against 2340.99).
    >>> gmm.advice(gmm.GaussianMixture(2, random_state=0).fit(X), X)
    []
    """
    fit = fit_of(model)
    if X is None:
        return cautions(fit)
    rows = model._rows(X, fit)
    weights = check_sample_weight(sample_weight, rows.n_rows)
    if fit.record is not None:
        fit.record.require_rows(rows.n_rows, weights)
    found = cautions(fit, _log_spread(rows, weights))
    if fit.record is None or not isinstance(model, GaussianMixture) or fit.mixture.n_components == 1:
        return found
    if model.fixed or any(getattr(model, name) is not None for name in GIVEN):
        return found
    settings = Settings.from_estimator(model)
    fewer = replace(settings, n_components=settings.n_components - 1, callbacks=(), verbose=0)
    known = {"sample_weight": sample_weight, "noise_covariance": noise_covariance}
    try:
        smaller = fit_any(fewer, X, **known, quiet=True)
    except GmmError:
        return found  # what cannot be fitted is no better
    total, weight = smaller.record.log_likelihood * smaller.record.weight, smaller.record.weight
    other = criteria.bic(total, smaller.n_parameters, weight)
    own, K = model.bic(X, **known), fit.mixture.n_components
    if other < own:
        message = (
            f"BIC supports fewer than {K} components: that of {K - 1} is lower by {own - other:.1f} ({other:.2f} "
            f"against {own:.2f})."
        )
        found.append(Caution("components", message))
    return found


def _log_spread(rows: Rows, sample_weight: np.ndarray | None) -> np.ndarray:
    """Logarithms of the features' standard deviations (D,)."""
    seen = type(rows).from_array(rows.X, sample_weight, n_threads=rows.n_threads)
    with np.errstate(divide="ignore"):
        return 0.5 * np.log(seen.variances) + np.log(2.0) * seen.frame.exponent
