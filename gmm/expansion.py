"""A covariance shared by all components, its square expanded about the frame's centre: the quickest way to tied sums.

With W the whitener, P = W'W the inverse covariance and m_k the means,

    log_constant_k - |W (x - m_k)|^2 / 2  =  constant_k + slope_k . x - x' P x / 2,
    slope_k = P m_k,      constant_k = log_constant_k - m_k . slope_k / 2.

The last term is common to all components: responsibilities do not see it, and over the rows it adds up to
-tr(P T) / 2 with T = sum_i w_i x_i x_i', the total scatter. So a row costs 2 K D multiplications, for its forms and for
its moments, and no whitening, which costs another D^2 / 2.

Digits are lost where rows or means lie many standard deviations from the frame's centre. `Expansion.rounding` bounds
that, in nats a row, before anything is computed; beyond `LIMIT` rows are whitened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gmm.parameters import Factors

__all__ = ["LIMIT", "LINEAR", "Expansion", "is_worth_it"]

LINEAR = 4  # gmm_structure in csrc/gmm.h
LIMIT = {"float64": 1e-11, "float32": 1e-4}  # nats that the expansion may cost a row, by the arithmetic on tiles
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24}
FEW = 2**23  # N K (D^2 + 30): a pass of some 0.2 ms; on shorter ones the algebra here costs more than it saves


def is_worth_it(n_rows: int, n_components: int, n_features: int) -> bool:
    """Whether a pass over the rows is long enough; climbs that `gmm.small` runs are not."""
    return n_rows * n_components * (n_features**2 + 30) > FEW


@dataclass(frozen=True, eq=False)
class Expansion:
    """One covariance, K linear forms.

    Parameters
    ----------
    constants : ndarray of shape (K,)
        -inf switches a component off.
    slopes, means : ndarray of shape (K, D)
    precision : ndarray of shape (D, D)
        The inverse covariance.
    """

    constants: np.ndarray
    slopes: np.ndarray
    means: np.ndarray
    precision: np.ndarray

    @classmethod
    def of(cls, factors: Factors) -> Self:
        """Expand factors of `Kernel.TIED`."""
        W = np.tril(factors.whiteners)
        precision = W.T @ W
        slopes = factors.means @ precision
        constants = factors.log_constants - (factors.means * slopes).sum(axis=1) / 2
        return cls(constants, slopes, factors.means, precision)

    def rounding(self, scatter: np.ndarray, radius: float, precision: str) -> float:
        """Bound what rounding does to a row's log-density, in nats, and to the pooled scatter over the covariance.

        Parameters
        ----------
        scatter : ndarray of shape (D, D)
            The total scatter per unit of sample weight.
        radius : float
            Largest absolute coordinate of a row.
        precision : {"float32", "float64"}
            Of the arithmetic on tiles. The scatter and its product with the inverse covariance are float64 always.
        """
        forms = radius * np.abs(self.slopes).sum(axis=1) + np.abs(self.means * self.slopes).sum(axis=1) / 2
        spread = np.diagonal(self.precision) * np.maximum(np.diagonal(scatter), (self.means**2).max(axis=0))
        common = np.abs(self.precision * scatter).sum() / 2
        return float(max(max(forms.max(), spread.max()) * ROUNDOFF[precision], common * ROUNDOFF["float64"]))

    def common(self, scatter: np.ndarray) -> float:
        """tr(P T) / 2, what the linear forms leave out of the log-likelihood of rows of total scatter T."""
        return float((self.precision * scatter).sum() / 2)
