"""Covariances of mclust's forms in NumPy: the twin of csrc/forms.c, where the formulas and their sources stand.

Every function takes n (K,), scatters, the previous covariances or None, the floor (D,) and epsilon, and returns
covariances in the shape of the scatters and which components rest on the floor. All components are alive.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmm.parameters import Form
from gmm.reference.floor import lift
from gmm.reference.triangles import diagonal, symmetric, whitener

__all__ = ["constrained"]

MOST_ROUNDS, STILL = 1000, 1e-14
SWEEPS, LOOK, STILL_ANGLE = 50, 5, 1e-8
GOLDEN = 0.6180339887498949

Found = tuple[np.ndarray, np.ndarray]


def constrained(
    form: Form, n: np.ndarray, scatter: np.ndarray, previous: np.ndarray | None, floor: np.ndarray, epsilon: float
) -> Found:
    """Covariances of a form, and which of them rest on the floor."""
    return FORMS[form](n, scatter, previous, floor, epsilon)


def _eii(n, scatter, previous, floor, epsilon):
    variance = n @ scatter / n.sum()
    return np.full(len(n), max(variance, floor.mean())), np.full(len(n), variance < floor.mean())


def _eei(n, scatter, previous, floor, epsilon):
    pooled = n @ scatter / n.sum()
    return np.repeat(np.maximum(pooled, floor)[None], len(n), axis=0), np.repeat((pooled < floor).any(), len(n))


def _vei(n, scatter, previous, floor, epsilon):
    shape = np.maximum(n @ scatter / n.sum() if previous is None else previous[0], floor)
    volume = np.zeros(len(n))
    for _ in range(MOST_ROUNDS):
        shape = shape / _geometric_mean(shape)
        before, volume = volume, np.maximum((scatter / shape).mean(axis=1), floor.max())
        if not (np.abs(volume - before) > STILL * volume).any():
            break
        shape = np.maximum(n @ (scatter / volume[:, None]) / n.sum(), floor / volume.max())
    variances = volume[:, None] * shape
    return np.maximum(variances, floor), (variances <= floor).any(axis=1) | (n @ scatter / n.sum() < floor).any()


def _evi(n, scatter, previous, floor, epsilon):
    floored, scatter = (scatter < floor).any(axis=1), np.maximum(scatter, floor)
    volumes = _geometric_mean(scatter)
    return scatter / volumes[:, None] * (n @ volumes / n.sum()), floored


def _vee(n, scatter, previous, floor, epsilon):
    common = np.tensordot(n, scatter, 1) / n.sum() if previous is None else previous[0]
    volume, unit, floored, counted = np.zeros(len(n)), 1.0, False, len(floor)
    for _ in range(MOST_ROUNDS):
        pooled = common * unit  # the floor has units
        common, on_floor = lift(pooled[None], floor, epsilon)
        floored = floored or bool(on_floor[0])
        if floored:  # directions that have spread
            counted = np.trace(whitener(common[0]) @ pooled @ whitener(common[0]).T)
        common = common[0] * _geometric_mean(diagonal(whitener(common[0])) ** 2)
        W = whitener(common)
        squares = ((W @ scatter) * W).sum(axis=(1, 2))
        before, volume = volume, np.maximum(squares / counted, floor.max())
        if floored or not (np.abs(volume - before) > STILL * volume).any():
            break
        unit = float(volume.max())
        common = symmetric(np.tensordot(n / volume, scatter, 1) / n.sum())
    return _raised(volume[:, None, None] * common, np.repeat(floored, len(n)), floor, epsilon)


def _evv(n, scatter, previous, floor, epsilon):
    scatter, floored = lift(scatter, floor, epsilon)
    volumes = _geometric_mean(diagonal(whitener(scatter)) ** -2.0)
    return scatter * ((n @ volumes / n.sum()) / volumes)[:, None, None], floored


def _eev(n, scatter, previous, floor, epsilon):
    values, axes = np.linalg.eigh(scatter)
    pooled = np.repeat((n @ values / n.sum())[None], len(n), axis=0)
    raised = np.maximum(pooled, floor.max())
    return _raised(_turned(raised, axes), (raised > pooled).any(axis=1), floor, epsilon)


def _vev(n, scatter, previous, floor, epsilon):
    values, axes = np.linalg.eigh(scatter)
    below = (n @ values / n.sum() < floor.max()).any()
    values = np.maximum(values, floor.max())  # where a scatter is singular rounding may leave less than nothing
    shape = n @ values / n.sum() if previous is None else np.maximum(np.linalg.eigvalsh(previous[0]), floor.max())
    volume = np.zeros(len(n))
    for _ in range(MOST_ROUNDS):
        shape = shape / _geometric_mean(shape)
        before, volume = volume, np.maximum((values / shape).mean(axis=1), floor.max())
        if not (np.abs(volume - before) > STILL * volume).any():
            break
        shape = n @ (values / volume[:, None]) / n.sum()
    found = volume[:, None] * shape
    raised = np.maximum(found, floor.max())
    floored = (raised > found).any(axis=1) | below
    return _raised(_turned(raised, axes), floored, floor, epsilon)


def _common_axes(values_of: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> Callable[..., Found]:
    def descended(n, scatter, axes, values, least, sweeps=SWEEPS):
        """Cost, orientation, eigenvalues and which rest on the floor, from an orientation and eigenvalues on."""
        rotated = axes.T @ scatter @ axes
        values = values_of(n, rotated, least) if values is None else values
        for _ in range(sweeps):
            axes, rotated, angle = _sweep(axes, rotated, n, values)
            values = values_of(n, rotated, least)
            if angle < STILL_ANGLE:
                break
        variances = diagonal(rotated)
        cost = float(n @ (np.log(values) + variances / values).sum(axis=1))
        return cost, axes, values, (variances < least).any(axis=1)

    def finished(axes, values, floored, floor, epsilon):
        return _raised(_turned(values, axes), floored, floor, epsilon)

    def constrained(n, scatter, previous, floor, epsilon):
        least = floor.max()
        if previous is not None:
            axes = _shared_axes(previous)
            values = np.maximum(diagonal(axes.T @ previous @ axes), least)
            return finished(*descended(n, scatter, axes, values, least)[1:], floor, epsilon)
        beginnings = [_shared_axes(scatter), *np.linalg.eigh(scatter)[1], np.eye(len(floor))]
        seen = [descended(n, scatter, axes, None, least, LOOK) for axes in beginnings]
        best = min(seen, key=lambda each: each[0])[1]
        return finished(*descended(n, scatter, best, None, least)[1:], floor, epsilon)

    return constrained


def _values_of_own_volume(n, rotated, least):
    return np.maximum(diagonal(rotated), least)


def _values_of_one_volume(n, rotated, least):
    variances = np.maximum(diagonal(rotated), least)
    volumes = _geometric_mean(variances)
    return variances * ((n @ volumes / n.sum()) / volumes)[:, None]


def _shared_axes(matrices: np.ndarray) -> np.ndarray:
    sizes = np.trace(matrices, axis1=1, axis2=2)
    weights = (1.0 + GOLDEN * np.arange(len(matrices)) % 1.0) / np.where(sizes > 0, sizes, 1.0)
    return np.linalg.eigh(np.tensordot(weights, matrices, 1))[1]


def _sweep(axes, rotated, n, values):
    """Every pair of columns turned once, a pair at a time: axes, scatters seen along them, the largest angle."""
    axes, rotated, largest, D = axes.copy(), rotated.copy(), 0.0, len(axes)
    precisions = n[:, None] / values
    for i, j in _tournament(D):
        gain = precisions[:, i] - precisions[:, j]
        along = gain @ (rotated[:, i, i] - rotated[:, j, j]) / 2
        across = gain @ rotated[:, i, j]
        if np.hypot(along, across) <= 1e-15 * (np.abs(gain) @ (rotated[:, i, i] + rotated[:, j, j])):
            continue
        angle = np.arctan2(-across, -along) / 2
        largest = max(largest, abs(angle))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        axes[:, [i, j]] = axes[:, [i, j]] @ turn
        rotated[:, :, [i, j]] = rotated[:, :, [i, j]] @ turn
        rotated[:, [i, j]] = turn.T @ rotated[:, [i, j]]
    return axes, rotated, largest


def _tournament(D: int) -> list[tuple[int, int]]:
    """Every pair once, in rounds of disjoint ones: the first stays and the others move on a place a round."""
    places, found = list(range(D + D % 2)), []
    for _ in places[1:]:
        pairs = zip(places, reversed(places[len(places) // 2 :]), strict=False)
        found += [(min(pair), max(pair)) for pair in pairs if max(pair) < D]
        places = [places[0], places[-1], *places[1:-1]]
    return found


def _turned(values: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return symmetric((axes * values[:, None, :]) @ axes.swapaxes(-1, -2))


def _raised(matrices: np.ndarray, floored: np.ndarray, floor: np.ndarray, epsilon: float) -> Found:
    found, raised = lift(matrices, floor, epsilon)
    return found, raised | floored


def _geometric_mean(values: np.ndarray) -> np.ndarray:
    return np.exp(np.log(values).mean(axis=-1))


FORMS = {
    Form.EII: _eii,
    Form.EEI: _eei,
    Form.VEI: _vei,
    Form.EVI: _evi,
    Form.VEE: _vee,
    Form.EVV: _evv,
    Form.EEV: _eev,
    Form.VEV: _vev,
    Form.EVE: _common_axes(_values_of_one_volume),
    Form.VVE: _common_axes(_values_of_own_volume),
}
