"""Five components that are three clusters: docs/interpretation.md."""

import numpy as np
from canvas import COLOURS, bare, dots, ellipses, panels
from matplotlib.figure import Figure

import gmm


def crosses() -> np.ndarray:
    """Two crosses of thin clusters and a round one between them."""
    rng = np.random.default_rng(0)
    arms = [rng.normal(size=(150, 2)) * size + [x, 0] for x in (0, 9) for size in ([2, 0.3], [0.3, 2])]
    return np.concatenate([*arms, rng.normal(size=(200, 2)) + np.array([4.5, 6])])


def draw() -> Figure:
    X = crosses()
    model = gmm.GaussianMixture(5, order_by="mean", random_state=0).fit(X)
    merged = gmm.merge_components(model, X)
    figure, (left, middle, right) = panels(1, 3, height=3.0)
    dots(left, X, model.predict(X))
    ellipses(left, model, colours=["black"] * 5, linewidth=1)
    dots(middle, X, merged.predict(X))
    left.set_title("five components", fontsize=10)
    middle.set_title(f"{merged.n_clusters} clusters of them", fontsize=10)
    for ax in (left, middle):
        bare(ax)
    merged.plot(right)
    right.set_title("entropy of the posteriors", fontsize=10)
    for line, colour in zip(right.lines, COLOURS, strict=False):
        line.set_color(colour)
    return figure
