"""Rows observed with error: x = v + e, e ~ N(0, E) with E known for each row; the mixture is that of the v.

    p(x_o) = sum_k  weight_k  N(x_o; mean_k,o, S_k,oo + E_oo)           o: the observed features of a row

Extreme deconvolution (Bovy, Hogg, Roweis 2011): EM whose E-step takes expectations of v given x_o. With
T = S_oo + E_oo, b = S_:o inverse(T) (x_o - mean_o) and B = S - S_:o inverse(T) S_o: the moments of a row are b and
b b' + B, and the M-step is the ordinary one. Rows with E = 0 and all features have the ordinary terms. Passes are in
the core (csrc/measured.c); `gmm.reference.measured` has the twin.

A ridge R is noise on v, as it is on rows without error, so component k's log-density is

    g_k = log N(x_o; mean_o, T) - 1/2 tr(R_oo inverse(S_oo)).

Let q be the normal distribution of v_o given x_o under the current parameters, u ~ N(0, R_oo). Jensen's inequality
says, with equality at the current parameters and constants c that do not depend on the new ones,

    log N(x_o; mean_o, T)  >=  E_q log N(v_o; mean_o, S_oo) + c
    g_k                    >=  E_q E_u log N(v_o + u; mean_o, S_oo) + c  >=  E log N(v; mean, S) + c'

for E_u of a normal's logarithm is the penalty, and the last step completes v_o + u by the missing features given it. So
sum_i w_i log sum_k weight_k exp g_k never falls under the M-step with second moment b b' + B + A R_oo A',
A = S_:o inverse(S_oo). Where nothing is missing that is b b' + B + R whatever the error, and no covariance falls below
R; where E = 0 it is what `gmm.missing` does.

Beside noise a row is noise with the density it has without an error: what is spread evenly, over the box and all that
lies outside it, stays so when it is smeared. Log priors enter the E-step as without errors.

Invariant: X and E are never copied whole, and arithmetic is float64 whatever the rows are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from gmm import _native
from gmm._validation import nonfinite_error
from gmm.covariances.base import Covariance
from gmm.covariances.positive_definite import SKEW
from gmm.errors import DataError, DataTypeError, ParameterError
from gmm.missing import SingularError
from gmm.parameters import Factors, Kernel, Parameters
from gmm.rows import EPSILON, Rows, Scores
from gmm.statistics import Statistics

__all__ = ["MeasuredRows", "check_noise_covariance", "measured", "require_plain"]

CHUNK_VALUES = 1 << 20  # checked together


@dataclass(frozen=True, eq=False)
class MeasuredRows(Rows):
    """Rows and the covariances of their errors; other arguments as for `Rows`.

    Parameters
    ----------
    errors : ndarray of shape (N, D) or (N, D, D)
        Variances or covariances in the user's units, any strides; shared ones have stride 0.
    plain : Rows
        The same rows as if they were without error.

    Examples
    --------
    Seen with an error of variance 3, a value of a standard normal variable is expected at a quarter of where it was
    seen:

    >>> import numpy as np
    >>> from gmm.covariances import FULL
    >>> from gmm.measured import measured
    >>> from gmm.parameters import Parameters
    >>> from gmm.rows import Rows
    >>> rows = measured(Rows.from_array(np.array([[0.0], [2.0]])), [[0.0], [3.0]])
    >>> normal = Parameters(np.ones(1), np.zeros((1, 1)), np.eye(1)[None])
    >>> rows.accumulate(FULL.factorize(normal)).first
    array([[-0.75]])
    """

    is_whole: ClassVar[bool] = False

    errors: np.ndarray | None = None
    plain: Rows | None = None

    @property
    def log_jacobian(self) -> float | np.ndarray:
        """As of `plain`."""
        return self.plain.log_jacobian

    @property
    def mean_log_jacobian(self) -> float:
        """As of `plain`."""
        return self.plain.mean_log_jacobian

    @property
    def epsilon(self) -> float:
        """Unit roundoff of the arithmetic, which is float64."""
        return EPSILON["float64"]

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and sufficient statistics; of `Kernel.TIED` second moments are pooled."""
        K, D = factors.means.shape
        n, first, second = np.zeros(K), np.zeros((K, D)), np.zeros(factors.kernel.whitener_shape(K, D))
        given = factors.parameters
        if given.covariances.ndim < second.ndim:  # a shared matrix that wants copies
            given = replace(given, covariances=np.repeat(given.covariances[None], K, axis=0))
        beside = (_noise_of(given), self.log_prior)
        log_likelihood, weight, noise = self._passed(
            *(_native.accumulate_measured, self.errors, factors.kernel, *_arrays(given), factors.ridge),
            *(n, first, second, self.n_threads, *beside),
        )
        return Statistics(n, first, second, factors.means, log_likelihood, weight, self.n_rows, self.epsilon, noise)

    def score(
        self, factors: Factors, *, log_density: bool = True, posterior: bool = False, label: bool = False
    ) -> Scores:
        """As `Rows.score`, of the rows as observed; posteriors in `precision`."""
        N, K = self.n_rows, len(factors.parameters.mixing)
        wanted = Scores(
            np.empty(N) if log_density else None,
            np.empty((N, K), self.precision) if posterior else None,
            np.empty(N, np.int64) if label else None,
        )
        given = factors.parameters
        shared = factors.kernel is Kernel.FULL and given.covariances.ndim == 2
        kernel = Kernel.TIED if shared else factors.kernel
        outputs = (self._precision, *_arrays(given), *wanted, self.n_threads, _noise_of(given), self.log_prior)
        self._passed(_native.score_measured, self.errors, kernel, *outputs, weighted=False)
        return wanted

    def subset(self, indices: np.ndarray) -> Self:
        """Return some of the rows, copied, in the same frame."""
        return replace(super().subset(indices), errors=self.errors[indices], plain=self.plain.subset(indices))

    def framed_errors(self, indices: np.ndarray) -> np.ndarray:
        """Covariances (n, D, D) of the errors of some rows, in the frame."""
        errors, scale = self.errors[indices].astype(np.float64), self.frame.scale
        matrices = errors if errors.ndim == 3 else errors[:, :, None] * np.eye(len(scale))
        return matrices * scale * scale[:, None]

    def _passed(self, function: Any, *arguments: Any, weighted: bool = True) -> Any:
        try:
            return self._call(function, *arguments, weighted=weighted)
        except ArithmeticError as error:
            raise SingularError(str(error)) from None

    def _nonfinite_error(self) -> DataError | None:
        error = nonfinite_error(self.X, allow_nan=True)
        if error is not None:
            return error
        scale, size = self.frame.scale, max(CHUNK_VALUES // self.errors[0].size, 1)
        for start in range(0, self.n_rows, size):
            some = self.errors[start : start + size]
            with np.errstate(over="ignore"):
                framed = some * scale * (scale if some.ndim == 2 else scale[:, None])
            beyond = np.isinf(framed)
            if beyond.any():
                return _refusal(beyond, "is beyond float64's range in units of the data's spread", start)
        return None


def _arrays(given: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return given.weights, given.means, given.covariances


def _noise_of(given: Parameters) -> tuple[float, float, np.ndarray] | None:
    """Of noise: log of weight times density of whole rows, log of the weight, log lengths of the box (D,)."""
    noise = given.noise
    if noise is None:
        return None
    log_weight = math.log(noise.weight) if noise.weight > 0.0 else -math.inf
    return noise.log_constant, log_weight, np.ascontiguousarray(noise.log_lengths)


def measured(rows: Rows, noise_covariance: Any) -> Rows:
    """The rows with their errors, checked; the rows themselves when no row has one.

    Parameters
    ----------
    rows : Rows or IncompleteRows
    noise_covariance : array-like
        As for `check_noise_covariance`.
    """
    if type(rows) is Rows:  # the core would take a NaN for a missing value
        error = nonfinite_error(rows.X)
        if error is not None:
            raise error
    errors = check_noise_covariance(noise_covariance, rows.X)
    if errors is None:
        return rows
    common = (rows.X, rows.sample_weight, rows.frame, rows.precision, rows.n_threads, rows.weight_exponent)
    return MeasuredRows(*common, errors=errors, plain=rows)


def require_plain(structure: Covariance, rows: Rows) -> None:
    """Refuse rows with gaps or errors where moments are along directions of a mixture.

    Raises
    ------
    ParameterError
        Naming the covariance_type and what does not go with it.
    """
    if structure.kernel is Kernel.FACTOR and not rows.is_whole:
        what = "missing values" if rows.plain is rows else "noise_covariance"
        raise ParameterError(f"{what} and covariance_type={structure.name!r} do not go together: take 'full' or 'diag'")


def check_noise_covariance(noise_covariance: Any, X: np.ndarray) -> np.ndarray | None:
    """Errors as (N, D) or (N, D, D), float32 or float64, shared ones broadcast; None when all are zero.

    Parameters
    ----------
    noise_covariance : array-like of shape (N, D), (N, D, D), (D,) or (D, D)
        Variances or covariances of the errors of each row, or of all rows, in squared units of the data.
    X : ndarray of shape (N, D)
        The rows; what belongs to their missing values (NaN) is not looked at.

    Raises
    ------
    DataError
        Naming the first row whose error is not finite, not symmetric or not positive semidefinite, and the columns
        where one can tell.
    """
    name, (N, D) = "noise_covariance", X.shape
    try:
        errors = np.asarray(noise_covariance)
        if errors.dtype.kind == "c":
            raise TypeError("complex numbers")
        if errors.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            errors = errors.astype(np.float64)
    except (TypeError, ValueError) as cause:
        raise DataTypeError(f"{name} must be an array of real numbers: {cause}") from None
    per_row = errors.shape in ((N, D), (N, D, D))
    if not per_row and errors.shape not in ((D,), (D, D)):
        raise DataError(
            f"{name} has shape {errors.shape}; expected ({N}, {D}), ({N}, {D}, {D}), or for all rows ({D},), ({D}, {D})"
        )
    if errors.shape == (N, D) and 1 < N == D and np.array_equal(errors, errors.T):
        raise DataError(
            f"{name} of shape {errors.shape} could be variances of {N} rows or one matrix for all; give ({N}, {D}, {D})"
        )
    if not per_row:
        found = _check_some(errors[None], None, 0, shared=True)
        return np.broadcast_to(errors, (N, *errors.shape)) if found else None
    size, found = max(CHUNK_VALUES // (errors[0].size or 1), 1), False
    for start in range(0, N, size):
        missing = np.isnan(X[start : start + size])
        found |= _check_some(errors[start : start + size], missing if missing.any() else None, start)
    return errors if found else None


def _check_some(errors: np.ndarray, missing: np.ndarray | None, start: int, shared: bool = False) -> bool:
    """Check errors of rows from ``start`` on; returns whether some are not zero."""
    if missing is not None:
        ignored = missing if errors.ndim == 2 else missing[:, :, None] | missing[:, None, :]
        errors = np.where(ignored, 0, errors)

    def refuse(bad: np.ndarray, why: str) -> None:
        if bad.any():
            raise _refusal(bad, why, None if shared else start)

    refuse(~np.isfinite(errors), "is not finite")
    variances = errors if errors.ndim == 2 else np.diagonal(errors, axis1=1, axis2=2)
    refuse(variances < 0, "has a negative variance")
    if errors.ndim == 3:
        allowance = max(SKEW, 16 * errors.shape[1] * float(np.finfo(errors.dtype).eps))
        sd = np.sqrt(variances.astype(np.float64))
        sizes = sd[:, :, None] * sd[:, None, :]
        refuse(np.abs(errors - errors.swapaxes(1, 2)) > allowance * sizes, "is not symmetric")
        refuse(np.abs(errors) > (1 + allowance) * sizes, "is not positive semidefinite")
        sd[sd == 0] = 1.0
        correlations = errors / sd[:, :, None] / sd[:, None, :]
        correlations[:, range(errors.shape[1]), range(errors.shape[1])] += allowance
        try:
            np.linalg.cholesky(correlations)
        except np.linalg.LinAlgError:
            refuse(np.linalg.eigvalsh(correlations)[:, 0] <= 0, "is not positive semidefinite")
    return bool(errors.any())


def _refusal(bad: np.ndarray, why: str, start: int | None) -> DataError:
    """The error for the first of the rows from ``start`` on, or of what they share, that is bad (N, ...) somewhere."""
    row, *columns = map(int, np.argwhere(bad)[0])
    owner = "" if start is None else f" of row {start + row}"
    place = f" at column {columns[0]}" if columns else ""
    if len(set(columns)) > 1:
        place = f" at columns {columns[0]} and {columns[1]}"
    return DataError(f"noise_covariance{owner} {why}{place}")
