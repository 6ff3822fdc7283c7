"""Transplants: a component gives way to one about a few rows that lie together, to leave a low optimum.

A row is drawn, the more likely the less the mixture expects it, and its nearest neighbours in units of the covariance
within components, from as few as a covariance needs to a K-th of all. Their Gaussian takes the place of the component
without which the rows are likeliest then. So small clusters are found, by which most optima on few rows differ.

Invariant: they depend on the rows, the mixture and the draws, not on n_threads.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from gmm.agglomeration import Clusters
from gmm.covariances.base import Covariance
from gmm.draws import Uniform
from gmm.exchange import clusters_of
from gmm.parameters import Kernel, Parameters
from gmm.partition import from_partition, rows_needed
from gmm.rows import Rows

__all__ = ["transplants"]


def transplants(
    rows: Rows,
    structure: Covariance,
    parameters: Parameters,
    rng: Uniform,
    n: int,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> list[Parameters]:
    """``n`` starts that differ from a mixture by a component.

    Parameters
    ----------
    rows : Rows
    structure : Covariance
    parameters : Parameters
        In frame coordinates, without noise.
    rng : Draws or Generator
    n : int
        From 1.
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    K, N, D = parameters.n_components, rows.n_rows, rows.n_features
    scores = rows.score(structure.factorize(parameters), posterior=True, label=True)
    with np.errstate(divide="ignore"):
        joint = scores.log_density + np.log(scores.posterior.T.astype(np.float64))
    others = np.stack([np.logaddexp.reduce(np.delete(joint, k, axis=0), axis=0) for k in range(K)])
    points, clusters = clusters_of(rows, structure, scores.label, K, floor)
    weight = np.ones(N) if rows.sample_weight is None else rows.sample_weight
    share = weight / weight.sum()
    least = rows_needed(structure, D) + 1
    sizes = sorted({min(max(size, least), N) for size in (least, 2 * least, 4 * least, N // K)})
    surprise = share * (scores.log_density.max() - scores.log_density) ** 2
    drawn = rng.choice(N, n, p=surprise if surprise.any() else share)
    z = solve_triangular(np.linalg.cholesky(clusters.whole), points.T, lower=True).T
    starts = []
    for turn, row in enumerate(drawn):
        near = np.argsort(((z - z[row]) ** 2).sum(axis=1), kind="stable")[: sizes[turn % len(sizes)]]
        taken = share[near].sum()
        density = _log_density(points, weight, near, clusters) + np.log(taken)
        rest = np.logaddexp(others, density) @ share - np.log(1.0 - parameters.weights + taken)
        changed = joint.copy()
        changed[np.argmax(rest)] = density
        posterior = np.exp(changed - np.logaddexp.reduce(changed, axis=0)).T
        starts.append(from_partition(rows, structure, K, posterior, floor=floor, ridge=ridge, spare=2))
    return starts


def _log_density(points: np.ndarray, weight: np.ndarray, near: np.ndarray, clusters: Clusters) -> np.ndarray:
    """Of all points (N, D) under the Gaussian of those ``near``, made regular by one row like those within clusters."""
    w, D = weight[near], points.shape[1]
    mean = w @ points[near] / w.sum()
    about = points[near] - mean
    covariance = ((about.T * w) @ about + clusters.whole) / (w.sum() + 1.0)
    if clusters.kernel in (Kernel.DIAG, Kernel.SPHERICAL):
        variances = np.diag(covariance)
        covariance = np.diag(variances if clusters.kernel is Kernel.DIAG else np.full(D, variances.mean()))
    root = np.linalg.cholesky(covariance)
    z = solve_triangular(root, (points - mean).T, lower=True, check_finite=False)
    return -0.5 * (z**2).sum(axis=0) - np.log(np.diag(root)).sum() - 0.5 * D * np.log(2.0 * np.pi)
