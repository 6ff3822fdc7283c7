"""Many small mixtures: one for each group of rows, groups spread over threads.

    groups --fit_mixture, each on one thread--> FittedGroups: models, failures, and arrays over groups

Invariant: the model of a group is, bit for bit, what `GaussianMixture.fit` makes of its rows alone; it depends neither
on the other groups nor on the number of threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gmm.errors import DataError, GmmError, GmmWarning, ParameterError
from gmm.fitting import Fit, complaints, fit_mixture
from gmm.gaussian_mixture import GaussianMixture
from gmm.settings import Settings
from gmm.threads import resolve_threads

__all__ = ["FittedGroups", "fit_many"]

MOST_NAMED = 5  # groups that a warning names
SINGULAR = ("callbacks", "verbose", "warm_start")  # arguments that speak of one fit


@dataclass(frozen=True, eq=False)
class FittedGroups(Mapping[Hashable, GaussianMixture]):
    """What `fit_many` made of each group; a mapping from the key of a group to its model.

    Asking for the model of a group that could not be fitted raises the error of its fit. Arrays are over the groups
    that were fitted, in the order of ``models``.

    Attributes
    ----------
    models : dict
        Key to fitted `GaussianMixture`.
    failures : dict
        Key to the error of its fit.
    """

    models: dict[Hashable, GaussianMixture]
    failures: dict[Hashable, GmmError]

    def __getitem__(self, key: Hashable) -> GaussianMixture:
        if key in self.failures:
            raise self.failures[key]
        return self.models[key]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        return f"<{len(self.models)} groups fitted, {len(self.failures)} failed>"

    @property
    def weights_(self) -> np.ndarray:
        """Mixing weights (G, K)."""
        return self._stacked("weights_")

    @property
    def means_(self) -> np.ndarray:
        """Component means (G, K, D)."""
        return self._stacked("means_")

    @property
    def covariances_(self) -> np.ndarray:
        """Covariances, (G, ...) in the structure's shape."""
        return self._stacked("covariances_")

    @property
    def log_likelihood_(self) -> np.ndarray:
        """Log-likelihood per row, (G,), nats."""
        return self._stacked("log_likelihood_")

    @property
    def converged_(self) -> np.ndarray:
        """Whether each climb converged, (G,) bool."""
        return self._stacked("converged_")

    def _stacked(self, name: str) -> np.ndarray:
        found = [getattr(model, name) for model in self.models.values()]
        if len({np.shape(array) for array in found}) > 1:
            raise DataError(f"{name} is no one array: the groups have different numbers of features")
        return np.array(found)


def fit_many(
    groups: Any, n_components: int = 1, *, by: Any = None, n_threads: int | None = None, **parameters: Any
) -> FittedGroups:
    """Fit a mixture to each of many groups of rows.

    Parameters
    ----------
    groups : sequence or mapping of arrays (N_g, D), or one array or data frame (N, D)
        A sequence numbers its groups from 0; a mapping names them. One array needs ``by``.
    n_components : int
    by : array-like of shape (N,), optional
        Group of each row of one array; groups come in the sorted order of these labels.
    n_threads : int, optional
        Threads that groups are spread over; each fit has one.
    **parameters
        Of `GaussianMixture`, but for callbacks, verbose and warm_start, which speak of one fit. ``random_state`` is an
        int, the seed of every group, or None.

    Returns
    -------
    FittedGroups

    Raises
    ------
    ParameterError
        An argument that is wrong for every group.
    DataError
        Labels in ``by`` that do not match the rows.

    Warns
    -----
    GmmWarning
        Once for each kind of trouble, naming the first groups that have it: not fitted, not converged, collapsed.

    Examples
    --------
    Fifty flowers of each of three species:

    >>> import gmm, numpy as np
    >>> from gmm.datasets import load_iris
    >>> species = np.repeat(["setosa", "versicolor", "virginica"], 50)
    >>> fits = gmm.fit_many(load_iris().data, 1, by=species, covariance_type="diag", random_state=0)
    >>> fits
    <3 groups fitted, 0 failed>
    >>> fits.means_[:, 0].round(2)
    array([[5.01, 3.43, 1.46, 0.25],
           [5.94, 2.77, 4.26, 1.33],
           [6.59, 2.97, 5.55, 2.03]])
    """
    for name in SINGULAR:
        if parameters.get(name):
            raise ParameterError(f"{name} speaks of one fit; fit_many cannot take it")
    if isinstance(parameters.get("random_state"), (np.random.Generator, np.random.RandomState)):
        raise ParameterError("random_state must be an int or None here: a generator would make groups depend on others")
    settings = Settings.from_estimator(GaussianMixture(n_components, n_threads=1, **parameters))
    named = _named(groups, by)
    workers = min(resolve_threads(n_threads), max(len(named), 1))
    attempt = partial(_attempt, settings)
    if workers == 1:
        outcomes = list(map(attempt, named.values()))
    else:
        with ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(attempt, named.values()))
    models, failures = {}, {}
    for key, outcome in zip(named, outcomes, strict=True):
        if isinstance(outcome, GmmError):
            failures[key] = outcome
            continue
        models[key] = GaussianMixture(n_components, **parameters)
        models[key]._result = outcome
    _warn(settings, models, failures)
    return FittedGroups(models, failures)


def _attempt(settings: Settings, rows: Any) -> Fit | GmmError:
    try:
        return fit_mixture(settings, rows, quiet=True)
    except GmmError as error:
        return error


def _named(groups: Any, by: Any) -> dict[Hashable, Any]:
    """Groups by key."""
    if by is not None:
        labels = np.asarray(by)
        n_rows = len(groups)
        if labels.shape != (n_rows,):
            raise DataError(f"by has shape {labels.shape}, expected ({n_rows},): one label for each row")
        keys, numbers = np.unique(labels, return_inverse=True)
        order = np.argsort(numbers, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(numbers, minlength=len(keys)))[:-1])
        rows = groups.iloc if hasattr(groups, "iloc") else groups if hasattr(groups, "columns") else np.asarray(groups)
        return {key: rows[part] for key, part in zip(keys.tolist(), parts, strict=True)}
    if isinstance(groups, Mapping):
        return dict(groups)
    if isinstance(groups, Sequence) or getattr(groups, "ndim", 0) == 3:
        return dict(enumerate(groups))
    raise ParameterError("groups must be a sequence or mapping of arrays, or one array of rows with by=labels")


def _warn(
    settings: Settings, models: Mapping[Hashable, GaussianMixture], failures: Mapping[Hashable, GmmError]
) -> None:
    """One warning for each kind of trouble."""
    found: dict[type[Warning], list[tuple[Hashable, str]]] = {}
    for key, error in failures.items():
        found.setdefault(GmmWarning, []).append((key, str(error)))
    for key, model in models.items():
        for message, category in complaints(model._result, settings):
            found.setdefault(category, []).append((key, message))
    for category, cases in found.items():
        keys = ", ".join(repr(key) for key, _ in cases[:MOST_NAMED]) + (", ..." if len(cases) > MOST_NAMED else "")
        failed = " could not be fitted" * (category is GmmWarning)
        count = f"{len(cases)} of {len(models) + len(failures)} groups{failed}: {keys}. The first: {cases[0][1]}"
        warnings.warn(count, category, stacklevel=3)
