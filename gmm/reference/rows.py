"""Rows seen through a frame, summed with plain NumPy: the twin of `gmm.rows.Rows`.

With x' = x * scale - centre, component k has the log-density

    l_ik = log_constant_k - |W_k (x'_i - mean_k)|^2 / 2,        W_k' W_k = inverse covariance,

to which a row's log prior may be added; the responsibilities are r_ik = exp(l_ik - log sum_k exp l_ik), less what noise
takes (`gmm.reference.softmax.with_noise`), and the statistics are the moments

n_k = sum_i w_i r_ik,   first_k = sum_i w_i r_ik c_ik,   second_k = sum_i w_i r_ik c_ik c_ik',   c_ik = x'_i - mean_k

the second ones in the shape of the structure (full: a matrix each; tied: one matrix, summed over k; diag: the
diagonals; spherical: the traces; factor: the diagonals and the products with the factors' directions).

Invariant: every square is taken of a centred difference; nothing is expanded, blocked or approximated.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from gmm.frame import Frame, Scaling
from gmm.parameters import Factors, Kernel
from gmm.reference.softmax import log_sum_exp, responsibilities_of, with_noise
from gmm.statistics import Statistics


class Scores(NamedTuple):
    """What `Rows.score` was asked for; None for the rest."""

    log_density: np.ndarray | None
    posterior: np.ndarray | None
    label: np.ndarray | None


class Assignment(NamedTuple):
    """What `Rows.assign` was asked for; None for the rest."""

    inertia: float
    label: np.ndarray | None
    distance: np.ndarray | None
    n: np.ndarray | None
    sum: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows of D features, their sample weights, and the frame through which they are read.

    ``precision`` and ``n_threads`` are accepted so that the twin can stand in for `gmm.rows.Rows`; all arithmetic
    here is float64 on one thread. ``sample_weight`` is in units of 2 ** ``weight_exponent`` of the user's.
    """

    X: np.ndarray
    sample_weight: np.ndarray | None
    frame: Any
    precision: str = "float64"
    n_threads: int = 1
    weight_exponent: int = 0
    log_prior: np.ndarray | None = None

    @classmethod
    def from_array(
        cls, X: np.ndarray, sample_weight: np.ndarray | None = None, *, scaling: Scaling = "feature", **settings: Any
    ) -> Self:
        """Choose the frame from column ranges, means and scatter over the rows of positive weight."""
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        points, weight = np.asarray(X, dtype=np.float64)[weight > 0], weight[weight > 0]
        mean = weight @ points / weight.sum()
        columns = {
            "minimum": points.min(axis=0),
            "maximum": points.max(axis=0),
            "mean": mean,
            "scatter": weight @ (points - mean) ** 2,
            "weight": weight.sum(),
        }
        return cls(X, sample_weight, Frame.from_columns(columns, scaling, float(np.finfo(X.dtype).eps)), **settings)

    @cached_property
    def points(self) -> np.ndarray:
        """(N, D) rows in frame coordinates, x' = x * scale - centre."""
        points = np.asarray(self.X, dtype=np.float64) * self.frame.scale - self.frame.centre
        bad = ~np.isfinite(points).all(axis=1)
        if bad.any():
            raise ValueError(f"row {int(np.argmax(bad))} is not finite")
        return points

    @cached_property
    def weight(self) -> np.ndarray:
        """(N,) sample weights, ones where none were given."""
        if self.sample_weight is None:
            return np.ones(len(self.X))
        return np.asarray(self.sample_weight, dtype=np.float64)

    @property
    def n_rows(self) -> int:
        return self.points.shape[0]

    @property
    def n_features(self) -> int:
        return self.points.shape[1]

    @property
    def total_weight(self) -> float:
        return float(np.ldexp(self.weight.sum(), self.weight_exponent))

    @property
    def mean_log_jacobian(self) -> float:
        return self.frame.log_jacobian

    @property
    def epsilon(self) -> float:
        return float(np.finfo(np.float64).eps)

    @cached_property
    def total_scatter(self) -> np.ndarray:
        """(D, D) sum of w x' x'^T about the frame's centre."""
        return np.einsum("n,ni,nj->ij", self.weight, self.points, self.points, optimize=True)

    def subset(self, indices: np.ndarray) -> Self:
        """The chosen rows, copied, in the same frame."""
        chosen = None if self.sample_weight is None else np.asarray(self.sample_weight)[indices]
        prior = None if self.log_prior is None else self.log_prior[indices]
        return replace(self, X=np.asarray(self.X)[indices], sample_weight=chosen, log_prior=prior)

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and moments: the statistics of these rows under a mixture."""
        logs = self._component_log_densities(factors)
        posterior = responsibilities_of(logs, self._distances(factors), self._constants(factors))
        log_density, share, noise = with_noise(log_sum_exp(logs), factors.log_noise)
        shares = posterior * share[:, None]
        along = factors.whiteners if factors.kernel is Kernel.FACTOR else None
        statistics = self.moments(factors.kernel, factors.means, responsibilities=shares, whiteners=along)
        positive = self.weight > 0
        total = float(np.sum(self.weight[positive] * log_density[positive]))
        return replace(statistics, log_likelihood=total, noise=float(self.weight @ noise))

    def moments(
        self,
        kernel: Kernel,
        means: np.ndarray,
        *,
        responsibilities: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        whiteners: np.ndarray | None = None,
    ) -> Statistics:
        """Moments about ``means`` (K, D) with responsibilities (N, K) given, or labels (N,), -1 for no component.

        Neither is needed with one mean: then every row belongs to it.
        """
        n_components = len(means)
        if responsibilities is None and labels is None and n_components == 1:
            responsibilities = np.ones((self.n_rows, 1))
        if responsibilities is None:
            responsibilities = (np.asarray(labels)[:, None] == np.arange(n_components)).astype(np.float64)
        mass = self.weight[:, None] * responsibilities
        first = np.empty((n_components, self.n_features))
        second = []
        for k in range(n_components):
            centred = self.points - means[k]
            first[k] = mass[:, k] @ centred
            if kernel in (Kernel.FULL, Kernel.TIED):
                second.append((mass[:, k, None] * centred).T @ centred)
            elif kernel is Kernel.FACTOR:
                along = centred @ whiteners[k, 1:].T
                second.append(np.vstack([mass[:, k] @ centred**2, (mass[:, k, None] * along).T @ centred]))
            else:
                second.append(mass[:, k] @ centred**2)
        shaped = {
            Kernel.FULL: lambda s: s,
            Kernel.TIED: lambda s: s.sum(axis=0),
            Kernel.DIAG: lambda s: s,
            Kernel.FACTOR: lambda s: s,
            Kernel.SPHERICAL: lambda s: s.sum(axis=1),
        }[kernel](np.array(second))
        return Statistics(
            n=mass.sum(axis=0),
            first=first,
            second=shaped,
            means=np.array(means, dtype=np.float64),
            log_likelihood=0.0,
            weight=float(self.weight.sum()),
            n_rows=self.n_rows,
            along=None if whiteners is None else whiteners[:, 1:],
        )

    def score(
        self, factors: Factors, *, log_density: bool = True, posterior: bool = False, label: bool = False
    ) -> Scores:
        """Log-densities (N,) in nats and frame coordinates, posteriors (N, K), labels (N,); None where not asked."""
        logs = self._component_log_densities(factors)
        distances = self._distances(factors)
        shares = responsibilities_of(logs, distances, self._constants(factors))
        lost = np.isneginf(logs).all(axis=1)
        best = np.where(lost, shares.argmax(axis=1), logs.argmax(axis=1))
        density, share, noise = with_noise(log_sum_exp(logs), factors.log_noise)
        if factors.log_noise is not None:
            shares *= share[:, None]
            best = np.where(noise > shares.max(axis=1), -1, best)
            shares = np.column_stack([shares, noise])
        return Scores(density if log_density else None, shares if posterior else None, best if label else None)

    def assign(
        self, centres: np.ndarray, *, label: bool = False, distance: bool = False, sums: bool = False
    ) -> Assignment:
        """Nearest centre of every row: inertia; labels, squared distances (N,); weights (K,), sums of w c (K, D)."""
        squares = np.stack([np.sum((self.points - centre) ** 2, axis=1) for centre in centres], axis=1)
        labels = squares.argmin(axis=1)
        nearest = squares[np.arange(self.n_rows), labels]
        mass = self.weight[:, None] * (labels[:, None] == np.arange(len(centres)))
        moved = np.stack([mass[:, k] @ (self.points - centre) for k, centre in enumerate(centres)])
        return Assignment(
            float(self.weight @ nearest),
            labels if label else None,
            nearest if distance else None,
            mass.sum(axis=0) if sums else None,
            moved if sums else None,
        )

    def seed(self, candidates: np.ndarray, closest: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Distances (N, C) to the nearest of the seeds so far and each candidate, and their weighted sums (C,)."""
        squares = np.stack([np.sum((self.points - candidate) ** 2, axis=1) for candidate in candidates], axis=1)
        distance = squares if closest is None else np.minimum(squares, closest[:, None])
        return distance, self.weight @ distance

    def _distances(self, factors: Factors) -> np.ndarray:
        """(N, K) Mahalanobis distances, square roots of the squares, scaled so that they overflow last."""
        columns = []
        for k, mean in enumerate(factors.means):
            whitened = np.abs(_whiten(factors, k, self.points - mean))
            largest = np.maximum(whitened.max(axis=1), np.finfo(np.float64).tiny)
            columns.append(largest * np.sqrt(np.sum((whitened / largest[:, None]) ** 2, axis=1)))
        return np.stack(columns, axis=1)

    def _component_log_densities(self, factors: Factors) -> np.ndarray:
        """(N, K) log mixing weight plus log density of every row under every component."""
        columns = []
        with np.errstate(over="ignore"):
            for k, mean in enumerate(factors.means):
                whitened = _whiten(factors, k, self.points - mean)
                columns.append(factors.log_constants[k] - 0.5 * np.sum(whitened**2, axis=1))
        return np.stack(columns, axis=1) + (0.0 if self.log_prior is None else self.log_prior)

    def _constants(self, factors: Factors) -> np.ndarray:
        """(N, K) what the densities of every row are multiplied by, logarithms."""
        prior = np.zeros((1, factors.n_components)) if self.log_prior is None else self.log_prior
        return np.broadcast_to(factors.log_constants + prior, (self.n_rows, factors.n_components))


def _whiten(factors: Factors, k: int, centred: np.ndarray) -> np.ndarray:
    """W_k c for every row c, from the whitener in its kernel's own shape."""
    if factors.kernel == Kernel.FULL:
        return centred @ np.tril(factors.whiteners[k]).T
    if factors.kernel == Kernel.TIED:
        return centred @ np.tril(factors.whiteners).T
    if factors.kernel == Kernel.FACTOR:
        return _residuals(factors.whiteners[k], centred)
    return centred * factors.whiteners[k]


def _residuals(whitener: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """(N, D + q): what the best factors leave of c over the noise's sd, and those factors.

    With N the directions over the whitener, orthogonal and of squares lambda, and p = N y / sqrt(lambda) for y = c w:
    y - N' p / sqrt(lambda), and p / sqrt(1 + lambda).
    """
    y, N = centred * whitener[0], whitener[1:] / whitener[0]
    values = (N**2).sum(axis=1)
    units = N / np.sqrt(np.where(values > 0, values, 1.0))[:, None]
    p = y @ units.T
    return np.hstack([y - p @ units, p / np.sqrt(1.0 + values)])
