"""Rows with values missing at random and a mixture for them, with or without noise and log priors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tolerances import SUM_FLOAT32, SUM_FLOAT64

from gmm.covariances import STRUCTURES
from gmm.frame import Frame
from gmm.missing import IncompleteRows
from gmm.noise import Noise
from gmm.parameters import Parameters
from gmm.reference import Rows as Twin
from gmm.reference import missing as twin

NAMES = ["full", "tied", "diag", "spherical"]
TOLERANCE = {"float32": SUM_FLOAT32, "float64": SUM_FLOAT64}
SIZES = [(1, 2), (2, 3), (3, 1), (5, 4), (8, 3), (9, 2), (17, 2), (40, 1)]


def random_parameters(name, n_features, n_components, rng):
    """Overlapping components around zero, in units of a frame."""
    D, K = n_features, n_components
    roots = rng.normal(size=(K, D, D)) / np.sqrt(D) + np.eye(D)
    matrices = roots @ roots.swapaxes(1, 2)
    shaped = {"full": matrices, "tied": matrices[0], "diag": rng.uniform(0.5, 2, (K, D)), "spherical": np.ones(K)}
    weights = rng.uniform(0.5, 1.5, K)
    return Parameters(weights / weights.sum(), rng.normal(size=(K, D)), np.ascontiguousarray(shaped[name]))


def incomplete(name, n_features, n_components, *, n_rows=300, share=0.3, seed=0, dtype=np.float64):
    """Rows with values missing at random, the first row whole and the second without any, and a mixture for them."""
    rng = np.random.default_rng([seed, n_features, n_components])
    X = rng.normal(3.0, 2.0, (n_rows, n_features)).astype(dtype)
    X[rng.random(X.shape) < share] = np.nan
    X[0], X[1] = 1.0, np.nan
    frame = Frame.from_columns(
        {"minimum": np.full(n_features, -5.0), "maximum": np.full(n_features, 9.0), "mean": np.full(n_features, 3.0),
         "scatter": np.full(n_features, 4.0), "weight": 1.0},
        "common", 2.0**-53,
    )  # fmt: skip
    weight = 10.0 ** rng.uniform(-2, 2, n_rows) * (rng.random(n_rows) > 0.1)
    parameters = random_parameters(name, n_features, n_components, rng)
    return IncompleteRows(X, weight, frame, X.dtype.name, 2), parameters


def beside_noise(rows, name, parameters):
    """The same components beside noise that takes a fair part of the rows, whatever their pattern."""
    density = twin.score(Twin(rows.X, None, rows.frame), STRUCTURES[name].kernel, parameters).log_density
    observed = (~np.isnan(rows.X)).sum(axis=1)
    each = np.median(density[observed > 0] / observed[observed > 0])
    lengths = np.exp(-each) * np.linspace(0.9, 1.1, parameters.n_features)
    return parameters.with_noise(Noise(0.3, float(np.log(lengths).sum()), np.zeros(len(lengths)), lengths))


def with_priors(rows, n_components, seed=3):
    """The rows with log priors over three decades, a fifth of them -inf, never all of a row's."""
    rng = np.random.default_rng(seed)
    shape = (rows.n_rows, n_components)
    prior = 10.0 ** rng.uniform(-3, 0, shape) * (rng.random(shape) > 0.2)
    prior[np.arange(rows.n_rows), rng.integers(n_components, size=rows.n_rows)] = 1.0
    with np.errstate(divide="ignore"):
        return replace(rows, log_prior=np.log(prior))


def close(found, expected, tolerance, size):
    """Equal up to the rounding of terms of a size."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)
