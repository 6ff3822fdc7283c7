"""Criteria of fourteen models of Old Faithful: docs/choosing-a-model.md."""

from canvas import panels
from matplotlib.figure import Figure

import gmm
from gmm.datasets import load_faithful


def draw() -> Figure:
    selection = gmm.select(load_faithful().data, range(1, 10), "mclust", random_state=0)
    figure, (left, right) = panels(1, 2, height=3.6)
    selection.plot(ax=left)
    selection.plot("icl", ax=right)
    right.get_legend().remove()
    return figure
