"""Clusters as ellipsoids: which two to merge, which one to split, and the tree of merges from many clusters to one.

A cluster of weight n and scatter W about its centroid costs, as a Gaussian of its own (Banfield and Raftery 1993),

    cost(n, W) = n log |(W + s T) / (n + s)|          T: covariance of all rows, s = 0.1

minus twice its best classification log-likelihood but for constants; a tenth of a row like the whole keeps clusters of
few rows regular and merges single rows by their distance in the metric of T. The pair whose union costs least more
merges first: the model-based hierarchy of ellipsoids (Fraley 1998). It begins with Ward's clusters, at most `LEAVES`,
so time and memory go with the square of these, not of the rows. Costs differ by a constant when features are mixed or
rescaled, so the tree is that of any units.

Invariant: rows that are repeated cluster as one row of their weight does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmm.hierarchy import relabelled
from gmm.parameters import Kernel

__all__ = ["Clusters", "Merges", "agglomerate", "leaves"]

LEAVES = 100
MOST_WORK = 1 << 24  # pairs times D^3: 0.1 s
SHARE = (
    0.1  # rows; of crossing lines of 60, 300, 1200 rows 73, 91, 88% of the structure is found, with 1 row 57, 80, 85%
)
LEAST = 1e-6  # of a variance: what keeps T regular where features depend on each other


@dataclass(frozen=True, eq=False)
class Clusters:
    """Weights (M,), centroids (M, D), scatters (M, D, D) of clusters, T (D, D), and the shape of a covariance."""

    n: np.ndarray
    centroids: np.ndarray
    scatters: np.ndarray
    whole: np.ndarray
    kernel: Kernel = Kernel.FULL

    @classmethod
    def of(cls, points: np.ndarray, weight: np.ndarray | None, labels: np.ndarray, n_clusters: int) -> Clusters:
        """Of labelled points (N, D) whose columns have variances near 1."""
        w = np.ones(len(points)) if weight is None else weight
        n = np.bincount(labels, weights=w, minlength=n_clusters)
        sums = np.stack([np.bincount(labels, weights=w * x, minlength=n_clusters) for x in points.T], axis=1)
        centroids = sums / np.where(n > 0, n, 1.0)[:, None]
        about = points - centroids[labels]
        order = np.argsort(labels, kind="stable")
        squares = (w[:, None, None] * about[:, :, None] * about[:, None, :])[order]
        present, firsts = np.unique(labels[order], return_index=True)
        scatters = np.zeros((n_clusters, *squares.shape[1:]))
        scatters[present] = np.add.reduceat(squares, firsts, axis=0)
        mean = w @ points / w.sum()
        between = (centroids - mean)[:, :, None] * (centroids - mean)[:, None, :]
        whole = (scatters.sum(axis=0) + np.tensordot(n, between, 1)) / w.sum()
        return cls(n, centroids, scatters, whole + LEAST * np.eye(len(whole)))

    def cost(self) -> np.ndarray:
        """Of each cluster (M,)."""
        S = self.covariances()
        if self.kernel in (Kernel.DIAG, Kernel.SPHERICAL):
            variances = np.diagonal(S, axis1=1, axis2=2)
            if self.kernel is Kernel.SPHERICAL:
                variances = np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape)
            return self.n * np.log(variances).sum(axis=1)
        sign, log = np.linalg.slogdet(S)
        return np.where(sign > 0, self.n * log, np.inf)

    def cost_of_union(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Of clusters ``a`` (P,) with clusters ``b`` (P,)."""
        return self.unions(a, b).cost()

    def unions(self, a: np.ndarray, b: np.ndarray) -> Clusters:
        """Clusters ``a`` (P,) with clusters ``b`` (P,) as P clusters."""
        apart = self.centroids[b] - self.centroids[a]
        n = self.n[a] + self.n[b]
        share = self.n[b] / np.where(n > 0, n, 1.0)
        between = (share * self.n[a])[:, None, None] * apart[:, :, None] * apart[:, None, :]
        scatters = self.scatters[a] + self.scatters[b] + between
        return replace(self, n=n, centroids=self.centroids[a] + share[:, None] * apart, scatters=scatters)

    def covariances(self) -> np.ndarray:
        """With s rows like T in each (M, D, D)."""
        return (self.scatters + SHARE * self.whole) / (self.n + SHARE)[:, None, None]

    def at(self, chosen: np.ndarray | slice) -> Clusters:
        """Some of the clusters."""
        return replace(self, n=self.n[chosen], centroids=self.centroids[chosen], scatters=self.scatters[chosen])

    def merged(self, a: int, b: int) -> Clusters:
        """With cluster ``b`` in ``a``, and ``b`` empty."""
        n, centroids, scatters = self.n.copy(), self.centroids.copy(), self.scatters.copy()
        total = n[a] + n[b]
        apart = centroids[b] - centroids[a]
        scatters[a] += scatters[b] + n[a] * n[b] / total * apart[:, None] * apart
        centroids[a] += n[b] / total * apart
        n[a], n[b], scatters[b] = total, 0.0, 0.0
        return replace(self, n=n, centroids=centroids, scatters=scatters)


@dataclass(frozen=True, eq=False)
class Merges:
    """A tree over clusters of rows.

    Parameters
    ----------
    labels : ndarray of shape (N,)
        Leaf of each row.
    pairs : ndarray of shape (M - 1, 2)
        Clusters that merge, the second into the first, in this order.
    """

    labels: np.ndarray
    pairs: np.ndarray

    def cut(self, n_clusters: int) -> np.ndarray:
        """Labels (N,) of ``n_clusters`` clusters, or of as many as there are leaves."""
        of_leaf = np.arange(len(self.pairs) + 1)
        for a, b in self.pairs[: max(len(of_leaf) - n_clusters, 0)]:
            of_leaf[of_leaf == b] = a
        return relabelled(of_leaf[self.labels])


def leaves(n_rows: int, n_features: int) -> int:
    """How many clusters a tree may begin with."""
    affordable = int((2.0 * MOST_WORK / n_features**3) ** 0.5)
    return max(min(n_rows, LEAVES, affordable), 2)


def agglomerate(points: np.ndarray, weight: np.ndarray | None, labels: np.ndarray) -> Merges:
    """Merge labelled points (N, D) until one cluster is left.

    Examples
    --------
    Two crossing lines of rows, which no distance tells apart:

    >>> import numpy as np
    >>> from gmm.agglomeration import agglomerate
    >>> from gmm.agreement import adjusted_rand_index
    >>> from gmm.hierarchy import ward
    >>> rng = np.random.default_rng(0)
    >>> t, slope = rng.uniform(-1.5, 1.5, 200), np.repeat([1, -1], 100)
    >>> points = np.stack([t, slope * t], axis=1) + 0.03 * rng.normal(size=(200, 2))
    >>> tree = agglomerate(points, None, ward(points).cut(100))
    >>> [round(adjusted_rand_index(labels, slope + 1), 1) for labels in (tree.cut(2), ward(points).cut(2))]
    [0.9, 0.0]
    """
    n_clusters = int(labels.max()) + 1
    clusters = Clusters.of(points, weight, labels, n_clusters)
    alone = clusters.cost()
    gains = np.full((n_clusters, n_clusters), np.inf)
    a, b = np.triu_indices(n_clusters, 1)
    gains[a, b] = clusters.cost_of_union(a, b) - alone[a] - alone[b]
    pairs = np.empty((n_clusters - 1, 2), np.int64)
    for merge in range(n_clusters - 1):
        a, b = divmod(int(np.argmin(gains)), n_clusters)
        pairs[merge] = a, b
        clusters = clusters.merged(a, b)
        alone[a] = clusters.at(slice(a, a + 1)).cost()[0]
        gains[b], gains[:, b] = np.inf, np.inf
        others = np.flatnonzero(clusters.n > 0)
        others = others[others != a]
        costs = clusters.cost_of_union(np.full(len(others), a), others) - alone[a] - alone[others]
        gains[np.minimum(a, others), np.maximum(a, others)] = costs
    return Merges(labels, pairs)
