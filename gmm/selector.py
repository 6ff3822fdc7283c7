"""GaussianMixtureSelector: the search of `gmm.select` as an estimator, for pipelines.

It is the mixture that the search chose: predicts, scores and samples as that does. Invariant: a fit that fails leaves
the previous one in place, whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Self

import numpy as np

from gmm.gaussian_mixture import GaussianMixture
from gmm.missing import Missing
from gmm.mixture_estimator import MixtureEstimator
from gmm.record import Fit
from gmm.selection import Selection, select

__all__ = ["GaussianMixtureSelector"]


@dataclass(frozen=True, eq=False)
class Chosen(Fit):
    """The best fit of a selection, and the selection."""

    selection: Selection | None = None


class GaussianMixtureSelector(MixtureEstimator):
    """Choose the number of components and the covariance structure, then be that mixture.

    Parameters
    ----------
    n_components : int or sequence of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9)
        Numbers to try; those beyond the number of rows are left out.
    covariance_types : str or sequence of str, default=("full", "tied", "diag", "spherical")
        Structures to try; "mclust" stands for all fourteen codes.
    criterion : {"bic", "aic", "aicc", "icl", "nec", "cv"}, default="bic"
    cv : int, splitter or iterable, optional
        As for `gmm.select`.
    tol, reg_covar, max_iter, missing, noise, order_by, random_state, n_threads
        As for `gmm.GaussianMixture`.

    Attributes
    ----------
    selection_ : Selection
        The table of everything tried.
    best_estimator_ : GaussianMixture
    n_components_ : int
    covariance_type_ : str
    weights_, means_, covariances_, ... : ndarray
        Those of the best mixture, as of `gmm.GaussianMixture`.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> model = gmm.GaussianMixtureSelector((1, 2, 3, 4), random_state=0).fit(load_faithful().data)
    >>> model.n_components_, model.covariance_type_
    (3, 'tied')
    """

    def __init__(
        self,
        n_components: Any = (1, 2, 3, 4, 5, 6, 7, 8, 9),
        *,
        covariance_types: Any = ("full", "tied", "diag", "spherical"),
        criterion: str = "bic",
        cv: Any = None,
        tol: float = 1e-6,
        reg_covar: float | None = None,
        max_iter: int = 500,
        missing: Missing = "raise",
        noise: bool | float = False,
        order_by: Any = None,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_types = covariance_types
        self.criterion = criterion
        self.cv = cv
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.missing = missing
        self.noise = noise
        self.order_by = order_by
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Search, and keep the best.

        Parameters
        ----------
        X : array-like or data frame of shape (N, D)
        y : ignored
            For scikit-learn's pipelines.
        sample_weight : array-like of shape (N,), optional
            How many times each row counts.

        Returns
        -------
        self

        Raises
        ------
        DataError, DataTypeError, ParameterError
            As `gmm.select`; an earlier fit is kept.
        """
        parameters = self.get_params()
        counts = _affordable(parameters.pop("n_components"), X)
        selection = select(X, counts, sample_weight=sample_weight, **parameters)
        fit = selection.best_._fitted()
        self._result = Chosen(**{each.name: getattr(fit, each.name) for each in fields(fit)}, selection=selection)
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> np.ndarray:
        """Search and return the label of each row, (N,) int64; the same as ``fit(X).predict(X)``."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mixture that was chosen, ``best_estimator_``, to one file: `gmm.load` reads a `GaussianMixture`.

        Parameters
        ----------
        path : path
            Replaced if it exists, whole or not at all.
        """
        self.best_estimator_.save(path)

    @property
    def selection_(self) -> Selection:
        return self._fitted().selection

    @property
    def best_estimator_(self) -> GaussianMixture:
        return self.selection_.best_

    @property
    def n_components_(self) -> int:
        return self.selection_.best_candidate.n_components

    @property
    def covariance_type_(self) -> str:
        return self.selection_.best_candidate.covariance_type


def _affordable(n_components: Any, X: Any) -> Any:
    """Numbers of components, without those of several that exceed the number of rows."""
    if isinstance(n_components, str) or not isinstance(n_components, Iterable) or not hasattr(X, "__len__"):
        return n_components
    counts = list(n_components)
    return [count for count in counts if not isinstance(count, Integral) or count <= len(X)] or counts[:1]
