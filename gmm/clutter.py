"""A start beside noise: rows with far neighbours are set aside, and the components begin from the rest.

Distances to the k-th nearest neighbour tell clusters from clutter: where points are spread evenly with density rho in d
dimensions, distance^d is Gamma distributed with shape k and a rate in proportion to rho, so those of all rows are a
mixture of two Gammas, whose EM is closed (Byers and Raftery 1998). It errs where clusters are of many densities, so the
share of clutter that it finds is one of several, none at all among them; each gives a start, all climb a few iterations
on the same rows, and the likeliest is the start. Of rows with missing values distances and partitions are those of
completions (`gmm.completion`); the climbs are on what was observed.

Invariant: rows of weight zero are absent, and repeated rows are one row, as far as all rows are seen and whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm import initialization
from gmm.completion import completed
from gmm.covariances.base import Covariance
from gmm.distinct import distinct
from gmm.em import climb
from gmm.kmeans import standardised
from gmm.noise import Noise
from gmm.parameters import Parameters
from gmm.partition import rows_needed
from gmm.rehearsal import merit
from gmm.rows import Rows
from gmm.subsample import chosen_rows

__all__ = ["clutter_share", "neighbour_distances", "start"]

SEEN = 1 << 12  # rows, at most
MOST_DISTANCES = 1 << 27  # multiply-adds of all distances, some 0.2 s: in many dimensions no tree saves any
ROWS_PER_COMPONENT = 64
NEIGHBOUR = 10
DIMENSIONS = 8  # at most: distances are those of rows near a surface of few
ITERATIONS = 200  # of the two Gammas' EM, each a few microseconds a row
SHARES = (0.0, 0.05, 0.2, 0.5)  # of clutter, beside the one that the distances tell
LEAST = 0.01  # weight that noise begins with: from 0 it could not rise
CLIMB, TOL = 30, 1e-4


def start(
    rows: Rows,
    structure: Covariance,
    n_components: int,
    method: initialization.Method,
    seed: int,
    noise: Noise,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None = None,
) -> Parameters:
    """Parameters beside noise to climb from; arguments as for `gmm.initialization.start`, and the box of the noise."""
    size = min(SEEN, int((MOST_DISTANCES / rows.n_features) ** 0.5))
    size = max(size, n_components * max(ROWS_PER_COMPONENT, 2 * rows_needed(structure, rows.n_features)))
    chosen = chosen_rows(rows.n_rows, seed, size, rows.sample_weight)
    seen = replace(distinct(rows if chosen is None else rows.subset(chosen)), n_threads=1)  # too few to share out
    whole = completed(seen, seed)
    distance = neighbour_distances(whole)
    order, weight = np.argsort(distance, kind="stable"), _weights(seen)
    reached = np.cumsum(weight[order]) / weight.sum()
    limits = {"floor": floor, "ridge": ridge}
    climbs = []
    for share in sorted({*SHARES, clutter_share(distance, weight, rows.n_features)}):
        n_kept = max(int(np.searchsorted(reached, 1.0 - share)) + 1, min(n_components, seen.n_rows))
        kept = whole.subset(np.sort(order[:n_kept]))
        begun = initialization.start(kept, structure, n_components, method, seed, **limits)
        begun = begun.with_noise(noise.weighing(max(share, LEAST)))
        climbs.append(climb(seen.accumulate, structure, begun, **limits, tol=TOL, max_iter=CLIMB))
    return max(climbs, key=lambda climbed: merit(climbed, structure)).parameters


def neighbour_distances(rows: Rows) -> np.ndarray:
    """Distance (N,) of each row to its `NEIGHBOUR`-th nearest, columns in units of their standard deviation."""
    from scipy.spatial import cKDTree  # a third of what `import gmm` and a first estimator would take

    view = standardised(rows).frame
    points = rows.X.astype(np.float64) * view.scale - view.centre
    k = min(NEIGHBOUR, rows.n_rows - 1)
    return cKDTree(points).query(points, [k + 1])[0][:, 0] if k > 0 else np.zeros(rows.n_rows)


def clutter_share(distance: np.ndarray, weight: np.ndarray, n_features: int) -> float:
    """Share of the weight (N,) that two Gammas ascribe to clutter, from distances to k-th neighbours (N,).

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.clutter import clutter_share
    >>> distance = np.concatenate([np.linspace(0.9, 1.1, 90), np.linspace(4.0, 6.0, 10)])
    >>> round(clutter_share(distance, np.ones(100), 2), 3)
    0.1
    """
    largest = distance.max(initial=0.0)
    if largest == 0.0:
        return 0.0
    y = (distance / largest) ** min(n_features, DIMENSIONS)
    far = y > np.median(y)
    for _ in range(ITERATIONS):
        share = weight[far].sum() / weight.sum()
        if not 0.0 < share < 1.0:
            return 0.0
        rates = [weight[part].sum() / max(weight[part] @ y[part], 1e-300) for part in (far, ~far)]
        score = NEIGHBOUR * np.log(rates[0] / rates[1]) - (rates[0] - rates[1]) * NEIGHBOUR * y
        before, far = far, score + np.log(share / (1.0 - share)) > 0.0
        if np.array_equal(before, far):
            break
    return float(share)


def _weights(rows: Rows) -> np.ndarray:
    return np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
