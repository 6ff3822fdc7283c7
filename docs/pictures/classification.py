"""Classes of iris by two of its features: docs/classification.md."""

import numpy as np
from canvas import COLOURS, ellipses, panels
from matplotlib.figure import Figure

import gmm
from gmm.datasets import load_iris

MARKS = "o^s"


def draw() -> Figure:
    X, y = load_iris().data[:, [0, 2]], np.repeat(["setosa", "versicolor", "virginica"], 50)
    model = gmm.GaussianMixtureClassifier(covariance_types="full", random_state=0).fit(X, y)
    figure, ax = panels(height=3.8)
    x, z = np.meshgrid(np.linspace(4.0, 8.2, 300), np.linspace(0.5, 7.3, 300))
    number = model.predict_proba(np.stack([x.ravel(), z.ravel()], axis=1)).argmax(axis=1).reshape(x.shape)
    ax.contourf(x, z, number, levels=[-0.5, 0.5, 1.5, 2.5], colors=COLOURS[:3], alpha=0.2)
    for c, (name, mixture) in enumerate(zip(model.classes_, model.mixtures_, strict=True)):
        ax.plot(*X[y == name].T, MARKS[c], markersize=4, color=COLOURS[c], label=name)
        ellipses(ax, mixture, colours=["black"], linewidth=1)
    ax.set(xlabel="sepal length (cm)", ylabel="petal length (cm)")
    ax.legend(loc="lower right")
    return figure
