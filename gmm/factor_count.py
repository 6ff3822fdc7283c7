"""How many factors a mixture of factor analysers has, when nothing says so: the fewest of lowest BIC along one path.

    n_factors = 1 by a whole fit; then 2, 3, 4, 6, 8, 12, 16, ... (each half as much again, at most), every one from the
    partition that the one before found; until two in a row have a higher BIC than the best, or a component's covariance
    could be any matrix (Ledermann 1937: (D - q)^2 < D + q). The best of them is fitted once more with all of its
    starts, and the likelier of the two fits is kept.

"aic" in the place of BIC estimates what rows that were not fitted lose, and takes more factors.

A given start, and an earlier fit that is continued, decide what each begins with, or how many factors there are.

Invariant: the fit returned is one that `gmm.fitting.fit_mixture` makes of the number it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gmm import criteria
from gmm.errors import CollapseError
from gmm.fitting import checked, fit_mixture, report_end
from gmm.mixture import Mixture
from gmm.record import Fit
from gmm.settings import Settings

__all__ = ["fit_any", "ladder"]

PATIENCE = 2  # rungs in a row that are worse than the best


def ladder(n_features: int) -> Iterator[int]:
    """Numbers of factors to try, rising: those up to Ledermann's bound, and at least 1.

    Examples
    --------
    >>> from gmm.factor_count import ladder
    >>> list(ladder(2)), list(ladder(10)), list(ladder(64))
    ([1], [1, 2, 3, 4, 6], [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48])
    """
    step, q = 1, 1
    while q == 1 or (n_features - q) ** 2 >= n_features + q:
        yield q
        step *= 2 if q == 4 * step else 1
        q += step


def fit_any(settings: Settings, X: Any, *, previous: Mixture | None = None, quiet: bool = False, **given: Any) -> Fit:
    """As `gmm.fitting.fit_mixture`, the number of factors chosen where it is open."""
    q = _known(settings, previous)
    if q is not None or not settings.structure.is_open:
        settings = replace(settings, structure=settings.structure.sized(q)) if q else settings
        return fit_mixture(settings, X, previous=previous, quiet=quiet, **given)
    best = _chosen(settings, X, **given)
    if not quiet:
        report_end(best, settings)
    return best


def _known(settings: Settings, previous: Mixture | None) -> int | None:
    """What an earlier fit or given loadings say."""
    if not settings.structure.is_open:
        return None
    if previous is not None and previous.structure.n_factors is not None:
        return previous.structure.n_factors
    pair = settings.covariances_init
    loadings = np.shape(pair[0]) if isinstance(pair, (tuple, list)) and len(pair) == 2 else ()
    return loadings[-1] or None if len(loadings) == 3 else None


def _chosen(settings: Settings, X: Any, *, start: Any = None, **given: Any) -> Fit:
    rows, *_ = checked(settings, X, given.get("sample_weight"))
    best, lowest, worse, begin = None, np.inf, 0, start
    for q in ladder(rows.shape[1]):
        sized = replace(settings, structure=settings.structure.sized(q))
        try:
            fit = fit_mixture(sized, X, start=begin, quiet=True, **given)
        except CollapseError:
            if best is None:
                raise
            break
        criterion = _criterion(fit, settings.factor_criterion)
        best, lowest, worse = (fit, criterion, 0) if criterion < lowest else (best, lowest, worse + 1)
        if worse == PATIENCE:
            break
        if start is None:
            begin = fit.mixture.label(rows)
    n_factors = best.mixture.structure.n_factors
    if start is not None or n_factors == 1:
        return best
    again = fit_mixture(
        replace(settings, structure=settings.structure.sized(n_factors)), X, quiet=True, **given
    )
    return again if _merit(again) > _merit(best) else best


def _criterion(fit: Fit, name: str) -> float:
    weight = fit.record.weight
    log_likelihood = fit.record.log_likelihood * weight
    if name == "aic":
        return criteria.aic(log_likelihood, fit.n_parameters)
    return criteria.bic(log_likelihood, fit.n_parameters, weight)


def _merit(fit: Fit) -> tuple[bool, float]:
    """Fits without a component on the numerical floor come first, then the likelier."""
    return not fit.record.floored.any(), float(fit.record.trace[-1])
