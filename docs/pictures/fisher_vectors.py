"""Sets of one mean and spread, told apart by their Fisher vectors: docs/fisher-vectors.md."""

import numpy as np
from canvas import COLOURS, bare, ellipses, panels
from matplotlib.figure import Figure

import gmm

KINDS = ("round", "ring", "cross")
MARKS = "o^s"


def rows(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of mean 0 and variances 1."""
    if kind == "round":
        return rng.normal(size=(n, 2))
    if kind == "ring":
        angle = rng.uniform(0, 2 * np.pi, n)
        return np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.1 * rng.normal(size=(n, 2))
    along = rng.integers(0, 2, n)
    return rng.normal(size=(n, 2)) * np.where(np.arange(2) == along[:, None], np.sqrt(2), 0.1)


def draw() -> Figure:
    rng = np.random.default_rng(0)
    everything = np.concatenate([rows(kind, 1500, rng) for kind in KINDS])
    vocabulary = gmm.GaussianMixture(9, covariance_type="diag", random_state=0).fit(everything)
    sets = [rows(kind, 60, rng) for kind in KINDS for _ in range(40)]
    z = gmm.fisher_vector(vocabulary, sets)
    z = z - z.mean(axis=0)
    seen = z @ np.linalg.svd(z, full_matrices=False)[2][:2].T
    figure, axes = panels(1, 4, height=2.9, width_ratios=[1, 1, 1, 1.5])
    for number, (kind, mark) in enumerate(zip(KINDS, MARKS, strict=True)):
        ax = axes[number]
        dense = vocabulary.covariances_[:, :, None] * np.eye(2)
        background = gmm.GaussianMixture.from_parameters(vocabulary.weights_, vocabulary.means_, dense)
        ellipses(ax, background, colours=["0.8"], linewidth=1)
        ax.plot(*sets[40 * number].T, mark, markersize=3, color=COLOURS[number])
        bare(ax)
        ax.set(xlim=(-4, 4), ylim=(-4, 4))
        ax.set_title(f"a set, {kind}", fontsize=10)
        part = seen[40 * number : 40 * (number + 1)]
        axes[3].plot(*part.T, mark, markersize=4, color=COLOURS[number], label=kind)
    axes[3].set(xlabel="first principal component", ylabel="second", xticks=[], yticks=[])
    axes[3].set_title("120 sets by their Fisher vectors", fontsize=10)
    axes[3].legend(fontsize=8)
    return figure
