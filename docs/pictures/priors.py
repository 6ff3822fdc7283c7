"""Two rows with and without a prior: docs/priors.md."""

import warnings

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm


def draw() -> Figure:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(100, 2)), [[9.0, 9.0], [9.0, 9.1]]])
    figure, axes = panels(1, 2, height=3.8, sharex=True, sharey=True)
    for ax, prior, said in zip(axes, (None, "default"), ("without a prior", 'prior="default"'), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gmm.errors.CollapseWarning)
            model = gmm.GaussianMixture(2, prior=prior, random_state=0).fit(X, start=np.repeat([0, 1], [100, 2]))
        dots(ax, X, model.predict(X))
        ellipses(ax, model)
        bare(ax)
        for collapse in model.collapses_:
            place = {"xytext": (-12, -24), "textcoords": "offset points", "arrowprops": {"arrowstyle": "->"}}
            ax.annotate("a spike on the floor", model.means_[collapse.component], ha="right", **place)
        ax.set_title(said, fontsize=10)
    return figure
