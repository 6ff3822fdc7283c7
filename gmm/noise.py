"""The noise component of a mixture: a uniform density over a box, beside the Gaussians (Banfield and Raftery 1993).

    p(x) = sum_k weight_k N(x; mean_k, covariance_k) + weight / volume

Inside a fit and for every row that is scored the density is that constant, outside the box too (as in mclust): a row
far from everything is noise, wherever it lies. So p integrates to one over the box only; rows are drawn from the box.

Of a row with missing values the density is that of its observed features: evenly over the box along the features,
1 / product of its lengths in these, so 1 where nothing is observed.

Invariant: only the weight changes during a fit, so noise costs one number in factors and one in statistics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

__all__ = ["Noise"]


@dataclass(frozen=True, eq=False)
class Noise:
    """A uniform density and its weight, in frame coordinates.

    Parameters
    ----------
    weight : float
        In [0, 1]; the mixing weights of the Gaussians sum to 1 - weight.
    log_volume : float
        Of the box; what it holds of directions without spread is in `gmm.region`.
    corner : ndarray of shape (D,)
    edges : ndarray of shape (D,) or (D, D)
        The box is corner + u * edges, u in [0, 1]^D: lengths along the features, or vectors (rows), u @ edges.
    log_lengths : ndarray of shape (D,)
        Of the box along the features that holds the same rows; None for that which holds the box. They sum to
        log_volume unless the edges are vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.noise import Noise
    >>> noise = Noise(0.25, np.log(6.0), np.zeros(2), np.array([2.0, 3.0]))
    >>> round(float(np.exp(noise.log_constant)), 6)  # 0.25 / 6
    0.041667
    >>> np.exp(noise.log_constants(np.array([[True, False], [False, False]]))).round(6)  # 0.25 / 2, 0.25
    array([0.125, 0.25 ])
    """

    weight: float
    log_volume: float
    corner: np.ndarray
    edges: np.ndarray
    log_lengths: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.log_lengths is None:
            lengths = self.edges if self.edges.ndim == 1 else np.abs(self.edges).sum(axis=0)
            with np.errstate(divide="ignore"):
                object.__setattr__(self, "log_lengths", np.log(lengths))

    @property
    def log_constant(self) -> float:
        """Log of weight times density, nats; -inf for weight 0."""
        return math.log(self.weight) - self.log_volume if self.weight > 0.0 else -math.inf

    def log_constants(self, observed: np.ndarray) -> np.ndarray:
        """The same (P,) for rows of which these features are observed, (P, D) booleans."""
        if self.weight == 0.0:
            return np.full(len(observed), -math.inf)
        log_volumes = np.where(observed.all(axis=1), self.log_volume, observed @ self.log_lengths)
        return math.log(self.weight) - log_volumes

    def weighing(self, weight: float) -> Self:
        """The same box with another weight."""
        return replace(self, weight=float(weight))

    def resized(self, log_volume: float) -> Self:
        """The box grown or shrunk about its centre to another volume."""
        lengths = self.edges if self.edges.ndim == 1 else np.abs(self.edges).sum(axis=1)
        log_factor = (log_volume - self.log_volume) / max(np.count_nonzero(lengths), 1)
        factor = math.exp(log_factor)
        corner = self.corner + self._across * ((1.0 - factor) / 2.0)
        log_lengths = np.where(self._varies, self.log_lengths + log_factor, self.log_lengths)
        return replace(self, log_volume=log_volume, corner=corner, edges=self.edges * factor, log_lengths=log_lengths)

    @property
    def _varies(self) -> np.ndarray:
        """Features (D,) along which the box has any length."""
        return self.edges != 0.0 if self.edges.ndim == 1 else self.edges.any(axis=0)

    @property
    def _across(self) -> np.ndarray:
        """From the corner to the one opposite, (D,)."""
        return self.edges if self.edges.ndim == 1 else self.edges.sum(axis=0)

    @property
    def centre(self) -> np.ndarray:
        """Of the box, (D,)."""
        return self.corner + self._across / 2.0

    def values(self, features: np.ndarray, n: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """What some features (m,) of n rows are expected to be, (n, m), or draws; evenly along each feature."""
        found = np.tile(self.centre[features], (n, 1))
        if rng is None:
            return found
        lengths = np.where(self._varies, np.exp(self.log_lengths), 0.0)[features]
        return found + (rng.random(found.shape) - 0.5) * lengths

    def sample(self, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Rows (n_samples, D) spread evenly over the box."""
        u = rng.random((n_samples, len(self.corner)))
        return self.corner + (u * self.edges if self.edges.ndim == 1 else u @ self.edges)
