"""What the candidates of a selection share: rows in the frames of the structures, and partitions of a sketch of them.

    rows --sketch of at most `SKETCH` different ones--> trees --cut at every K--> partitions
                                                    --k-means, nearest of drawn rows-->

A partition is the work of one tree or one k-means whatever the structure: the trees are Ward's of standardised columns
and one of ellipsoids that goes on from many of its clusters (`gmm.agglomeration`). They are cut again for every number
of components; nothing is computed before it is asked for, and each only once.

Invariant: the sketch is chosen by seed and row number, and nothing here depends on which candidates there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gmm.agglomeration import Clusters, Merges, agglomerate, leaves
from gmm.distinct import distinct
from gmm.draws import Draws
from gmm.frame import Scaling
from gmm.hierarchy import LEAVES, Tree, ward
from gmm.kmeans import lloyd, seed_centres, standardised, standardised_points
from gmm.rows import Precision, Rows
from gmm.subsample import chosen_rows

__all__ = ["Sketch", "View"]

SKETCH = LEAVES  # rows that starts see: as many as a tree may have
N_KMEANS, N_NEAREST = 2, 2  # partitions by k-means and by the nearest of drawn rows, for each number of components
N_DRAWN = 5  # sets of rows for components that are all alike
N_SPLITS, N_UNIONS = 2, 2  # of a partition into one more, and into one fewer


@dataclass(eq=False)
class View:
    """The rows in the frame of some structures.

    Parameters
    ----------
    rows : Rows
    seen : Rows
        The sketch, in the same frame.
    """

    rows: Rows
    seen: Rows


@dataclass(eq=False)
class Sketch:
    """Partitions of a few of the rows.

    Parameters
    ----------
    X : ndarray of shape (N, D)
    sample_weight : ndarray of shape (N,), optional
    precision : {"float32", "float64"}, optional
    seed : int
    n_threads : int
        Of a pass over all rows.
    has_trees : bool
        Whether it is worth growing trees; without them there are more partitions by k-means.
    """

    X: np.ndarray
    sample_weight: np.ndarray | None
    precision: Precision | None
    seed: int
    n_threads: int
    has_trees: bool = True
    _views: dict[Scaling, View] = field(default_factory=dict)
    _made: dict[tuple, list[np.ndarray]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def view(self, scaling: Scaling) -> View:
        """The rows in the frame of the structures with this scaling."""
        with self._lock:
            if scaling not in self._views:
                rows = Rows.from_array(
                    *(self.X, self.sample_weight), scaling=scaling, precision=self.precision, n_threads=self.n_threads
                )
                self._views[scaling] = View(rows, _seen(rows, self.seed))
            return self._views[scaling]

    @cached_property
    def points(self) -> np.ndarray:
        """The sketch in standard deviations of its columns, (M, D), those left out that do not vary."""
        return standardised_points(self.view("feature").seen)

    @property
    def weight(self) -> np.ndarray | None:
        """Sample weights of the sketch (M,)."""
        return self.view("feature").seen.sample_weight

    @cached_property
    def tree(self) -> Tree:
        return ward(self.points, self.weight)

    @cached_property
    def merges(self) -> Merges:
        n_rows, n_features = self.points.shape
        return agglomerate(self.points, self.weight, self.tree.cut(leaves(n_rows, n_features)))

    def partitions(self, n_components: int) -> list[np.ndarray]:
        """Labels (M,) by the trees, by k-means and by drawn rows, each different partition once."""

        def made() -> list[np.ndarray]:
            if n_components == 1:
                return [np.zeros(len(self.points), np.int64)]
            cuts = [tree.cut(n_components) for tree in (self.tree, self.merges)] if self.has_trees else []
            seen, turns = standardised(self.view("feature").seen), range(N_KMEANS if self.has_trees else 2 * N_KMEANS)
            seeds = [seed_centres(seen, n_components, Draws(self.seed + turn)) for turn in turns]
            points = self.points
            nearest = [_nearest(points, points[self._drawn(n_components, turn)]) for turn in range(-N_NEAREST, 0)]
            return _different(cuts + [lloyd(seen, centres).labels for centres in seeds] + nearest)

        return self._once((n_components,), made)

    def drawn(self, n_components: int) -> list[np.ndarray]:
        """Sets of rows of the sketch, drawn by sample weight."""
        return self._once(("drawn", n_components), lambda: [self._drawn(n_components, turn) for turn in range(N_DRAWN)])

    def _drawn(self, n_components: int, turn: int) -> np.ndarray:
        weight = np.ones(len(self.points)) if self.weight is None else self.weight
        waiting = Draws(self.seed + turn).standard_exponential(len(weight)) / weight  # Efraimidis and Spirakis 2006
        return np.argsort(waiting, kind="stable")[:n_components]

    def prepare(self) -> None:
        """Grow the trees, before threads ask for them."""
        self.partitions(2)

    def _once(self, key: tuple, make: Callable[[], list[np.ndarray]]) -> list[np.ndarray]:
        with self._lock:
            found = self._made.get(key)
        if found is None:
            found = make()
            with self._lock:
                found = self._made.setdefault(key, found)
        return found

    def splits(self, labels: np.ndarray, n_components: int) -> list[np.ndarray]:
        """Partitions (M,) into one more: a component cut across its longest axis, those that gain most by it."""
        n, points, weight = n_components, self.points, self.weight
        whole = Clusters.of(points, weight, labels, n)
        side = np.zeros(len(points), bool)
        for k in range(n):
            own = labels == k
            if own.sum() > 1:
                axis = np.linalg.eigh(whole.scatters[k])[1][:, -1]
                side[own] = (points[own] - whole.centroids[k]) @ axis > 0
        halves = Clusters.of(points, weight, labels + n * side, 2 * n).cost()
        gains = whole.cost() - halves[:n] - halves[n:]
        return [np.where(side & (labels == k), n, labels) for k in np.argsort(-gains, kind="stable")[:N_SPLITS]]

    def unions(self, labels: np.ndarray, n_components: int) -> list[np.ndarray]:
        """Partitions (M,) into one fewer: two components as one, those that lose least by it."""
        whole = Clusters.of(self.points, self.weight, labels, n_components)
        alone, (a, b) = whole.cost(), np.triu_indices(n_components, 1)
        losses = whole.cost_of_union(a, b) - alone[a] - alone[b]
        found = []
        for pair in np.argsort(losses, kind="stable")[:N_UNIONS]:
            united = np.where(labels == b[pair], a[pair], labels)
            found.append(np.where(united > b[pair], united - 1, united))
        return found


def _seen(rows: Rows, seed: int) -> Rows:
    chosen = chosen_rows(rows.n_rows, seed, SKETCH, rows.sample_weight)
    return replace(distinct(rows if chosen is None else rows.subset(chosen)), n_threads=1)


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    distance = np.stack([((points - centre) ** 2).sum(axis=1) for centre in centres])
    return distance.argmin(axis=0)


def _different(partitions: list[np.ndarray]) -> list[np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    for labels in partitions:
        _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
        found.setdefault(np.argsort(np.argsort(first))[numbers].tobytes(), labels)
    return list(found.values())
