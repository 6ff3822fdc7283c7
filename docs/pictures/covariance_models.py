"""The fourteen covariance models on the same rows: docs/covariance-models.md."""

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm
from gmm.covariances import CODES

EXPLAINED = """letters: volume,
shape, orientation

E  equal for all
V  varies
I  spheres, or axes
    along the features"""


def rows() -> np.ndarray:
    """Three clusters of unlike volume, shape and orientation."""
    rng = np.random.default_rng(0)
    found = []
    for centre, sd, angle in (([0, 0], [1.5, 0.4], 0.4), ([5.2, 1.0], [0.4, 0.35], 0.0), ([2.2, 5.4], [1.7, 0.6], 1.1)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(centre + rng.normal(size=(80, 2)) * sd @ turn.T)
    return np.concatenate(found)


def draw() -> Figure:
    X = rows()
    models = [gmm.GaussianMixture(3, covariance_type=code, order_by="mean", random_state=0).fit(X) for code in CODES]
    best = min(model.bic(X) for model in models)
    figure, axes = panels(3, 5, height=5.8, sharex=True, sharey=True)
    for ax, model in zip(axes.flat, models, strict=False):
        dots(ax, X)
        ellipses(ax, model)
        bare(ax)
        bic = model.bic(X)
        ax.set_title(f"{model.covariance_type}  BIC {bic:.0f}", fontsize=10, weight="bold" if bic == best else "normal")
    axes[2, 4].text(0.05, 0.5, EXPLAINED, fontsize=10, va="center", transform=axes[2, 4].transAxes)
    axes[2, 4].set_axis_off()
    return figure
