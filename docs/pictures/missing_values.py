"""Gaps that depend on what was observed, left out and marginalised: docs/missing-values.md."""

import numpy as np
from canvas import COLOURS, ellipses, panels
from matplotlib.figure import Figure

import gmm


def draw() -> Figure:
    rng = np.random.default_rng(0)
    truth = gmm.GaussianMixture.from_parameters(
        [0.5, 0.5], [[0.0, 0.0], [5.0, -1.0]], [[[1.0, 0.85], [0.85, 1.0]], [[1.5, 1.1], [1.1, 1.0]]]
    ).set_params(random_state=0)
    X, component = truth.sample(400)
    lost = X[:, 0] > truth.means_[component, 0]
    lost &= rng.random(len(X)) < 0.9
    X[lost, 1] = np.nan
    whole = X[~lost]
    how = {"order_by": "mean", "random_state": 0}
    naive = gmm.GaussianMixture(2, **how).fit(whole)
    model = gmm.GaussianMixture(2, missing="marginalize", **how).fit(X)
    figure, (left, right) = panels(1, 2, height=3.8, sharex=True, sharey=True)
    for ax in (left, right):
        ax.plot(*whole.T, ".", markersize=3, color="0.5")
        ax.plot(X[lost, 0], np.full(lost.sum(), -5.2), "|", markersize=8, color="0.5")
        ellipses(ax, truth, colours=["black"], linewidth=1, linestyle="--")
        ax.set(xlabel="first feature", ylim=(-5.6, 3.6))
    left.text(-3.4, -4.8, "ticks: second feature lost", fontsize=8)
    left.set_ylabel("second feature")
    ellipses(left, naive, colours=[COLOURS[1]])
    ellipses(right, model, colours=[COLOURS[0]])
    left.set_title(f"the {len(whole)} rows that are whole", fontsize=10)
    right.set_title(f'missing="marginalize": all {len(X)} rows', fontsize=10)
    return figure
