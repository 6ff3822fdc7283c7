"""Criteria against numbers of components, a line for each structure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gmm.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gmm.selection.result import Selection

__all__ = ["draw"]

MARKERS = "os^vD<>ph*XP8d"
WORST = 4.0  # a line is cut where it is so many times as far from the best as the median candidate


def draw(selection: Selection, ax: Axes | None) -> Axes:
    """Draw the criterion of every candidate; what is not sound is hollow, the best is ringed.

    Raises
    ------
    ImportError
        Without matplotlib.
    ParameterError
        Where no model has a finite value.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'fastgmm[plot]'") from error
    criterion, best = selection.criterion, selection.best_candidate
    if not any(_is_shown(each, criterion) for each in selection.table):
        raise ParameterError(f"there is nothing to draw: {criterion} is not finite for any of the models")
    if ax is None:
        _, ax = pyplot.subplots(layout="constrained")
    kinds = list(dict.fromkeys(candidate.covariance_type for candidate in selection.table))
    for number, kind in enumerate(kinds):
        line = sorted(
            (each for each in selection.table if each.covariance_type == kind and _is_shown(each, criterion)),
            key=lambda each: each.n_components,
        )
        counts = [each.n_components for each in line]
        (drawn,) = ax.plot(
            counts,
            [getattr(each, criterion) for each in line],
            *("-",),
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=1,
            color=pyplot.get_cmap("tab20")(number % 20),
            label=kind,
        )
        hollow = [each for each in line if not each.sound]
        ax.plot(
            [each.n_components for each in hollow],
            [getattr(each, criterion) for each in hollow],
            *("",),
            marker=drawn.get_marker(),
            markersize=5,
            markerfacecolor="white",
            color=drawn.get_color(),
        )
    ax.plot(best.n_components, getattr(best, criterion), "o", markersize=13, markerfacecolor="none", color="black")
    values = sorted(getattr(each, criterion) for each in selection.table if _is_shown(each, criterion))
    least, middle = getattr(best, criterion), values[len(values) // 2]
    if values[-1] - least > WORST * (middle - least) > 0:
        ax.set_ylim(min(values[0], least) - 0.1 * (middle - least), least + WORST * (middle - least))
    ax.set_xlabel("components")
    ax.set_ylabel(f"{criterion}, lower is better")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize="small", ncols=1 + len(kinds) // 8)
    return ax


def _is_shown(candidate: object, criterion: str) -> bool:
    return math.isfinite(getattr(candidate, criterion))
