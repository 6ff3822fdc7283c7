"""The picture of docs/bayesian.md: six components are offered to Old Faithful.

    python docs/bayesian.py      writes docs/bayesian.png

Left: the components that are taken, curves of two standard deviations, and 95% intervals of their means. Middle: 95%
intervals of all six mixing weights. Right: the bound against the number of components that are offered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle

import gmm
from gmm.datasets import load_faithful

PICTURE = Path(__file__).with_name("bayesian.png")
OFFERED, TAKEN, MOST = 6, 0.01, 8
KINDS = {"dirichlet_process": "process", "dirichlet_distribution": "distribution"}


def fitted(n_components: int, kind: str) -> gmm.BayesianGaussianMixture:
    arguments = {"weight_concentration_prior_type": kind, "weight_concentration_prior": 0.01, "random_state": 0}
    return gmm.BayesianGaussianMixture(n_components, **arguments).fit(load_faithful().data)


def main() -> None:
    X, model = load_faithful().data, fitted(OFFERED, "dirichlet_process")
    intervals = model.credible_intervals(0.95)
    figure = Figure(figsize=(11.0, 3.6), dpi=80)
    left, middle, right = figure.subplots(1, 3)
    left.plot(*X.T, ".", color="0.7", markersize=4)
    for k in np.flatnonzero(model.weights_ > TAKEN):
        values, axes = np.linalg.eigh(model.covariances_[k])
        angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
        size = 4.0 * np.sqrt(values[::-1])
        left.add_patch(Ellipse(model.means_[k], *size, angle=angle, fill=False, color=f"C{k}", linewidth=2))
        corner, opposite = intervals.means[:, k]
        left.add_patch(Rectangle(corner, *(opposite - corner), fill=False, color=f"C{k}"))
    left.set_xlabel("eruption (minutes)")
    left.set_ylabel("wait until the next (minutes)")
    left.set_title(f"{OFFERED} components offered, {(model.weights_ > TAKEN).sum()} taken")
    middle.vlines(range(OFFERED), *intervals.weights, colors=[f"C{k}" for k in range(OFFERED)], linewidth=3)
    middle.plot(range(OFFERED), model.weights_, "k_", markersize=12)
    middle.set_xlabel("component")
    middle.set_ylabel("mixing weight")
    middle.set_title("expected weights, 95% intervals")
    offered = range(1, MOST + 1)
    for kind, name in KINDS.items():
        right.plot(offered, [len(X) * fitted(K, kind).lower_bound_ for K in offered], "o-", label=f"Dirichlet {name}")
    right.set_xlabel("components offered")
    right.set_ylabel("bound on the log evidence (nats)")
    right.set_title("more are not needed")
    right.legend()
    figure.tight_layout()
    figure.savefig(PICTURE, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
