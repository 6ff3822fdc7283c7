"""Components that collapsed, found at the end of the best climb: which, why, and what becomes of them.

A component has collapsed when its covariance rests on the numerical floor or it lost its rows. By policy

    repair    it stays as the floor holds it
    drop      its mixing weight becomes 0 and the others climb on, until none is left that rests on the floor
    restart   it begins anew at a row of another component that is unlikely there, with the mean covariance of the sound
              ones, and all climb on; what comes of that is kept if fewer components have collapsed then
    raise     a `CollapseError`

Where no component is sound, the data are degenerate, not the components: dropping and restarting leave them alone. So
they do components of which something is known or held.

Each further climb is a segment of the trace. Invariant: parameters that a policy leaves alone come back bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gmm.completion import filled
from gmm.convergence import STOPPED
from gmm.covariances.base import Covariance
from gmm.dependence import dependence
from gmm.draws import Draws
from gmm.em import Accumulate
from gmm.errors import CollapseError
from gmm.missing import IncompleteRows
from gmm.parameters import Kernel, Parameters
from gmm.partition import rows_needed
from gmm.restarts import Outcome
from gmm.rows import Rows

__all__ = ["POLICIES", "Collapse", "OnCollapse", "attended", "described", "is_sound"]

OnCollapse = Literal["repair", "drop", "restart", "raise"]
POLICIES: tuple[OnCollapse, ...] = ("repair", "drop", "restart", "raise")
FEW = 5  # rows that a record names
ATTEMPTS = 3  # restarts of a fit
UNLIKELY = 0.1  # share of the rows, those of lowest density, one of which a restarted component begins at


@dataclass(frozen=True)
class Collapse:
    """What is known of a component that collapsed.

    Parameters
    ----------
    component : int
    iteration : int
        Entry of ``lower_bounds_`` at which it was found.
    cause : {"floor", "no rows"}
        Its covariance rested on the numerical floor; or it lost its rows.
    n_rows : float
        Sum of sample weight times responsibility.
    rows : tuple of int
        Numbers of a few rows of which it was the most probable component.
    columns : tuple of str or int
        Features, by name where X had names, that do not vary there, or of which a combination does not.
    coefficients : tuple of float
        Of that combination: the sum of coefficient times column is constant there; the largest is 1. None where each
        of the columns is.
    action : {"kept", "dropped", "restarted"}
    """

    component: int
    iteration: int
    cause: str
    n_rows: float
    rows: tuple[int, ...]
    columns: tuple[Any, ...]
    coefficients: tuple[float, ...]
    action: str


def attended(
    outcome: Outcome,
    policy: OnCollapse,
    rows: Rows,
    structure: Covariance,
    *,
    accumulate: Accumulate,
    again: Callable[[Parameters], Outcome],
    immovable: np.ndarray,
    names: Sequence[str] | None = None,
) -> Outcome:
    """What a fit ends with, once collapsed components are seen to.

    Parameters
    ----------
    outcome : Outcome
        Of the race, not `is_sound`.
    policy : {"repair", "drop", "restart", "raise"}
    rows : Rows
    structure : Covariance
    accumulate : callable
        The E-step of the fit.
    again : callable
        Climbs from parameters.
    immovable : ndarray of shape (K,), bool
        Components that must not be dropped or begun anew.
    names : sequence of str, optional
        Of the features.

    Raises
    ------
    CollapseError
        With policy "raise", if a component has collapsed.
    """

    def seen(at: Outcome, which: np.ndarray, action: str) -> list[Collapse]:
        return _records(at, which, action, rows, structure, accumulate, names)

    ended, records = outcome, []
    attempts = ATTEMPTS if policy == "restart" else outcome.parameters.n_components if policy == "drop" else 0
    draws = Draws(outcome.restarts[outcome.winner].seed)
    for _ in range(attempts):
        alive = ended.parameters.weights > 0.0
        bad = (ended.floored & alive if policy == "drop" else _collapsed(ended)) & ~immovable
        sound = alive & ~ended.floored
        if not bad.any() or not sound.any() or ended.stop_reason == STOPPED:
            break
        if policy == "drop":
            begun = _without(ended.parameters, bad)
        else:
            begun = _reseeded(ended.parameters, bad, sound, rows, structure, draws)
        further = again(begun)
        if policy == "restart" and _collapsed(further).sum() >= _collapsed(ended).sum():
            continue
        records += seen(ended, bad, "dropped" if policy == "drop" else "restarted")
        ended = _continued(ended, further)
    left = _collapsed(ended)
    left[[record.component for record in records if record.action == "dropped"]] = False
    records += seen(ended, left, "kept")
    if policy == "raise":
        raise CollapseError("; ".join(map(described, records[:FEW])), records)
    return replace(ended, collapses=tuple(records))


def is_sound(outcome: Outcome) -> bool:
    """Whether no component has collapsed."""
    return not outcome.floored.any() and bool(outcome.parameters.weights.all())


def described(record: Collapse) -> str:
    """A clause on one component."""
    if record.cause == "no rows":
        return f"component {record.component} lost its rows"
    some = ", ".join(map(str, record.rows)) + ", ..." * (len(record.rows) == FEW)
    text = f"component {record.component} rests on the numerical floor with {record.n_rows:.4g} rows"
    text += f" ({some})" if record.rows else ""
    labels = [column if isinstance(column, str) else f"x{column}" for column in record.columns]
    if labels and not record.coefficients:
        return f"{text}, where {', '.join(labels)} {'do' if len(labels) > 1 else 'does'} not vary"
    if labels:
        terms = " ".join(f"{c:+.4g} {label}" for c, label in zip(record.coefficients, labels, strict=True))
        return f"{text}, where {terms.removeprefix('+')} does not vary"
    return text


def _collapsed(outcome: Outcome) -> np.ndarray:
    return outcome.floored | (outcome.parameters.weights == 0.0)


def _continued(earlier: Outcome, later: Outcome) -> Outcome:
    """The later climb as one more segment of the earlier."""
    trace = [*earlier.trace, *later.trace]
    segments = (*earlier.segments, len(earlier.trace))
    return replace(later, trace=trace, segments=segments, restarts=earlier.restarts, winner=earlier.winner)


def _without(parameters: Parameters, bad: np.ndarray) -> Parameters:
    """The mixture of the other components."""
    weights = np.where(bad, 0.0, parameters.weights)
    return replace(parameters, weights=weights * (parameters.weights.sum() / weights.sum()))


def _reseeded(
    parameters: Parameters, bad: np.ndarray, sound: np.ndarray, rows: Rows, structure: Covariance, draws: Draws
) -> Parameters:
    """The mixture with the collapsed components at rows that the sound ones find unlikely."""
    others = replace(parameters, weights=np.where(sound, parameters.weights, 0.0))
    density = rows.score(structure.factorize(others)).log_density
    label = rows.score(structure.factorize(parameters).centred(), log_density=False, label=True).label
    own = (label >= 0) & bad[label]  # there it would end as before
    counted = np.flatnonzero(~own if rows.sample_weight is None else ~own & (rows.sample_weight > 0))
    n_bad, K, D = int(bad.sum()), parameters.n_components, parameters.n_features
    size = max(int(UNLIKELY * len(counted)), n_bad * rows_needed(structure, D))
    unlikely = counted[np.argsort(density[counted], kind="stable")[:size]]
    picked = rows.plain.subset(np.sort(unlikely[draws.choice(len(unlikely), n_bad)]))
    X = filled(picked, structure.plain, others)[0] if isinstance(picked, IncompleteRows) else picked.X
    means, covariances = parameters.means.copy(), parameters.covariances
    means[bad] = rows.frame.points_in(X)
    if structure.kernel is not Kernel.TIED:
        covariances = covariances.copy()
        covariances[bad] = np.average(covariances[sound], axis=0, weights=parameters.weights[sound])
    total = parameters.weights.sum()
    kept = np.where(bad, 0.0, parameters.weights)
    weights = np.where(bad, total / K, kept * (total * (1.0 - n_bad / K) / kept.sum()))
    return replace(parameters, weights=weights, means=means, covariances=covariances)


def _records(
    outcome: Outcome,
    which: np.ndarray,
    action: str,
    rows: Rows,
    structure: Covariance,
    accumulate: Accumulate,
    names: Sequence[str] | None,
) -> list[Collapse]:
    """A record of each of these components (K,)."""
    if not which.any():
        return []
    factors = structure.factorize(outcome.parameters)
    n = np.ldexp(accumulate(factors).n, rows.weight_exponent)
    labels = rows.score(factors.centred(), log_density=False, label=True).label
    if rows.sample_weight is not None:
        labels[rows.sample_weight == 0] = -1
    found = []
    for k in np.flatnonzero(which).tolist():
        own = np.flatnonzero(labels == k)[:FEW]
        floored = bool(outcome.floored[k])
        thin = n[k] < rows_needed(structure, rows.n_features) and structure.kernel is not Kernel.TIED
        columns, coefficients = (), ()
        if floored and not thin:
            columns, coefficients = dependence(structure.plain, outcome.parameters, rows.frame, k)
        found.append(
            Collapse(
                component=k,
                iteration=len(outcome.trace) - 1,
                cause="floor" if floored else "no rows",
                n_rows=float(n[k]),
                rows=tuple(own.tolist()),
                columns=tuple(j if names is None else str(names[j]) for j in columns),
                coefficients=coefficients,
                action=action,
            )
        )
    return found
