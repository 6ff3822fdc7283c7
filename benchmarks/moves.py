"""How much better bounds more starts find, and moves what starts do not: the tables of docs/bayesian.md.

    python benchmarks/moves.py                                   # ten normals, 40 samples, two minutes
    python benchmarks/moves.py --problems normals overlapping iris faithful --kinds dirichlet_process
        dirichlet_distribution --runs "1 start" "5 starts" "20 starts" --samples 12

Of ten bivariate normals, with means uniform in a square and eigenvalues from 0.1 to 1, 1,000 rows, fitted with fifteen
components; the same in a smaller square, where they overlap; and iris and Old Faithful, with ten components, where a
sample is a seed. Concentration 0.1. A fit lacks what the best of all that were run on a sample has more.
"""

import argparse
import time

import numpy as np

from gmm import BayesianGaussianMixture
from gmm.datasets import load_faithful, load_iris

N_ROWS, N_TRUE, N_FITTED = 1000, 10, 15
SIDES = {"normals": 14.0, "overlapping": 7.0}
OTHERS = {"iris": load_iris, "faithful": load_faithful}
RUNS = {
    "1 start": {"n_init": 1},
    "5 starts": {"n_init": 5},
    "20 starts": {"n_init": 20},
    "50 starts": {"n_init": 50},
    "1 start, moves": {"n_init": 1, "moves": True},
    "5 starts, moves": {"n_init": 5, "moves": True},
}
DEFAULT = ["1 start", "5 starts", "50 starts", "1 start, moves", "5 starts, moves"]
NEAR = 0.01  # nats


def rows(seed: int, side: float = SIDES["normals"]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = rng.uniform(0.0, side, (N_TRUE, 2))
    angles = rng.uniform(0.0, np.pi, N_TRUE)
    labels = rng.integers(N_TRUE, size=N_ROWS)
    z = rng.normal(size=(N_ROWS, 2)) * [1.0, np.sqrt(0.1)]
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    return means[labels] + np.einsum("nij,nj->ni", turn[labels], z)


def problem(name: str, seed: int) -> tuple[np.ndarray, dict[str, object]]:
    """Rows and arguments of the prior."""
    if name in OTHERS:
        return OTHERS[name]().data, {"n_components": 10}
    given = {"n_components": N_FITTED, "mean_precision_prior": 0.01, "covariance_prior": np.eye(2)}
    return rows(seed, SIDES[name]), given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--problems", nargs="+", choices=[*SIDES, *OTHERS], default=["normals"])
    kinds = ["dirichlet_process", "dirichlet_distribution"]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds[:1])
    parser.add_argument("--runs", nargs="+", choices=[*RUNS], default=DEFAULT)
    options = parser.parse_args()
    print("| problem, prior | | best bound found | lacking on average, nats in all | processor time of a fit |")
    print("|---|---|---|---|---|")
    for name, kind in ((name, kind) for name in options.problems for kind in options.kinds):
        bounds, seconds = [], []
        for seed in range(options.samples):
            X, given = problem(name, seed)
            found, took = [], []
            for run in options.runs:
                begun = time.process_time()
                model = BayesianGaussianMixture(
                    weight_concentration_prior_type=kind, weight_concentration_prior=0.1, random_state=seed,
                    n_threads=1, max_iter=2000, **given, **RUNS[run],
                ).fit(X)  # fmt: skip
                took.append(time.process_time() - begun)
                found.append(len(X) * model.lower_bound_)
            bounds.append(found)
            seconds.append(took)
        of_each = None if name in OTHERS else 1  # the rows are the same in every sample
        lacking = np.max(bounds, axis=of_each, keepdims=True) - bounds
        for run, short, took in zip(options.runs, lacking.T, np.mean(seconds, axis=0), strict=True):
            cells = f"{np.mean(short < NEAR):.0%} | {short.mean():.1f} | {1e3 * took:.0f} ms"
            print(f"| {name}, {kind.removeprefix('dirichlet_')} | {run} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
