"""Sufficient statistics of one pass over rows.

    n_k = sum_i w_i r_ik       first_k = sum_i w_i r_ik c        second_k = sum_i w_i r_ik c c'       c = x_i - mean_k

w is the sample weight, r the responsibility, `means` the reference the sums are about. They come from
`Rows.accumulate` or `Rows.moments` and go to `Covariance.maximize`. Invariant: statistics about the same means add,
so statistics(A) + statistics(B) are the statistics of A and B together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmm.errors import ParameterError

__all__ = ["Statistics"]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Float64 sums over rows, in frame coordinates.

    Parameters
    ----------
    n : ndarray of shape (K,)
        Sum of sample weight times responsibility.
    first : ndarray of shape (K, D)
        First moments about `means`.
    second : ndarray
        Second moments about `means` in the kernel's shape: (K, D, D), (K, D), (K,) = the trace,
        or (D, D) pooled over components.
    means : ndarray of shape (K, D)
        What the moments are about.
    log_likelihood : float
        Total, nats, in frame coordinates, with every additive constant of the factors; 0 where the
        responsibilities were given rather than computed.
    weight : float
        Sum of the sample weights.
    n_rows : int
    epsilon : float
        Unit roundoff of the arithmetic that made the sums.
    noise : float
        Sum of sample weight times the responsibility of noise; n and it sum to the weight.
    along : ndarray of shape (K, q, D), optional
        Directions u of second moments (K, 1 + q, D): the diagonal of sum w r c c', and its products with every u_k.
    """

    n: np.ndarray
    first: np.ndarray
    second: np.ndarray
    means: np.ndarray
    log_likelihood: float
    weight: float
    n_rows: int
    epsilon: float = float(np.finfo(np.float64).eps)
    noise: float = 0.0
    along: np.ndarray | None = None

    @property
    def n_components(self) -> int:
        return self.first.shape[0]

    @property
    def n_features(self) -> int:
        return self.first.shape[1]

    def merge(self, other: Statistics) -> Statistics:
        """Return the statistics of both sets of rows together.

        Raises
        ------
        ParameterError
            When the two are about different means or of different shapes: then their moments do not add.
        """
        alike = self.second.shape == other.second.shape and np.array_equal(self.means, other.means)
        if not alike or (self.along is not None and not np.array_equal(self.along, other.along)):
            raise ParameterError("statistics add only when they are about the same means and of the same structure")
        return Statistics(
            n=self.n + other.n,
            first=self.first + other.first,
            second=self.second + other.second,
            means=self.means,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            weight=self.weight + other.weight,
            n_rows=self.n_rows + other.n_rows,
            epsilon=max(self.epsilon, other.epsilon),
            noise=self.noise + other.noise,
            along=self.along,
        )

    __add__ = merge
