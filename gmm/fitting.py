"""From checked arguments and rows to one immutable `Fit`: what every estimator's ``fit`` delegates to.

    X, sample_weight --> Rows in a frame --> starts --> race of climbs --> Mixture in canonical order, and its record

Nothing here loops over rows or iterates. Invariant: objective, log-likelihood and trace of a `Record` are those of the
mixture beside it, per unit of sample weight, in the user's units.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gmm._validation import check_rows, check_sample_weight, feature_names
from gmm.collapse import attended, is_sound
from gmm.convergence import FALL, LIMIT
from gmm.em import Accumulate
from gmm.errors import CollapseWarning, DataError, ParameterError, convergence_warning
from gmm.escape import Neighbours
from gmm.frame import Frame
from gmm.informed import Informed
from gmm.labels import check_labels
from gmm.measured import measured, require_plain
from gmm.missing import kind_of_rows
from gmm.mixture import Mixture
from gmm.noise import Noise
from gmm.ordering import component_order
from gmm.parameters import Parameters
from gmm.priors import believing
from gmm.record import Fit, Progress, Record
from gmm.region import box_of
from gmm.restarts import Outcome, Race, race
from gmm.restraints import holding, shrinking
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.small import is_small
from gmm.starts import Start, choose_start, given_arrays, in_frame
from gmm.subsample import seeds
from gmm.summary import describe_collapse
from gmm.threads import resolve_threads
from gmm.whole import Plan, fit_batches, is_whole

__all__ = ["PATIENCE", "climbed", "complaints", "fit_mixture", "require_rows", "scored"]


PATIENCE = 100  # EM iterations of few rows, 25 microseconds each at most, before leaps, some 200 each


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
        rows = measured(rows, noise_covariance)
    require_plain(settings.structure, rows)
    ridge = ridge_in(settings.reg_covar, rows.frame)
    known = None if labels is None else check_labels(labels, rows.n_rows, settings.n_components)
    settings = _with_values(settings, rows, start, previous)
    plan = plan_of(settings) if start is None and previous is None and known is None else None
    if plan is not None and rows.is_whole and is_whole(plan, *X.shape):
        drawn = seeds(settings.random_state, settings.n_init)
        outcome = fit_batches(plan, [rows], None if ridge is None else [ridge], [drawn], 1)[0].outcome(0)
    else:
        drawn = outcome = None
    if outcome is None:
        outcome = _raced(settings, rows, start, previous, known, ridge, drawn)
    held = settings.structure.immovable(settings.n_components)
    if known is not None:
        held |= np.isin(np.arange(settings.n_components), _labelled_components(rows, known))
    if not is_sound(outcome):
        outcome = settled(settings, rows, outcome, names, held, known, ridge)
    sizes = (rows.n_rows, rows.total_weight, rows.mean_log_jacobian)
    fit = finished(settings, rows.frame, *sizes, outcome, names, held)
    if not quiet:
        report_end(fit, settings)
    return fit


def checked(
    settings: Settings, X: Any, sample_weight: Any, owner: str = "GaussianMixture"
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Rows, sample weights and feature names that a fit can begin with, as far as that shows without a pass."""
    names = feature_names(X)
    X = check_rows(X, owner=owner, allow_missing=settings.missing == "marginalize")
    weights = check_sample_weight(sample_weight, len(X))
    require_rows(settings, weights, len(X))
    if (settings.structure.n_factors or 0) > X.shape[1]:
        raise ParameterError(f"n_factors={settings.structure.n_factors}, but X has {X.shape[1]} features")
    check_order(settings, X.shape[1], names)
    return X, weights, names


def require_rows(settings: Settings, sample_weight: np.ndarray | None, n_rows: int) -> None:
    """Refuse more components than rows."""
    n_counted = n_rows if sample_weight is None else int(np.count_nonzero(sample_weight))
    if n_counted < settings.n_components:
        kind = "rows" if sample_weight is None else "rows of positive weight"
        raise DataError(
            f"n_components={settings.n_components} needs at least as many {kind}, but n_samples = {n_counted}"
        )


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
    mixture = Mixture(settings.structure.plain, outcome.parameters, frame)
    order = component_order(mixture, settings.order_by, names)
    if held is not None and held.any():
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
        segments=outcome.segments,
        collapses=tuple(replace(each, component=int(np.argsort(order)[each.component])) for each in outcome.collapses),
    )
    n_held = settings.structure.n_held(*mixture.parameters.means.shape)
    return Fit(mixture.reorder(order), names, settings.precision, record, n_held)


def settled(
    settings: Settings,
    rows: Rows,
    outcome: Outcome,
    names: np.ndarray | None,
    held: np.ndarray,
    known: np.ndarray | None = None,
    ridge: np.ndarray | None = None,
) -> Outcome:
    """The outcome of a race once collapsed components are seen to (`gmm.collapse`)."""
    seed = outcome.restarts[outcome.winner].seed
    return attended(
        *(outcome, settings.on_collapse, rows, settings.structure),
        accumulate=lambda factors: _e_step(settings, rows, known)(factors),
        again=lambda begun: climbed(settings, rows, known, ridge, lambda seed: begun, [seed]),
        immovable=held,
        names=names,
    )


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
    chosen: Start = choose_start(settings, rows.plain, **begin, **limits)
    drawn = drawn or seeds(settings.random_state, settings.n_init if chosen.is_random else 1)
    return climbed(settings, rows, known, ridge, chosen.of(drawn), drawn, chosen.neighbours(drawn))


def climbed(
    settings: Settings,
    rows: Rows,
    known: np.ndarray | None,
    ridge: np.ndarray | None,
    start: Callable[[int], Parameters],
    drawn: list[int],
    neighbours: Neighbours | None = None,
) -> Outcome:
    """The race of the starts that seeds mean."""
    few = rows.is_whole and is_small(rows.n_rows, settings.n_components, rows.n_features)
    is_closed = settings.n_components == 1 and rows.is_whole and settings.noise is False  # one step is all
    accelerated = settings.accelerated and settings.structure.can_leap and not is_closed
    raced = race(
        rows,
        settings.structure,
        start,
        drawn,
        floor=rows.frame.floor,
        ridge=ridge,
        tol=settings.tol,
        max_iter=settings.max_iter,
        short_iter=settings.short_iter,
        accelerated=accelerated and not few,
        patience=PATIENCE if accelerated and few else None,
        accumulate=None if known is None else _e_step(settings, rows, known),
        callback=reporter(settings, rows.mean_log_jacobian),
        neighbours=neighbours,
    )
    best = raced.best
    log_likelihood = scored(raced, Mixture(settings.structure.plain, best.parameters, rows.frame), rows)
    return Outcome(
        best.parameters, best.trace, best.floored, best.stop_reason, log_likelihood, raced.restarts, raced.winner
    )


def _e_step(settings: Settings, rows: Rows, known: np.ndarray | None) -> Accumulate:
    """Sums over the rows, with what is known of them."""
    if known is None:
        return rows.accumulate
    return Informed.of(rows, settings.structure, settings.n_components, known).accumulate


def _with_values(settings: Settings, rows: Rows, partition: Any, previous: Mixture | None) -> Settings:
    """Settings whose structure knows the values of what it holds, and what it shrinks to, in the frame of the rows."""
    structure = settings.structure
    if structure is structure.plain:
        return settings
    if previous is not None and partition is None:
        p = in_frame(previous, settings, rows.frame).without_noise()
        values = {"weights": p.weights, "means": p.means, "covariances": p.covariances}
    else:
        values = given_arrays(settings, rows.frame)
    structure = shrinking(holding(structure, values), settings.shrinkage, rows, settings.n_components)
    structure = believing(structure, settings.prior, rows, settings.n_components)
    return replace(settings, structure=structure)


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
    box = box_of(rows.plain, settings.structure)
    return box if settings.noise is True else box.resized(rows.frame.log_jacobian - math.log(settings.noise))


def scored(raced: Race, mixture: Mixture, rows: Rows) -> float:
    """The log-likelihood of the best climb that ``score`` finds.

    The quick kernels of a shared covariance are within 1e-11 nats a row of prediction's in float64 (`gmm.expansion`);
    in float32 they are not, and one more pass makes up for it.
    """
    if rows.precision == "float64" or raced.best.statistics.second.shape == mixture.factors.whiteners.shape:
        return raced.log_likelihood
    statistics = rows.accumulate(mixture.factors)
    return float(statistics.log_likelihood / statistics.weight) + rows.mean_log_jacobian


def reporter(settings: Settings, shift: float) -> Callable[[int, int, float, float], bool] | None:
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


def report_end(fit: Fit, settings: Settings) -> None:
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
    collapse = describe_collapse(fit.mixture, record.floored, fit.feature_names, record.collapses)
    if record.stop_reason == FALL and not collapse:  # on the floor a fall is rounding, which the other warning says
        message = (
            "The objective fell before the fit had converged, so it stopped at the better parameters; the data may "
            "need float64 arithmetic (dtype='float64') or, with features that nearly depend on others, a reg_covar."
        )
        found.append((message, convergence_warning()))
    if collapse:
        found.append((" ".join(collapse), CollapseWarning))
    return found
