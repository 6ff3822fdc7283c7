"""Four heaps that two components may part in two ways, and labels that say which: docs/labels.md."""

import numpy as np
from canvas import COLOURS, bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm

CORNERS = np.array([[-3.0, -2.2], [3.0, -2.2], [-3.0, 2.2], [3.0, 2.2]])


def draw() -> Figure:
    rng = np.random.default_rng(0)
    corner = np.arange(400) % 4
    X = CORNERS[corner] + rng.normal(size=(400, 2)) * 0.7
    labels = np.full(400, -1)
    labels[:24] = corner[:24] // 2
    figure, axes = panels(1, 2, height=3.4, sharex=True, sharey=True)
    for ax, known, said in zip(axes, (None, labels), ("no labels", "24 rows with labels"), strict=True):
        model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X, labels=known)
        dots(ax, X, model.predict(X))
        ellipses(ax, model)
        for component in (0, 1) if known is not None else ():
            seen = X[labels == component].T
            ax.plot(*seen, "os"[component], markersize=6, color=COLOURS[component], markeredgecolor="black")
        bare(ax)
        ax.set_title(said, fontsize=10)
    return figure
