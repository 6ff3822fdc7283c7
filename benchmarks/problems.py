"""Rows and starts that every contender gets, bit for bit the same.

Rows come from 3 K Gaussians with means N(0, 0.7^2) per feature and covariances A A', A = 0.7 I + N(0, 1/D), and are
fitted with K components: three Gaussians to a component leave the fit something to improve for many iterations, so no
contender stops early. Components start at K random rows moved halfway to the centre, so that none begins with a handful
of rows and collapses, with covariances at the variances of the features and equal mixing weights.

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

    @property
    def fewest_samples(self) -> int:
        """Rows below which a component started from one of them may collapse: 20 a component and feature."""
        return min(self.n_samples, max(40, 20 * self.n_features) * self.n_components)

    def scaled(self, factor: float) -> "Shape":
        """The same shape with fewer (or more) rows, as few as `fewest_samples`."""
        return self._replace(n_samples=max(int(self.n_samples * factor), self.fewest_samples))


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
    """K random rows halfway to the centre as means, feature variances as covariances, equal weights; float64."""
    rng = np.random.default_rng(seed + 1)
    chosen = X[rng.choice(len(X), n_components, replace=False)].astype(np.float64)
    means = (chosen + X.mean(axis=0, dtype=np.float64)) / 2
    variances = X.var(axis=0, dtype=np.float64)
    covariances = {
        "full": lambda: np.tile(np.diag(variances), (n_components, 1, 1)),
        "tied": lambda: np.diag(variances),
        "diag": lambda: np.tile(variances, (n_components, 1)),
        "spherical": lambda: np.full(n_components, variances.mean()),
    }[covariance_type]()
    return Start(np.full(n_components, 1.0 / n_components), means, covariances, covariance_type)


def flops_per_row_component(n_features: int, n_components: int, covariance_type: str) -> float:
    """Operations that a row and component of a dense iteration needs, a fused multiply-add counted as two.

    Whitening, its square, responsibilities times moments; exp, sum and quotient come to about 42. A tied whitener is
    applied once a row, so its D^2 + D operations are shared by the components.
    """
    D = float(n_features)
    return (
        42.0
        + {
            "full": 2.0 * D**2 + 6.0 * D,
            "tied": 6.0 * D + (D**2 + D) / n_components,
            "diag": 10.0 * D,
            "spherical": 6.0 * D,
        }[covariance_type]
    )
