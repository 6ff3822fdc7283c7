"""How often credible intervals of variational Bayes hold the truth: two unit normals, weights 0.6 and 0.4, 500 rows.

    python benchmarks/coverage.py                  # intervals of 95%, 400 data sets, the table in docs/bayesian.md

The prior is the default one with a Dirichlet distribution; components are told apart by their means.
"""

import argparse

import numpy as np

WEIGHTS = np.array([0.6, 0.4])


def held(interval, truth):
    return ((interval[0] < truth) & (truth < interval[1])).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400)
    options = parser.parse_args()

    from gmm import BayesianGaussianMixture

    print("| distance of the means | means | mixing weights | variances |")
    print("|---|---|---|---|")
    for distance in (6.0, 2.5):
        found = []
        for seed in range(options.repeats):
            rng = np.random.default_rng(seed)
            second = rng.random(500) < WEIGHTS[1]
            X = (rng.normal(size=500) + distance * second)[:, None]
            model = BayesianGaussianMixture(
                2, weight_concentration_prior_type="dirichlet_distribution", random_state=0, n_threads=1
            ).fit(X)
            order = np.argsort(model.means_[:, 0])
            weights, means, variances = (part[:, order] for part in model.credible_intervals(0.95))
            truth = np.array([0.0, distance])
            found.append([held(means[..., 0], truth), held(weights, WEIGHTS), held(variances[..., 0], 1.0)])
        shares = " | ".join(f"{share:.1%}" for share in np.mean(found, axis=0))
        print(f"| {distance:g} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
