"""Climbs on few rows: many iterations in one call of the core, where Python would cost more than the arithmetic.

Same maximise step, factors, pass over rows and stopping rule as `gmm.em.resume`, so the same bits; whatever is out of
the ordinary (a fall, a covariance without factors, tied factors that want copies) is left to the loop there, which
meets it at the same iteration.

Invariant: the choice depends on the shape of the problem alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gmm import _native
from gmm.covariances import Covariance, climbs_in_core
from gmm.parameters import Kernel, Parameters
from gmm.rows import Rows
from gmm.statistics import Statistics

__all__ = ["advance", "are_few", "begin", "is_small", "most_work", "rows_of"]

SMALL = 2**20  # N K (D^2 + 30): a pass of some 25 microseconds, as much as the loop in Python adds to it
FEW = 1 << 11  # rows: twice the smallest sketch of `gmm.rehearsal`
SLICE = 1 << 31  # multiply-adds of one call, some 50 ms: a Ctrl-C is answered between calls
SLOWER = 32  # times slower than a pass: matrices that rest on the numerical floor
LIMIT, CONVERGED = 0, 1  # gmm_stop in csrc/gmm.h


def is_small(n_rows: int, n_components: int, n_features: int) -> bool:
    """Say whether a pass over the rows costs less than Python."""
    return n_rows * n_components * (n_features**2 + 30) <= SMALL


def most_work(n_rows: int, n_components: int, n_features: int) -> int:
    """Multiply-adds that an iteration may cost, matrices on the numerical floor included."""
    return n_components * (n_rows * (n_features**2 + 30) + SLOWER * n_features**3)


def are_few(n_rows: int, n_components: int, n_features: int) -> bool:
    """Say whether a start sees all of the rows, and passes over them are cheap: what `gmm.whole` is for."""
    return n_rows < FEW and is_small(n_rows, n_components, n_features)


def rows_of(accumulate: Callable[..., object], structure: Covariance, parameters: Parameters) -> Rows | None:
    """Return the rows whose plain E-step ``accumulate`` is, if they are few and the core knows the structure."""
    rows = getattr(accumulate, "__self__", None)
    if type(rows) is not Rows or accumulate.__func__ is not Rows.accumulate:
        return None
    if structure.core is not structure or not climbs_in_core(structure):
        return None
    if parameters.noise is not None or rows.log_prior is not None:
        return None
    return rows if is_small(rows.n_rows, parameters.n_components, rows.n_features) else None


def begin(
    rows: Rows,
    structure: Covariance,
    parameters: Parameters,
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    tol: float,
    max_iter: int,
) -> tuple[Parameters, Statistics, np.ndarray, list[float], bool] | None:
    """Climb from ``parameters``: as `advance` returns, with the trace; None when they themselves need a closer look."""
    K, D = parameters.means.shape
    second = np.empty(parameters.covariances.shape)
    unknown = Statistics(np.empty(K), np.empty((K, D)), second, parameters.means, 0.0, 0.0, rows.n_rows, rows.epsilon)
    trace: list[float] = []
    limits = {"floor": floor, "ridge": ridge, "tol": tol, "max_iter": max_iter}
    reached, statistics, floored, converged = advance(
        rows, structure, parameters, unknown, np.zeros(K, bool), trace, **limits
    )
    if not trace:
        return None
    return parameters if len(trace) == 1 else reached, statistics, floored, trace, converged


def advance(
    rows: Rows,
    structure: Covariance,
    parameters: Parameters,
    statistics: Statistics,
    floored: np.ndarray,
    trace: list[float],
    *,
    floor: np.ndarray,
    ridge: np.ndarray | None,
    tol: float,
    max_iter: int,
) -> tuple[Parameters, Statistics, np.ndarray, bool]:
    """Iterate from ``parameters``, whose statistics and objective (last of ``trace``, which is extended) are known.

    An empty trace says that they are not.

    Returns
    -------
    parameters, statistics, floored
        Where it stopped: converged, at ``max_iter``, or before an iteration that needs a closer look.
    converged : bool
    """
    tied = structure.kernel is Kernel.TIED
    if len(trace) > max_iter or (tied and statistics.second.ndim == 3):
        return parameters, statistics, floored, False
    weights, means, covariances = (a.copy() for a in (parameters.weights, parameters.means, parameters.covariances))
    n, first, second = statistics.n.copy(), statistics.first.copy(), statistics.second.copy()
    floored, stop = floored.copy(), LIMIT
    scatter = rows.total_scatter if tied else None
    log_likelihood, weight = statistics.log_likelihood, statistics.weight
    each = most_work(rows.n_rows, *means.shape)
    while stop == LIMIT and len(trace) <= max_iter:
        done, until = len(trace), min(max_iter, len(trace) + max(SLICE // each, 1))
        objectives = np.empty(until + 1)
        objectives[:done] = trace
        n_trace, stop, log_likelihood, weight = _native.climb(
            *(rows.X, rows.sample_weight, rows.frame.scale, rows.frame.centre, structure.kernel),
            *(int(rows.precision == "float64"), ridge, floor, scatter, rows.epsilon, tol, until),
            *(weights, means, covariances, n, first, second, floored, objectives, done, log_likelihood, weight),
            structure.form,
        )
        trace += objectives[done:n_trace].tolist()
    sums = {"n": n, "first": first, "second": second, "means": means}
    reached = replace(statistics, **sums, log_likelihood=log_likelihood, weight=weight)
    return Parameters(weights, means, covariances), reached, floored, stop == CONVERGED
