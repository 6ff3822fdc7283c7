"""`select`: every number of components with every covariance structure, compared by a criterion.

    best = argmin over (K, structure) of the criterion          (lower is better, `gmm.criteria`)

Invariant: the table has one row per different combination, in the order of the search, whatever the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from gmm._validation import check_integer
from gmm.base import nearest_name
from gmm.covariances import CODES, structure
from gmm.errors import ParameterError
from gmm.progress import reporting
from gmm.record import Fit
from gmm.selection.candidate import CRITERIA, Candidate
from gmm.selection.folds import checked_folds, cross_validated
from gmm.selection.result import Selection
from gmm.selection.trials import Combination, trials
from gmm.subsample import seeds

__all__ = ["checked_structures", "combinations", "select"]

FOLDS = 5


def select(
    X: Any,
    n_components: int | Iterable[int] = range(1, 10),
    covariance_types: str | Sequence[str] = ("full", "tied", "diag", "spherical"),
    criterion: str = "bic",
    *,
    sample_weight: Any = None,
    cv: Any = None,
    progress: bool | Callable[[int, int, Candidate], object] | None = None,
    **parameters: Any,
) -> Selection:
    """Fit every combination of a number of components and a covariance structure; keep the best.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features)
    n_components : int or iterable of int
    covariance_types : str or sequence of str
        "mclust" stands for all fourteen codes.
    criterion : {"bic", "aic", "aicc", "icl", "nec", "cv"}
        `gmm.criteria`; "cv" is -2 times the log-likelihood of rows that a fit did not see.
    sample_weight : array-like of shape (n_samples,), optional
        Frequencies: their sum is the n of the criteria.
    cv : int, splitter or iterable of (train, test), optional
        Folds for "cv": a number of them, drawn by ``random_state``; anything with ``split(X)``; or indices of rows.
        None: five where the criterion is "cv", otherwise none.
    progress : bool or callable, optional
        True draws a line on a terminal; a callable is called after each fit as ``progress(done, of, candidate)``.
    **parameters
        Of `GaussianMixture`: random_state, n_threads, reg_covar, ... Those that say how a fit starts (init_params,
        n_init, ...) make each candidate a fit of its own; without them candidates share their starts.

    Returns
    -------
    Selection

    Raises
    ------
    ParameterError
        An unknown criterion or structure, or nothing to try.
    DataError
        When the rows suit no model: the error of the first.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> selection = gmm.select(load_faithful().data, range(1, 5), random_state=0)
    >>> selection.best_.n_components, selection.best_.covariance_type
    (3, 'tied')
    >>> round(selection.best_candidate.bic, 2)
    2314.3
    """
    if criterion not in CRITERIA:
        raise ParameterError(
            f"criterion must be one of {CRITERIA}, got {criterion!r}{nearest_name(criterion, CRITERIA)}"
        )
    wanted = combinations(n_components, covariance_types)
    cv = FOLDS if cv is None and criterion == "cv" else cv
    parts = None if cv is None else checked_folds(cv, X, parameters)  # before anything is fitted
    seed = seeds(parameters.get("random_state"), 1)[0]
    table: dict[Combination, Candidate] = {}
    found: dict[Combination, Fit | Exception] = {}
    with reporting(progress) as report, closing(trials(X, wanted, sample_weight, parameters, seed)) as arriving:
        for key, fit, candidate in arriving:
            found[key], table[key] = fit, candidate
            report(len(table), len(wanted), candidate)
    fits = {key: found[key] for key in wanted if isinstance(found[key], Fit)}
    if not fits:
        raise found[wanted[0]]
    if parts is not None:
        unseen = cross_validated(X, list(fits), sample_weight, parameters, parts, seed)
        table |= {key: replace(table[key], cv=value) for key, value in unseen.items()}
    return Selection(tuple(table[key] for key in wanted), criterion, fits, parameters)


def combinations(n_components: Any, covariance_types: Any) -> list[Combination]:
    """Every number of components with every structure, each once, in the order of the search."""
    if isinstance(n_components, str):
        raise ParameterError(f"n_components must be an integer or several, such as range(1, 10), got {n_components!r}")
    counts = list(n_components) if isinstance(n_components, Iterable) else [n_components]
    names = checked_structures(covariance_types)
    wanted = list(dict.fromkeys((check_integer(count, "n_components"), name) for count in counts for name in names))
    if not wanted:
        raise ParameterError("nothing to select from: n_components is empty")
    return wanted


def checked_structures(covariance_types: Any) -> list[str]:
    """Names of the structures to try, each once; "mclust" stands for its codes."""
    several = isinstance(covariance_types, Iterable) and not isinstance(covariance_types, str)
    kinds = covariance_types if several else [covariance_types]
    names = [name for kind in kinds for name in (CODES if kind == "mclust" else (structure(kind).name,))]
    if not names:
        raise ParameterError("nothing to select from: covariance_types is empty")
    return list(dict.fromkeys(names))
