"""One model that was tried: a row of the table, and its rank.

A model whose likelihood is no merit ranks behind every sound one: a component on the numerical floor, where it grows
without bound, or one of no more rows than any covariance of its form can follow, which tells of those rows alone. What
cannot be fitted comes last, with its reason.

Invariant: every number is that of the model as it would say itself of the rows of the fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gmm import criteria
from gmm.convergence import LIMIT
from gmm.partition import rows_of_its_own, too_thin

if TYPE_CHECKING:
    from gmm.record import Fit
    from gmm.rows import Rows

__all__ = ["CRITERIA", "Candidate", "measured", "rank"]

CRITERIA = ("bic", "aic", "aicc", "icl", "nec", "cv")


@dataclass(frozen=True)
class Candidate:
    """One model that was tried.

    Parameters
    ----------
    n_components : int
    covariance_type : str
    n_parameters : int
        Free ones; 0 where the fit failed.
    log_likelihood : float
        Total, nats.
    bic, aic, icl, aicc, nec : float
        Lower is better. All numbers are NaN where the fit failed.
    cv : float
        -2 times the total log-density of rows that a fit did not see, so lower is better, too; NaN without ``cv=``.
    n_iter : int
    converged : bool
    floored : int
        Components whose covariance rests on the numerical floor.
    error : str
        Why the fit failed, empty where it did not.
    thin : int
        Components with no more rows than a covariance of their form needs to be regular.
    warnings : tuple of str
        What there is to say against the model.
    """

    n_components: int
    covariance_type: str
    n_parameters: int = 0
    log_likelihood: float = math.nan
    bic: float = math.nan
    aic: float = math.nan
    icl: float = math.nan
    n_iter: int = 0
    converged: bool = False
    floored: int = 0
    error: str = ""
    aicc: float = math.nan
    nec: float = math.nan
    cv: float = math.nan
    thin: int = 0
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.n_components} {self.covariance_type}"

    @property
    def sound(self) -> bool:
        """Whether it was fitted, and its likelihood tells of more than a few rows."""
        return not (self.error or self.floored or self.thin)


def measured(fit: Fit, rows: Rows, sample_weight: np.ndarray | None, of_one: float = math.nan) -> Candidate:
    """The row of a fitted mixture.

    Parameters
    ----------
    fit : Fit
    rows : Rows
        Of the fit, in its frame.
    sample_weight : ndarray of shape (N,), optional
        In the user's units.
    of_one : float
        Total log-likelihood of one component of the same structure, for `gmm.criteria.nec`; NaN if not known.
    """
    record, mixture, free = fit.record, fit.mixture, fit.n_parameters
    K, weight, total = mixture.n_components, record.weight, record.log_likelihood * record.weight

    def posterior(some: np.ndarray) -> np.ndarray:
        seen = rows if len(some) == rows.n_rows else rows.subset(some)
        return seen.score(mixture.factors, log_density=False, posterior=True).posterior

    entropy = criteria.Entropies(0.0, 0.0)
    if K > 1 or mixture.parameters.noise is not None:
        entropy = criteria.entropies(posterior, np.arange(rows.n_rows), sample_weight)
    thin = _thin(fit)
    return Candidate(
        n_components=K,
        covariance_type=mixture.structure.name,
        n_parameters=free,
        log_likelihood=total,
        bic=criteria.bic(total, free, weight),
        aic=criteria.aic(total, free),
        aicc=criteria.aicc(total, free, weight),
        icl=criteria.icl(total, free, weight, entropy.classification),
        nec=math.nan if math.isnan(of_one) and K > 1 else criteria.nec(total, of_one, entropy.posterior, K),
        n_iter=record.n_iter,
        converged=record.converged,
        floored=int(record.floored.sum()),
        thin=len(thin),
        warnings=tuple(_complaints(fit, thin)),
    )


def rank(candidate: Candidate, criterion: str) -> tuple[bool, bool, float]:
    """What candidates are sorted by, the best first."""
    value = getattr(candidate, criterion)
    return bool(candidate.error), not candidate.sound, math.inf if math.isnan(value) else value


def _thin(fit: Fit) -> np.ndarray:
    """Numbers of living components with no more rows than their covariance needs, where it is their own."""
    mixture, record = fit.mixture, fit.record
    n = mixture.parameters.weights * record.weight
    return np.flatnonzero((n > 0) & too_thin(n, mixture.structure, mixture.n_features) & ~record.floored)


def _complaints(fit: Fit, thin: np.ndarray) -> list[str]:
    record, found = fit.record, []
    n = fit.mixture.parameters.weights * record.weight
    needed = rows_of_its_own(fit.mixture.structure, fit.mixture.n_features)
    if record.floored.any():
        found.append(f"components {np.flatnonzero(record.floored).tolist()} rest on the numerical floor")
    found += [f"component {k} has {n[k]:.1f} rows, no more than the {needed} its covariance needs" for k in thin]
    if not record.converged:
        found.append("max_iter came before convergence" if record.stop_reason == LIMIT else record.stop_reason)
    return found
