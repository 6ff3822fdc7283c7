"""Statistics of labelled rows by their definition: what the model layer is tested on without the compiled core."""

from __future__ import annotations

import numpy as np

from gmm.parameters import Kernel
from gmm.statistics import Statistics


def of_labels(X, labels, means, kernel, weight=None):
    """Statistics of labelled rows by the definition, one component at a time."""
    weight = np.ones(len(X)) if weight is None else weight
    n, first, second = [], [], []
    for k, mean in enumerate(means):
        w, c = weight[labels == k], X[labels == k] - mean
        n.append(w.sum())
        first.append(w @ c)
        second.append((c * w[:, None]).T @ c)
    second = np.array(second)
    diagonal = np.diagonal(second, axis1=1, axis2=2)
    shaped = {
        Kernel.FULL: second,
        Kernel.TIED: second.sum(axis=0),
        Kernel.DIAG: diagonal.copy(),
        Kernel.SPHERICAL: diagonal.sum(axis=1),
    }[kernel]
    return Statistics(np.array(n), np.array(first), shaped, means, -1.5 * len(X), float(weight.sum()), len(X))
