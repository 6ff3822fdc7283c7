"""Axes to draw on, for those who have Matplotlib.

Invariant: importing this module imports nothing; who never draws never needs Matplotlib.
"""

from __future__ import annotations

from typing import Any

__all__ = ["axes_for"]


def axes_for(ax: Any = None) -> Any:
    """The axes given, or new ones.

    Raises
    ------
    ImportError
        Matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plots need Matplotlib: pip install fastgmm[plot]") from None
    return pyplot.subplots()[1]
