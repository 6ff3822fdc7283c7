"""Whole fits and predictions through the estimator: ``pytest benchmarks/bench_fits.py --benchmark-enable``.

What a user waits for: start, restarts, iterations, Python and all. Each result is checked before it is timed.
"""

import warnings

import numpy as np
import pytest
from problems import SHAPES, STRUCTURES, make_rows, make_start

THREADS = 2


def model(covariance_type, n_components, **settings):
    from gmm import GaussianMixture

    return GaussianMixture(n_components, covariance_type=covariance_type, random_state=0, n_threads=THREADS, **settings)


@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("name", ["small", "mid", "wide"])
def test_ten_iterations(benchmark, name, covariance_type):
    from gmm.reference import fit as twin_fit

    shape = SHAPES[name].scaled(0.1)
    X = make_rows(shape)
    start = make_start(X, shape.n_components, covariance_type)
    given = {"weights_init": start.weights, "means_init": start.means, "covariances_init": start.covariances}
    ten = model(covariance_type, shape.n_components, tol=0.0, max_iter=10, n_init=1, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = twin_fit(X, *start[:3], covariance_type, 10)
        np.testing.assert_allclose(ten.fit(X).log_likelihood_ * len(X), expected.log_likelihoods[-1], rtol=1e-9)
        benchmark(ten.fit, X)


def test_china(benchmark):
    """All of a default fit: the 273,280 pixels of china.jpg, 8 full components."""
    images = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("PIL")
    X = images.load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)
    mixture = model("full", 8)
    assert mixture.fit(X).converged_
    benchmark.pedantic(mixture.fit, (X,), rounds=3)


@pytest.mark.parametrize("n_samples", [1, 1_000, 100_000])
def test_score_samples(benchmark, n_samples):
    shape = SHAPES["mid"].scaled(0.1)
    X = make_rows(shape)
    mixture = model("full", 8, n_init=1, max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixture.fit(X)
    some = np.resize(X, (n_samples, X.shape[1]))
    scores = mixture.score_samples(some)
    np.testing.assert_array_equal(scores[:1], mixture.score_samples(some[:1]))
    benchmark(mixture.score_samples, some)
