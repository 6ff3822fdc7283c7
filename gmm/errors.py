"""Exceptions and warnings of `gmm`: few, named, filterable.

Every error is a `GmmError` and also the built-in class a caller would expect (`ValueError` or `TypeError`), so
code written for scikit-learn keeps working. Two classes have a namesake in scikit-learn. When scikit-learn is
already imported, the class in use is a subclass of both; nothing here ever imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = [
    "AlignmentWarning",
    "CollapseError",
    "CollapseWarning",
    "ConvergenceWarning",
    "DataError",
    "DataTypeError",
    "DegenerateDataWarning",
    "GmmError",
    "GmmWarning",
    "NotFittedError",
    "ParameterError",
    "RepresentationError",
    "convergence_warning",
    "not_fitted",
]


class GmmError(Exception):
    """Base of every exception that `gmm` raises on purpose."""


class DataError(GmmError, ValueError):
    """The rows, weights or labels given cannot be used: wrong shape, not finite, empty."""


class DataTypeError(GmmError, TypeError):
    """The rows given are of a kind that cannot be read as real numbers: text, dates, sparse."""


class ParameterError(GmmError, ValueError):
    """An argument or a mixture parameter is outside its contract; the message names it."""


class RepresentationError(GmmError, ValueError):
    """A quantity of a good model cannot be written as float64 in the user's units (data at 1e160 and beyond)."""


class CollapseError(GmmError, ValueError):
    """A component lost its rows or rests on the numerical floor, and the fit was asked to raise.

    Attributes
    ----------
    collapses : tuple of gmm.collapse.Collapse
    """

    def __init__(self, message: str, collapses: Iterable[object] = ()) -> None:
        super().__init__(message)
        self.collapses = tuple(collapses)

    def __reduce__(self) -> tuple:
        return type(self), (str(self), self.collapses)


class NotFittedError(GmmError, ValueError, AttributeError):
    """The estimator was asked for something that only `fit` provides."""

    def __reduce__(self) -> tuple:
        return not_fitted, (str(self),)


class GmmWarning(UserWarning):
    """Base of every warning of `gmm`."""


class ConvergenceWarning(GmmWarning):
    """The iteration limit came before convergence, or the objective fell."""


class CollapseWarning(GmmWarning):
    """A component lost its rows, or its covariance rests on the numerical floor."""


class AlignmentWarning(GmmWarning):
    """Which component of a replicate is which of the fit is open, or replicates failed: intervals mean little."""


class DegenerateDataWarning(GmmWarning):
    """The data have a constant column, fewer distinct rows than components, or the like."""


_blended: dict[tuple[type, type], type] = {}


def _with_sklearn(ours: type) -> type:
    """Return `ours`, or a subclass of it and of its namesake in `sklearn.exceptions` when that is imported."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), ours.__name__, None)
    if theirs is None:
        return ours
    if (ours, theirs) not in _blended:
        namespace = {"__module__": ours.__module__, "__doc__": ours.__doc__}
        _blended[ours, theirs] = type(ours.__name__, (ours, theirs), namespace)
    return _blended[ours, theirs]


def not_fitted(message: str) -> NotFittedError:
    """Build the error to raise when an estimator is not fitted.

    Examples
    --------
    >>> from gmm.errors import NotFittedError, not_fitted
    >>> isinstance(not_fitted("call fit first"), NotFittedError)
    True
    """
    return _with_sklearn(NotFittedError)(message)


def convergence_warning() -> type[ConvergenceWarning]:
    """Return the class to warn with when a fit did not converge."""
    return _with_sklearn(ConvergenceWarning)
