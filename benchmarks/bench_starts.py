"""Which kind of start finds the better optimum, for as many passes over the rows: every kind on named hard problems.

    python benchmarks/bench_starts.py --seeds 16
    python benchmarks/bench_starts.py --problems iris swiss --kinds auto kmeans

As many passes before the climb to the end as two "kmeans" starts take, which rehearse; ten for a start of any other
kind. "auto" goes on from the winner to its neighbours, five passes for each of four exchanges, again wherever it finds
a better mixture, and of twice as many transplants as it has starts; so it has fewer starts. A cell is how many nats a
row the mean over seeds ends below the best that any kind found on these rows, with its standard error. Counts do not
depend on the machine's speed.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import gmm
from gmm.datasets import load_iris

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "mclust"
KINDS = ("auto", "kmeans", "k-means++", "hierarchical", "ellipsoids", "random_from_data", "random")
SHORT, EXCHANGES = 10, 4


def table(name: str) -> np.ndarray:
    """Numeric columns of one of mclust's sets."""
    with (GOLDEN / f"{name}.csv").open() as file:
        _, *body = csv.reader(file)
    kept = [j for j in range(len(body[0])) if body[0][j].replace(".", "").replace("-", "").isdigit()]
    return np.array([[float(row[j]) for j in kept] for row in body])


def crossing(seed: int) -> np.ndarray:
    """Three lines through one point: no distance tells them apart."""
    rng = np.random.default_rng(seed)
    t, angle = rng.uniform(-1, 1, 180), np.repeat([0.0, 1.0, 2.1], 60)
    return np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1) + 0.03 * rng.normal(size=(180, 2))


def nested(seed: int) -> np.ndarray:
    """Heaps of very different spread, one inside another, and one of few rows."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(250, 3)) * 5, rng.normal(size=(100, 3)) * 0.5, rng.normal(size=(25, 3)) * 0.3 + 4
    return np.concatenate(parts)


def grid(seed: int) -> np.ndarray:
    """Sixteen small heaps on a grid, of which k-means leaves two as one and cuts another."""
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    return np.repeat(places, 20, axis=0) + 0.12 * rng.normal(size=(320, 2))


def overlapping(seed: int) -> np.ndarray:
    """Six ellipsoids of unlike shape that overlap, four features."""
    rng = np.random.default_rng(seed)
    means, roots = 2.0 * rng.normal(size=(6, 4)), rng.normal(size=(6, 4, 4)) * rng.uniform(0.3, 1.2, (6, 1, 1))
    labels = rng.integers(0, 6, 500)
    return means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(500, 4)))


def spheres(seed: int) -> np.ndarray:
    """Two pairs of spheres, so far from each other that standard deviations of columns tell nothing of a pair."""
    return np.random.default_rng(seed).normal(size=(200, 2)) + np.repeat(
        [[0, 0], [10, 0], [200, 0], [210, 0]], 50, axis=0
    )


def mixed(seed: int) -> np.ndarray:
    """Four tight heaps on a grid, two crossing lines, and a broad cloud under both."""
    rng = np.random.default_rng(seed)
    heaps = np.repeat([[4.0, 0.0], [5.0, 0.0], [4.0, 1.0], [5.0, 1.0]], 40, axis=0) + 0.1 * rng.normal(size=(160, 2))
    t, slope = rng.uniform(-1.5, 1.5, 120), np.repeat([1.0, -1.0], 60)
    lines = np.stack([t, slope * t], axis=1) + 0.03 * rng.normal(size=(120, 2))
    return np.concatenate([heaps, lines, rng.normal(size=(120, 2)) * [3.0, 1.5] + [2.0, 0.5]])


def unbalanced(seed: int) -> np.ndarray:
    """Two large heaps and three of a hundredth of their size, three features."""
    rng = np.random.default_rng(seed)
    sizes, spreads = [800, 800, 8, 8, 16], [1.0, 1.5, 0.3, 0.2, 0.4]
    places = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [2.5, 3.0, 0.0], [2.5, -3.0, 1.0], [8.0, 3.0, 3.0]])
    return np.concatenate([m + d * rng.normal(size=(n, 3)) for n, d, m in zip(sizes, spreads, places, strict=True)])


def wide(seed: int) -> np.ndarray:
    """Five ellipsoids that overlap, ten features."""
    rng = np.random.default_rng(seed)
    means, roots = 1.2 * rng.normal(size=(5, 10)), rng.normal(size=(5, 10, 10)) * 0.35
    labels = rng.integers(0, 5, 700)
    return means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(700, 10)))


PROBLEMS: dict[str, tuple[Callable[[int], np.ndarray], int, str]] = {
    "three crossing lines": (crossing, 3, "full"),
    "nested heaps": (nested, 3, "full"),
    "grid of sixteen": (grid, 16, "spherical"),
    "six that overlap": (overlapping, 6, "full"),
    "iris": (lambda seed: load_iris().data, 4, "full"),
    "swiss": (lambda seed: table("swiss"), 5, "EEE"),
    "ex4.1": (lambda seed: table("ex4.1"), 6, "EEV"),
    "four spheres": (spheres, 4, "full"),
    "heaps, lines and a cloud": (mixed, 7, "full"),
    "sizes 1 to 100": (unbalanced, 5, "full"),
    "ten features": (wide, 5, "full"),
}


def n_starts(kind: str, n_components: int) -> int:
    """So many that they take as many passes."""
    of_kmeans = (140 if n_components > 3 else 71) + SHORT  # its rehearsal
    n = -(-2 * of_kmeans // SHORT)
    return {"kmeans": 2, "auto": (n - EXCHANGES) // 2}.get(kind, n)


def reached(X: np.ndarray, n_components: int, structure: str, kind: str, seed: int) -> float:
    """Log-likelihood a row of one fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = gmm.GaussianMixture(
            n_components, covariance_type=structure, init_params=kind, n_init=n_starts(kind, n_components),
            short_iter=SHORT, random_state=seed, n_threads=1,
        ).fit(X)  # fmt: skip
    return -np.inf if model._record().floored.any() else model.log_likelihood_


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    kinds = options.kinds
    print("| problem, K, structure | " + " | ".join(kinds) + " |\n|---|" + "---|" * len(kinds))
    for name in options.problems:
        rows, n_components, structure = PROBLEMS[name]
        ends = np.array(
            [
                [reached(rows(seed), n_components, structure, kind, seed) for kind in kinds]
                for seed in range(options.seeds)
            ]
        )
        short = ends.max(axis=1, keepdims=True) - ends
        if np.array_equal(rows(0), rows(1)):
            short = ends.max() - ends  # the same rows for every seed
        cells = []
        for column in short.T:
            ended = column[np.isfinite(column)]
            error = ended.std(ddof=1) / len(ended) ** 0.5 if len(ended) > 1 else np.nan
            spiked = len(column) - len(ended)
            cells.append(f"{ended.mean():.4f} ({error:.4f})" + (f", {spiked} floored" if spiked else ""))
        print(f"| {name}, {n_components}, {structure} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
