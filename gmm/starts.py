"""Where a fit begins, of all that a user may give: labels or responsibilities, a previous fit, arrays, a method's name.

In this order; the first that is given decides. Arrays replace, exactly, that part of the start. With ``means_init``
alone, rows go to the nearest mean and the rest follows from this partition. A named method sees each different row
once (`gmm.distinct`), unless there are so many rows that it sees a subsample anyway. Of rows with missing values
starts see completions (`gmm.completion`).

Invariant: parameters in frame coordinates; a previous fit in the same frame continues bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gmm import anchors, clutter, initialization
from gmm._validation import check_means, check_partition, check_weights
from gmm.completion import CompletedRows, completions
from gmm.covariances import climbs_in_core, is_native
from gmm.distinct import distinct
from gmm.draws import Draws
from gmm.errors import ParameterError
from gmm.escape import Neighbours
from gmm.frame import Frame
from gmm.hierarchy import LEAVES
from gmm.mixture import Mixture
from gmm.noise import Noise
from gmm.parameters import Parameters
from gmm.partition import from_partition
from gmm.prepared import prepare
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.small import are_few
from gmm.subsample import largest

__all__ = ["Start", "choose_start"]

NOISE_WEIGHT = 0.05  # of noise where a start gives components alone


@dataclass(frozen=True)
class Start:
    """Parameters as a function of a seed, and whether the seed matters: if not, one start is enough.

    ``prepare`` makes those of some seeds at once and returns what it made. ``kinds`` makes one of a seed and the number
    of its start, where that decides. ``neighbours`` of some seeds: where to look on from the mixture they lead to.
    """

    parameters: Callable[[int], Parameters]
    is_random: bool
    prepare: Callable[[Sequence[int]], dict[int, Parameters]] = lambda seeds: {}
    kinds: Callable[[int, int], Parameters] | None = None
    neighbours: Callable[[Sequence[int]], Neighbours | None] = lambda seeds: None

    def of(self, seeds: Sequence[int]) -> Callable[[int], Parameters]:
        """``parameters``, for seeds that are made together where they can be."""
        if self.kinds is not None:
            numbers = {seed: number for number, seed in reversed(list(enumerate(seeds)))}
            return lambda seed: self.kinds(seed, numbers[seed])
        prepared = self.prepare(seeds)
        return lambda seed: prepared[seed] if seed in prepared else self.parameters(seed)


def choose_start(
    settings: Settings,
    rows: Rows,
    *,
    partition: Any,
    previous: Mixture | None,
    noise: Noise | None = None,
    known: np.ndarray | None = None,
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
    noise : Noise, optional
        Its box; the weight is found out.
    known : ndarray, optional
        Labels or plausibilities of rows, as `gmm.labels.check_labels` returns them.
    floor, ridge : ndarray of shape (D,)
        As for `gmm.em.climb`.
    """
    given = given_arrays(settings, rows.frame)
    limits = {"floor": floor, "ridge": ridge}

    shape = (settings.structure, settings.n_components)

    def replaced(parameters: Parameters, noise_weight: float = NOISE_WEIGHT) -> Parameters:
        return beside_noise(replace(parameters, **given), noise_weight)

    def beside_noise(parameters: Parameters, weight: float) -> Parameters:
        return parameters.without_noise() if noise is None else parameters.with_noise(noise.weighing(weight))

    if partition is not None:
        checked = _with_known(check_partition(partition, rows.n_rows, settings.n_components, name="start"), known)
        outside = _weight_outside(rows, checked) or NOISE_WEIGHT
        whole = rows if rows.is_whole else CompletedRows.of(rows)
        return Start(lambda seed: replaced(from_partition(whole, *shape, checked, **limits), outside), False)
    if previous is not None:
        continued = in_frame(previous, settings, rows.frame)
        before = previous.parameters.noise
        return Start(lambda seed: beside_noise(continued, before.weight if before else NOISE_WEIGHT), False)
    if len(given) == 3:
        return Start(lambda seed: beside_noise(Parameters(**given), NOISE_WEIGHT), False)
    method = settings.init_params
    if "means" in given:
        method = _always(rows.frame.points_out(given["means"]))
    elif known is not None:
        box = None if noise is None else noise.weighing(NOISE_WEIGHT)
        informed = partial(anchors.start, rows, *shape, checked=known, noise=box, **limits)

        def anchored(seed: int) -> Parameters:
            found = informed(seed=seed)
            return replaced(found, found.noise.weight if found.noise else 0.0)

        return Start(anchored, True)
    elif noise is not None:
        cluttered = partial(clutter.start, rows, *shape, method, noise=noise, **limits)

        def begun(seed: int) -> Parameters:
            found = cluttered(seed=seed)
            return replaced(found, found.noise.weight)

        return Start(begun, True)
    drawn = None if rows.is_whole else completions(rows, settings.n_components)

    def looked_at(some: Rows) -> Rows:
        few = some.n_rows <= largest(settings.n_components, some.n_features)
        return distinct(some) if few and not callable(method) else some

    seen = None if drawn else looked_at(rows)

    def begin(seed: int, number: int = 0) -> Parameters:
        whole = looked_at(drawn(seed)) if drawn else seen
        kind = initialization.kind_of_start(method, number)
        return replaced(initialization.start(whole, *shape, kind, seed, **limits))

    def prepared(seeds: Sequence[int]) -> dict[int, Parameters]:
        if method != "kmeans":
            return {}
        groups = [(looked_at(drawn(seed)), [seed]) for seed in seeds] if drawn else [(seen, seeds)]
        made = {}
        for whole, its in groups:
            made |= prepare(whole, *shape, its, **limits)
        return {seed: replaced(parameters) for seed, parameters in made.items()}

    def neighbours(seeds: Sequence[int]) -> Neighbours | None:
        """Of few rows; with transplants where the starts are made in Python, which costs more than their climbs."""
        strives = method in ("kmeans", "auto") and not given and drawn is None and noise is None
        ordinary = settings.structure is settings.structure.plain and climbs_in_core(settings.structure.core)
        if not (strives and ordinary and are_few(rows.n_rows, settings.n_components, rows.n_features)):
            return None
        n_transplants = 2 * len(seeds) if method == "auto" or not is_native(settings.structure) else 0
        return Neighbours(seen, settings.structure, **limits, rng=Draws(seeds[0]), n_transplants=n_transplants)

    is_one_tree = method in initialization.TREES and rows.n_rows <= LEAVES and drawn is None
    return Start(
        begin, "means" not in given and not is_one_tree, prepared, begin if method == "auto" else None, neighbours
    )


def _with_known(partition: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """A partition in which labelled rows have their own component."""
    if known is None or known.ndim == 2:
        return partition
    if partition.ndim == 1:
        return np.where(known >= 0, known, partition)
    return np.where((known >= 0)[:, None], known[:, None] == np.arange(partition.shape[1]), partition)


def _weight_outside(rows: Rows, partition: np.ndarray) -> float:
    """Share of the sample weight that a partition gives to no component."""
    outside = partition < 0 if partition.ndim == 1 else partition.sum(axis=1) == 0
    return float(np.average(outside, weights=rows.sample_weight))


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
        ("n_factors", previous.structure.n_factors, settings.structure.n_factors),
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
    return replace(p, means=means, covariances=previous.structure.reframed(p.covariances, relative))


def _said(what: str, value: Any) -> str:
    return f"{value} features" if what == "features" else f"{what}={value!r}"


def _always(means: np.ndarray) -> Callable[..., np.ndarray]:
    return lambda X, n_components, rng: means
