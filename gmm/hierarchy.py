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

from gmm import _native

__all__ = ["LEAVES", "Tree", "relabelled", "ward"]

LEAVES = 1 << 11  # rows of a tree, at most


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
        return relabelled(np.array([of(row) for row in range(n_rows)]))


def relabelled(labels: np.ndarray) -> np.ndarray:
    """The same labels by numbers from 0, without gaps."""
    return np.unique(labels, return_inverse=True)[1]


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
    points = np.ascontiguousarray(points, np.float64)
    weight = None if weight is None else np.ascontiguousarray(weight, np.float64)
    pairs, costs = np.empty((len(points) - 1, 2), np.int64), np.empty(len(points) - 1)
    if len(points) > 1:
        _native.ward(points, weight, pairs, costs)
    order = np.argsort(costs, kind="stable")
    return Tree(pairs[order], np.maximum.accumulate(costs[order]))
