"""Patches of scikit-learn's two photographs, china.jpg and flower.jpg, as rows: many features that hang together.

Windows of ``side`` pixels every ``step`` pixels, grey (the mean of the colours) or in colour, shuffled, 0 to 255.
"""

import numpy as np

KINDS = {"grey 8x8": (8, 1, 64), "colour 8x8": (8, 3, 192), "grey 28x28": (28, 1, 784)}


def patches(kind, n_rows, seed=0):
    """``n_rows`` of them to fit and as many others, or what is left, to score."""
    from sklearn.datasets import load_sample_images

    side, n_colours, D = KINDS[kind]
    step = 3 if side == 8 else 5
    found = []
    for image in load_sample_images().images:
        picture = np.asarray(image, np.float64)
        if n_colours == 1:
            picture = picture.mean(axis=2, keepdims=True)
        windows = np.lib.stride_tricks.sliding_window_view(picture, (side, side, n_colours))[::step, ::step]
        found.append(windows.reshape(-1, D))
    rows = np.concatenate(found)
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[order[:n_rows]], rows[order[n_rows : 2 * n_rows]]
