"""Exchanges: two components become one and another is cut in two, to leave a low optimum (Ueda et al. 2000).

Two components that share one cluster while a third has two is a trap that no short step of EM leads out of. With each
row given to its likeliest component, a pair loses by its union, and a component gains by a cut, what the costs of
`gmm.agglomeration` say, in the structure's own shape; T here is the covariance within components. A cut is 2-means in
units of the component's own covariance, begun at either side of each of its axes. Cuts that gain most go with pairs
that lose least: `MOST` such exchanges are starts, where a pair may also be cut anew.

The core makes the same ones (csrc/exchange.c). Invariant: they depend on the rows and the mixture, not on chance or
n_threads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from gmm.agglomeration import Clusters
from gmm.covariances.base import Covariance
from gmm.parameters import Parameters
from gmm.partition import from_partition
from gmm.rows import Rows

__all__ = ["FEWEST", "clusters_of", "exchanges", "labels_of"]

FEWEST = 3  # components that an exchange needs
MOST = 4
AXES = 8  # of a component that its cut begins at
TURNS = 5  # of 2-means
CLEARLY = 1.0 + 1e-9  # times better is better, whatever the rounding
LEAST = 1e-8  # of a variance: what keeps T regular where features depend on each other


def exchanges(
    rows: Rows,
    structure: Covariance,
    parameters: Parameters,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> list[Parameters]:
    """Starts that differ from a mixture by an exchange, the most promising first.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    parameters : Parameters
        In frame coordinates, without noise.
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    K = parameters.n_components
    if K < FEWEST:
        return []
    labels = labels_of(rows, structure, parameters)
    points, clusters = clusters_of(rows, structure, labels, K, floor)
    a, b = np.triu_indices(K, 1)
    alone, unions = clusters.cost(), clusters.unions(a, b)
    losses = unions.cost() - alone[a] - alone[b]
    pairs = np.argsort(losses, kind="stable")[:K]
    parts = [(k,) for k in range(K)] + [(int(a[pair]), int(b[pair])) for pair in pairs]
    shapes = np.concatenate([clusters.covariances(), unions.at(pairs).covariances()])
    centres = np.concatenate([clusters.centroids, unions.at(pairs).centroids])
    costs = np.concatenate([alone, unions.at(pairs).cost()])
    found = []
    for part, centre, shape, cost in zip(parts, centres, shapes, costs, strict=True):
        own = np.flatnonzero(np.isin(labels, part))
        weight = np.ones(len(own)) if rows.sample_weight is None else rows.sample_weight[own]
        side = cut(points[own] - centre, weight, shape)
        if side is None:
            continue
        halves = replace(Clusters.of(points[own], weight, side.astype(np.int64), 2), whole=clusters.whole)
        gain = cost - replace(halves, kernel=clusters.kernel).cost().sum()
        for at, pair in enumerate(pairs):
            united = parts[K + at]
            if part == united or not (len(part) == 2 or part[0] in united):
                found.append((gain - losses[pair], len(found), united, own[side]))
    starts = []
    for _, _, (one, other), moved in sorted(found, key=lambda each: (-each[0], each[1]))[:MOST]:
        exchanged = np.where(labels == other, one, labels)
        exchanged[moved] = other
        starts.append(from_partition(rows, structure, K, exchanged, floor=floor, ridge=ridge, spare=2))
    return starts


def labels_of(rows: Rows, structure: Covariance, parameters: Parameters) -> np.ndarray:
    """Likeliest component of each row (N,)."""
    return rows.score(structure.factorize(parameters), log_density=False, label=True).label


def clusters_of(
    rows: Rows, structure: Covariance, labels: np.ndarray, n_clusters: int, floor: np.ndarray
) -> tuple[np.ndarray, Clusters]:
    """Rows (N, D) in the frame and their clusters, T the covariance within these."""
    points = rows.frame.points_in(rows.X)
    clusters = Clusters.of(points, rows.sample_weight, labels, n_clusters)
    within = clusters.scatters.sum(axis=0) / clusters.n.sum()
    within += np.diag(LEAST * np.diag(clusters.whole) + floor)
    return points, replace(clusters, whole=within, kernel=structure.moments_kernel)


def cut(about: np.ndarray, weight: np.ndarray, covariance: np.ndarray) -> np.ndarray | None:
    """Which of some rows about their centroid (n, D) are on the other side of a cut, (n,); None of rows that are alike.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.exchange import cut
    >>> cut(np.array([[-2.0, 5.0], [-1.0, -9.0], [3.0, 4.0]]), np.ones(3), np.diag([5.0, 1e6])).tolist()
    [False, False, True]
    """
    z = solve_triangular(np.linalg.cholesky(covariance), about.T, lower=True, check_finite=False).T
    side = z.T[:AXES] > 0.0  # (axes, n)
    most, found = np.zeros(len(side)), side
    for _ in range(TURNS):
        halves = np.stack([~side, side])
        n = halves @ weight
        divided = n.all(axis=0)
        n[:, ~divided] = 1.0
        centres = (halves * weight) @ z / n[:, :, None]
        apart = centres[1] - centres[0]
        between = np.where(divided, n[0] * n[1] / n.sum(axis=0) * (apart**2).sum(axis=1), 0.0)
        better = between > most * CLEARLY
        most, found = np.where(better, between, most), np.where(better[:, None], side, found)
        middle = (centres.sum(axis=0) * apart).sum(axis=1) / 2
        turned = np.where(divided[:, None], apart @ z.T > middle[:, None], side)
        if np.array_equal(turned, side):
            break
        side = turned
    best = int(np.argmax(most * CLEARLY >= most.max()))
    return found[best] if most[best] > 0.0 else None
