"""What a selection found: one table of everything tried, ranked, the models, and their pictures.

Invariant: the best model is the first of the ranking, and asking for a model does not fit anything again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gmm.base import nearest_name
from gmm.errors import ParameterError
from gmm.gaussian_mixture import GaussianMixture
from gmm.record import Fit
from gmm.selection.candidate import CRITERIA, Candidate, rank
from gmm.selection.step import Step, step
from gmm.selection.trials import Combination, estimator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Selection"]

SHOWN = ("log_likelihood", "bic", "aic", "aicc", "icl", "nec", "cv")


@dataclass(frozen=True, eq=False)
class Selection:
    """Result of `select`.

    Attributes
    ----------
    table : tuple of Candidate
        Every model tried, in the order of the search.
    criterion : str
    ranked : tuple of Candidate
        The table, the best first; models whose likelihood tells of a few rows behind the sound ones, those that could
        not be fitted last.
    best_ : GaussianMixture
        Fitted.
    best_candidate : Candidate
        Its row of the table.
    """

    table: tuple[Candidate, ...]
    criterion: str
    fits: dict[Combination, Fit]
    parameters: dict[str, Any]

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        return tuple(sorted(self.table, key=lambda candidate: rank(candidate, self.criterion)))

    @property
    def best_candidate(self) -> Candidate:
        return self.ranked[0]

    @cached_property
    def best_(self) -> GaussianMixture:
        best = self.best_candidate
        return self.model(best.n_components, best.covariance_type)

    def by(self, criterion: str) -> Selection:
        """The same models compared by another criterion.

        Examples
        --------
        >>> import gmm
        >>> from gmm.datasets import load_faithful
        >>> selection = gmm.select(load_faithful().data, range(1, 5), random_state=0)
        >>> str(selection.by("icl").best_candidate)
        '2 full'
        """
        if criterion not in CRITERIA:
            raise ParameterError(
                f"criterion must be one of {CRITERIA}, got {criterion!r}{nearest_name(criterion, CRITERIA)}"
            )
        if criterion == "cv" and all(candidate.cv != candidate.cv for candidate in self.table):
            raise ParameterError("criterion='cv' needs the likelihood of unseen rows: select with cv=")
        return replace(self, criterion=criterion)

    def model(self, n_components: int, covariance_type: str) -> GaussianMixture:
        """The fitted model of one combination.

        Raises
        ------
        ParameterError
            When it was not tried, or could not be fitted, with the reason.
        """
        key = (n_components, covariance_type)
        if key not in self.fits:
            reasons = {(each.n_components, each.covariance_type): each.error for each in self.table}
            raise ParameterError(f"there is no model {key}: {reasons.get(key, 'it was not tried')}")
        return estimator(key, self.parameters, self.fits[key])

    def step(self, X: Any, n_components: int, covariance_type: str | None = None, *, sample_weight: Any = None) -> Step:
        """What one component more makes of ``n_components``: which one splits, and what is gained.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Rows, as a rule those of the fit.
        n_components : int
            K; K + 1 has to be in the table, too.
        covariance_type : str, optional
            None: that of the best model.
        sample_weight : array-like of shape (N,), optional

        Examples
        --------
        >>> import gmm
        >>> from gmm.datasets import load_faithful
        >>> X = load_faithful().data
        >>> selection = gmm.select(X, range(1, 4), "full", random_state=0, order_by="mean")
        >>> print(selection.step(X, 1))
        full: 1 component to 2
        component 0 (100.0%) becomes 0 (35.6%) and 1 (64.4%)
        log-likelihood +159.53, bic -285.43, aic -307.07, aicc -306.28, icl -284.92, nec -1.00
        """
        kind = covariance_type or self.best_candidate.covariance_type
        lower, upper = (self.model(K, kind) for K in (n_components, n_components + 1))
        rows = {(each.n_components, each.covariance_type): each for each in self.table}
        before, after = rows[n_components, kind], rows[n_components + 1, kind]
        gains = {name: getattr(after, name) - getattr(before, name) for name in SHOWN}
        return step(lower, upper, X, sample_weight, {name: gain for name, gain in gains.items() if gain == gain})

    def plot(self, criterion: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Draw a criterion against the number of components, a line for each structure.

        Parameters
        ----------
        criterion : str, optional
            None: that of the selection.
        ax : matplotlib.axes.Axes, optional
            None makes one.

        Raises
        ------
        ImportError
            Without matplotlib: ``pip install 'fastgmm[plot]'``.
        ParameterError
            Where no model has a finite value of the criterion.
        """
        from gmm.selection.picture import draw

        return draw(self if criterion is None else self.by(criterion), ax)

    def records(self) -> list[dict[str, Any]]:
        """The ranked table as dictionaries, for a data frame."""
        return [{each.name: getattr(row, each.name) for each in fields(row)} for row in self.ranked]

    def __str__(self) -> str:
        """The criterion of every model: a line per number of components, a column per structure, * the best."""
        kinds = list(dict.fromkeys(candidate.covariance_type for candidate in self.table))
        best = self.best_candidate
        cells = {}
        for candidate in self.table:
            value = getattr(candidate, self.criterion)
            text = "failed" if candidate.error else f"{value:.3f}"
            mark = "*" if candidate is best else "f" if candidate.floored else "t" if candidate.thin else " "
            cells[candidate.n_components, candidate.covariance_type] = text + mark
        width = max(map(len, [*cells.values(), *(kind + " " for kind in kinds)])) + 1
        lines = [f"{self.criterion:>4}" + "".join(f"{kind + ' ':>{width}}" for kind in kinds)]
        for count in dict.fromkeys(candidate.n_components for candidate in self.table):
            lines.append(f"{count:>4}" + "".join(f"{cells[count, kind]:>{width}}" for kind in kinds))
        lines = [line.rstrip() for line in lines]
        legend = ["lower is better", "* best"]
        if any(candidate.floored for candidate in self.table):
            legend.append("f rests on the numerical floor")
        if any(candidate.thin and not candidate.floored for candidate in self.table):
            legend.append("t has a component of too few rows")
        if not best.sound:
            legend.append("none is sound, the best neither")
        return "\n".join([*lines, "; ".join(legend)])

    __repr__ = __str__
