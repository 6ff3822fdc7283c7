"""Six components are offered to Old Faithful; weights with intervals; the bound against how many: docs/bayesian.md."""

import numpy as np
from canvas import COLOURS, dots, ellipse, panels
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import gmm
from gmm.datasets import load_faithful

OFFERED, TAKEN, MOST = 6, 0.01, 8
KINDS = {"dirichlet_process": "process", "dirichlet_distribution": "distribution"}


def fitted(n_components: int, kind: str) -> gmm.BayesianGaussianMixture:
    arguments = {"weight_concentration_prior_type": kind, "weight_concentration_prior": 0.01, "random_state": 0}
    return gmm.BayesianGaussianMixture(n_components, **arguments).fit(load_faithful().data)


def draw() -> Figure:
    X, model = load_faithful().data, fitted(OFFERED, "dirichlet_process")
    intervals, taken = model.credible_intervals(0.95), np.flatnonzero(model.weights_ > TAKEN)
    figure, (rows, weights, bounds) = panels(1, 3, height=3.2)
    dots(rows, X)
    for k in taken:
        low, high = intervals.means[:, k]
        ellipse(rows, model.means_[k], model.covariances_[k], color=COLOURS[k], linewidth=2)
        rows.add_patch(Rectangle(low, *(high - low), fill=False, color=COLOURS[k]))
    rows.set(xlabel="eruption (minutes)", ylabel="wait until the next (minutes)")
    rows.set_title(f"{OFFERED} components offered, {len(taken)} taken")
    weights.vlines(range(OFFERED), *intervals.weights, colors=COLOURS[:OFFERED], linewidth=3)
    weights.plot(range(OFFERED), model.weights_, "k_", markersize=12)
    weights.set(xlabel="component", ylabel="mixing weight", title="weights, 95% intervals")
    offered = range(1, MOST + 1)
    for (kind, name), colour in zip(KINDS.items(), COLOURS, strict=False):
        bound = [len(X) * fitted(K, kind).lower_bound_ for K in offered]
        bounds.plot(offered, bound, "o-", color=colour, label=f"Dirichlet {name}")
    bounds.set(xlabel="components offered", ylabel="bound on the log evidence (nats)", title="more are not needed")
    bounds.legend()
    return figure
