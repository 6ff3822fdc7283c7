"""Rows, frames and factors on which the compiled path and its NumPy twin must agree, and what agreeing means."""

from dataclasses import replace

import numpy as np
from factor_problem import analysers
from tolerances import SUM_FLOAT32, SUM_FLOAT64

from gmm.parameters import Factors, Kernel, Parameters
from gmm.reference import Rows as Twin

KERNELS = list(Kernel)
TOLERANCE = {"float32": SUM_FLOAT32, "float64": SUM_FLOAT64}
SIZES = [(1, 1), (2, 3), (3, 16), (5, 4), (8, 7), (9, 2), (16, 9), (33, 5), (39, 3), (64, 2), (70, 1)]


def problem(n_features, n_components, kernel, *, n_rows=2500, seed=0):
    """Rows off the origin in unequal units, a frame for them, and overlapping components inside it."""
    rng = np.random.default_rng([seed, n_features, n_components])
    mixing = rng.normal(size=(n_features, n_features)) / np.sqrt(n_features) + np.eye(n_features)
    X = (rng.normal(size=(n_rows, n_features)) @ mixing + 3.0) * 2.0 ** rng.integers(-3, 4, n_features)
    frame = Twin.from_array(X, scaling="feature").frame
    means = frame.points_in(X[rng.choice(n_rows, n_components, replace=False)])
    if kernel is Kernel.FACTOR:
        n_factors = max(1, min(n_features, 3 + n_features // 4))
        kind, analyser = analysers(n_components, n_features, n_factors, seed=seed)
        factors = kind.factorize(Parameters(analyser.weights, means, analyser.covariances))
        return X, frame, replace(factors, log_constants=rng.normal(size=n_components))
    shape = kernel.whitener_shape(n_components, n_features)
    if kernel in (Kernel.FULL, Kernel.TIED):
        whiteners = np.tril(rng.normal(size=shape) * 0.3 / np.sqrt(n_features), -1)
        whiteners += np.eye(n_features) * rng.uniform(0.5, 1.5, shape)
    else:
        whiteners = rng.uniform(0.5, 1.5, shape)
    return X, frame, Factors(kernel, rng.normal(size=n_components), means, np.ascontiguousarray(whiteners))


def close(found, expected, tolerance, scale=None):
    """Agreement relative to the largest entry, or to the size of the terms that were summed."""
    size = np.abs(expected).max() if scale is None else scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)


def assert_same_statistics(found, expected, tolerance, reach):
    close(found.n, expected.n, tolerance, expected.weight)
    close(found.first, expected.first, tolerance, expected.weight * reach)
    size = 1.0 if expected.along is None else max(1.0, np.abs(expected.along).sum(axis=2).max())
    close(found.second, expected.second, tolerance, expected.weight * reach**2 * size)
    close(found.weight, expected.weight, tolerance)
    assert found.n_rows == expected.n_rows


def weights_of(n_rows):
    """Weights over four decades, a tenth of them zero."""
    rng = np.random.default_rng(5)
    return 10.0 ** rng.uniform(-2, 2, n_rows) * (rng.random(n_rows) > 0.1)
