"""What a fitted mixture answers, the same for every estimator: prediction, criteria, sampling, attributes.

All of it comes from one immutable `gmm.record.Fit`, of which the attributes ending in an underscore are read-only
views. Prediction is a short way from rows to `gmm._native.score`: one look at the type of X, one call.

Invariant: nothing here changes the estimator, and each answer comes from one fit even while another thread refits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from gmm import criteria
from gmm._validation import check_integer, check_sample_weight, nonfinite_error
from gmm.base import Estimator
from gmm.completion import filled
from gmm.errors import ParameterError, not_fitted
from gmm.factor_attributes import FactorAttributes
from gmm.inference import Kind, StandardErrors, standard_errors
from gmm.measured import measured, require_plain
from gmm.missing import Missing, kind_of_rows
from gmm.record import Fit, Record
from gmm.rows import PRECISION_OF, Rows
from gmm.subsample import generator
from gmm.summary import summarize
from gmm.threads import resolve_threads

__all__ = ["MixtureEstimator", "fit_of"]

WORK_WORTH_THREADS = 2**18  # multiply-adds, some 20 microseconds: below, waking a second thread costs what it saves


class MixtureEstimator(FactorAttributes, Estimator):
    """Base of the mixture estimators; a subclass has ``fit`` and ``missing``, ``random_state``, ``n_threads``."""

    missing: Missing
    random_state: Any
    n_threads: int | None

    # ---- prediction; noise_covariance, everywhere, are the errors of the rows as `fit` takes them, None for none

    def predict(self, X: Any, *, noise_covariance: Any = None) -> np.ndarray:
        """Most probable component of each row, (N,) int64, lowest number on ties; -1 for noise."""
        fit = self._fitted()
        return self._rows(X, fit, noise_covariance).score(fit.assigning, log_density=False, label=True).label

    def predict_proba(self, X: Any, *, noise_covariance: Any = None) -> np.ndarray:
        """Probability of each component given each row, (N, K), in the precision of the arithmetic.

        With noise there is one more column, the last, with the probability of noise.
        """
        fit = self._fitted()
        rows = self._rows(X, fit, noise_covariance)
        return rows.score(fit.assigning, log_density=False, posterior=True).posterior

    def score_samples(self, X: Any, *, noise_covariance: Any = None) -> np.ndarray:
        """Log-density of each row, (N,) float64, nats; -inf where it is below the arithmetic's range.

        That of noise is the same for all rows, also outside the box.
        """
        fit = self._fitted()
        return _log_density(fit, self._rows(X, fit, noise_covariance))

    def impute(self, X: Any, *, n_draws: int | None = None, noise_covariance: Any = None) -> np.ndarray:
        """Fill in missing values (NaN), whatever ``missing`` says: expectations under the mixture, or draws.

        Parameters
        ----------
        X : array-like of shape (N, D)
        n_draws : int, optional
            Draw this often from the distribution of the missing values given the observed ones, in place of its mean;
            with an int ``random_state`` always the same.
        noise_covariance : array-like, optional
            Errors of the observed values, as in `fit`; what is filled in has none.

        Returns
        -------
        ndarray of shape (N, D), or (n_draws, N, D)
            Observed values are kept bit for bit.

        Examples
        --------
        >>> import numpy as np
        >>> from gmm import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]])
        >>> model.impute([[2.0, np.nan], [np.nan, np.nan], [3.0, 4.0]])
        array([[2., 1.],
               [0., 0.],
               [3., 4.]])
        """
        fit = self._fitted()
        rows = self._rows(X, fit, noise_covariance, missing="marginalize")
        draws = None if n_draws is None else check_integer(n_draws, "n_draws", minimum=0)
        error = nonfinite_error(rows.X, allow_nan=True)
        if error is not None:
            raise error
        if not np.isnan(rows.X).any():
            return np.array(rows.X if draws is None else np.broadcast_to(rows.X, (draws, *rows.X.shape)))
        mixture = (fit.mixture.structure, fit.mixture.parameters)
        if draws is None:
            return filled(rows, *mixture)[0]
        return filled(rows, *mixture, generator(self.random_state), draws)

    def score(self, X: Any, y: Any = None, *, sample_weight: Any = None, noise_covariance: Any = None) -> float:
        """Mean log-density per row (nats), weighted by ``sample_weight`` if given."""
        fit = self._fitted()
        total, weight = _totals(fit, self._rows(X, fit, noise_covariance), sample_weight)
        return total / weight

    def aic(self, X: Any, *, sample_weight: Any = None, noise_covariance: Any = None) -> float:
        """Akaike's information criterion of the rows: lower is better."""
        fit = self._fitted()
        total, _ = _totals(fit, self._rows(X, fit, noise_covariance), sample_weight)
        return criteria.aic(total, fit.n_parameters)

    def bic(self, X: Any, *, sample_weight: Any = None, noise_covariance: Any = None) -> float:
        """Bayesian information criterion (Schwarz 1978) of the rows: lower is better."""
        fit = self._fitted()
        total, weight = _totals(fit, self._rows(X, fit, noise_covariance), sample_weight)
        return criteria.bic(total, fit.n_parameters, weight)

    def icl(self, X: Any, *, sample_weight: Any = None, noise_covariance: Any = None) -> float:
        """Integrated completed likelihood (Biernacki, Celeux, Govaert 2000): BIC plus what overlap costs."""
        fit = self._fitted()
        rows = self._rows(X, fit, noise_covariance)
        total, weight = _totals(fit, rows, sample_weight)

        def posterior(some: np.ndarray) -> np.ndarray:
            return rows.subset(some).score(fit.mixture.factors, log_density=False, posterior=True).posterior

        weights = check_sample_weight(sample_weight, rows.n_rows)
        entropy = criteria.classification_entropy(posterior, np.arange(rows.n_rows), weights)
        return criteria.icl(total, fit.n_parameters, weight, entropy)

    def n_parameters(self) -> int:
        """Number of free parameters: mixing weights, means and covariances, as far as the fit did not hold them."""
        return self._fitted().n_parameters

    def sample(self, n_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows from the mixture, grouped by component; with an int ``random_state`` always the same.

        Returns
        -------
        X : ndarray of shape (n_samples, D)
        labels : ndarray of shape (n_samples,), int64
            The component each row comes from, -1 for noise, which is spread over its box.
        """
        n_samples = check_integer(n_samples, "n_samples", minimum=0)
        return self._fitted().mixture.sample(n_samples, generator(self.random_state))

    def standard_errors(self, X: Any, *, sample_weight: Any = None, kind: Kind = "observed") -> StandardErrors:
        """Standard errors of the estimates, from the rows of the fit.

        Parameters
        ----------
        X : array-like of shape (N, D)
        sample_weight : array-like of shape (N,), optional
            Frequencies, as at the fit.
        kind : {"observed", "outer", "sandwich"}
            Observed information (Louis 1982); outer products of scores; both, which holds also where the truth is no
            such mixture (White 1982).

        Returns
        -------
        StandardErrors
            ``weights``, ``means``, ``covariances``, and ``intervals(level)`` of them.

        Raises
        ------
        ParameterError
            Where there are none: a component on the floor or without rows, ``reg_covar``, ``shrinkage``,
            ``eigen_ratio``, a ``prior``, parameters that were held, a singular information, a fit that
            ``noise_covariance`` or ``labels`` led elsewhere.
        DataError
            Rows that are not those of the fit.

        Examples
        --------
        >>> from gmm import GaussianMixture
        >>> from gmm.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, order_by="mean", tol=1e-12, random_state=0).fit(X)
        >>> errors = model.standard_errors(X)
        >>> errors.means.round(3)
        array([[0.027, 0.592],
               [0.031, 0.456]])
        >>> errors.intervals(0.95)["weights"].low.round(3)
        array([0.301, 0.585])
        """
        fit = self._fitted()
        record = self._record()
        if fit.has_prior:
            raise ParameterError("posteriors have no standard errors: take credible_intervals")
        if record.floored.any():
            raise ParameterError(f"component {int(np.argmax(record.floored))} rests on the numerical floor")
        for name in ("reg_covar", "shrinkage", "eigen_ratio", "prior"):
            if getattr(self, name, None):
                raise ParameterError(f"with {name} estimates are no maximum of the likelihood")
        if fit.n_parameters != fit.mixture.n_parameters:
            raise ParameterError("parameters that were held or bounded have no standard errors")
        rows = self._rows(X, fit)
        weights = check_sample_weight(sample_weight, rows.n_rows)
        record.require_rows(rows.n_rows, weights)
        return standard_errors(fit.mixture, replace(rows, sample_weight=weights, precision="float64"), kind)

    def summary(self) -> str:
        """A report in the data's units: components, likelihood, criteria, restarts, why the fit stopped, cautions.

        Components have their mixing weight, effective rows (the sum of the rows' posteriors), means and standard
        deviations. `gmm.advice` knows of more cautions.

        Examples
        --------
        >>> from gmm import GaussianMixture
        >>> from gmm.datasets import load_faithful
        >>> print(GaussianMixture(2, order_by="mean", random_state=0).fit(load_faithful().data).summary())
        Gaussian mixture of 2 components in 2 features, covariance type 'full'
        fitted to 272 rows; 11 free parameters
        log-likelihood -4.15538 nats per row, -1130.264 in all
        AIC 2282.5279, BIC 2322.1917 (lower is better)
        converged after 3 iterations; best found 5 of 5 times
        <BLANKLINE>
        component  weight   rows             x0            x1
                0  0.3559   96.8  2.036 ± 0.263  54.48 ± 5.80
                1  0.6441  175.2  4.290 ± 0.412  79.97 ± 6.00
        feature columns: mean ± standard deviation
        """
        return summarize(self._fitted())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file that `gmm.load` reads; it holds no pickle.

        The mixture is kept bit for bit, with the feature names, the record of the fit and the arguments that are
        plain words and numbers.

        Parameters
        ----------
        path : path
            Replaced if it exists, whole or not at all.

        Raises
        ------
        NotFittedError
            Before a fit.
        OSError
            The file cannot be written.

        Examples
        --------
        See `gmm.load`.
        """
        from gmm.serialization import save

        save(self, path)

    # ---- attributes

    @property
    def weights_(self) -> np.ndarray:
        return _read_only(self._fitted().mixture.weights)

    @property
    def noise_weight_(self) -> float:
        noise = self._fitted().mixture.parameters.noise
        return 0.0 if noise is None else noise.weight

    @property
    def noise_log_volume_(self) -> float:
        mixture = self._fitted().mixture
        if mixture.parameters.noise is None:
            raise AttributeError("the fit had no noise")
        return mixture.parameters.noise.log_volume - mixture.frame.log_jacobian

    @property
    def means_(self) -> np.ndarray:
        return _read_only(self._fitted().mixture.means)

    @property
    def covariances_(self) -> np.ndarray:
        return _read_only(self._fitted().mixture.covariances)

    @property
    def precisions_(self) -> np.ndarray:
        return _read_only(self._fitted().mixture.precisions)

    @property
    def precisions_cholesky_(self) -> np.ndarray:
        return _read_only(self._fitted().mixture.precisions_cholesky)

    @property
    def volume_(self) -> np.ndarray:
        return self._fitted().mixture.geometry.volume

    @property
    def shape_(self) -> np.ndarray:
        return self._fitted().mixture.geometry.shape

    @property
    def orientation_(self) -> np.ndarray:
        return self._fitted().mixture.geometry.orientation

    @property
    def converged_(self) -> bool:
        return self._record().converged

    @property
    def n_iter_(self) -> int:
        return self._record().n_iter

    @property
    def stop_reason_(self) -> str:
        return self._record().stop_reason

    @property
    def lower_bounds_(self) -> np.ndarray:
        return self._record().trace

    @property
    def segments_(self) -> np.ndarray:
        return _read_only(np.array(self._record().segments))

    @property
    def collapses_(self) -> tuple[Any, ...]:
        return self._record().collapses

    @property
    def objective_(self) -> float:
        return float(self._record().trace[-1])

    lower_bound_ = objective_

    @property
    def log_likelihood_(self) -> float:
        return self._record().log_likelihood

    @property
    def restarts_(self) -> tuple[Any, ...]:
        return self._record().restarts

    @property
    def n_features_in_(self) -> int:
        return self._fitted().mixture.n_features

    # ---- the way from rows to the kernel

    def _record(self) -> Record:
        record = self._fitted().record
        if record is None:
            raise not_fitted(f"This {type(self).__name__} was made from parameters; only a fit has this attribute.")
        return record

    def _rows(self, X: Any, fit: Fit, noise_covariance: Any = None, missing: Missing | None = None) -> Rows:
        """Rows checked against a fit and seen through its frame; ``missing`` as in the estimator unless given."""
        missing = missing or self.missing
        X = self._checked(X, fit.feature_names, fit.mixture.n_features, allow_missing=missing == "marginalize")
        work = len(X) * max(fit.mixture.factors.whiteners.size, fit.mixture.factors.means.size)
        n_threads = resolve_threads(self.n_threads) if work > WORK_WORTH_THREADS else 1
        kind = kind_of_rows(X, missing)
        rows = kind(X, None, fit.mixture.frame, fit.precision or PRECISION_OF[X.dtype], n_threads)
        rows = rows if noise_covariance is None else measured(rows, noise_covariance)
        require_plain(fit.mixture.structure, rows)
        return rows


def fit_of(model: Any) -> Fit:
    """What a mixture learned that was given to a function, or an error that says what it was given instead."""
    if isinstance(model, MixtureEstimator):
        return model._fitted()
    hint = ": take its best_" if hasattr(model, "best_") else ""
    raise ParameterError(f"model must be a fitted mixture, got a {type(model).__name__}{hint}")


def _log_density(fit: Fit, rows: Rows) -> np.ndarray:
    """Log-density of each row in the user's units, (N,)."""
    log_density = rows.score(fit.mixture.factors).log_density
    log_density += rows.log_jacobian
    return log_density


def _totals(fit: Fit, rows: Rows, sample_weight: Any) -> tuple[float, float]:
    """Total log-density (nats) and total sample weight of rows."""
    weights = check_sample_weight(sample_weight, rows.n_rows)
    log_density = _log_density(fit, rows)
    if weights is None:
        return float(log_density.sum()), float(rows.n_rows)
    counted = weights > 0  # a row of weight zero is absent, even one whose log-density is -inf
    return float(weights[counted] @ log_density[counted]), float(weights.sum())


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
