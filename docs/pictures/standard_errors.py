"""Means with intervals, of all rows of Old Faithful and of every eighth: docs/standard-errors.md."""

from canvas import COLOURS, GREY, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm
from gmm.datasets import load_faithful


def draw() -> Figure:
    figure, axes = panels(1, 2, height=3.6, sharex=True, sharey=True)
    for ax, every in zip(axes, (1, 8), strict=True):
        X = load_faithful().data[::every]
        model = gmm.GaussianMixture(2, order_by="mean", tol=1e-12, random_state=0).fit(X)
        low, high = model.standard_errors(X).intervals(0.95)["means"]
        dots(ax, X)
        ellipses(ax, model, colours=[GREY] * 2, linewidth=1)
        for k, mean in enumerate(model.means_):
            reach = (high - low)[k] / 2
            ax.errorbar(*mean, xerr=reach[0], yerr=reach[1], color=COLOURS[k], linewidth=2, capsize=3)
        ax.set_xlabel("eruption (minutes)")
        ax.set_title(f"{len(X)} rows", fontsize=10)
    axes[0].set_ylabel("wait until the next (minutes)")
    return figure
