"""Where three kinds of start begin on crossing lines, and where their climbs end: docs/starts.md."""

import numpy as np
from canvas import bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm

KINDS = ("hierarchical", "k-means++", "ellipsoids")


def lines() -> np.ndarray:
    """Three lines through one point."""
    rng = np.random.default_rng(0)
    t, angle = rng.uniform(-1, 1, 180), np.repeat([0.0, 1.0, 2.1], 60)
    return np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1) + 0.03 * rng.normal(size=(180, 2))


def draw() -> Figure:
    X = lines()
    figure, axes = panels(2, 3, height=6.2, sharex=True, sharey=True)
    for column, kind in enumerate(KINDS):
        for row, max_iter in enumerate((0, 500)):
            model = gmm.GaussianMixture(
                3, init_params=kind, n_init=1, max_iter=max_iter, tol=1e-6 if max_iter else np.inf, random_state=0
            ).fit(X)  # fmt: skip
            ax = axes[row, column]
            dots(ax, X, model.predict(X))
            ellipses(ax, model)
            bare(ax)
            when = f'start "{kind}"' if max_iter == 0 else f"after {model.n_iter_} iterations"
            ax.set_title(f"{when}: {model.score(X):.2f} nats a row", fontsize=9)
    return figure
