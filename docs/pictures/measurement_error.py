"""The mixture of rows with errors, and that of their true values: docs/measurement-error.md."""

import numpy as np
from canvas import COLOURS, panels
from matplotlib.figure import Figure

import gmm


def draw() -> Figure:
    rng = np.random.default_rng(0)
    truth = np.concatenate([rng.normal(0.0, 0.5, 6000), rng.normal(2.0, 0.5, 4000)])[:, None]
    variance = rng.gamma(1.0, 0.5, truth.shape)
    X = truth + rng.normal(size=truth.shape) * np.sqrt(variance)
    naive = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X, noise_covariance=variance)
    figure, ax = panels(height=3.6)
    at = np.linspace(-4.0, 6.0, 400)[:, None]
    how = {"bins": 80, "range": (-4.0, 6.0), "density": True}
    ax.hist(X[:, 0], color="0.85", label="rows as observed", **how)
    ax.hist(truth[:, 0], color="black", histtype="step", label="true values", **how)
    ax.plot(at, np.exp(naive.score_samples(at)), "--", color=COLOURS[1], linewidth=2, label="fitted as if exact")
    ax.plot(at, np.exp(model.score_samples(at)), color=COLOURS[0], linewidth=2, label="fitted with the errors")
    ax.set(xlabel="value", ylabel="density", xlim=(-4.0, 6.0))
    ax.legend(frameon=False)
    return figure
