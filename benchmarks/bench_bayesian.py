"""Variational Bayes beside scikit-learn: the 273,280 pixels of its china.jpg, 8 components, start included.

    python benchmarks/bench_bayesian.py                # one thread, seconds of processor time; takes half a minute
    python benchmarks/bench_bayesian.py --seeds 0 1 2 --structures full tied diag spherical

Each side has its defaults and its own start. scikit-learn's bound lacks constants, so what both ended with is judged by
ours: nats per row, the same model and prior.
"""

import argparse
import time
import warnings

import numpy as np

STRUCTURES = ("full", "tied", "diag", "spherical")


def bound_of(theirs, ours, X):
    """The bound on log p(X), per row, of the posterior that scikit-learn found, under the prior of our fit."""
    from gmm.posteriors import Posterior
    from gmm.rows import Rows
    from gmm.variational import Variational

    fit = ours._result
    rows, frame = Rows.from_array(X, scaling=fit.mixture.structure.scaling), fit.mixture.frame
    structure = Variational(fit.mixture.structure, fit.prior, float(len(X)))
    posterior = Posterior(
        theirs.weights_,
        frame.points_in(theirs.means_),
        structure.covariances_in(theirs.covariances_, frame),
        kernel=fit.prior.kernel,
        concentration=np.stack(theirs.weight_concentration_),
        mean_precision=theirs.mean_precision_,
        degrees_of_freedom=np.asarray(theirs.degrees_of_freedom_),
    )
    statistics = rows.accumulate(structure.factorize(posterior))
    bound = statistics.log_likelihood / statistics.weight - structure.penalty(posterior)
    return bound + frame.log_jacobian


def seconds_of(model, X):
    began = time.process_time()
    model.fit(X)
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--structures", nargs="+", choices=STRUCTURES, default=["full"])
    options = parser.parse_args()

    from sklearn.datasets import load_sample_image
    from sklearn.mixture import BayesianGaussianMixture as Theirs
    from threadpoolctl import threadpool_limits

    from gmm import BayesianGaussianMixture as Ours

    X = load_sample_image("china.jpg").reshape(-1, 3) / 255.0
    print("| covariance | seed | gmm, s | iterations | bound | scikit-learn, s | iterations | bound | times |")
    print("|---|---|---|---|---|---|---|---|---|")
    for structure, seed in ((structure, seed) for structure in options.structures for seed in options.seeds):
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours = Ours(8, covariance_type=structure, random_state=seed, n_threads=1)
            mine = sorted(seconds_of(ours, X) for _ in range(3))[1]
            theirs = Theirs(n_components=8, covariance_type=structure, random_state=seed)
            other = seconds_of(theirs, X)
        reached, best = ours.lower_bound_, bound_of(theirs, ours, X)
        times = f"{other / mine:.0f}x" if reached >= best else "worse"
        cells = f"{mine:.3f} | {ours.n_iter_} | {reached:.5f} | {other:.1f} | {theirs.n_iter_} | {best:.5f} | {times}"
        print(f"| {structure} | {seed} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
