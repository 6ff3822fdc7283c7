"""The pictures of docs/bootstrap.md and docs/interpretation.md.

    python docs/pictures.py          writes bootstrap.png and interpretation.png beside this file; ten seconds
"""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse

import gmm
from gmm.datasets import load_faithful

FOLDER = Path(__file__).parent
HOW = {"dpi": 80, "pil_kwargs": {"optimize": True}}


def ellipse(mean: np.ndarray, covariance: np.ndarray, **style: object) -> Ellipse:
    """The curve of two standard deviations."""
    values, axes = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    return Ellipse(mean, *(4.0 * np.sqrt(values[::-1])), angle=angle, fill=False, **style)


def crosses() -> np.ndarray:
    """Two crosses of thin clusters and a round one between them: the rows of docs/interpretation.md."""
    rng = np.random.default_rng(0)
    arms = [rng.normal(size=(150, 2)) * size + [x, 0] for x in (0, 9) for size in ([2, 0.3], [0.3, 2])]
    return np.concatenate([*arms, rng.normal(size=(200, 2)) + np.array([4.5, 6])])


def bootstrap() -> None:
    X = load_faithful().data[::4]
    model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    again = gmm.bootstrap(model, X, n_replicates=60, random_state=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(*X.T, ".", color="0.6")
    for k, color in enumerate(("C0", "C1")):
        for mean, covariance in zip(again.means[:, k], again.covariances[:, k], strict=True):
            left.add_patch(ellipse(mean, covariance, color=color, alpha=0.15))
        left.add_patch(ellipse(model.means_[k], model.covariances_[k], color=color, linewidth=2))
    left.set_xlabel("eruption (minutes)")
    left.set_ylabel("wait until the next (minutes)")
    left.set_title("68 rows of Old Faithful: the fit and 60 replicates")
    line = np.column_stack([np.linspace(2.2, 4.0, 200), np.linspace(55.0, 78.0, 200)])
    right.plot(line[:, 0], model.predict_proba(line)[:, 1], color="black", label="of the fit alone")
    right.plot(line[:, 0], again.predict_proba(line)[:, 1], color="C2", label="averaged over replicates")
    right.set_xlabel("between the components: eruption (minutes)")
    right.set_ylabel("probability of component 1")
    right.legend()
    figure.tight_layout()
    figure.savefig(FOLDER / "bootstrap.png", **HOW)


def interpretation() -> None:
    X = crosses()
    model = gmm.GaussianMixture(5, order_by="mean", random_state=0).fit(X)
    merged = gmm.merge_components(model, X)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6))
    for ax, labels, title in (
        (left, model.predict(X), "five components"),
        (middle, merged.predict(X), f"{merged.n_clusters} clusters of them"),
    ):
        ax.scatter(*X.T, c=[f"C{label}" for label in labels], s=4)
        ax.set_title(title)
        ax.set_aspect("equal")
    for k in range(5):
        left.add_patch(ellipse(model.means_[k], model.covariances_[k], color="black"))
    merged.plot(right)
    right.set_title("entropy of the posteriors")
    figure.tight_layout()
    figure.savefig(FOLDER / "interpretation.png", **HOW)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bootstrap()
        interpretation()
