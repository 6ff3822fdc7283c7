"""Fits to other rows that might have been seen: weights or rows drawn from a seed, fits spread over threads.

    weighted        sample weights of a Dirichlet distribution, which is Gamma(w_i, 1) of each row (Rubin 1981)
    nonparametric   as many rows drawn from the rows with replacement, as counts (Efron 1979)
    parametric      as many rows drawn from the fitted mixture

Sample weights of the fit are frequencies: a row of weight 3 is three rows in each of them. What was missing of a row is
missing of the row drawn in its place.

Invariant: a replicate depends on its seed alone, so on neither the number of threads nor the other replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmm._validation import check_sample_weight
from gmm.base import nearest_name
from gmm.errors import DataError, GmmError, ParameterError
from gmm.factor_count import fit_any
from gmm.gaussian_mixture import GaussianMixture
from gmm.record import Fit
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.threads import resolve_threads
from gmm.workers import Workers

__all__ = ["METHODS", "Resampler", "spread"]

METHODS = ("weighted", "nonparametric", "parametric")
PRECISE = 1e-3  # nats in all that a replicate may lack of its optimum: 0.05 standard errors of any parameter
FINEST = 1e-10  # nats per row: what rounding leaves of a tolerance


@dataclass(frozen=True, eq=False)
class Resampler:
    """A fitted model and its rows, ready to be fitted again.

    Parameters
    ----------
    model : GaussianMixture
        On one thread; a later ``fit`` of the one that was given does not change it.
    fit : Fit
    settings : Settings
        Of the fit, for one thread and without what speaks to a user.
    X : ndarray of shape (N, D)
    sample_weight : ndarray of shape (N,), optional
    method : {"weighted", "nonparametric", "parametric"}
    known : dict
        What the fit knew of the rows beside: ``labels``, ``noise_covariance``.
    """

    model: GaussianMixture
    fit: Fit
    settings: Settings
    X: np.ndarray
    sample_weight: np.ndarray | None
    method: str
    known: dict[str, Any]

    @classmethod
    def of(
        cls, model: Any, X: Any, method: str, sample_weight: Any = None, labels: Any = None, errors: Any = None
    ) -> Resampler:
        """From a fitted estimator and what its ``fit`` was given; ``errors`` is the ``noise_covariance``.

        Raises
        ------
        ParameterError
            No `GaussianMixture`; an unknown method; a parametric one beside what rows of another draw cannot have.
        """
        if not isinstance(model, GaussianMixture):
            best = next((name for name in ("best_estimator_", "best_") if hasattr(model, name)), None)
            hint = f": take its {best}" if best else ""
            raise ParameterError(f"only a GaussianMixture can be resampled, got a {type(model).__name__}{hint}")
        if method not in METHODS:
            raise ParameterError(f"method must be one of {METHODS}, got {method!r}{nearest_name(method, METHODS)}")
        fit, record = model._fitted(), model._record()
        X = model._checked(X, fit.feature_names, fit.mixture.n_features, allow_missing=model.missing == "marginalize")
        weights = check_sample_weight(sample_weight, len(X))
        record.require_rows(len(X), weights)
        known = {"labels": labels, "noise_covariance": errors}
        if method == "parametric":
            given = [name for name, value in known.items() if value is not None]
            if given:
                raise ParameterError(f"rows drawn from the mixture have no {given[0]}: take method='weighted'")
            if weights is not None and np.isnan(X).any():
                raise ParameterError("method='parametric' takes sample_weight or missing values, not both")
        total = float(len(X)) if weights is None else float(weights.sum())
        if round(total) < fit.mixture.n_components:
            raise DataError(
                f"sample_weight sums to {total:g}, which resampling takes for a number of rows: give frequencies"
            )
        tol = max(min(model.tol, PRECISE / total), FINEST)
        plain = {"n_threads": 1, "callbacks": (), "verbose": 0, "order_by": None}
        settings = replace(Settings.from_estimator(model), tol=tol, **plain)
        return cls(copy(model).set_params(n_threads=1), fit, settings, X, weights, method, known)

    def only(self, chosen: np.ndarray | None) -> Resampler:
        """Return the same with some of the rows; None for all."""
        if chosen is None:
            return self
        errors = self.known["noise_covariance"]
        if errors is not None and len(errors) == len(self.X):
            errors = np.asarray(errors)[chosen]
        weights = None if self.sample_weight is None else self.sample_weight[chosen]
        return replace(self, X=self.X[chosen], sample_weight=weights, known=self.known | {"noise_covariance": errors})

    def rows(self, fit: Fit) -> Rows:
        """The rows through the frame of a fit to these or others."""
        return self.model._rows(self.X, replace(fit, feature_names=None), self.known["noise_covariance"])

    def again(self, seed: int) -> Fit | GmmError:
        """A climb from the fit on other rows, or what it failed by; its components are not matched yet."""
        X, weights = self._drawn(np.random.default_rng(seed))
        return self._fitted(X, weights, self.settings, self.fit.mixture)

    def afresh(self, seed: int) -> Fit | GmmError:
        """A fit with starts of its own on other rows, or what it failed by."""
        X, weights = self._drawn(np.random.default_rng(seed))
        return self._fitted(X, weights, replace(self.settings, random_state=seed), None)

    def _fitted(self, X: np.ndarray, weights: np.ndarray | None, settings: Settings, previous: Any) -> Fit | GmmError:
        try:
            fit = fit_any(settings, X, sample_weight=weights, previous=previous, quiet=True, **self.known)
        except GmmError as error:
            return error
        if fit.record.floored.any():
            return DataError(f"component {int(np.argmax(fit.record.floored))} collapsed onto the numerical floor")
        return replace(fit, feature_names=self.fit.feature_names)

    def _drawn(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows and their sample weights."""
        n, w = len(self.X), self.sample_weight
        total = n if w is None else round(float(w.sum()))
        if self.method == "weighted":
            drawn = rng.standard_exponential(n) if w is None else rng.standard_gamma(w)
            return self.X, drawn * (total / drawn.sum())
        if self.method == "nonparametric":
            shares = np.full(n, 1.0 / n) if w is None else w / w.sum()
            return self.X, rng.multinomial(total, shares).astype(np.float64)
        X = self.fit.mixture.sample(total, rng)[0].astype(self.X.dtype)
        missing = np.isnan(self.X)
        if missing.any():
            X = X[rng.permutation(n)]  # sampled rows are grouped by component
            X[missing] = np.nan
        return X, None


def spread(
    work: Callable[[int], Any], seeds: Sequence[int], n_threads: int | None, *, least: int = 1
) -> tuple[list[Any], int]:
    """What some work makes of each seed, in their order, and how often it came to a GmmError instead.

    Raises
    ------
    GmmError
        The first one, where fewer than ``least`` seeds are left.
    """
    with Workers(min(resolve_threads(n_threads), max(len(seeds), 1))) as pool:
        outcomes = [each.result() for each in [pool.submit(work, seed) for seed in seeds]]
    failures = [outcome for outcome in outcomes if isinstance(outcome, GmmError)]
    if len(outcomes) - len(failures) < least:
        raise failures[0]
    return [outcome for outcome in outcomes if not isinstance(outcome, GmmError)], len(failures)
