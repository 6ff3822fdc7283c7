"""Rows seen through a frame, summed with plain NumPy: the twin of `gmm.rows.Rows`.

With x' = x * scale - centre, component k has the log-density

    l_ik = log_constant_k - |W_k (x'_i - mean_k)|^2 / 2,        W_k' W_k = inverse covariance,

the responsibilities are r_ik = exp(l_ik - log sum_k exp l_ik), and the statistics are the moments

    n_k = sum_i w_i r_ik,   first_k = sum_i w_i r_ik c_ik,   second_k = sum_i w_i r_ik c_ik c_ik',   c_ik = x'_i - mean_k

in the shape of the structure (full: matrix; tied: matrix summed over k; diagonal: its diagonal; spherical: its trace).

Invariant: every square is taken of a centred difference; nothing is expanded, blocked or approximated.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gmm.parameters import Factors, Kernel
from gmm.reference.softmax import log_sum_exp, responsibilities_of
from gmm.statistics import Statistics


@dataclass(frozen=True)
class Rows:
    """N rows of D features, their sample weights, and the frame through which they are read.

    ``precision`` and ``n_threads`` are accepted so that the twin can stand in for `gmm.rows.Rows`; all arithmetic
    here is float64 on one thread.
    """

    X: np.ndarray
    sample_weight: np.ndarray | None
    frame: Any
    precision: str = "float64"
    n_threads: int = 1

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
        return float(self.weight.sum())

    @cached_property
    def total_scatter(self) -> np.ndarray:
        """(D, D) sum of w x' x'^T about the frame's centre."""
        return np.einsum("n,ni,nj->ij", self.weight, self.points, self.points, optimize=True)

    def subset(self, indices: np.ndarray) -> "Rows":
        """The chosen rows, copied, in the same frame."""
        chosen = None if self.sample_weight is None else np.asarray(self.sample_weight)[indices]
        return replace(self, X=np.asarray(self.X)[indices], sample_weight=chosen)

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and moments: the statistics of these rows under a mixture."""
        logs = self._component_log_densities(factors)
        log_density = log_sum_exp(logs)
        posterior = responsibilities_of(logs, self._distances(factors), factors.log_constants)
        statistics = self.moments(factors.kernel, factors.means, posterior)
        positive = self.weight > 0
        return replace(statistics, log_likelihood=float(np.sum(self.weight[positive] * log_density[positive])))

    def moments(
        self,
        kernel: Kernel,
        means: np.ndarray,
        responsibilities: np.ndarray | None = None,
        *,
        labels: np.ndarray | None = None,
    ) -> Statistics:
        """Moments about ``means`` (K, D) with responsibilities (N, K) given, or labels (N,), -1 for no component."""
        n_components = len(means)
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
            else:
                second.append(mass[:, k] @ centred**2)
        shaped = {
            Kernel.FULL: lambda s: s,
            Kernel.TIED: lambda s: s.sum(axis=0),
            Kernel.DIAG: lambda s: s,
            Kernel.SPHERICAL: lambda s: s.sum(axis=1),
        }[kernel](np.array(second))
        return Statistics(
            n=mass.sum(axis=0),
            first=first,
            second=shaped,
            means=np.array(means, dtype=np.float64),
            log_likelihood=0.0,
            weight=self.total_weight,
            n_rows=self.n_rows,
        )

    def score(
        self, factors: Factors, *, log_density: bool = True, posterior: bool = False, label: bool = False
    ) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
        """Log-densities (N,) in nats and frame coordinates, posteriors (N, K), labels (N,); None where not asked."""
        logs = self._component_log_densities(factors)
        distances = self._distances(factors)
        density = log_sum_exp(logs) if log_density else None
        shares = responsibilities_of(logs, distances, factors.log_constants)
        lost = np.isneginf(logs).all(axis=1)
        best = np.where(lost, shares.argmax(axis=1), logs.argmax(axis=1))
        return density, shares if posterior else None, best if label else None

    def assign(
        self, centres: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Nearest centres: inertia, labels (N,), squared distances (N,), weights (K,), sums of w (x' - centre) (K, D)."""
        squares = np.stack([np.sum((self.points - centre) ** 2, axis=1) for centre in centres], axis=1)
        labels = squares.argmin(axis=1)
        nearest = squares[np.arange(self.n_rows), labels]
        mass = self.weight[:, None] * (labels[:, None] == np.arange(len(centres)))
        sums = np.stack([mass[:, k] @ (self.points - centre) for k, centre in enumerate(centres)])
        return float(self.weight @ nearest), labels, nearest, mass.sum(axis=0), sums

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
        return np.stack(columns, axis=1)


def _whiten(factors: Factors, k: int, centred: np.ndarray) -> np.ndarray:
    """W_k c for every row c, from the whitener in its kernel's own shape."""
    if factors.kernel == Kernel.FULL:
        return centred @ np.tril(factors.whiteners[k]).T
    if factors.kernel == Kernel.TIED:
        return centred @ np.tril(factors.whiteners).T
    return centred * factors.whiteners[k]
