"""Rows and starts that every contender gets, bit for bit the same.

Rows come from 3 K Gaussians with means N(0, 0.7^2) per feature and covariances A A', A = 0.7 I + N(0, 1/D), and are
fitted with K components from K random rows, covariances at the variances of the features and equal mixing weights.
Three Gaussians to a component leave the fit something to improve for many iterations, so no contender stops early.

Letters: N rows, D features, K components.
"""

from typing import NamedTuple

import numpy as np

STRUCTURES = ("full", "tied", "diag", "spherical")


class Shape(NamedTuple):
    """Size of a problem."""

    name: str
    n_samples: int
    n_features: int
    n_components: int

    @property
    def row_components(self) -> int:
        return self.n_samples * self.n_components

    def scaled(self, factor: float) -> "Shape":
        """The same shape with fewer (or more) rows, never fewer than 40 a component."""
        return self._replace(n_samples=max(int(self.n_samples * factor), 40 * self.n_components))


class Start(NamedTuple):
    """Parameters to start from, covariances in the shape of their structure."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    covariance_type: str


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("small", 200_000, 2, 8),
        Shape("pixels", 500_000, 3, 16),
        Shape("mid", 100_000, 16, 32),
        Shape("speech", 100_000, 39, 64),
        Shape("wide", 50_000, 64, 16),
        Shape("vwide", 20_000, 256, 8),
    )
}


def make_rows(shape: Shape, *, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    """(N, D) rows, C-contiguous, in random order."""
    rng = np.random.default_rng(seed)
    n_sources, n_features = 3 * shape.n_components, shape.n_features
    means = rng.normal(0.0, 0.7, (n_sources, n_features))
    labels = rng.integers(n_sources, size=shape.n_samples)
    X = rng.normal(size=(shape.n_samples, n_features))
    for source in range(n_sources):
        root = 0.7 * np.eye(n_features) + rng.normal(0.0, n_features**-0.5, (n_features, n_features))
        mine = labels == source
        X[mine] = X[mine] @ root.T + means[source]
    return np.ascontiguousarray(X, dtype=dtype)


def make_start(X: np.ndarray, n_components: int, covariance_type: str, *, seed: int = 0) -> Start:
    """K random rows as means, feature variances as covariances, equal mixing weights; float64."""
    rng = np.random.default_rng(seed + 1)
    means = X[rng.choice(len(X), n_components, replace=False)].astype(np.float64)
    variances = X.astype(np.float64).var(axis=0)
    covariances = {
        "full": lambda: np.tile(np.diag(variances), (n_components, 1, 1)),
        "tied": lambda: np.diag(variances),
        "diag": lambda: np.tile(variances, (n_components, 1)),
        "spherical": lambda: np.full(n_components, variances.mean()),
    }[covariance_type]()
    return Start(np.full(n_components, 1.0 / n_components), means, covariances, covariance_type)


def flops_per_row_component(n_features: int, covariance_type: str) -> float | None:
    """Operations a dense iteration needs: whitening and moments 2 D^2 + 6 D, exp and the rest about 42. Full only."""
    return 2.0 * n_features**2 + 6.0 * n_features + 42.0 if covariance_type == "full" else None
