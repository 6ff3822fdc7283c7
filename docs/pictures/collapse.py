"""A component on four equal rows, and what becomes of it: docs/collapse.md."""

import warnings

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm

SAID = {"repair": "held by the floor", "drop": "weight 0", "restart": "begun anew"}


def draw() -> Figure:
    cluster = np.arange(200) % 3
    X = np.random.default_rng(0).normal(size=(200, 2)) + 9.0 * (cluster[:, None] == [1, 2])
    X = np.vstack([X, np.full((4, 2), 0.5)])
    start = np.r_[np.minimum(cluster, 1), [2, 2, 2, 2]]
    figure, axes = panels(1, 3, height=3.2, sharex=True, sharey=True)
    for ax, policy in zip(axes, SAID, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gmm.errors.CollapseWarning)
            model = gmm.GaussianMixture(3, on_collapse=policy, random_state=0).fit(X, start=start)
        dots(ax, X, model.predict(X))
        ellipses(ax, model)
        bare(ax)
        if policy == "repair":
            place = {"xytext": (-40, -54), "textcoords": "offset points", "fontsize": 9}
            ax.annotate("a component of four rows", model.means_[2], arrowprops={"arrowstyle": "->"}, **place)
        ax.set_title(f'"{policy}": {SAID[policy]}', fontsize=10)
    return figure
