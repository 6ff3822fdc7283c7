"""Named test problems: rows with a known truth, used by every suite.

Each function returns a `Problem` (rows, the component each came from, and the mixture they were drawn from) or plain
rows where there is no mixture behind them. Seeds are fixed; the same call gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """Rows (N, D), labels (N,), and the truth they were drawn from in the structure "full"."""

    X: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def random_covariance(n_features: int, rng: np.random.Generator, *, condition: float = 10.0) -> np.ndarray:
    """A matrix with eigenvalues from 1 down to 1/condition, evenly spaced in the log, in a random orientation."""
    basis = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    matrix = (basis * np.geomspace(1.0, 1.0 / condition, n_features)) @ basis.T
    return (matrix + matrix.T) / 2


def blobs(
    n_samples: int = 1000,
    *,
    n_features: int = 2,
    n_components: int = 3,
    separation: float = 4.0,
    condition: float = 10.0,
    seed: int = 0,
) -> Problem:
    """Gaussians of random orientation and unequal mixing weights whose nearest centres are `separation` apart.

    Eigenvalues of every covariance lie in [1/condition, 1], so `separation` counts the largest standard deviations:
    1 is one heap, 2 overlaps, 4 is nearly and 8 clearly apart.
    """
    rng = np.random.default_rng([seed, n_features, n_components])
    means = rng.normal(size=(n_components, n_features))
    if n_components > 1:
        gaps = np.linalg.norm(means[:, None] - means, axis=-1)[np.triu_indices(n_components, 1)]
        means *= separation / gaps.min()
    covariances = np.stack([random_covariance(n_features, rng, condition=condition) for _ in range(n_components)])
    weights = np.arange(2.0, n_components + 2.0)
    weights /= weights.sum()
    labels = np.sort(rng.choice(n_components, n_samples, p=weights))
    labels[:n_components] = np.arange(n_components)  # every component has a row
    roots = np.linalg.cholesky(covariances)
    noise = rng.normal(size=(n_samples, n_features))
    X = means[labels] + np.einsum("nij,nj->ni", roots[labels], noise)
    order = rng.permutation(n_samples)
    return Problem(X[order], labels[order], weights, means, covariances)


def overlapping(n_samples: int = 4000, *, seed: int = 0) -> Problem:
    """Two unit Gaussians on a line, 1.8 standard deviations apart, equal weights: the slow case of EM."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [n_samples // 2, n_samples - n_samples // 2])
    means = np.array([[0.0], [1.8]])
    X = rng.normal(size=(n_samples, 1)) + means[labels]
    order = rng.permutation(n_samples)
    return Problem(X[order], labels[order], np.array([0.5, 0.5]), means, np.ones((2, 1, 1)))


def far_apart(n_samples: int = 400, *, sigmas: float = 1e9, n_features: int = 2, seed: int = 0) -> Problem:
    """Two unit Gaussians `sigmas` standard deviations apart in every feature."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_samples) % 2
    means = np.array([np.zeros(n_features), np.full(n_features, sigmas)])
    X = rng.normal(size=(n_samples, n_features)) + means[labels]
    return Problem(X, labels, np.array([0.5, 0.5]), means, np.repeat(np.eye(n_features)[None], 2, axis=0))


# ---- degenerate rows: two clear groups in what is not degenerate, (rows, labels)


def _groups(n_samples: int, n_features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n_samples) % 2
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_features)) + 10.0 * labels[:, None], labels


def constant_column(value: float, n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two features in two groups and a third that never changes."""
    X, labels = _groups(n_samples, 2)
    return np.column_stack([X, np.full(n_samples, value)]), labels


def duplicated_column(n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two features in two groups, the first of them twice."""
    X, labels = _groups(n_samples, 2)
    return np.column_stack([X, X[:, 0]]), labels


def dependent_column(n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two features in two groups and a linear combination of them."""
    X, labels = _groups(n_samples, 2)
    return np.column_stack([X, X @ [0.3, -1.7] + 2.0]), labels


def line_in_space(n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Points of two groups on a line in three dimensions."""
    t, labels = _groups(n_samples, 1)
    return t * np.array([1.0, -2.0, 0.5]) + np.array([3.0, 1.0, -4.0]), labels


def one_hot(n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A feature in two groups and the indicator columns of a three-valued attribute, which sum to one."""
    X, labels = _groups(n_samples, 1)
    attribute = np.random.default_rng(1).integers(0, 3, n_samples)
    return np.column_stack([X, np.eye(3)[attribute]]), labels


def integer_grid(n_samples: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two groups rounded to whole numbers."""
    X, labels = _groups(n_samples, 2)
    return np.round(X), labels


DEGENERATE: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "constant column of 0": lambda: constant_column(0.0),
    "constant column of 1": lambda: constant_column(1.0),
    "constant column of 1e6": lambda: constant_column(1e6),
    "constant column of 1e-300": lambda: constant_column(1e-300),
    "duplicated column": duplicated_column,
    "dependent column": dependent_column,
    "line in space": line_in_space,
    "one-hot columns": one_hot,
    "integer grid": integer_grid,
}


def identical_rows(n_samples: int = 50, n_features: int = 3) -> np.ndarray:
    """One row, repeated."""
    return np.tile(np.linspace(-1.0, 3.0, n_features), (n_samples, 1))


def five_distinct_points(n_samples: int = 100) -> np.ndarray:
    """Rows with only five values, in the plane."""
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [-3.0, 2.0]])
    return points[np.arange(n_samples) % 5]


def cauchy(n_samples: int = 2000, n_features: int = 2, *, seed: int = 0) -> np.ndarray:
    """Rows without a variance: most near zero, a few thousands away."""
    return np.random.default_rng(seed).standard_cauchy((n_samples, n_features))
