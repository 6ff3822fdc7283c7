"""The noise component of a mixture: a uniform density over a box, beside the Gaussians (Banfield and Raftery 1993).

    p(x) = sum_k weight_k N(x; mean_k, covariance_k) + weight / volume

Inside a fit and for every row that is scored the density is that constant, outside the box too (as in mclust): a row
far from everything is noise, wherever it lies. So p integrates to one over the box only; rows are drawn from the box.

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

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.noise import Noise
    >>> noise = Noise(0.25, np.log(6.0), np.zeros(2), np.array([2.0, 3.0]))
    >>> round(float(np.exp(noise.log_constant)), 6)  # 0.25 / 6
    0.041667
    """

    weight: float
    log_volume: float
    corner: np.ndarray
    edges: np.ndarray

    @property
    def log_constant(self) -> float:
        """Log of weight times density, nats; -inf for weight 0."""
        return math.log(self.weight) - self.log_volume if self.weight > 0.0 else -math.inf

    def weighing(self, weight: float) -> Self:
        """The same box with another weight."""
        return replace(self, weight=float(weight))

    def resized(self, log_volume: float) -> Self:
        """The box grown or shrunk about its centre to another volume."""
        lengths = self.edges if self.edges.ndim == 1 else np.abs(self.edges).sum(axis=1)
        factor = math.exp((log_volume - self.log_volume) / max(np.count_nonzero(lengths), 1))
        across = self.edges if self.edges.ndim == 1 else self.edges.sum(axis=0)
        corner = self.corner + across * ((1.0 - factor) / 2.0)
        return replace(self, log_volume=log_volume, corner=corner, edges=self.edges * factor)

    def sample(self, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Rows (n_samples, D) spread evenly over the box."""
        u = rng.random((n_samples, len(self.corner)))
        return self.corner + (u * self.edges if self.edges.ndim == 1 else u @ self.edges)
