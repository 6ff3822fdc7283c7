"""A fit to few rows of Old Faithful, what else it might have been, and what that does to posteriors."""

import numpy as np
from canvas import COLOURS, dots, ellipse, ellipses, panels
from matplotlib.figure import Figure

import gmm
from gmm.datasets import load_faithful


def draw() -> Figure:
    X = load_faithful().data[::4]
    model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    again = gmm.bootstrap(model, X, n_replicates=60, random_state=0)
    figure, (left, right) = panels(1, 2, height=3.6)
    dots(left, X)
    for k in range(2):
        for mean, covariance in zip(again.means[:, k], again.covariances[:, k], strict=True):
            ellipse(left, mean, covariance, color=COLOURS[k], alpha=0.15)
    ellipses(left, model)
    left.set(xlabel="eruption (minutes)", ylabel="wait until the next (minutes)")
    left.set_title("68 rows: the fit and 60 replicates", fontsize=10)
    line = np.column_stack([np.linspace(2.2, 4.0, 200), np.linspace(55.0, 78.0, 200)])
    right.plot(line[:, 0], model.predict_proba(line)[:, 1], color="black", label="of the fit alone")
    right.plot(line[:, 0], again.predict_proba(line)[:, 1], "--", color=COLOURS[2], label="averaged over replicates")
    right.set(xlabel="between the components: eruption (minutes)", ylabel="probability of component 1")
    right.legend()
    return figure
