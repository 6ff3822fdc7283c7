"""Factors of patches of two photographs: docs/factor-analysers.md.

Ten factor analysers of six factors on 8 by 8 grey patches of scikit-learn's china.jpg and flower.jpg. A line for each
of the three heaviest components: mean, four factors (red raises, blue lowers, each in its own scale), standard
deviation of the noise.
"""

from __future__ import annotations

import numpy as np
from canvas import panels
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_images

import gmm

SIDE, STEP, SHOWN, FACTORS = 8, 7, 3, 4


def patches() -> np.ndarray:
    """Grey patches (N, 64), 0 to 1."""
    found = []
    for image in load_sample_images().images:
        grey = np.asarray(image, np.float64).mean(axis=2) / 255.0
        windows = np.lib.stride_tricks.sliding_window_view(grey, (SIDE, SIDE))[::STEP, ::STEP]
        found.append(windows.reshape(-1, SIDE * SIDE))
    return np.concatenate(found)


def draw() -> Figure:
    options = {"n_factors": 6, "n_init": 1, "order_by": "weight", "random_state": 0}
    model = gmm.GaussianMixture(10, covariance_type="factor", **options).fit(patches())
    figure, axes = panels(SHOWN, 2 + FACTORS, height=4.8)
    for k in range(SHOWN):
        loadings, sd = model.loadings_[k].T, np.sqrt(model.noise_variance_[k])
        shown = [model.means_[k], *loadings[:FACTORS], sd]
        titles = [f"mean ({model.weights_[k]:.0%})", *(f"factor {a + 1}" for a in range(FACTORS)), "noise"]
        for axis, values, title in zip(axes[k], shown, titles, strict=True):
            is_factor = title.startswith("factor")
            reach = np.abs(values).max()
            limits = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach} if is_factor else {"cmap": "gray"}
            axis.imshow(values.reshape(SIDE, SIDE), **limits)
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    return figure
