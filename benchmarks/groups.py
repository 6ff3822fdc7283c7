"""Many small mixtures: `gmm.fit_many` against a loop over scikit-learn, the same rows, starts and stopping settings.

    python benchmarks/groups.py [--groups 200] [--rows 200] [--features 3] [--components 2] [--n-init 5]

Prints milliseconds of processor time per group, of all threads, the median and range of some alternating repeats, the
ratio, and how the mean log-likelihoods compare. Set OMP_NUM_THREADS=1 to keep scikit-learn's k-means from spinning.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np
from sklearn.mixture import GaussianMixture

import gmm


def groups(count: int, n_rows: int, n_features: int, n_components: int) -> list[np.ndarray]:
    """Rows of equal components some three standard deviations apart, other ones in each group."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        means = rng.normal(scale=3 / np.sqrt(2), size=(n_components, n_features))
        made.append(rng.normal(size=(n_rows, n_features)) + means[rng.integers(n_components, size=n_rows)])
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--features", type=int, default=3)
    parser.add_argument("--components", type=int, default=2)
    parser.add_argument("--n-init", type=int, default=5)
    parser.add_argument("--tol", type=float, default=1e-3, help="nats per row, on both sides (default: scikit-learn's)")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    given = groups(asked.groups, asked.rows, asked.features, asked.components)
    options = {"n_init": asked.n_init, "tol": asked.tol, "max_iter": 500, "random_state": 0}
    contenders = {
        "gmm.fit_many": lambda: gmm.fit_many(given, asked.components, **options).log_likelihood_,
        "scikit-learn": lambda: [
            GaussianMixture(asked.components, reg_covar=0, **options).fit(X).score(X) for X in given
        ],
    }
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(asked.repeats):
            for name, run in contenders.items():
                since = time.process_time()
                found[name] = float(np.mean(run()))
                taken[name].append((time.process_time() - since) / asked.groups * 1e3)
    for name, times in taken.items():
        low, middle, high = min(times), statistics.median(times), max(times)
        print(f"{name:14s} {middle:8.3f} ms ({low:.3f} - {high:.3f})  log-likelihood {found[name]:.6f} nats per row")
    ours, theirs = (statistics.median(times) for times in taken.values())
    print(f"ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
