"""Two components of Old Faithful, and how sure it is of which a row comes from: docs/index.md."""

import numpy as np
from canvas import dots, ellipses, panels
from matplotlib.figure import Figure

import gmm
from gmm.datasets import load_faithful


def draw() -> Figure:
    X = load_faithful().data
    model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    figure, ax = panels(height=3.8)
    x, y = np.meshgrid(np.linspace(1.2, 5.5, 300), np.linspace(40.0, 100.0, 300))
    posterior = model.predict_proba(np.stack([x.ravel(), y.ravel()], axis=1))[:, 1].reshape(x.shape)
    ax.contourf(x, y, posterior, levels=[0.05, 0.95], colors=["0.9"])
    dots(ax, X, model.predict(X))
    ellipses(ax, model)
    ax.annotate("posteriors between 5% and 95%", (2.8, 75.0), (1.3, 78.0), arrowprops={"arrowstyle": "->"})
    ax.set(xlabel="eruption (minutes)", ylabel="wait until the next (minutes)", xlim=(1.2, 5.5), ylim=(40.0, 100.0))
    return figure
