"""How far two partitions of the same rows agree, whatever their labels are called.

    ARI = (pairs together in both - expected) / (mean of pairs together in each - expected)     (Hubert, Arabie 1985)

Invariant: symmetric, and unchanged when the labels of either partition are renamed.
"""

from __future__ import annotations

import numpy as np

__all__ = ["adjusted_rand_index"]


def adjusted_rand_index(labels: np.ndarray, others: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """Agreement of two partitions: 1 when they are the same, 0 on average for unrelated ones (Hubert, Arabie 1985).

    Labels (N,) count from 0; a sample weight of 3 is a row three times. Weights that sum to less than the number of
    rows that have any are no frequencies, and taken in proportion: as if they summed to it.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.agreement import adjusted_rand_index
    >>> adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    >>> round(adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])), 12)
    -0.5
    """
    if sample_weight is not None:
        sample_weight = sample_weight * max(np.count_nonzero(sample_weight) / sample_weight.sum(), 1.0)
    width = int(others.max(initial=0)) + 1
    counts = np.bincount(labels * width + others, sample_weight, minlength=(int(labels.max(initial=0)) + 1) * width)
    table = counts.reshape(-1, width).astype(np.float64)

    def pairs(n: np.ndarray) -> float:
        return float((n * (n - 1.0)).sum()) / 2.0

    together, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    every = pairs(np.array([table.sum()]))
    expected = rows * columns / every if every else 0.0
    most = (rows + columns) / 2.0
    return 1.0 if most == expected else (together - expected) / (most - expected)
