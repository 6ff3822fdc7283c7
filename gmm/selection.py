"""Which mixture: every number of components with every covariance structure, compared by an information criterion.

    best = argmin over (K, structure) of the criterion          (lower is better, `gmm.criteria`)

A model that cannot be fitted is kept in the table with its reason; one whose covariance rests on the numerical floor
is kept with its numbers but chosen only when no other is left, because its likelihood grows without bound.

Invariant: the table has one row per different combination, in the order of the search.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gmm import criteria
from gmm._validation import check_integer
from gmm.base import nearest_name
from gmm.covariances import CODES, structure
from gmm.errors import CollapseError, CollapseWarning, ConvergenceWarning, DataError, ParameterError
from gmm.gaussian_mixture import GaussianMixture

__all__ = ["CRITERIA", "Candidate", "Selection", "checked_structures", "select", "tried"]

CRITERIA = ("bic", "aic", "icl")


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
    bic, aic, icl : float
        Lower is better. All four are NaN where the fit failed.
    n_iter : int
    converged : bool
    floored : int
        Components whose covariance rests on the numerical floor.
    error : str
        Why the fit failed, empty where it did not.
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


@dataclass(frozen=True, eq=False)
class Selection:
    """Result of `select`.

    Attributes
    ----------
    best_ : GaussianMixture
        Fitted.
    table : tuple of Candidate
        Every model tried, in the order of the search.
    criterion : str
    """

    best_: GaussianMixture
    table: tuple[Candidate, ...]
    criterion: str

    @property
    def best_candidate(self) -> Candidate:
        """The row of the table that `best_` belongs to."""
        return min(self.table, key=lambda candidate: _rank(candidate, self.criterion))

    def __str__(self) -> str:
        """The criterion of every model: a line per number of components, a column per structure, * the best."""
        kinds = list(dict.fromkeys(candidate.covariance_type for candidate in self.table))
        best = self.best_candidate
        cells = {}
        for candidate in self.table:
            value = getattr(candidate, self.criterion)
            text = "failed" if candidate.error else f"{value:.3f}"
            mark = "*" if candidate is best else "f" if candidate.floored else " "
            cells[candidate.n_components, candidate.covariance_type] = text + mark
        width = max(map(len, [*cells.values(), *(kind + " " for kind in kinds)])) + 1
        lines = [f"{self.criterion:>4}" + "".join(f"{kind + ' ':>{width}}" for kind in kinds)]
        for count in dict.fromkeys(candidate.n_components for candidate in self.table):
            lines.append(f"{count:>4}" + "".join(f"{cells[count, kind]:>{width}}" for kind in kinds))
        lines = [line.rstrip() for line in lines]
        lines.append("lower is better; * best" + ("; f rests on the numerical floor" * self._any_floored))
        return "\n".join(lines)

    @property
    def _any_floored(self) -> bool:
        return any(candidate.floored for candidate in self.table)


def select(
    X: Any,
    n_components: int | Iterable[int] = range(1, 10),
    covariance_types: str | Sequence[str] = ("full", "tied", "diag", "spherical"),
    criterion: str = "bic",
    *,
    sample_weight: Any = None,
    progress: Callable[[int, int, Candidate], object] | None = None,
    **parameters: Any,
) -> Selection:
    """Fit every combination of a number of components and a covariance structure; keep the best.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features)
    n_components : int or iterable of int
    covariance_types : str or sequence of str
        "mclust" stands for all fourteen codes.
    criterion : {"bic", "aic", "icl"}
    sample_weight : array-like of shape (n_samples,), optional
        Frequencies: their sum is the n of the criteria.
    progress : callable, optional
        Called after each fit as ``progress(done, of, candidate)``.
    **parameters
        Of `GaussianMixture`: random_state, n_init, reg_covar, ...

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
    if isinstance(n_components, str):
        raise ParameterError(f"n_components must be an integer or several, such as range(1, 10), got {n_components!r}")
    counts = list(n_components) if isinstance(n_components, Iterable) else [n_components]
    names = checked_structures(covariance_types)
    wanted = list(dict.fromkeys((check_integer(count, "n_components"), name) for count in counts for name in names))
    if not wanted:
        raise ParameterError("nothing to select from: n_components is empty")
    table: list[Candidate] = []
    best: GaussianMixture | None = None
    failure: DataError | CollapseError | None = None
    for count, kind in wanted:
        model = GaussianMixture(count, covariance_type=kind, **parameters)
        try:
            candidate = tried(model, X, sample_weight)
        except (DataError, CollapseError) as error:
            failure = failure or error
            candidate = Candidate(count, kind, error=str(error))
        if not candidate.error and all(_rank(candidate, criterion) < _rank(other, criterion) for other in table):
            best = model
        table.append(candidate)
        if progress is not None:
            progress(len(table), len(wanted), candidate)
    if best is None:
        raise failure
    return Selection(best, tuple(table), criterion)


def checked_structures(covariance_types: Any) -> list[str]:
    """Names of the structures to try, each once; "mclust" stands for its codes."""
    several = isinstance(covariance_types, Iterable) and not isinstance(covariance_types, str)
    kinds = covariance_types if several else [covariance_types]
    names = [name for kind in kinds for name in (CODES if kind == "mclust" else (structure(kind).name,))]
    if not names:
        raise ParameterError("nothing to select from: covariance_types is empty")
    return list(dict.fromkeys(names))


def tried(model: GaussianMixture, X: Any, sample_weight: Any, **known: Any) -> Candidate:
    """Fit a model; what would be warned of is in the candidate instead. ``known`` goes to the fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", CollapseWarning)
        model.fit(X, sample_weight=sample_weight, **known)
    record = model._record()
    total, free = record.log_likelihood * record.weight, model.n_parameters()
    return Candidate(
        n_components=model.n_components,
        covariance_type=model.covariance_type,
        n_parameters=free,
        log_likelihood=total,
        bic=criteria.bic(total, free, record.weight),
        aic=criteria.aic(total, free),
        icl=model.icl(X, sample_weight=sample_weight),
        n_iter=record.n_iter,
        converged=record.converged,
        floored=int(record.floored.sum()),
    )


def _rank(candidate: Candidate, criterion: str) -> tuple[bool, bool, float]:
    return bool(candidate.error), candidate.floored > 0, getattr(candidate, criterion)
