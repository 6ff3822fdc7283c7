"""Moves that leave a bad optimum of variational Bayes: deletions, merges, splits of components (Hughes, Sudderth 2013).

    partition of the rows by the posterior --move--> another one --beliefs after it--> a short climb --> kept or not

Deleting a component gives its rows to their next best; merging two joins theirs; splitting one cuts its rows in two, by
k-means in units of their own covariance, the second part into a component that is empty. A climb from the changed
partition is kept if it passes the bound by more than tol, and then goes on to its end; one whose promise lies below is
given up. Moves are tried, those that free a component first, until none is kept.

Invariant: the bound at the end is never below that of the climb given, and depends on the rows, not on chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from gmm.acceleration import Memory
from gmm.completion import CompletedRows, completed
from gmm.draws import Draws
from gmm.em import Climb, climb, resume, settled
from gmm.errors import GmmError
from gmm.frame import Frame
from gmm.kmeans import lloyd, seed_centres
from gmm.mixing import DirichletProcess
from gmm.parameters import Kernel
from gmm.posteriors import Posterior
from gmm.rows import Rows
from gmm.subsample import chosen_rows
from gmm.variational import Variational

__all__ = ["Moved", "moved"]

SEED = 0x1F83D9AB  # any number: which rows are looked at does not depend on a start's seed
SEEN_ROWS = 1 << 12  # for who overlaps whom, and the axis of a component
TRIAL = 15  # iterations before a move is judged
LONGEST = 8  # trials in a row: promising moves go on as long
MOST_MOVES = 100
CUTS = 3  # k-means++ seedings of a cut
EMPTY = 1e-2  # rows that a component may have and be called empty


@dataclass(frozen=True, eq=False)
class Moved:
    """The last climb, the trace of all that were kept, where each begins in it, and the moves by name."""

    best: Climb
    trace: tuple[float, ...]
    segments: tuple[int, ...]
    kept: tuple[str, ...]


def moved(
    rows: Rows,
    structure: Variational,
    begun: Climb,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    tol: float,
    max_iter: int,
    accelerated: bool,
) -> Moved:
    """Leave a climb's end for better ones, as long as a move finds any.

    Parameters
    ----------
    rows : Rows
    structure : Variational
    begun : Climb
        Its parameters are a `Posterior`.
    floor, ridge, tol, max_iter, accelerated
        As for `gmm.em.climb`; ``max_iter`` is that of each climb.
    """
    best, trace, segments, kept = begun, list(begun.trace), [0], []
    limits = {"floor": floor, "ridge": ridge}
    whole = rows if rows.is_whole else CompletedRows.of(rows)
    while len(kept) < MOST_MOVES:
        for name, labels in _proposals(rows, structure, best.parameters):
            beliefs = _after(whole, structure, labels, best.parameters, **limits)
            found = _judged(rows, structure, beliefs, best, tol=tol, **limits)
            if found is None:
                continue
            if accelerated and found.memory is None:
                found = replace(found, memory=Memory())
            found = resume(found, rows.accumulate, structure, **limits, tol=tol, max_iter=max_iter)
            how = {"tol": tol, "max_iter": max_iter, "accelerated": accelerated}
            best = found = settled(found, rows.accumulate, structure, **limits, **how)
            segments.append(len(trace))
            trace += found.trace
            kept.append(name)
            break
        else:
            break
    return Moved(best, tuple(trace), tuple(segments), tuple(kept))


def _judged(
    rows: Rows,
    structure: Variational,
    beliefs: Posterior,
    best: Climb,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    tol: float,
) -> Climb | None:
    """A climb that passed the best by more than tol; None of one that does not promise to."""
    limits = {"floor": floor, "ridge": ridge, "tol": tol}
    try:
        found = climb(rows.accumulate, structure, beliefs, **limits, max_iter=TRIAL)
        for n in range(2, LONGEST + 1):
            if found.objective > best.objective + tol:
                return found
            if not found.promise > best.objective + tol:
                return None
            found = resume(found, rows.accumulate, structure, **limits, max_iter=n * TRIAL)
    except GmmError:
        return None
    return found if found.objective > best.objective + tol else None


def _after(
    whole: Rows,
    structure: Variational,
    labels: np.ndarray,
    posterior: Posterior,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Posterior:
    """Beliefs after rows with these labels."""
    K, D = posterior.means.shape
    about = whole.moments(Kernel.SPHERICAL, np.zeros((K, D)), labels=labels)
    order = np.argsort(-about.n, kind="stable")
    if isinstance(structure.prior.mixing, DirichletProcess):  # sticks are broken in the order of size
        labels = np.argsort(order)[labels]
        about = whole.moments(Kernel.SPHERICAL, np.zeros((K, D)), labels=labels)
    means = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
    statistics = whole.moments(structure.moments_kernel, means, labels=labels)
    return structure.maximize(statistics, ridge=ridge, floor=floor)[0]


def _proposals(rows: Rows, structure: Variational, posterior: Posterior) -> Iterator[tuple[str, np.ndarray]]:
    """Changed labels (N,) by name of the move: the smallest deleted, the nearest merged, the largest split first."""
    K = posterior.n_components
    factors = structure.factorize(posterior).centred()
    n = posterior.mean_precision - structure.prior.mean_precision
    live = np.flatnonzero(n > EMPTY)
    labels = rows.score(factors, log_density=False, label=True).label
    live = live[np.isin(live, labels)]
    for k in live[np.argsort(n[live], kind="stable")] if len(live) > 1 else ():
        constants = factors.log_constants.copy()
        constants[k] = -np.inf
        without = replace(factors, log_constants=constants)
        weights = np.where(np.arange(K) == k, 0.0, factors.parameters.weights)
        without = replace(without, parameters=replace(factors.parameters, weights=weights))
        own = np.flatnonzero(labels == k)
        changed = labels.copy()
        changed[own] = rows.subset(own).score(without, log_density=False, label=True).label
        yield f"delete {k}", changed
    chosen = chosen_rows(rows.n_rows, SEED, SEEN_ROWS, rows.sample_weight)
    some = rows if chosen is None else rows.subset(chosen)
    shares = some.score(factors, log_density=False, posterior=True).posterior.astype(np.float64)
    together = shares.T @ shares
    pairs = [(a, b) for i, a in enumerate(live) for b in live[i + 1 :]]
    pairs.sort(key=lambda pair: -together[pair] / np.sqrt(together[pair[0], pair[0]] * together[pair[1], pair[1]]))
    for a, b in pairs[: 2 * K]:
        yield f"merge {a} and {b}", np.where(labels == b, a, labels)
    empty = np.setdiff1d(np.arange(K), labels)
    for k in live[np.argsort(-n[live], kind="stable")] if empty.size else ():
        half = _half(rows, np.flatnonzero(labels == k))
        if half.size:
            changed = labels.copy()
            changed[half] = empty[0]
            yield f"split {k}", changed


def _half(rows: Rows, own: np.ndarray) -> np.ndarray:
    """Those of some rows on one side of the best cut in two, in units of their own covariance; none without spread."""
    part = completed(rows.subset(own), SEED)
    points = part.frame.points_in(part.X)
    counted = np.ones(len(own)) if part.sample_weight is None else part.sample_weight
    if not counted.any():
        return own[:0]
    points -= np.average(points, axis=0, weights=counted)
    covariance = (points * counted[:, None]).T @ points / counted.sum()
    try:
        root = np.linalg.cholesky(covariance + np.diag(part.frame.floor))
    except np.linalg.LinAlgError:
        return own[:0]
    white = np.ascontiguousarray(solve_triangular(root, points.T, lower=True).T)
    view = Rows(white, part.sample_weight, Frame.identity(white.shape[1]), n_threads=part.n_threads)
    cuts = [lloyd(view, seed_centres(view, 2, Draws(SEED + n))) for n in range(CUTS)]
    return own[min(cuts, key=lambda cut: cut.inertia).labels == 1]
