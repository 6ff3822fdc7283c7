"""Many small mixtures: one for each group of rows, groups spread over threads.

    groups of few rows --gmm.whole, in one call of the core--> FittedGroups: models, failures, and arrays over groups
    the others --fit_any, each on one thread-->

Invariant: the model of a group is, bit for bit, what `GaussianMixture.fit` makes of its rows alone; it depends neither
on the other groups nor on the number of threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gmm._validation import nonfinite_error
from gmm.errors import DataError, GmmError, GmmWarning, ParameterError
from gmm.factor_count import fit_any
from gmm.fitting import checked, complaints, finished, plan_of, ridge_in, settled
from gmm.frame import Frame, Scaling
from gmm.gaussian_mixture import GaussianMixture
from gmm.missing import kind_of_rows
from gmm.record import Fit, Record
from gmm.rows import EPSILON, PRECISION_OF, Precision, Rows, scanned_groups
from gmm.settings import Settings
from gmm.subsample import seeds
from gmm.threads import resolve_threads
from gmm.whole import Batch, fit_batches, is_whole

__all__ = ["FittedGroups", "fit_many"]

MOST_NAMED = 5  # groups that a warning names
SINGULAR = ("callbacks", "verbose", "warm_start")  # arguments that speak of one fit
OF_ROWS = ("sample_weight", "labels", "start", "noise_covariance")  # arguments of `GaussianMixture.fit`


@dataclass(frozen=True, eq=False)
class Pending:
    """A fit whose numbers are known and whose objects are not made yet."""

    settings: Settings
    batch: Batch
    index: int
    names: np.ndarray | None
    rows: Rows | None = None  # of a group in which a component collapsed

    @property
    def log_likelihood(self) -> float:
        return self.batch.log_likelihood(self.index)

    @property
    def converged(self) -> bool:
        return bool(self.batch.converged[self.index])

    def fit(self) -> Fit:
        frame, n_rows = self.batch.frames[self.index], self.batch.n_rows[self.index]
        sizes = (n_rows, float(n_rows), frame.log_jacobian)
        outcome = self.batch.outcome(self.index)
        if self.rows is not None:
            free = np.zeros(self.settings.n_components, bool)
            outcome = settled(self.settings, self.rows, outcome, self.names, free)
        return finished(self.settings, frame, *sizes, outcome, self.names)


class Models(Mapping[Hashable, GaussianMixture]):
    """Key to fitted model; each is put together when it is first asked for."""

    def __init__(self, make: Callable[[], GaussianMixture], fits: dict[Hashable, Fit | Pending]) -> None:
        self._make = make
        self._fits = fits
        self._ready: dict[Hashable, GaussianMixture] = {}

    def __reduce__(self) -> tuple:
        return type(self), (self._make, {key: self.fit(key) for key in self})

    def fit(self, key: Hashable) -> Fit:
        """What came of one group."""
        fit = self._fits[key]
        if isinstance(fit, Pending):
            fit = self._fits[key] = fit.fit()
        return fit

    def records(self) -> list[Record | Pending]:
        """What knows the log-likelihood of each group and whether it converged."""
        return [fit if isinstance(fit, Pending) else fit.record for fit in self._fits.values()]

    def __getitem__(self, key: Hashable) -> GaussianMixture:
        if key not in self._ready:
            fit, model = self.fit(key), self._make()
            model._result = fit
            self._ready[key] = model
        return self._ready[key]

    def __contains__(self, key: object) -> bool:
        return key in self._fits

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)


@dataclass(frozen=True, eq=False)
class FittedGroups(Mapping[Hashable, GaussianMixture]):
    """What `fit_many` made of each group; a mapping from the key of a group to its model.

    Asking for the model of a group that could not be fitted raises the error of its fit. Arrays are over the groups
    that were fitted, in the order of ``models``.

    Attributes
    ----------
    models : Mapping
        Key to fitted `GaussianMixture`.
    failures : dict
        Key to the error of its fit.
    """

    models: Models
    failures: dict[Hashable, GmmError]

    def __getitem__(self, key: Hashable) -> GaussianMixture:
        if key in self.failures:
            raise self.failures[key]
        return self.models[key]

    def __contains__(self, key: object) -> bool:
        return key in self.models

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The model of a group; ``default`` if there is none."""
        return self.models.get(key, default)

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
        return np.array([record.log_likelihood for record in self.models.records()])

    @property
    def converged_(self) -> np.ndarray:
        """Whether each climb converged, (G,) bool."""
        return np.array([record.converged for record in self.models.records()])

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
    for name in OF_ROWS:
        if name in parameters:
            raise ParameterError(f"{name} belongs to rows, which fit_many takes as they are; fit each group by itself")
    shared = parameters.get("random_state")
    if shared is np.random or isinstance(shared, (np.random.Generator, np.random.RandomState)):
        raise ParameterError("random_state must be an int or None here: a generator would make groups depend on others")
    settings = Settings.from_estimator(GaussianMixture(n_components, n_threads=1, **parameters))
    named = _named(groups, by)
    outcomes: dict[Hashable, Fit | Pending | GmmError] = dict.fromkeys(named)
    threads = min(resolve_threads(n_threads), max(len(named), 1))
    _fit_whole(settings, named, outcomes, threads)
    left = [key for key, outcome in outcomes.items() if outcome is None]
    with ThreadPoolExecutor(threads) as pool:
        outcomes.update(zip(left, pool.map(partial(_attempt, settings), map(named.get, left)), strict=True))
    failures = {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, GmmError)}
    fits = {key: outcome for key, outcome in outcomes.items() if key not in failures}
    fitted = FittedGroups(Models(partial(GaussianMixture, n_components, **parameters), fits), failures)
    _warn(settings, fitted)
    return fitted


def _fit_whole(
    settings: Settings, named: Mapping[Hashable, Any], outcomes: dict[Hashable, Any], n_threads: int
) -> None:
    """Fill in the outcomes of groups that the core fits in one call, and of those that no fit can begin with."""
    plan = plan_of(settings)
    if plan is None or settings.on_collapse != "repair":
        return
    alike: dict[tuple[int, Precision], list[tuple[Hashable, np.ndarray, np.ndarray | None]]] = {}
    whole: dict[tuple[int, ...], bool] = {}
    for key, group in named.items():
        try:
            X, _, names = checked(settings, group, None)
        except GmmError as error:
            outcomes[key] = error
            continue
        if X.shape not in whole:
            whole[X.shape] = is_whole(plan, *X.shape)
        if whole[X.shape] and kind_of_rows(X, settings.missing) is Rows:
            alike.setdefault((X.shape[1], PRECISION_OF[X.dtype]), []).append((key, X, names))
    drawn = None if settings.random_state is None else seeds(settings.random_state, settings.n_init)
    for (_, dtype), members in alike.items():
        frames = _framed([X for _, X, _ in members], plan.structure.scaling)
        begun, ridges = [], []
        for (key, X, names), frame in zip(members, frames, strict=True):
            try:
                if frame is None:
                    raise nonfinite_error(X, "X")
                ridges.append(ridge_in(settings.reg_covar, frame))
                begun.append((key, names, Rows(X, None, frame, settings.precision or dtype)))
            except GmmError as error:
                outcomes[key] = error
        if not begun:
            continue
        sown = [drawn or seeds(None, settings.n_init) for _ in begun]
        rows = [each[2] for each in begun]
        batches = fit_batches(plan, rows, None if settings.reg_covar == 0.0 else ridges, sown, n_threads)
        places = ((batch, index) for batch in batches for index in range(len(batch.frames)))
        for (key, names, its), (batch, index) in zip(begun, places, strict=True):
            if not batch.unusual[index]:
                outcomes[key] = Pending(settings, batch, index, names, its if batch.collapsed[index] else None)


def _framed(groups: list[np.ndarray], scaling: Scaling) -> list[Frame | None]:
    """Frames of groups alike; None where a value is not finite."""
    columns, finite = scanned_groups(groups)
    frames = Frame.many_from_columns(columns, scaling, EPSILON[groups[0].dtype.name])
    return [frame if usable else None for frame, usable in zip(frames, finite.tolist(), strict=True)]


def _attempt(settings: Settings, rows: Any) -> Fit | GmmError:
    try:
        return fit_any(settings, rows, quiet=True)
    except GmmError as error:
        return error


def _named(groups: Any, by: Any) -> dict[Hashable, Any]:
    """Groups by key."""
    if by is not None:
        labels = np.asarray(by)
        n_rows = len(groups)
        if labels.shape != (n_rows,):
            raise DataError(f"by has shape {labels.shape}, expected ({n_rows},): one label for each row")
        try:
            missing = np.flatnonzero(labels != labels.copy())  # NaN, NaT
            keys, numbers = np.unique(labels, return_inverse=True)
        except TypeError:
            raise DataError("by has labels of different kinds or missing ones, which cannot be sorted") from None
        if missing.size:
            raise DataError(f"by: row {missing[0]} has no label but {labels[missing[0]]}")
        order = np.argsort(numbers, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(numbers, minlength=len(keys)))[:-1])
        rows = groups.iloc if hasattr(groups, "iloc") else groups if hasattr(groups, "columns") else np.asarray(groups)
        return {key: rows[part] for key, part in zip(keys.tolist(), parts, strict=True)}
    if isinstance(groups, Mapping):
        return dict(groups)
    if isinstance(groups, Sequence) or getattr(groups, "ndim", 0) == 3:
        return dict(enumerate(groups))
    raise ParameterError("groups must be a sequence or mapping of arrays, or one array of rows with by=labels")


def _warn(settings: Settings, fitted: FittedGroups) -> None:
    """One warning for each kind of trouble."""
    found: dict[type[Warning], list[tuple[Hashable, str]]] = {}
    for key, error in fitted.failures.items():
        found.setdefault(GmmWarning, []).append((key, str(error)))
    for key, record in zip(fitted, fitted.models.records(), strict=True):
        if isinstance(record, Pending) and not record.batch.troubled[record.index]:
            continue
        for message, category in complaints(fitted.models.fit(key), settings):
            found.setdefault(category, []).append((key, message))
    for category, cases in found.items():
        keys = ", ".join(repr(key) for key, _ in cases[:MOST_NAMED]) + (", ..." if len(cases) > MOST_NAMED else "")
        failed = " could not be fitted" * (category is GmmWarning)
        groups = len(fitted) + len(fitted.failures)
        message = f"{len(cases)} of {groups} groups{failed}: {keys}. The first: {cases[0][1]}"
        warnings.warn(message, category, stacklevel=3)
