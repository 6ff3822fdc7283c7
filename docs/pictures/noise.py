"""Clusters in clutter, with and without noise: docs/noise.md."""

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm


def draw() -> Figure:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 1, (300, 2)), rng.normal(8, 1, (300, 2)), rng.uniform(-20, 20, (400, 2))])
    figure, axes = panels(1, 2, height=4.2, sharex=True, sharey=True)
    for ax, noise in zip(axes, (False, True), strict=True):
        model = gmm.GaussianMixture(2, noise=noise, random_state=0, order_by="mean").fit(X)
        dots(ax, X, model.predict(X))
        ellipses(ax, model, colours=["black"], linewidth=1.5)
        bare(ax)
        share = f": {model.noise_weight_:.0%} of the rows (grey)" if noise else ""
        ax.set_title(f"noise={noise}{share}", fontsize=10)
    return figure
