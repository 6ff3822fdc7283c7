"""Ward's hierarchical clustering: from rows to a partition into any number of clusters.

Two clusters of weights u, v and centroids a, b cost  u v / (u + v) |a - b|^2  to merge, what the sum of squares within
clusters gains by it (Ward 1963); the cheapest pair goes first. That is the model-based hierarchy of spheres of one
volume (Fraley 1998). Nearest neighbours are followed until two are each other's, which may merge at once (Murtagh
1983): N distances a step, some 3 N steps, and nothing of size N^2 is kept.

Invariant: rows that are repeated cluster as one row of their weight does; equal costs go by the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["LEAVES", "Tree", "ward"]

LEAVES = 1 << 11  # rows of a tree, at most: about 0.2 s


@dataclass(frozen=True, eq=False)
class Tree:
    """Merges of N rows, the cheapest first.

    Parameters
    ----------
    pairs : ndarray of shape (N - 1, 2), int64
        A row of each of the two clusters that merge.
    costs : ndarray of shape (N - 1,)
        Never falling.
    """

    pairs: np.ndarray
    costs: np.ndarray

    def cut(self, n_clusters: int) -> np.ndarray:
        """Labels (N,) of ``n_clusters`` clusters, or of as many as there are rows, in the order of their first rows."""
        n_rows = len(self.pairs) + 1
        root = np.arange(n_rows)

        def of(row: int) -> int:
            while root[row] != row:
                root[row] = root[root[row]]
                row = root[row]
            return row

        for a, b in self.pairs[: max(n_rows - n_clusters, 0)].tolist():
            first, second = sorted((of(a), of(b)))
            root[second] = first
        return np.unique([of(row) for row in range(n_rows)], return_inverse=True)[1]


def ward(points: np.ndarray, weight: np.ndarray | None = None) -> Tree:
    """Ward's tree of some points.

    Parameters
    ----------
    points : ndarray of shape (N, D)
    weight : ndarray of shape (N,), optional
        Positive.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.hierarchy import ward
    >>> tree = ward(np.array([[0.0], [1.0], [10.0], [12.0]]))
    >>> tree.cut(2).tolist(), tree.costs.tolist()
    ([0, 0, 1, 1], [0.5, 2.0, 110.25])
    """
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
    order = np.argsort(costs, kind="stable")
    return Tree(pairs[order], np.maximum.accumulate(costs[order]))
