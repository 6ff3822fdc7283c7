"""How often advice on a fit is wrong, and how often it comes where it should: the table of docs/interpretation.md.

    python benchmarks/cautions.py          # 200 samples a line, three minutes

Rows come from normals whose means are at the corners of a simplex of the stated side, in standard deviations, with
covariances of random orientation and condition 10; mixing weights go as 2 : 3 : 4 : ...
"""

import argparse

import numpy as np

import gmm
from gmm import GaussianMixture

TOPICS = ("scale", "components", "few rows", "spurious")


def rows(n_rows: int, n_features: int, n_components: int, side: float, rng: np.random.Generator) -> np.ndarray:
    weights = np.arange(2.0, n_components + 2.0)
    labels = rng.choice(n_components, n_rows, p=weights / weights.sum())
    corners = np.eye(max(n_components, n_features))[:n_components] * side / np.sqrt(2.0)
    means = np.linalg.svd(corners - corners.mean(axis=0), full_matrices=False)
    means = (means[0] * means[1])[:, :n_features]
    means = np.pad(means, ((0, 0), (0, n_features - means.shape[1])))
    X = np.empty((n_rows, n_features))
    for k in range(n_components):
        turn = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
        root = turn * np.sqrt(np.geomspace(1.0, 0.1, n_features))
        own = labels == k
        X[own] = means[k] + rng.normal(size=(own.sum(), n_features)) @ root.T
    return X


def line(X_of, n_samples: int, n_fitted: int, said: str, **options: object) -> None:
    counts = dict.fromkeys(TOPICS, 0)
    for seed in range(n_samples):
        X = X_of(np.random.default_rng(seed))
        model = GaussianMixture(n_fitted, random_state=0, **options).fit(X)
        for topic in {caution.topic for caution in gmm.advice(model, X)}:
            counts[topic] += 1
    rates = " | ".join(f"{count / n_samples:.1%}" for count in counts.values())
    print(f"| {said} | {rates} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    n = parser.parse_args().samples
    print("| rows, features, true components, distance; fitted | " + " | ".join(TOPICS) + " |")
    print("|---|---|---|---|---|")
    for n_rows, n_features, K, side in ((200, 2, 3, 4.0), (200, 2, 3, 6.0), (500, 2, 3, 4.0), (500, 5, 3, 4.0),
                                        (1000, 5, 5, 4.0)):  # fmt: skip
        def made(rng, shape=(n_rows, n_features, K, side)):
            return rows(*shape, rng)

        for fitted in (K, K + 1, K + 3):
            line(made, n, fitted, f"{n_rows}, {n_features}, {K}, {side:g}; {fitted}")
        line(made, n, K, f"{n_rows}, {n_features}, {K}, {side:g}; {K} spherical", covariance_type="spherical")
    line(
        lambda rng: rows(500, 2, 3, 6.0, rng) * [1.0, 20.0], n, 3, "500, 2, 3, 6, a feature times 20; 3 spherical",
        covariance_type="spherical",
    )  # fmt: skip
    line(lambda rng: rng.normal(size=(100, 2)), n, 5, "100, 2, 1, -; 5")


if __name__ == "__main__":
    main()
