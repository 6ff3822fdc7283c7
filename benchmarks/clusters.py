"""k-means alone beside scikit-learn's KMeans: the same seeds, the same rule to stop by, equal inertia.

    python benchmarks/clusters.py             # one thread, seconds of processor time
    python benchmarks/clusters.py --threads 2 # seconds on the clock; wants a quiet machine

Columns are standardised for both sides. Seeds are those that greedy k-means++ draws here; seeding is timed apart, where
each side draws its own. Contenders take turns.
"""

import argparse
import time
import warnings
from statistics import median

import numpy as np

SAME_INERTIA = 1e-9  # relative
PROBLEMS = {"china.jpg, 273,280 x 3, K=8": 8, "100,000 x 16, K=32": 32}


def rows_of(name):
    """Standardised rows (N, D)."""
    if name.startswith("china"):
        from sklearn.datasets import load_sample_image

        X = load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)
    else:
        rng = np.random.default_rng(0)
        X = rng.normal(size=(96, 16))[rng.integers(96, size=100_000)] * 2.0 + rng.normal(size=(100_000, 16))
    return (X - X.mean(axis=0)) / X.std(axis=0)


def compared(X, n_clusters, options, clock):
    """Seconds of both sides, iterations first and seeding second, and their inertias, in every turn."""
    from sklearn.cluster import KMeans, kmeans_plusplus

    from gmm.draws import Draws
    from gmm.kmeans import MAX_ITER, SHIFT_TOLERANCE, lloyd, seed_centres, standardised
    from gmm.rows import Rows

    points = standardised(Rows.from_array(X, n_threads=options.threads))
    seeds = seed_centres(points, n_clusters, Draws(0))

    def seconds(call):
        began = clock()
        found = call()
        return clock() - began, found

    for _ in range(options.turns):
        theirs = KMeans(n_clusters, init=seeds, n_init=1, max_iter=MAX_ITER, tol=SHIFT_TOLERANCE)
        other, _ = seconds(lambda model=theirs: model.fit(X))
        mine, clusters = seconds(lambda: lloyd(points, seeds))
        my_seeds, _ = seconds(lambda: seed_centres(points, n_clusters, Draws(1)))
        their_seeds, _ = seconds(lambda: kmeans_plusplus(X, n_clusters, random_state=1))
        yield mine, other, clusters.inertia, theirs.inertia_, my_seeds, their_seeds, theirs.n_iter_


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()

    from threadpoolctl import threadpool_limits

    clock = time.process_time if options.threads == 1 else time.perf_counter
    print("| rows | iterations | gmm, ms | scikit-learn, ms | times | seeding: gmm, ms | scikit-learn, ms | times |")
    print("|---|---|---|---|---|---|---|---|")
    for name, n_clusters in PROBLEMS.items():
        X = rows_of(name)
        with threadpool_limits(options.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turns = list(compared(X, n_clusters, options, clock))
        for _, _, inertia, other, *_ in turns:
            if not abs(inertia - other) <= SAME_INERTIA * other:
                raise SystemExit(f"{name}: inertia {inertia} against {other}")
        mine, other, _, _, my_seeds, their_seeds, n_iter = (median(column) for column in zip(*turns, strict=True))
        ratio, seeding = (median(t[b] / t[a] for t in turns) for a, b in ((0, 1), (4, 5)))
        print(
            f"| {name} | {n_iter} | {mine * 1e3:.1f} | {other * 1e3:.1f} | {ratio:.1f}x "
            f"| {my_seeds * 1e3:.1f} | {their_seeds * 1e3:.1f} | {seeding:.1f}x |",
            flush=True,
        )


if __name__ == "__main__":
    main()
