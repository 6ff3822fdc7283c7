"""Ward's tree in NumPy: the twin of csrc/ward.c, where the method stands."""

from __future__ import annotations

import numpy as np

__all__ = ["ward"]


def ward(points: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Merges (N - 1, 2) of points (N, D) of weights (N,), and their costs (N - 1,), as they are found."""
    n_rows = len(points)
    centroid, size = np.array(points, np.float64), np.ones(n_rows) if weight is None else np.array(weight, np.float64)
    names = np.arange(n_rows)  # of the clusters that are left, in order: a row of each
    pairs, costs = np.empty((n_rows - 1, 2), np.int64), np.empty(n_rows - 1)
    chain: list[int] = []
    for merge in range(n_rows - 1):
        if 2 * (n_rows - merge) <= len(names):
            left = size > 0
            chain = [int(left[:place].sum()) for place in chain]
            centroid, size, names = centroid[left], size[left], names[left]
        chain = chain or [int(np.argmax(size > 0))]
        while True:
            here = chain[-1]
            away = centroid - centroid[here]
            cost = np.einsum("nd,nd->n", away, away) * (size * size[here] / (size + size[here]))
            cost[size == 0] = np.inf
            cost[here] = np.inf
            nearest = int(np.argmin(cost))
            if len(chain) > 1 and cost[chain[-2]] <= cost[nearest]:
                break
            chain.append(nearest)
        a, b = sorted(chain[-2:])
        del chain[-2:]
        pairs[merge], costs[merge] = (names[a], names[b]), cost[a if here == b else b]
        together = size[a] + size[b]
        centroid[a] += (size[b] / together) * (centroid[b] - centroid[a])
        size[a], size[b] = together, 0.0
    return pairs, costs
