"""Likelihood of rows that a fit did not see (Smyth 2000): every candidate again on each training part.

    cv = -2 sum over folds, sum over its rows of  w log p(row | fit to the other folds)        (lower is better)

Starts come from the training rows alone. Invariant: each number is that of a loop of fits and scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from gmm._validation import check_integer, check_rows, check_sample_weight
from gmm.errors import DataError, ParameterError
from gmm.selection.trials import Combination, estimator, trials

__all__ = ["checked_folds", "cross_validated", "folds"]


Folds = int | list[tuple[np.ndarray, np.ndarray]]


def cross_validated(
    X: Any, wanted: Sequence[Combination], sample_weight: Any, parameters: dict[str, Any], cv: Folds, seed: int
) -> dict[Combination, float]:
    """``cv`` of each combination; NaN where a training part could not be fitted."""
    parameters = parameters | {"order_by": None}
    X = _rows(X, parameters)
    weights = check_sample_weight(sample_weight, len(X))
    totals = dict.fromkeys(wanted, 0.0)
    for number, (train, test) in enumerate(folds(cv, len(X), seed)):
        of_train, of_test = (None if weights is None else weights[part] for part in (train, test))
        if weights is not None and not of_train.any():
            raise DataError(f"sample_weight is all zero in the rows to fit to of fold {number}")
        with closing(trials(X[train], wanted, of_train, parameters, seed)) as arriving:
            for key, fit, candidate in arriving:
                if candidate.error:
                    totals[key] = math.nan
                    continue
                log_density = estimator(key, parameters, fit).score_samples(X[test])
                counted = slice(None) if of_test is None else of_test > 0  # a row of weight zero is absent
                totals[key] += float(log_density.sum() if of_test is None else of_test[counted] @ log_density[counted])
    return {key: -2.0 * total for key, total in totals.items()}


def checked_folds(cv: Any, X: Any, parameters: dict[str, Any]) -> Folds:
    """A number of folds, or the rows to fit to and those to score of each.

    Raises
    ------
    ParameterError
        Fewer than two folds or more than rows; anything that is neither folds, splitter nor pairs of rows.
    """
    X = _rows(X, parameters)
    if hasattr(cv, "split") and not isinstance(cv, str):
        try:
            cv = list(cv.split(X))
        except (TypeError, ValueError) as error:
            raise ParameterError(f"cv={cv!r} cannot split rows that have no y and no groups: {error}") from None
    if isinstance(cv, Iterable) and not isinstance(cv, str):
        return _given(cv, len(X))
    n_folds = check_integer(cv, "cv", minimum=2)
    if n_folds > len(X):
        raise ParameterError(f"cv={n_folds} needs at least as many rows, but n_samples = {len(X)}")
    return n_folds


def folds(cv: Folds, n_rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of the rows to fit to and of those to score, fold by fold."""
    if not isinstance(cv, int):
        yield from cv
        return
    for part in np.array_split(np.random.default_rng(seed).permutation(n_rows), cv):
        test = np.sort(part)
        yield np.setdiff1d(np.arange(n_rows), test), test


def _rows(X: Any, parameters: dict[str, Any]) -> np.ndarray:
    return check_rows(X, owner="select", allow_missing=parameters.get("missing") == "marginalize")


def _given(pairs: Iterable[Any], n_rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of numbers of rows, or of masks, that are ones."""
    found, rows = [], np.arange(n_rows)
    for number, pair in enumerate(pairs):
        try:
            train, test = (rows[part if len(part) else []] for part in map(np.asarray, pair))
        except (TypeError, ValueError, IndexError) as error:
            raise ParameterError(f"cv: fold {number} is no pair of numbers of rows (train, test): {error}") from None
        if not (len(train) and len(test)):
            raise ParameterError(f"cv: fold {number} has no rows to {'score' if len(train) else 'fit to'}")
        found.append((train, test))
    if not found:
        raise ParameterError("cv has no folds")
    return found
