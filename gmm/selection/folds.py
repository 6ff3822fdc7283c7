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
from gmm.errors import ParameterError
from gmm.selection.trials import Combination, estimator, trials

__all__ = ["cross_validated", "folds"]


def cross_validated(
    X: Any, wanted: Sequence[Combination], sample_weight: Any, parameters: dict[str, Any], cv: Any, seed: int
) -> dict[Combination, float]:
    """``cv`` of each combination; NaN where a training part could not be fitted."""
    parameters = parameters | {"order_by": None}
    X = check_rows(X, owner="select", allow_missing=parameters.get("missing") == "marginalize")
    weights = check_sample_weight(sample_weight, len(X))
    totals = dict.fromkeys(wanted, 0.0)
    for train, test in folds(cv, X, seed):
        of_train, of_test = (None if weights is None else weights[part] for part in (train, test))
        with closing(trials(X[train], wanted, of_train, parameters, seed)) as arriving:
            for key, fit, candidate in arriving:
                if candidate.error:
                    totals[key] = math.nan
                    continue
                log_density = estimator(key, parameters, fit).score_samples(X[test])
                totals[key] += float(log_density.sum() if of_test is None else of_test @ log_density)
    return {key: -2.0 * total for key, total in totals.items()}


def folds(cv: Any, X: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of the rows to fit to and of those to score, fold by fold.

    Raises
    ------
    ParameterError
        Fewer than two folds or more than rows; anything that is neither folds, splitter nor pairs of rows.
    """
    if hasattr(cv, "split"):
        yield from cv.split(X)
        return
    if isinstance(cv, Iterable) and not isinstance(cv, str):
        for pair in cv:
            train, test = pair
            yield np.asarray(train), np.asarray(test)
        return
    n_folds = check_integer(cv, "cv", minimum=2)
    if n_folds > len(X):
        raise ParameterError(f"cv={n_folds} needs at least as many rows, but n_samples = {len(X)}")
    parts = np.array_split(np.random.default_rng(seed).permutation(len(X)), n_folds)
    for part in parts:
        test = np.sort(part)
        yield np.setdiff1d(np.arange(len(X)), test), test
