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

from gmm import _native
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
    common : float
        tr(P T) / 2: what the forms leave out of the log-likelihood per unit of sample weight, P the inverse covariance
        and T the total scatter per unit of sample weight.
    reach : float
        Size of what cancels: the largest sum_j |slope_kj| (radius + |mean_kj| / 2) and P_jj max(T_jj, mean_kj^2).
    common_size : float
        As common, of absolute values: sum_ij |P_ij T_ij| / 2.
    """

    constants: np.ndarray
    slopes: np.ndarray
    means: np.ndarray
    common: float
    reach: float
    common_size: float

    @classmethod
    def of(cls, factors: Factors, scatter: np.ndarray, radius: float) -> Self:
        """Expand factors of `Kernel.TIED` for rows of this total scatter per unit of sample weight, (D, D).

        No coordinate of a row is larger than ``radius``.
        """
        means = factors.means
        constants, slopes = np.empty(len(means)), np.empty(means.shape)
        sums = _native.expand(factors.log_constants, means, factors.whiteners, scatter, radius, constants, slopes)
        return cls(constants, slopes, means, *sums)

    def rounding(self, precision: str) -> float:
        """Bound what rounding does to a row's log-density, in nats, and to the pooled scatter over the covariance.

        ``precision`` is that of the arithmetic on tiles; the scatter and its product with the inverse covariance are
        float64 always.
        """
        return max(self.reach * ROUNDOFF[precision], self.common_size * ROUNDOFF["float64"])
