"""What the pictures share: colours that the colour-blind tell apart, rows, ellipses, and files that stay small."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from PIL import Image

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
GREY = "0.6"
WIDTH, DPI = 9.0, 90  # inches, dots an inch
SHADES = 200  # colours of a file


def panels(rows: int = 1, columns: int = 1, *, height: float = 3.4, **how: Any) -> tuple[Figure, Any]:
    """A figure as wide as a page, and its axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **how)


def dots(ax: Axes, X: np.ndarray, labels: np.ndarray | None = None, colours: Sequence[str] = COLOURS) -> None:
    """Rows, each in the colour of its component, grey without one (label -1)."""
    labels = np.full(len(X), -1) if labels is None else labels
    for k in np.unique(labels):
        ax.plot(*X[labels == k].T, ".", markersize=3, color=GREY if k < 0 else colours[k % len(colours)])


def ellipse(ax: Axes, mean: np.ndarray, covariance: np.ndarray, **style: Any) -> None:
    """The curve of two standard deviations of a Gaussian."""
    values, axes = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    ax.add_patch(Ellipse(mean, *(4.0 * np.sqrt(values[::-1])), angle=angle, fill=False, **style))


def ellipses(ax: Axes, model: Any, colours: Sequence[str] = COLOURS, **style: Any) -> None:
    """Those of a mixture's components that are alive."""
    dense = np.broadcast_to(model.covariances_, (len(model.weights_), 2, 2))
    for k in np.flatnonzero(model.weights_ > 0):
        how = {"color": colours[k % len(colours)], "linewidth": 2} | style
        ellipse(ax, model.means_[k], dense[k], **how)


def bare(ax: Axes) -> None:
    """Without numbers along the axes, and with one scale for both: rows that have no units."""
    ax.set(xticks=[], yticks=[], aspect="equal")


def save(figure: Figure, path: Path) -> None:
    """Write a figure, in few colours."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI)
    few = Image.open(drawn).convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
