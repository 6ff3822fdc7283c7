"""Real rows, ours beside scikit-learn's best of as many starts at the same ridge.

One column of Old Faithful, Old Faithful, iris, digits (64 columns of whole numbers 0..16, some constant) and the
pixels of scikit-learn's china.jpg, with as many starts from the same ``random_state``. A likelihood can be bought by
shrinking a component onto a few equal values, so the digits get a ridge of 0.1, about the variance 1/12 that rounding
to whole numbers has. The rest get scikit-learn's 1e-6.
"""

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tolerances import NO_WORSE

from gmm import GaussianMixture
from gmm.datasets import load_faithful, load_iris
from gmm.errors import CollapseWarning

STRUCTURES = ("full", "tied", "diag", "spherical")
N_INIT = 5
SEEDS = {"digits": (0,)}  # of (0, 1): the others take milliseconds


@cache
def rows(name):
    images = pytest.importorskip("sklearn.datasets")
    return {
        "faithful, one column": lambda: load_faithful().data[:, :1],
        "faithful": lambda: load_faithful().data,
        "iris": lambda: load_iris().data,
        "digits": lambda: images.load_digits().data,
    }[name]()


SMALL = [
    ("faithful, one column", 2, 1e-6),
    ("faithful, one column", 3, 1e-6),
    ("faithful", 2, 1e-6),
    ("faithful", 3, 1e-6),
    ("iris", 2, 1e-6),
    ("iris", 3, 1e-6),
    ("digits", 10, 0.1),
]


@cache
def their_best(name, n_components, structure, reg_covar, seed):
    """Log-likelihood per row of the best of scikit-learn's starts."""
    mixture = pytest.importorskip("sklearn.mixture")
    settings = {"covariance_type": structure, "reg_covar": reg_covar, "n_init": N_INIT, "random_state": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mixture.GaussianMixture(n_components, **settings).fit(rows(name)).score(rows(name))


def ours(X, n_components, structure, reg_covar, seed):
    settings = {"covariance_type": structure, "reg_covar": reg_covar, "n_init": N_INIT, "random_state": seed}
    return GaussianMixture(n_components, **settings).fit(X)


def assert_sound(model, X, reg_covar):
    """Converged, and no component is a handful of rows or has shrunk to the ridge in every direction."""
    assert model.converged_
    assert not any(restart.floored for restart in model.restarts_)
    assert model.weights_.min() * len(X) > (X.shape[1] if model.covariance_type == "full" else 3)
    widest = {
        "full": lambda c: np.linalg.eigvalsh(c).max(axis=-1),
        "tied": lambda c: np.linalg.eigvalsh(c).max(),
        "diag": lambda c: c.max(axis=-1),
        "spherical": lambda c: c,
    }[model.covariance_type](model.covariances_)
    assert np.min(widest) > 2 * reg_covar


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize(
    ("name", "n_components", "reg_covar", "seed"),
    [(*problem, seed) for problem in SMALL for seed in SEEDS.get(problem[0], (0, 1))],
)
def test_no_worse_than_scikit_learn(name, n_components, reg_covar, structure, seed):
    X = rows(name)
    model = ours(X, n_components, structure, reg_covar, seed)
    assert_sound(model, X, reg_covar)
    assert model.log_likelihood_ >= their_best(name, n_components, structure, reg_covar, seed) - NO_WORSE


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_china(seed):
    """The best of five starts of scikit-learn, run to tol=1e-5, was measured once (tests/golden)."""
    images = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("PIL")
    golden = json.loads((Path(__file__).parents[1] / "golden" / "sklearn_china.json").read_text(encoding="utf-8"))
    X = images.load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)
    model = ours(X, 8, "full", 1e-6, seed)
    assert_sound(model, X, 1e-6)
    assert model.log_likelihood_ == pytest.approx(model.score(X), abs=1e-12)
    assert model.log_likelihood_ >= golden["log_likelihood"] - NO_WORSE


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n_rows", "n_components"), [(500, 4), (1797, 10)])
def test_digits_without_a_ridge_are_singular_but_fitted(n_rows, n_components, seed):
    """Pixels that are constant within a component, not in the data; components of a few rows on shifting floors."""
    X = pytest.importorskip("sklearn.datasets").load_digits().data[:n_rows]
    model = GaussianMixture(n_components, n_init=1, random_state=seed)
    with pytest.warns(CollapseWarning, match="no spread"):
        model.fit(X)
    assert model.stop_reason_ == "converged"
    assert model.log_likelihood_ == pytest.approx(model.score(X), rel=1e-12)
    assert (np.diff(model.lower_bounds_) >= -1e-11).all()
