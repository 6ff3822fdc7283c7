"""Where a climb starts: names and functions to parameters, in frame coordinates.

A start is a partition of rows (labels or responsibilities) put through one maximise step:

- "kmeans": the likeliest of several starts after some iterations on a sketch of the rows (`gmm.rehearsal`). They are,
  in turn, `CANDIDATES`: k-means partitions (`gmm.kmeans`) of columns in units of their standard deviation and in units
  of their range, and one start each as "random_from_data", "k-means++" and "random" make them. Structures that single
  out the identity, such as "spherical", see all columns in one common unit;
- "k-means++": each row to the nearest of the seeds of such a k-means, no iterations;
- "random": means are distinct random rows, each covariance is that of 2 (D + 1) random rows (4 for structures
  without correlations), equal mixing weights;
- "random_from_data": means are distinct random rows, each covariance is that of all rows, equal mixing weights;
- "hierarchical": Ward's clusters (`gmm.hierarchy`) of columns in units of their standard deviation; of many rows, of
  a subsample of 2**11;
- "ellipsoids": a tree that goes on from many of Ward's clusters, as ellipsoids (`gmm.agglomeration`);
- "auto": start i of a fit is of the kind AUTO[i]; later ones go through its last three again;
- a callable ``(X, n_components, rng)``: responsibilities (N, K), labels (N,) or means (K, D) in user units.

The other named starts look at a subsample (`gmm.subsample`). Components with few rows, or none, are the business of
`gmm.partition`. Parameters given by the user replace those of the start, exactly (`gmm.starts`).

Invariant: a start depends on the rows, the structure and the seed, not on the units of a column or on n_threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gmm._validation import check_partition
from gmm.agglomeration import Merges, agglomerate, leaves
from gmm.covariances.base import Covariance
from gmm.distinct import distinct
from gmm.draws import Uniform, uniform
from gmm.errors import ParameterError
from gmm.hierarchy import LEAVES, Tree, ward
from gmm.kmeans import Spread, lloyd, seed_centres, standardised, standardised_points
from gmm.parameters import Parameters
from gmm.partition import from_partition, maximized, rows_needed, total
from gmm.rehearsal import likeliest
from gmm.rows import Rows
from gmm.subsample import chosen_rows, largest

__all__ = ["AUTO", "METHODS", "TREES", "Method", "kind_of_start", "start"]

Method = str | Callable[[np.ndarray, int, np.random.Generator], Any]

SPREADS: dict[str, Spread] = {"feature": "sd", "common": "common"}


def kind_of_start(method: Method, number: int) -> Method:
    """What start ``number`` of a fit is, from 0.

    Examples
    --------
    >>> from gmm.initialization import kind_of_start
    >>> [kind_of_start("auto", number) for number in (0, 1, 5, 6)]
    ['ellipsoids', 'hierarchical', 'k-means++', 'random_from_data']
    """
    if method != "auto":
        return method
    return AUTO[number] if number < len(AUTO) else AUTO[3:][(number - len(AUTO)) % 3]


def start(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    method: Method,
    seed: int,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
) -> Parameters:
    """Parameters to climb from.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    n_components : int
    method : str or callable
        A key of `METHODS`, "auto", or a function as in the module's text.
    seed : int
        Decides everything random, the subsample included.
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.

    Raises
    ------
    ParameterError
        An unknown name, or a callable that returned neither responsibilities, labels nor means.
    """
    if callable(method):
        rng = np.random.default_rng(seed)
        return _from_callable(rows, structure, n_components, method, rng, floor=floor, ridge=ridge)
    if method == "auto":  # where starts have no numbers, such as beside noise
        method = AUTO[seed % len(AUTO)]
    if method not in METHODS:
        raise ParameterError(f"init_params must be one of {sorted(METHODS)} or a callable, got {method!r}")
    if method == "kmeans" and n_components > 1:
        limits = {"floor": floor, "ridge": ridge}
        candidates = [partial(kind, structure, n_components, **limits) for kind in CANDIDATES[structure.scaling]]
        return likeliest(rows, structure, n_components, candidates, seed, **limits)
    size = LEAVES if method in TREES else largest(n_components, rows.n_features)
    chosen = chosen_rows(rows.n_rows, seed, size, rows.sample_weight)
    seen = rows if chosen is None else rows.subset(chosen)
    return METHODS[method](structure, n_components, seen, uniform(rows, n_components, seed), floor=floor, ridge=ridge)


def distinct_rows(rows: Rows, n: int, rng: Uniform) -> np.ndarray:
    """Numbers of up to ``n`` rows, drawn by sample weight, no two rows equal; fewer when there are no more."""
    weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
    with np.errstate(divide="ignore"):
        order = np.argsort(rng.standard_exponential(rows.n_rows) / weight)  # Efraimidis and Spirakis 2006
    order = order[: np.count_nonzero(weight)]
    taken = 4 * n
    while True:
        drawn = order[:taken]
        first = np.sort(np.unique(rows.X[drawn], axis=0, return_index=True)[1])
        if len(first) >= n or taken >= len(order):
            return drawn[first[:n]]
        taken *= 4


def _kmeans(
    structure: Covariance,
    n_components: int,
    rows: Rows,
    rng: Uniform,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    spread: Spread = "sd",
) -> Parameters:
    points = standardised(rows, spread)
    labels = lloyd(points, seed_centres(points, n_components, rng)).labels
    return from_partition(rows, structure, n_components, labels, floor=floor, ridge=ridge, spare=2)


def _seeding(
    structure: Covariance,
    n_components: int,
    rows: Rows,
    rng: Uniform,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    points = standardised(rows, SPREADS[structure.scaling])
    labels = points.assign(seed_centres(points, n_components, rng), label=True).label
    return from_partition(rows, structure, n_components, labels, floor=floor, ridge=ridge, spare=2)


def _tree(
    structure: Covariance,
    n_components: int,
    rows: Rows,
    rng: Uniform,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    grown: Callable[[Rows, Covariance], Tree | Merges],
) -> Parameters:
    seen = distinct(rows)
    labels = grown(seen, structure).cut(n_components)
    return from_partition(seen, structure, n_components, labels, floor=floor, ridge=ridge, spare=2)


def _of_distances(seen: Rows, structure: Covariance) -> Tree:
    view = standardised(seen, SPREADS[structure.scaling]).frame
    return ward(seen.X.astype(np.float64) * view.scale - view.centre, seen.sample_weight)


def _of_ellipsoids(seen: Rows, structure: Covariance) -> Merges:
    points = standardised_points(seen)
    begun = ward(points, seen.sample_weight).cut(leaves(*points.shape))
    return agglomerate(points, seen.sample_weight, begun)


def _random(
    structure: Covariance,
    n_components: int,
    rows: Rows,
    rng: Uniform,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    size = 2 * rows_needed(structure, rows.n_features)
    weight = rows.sample_weight
    drawn = rng.choice(rows.n_rows, n_components * size, p=None if weight is None else weight / weight.sum())
    groups = replace(rows.subset(drawn), sample_weight=None)
    labels = np.repeat(np.arange(n_components), size)
    spread = from_partition(groups, structure, n_components, labels, floor=floor, ridge=ridge)
    return _around_rows(rows, spread.covariances, n_components, rng)


def _random_from_data(
    structure: Covariance,
    n_components: int,
    rows: Rows,
    rng: Uniform,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    everything = total(rows, structure.moments_kernel)
    alike = replace(
        everything,
        n=np.repeat(everything.n, n_components),
        first=np.repeat(everything.first, n_components, axis=0),
        second=np.repeat(everything.second, n_components, axis=0),
        means=np.repeat(everything.means, n_components, axis=0),
    )
    spread = maximized(structure, alike, alike.n, floor=floor, ridge=ridge)
    return _around_rows(rows, spread.covariances, n_components, rng)


METHODS: dict[str, Callable[..., Parameters]] = {
    "kmeans": _kmeans,
    "k-means++": _seeding,
    "hierarchical": partial(_tree, grown=_of_distances),
    "ellipsoids": partial(_tree, grown=_of_ellipsoids),
    "random": _random,
    "random_from_data": _random_from_data,
}

AUTO = ("ellipsoids", "hierarchical", "k-means++", "random_from_data", "random", "k-means++")
TREES = ("hierarchical", "ellipsoids")  # which no seed changes where all rows are seen
CANDIDATES = {  # of a "kmeans" start, in turn
    "feature": (_kmeans, partial(_kmeans, spread="range"), _random_from_data, _seeding, _random),
    "common": (partial(_kmeans, spread="common"), _random_from_data, _seeding, _random),
}


def _from_callable(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    method: Callable[..., Any],
    rng: np.random.Generator,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Parameters:
    made = np.asarray(method(rows.X, n_components, rng))
    shapes = {
        (rows.n_rows,): lambda: _partition(made, n_components),
        (n_components, rows.n_features): lambda: _nearest(rows, made),
        (rows.n_rows, n_components): lambda: _partition(made, n_components),
    }
    if made.shape not in shapes or not np.isfinite(made).all():
        raise ParameterError(
            f"init_params returned an array of shape {made.shape}; expected finite responsibilities "
            f"{(rows.n_rows, n_components)}, labels {(rows.n_rows,)} or means {(n_components, rows.n_features)}"
        )
    partition = shapes[made.shape]()
    return from_partition(rows, structure, n_components, partition, floor=floor, ridge=ridge, spare=2)


def _partition(made: np.ndarray, n_components: int) -> np.ndarray:
    return check_partition(made, len(made), n_components, name="init_params", error=ParameterError)


def _nearest(rows: Rows, means: np.ndarray) -> np.ndarray:
    """Labels (N,) of the nearest of some means in user units, distances in standard deviations of the columns."""
    points = standardised(rows)
    return points.assign(means * points.frame.scale - points.frame.centre, label=True).label


def _around_rows(rows: Rows, covariances: np.ndarray, n_components: int, rng: Uniform) -> Parameters:
    """Equal components at distinct random rows; those for which no distinct row is left are dead."""
    drawn = distinct_rows(rows, n_components, rng)
    means = np.zeros((n_components, rows.n_features))
    means[: len(drawn)] = rows.frame.points_in(rows.X[drawn])
    weights = np.zeros(n_components)
    weights[: len(drawn)] = 1 / len(drawn)
    return Parameters(weights, means, covariances)
