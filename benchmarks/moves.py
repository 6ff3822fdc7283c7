"""What moves find that starts do not: the table of docs/bayesian.md.

    python benchmarks/moves.py          # 40 samples, two minutes

Ten bivariate normals with means uniform in a square and eigenvalues from 0.1 to 1, 1,000 rows, fitted with fifteen
components and a Dirichlet process of concentration 0.1. The best bound is the best of all that were run on a sample.
"""

import argparse
import time

import numpy as np

from gmm import BayesianGaussianMixture

N_ROWS, N_TRUE, N_FITTED, SIDE = 1000, 10, 15, 14.0
RUNS = {
    "1 start": {"n_init": 1},
    "5 starts": {"n_init": 5},
    "50 starts": {"n_init": 50},
    "1 start, moves": {"n_init": 1, "moves": True},
    "5 starts, moves": {"n_init": 5, "moves": True},
}
NEAR = 1e-5  # nats per row


def rows(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = rng.uniform(0.0, SIDE, (N_TRUE, 2))
    angles = rng.uniform(0.0, np.pi, N_TRUE)
    labels = rng.integers(N_TRUE, size=N_ROWS)
    z = rng.normal(size=(N_ROWS, 2)) * [1.0, np.sqrt(0.1)]
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    return means[labels] + np.einsum("nij,nj->ni", turn[labels], z)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=40)
    options = parser.parse_args()
    bounds, seconds = [], []
    for seed in range(options.samples):
        X, found, took = rows(seed), [], []
        for how in RUNS.values():
            begun = time.process_time()
            model = BayesianGaussianMixture(
                N_FITTED, weight_concentration_prior=0.1, mean_precision_prior=0.01, covariance_prior=np.eye(2),
                random_state=seed, n_threads=1, max_iter=2000, **how,
            ).fit(X)  # fmt: skip
            took.append(time.process_time() - begun)
            found.append(model.lower_bound_)
        bounds.append(found)
        seconds.append(took)
    lacking = np.max(bounds, axis=1, keepdims=True) - bounds
    print("| | best bound found | lacking on average, nats in all | processor time of a fit |")
    print("|---|---|---|---|")
    for name, short, took in zip(RUNS, lacking.T, np.mean(seconds, axis=0), strict=True):
        print(f"| {name} | {np.mean(short < NEAR):.0%} | {N_ROWS * short.mean():.1f} | {1e3 * took:.0f} ms |")


if __name__ == "__main__":
    main()
