"""Which component of one mixture is which of another, by the rows they claim, and how sure that is.

    resemblance_jk = sum_i w_i min(r_ij, s_ik) / sum_i w_i max(r_ij, s_ik)      r, s: posteriors under the two mixtures

is the Jaccard coefficient of two components as fuzzy sets of rows: 1 where their posteriors are the same, however much
they overlap others, 0 where no row is shared. The order is the assignment of largest total resemblance. Its margin is
what the nearest other assignment loses against it, per component that it moves; near 0 both are as good.

Invariant: margin >= 0, and the order does not depend on how the other mixture numbers its components but for ties.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["AMBIGUOUS", "Match", "match", "resemblances"]

AMBIGUOUS = 0.1  # margin below which an order is one of several: rates of error in docs/bootstrap.md


class Match(NamedTuple):
    """An assignment of components."""

    order: np.ndarray  # (K,) number in the other mixture of each component of this one
    resemblance: np.ndarray  # (K,) of each component and its counterpart
    margin: float  # 1 where there is one component
    rivals: np.ndarray  # (K,) bool, components that the nearest other assignment moves


def resemblances(posterior: np.ndarray, other: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
    """Resemblance (K, L) of the components of two mixtures from posteriors (N, K) and (N, L) of the same rows.

    Components without any share of the rows resemble each other fully and no others.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.matching import resemblances
    >>> resemblances(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.0, 1.0]]))
    array([[0.33333333, 0.5       ],
           [0.        , 0.33333333]])
    """
    r, s = np.asarray(posterior, np.float64), np.asarray(other, np.float64)
    weight = np.ones(len(r)) if sample_weight is None else sample_weight
    shared = np.array([weight @ np.minimum(column[:, None], s) for column in r.T])
    either = (weight @ r)[:, None] + weight @ s - shared
    return np.where(either > 0.0, shared / np.where(either > 0.0, either, 1.0), 1.0)


def match(resemblance: np.ndarray) -> Match:
    """Best assignment for resemblances (K, K), and the nearest other one.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.matching import match
    >>> found = match(np.array([[0.1, 0.8], [0.9, 0.3]]))
    >>> found.order, round(found.margin, 3)
    (array([1, 0]), 0.65)
    """
    K = len(resemblance)
    order = linear_sum_assignment(resemblance, maximize=True)[1]
    own = resemblance[np.arange(K), order]
    margin, rivals = 1.0, np.zeros(K, bool)
    for k in range(K if K > 1 else 0):
        without = resemblance.copy()
        without[k, order[k]] = -K  # no assignment that avoids it is worse
        another = linear_sum_assignment(without, maximize=True)[1]
        moved = another != order
        lost = max(float((own - resemblance[np.arange(K), another]).sum()), 0.0) / int(moved.sum())
        if lost < margin:
            margin, rivals = lost, moved
    return Match(order, own, margin, rivals)
