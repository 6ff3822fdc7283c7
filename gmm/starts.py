"""Where a fit begins, of all that a user may give: labels or responsibilities, a previous fit, arrays, a method's name.

In this order; the first that is given decides. Arrays replace, exactly, that part of the start. With ``means_init``
alone, rows go to the nearest mean and the rest follows from this partition.

Invariant: parameters in frame coordinates; a previous fit in the same frame continues bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gmm import initialization
from gmm._validation import check_means, check_weights
from gmm.errors import DataError, ParameterError
from gmm.frame import Frame
from gmm.mixture import Mixture
from gmm.parameters import Parameters
from gmm.partition import from_partition
from gmm.rows import Rows
from gmm.settings import Settings

__all__ = ["Start", "checked_partition", "choose_start"]

ROW_SUM_ERROR = 1e-6  # how far from 1 the responsibilities of a row may sum


@dataclass(frozen=True)
class Start:
    """Parameters as a function of a seed, and whether the seed matters: if not, one start is enough."""

    parameters: Callable[[int], Parameters]
    is_random: bool


def choose_start(
    settings: Settings,
    rows: Rows,
    *,
    partition: Any,
    previous: Mixture | None,
    floor: np.ndarray,
    ridge: np.ndarray | None,
) -> Start:
    """Find out where to start.

    Parameters
    ----------
    settings : Settings
        ``init_params`` and the arrays ``weights_init``, ``means_init``, ``precisions_init``, ``covariances_init``.
    rows : Rows
    partition : array-like of shape (N,) or (N, K), or None
        Labels or responsibilities.
    previous : Mixture or None
        Of a warm start.
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    given = given_arrays(settings, rows.frame)
    shape = (rows, settings.structure, settings.n_components)
    limits = {"floor": floor, "ridge": ridge}

    def replaced(parameters: Parameters) -> Parameters:
        return replace(parameters, **given)

    if partition is not None:
        checked = checked_partition(partition, rows.n_rows, settings.n_components)
        return Start(lambda seed: replaced(from_partition(*shape, checked, **limits)), False)
    if previous is not None:
        continued = in_frame(previous, settings, rows.frame)
        return Start(lambda seed: continued, False)
    if len(given) == 3:
        return Start(lambda seed: Parameters(**given), False)
    method = settings.init_params
    if "means" in given:
        method = _always(rows.frame.points_out(given["means"]))
    begin = partial(initialization.start, *shape, method, **limits)
    return Start(lambda seed: replaced(begin(seed)), "means" not in given)


def given_arrays(settings: Settings, frame: Frame) -> dict[str, np.ndarray]:
    """Fields of `Parameters` that the user gave, checked, in frame coordinates.

    Raises
    ------
    ParameterError
        Naming the argument, the component and what is wrong with it.
    """
    K, D, structure = settings.n_components, frame.n_features, settings.structure
    given = {}
    if settings.weights_init is not None:
        given["weights"] = check_weights(settings.weights_init, K, "weights_init")
    if settings.means_init is not None:
        given["means"] = frame.points_in(check_means(settings.means_init, K, D, "means_init"))
    if settings.covariances_init is not None and settings.precisions_init is not None:
        raise ParameterError("covariances_init and precisions_init say the same thing: give one of them")
    if settings.covariances_init is not None:
        covariances = structure.validate(settings.covariances_init, K, D, "covariances_init")
        given["covariances"] = structure.covariances_in(covariances, frame)
    if settings.precisions_init is not None:
        precisions = structure.validate(settings.precisions_init, K, D, "precisions_init")
        given["covariances"] = structure.from_precisions(structure.covariances_in(precisions, frame.dual))
    return given


def in_frame(previous: Mixture, settings: Settings, frame: Frame) -> Parameters:
    """Parameters of an earlier fit in the frame of the new rows; the same bits if the frame is the same.

    Raises
    ------
    ParameterError
        If the earlier fit has other features, components or another structure than asked for.
    """
    for what, before, now in (
        ("features", previous.n_features, frame.n_features),
        ("n_components", previous.n_components, settings.n_components),
        ("covariance_type", previous.structure.name, settings.structure.name),
    ):
        if before != now:
            raise ParameterError(
                f"warm_start=True continues a fit with {_said(what, before)}, but now there are {_said(what, now)}; "
                "set warm_start=False to start afresh"
            )
    old, p = previous.frame, previous.parameters
    step = old.exponent - frame.exponent  # exact: scales are powers of two
    if not step.any() and np.array_equal(old.centre, frame.centre):
        return p
    means = np.ldexp(p.means, step) + (np.ldexp(old.centre, step) - frame.centre)
    relative = Frame(-step, np.zeros(frame.n_features), frame.radius, frame.floor)
    return Parameters(p.weights, means, previous.structure.covariances_in(p.covariances, relative))


def checked_partition(partition: Any, n_rows: int, n_components: int) -> np.ndarray:
    """Labels (N,) int64 in [-1, K) or responsibilities (N, K) float64 whose rows sum to 1, or to 0 for no component.

    Raises
    ------
    DataError
        Naming the first row that is neither.
    """
    try:
        given = np.asarray(partition, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"start must hold labels or responsibilities: {error}") from None
    if given.shape not in ((n_rows,), (n_rows, n_components)):
        raise DataError(
            f"start has shape {given.shape}; expected labels ({n_rows},) or responsibilities ({n_rows}, {n_components})"
        )
    if given.ndim == 1:
        good = (given == np.floor(given)) & (given >= -1) & (given < n_components)
        _refuse(~good, f"is not a label in -1 .. {n_components - 1}", given)
        return given.astype(np.int64)
    usable = (np.isfinite(given) & (given >= 0)).all(axis=1)
    _refuse(~usable, "has a responsibility that is negative or no number", given)
    total = given.sum(axis=1)
    _refuse((np.abs(total - 1) > ROW_SUM_ERROR) & (total != 0), "sums neither to 1 nor, for no component, to 0", given)
    return given


def _refuse(bad: np.ndarray, why: str, given: np.ndarray) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"start: row {row} {why}: {given[row]}")


def _said(what: str, value: Any) -> str:
    return f"{value} features" if what == "features" else f"{what}={value!r}"


def _always(means: np.ndarray) -> Callable[..., np.ndarray]:
    return lambda X, n_components, rng: means
