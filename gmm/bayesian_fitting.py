"""From checked arguments and rows to one immutable `BayesianFit`: what ``BayesianGaussianMixture.fit`` delegates to.

    X, sample_weight --> Rows in a frame --> Prior --> starts --> race of climbs --> Posterior, Mixture and record

Starts are those of plain EM: a mixture to begin with stands for the beliefs after as many rows of its shares, means and
covariances (`Variational.believed`). Where sticks are broken in turn, components of a chosen start go by size, the
largest first, as the prior expects it.

Invariant: objective and trace are the bound on log p(X) of the posterior beside them, per unit of sample weight, in the
user's units; the log-likelihood is that of the mixture of expected parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.special import logsumexp

from gmm._validation import check_flag, check_partition, check_real, checked_array
from gmm.base import nearest_name
from gmm.completion import CompletedRows
from gmm.convergence import STOPPED
from gmm.errors import DataError, ParameterError
from gmm.fitting import PATIENCE, checked, finished, report_end, reporter, ridge_in, scored
from gmm.foresight import foreseen, sketched
from gmm.missing import IncompleteRows, kind_of_rows
from gmm.mixing import PRIORS, DirichletProcess
from gmm.mixture import Mixture
from gmm.moves import moved
from gmm.parameters import Factors, Kernel, Parameters
from gmm.posteriors import Posterior, Prior
from gmm.record import Fit
from gmm.restarts import Outcome, race
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.small import is_small
from gmm.starts import choose_start, in_frame
from gmm.subsample import seeds
from gmm.threads import resolve_threads
from gmm.variational import Variational
from gmm.wishart import FAMILIES

__all__ = ["BayesianFit", "fit_posterior"]

LEAST_SHARE = 2.0**-20  # at 2**-30 the bound of 15 rows of 30 features is only good to 1e-4 nats per row


@dataclass(frozen=True, eq=False, kw_only=True)
class BayesianFit(Fit):
    """A `Fit` with what is believed of its parameters, frame coordinates; its mixture has the expected ones."""

    prior: Prior
    posterior: Posterior

    has_prior: ClassVar[bool] = True

    @property
    def component_rows(self) -> np.ndarray:
        """As `Fit.component_rows`."""
        return self.posterior.mean_precision - self.prior.mean_precision

    @cached_property
    def assigning(self) -> Factors:
        """The factors of the fit's own responsibilities: expected log-densities."""
        structure = self.mixture.structure
        factors = Variational(structure, self.prior, 1.0).factorize(self.posterior).centred()
        logs = self.posterior.log_shares(self.prior, None)
        return replace(factors, parameters=replace(factors.parameters, weights=np.exp(logs - logsumexp(logs))))


def fit_posterior(
    settings: Settings,
    given: Mapping[str, Any],
    X: Any,
    *,
    sample_weight: Any = None,
    start: Any = None,
    previous: BayesianFit | None = None,
) -> BayesianFit:
    """Find the beliefs that bound the evidence of rows best.

    Parameters
    ----------
    settings : Settings
    given : mapping
        Arguments of the prior by their names in `BayesianGaussianMixture`.
    X : array-like or data frame of shape (N, D)
    sample_weight : array-like of shape (N,), optional
    start : array-like of shape (N,) or (N, K), optional
        Labels or responsibilities to start from.
    previous : BayesianFit, optional
        What a warm start continues from.
    """
    X, weights, names = checked(settings, X, sample_weight, "BayesianGaussianMixture")
    rows = kind_of_rows(X, settings.missing).from_array(
        X,
        weights,
        scaling=settings.structure.scaling,
        precision=settings.precision,
        n_threads=resolve_threads(settings.n_threads),
    )
    if start is not None:
        start = check_partition(start, rows.n_rows, settings.n_components, name="start")
    if isinstance(rows, IncompleteRows):
        rows, start = _informative(rows, start)
    ridge = ridge_in(settings.reg_covar, rows.frame)
    prior = prior_in(settings, given, rows)
    structure = Variational(settings.structure, prior, rows.total_weight, float(np.ldexp(1.0, rows.weight_exponent)))
    if start is not None:
        begin, is_random = _after_partition(settings, rows, structure, start, ridge), False
    elif previous is not None:
        begin, is_random = _continued(settings, rows, structure, previous), False
    else:
        begin, is_random = None, True
    drawn = seeds(settings.random_state, settings.n_init if is_random else 1)
    few = is_small(rows.n_rows, settings.n_components, rows.n_features)
    limits = {"floor": rows.frame.floor, "ridge": ridge, "tol": settings.tol, "max_iter": settings.max_iter}
    told = {"callback": reporter(settings, rows.mean_log_jacobian)}
    sketch = sketched(rows, structure, settings.n_components) if is_random else None
    begin = begin or _chosen(settings, rows, structure, ridge, drawn)
    if sketch is not None:
        raced = foreseen(rows, sketch, structure, begin, drawn, **limits, **told, accelerated=settings.accelerated)
    else:
        raced = race(
            rows,
            structure,
            begin,
            drawn,
            **limits,
            **told,
            short_iter=settings.short_iter,
            accelerated=settings.accelerated and not few,
            patience=PATIENCE if settings.accelerated and few else None,
            thorough=True,
        )
    best, trace, segments = raced.best, raced.best.trace, (0,)
    if check_flag(given["moves"], "moves") and best.stop_reason != STOPPED and settings.n_components > 1:
        how = {"floor": rows.frame.floor, "ridge": ridge, "tol": settings.tol, "max_iter": settings.max_iter}
        left = moved(rows, structure, best, **how, accelerated=settings.accelerated)
        best, trace, segments = left.best, left.trace, left.segments
    mixture = Mixture(settings.structure, best.parameters, rows.frame)
    if best is raced.best:
        log_likelihood = scored(raced, mixture, rows)
    else:
        plain = rows.accumulate(mixture.factors)
        log_likelihood = float(plain.log_likelihood / plain.weight) + rows.mean_log_jacobian
    how = (trace, best.floored, best.stop_reason, log_likelihood, raced.restarts, raced.winner, segments)
    sizes = (rows.n_rows, rows.total_weight, rows.mean_log_jacobian)
    found = finished(settings, rows.frame, *sizes, Outcome(best.parameters, *how), names)
    fit = BayesianFit(found.mixture, names, settings.precision, found.record, prior=prior, posterior=best.parameters)
    report_end(fit, settings)
    return fit


def prior_in(settings: Settings, given: Mapping[str, Any], rows: Rows) -> Prior:
    """The prior that arguments mean, in the frame of the rows; what is not given follows from the rows.

    Raises
    ------
    ParameterError
        Naming the argument and what is wrong with it.
    """
    K, D, kernel, frame = settings.n_components, rows.n_features, settings.structure.kernel, rows.frame
    family = FAMILIES[kernel]
    kind = given["weight_concentration_prior_type"]
    if not isinstance(kind, str) or kind not in PRIORS:
        raise ParameterError(
            f"weight_concentration_prior_type must be one of {sorted(PRIORS)}, got {kind!r}{nearest_name(kind, PRIORS)}"
        )
    freedom = _positive(given, "degrees_of_freedom_prior", float(D))
    least = family.order(D) - 1
    if freedom <= least:
        raise ParameterError(f"degrees_of_freedom_prior must be greater than {least}, got {freedom:g}")
    mean, scatter = given["mean_prior"], given["covariance_prior"]
    return Prior(
        kernel,
        PRIORS[kind](_positive(given, "weight_concentration_prior", 1.0 / K)),
        _positive(given, "mean_precision_prior", 1.0),
        np.zeros(D) if mean is None else frame.points_in(checked_array(mean, (D,), "mean_prior")),
        freedom,
        _spread(rows, kernel)
        if scatter is None
        else family.into(family.validate(scatter, D, "covariance_prior"), frame),
    )


def _positive(given: Mapping[str, Any], name: str, default: float) -> float:
    if given[name] is None:
        return default
    value = check_real(given[name], name)
    if value == 0.0:
        raise ParameterError(f"{name} must be positive, got {given[name]!r}")
    return value


def _spread(rows: Rows, kernel: Kernel) -> np.ndarray:
    """Covariance of the rows about their mean in a structure's shape, one degree of freedom less than rows.

    Of rows with gaps: the variances of what was observed. Directions without spread get some all the same: what the
    other features leave of a feature's variance is at least LEAST_SHARE of it.
    """
    weight = rows.total_weight
    shrunk = weight / (weight - 1.0 if weight >= 2.0 else weight / 2.0)  # nothing is known of the spread of one row
    dense = rows.total_scatter / np.ldexp(weight, -rows.weight_exponent) if rows.is_whole else np.diag(rows.variances)
    family = FAMILIES[kernel]
    least = np.maximum(rows.frame.floor, LEAST_SHARE * dense.diagonal())
    return family.lifted((family.spread(dense) * shrunk)[None], least)[0]


def _informative(rows: IncompleteRows, start: np.ndarray | None) -> tuple[Rows, np.ndarray | None]:
    """The rows of which something was observed, and what they start from: the others say nothing of any parameter."""
    runs = rows.runs
    told = runs.observed.any(axis=1)
    if told.all():
        return rows, start
    kept = np.sort(runs.rows[np.repeat(told[runs.pattern], np.diff(runs.first))])
    return rows.subset(kept), None if start is None else start[kept]


def _after_partition(
    settings: Settings, rows: Rows, structure: Variational, partition: np.ndarray, ridge: np.ndarray | None
) -> Callable[[int], Posterior]:
    """Beliefs after rows with given labels or responsibilities."""
    K = settings.n_components
    which = {"labels" if partition.ndim == 1 else "responsibilities": partition}
    whole = rows if rows.is_whole else CompletedRows.of(rows)
    about = whole.moments(Kernel.SPHERICAL, np.zeros((K, rows.n_features)), **which)
    if not about.n.any():
        raise DataError("the start gives no row of positive weight to any component")
    means = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
    statistics = whole.moments(structure.moments_kernel, means, **which)
    posterior, _ = structure.maximize(statistics, ridge=ridge, floor=rows.frame.floor)
    return lambda seed: posterior


def _continued(
    settings: Settings, rows: Rows, structure: Variational, previous: BayesianFit
) -> Callable[[int], Posterior]:
    """Beliefs of an earlier fit, of the same form of prior; of another one, what they make of its mixture."""
    mixture = in_frame(previous.mixture, settings, rows.frame)
    before = previous.posterior
    if type(previous.prior.mixing) is not type(structure.prior.mixing):
        return lambda seed: structure.believed(mixture)
    moved = replace(before, means=mixture.means, covariances=mixture.covariances)
    return lambda seed: moved


def _chosen(
    settings: Settings, rows: Rows, structure: Variational, ridge: np.ndarray | None, drawn: list[int]
) -> Callable[[int], Posterior]:
    """Beliefs after a plain start from a seed."""
    limits = {"floor": rows.frame.floor, "ridge": ridge}
    plain = choose_start(settings, rows, partition=None, previous=None, **limits).of(drawn)
    by_size = isinstance(structure.prior.mixing, DirichletProcess)

    def begin(seed: int) -> Posterior:
        p = plain(seed)
        order = np.argsort(-p.weights, kind="stable") if by_size else np.arange(p.n_components)
        ordered = Parameters(p.weights[order], p.means[order], settings.structure.take(p.covariances, order))
        return structure.believed(ordered)

    return begin
