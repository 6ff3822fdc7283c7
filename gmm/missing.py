"""Rows with missing values: a row has the density of what was observed of it, and NaN stands for the rest.

    p(x_o) = sum_k  weight_k  N(x_o; mean_k,o, S_k,oo)            o: the observed features of a row

Sums of an E-step are expectations given what was observed (Ghahramani and Jordan 1994), so EM climbs the likelihood of
the observed values: exact where values are missing at random. Noise has a density for each pattern of missing values
(`gmm.noise`); log priors of rows are added as everywhere. Passes go by runs of rows with the same pattern, in the
core (csrc/missing.c); formulas stand in csrc/marginal.c, and `gmm.reference.missing` has the twin.

Invariant: without a NaN nothing here is used, and complete rows score the same bits beside incomplete ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from gmm import _native
from gmm._validation import nonfinite_error
from gmm.errors import DataError, GmmError
from gmm.parameters import Factors, Kernel, Parameters
from gmm.patterns import Runs, has_missing, runs_of
from gmm.rows import Rows, Scores, scanned
from gmm.statistics import Statistics

__all__ = ["IncompleteRows", "Missing", "kind_of_rows"]

Missing = Literal["raise", "marginalize"]


class SingularError(GmmError, np.linalg.LinAlgError):
    """A covariance of some features has no factors."""


@dataclass(frozen=True, eq=False)
class IncompleteRows(Rows):
    """Rows of which some values are missing; arguments as for `Rows`.

    ``moments``, ``assign`` and ``seed`` are for complete rows (`gmm.completion`).

    Examples
    --------
    Of a standard normal pair a missing value adds its variance, 1, to the squares of the others, here -1 and 1:

    >>> import numpy as np
    >>> from gmm.covariances import FULL
    >>> from gmm.missing import IncompleteRows
    >>> from gmm.parameters import Parameters
    >>> rows = IncompleteRows.from_array(np.array([[0.0, 2.0], [1.0, np.nan], [2.0, 4.0]]))
    >>> gaussian = Parameters(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> rows.accumulate(FULL.factorize(gaussian)).second.round(2).tolist()
    [[[8.0, 4.0], [4.0, 3.0]]]
    """

    is_whole: ClassVar[bool] = False

    @cached_property
    def runs(self) -> Runs:
        """Rows by pattern of missing values."""
        return runs_of(self.X)

    @cached_property
    def log_jacobian(self) -> np.ndarray:
        """As `Rows.log_jacobian`, (N,): of the observed features of each row."""
        runs = self.runs
        exponents = runs.observed @ self.frame.exponent
        found = np.empty(self.n_rows)
        found[runs.rows] = np.repeat(-np.log(2.0) * exponents[runs.pattern], np.diff(runs.first))
        return found

    @cached_property
    def mean_log_jacobian(self) -> float:
        """As `Rows.mean_log_jacobian`."""
        return float(np.average(self.log_jacobian, weights=self.sample_weight))

    @property
    def variances(self) -> np.ndarray:
        """As `Rows.variances`, of what was observed."""
        found = np.empty(self.n_features)
        for j, column in enumerate(self.X.T):
            observed = ~np.isnan(column)
            values = column[observed] * self.frame.scale[j] - self.frame.centre[j]
            weight = None if self.sample_weight is None else self.sample_weight[observed]
            found[j] = np.average(values**2, weights=weight)
        return found

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and sufficient statistics; as `Rows.accumulate`, of a tied mixture beside noise by `Kernel.FULL`."""
        if factors.log_noise is not None:
            factors = factors.centred()
        K, D = factors.means.shape
        n, first, second = np.zeros(K), np.zeros((K, D)), np.zeros(factors.kernel.whitener_shape(K, D))
        sums = (n, first, second, self.n_threads)
        given = factors.parameters
        if given.covariances.ndim < second.ndim:  # a shared matrix that wants copies
            given = replace(given, covariances=np.repeat(given.covariances[None], K, axis=0))
        found = self._called(_native.accumulate_missing, factors.kernel, given, factors.ridge, *sums)
        log_likelihood, weight, noise = found
        return Statistics(n, first, second, factors.means, log_likelihood, weight, self.n_rows, self.epsilon, noise)

    def score(
        self, factors: Factors, *, log_density: bool = True, posterior: bool = False, label: bool = False
    ) -> Scores:
        """As `Rows.score`; a row without any observed value has log-density 0 and the mixing weights as posterior."""
        N, K = self.n_rows, len(factors.parameters.mixing)
        wanted = Scores(
            np.empty(N) if log_density else None,
            np.empty((N, K), self.precision) if posterior else None,
            np.empty(N, np.int64) if label else None,
        )
        shared = factors.kernel is Kernel.FULL and factors.parameters.covariances.ndim == 2
        kernel = Kernel.TIED if shared else factors.kernel
        self._called(_native.score_missing, kernel, factors.parameters, *wanted, self.n_threads, weighted=False)
        return wanted

    def _called(self, function: Any, kernel: Kernel, given: Parameters, *outputs: Any, weighted: bool = True) -> Any:
        log_noise = None if given.noise is None else given.noise.log_constants(self.runs.observed)
        mixture, beside = (given.weights, given.means, given.covariances), (log_noise, self.log_prior)
        arguments = (function, self.runs, kernel, self._precision, *mixture, *outputs, *beside)
        try:
            return self._call(*arguments, weighted=weighted)
        except ArithmeticError as error:
            raise SingularError(str(error)) from None

    @staticmethod
    def _scanned(X: np.ndarray, sample_weight: np.ndarray | None, n_threads: int, name: str) -> dict[str, Any]:
        """Ranges and moments of what was observed of each column, as if all had weight 1."""
        error = nonfinite_error(X, name, allow_nan=True)
        if error is not None:
            raise error
        found = np.empty((4, X.shape[1]))
        for j in range(X.shape[1]):
            observed = ~np.isnan(X[:, j])
            values = X[observed, j : j + 1]
            weight = None if sample_weight is None else sample_weight[observed]
            column = scanned(values, weight, n_threads, name) if len(values) else {"n_positive": 0}
            if not column["n_positive"]:
                rows = "row" if sample_weight is None else "row of positive weight"
                raise DataError(f"column {j} of {name} is missing (NaN) in every {rows}: nothing can be said of it")
            found[:, j] = [column[key][0] for key in ("minimum", "maximum", "mean", "scatter")]
            found[3, j] /= column["weight"]
        return dict(zip(("minimum", "maximum", "mean", "scatter"), found, strict=True), weight=1.0)

    def _nonfinite_error(self) -> DataError | None:
        return nonfinite_error(self.X, allow_nan=True)


def kind_of_rows(X: np.ndarray, missing: Missing) -> type[Rows]:
    """What to read a checked X with."""
    return IncompleteRows if missing == "marginalize" and has_missing(X) else Rows
