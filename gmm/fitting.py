"""From checked arguments and rows to one immutable `Fit`: what every estimator's ``fit`` delegates to.

    X, sample_weight --> Rows in a frame --> starts --> race of climbs --> Mixture in canonical order, and its record

Nothing here loops over rows or iterates. Invariant: objective, log-likelihood and trace of a `Record` are those of the
mixture beside it, per unit of sample weight, in the user's units.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm._validation import check_rows, check_sample_weight, feature_names
from gmm.convergence import CONVERGED, FALL, LIMIT
from gmm.errors import CollapseWarning, DataError, ParameterError, convergence_warning
from gmm.frame import Frame
from gmm.informed import Informed
from gmm.labels import check_labels
from gmm.measured import MeasuredRows, measured
from gmm.missing import kind_of_rows
from gmm.mixture import Mixture
from gmm.noise import Noise
from gmm.ordering import component_order
from gmm.region import box_of
from gmm.restarts import Outcome, Race, Restart, race
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.small import is_small
from gmm.starts import Start, choose_start
from gmm.subsample import seeds
from gmm.summary import describe_collapse
from gmm.threads import resolve_threads
from gmm.whole import Plan, fit_batches, is_whole

__all__ = ["Fit", "Progress", "Record", "complaints", "fit_mixture"]


PATIENCE = 100  # EM iterations of few rows, 25 microseconds each at most, before leaps, some 200 each


@dataclass(frozen=True)
class Progress:
    """What a callback is told after an iteration.

    Parameters
    ----------
    start : int
        Number of the start that climbs, from 0.
    n_iter : int
        Iterations it has had.
    objective, change : float
        Nats per unit of sample weight, in the user's units; what the iteration gained.
    """

    start: int
    n_iter: int
    objective: float
    change: float


@dataclass(frozen=True, eq=False)
class Record:
    """How a fit went; attributes as those of `GaussianMixture` with an underscore.

    Parameters
    ----------
    trace : ndarray of shape (n_iter + 1,)
    log_likelihood : float
    stop_reason : str
    restarts : tuple of Restart
    n_found : int
        Starts that found the best mixture.
    floored : ndarray of shape (K,), bool
        Components that rest on the numerical floor.
    n_rows : int
    weight : float
        Sum of the sample weights.
    """

    trace: np.ndarray
    log_likelihood: float
    stop_reason: str
    restarts: tuple[Restart, ...]
    n_found: int
    floored: np.ndarray
    n_rows: int
    weight: float

    @property
    def n_iter(self) -> int:
        return len(self.trace) - 1

    @property
    def converged(self) -> bool:
        return self.stop_reason == CONVERGED


@dataclass(frozen=True, eq=False)
class Fit:
    """What an estimator knows after ``fit``: the mixture, the names of its features, and how it came about.

    Parameters
    ----------
    mixture : Mixture
    feature_names : ndarray of shape (D,) of str, optional
    precision : {"float32", "float64"}, optional
        Arithmetic asked for; None follows the rows.
    record : Record, optional
        None for a mixture that was given, not fitted.
    """

    mixture: Mixture
    feature_names: np.ndarray | None = None
    precision: str | None = None
    record: Record | None = None


def fit_mixture(
    settings: Settings,
    X: Any,
    *,
    sample_weight: Any = None,
    start: Any = None,
    labels: Any = None,
    noise_covariance: Any = None,
    previous: Mixture | None = None,
    quiet: bool = False,
) -> Fit:
    """Fit a mixture to rows.

    Parameters
    ----------
    settings : Settings
    X : array-like or data frame of shape (N, D)
    sample_weight : array-like of shape (N,), optional
    start : array-like of shape (N,) or (N, K), optional
        Labels or responsibilities to start from.
    labels : array-like of shape (N,) or (N, K), optional
        What is known of rows: their component, -1 for nothing, or how plausible each is.
    noise_covariance : array-like, optional
        Errors of the rows, as `gmm.measured.check_noise_covariance` takes them.
    previous : Mixture, optional
        What a warm start continues from.
    quiet : bool
        Leave it to the caller to ask for `complaints`.

    Returns
    -------
    Fit
    """
    X, weights, names = checked(settings, X, sample_weight)
    rows = kind_of_rows(X, settings.missing).from_array(
        X,
        weights,
        scaling=settings.structure.scaling,
        precision=settings.precision,
        n_threads=resolve_threads(settings.n_threads),
    )
    if noise_covariance is not None:
        if settings.noise is not False or labels is not None:
            raise ParameterError("noise_covariance cannot be combined with noise or labels yet")
        rows = measured(rows, noise_covariance)
    ridge = ridge_in(settings.reg_covar, rows.frame)
    known = None if labels is None else check_labels(labels, rows.n_rows, settings.n_components)
    plan = plan_of(settings) if start is None and previous is None and known is None else None
    if plan is not None and rows.is_whole and is_whole(plan, *X.shape):
        drawn = seeds(settings.random_state, settings.n_init)
        outcome = fit_batches(plan, [rows], None if ridge is None else [ridge], [drawn], 1)[0].outcome(0)
    else:
        drawn = outcome = None
    if outcome is None:
        outcome = _raced(settings, rows, start, previous, known, ridge, drawn)
    held = None if known is None else np.isin(np.arange(settings.n_components), _labelled_components(rows, known))
    sizes = (rows.n_rows, rows.total_weight, rows.mean_log_jacobian)
    fit = finished(settings, rows.frame, *sizes, outcome, names, held)
    if not quiet:
        _report(fit, settings)
    return fit


def checked(settings: Settings, X: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Rows, sample weights and feature names that a fit can begin with, as far as that shows without a pass."""
    names = feature_names(X)
    X = check_rows(X, owner="GaussianMixture", allow_missing=settings.missing == "marginalize")
    weights = check_sample_weight(sample_weight, len(X))
    n_counted = len(X) if weights is None else int(np.count_nonzero(weights))
    if n_counted < settings.n_components:
        kind = "rows" if weights is None else "rows of positive weight"
        raise DataError(
            f"n_components={settings.n_components} needs at least as many {kind}, but n_samples = {n_counted}"
        )
    check_order(settings, X.shape[1], names)
    return X, weights, names


def plan_of(settings: Settings) -> Plan | None:
    """What a fit in one call of the core goes by; None where it would not be what was asked for."""
    given = (settings.weights_init, settings.means_init, settings.precisions_init, settings.covariances_init)
    if settings.callbacks or settings.verbose or settings.noise or any(array is not None for array in given):
        return None
    return Plan(
        settings.structure,
        settings.n_components,
        settings.init_params,
        settings.tol,
        settings.max_iter,
        settings.short_iter,
        settings.n_init,
        PATIENCE if settings.accelerated else None,
    )


def finished(
    settings: Settings,
    frame: Frame,
    n_rows: int,
    weight: float,
    log_jacobian: float,
    outcome: Outcome,
    names: np.ndarray | None,
    held: np.ndarray | None = None,
) -> Fit:
    """The mixture in canonical order and its record; ``log_jacobian`` takes a log-likelihood to the user's units.

    Components ``held`` (K,), which have labels, keep their number.
    """
    mixture = Mixture(settings.structure, outcome.parameters, frame)
    order = component_order(mixture, settings.order_by, names)
    if held is not None:
        free, own = ~held, np.arange(mixture.n_components)
        own[free] = order[free[order]]
        order = own
    trace = np.array(outcome.trace) + log_jacobian
    trace.flags.writeable = False
    record = Record(
        trace=trace,
        log_likelihood=outcome.log_likelihood,
        stop_reason=outcome.stop_reason,
        restarts=outcome.restarts,
        n_found=sum(restart.same for restart in outcome.restarts),
        floored=outcome.floored[order],
        n_rows=n_rows,
        weight=weight,
    )
    return Fit(mixture.reorder(order), names, settings.precision, record)


def _raced(
    settings: Settings,
    rows: Rows,
    partition: Any,
    previous: Mixture | None,
    known: np.ndarray | None,
    ridge: np.ndarray | None,
    drawn: list[int] | None,
) -> Outcome:
    """Start, climb and compare, a call of the core for each pass or climb."""
    limits = {"floor": rows.frame.floor, "ridge": ridge}
    begin = {"partition": partition, "previous": previous, "noise": noise_in(settings, rows), "known": known}
    informed = None if known is None else Informed.of(rows, settings.structure, settings.n_components, known)
    seen = rows.plain if isinstance(rows, MeasuredRows) else rows
    chosen: Start = choose_start(settings, seen, **begin, **limits)
    few = rows.is_whole and is_small(rows.n_rows, settings.n_components, rows.n_features)
    drawn = drawn or seeds(settings.random_state, settings.n_init if chosen.is_random else 1)
    raced = race(
        rows,
        settings.structure,
        chosen.of(drawn),
        drawn,
        **limits,
        tol=settings.tol,
        max_iter=settings.max_iter,
        short_iter=settings.short_iter,
        accelerated=settings.accelerated and not few,
        patience=PATIENCE if settings.accelerated and few else None,
        accumulate=informed and informed.accumulate,
        callback=_reporter(settings, rows.mean_log_jacobian),
    )
    best = raced.best
    log_likelihood = _log_likelihood(raced, Mixture(settings.structure, best.parameters, rows.frame), rows)
    return Outcome(
        best.parameters, best.trace, best.floored, best.stop_reason, log_likelihood, raced.restarts, raced.winner
    )


def check_order(settings: Settings, n_features: int, names: np.ndarray | None) -> None:
    """Refuse an ``order_by`` that names no feature before any work is done."""
    if settings.order_by is not None and not callable(settings.order_by):
        any_mixture = Mixture.from_user([1.0], np.zeros((1, n_features)), [1.0], "spherical")
        component_order(any_mixture, settings.order_by, names)


def ridge_in(reg_covar: float, frame: Frame) -> np.ndarray | None:
    """The user's absolute ridge as variances (D,) of the frame; None for none."""
    if reg_covar == 0.0:
        return None
    with np.errstate(over="ignore", under="ignore"):
        ridge = np.ldexp(reg_covar, -2 * frame.exponent)
    if not np.isfinite(ridge).all():
        raise ParameterError(f"reg_covar={reg_covar:g} is beyond float64's range in the units of the data's spread")
    return ridge


def _labelled_components(rows: Rows, known: np.ndarray) -> np.ndarray:
    """Numbers of the components that labels of counted rows mean; all that priors tell apart, which is all of them."""
    if known.ndim == 2:
        return np.arange(known.shape[1])
    return np.unique(known if rows.sample_weight is None else known[rows.sample_weight > 0])


def noise_in(settings: Settings, rows: Rows) -> Noise | None:
    """The box of the noise, of weight 0; where a density was given, the box of the rows resized to hold it."""
    if settings.noise is False:
        return None
    box = box_of(rows, settings.structure)
    return box if settings.noise is True else box.resized(rows.frame.log_jacobian - math.log(settings.noise))


def _log_likelihood(raced: Race, mixture: Mixture, rows: Rows) -> float:
    """The one that ``score`` finds.

    The quick kernels of a shared covariance are within 1e-11 nats a row of prediction's in float64 (`gmm.expansion`);
    in float32 they are not, and one more pass makes up for it.
    """
    if rows.precision == "float64" or raced.best.statistics.second.shape == mixture.factors.whiteners.shape:
        return raced.log_likelihood
    statistics = rows.accumulate(mixture.factors)
    return float(statistics.log_likelihood / statistics.weight) + rows.mean_log_jacobian


def _reporter(settings: Settings, shift: float) -> Callable[[int, int, float, float], bool] | None:
    """Callback of the race: prints if asked to, tells the user's callbacks, and says whether one wants to stop."""
    if not settings.callbacks and not settings.verbose:
        return None

    def report(start: int, n_iter: int, objective: float, change: float) -> bool:
        progress = Progress(start, n_iter, objective + shift, change)
        if settings.verbose and n_iter % settings.verbose_interval == 0:
            print(f"start {start}  iteration {n_iter}  objective {progress.objective:.9g}  change {change:.3g}")
        answers = [callback(progress) for callback in settings.callbacks]  # every callback hears of every iteration
        return any(isinstance(answer, (bool, np.bool_)) and bool(answer) for answer in answers)

    return report


def _report(fit: Fit, settings: Settings) -> None:
    """Print how the fit ended if asked to, and warn of what a user should know."""
    record = fit.record
    if settings.verbose > 1:
        for index, restart in enumerate(record.restarts):
            print(f"start {index}  {restart.n_iter} iterations  log-likelihood {restart.log_likelihood:.9g}")
    if settings.verbose:
        print(f"{record.stop_reason} after {record.n_iter} iterations  objective {record.trace[-1]:.9g}")
    for message, category in complaints(fit, settings):
        warnings.warn(message, category, stacklevel=4)


def complaints(fit: Fit, settings: Settings) -> list[tuple[str, type[Warning]]]:
    """What a user should know of a fit: messages and the categories to warn with."""
    record, found = fit.record, []
    if record.stop_reason == LIMIT and settings.tol > 0.0 and settings.max_iter > 0:
        message = (
            f"max_iter={settings.max_iter} came before convergence: the gain still to come is not below "
            f"tol={settings.tol:g} nats per row. Raise max_iter, or tol, or try other starts."
        )
        found.append((message, convergence_warning()))
    collapse = describe_collapse(fit.mixture, record.floored, fit.feature_names)
    if record.stop_reason == FALL and not collapse:  # on the floor a fall is rounding, which the other warning says
        message = (
            "The objective fell before the fit had converged, so it stopped at the better parameters; the data may "
            "need float64 arithmetic (dtype='float64') or, with features that nearly depend on others, a reg_covar."
        )
        found.append((message, convergence_warning()))
    if collapse:
        found.append((" ".join(collapse), CollapseWarning))
    return found
