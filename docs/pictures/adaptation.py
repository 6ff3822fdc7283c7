"""A background mixture and what few rows make of it: docs/adaptation.md."""

import numpy as np
from canvas import COLOURS, GREY, bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm

ARROW = {"arrowstyle": "->", "color": COLOURS[1], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}


def draw() -> Figure:
    rng = np.random.default_rng(3)
    centres = np.array([[0.0, 0.0], [5.0, 0.5], [2.5, 4.0], [7.5, 4.5]])
    sound = rng.integers(0, 4, 2000)
    background = gmm.GaussianMixture(4, random_state=0).fit(centres[sound] + rng.normal(size=(2000, 2)) * 0.9)
    heard = np.repeat([0, 1, 2], [40, 12, 3])
    own = centres[heard] + [1.3, -0.9] + rng.normal(size=(len(heard), 2)) * 0.5
    figure, axes = panels(1, 2, height=3.6, sharex=True, sharey=True)
    for ax, relevance in zip(axes, (16.0, 4.0), strict=True):
        model = gmm.adapt(background, own, relevance_factor=relevance)
        dots(ax, own, np.zeros(len(own), int))
        ellipses(ax, background, colours=[GREY] * 4, linewidth=1.5)
        ax.plot(*background.means_.T, "o", color=GREY)
        for begin, end in zip(background.means_, model.means_, strict=True):
            if np.hypot(*(end - begin)) > 0.02:
                ax.annotate("", end, begin, arrowprops=ARROW)
        bare(ax)
        ax.set_title(f"relevance factor {relevance:.0f}", fontsize=10)
    return figure
