"""Data in place and the frame it is read through: where the model layer meets the compiled core.

Every method is one call of `gmm._native`, which packs x' = x * scale - centre tile by tile, so X is never copied.
`gmm.reference` has a twin of this class with the same methods in plain NumPy. Invariant: the bits of a result depend
neither on `n_threads` nor on the layout of X.

Sample weights enter the sums in units of 2 ** weight_exponent, which is 0 unless their largest lies outside
2**-64 .. 2**64; a maximum-likelihood estimate does not see the difference, `total_weight` is in the user's units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from gmm import _native
from gmm._validation import nonfinite_error
from gmm.errors import DataError
from gmm.expansion import LIMIT, LINEAR, Expansion, is_worth_it
from gmm.frame import Frame, Scaling
from gmm.parameters import Factors, Kernel
from gmm.statistics import Statistics

__all__ = ["EPSILON", "PRECISION_OF", "Assignment", "Precision", "Rows", "Scores", "scanned", "scanned_groups"]

Precision = Literal["float32", "float64"]
AUTO = 0  # gmm_skipping: the core leaves terms out where that is faster
PRECISION_OF: dict[np.dtype, Precision] = {np.dtype(np.float32): "float32", np.dtype(np.float64): "float64"}
EPSILON = {name: float(np.finfo(name).eps) for name in ("float32", "float64")}


class Scores(NamedTuple):
    """What `Rows.score` computed; None for what was not asked."""

    log_density: np.ndarray | None  # (N,) nats, frame coordinates
    posterior: np.ndarray | None  # (N, K)
    label: np.ndarray | None  # (N,) int64


class Assignment(NamedTuple):
    """What `Rows.assign` computed; None for what was not asked."""

    inertia: float  # sum of weight times squared distance to the nearest centre
    label: np.ndarray | None  # (N,) int64
    distance: np.ndarray | None  # (N,) squared
    n: np.ndarray | None  # (K,) sum of weights
    sum: np.ndarray | None  # (K, D) sum of weight times (x' - nearest centre)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of data, their sample weights and the frame they are read through.

    Parameters
    ----------
    X : ndarray of shape (N, D), float32 or float64, any layout
    sample_weight : ndarray of shape (N,), float64, or None for ones
    frame : Frame
    precision : {"float32", "float64"}
        Of the arithmetic on tiles; sums are float64 in any case.
    n_threads : int
    weight_exponent : int
        sample_weight is in units of 2 ** weight_exponent of the user's.
    log_prior : ndarray of shape (N, K), float64, or None for zeros
        Added to the log-densities of a row's components: what is known of the row beforehand.
    """

    X: np.ndarray
    sample_weight: np.ndarray | None
    frame: Frame
    precision: Precision = "float64"
    n_threads: int = 1
    weight_exponent: int = 0
    log_prior: np.ndarray | None = None

    is_whole: ClassVar[bool] = True
    """Whether no value is missing."""

    @classmethod
    def from_array(
        cls,
        X: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        scaling: Scaling = "feature",
        precision: Precision | None = None,
        n_threads: int = 1,
        name: str = "X",
    ) -> Self:
        """Scan the columns of checked rows, refuse NaN and infinity, and choose the frame.

        Parameters
        ----------
        X : ndarray as returned by `check_rows`
        sample_weight : ndarray as returned by `check_sample_weight`, or None
        scaling : {"feature", "common"}
            The structure's `scaling`.
        precision : {"float32", "float64"} or None
            None means the dtype of X.

        Raises
        ------
        DataError
            Naming row and column of the first value that is not finite.
        """
        exponent = _weight_exponent(sample_weight)
        if exponent:
            sample_weight = np.ldexp(sample_weight, -exponent)
        columns = cls._scanned(X, sample_weight, n_threads, name)
        frame = Frame.from_columns(columns, scaling, EPSILON[X.dtype.name])
        return cls(X, sample_weight, frame, precision or X.dtype.name, n_threads, exponent)

    def weighing(self, sample_weight: np.ndarray | None) -> Self:
        """The same rows with these sample weights, checked, in the user's units."""
        exponent = _weight_exponent(sample_weight)
        weights = np.ldexp(sample_weight, -exponent) if exponent else sample_weight
        return replace(self, sample_weight=weights, weight_exponent=exponent)

    @property
    def n_rows(self) -> int:
        return self.X.shape[0]

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    @property
    def plain(self) -> Rows:
        """The same rows as if they were without error (`gmm.measured`): what starts see."""
        return self

    @cached_property
    def total_weight(self) -> float:
        """Sum of the sample weights in the user's units; the number of rows when there are none."""
        if self.sample_weight is None:
            return float(self.n_rows)
        return float(np.ldexp(self.sample_weight.sum(), self.weight_exponent))

    @property
    def log_jacobian(self) -> float | np.ndarray:
        """What to add to the log-density of each row in the frame to get the one in user units, nats."""
        return self.frame.log_jacobian

    @property
    def mean_log_jacobian(self) -> float:
        """The same per unit of sample weight."""
        return self.frame.log_jacobian

    @cached_property
    def epsilon(self) -> float:
        """Unit roundoff of the arithmetic on tiles."""
        return EPSILON[self.precision]

    @property
    def columns(self) -> dict[str, Any]:
        """What a `Frame` is made from, over rows of positive weight, in user units."""
        return self._scanned(self.X, self.sample_weight, self.n_threads, "X")

    @property
    def variances(self) -> np.ndarray:
        """Of the columns, (D,), in the frame, which is centred at their means."""
        return self.total_scatter.diagonal() / np.ldexp(self.total_weight, -self.weight_exponent)

    @cached_property
    def total_scatter(self) -> np.ndarray:
        """Sum of w x' x'^T about the frame's centre, (D, D); always in float64 arithmetic."""
        centre = np.zeros((1, self.n_features))
        return replace(self, precision="float64").moments(Kernel.FULL, centre).second[0]

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and sufficient statistics in one pass; no N x K array.

        For `Kernel.TIED` the second moments are pooled: the total scatter minus what lies between the means,
        sum_k first_k mean_k' + mean_k first_k' + n_k mean_k mean_k'. Where that is worth it and safe, the square is
        expanded: see `gmm.expansion`. With noise, which has its share of the total scatter, second moments are those of
        each component, by `Kernel.FULL`.
        """
        if factors.log_noise is not None:
            factors = factors.centred()
        if factors.kernel is Kernel.TIED and is_worth_it(self.n_rows, *factors.means.shape):
            expansion = Expansion.of(factors, self._mean_scatter, self.frame.radius)
            if expansion.rounding(self.precision) <= LIMIT[self.precision]:
                return self._expanded(expansion)
        n, first, second = _empty_moments(factors.kernel, factors.means, factors.whiteners)
        log_likelihood, weight, noise = self._call(
            _native.accumulate,
            *(factors.kernel, self._precision, factors.log_constants, factors.means, factors.whiteners),
            *(n, first, second, self.n_threads, AUTO, factors.log_noise, self.log_prior),
        )
        if second is None:
            second = self._pooled(n, first, factors.means)
        totals = (log_likelihood, weight, self.n_rows, self.epsilon, noise)
        return Statistics(n, first, second, factors.means, *totals, along=factors.along)

    @cached_property
    def _mean_scatter(self) -> np.ndarray:
        """The total scatter per unit of sample weight."""
        return self.total_scatter / np.ldexp(self.total_weight, -self.weight_exponent)

    def _expanded(self, expansion: Expansion) -> Statistics:
        """Statistics by the linear kernel."""
        means = expansion.means
        n, first, _ = _empty_moments(Kernel.TIED, means)
        log_likelihood, weight, _ = self._call(
            _native.accumulate,
            *(LINEAR, self._precision, expansion.constants, means, expansion.slopes, n, first, None, self.n_threads),
            *(AUTO, None, self.log_prior),
        )
        first -= n[:, None] * means
        log_likelihood -= expansion.common * weight
        second = self._pooled(n, first, means)
        return Statistics(n, first, second, means, log_likelihood, weight, self.n_rows, self.epsilon)

    def _pooled(self, n: np.ndarray, first: np.ndarray, means: np.ndarray) -> np.ndarray:
        second = np.empty_like(self.total_scatter)
        _native.pool(self.total_scatter, means, n, first, second)
        return second

    def moments(
        self,
        kernel: Kernel,
        means: np.ndarray,
        *,
        responsibilities: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        whiteners: np.ndarray | None = None,
    ) -> Statistics:
        """Statistics about `means` of rows whose responsibilities (N, K) or labels (N,) are given.

        Neither is needed with one mean: then every row belongs to it. A label of -1 leaves the row out. `kernel` is a
        structure's `moments_kernel`: FULL, DIAG or SPHERICAL; or FACTOR, whose moments are along the directions of
        `whiteners`.
        """
        means = np.ascontiguousarray(means, np.float64)
        n, first, second = _empty_moments(kernel, means, whiteners)
        if responsibilities is not None:
            responsibilities = np.ascontiguousarray(responsibilities, np.float64)
        if labels is not None:
            labels = np.ascontiguousarray(labels, np.int64)
        given = (responsibilities, labels)
        sums = (n, first, second)
        weight = self._call(_native.moments, kernel, self._precision, means, *given, *sums, self.n_threads, whiteners)
        along = None if whiteners is None else whiteners[:, 1:]
        return Statistics(n, first, second, means, 0.0, weight, self.n_rows, self.epsilon, along=along)

    def score(
        self, factors: Factors, *, log_density: bool = True, posterior: bool = False, label: bool = False
    ) -> Scores:
        """Log-densities in frame coordinates (nats), posteriors and labels of every row, as asked.

        With noise posteriors have one more column, the last, and the label -1 is noise.
        """
        N, K = self.n_rows, factors.n_components + (factors.log_noise is not None)
        wanted = Scores(
            np.empty(N) if log_density else None,
            np.empty((N, K), self.precision) if posterior else None,
            np.empty(N, np.int64) if label else None,
        )
        self._call(
            _native.score,
            *(factors.kernel, self._precision, factors.log_constants, factors.means, factors.whiteners),
            *(*wanted, self.n_threads, factors.log_noise, self.log_prior),
            weighted=False,
        )
        return wanted

    def assign(
        self, centres: np.ndarray, *, label: bool = False, distance: bool = False, sums: bool = False
    ) -> Assignment:
        """Nearest of the centres (K, D) by Euclidean distance in the frame, lowest index on ties."""
        centres = np.ascontiguousarray(centres, np.float64)
        K, D = centres.shape
        outputs = (
            np.empty(self.n_rows, np.int64) if label else None,
            np.empty(self.n_rows) if distance else None,
            np.zeros(K) if sums else None,
            np.zeros((K, D)) if sums else None,
        )
        inertia = self._call(_native.assign, self._precision, centres, *outputs, self.n_threads)
        return Assignment(inertia, *outputs)

    def seed(self, candidates: np.ndarray, closest: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Try candidates (C, D) as one more seed of k-means.

        Parameters
        ----------
        candidates : ndarray of shape (C, D)
        closest : ndarray of shape (N,), optional
            Squared distance to the nearest seed so far.

        Returns
        -------
        distance : ndarray of shape (N, C)
            The same with the candidate among the seeds.
        potential : ndarray of shape (C,)
            Sums of weight times distance.
        """
        candidates = np.ascontiguousarray(candidates, np.float64)
        distance, potential = np.empty((self.n_rows, len(candidates))), np.zeros(len(candidates))
        self._call(_native.seed, self._precision, candidates, closest, distance, potential, self.n_threads)
        return distance, potential

    def subset(self, indices: np.ndarray) -> Self:
        """Return some of the rows, copied, in the same frame."""
        weight = None if self.sample_weight is None else self.sample_weight[indices]
        # take copies whole rows at once, but an array in another layout it would copy whole first
        X = self.X.take(indices, axis=0) if self.X.flags.c_contiguous else np.ascontiguousarray(self.X[indices])
        log_prior = None if self.log_prior is None else self.log_prior[indices]
        return replace(self, X=X, sample_weight=weight, log_prior=log_prior)

    @staticmethod
    def _scanned(X: np.ndarray, sample_weight: np.ndarray | None, n_threads: int, name: str) -> dict[str, Any]:
        return scanned(X, sample_weight, n_threads, name)

    def _nonfinite_error(self) -> DataError | None:
        return nonfinite_error(self.X)

    @property
    def _precision(self) -> int:
        return int(self.precision == "float64")

    def _call(self, function: Callable[..., Any], *arguments: Any, weighted: bool = True) -> Any:
        """Call the core on these rows; say where when one of them is not finite."""
        weights = (self.sample_weight,) if weighted else ()
        try:
            return function(self.X, *weights, self.frame.scale, self.frame.centre, *arguments)
        except ValueError:
            error = self._nonfinite_error()
            if error is None:
                raise
            raise error from None


def scanned(
    X: np.ndarray, sample_weight: np.ndarray | None = None, n_threads: int = 1, name: str = "X"
) -> dict[str, Any]:
    """Return what a `Frame` is made from; a DataError names the first value that is not finite."""
    columns = _native.scan(X, sample_weight, n_threads)
    if columns["bad_row"] >= 0:
        raise nonfinite_error(X, name)
    return columns


def scanned_groups(groups: list[np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the same of groups of unweighted rows with as many features each, and which are finite (G,).

    Where a group is not, the columns hold numbers that mean nothing.
    """
    shape = len(groups), groups[0].shape[1]
    columns = {key: np.ones(shape) for key in ("minimum", "maximum", "mean", "scatter")}
    columns["weight"], finite = np.ones(shape[0]), np.zeros(shape[0], bool)
    _native.scan_groups(groups, *columns.values(), finite)
    for array in columns.values():
        array[~finite] = 1.0
    return columns, finite


def _empty_moments(
    kernel: Kernel, means: np.ndarray, whiteners: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    shape = whiteners.shape if kernel is Kernel.FACTOR else kernel.whitener_shape(*means.shape)
    return np.zeros(len(means)), np.zeros(means.shape), None if kernel is Kernel.TIED else np.zeros(shape)


def _weight_exponent(sample_weight: np.ndarray | None) -> int:
    if sample_weight is None:
        return 0
    exponent = int(np.frexp(sample_weight.max(initial=0.0))[1])
    return exponent if abs(exponent) > 64 else 0
