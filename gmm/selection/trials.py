"""Every candidate fitted: ladders of ordinary fits that share their starts, or each a fit of its own; on threads.

Ordinary fits share (`gmm.selection.ladder`), a structure a task. Where the caller says how fits are to start, or what
is fitted is out of the ordinary (noise, missing values, restraints, priors, callbacks), each candidate is the fit that
`GaussianMixture.fit` makes, a candidate a task.

Invariant: a fit does not depend on threads, nor on the order in which candidates are named.
"""

from __future__ import annotations

import math
import queue
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from gmm._validation import check_sample_weight
from gmm.errors import CollapseError, CollapseWarning, ConvergenceWarning, DataError
from gmm.factor_count import fit_any
from gmm.fitting import checked
from gmm.gaussian_mixture import GaussianMixture
from gmm.record import Fit
from gmm.selection.candidate import Candidate, measured
from gmm.selection.ladder import Ladder, can_climb
from gmm.selection.shared import Sketch
from gmm.settings import Settings
from gmm.threads import resolve_threads
from gmm.workers import Workers, give_up_if_stopped

__all__ = ["Combination", "Trial", "estimator", "trials", "tried"]

STARTS = ("init_params", "n_init", "short_iter", "weights_init", "means_init", "covariances_init", "precisions_init")
DEAREST_FIRST = ("VVE", "EVE", "VEV", "VEE", "EEV", "EVV", "VVV", "full")  # so that no thread is left with the longest

Combination = tuple[int, str]
Trial = tuple[Combination, Fit | Exception, Candidate]
T = TypeVar("T")


def estimator(combination: Combination, parameters: dict[str, Any], fit: Fit | None = None) -> GaussianMixture:
    """The model of a combination, fitted if there is a fit."""
    n_components, covariance_type = combination
    model = GaussianMixture(n_components, covariance_type=covariance_type, **parameters)
    if fit is not None:
        model._result = fit
    return model


def trials(
    X: Any,
    wanted: Sequence[Combination],
    sample_weight: Any,
    parameters: dict[str, Any],
    seed: int,
    *,
    has_trees: bool = True,
) -> Iterator[Trial]:
    """Every combination with its fit or why there is none, and its row of the table, as they come.

    Few candidates are not worth trees.

    Raises
    ------
    DataError
        When the rows suit no model.
    """
    settings = {key: replace(Settings.from_estimator(estimator(key, parameters)), random_state=seed) for key in wanted}
    ordinary = all(each.missing == "raise" and can_climb(each) for each in settings.values())
    if ordinary and not any(name in parameters for name in STARTS):
        return _by_ladders(X, settings, sample_weight, has_trees)
    return _one_by_one(X, settings, sample_weight, parameters)


def _by_ladders(X: Any, settings: dict[Combination, Settings], sample_weight: Any, has_trees: bool) -> Iterator[Trial]:
    least = min(settings.values(), key=lambda each: each.n_components)
    X, weights, names = checked(least, X, sample_weight)
    kinds = list(dict.fromkeys(kind for _, kind in settings))
    threads = resolve_threads(least.n_threads)
    workers = min(threads, len(kinds))
    sketch = Sketch(X, weights, least.precision, least.random_state, max(threads // workers, 1), has_trees)
    if any(K > 1 for K, _ in settings):
        sketch.prepare()

    def climbs(kind: str) -> Iterator[Trial]:
        own = {K: each for (K, of), each in settings.items() if of == kind}
        ladder, of_one = Ladder(sketch, own, names), math.nan
        if 1 not in own:
            one = replace(next(iter(own.values())), n_components=1)
            of_one = _total(next(Ladder(sketch, {1: one}, names).climb())[1])
        for K, fit in ladder.climb():
            of_one = _total(fit) if K == 1 else of_one
            yield (K, kind), fit, _row((K, kind), fit, ladder.rows, weights, of_one)

    rank = {kind: at for at, kind in enumerate(DEAREST_FIRST)}
    yield from _spread(climbs, sorted(kinds, key=lambda kind: rank.get(kind, len(rank))), workers)


def _one_by_one(
    X: Any, settings: dict[Combination, Settings], sample_weight: Any, parameters: dict[str, Any]
) -> Iterator[Trial]:
    least = next(iter(settings.values()))
    threads = resolve_threads(least.n_threads)
    workers = 1 if least.callbacks or least.verbose else min(threads, len(settings))
    each_has = max(threads // workers, 1)

    def attempt(settings: Settings) -> Fit | Exception:
        try:
            return fit_any(replace(settings, n_threads=each_has), X, sample_weight=sample_weight, quiet=True)
        except (DataError, CollapseError) as error:
            return error

    ones = {kind: replace(each, n_components=1) for (_, kind), each in settings.items()}
    ones = {kind: each for kind, each in ones.items() if (1, kind) not in settings and not _is_given(each)}
    with Workers(workers) as pool:
        of_one = {kind: pool.submit(attempt, each) for kind, each in ones.items()}
        of_one |= {kind: pool.submit(attempt, each) for (K, kind), each in settings.items() if K == 1}
        found = {key: of_one[key[1]] if key[0] == 1 else pool.submit(attempt, each) for key, each in settings.items()}
        for key, future in found.items():
            fit, one = future.result(), of_one.get(key[1])
            rows = estimator(key, parameters, fit)._rows(X, fit) if isinstance(fit, Fit) else None
            weights = None if rows is None else check_sample_weight(sample_weight, rows.n_rows)
            yield key, fit, _row(key, fit, rows, weights, math.nan if one is None else _total(one.result()))


def _is_given(settings: Settings) -> bool:
    """Whether parts of the start are given, which one component cannot take."""
    given = (settings.weights_init, settings.means_init, settings.precisions_init, settings.covariances_init)
    return any(array is not None for array in given) or settings.structure is not settings.structure.plain


def _row(key: Combination, fit: Fit | Exception, rows: Any, weights: np.ndarray | None, of_one: float) -> Candidate:
    return Candidate(*key, error=str(fit)) if isinstance(fit, Exception) else measured(fit, rows, weights, of_one)


def _total(fit: Fit | Exception) -> float:
    """Log-likelihood in nats."""
    return math.nan if isinstance(fit, Exception) else fit.record.log_likelihood * fit.record.weight


def _spread(work: Callable[[str], Iterator[T]], tasks: Sequence[str], workers: int) -> Iterator[T]:
    """What all tasks yield, as it comes, from threads; an error of a task is raised here."""
    if workers == 1:
        for task in tasks:
            yield from work(task)
        return
    arrived: queue.SimpleQueue[tuple[T | None, BaseException | None, bool]] = queue.SimpleQueue()

    def run(task: str) -> None:
        try:
            for each in work(task):
                arrived.put((each, None, False))
                give_up_if_stopped()
            arrived.put((None, None, True))
        except BaseException as error:
            arrived.put((None, error, True))

    with Workers(workers) as pool:
        for task in tasks:
            pool.submit(run, task)
        left = len(tasks)
        while left:
            each, error, ended = arrived.get()
            if error is not None:
                raise error
            if ended:
                left -= 1
            else:
                yield each


def tried(model: GaussianMixture, X: Any, sample_weight: Any, **known: Any) -> Candidate:
    """Fit a model; what would be warned of is in the candidate instead. ``known`` goes to the fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CollapseWarning)
        model.fit(X, sample_weight=sample_weight, **known)
    fit = model._fitted()
    rows = model._rows(X, fit)
    return measured(fit, rows, check_sample_weight(sample_weight, rows.n_rows))
