"""The same rows under three bounds on the ratio of eigenvalues: docs/constraints.md."""

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm


def draw() -> Figure:
    rng = np.random.default_rng(0)
    X = np.concatenate([
        rng.normal(size=(150, 2)) * [2.0, 0.4], rng.normal(size=(150, 2)) * [0.4, 1.5] + [6.0, 1.0],
        rng.normal(size=(150, 2)) * 0.5 + [2.0, 4.0],
    ])  # fmt: skip
    figure, axes = panels(1, 3, height=2.6, sharex=True, sharey=True)
    for ax, bound in zip(axes, (1.0, 4.0, None), strict=True):
        model = gmm.GaussianMixture(3, eigen_ratio=bound, order_by="mean", random_state=0).fit(X)
        dots(ax, X, model.predict(X))
        ellipses(ax, model)
        bare(ax)
        ax.set_title("no bound" if bound is None else f"eigen_ratio={bound:.0f}", fontsize=10)
    return figure
