"""Tables and sentences about a mixture, for people: ASCII, aligned, never wider than the terminal where it can be.

Numbers are rounded by what they mean: a mean and a standard deviation to three digits of the smallest deviation of
their feature, a share to a tenth of a per cent.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence

import numpy as np

from gmm.cli.description import Description

MOST_FEATURES = 20
MOST_COMPONENTS = 40
GAP = "  "


def terminal_width() -> int:
    """Columns of the terminal, at least 36; 80 where there is none."""
    return max(36, shutil.get_terminal_size((80, 24)).columns)


def table(rows: Sequence[Sequence[str]], *, right: int | None = None) -> str:
    """Lines of columns: the first aligned to the left, the next to the right up to number `right`, then left again."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 0 < j < (right or len(row)) else cell.ljust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines)


def components(mixture: Description, width: int) -> str:
    """Weight, mean and standard deviation of every component: one line each where that fits, else one column each."""
    shown = min(len(mixture.weights), MOST_COMPONENTS)
    across = _by_component(mixture, shown)
    lines = [table(across)] if _fits(across, width) else _by_feature(mixture, shown, width)
    if shown < len(mixture.weights):
        lines.append(f"... and {len(mixture.weights) - shown} more components")
    return "\n".join(lines)


def decimals(deviations: np.ndarray) -> int | None:
    """Digits after the point that show three digits of the smallest deviation; None: scientific notation."""
    smallest, largest = float(deviations.min()), float(deviations.max())
    if not smallest > 0 or largest > 1e6 or smallest < 1e-5:
        return None
    return max(0, 2 - math.floor(math.log10(smallest)))


def number(value: float, places: int | None) -> str:
    """A value with so many digits after the point."""
    return f"{value:.4g}" if places is None else f"{value:.{places}f}"


def share(weight: float) -> str:
    """A mixing weight as per cent."""
    return f"{100 * weight:.1f} %"


def _cells(mixture: Description, feature: int, shown: int) -> list[str]:
    means, deviations = mixture.means[:shown, feature], mixture.deviations[:shown, feature]
    places = decimals(mixture.deviations[:, feature])
    return [
        f"{number(mean, places)} ({number(deviation, places)})"
        for mean, deviation in zip(means, deviations, strict=True)
    ]


def _by_component(mixture: Description, shown: int) -> list[list[str]]:
    columns = [["component", *map(str, range(shown))], ["weight", *map(share, mixture.weights[:shown])]]
    n_features = min(len(mixture.names), MOST_FEATURES)
    columns += [[mixture.names[j], *_cells(mixture, j, shown)] for j in range(n_features)]
    for a, b, correlations in mixture.correlations():
        title = "correlation" if len(mixture.names) == 2 else f"r({mixture.names[a]}, {mixture.names[b]})"
        columns.append([title, *(f"{r:.2f}" for r in correlations[:shown])])
    return [list(row) for row in zip(*columns, strict=True)]


def _fits(rows: Sequence[Sequence[str]], width: int) -> bool:
    return max(map(len, table(rows).splitlines())) <= width


def _by_feature(mixture: Description, shown: int, width: int) -> list[str]:
    """Blocks of as many components side by side as the width holds."""
    n_features = min(len(mixture.names), MOST_FEATURES)
    longest = max(12, width // 2)
    head = ["component", "weight", *(_shortened(name, longest) for name in mixture.names[:n_features])]
    cells = [_cells(mixture, j, shown) for j in range(n_features)]
    for a, b, correlations in mixture.correlations():
        head.append(_shortened(f"r({mixture.names[a]}, {mixture.names[b]})", longest))
        cells.append([f"{r:.2f}" for r in correlations[:shown]])
    columns = [[str(k), share(mixture.weights[k]), *(row[k] for row in cells)] for k in range(shown)]
    blocks, first = [], 0
    while first < shown:
        last = first + 1
        while last < shown and _fits(list(zip(head, *columns[first : last + 1], strict=True)), width):
            last += 1
        blocks.append(table(list(zip(head, *columns[first:last], strict=True))))
        first = last
    text = "\n\n".join(blocks)
    rest = len(mixture.names) - n_features
    return [text, *([f"... and {rest} more features; --json prints all"] if rest else [])]


def _shortened(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 3] + "..."
