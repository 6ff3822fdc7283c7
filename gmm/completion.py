"""Missing values filled in: conditional means or draws under a mixture, and what starts see of incomplete rows.

    E[x_m | x_o] = sum_k r_k (mean_k,m + B_k (x_o - mean_k,o)),     B_k = S_k,mo inverse(S_k,oo),   r_k given x_o

Of rows seen with errors E (`gmm.measured`) S_k,oo + E_oo stands in place of S_k,oo: what is filled in is what the
missing values are without error.

A draw takes a component by r_k and then x_m from its conditional normal distribution. With L the Cholesky factor of S_k
in the order [o, m]: B_k = L_mo inverse(L_oo), and L_mm is the factor of the conditional covariance. Noise, with its
share of the row, expects the centre of its box, and is drawn evenly along each missing feature.

Partitions (k-means and the like) need complete rows. They see draws under one Gaussian fitted to the rows by EM, not
means: rows with few observed values would else lie on lines and planes, which components collapse onto.

Invariant: observed values come back bit for bit; what is drawn for a start depends on the rows and its seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from gmm.covariances import FULL, Covariance
from gmm.em import climb
from gmm.measured import MeasuredRows
from gmm.missing import IncompleteRows
from gmm.noise import Noise
from gmm.parameters import Kernel, Parameters
from gmm.rows import Rows
from gmm.statistics import Statistics
from gmm.subsample import chosen_rows, largest

__all__ = ["CompletedRows", "completed", "completions", "filled"]

SEED = 0x2545F491  # any number: what starts of a fit share does not depend on theirs
CHUNK = 1 << 15  # rows filled in together
STACKED = 1 << 20  # values of the matrices of rows with errors, which have their own
GAUSSIAN_ROWS = 1 << 11  # at least, and SPARE times the features
SPARE = 16
GAUSSIAN_ITERATIONS, GAUSSIAN_TOL = 20, 1e-3


def filled(
    rows: IncompleteRows | MeasuredRows,
    structure: Covariance,
    parameters: Parameters,
    rng: np.random.Generator | None = None,
    n_draws: int = 1,
) -> np.ndarray:
    """The rows, copied, with expectations under a mixture in place of NaN, or draws from ``rng`` if given.

    Parameters
    ----------
    rows : IncompleteRows, or MeasuredRows of such
    structure : Covariance
    parameters : Parameters
        In the frame of the rows.
    rng : Generator, optional
    n_draws : int

    Returns
    -------
    ndarray of shape (n_draws, N, D), user units, of the dtype of the rows
    """
    matrices = structure.dense(parameters.covariances, *parameters.means.shape)
    factors = structure.factorize(parameters).centred()
    X = np.array(np.broadcast_to(rows.X, (n_draws, *rows.X.shape)), order="C")
    is_exact, rows = isinstance(rows, IncompleteRows), replace(rows, sample_weight=None, log_prior=None)
    size = CHUNK if is_exact else min(CHUNK, max(STACKED // matrices.size, 1))
    for start in range(0, rows.n_rows, size):
        part = rows.subset(np.arange(start, min(start + size, rows.n_rows)))
        posterior = part.score(factors, log_density=False, posterior=True).posterior
        runs = part.runs if is_exact else part.plain.runs
        for r, pattern in enumerate(runs.pattern):
            if runs.observed[pattern].all():
                continue
            here = runs.rows[runs.first[r] : runs.first[r + 1]]
            errors = None if is_exact else part.framed_errors(here)
            conditional = Conditional.of(parameters, matrices, runs.observed[pattern], errors)
            o, m, frame = conditional.observed, conditional.missing, rows.frame
            points = np.array(part.X[here][:, o], np.float64, order="C") * frame.scale[o] - frame.centre[o]
            values = conditional.values(np.tile(points, (n_draws, 1)), np.tile(posterior[here], (n_draws, 1)), rng)
            values = np.ldexp(values + frame.centre[m], frame.exponent[m]).reshape(n_draws, len(here), len(m))
            X[:, (start + here)[:, None], m] = values
    return X


@dataclass(frozen=True, eq=False)
class Conditional:
    """What some features of a mixture say of the others, in the frame."""

    observed: np.ndarray  # (o,) numbers of features
    missing: np.ndarray  # (m,)
    means: np.ndarray  # (K, D)
    noise: Noise | None
    regressions: np.ndarray  # (K, o, m), B transposed; or (K, N, o, m), each row's own
    roots: np.ndarray  # (K, m, m) or (K, N, m, m), L_mm transposed

    @classmethod
    def of(
        cls, parameters: Parameters, matrices: np.ndarray, observed: np.ndarray, errors: np.ndarray | None = None
    ) -> Self:
        """From a mixture, its covariances (K, D, D), which features are observed (D,), and errors of rows (N, D, D)."""
        o, m = np.flatnonzero(observed), np.flatnonzero(~observed)
        order, n = np.concatenate([o, m]), len(o)
        if errors is not None:
            matrices = matrices[:, None] + np.where(observed[:, None] & observed, errors, 0.0)
        L = np.linalg.cholesky(matrices[..., order[:, None], order])
        B = np.linalg.solve(L[..., :n, :n].swapaxes(-1, -2), L[..., n:, :n].swapaxes(-1, -2))
        return cls(o, m, parameters.means, parameters.noise, B, L[..., n:, n:].swapaxes(-1, -2))

    def values(self, points: np.ndarray, posterior: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Expectations (N, m) for rows whose observed features are ``points`` (N, o), or draws."""
        found = np.zeros((len(points), len(self.missing)))
        if rng is not None:
            uniform = rng.random(len(points)) * posterior.sum(axis=1)
            component = (uniform[:, None] >= np.cumsum(posterior, axis=1)[:, :-1]).sum(axis=1)
            normal = rng.standard_normal(found.shape)
        if self.noise is not None:
            even = self.noise.values(self.missing, len(points), rng)
            found = posterior[:, -1:] * even if rng is None else even
        for k, mean in enumerate(self.means):
            taken = np.arange(len(points)) if rng is None else np.flatnonzero(component == k)
            values = mean[self.missing] + _times(points[taken] - mean[self.observed], self.regressions[k], taken)
            if rng is None:
                found += posterior[:, k, None] * values
            else:
                found[taken] = values + _times(normal[taken], self.roots[k], taken)
        return found


def _times(vectors: np.ndarray, matrices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Vectors (n, a) times one matrix (a, b), or each times that of its row in (N, a, b), counted round and round."""
    if matrices.ndim == 2:
        return vectors @ matrices
    return np.matmul(vectors[:, None, :], matrices[rows % len(matrices)])[:, 0]


def gaussian(rows: IncompleteRows) -> Parameters:
    """One Gaussian fitted to the rows, or to a subsample of them, by EM."""
    size = max(GAUSSIAN_ROWS, SPARE * rows.n_features)
    chosen = chosen_rows(rows.n_rows, SEED, size, rows.sample_weight)
    seen = rows if chosen is None else rows.subset(chosen)
    weight = np.ones(seen.n_rows) if seen.sample_weight is None else seen.sample_weight
    points = np.ascontiguousarray(seen.frame.points_in(seen.X))  # NumPy's sums round by layout
    counted = np.where(np.isnan(points), 0.0, weight[:, None])
    points = np.where(counted > 0, points, 0.0)
    total = np.maximum(counted.sum(axis=0), np.finfo(np.float64).tiny)  # a subsample may miss a column
    means = (counted * points).sum(axis=0) / total
    variances = (counted * (points - means) ** 2).sum(axis=0) / total
    variances = np.maximum(variances, seen.frame.floor)
    begun = Parameters(np.ones(1), means[None], np.diag(variances)[None])
    limits = {"floor": seen.frame.floor, "tol": GAUSSIAN_TOL, "max_iter": GAUSSIAN_ITERATIONS}
    return climb(seen.accumulate, FULL, begun, **limits).parameters


def completed(rows: Rows, seed: int, fitted: Parameters | None = None) -> Rows:
    """The rows with their missing values drawn, under one Gaussian; the rows themselves where none is missing."""
    if rows.is_whole:
        return rows
    X = filled(rows, FULL, fitted or gaussian(rows), np.random.default_rng([SEED, seed]))[0]
    return Rows(X, *(getattr(rows, field.name) for field in fields(Rows)[1:]))


def completions(rows: IncompleteRows, n_components: int) -> Callable[[int], Rows]:
    """Seed to as many of the rows as a start looks at, their missing values drawn."""
    chosen = chosen_rows(rows.n_rows, SEED, largest(n_components, rows.n_features), rows.sample_weight)
    seen, fitted = rows if chosen is None else rows.subset(chosen), gaussian(rows)
    return lambda seed: completed(seen, seed, fitted)


@dataclass(frozen=True, eq=False)
class CompletedRows(Rows):
    """All of the rows, their missing values drawn anew, and alike, in every pass: for moments of a given partition."""

    gaussian: Parameters | None = None

    @classmethod
    def of(cls, rows: IncompleteRows) -> Self:
        """Fit the Gaussian to draw from."""
        return cls(*(getattr(rows, field.name) for field in fields(Rows)), gaussian=gaussian(rows))

    def moments(
        self,
        kernel: Kernel,
        means: np.ndarray,
        *,
        responsibilities: np.ndarray | None = None,
        labels: np.ndarray | None = None,
    ) -> Statistics:
        """As `Rows.moments`, a chunk of rows at a time."""
        sums: Statistics | None = None
        for start in range(0, self.n_rows, CHUNK):
            part = slice(start, start + CHUNK)
            weight = None if self.sample_weight is None else self.sample_weight[part]
            shared = (weight, self.frame, self.precision, self.n_threads, self.weight_exponent)
            incomplete = IncompleteRows(self.X[part], *shared)
            X = filled(incomplete, FULL, self.gaussian, np.random.default_rng([SEED, start]))[0]
            whole = Rows(X, *shared)
            given = {"responsibilities": responsibilities, "labels": labels}
            given = {name: array if array is None else array[part] for name, array in given.items()}
            found = whole.moments(kernel, means, **given)
            sums = found if sums is None else sums + found
        return sums
