"""Default settings end near the optimum that plain EM reaches from the same start, however slowly it gets there."""

from __future__ import annotations

import warnings

import numpy as np
import problems
import pytest

from gmm import GaussianMixture
from gmm.datasets import load_faithful

ENOUGH = 3e-6  # nats a row, 3 tol: what default settings may leave


def pixels():
    images = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("PIL")
    return images.load_sample_image("china.jpg").reshape(-1, 3)[::40].astype(np.float64)


PROBLEMS = {
    "two Gaussians 1.8 apart": (lambda: problems.overlapping().X, 2, "random", (0, 1, 2)),
    "Old Faithful": (lambda: load_faithful().data, 3, "kmeans", (0, 1, 2)),
    "Old Faithful, random start": (lambda: load_faithful().data, 3, "random", (0, 1, 2)),
    "a photograph": (pixels, 16, "kmeans", (0,)),  # others shrink a component onto equal pixels
}


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in PROBLEMS for seed in PROBLEMS[name][-1]])
def test_defaults_end_within_three_tol_of_the_optimum(name, seed):
    rows, n_components, init_params, _ = PROBLEMS[name]
    X = rows()
    model = GaussianMixture(n_components, init_params=init_params, n_init=1, random_state=seed).fit(X)
    assert model.converged_
    given = {"weights_init": model.weights_, "means_init": model.means_, "covariances_init": model.covariances_}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 20,000 iterations may not be enough for 1e-12
        on = GaussianMixture(n_components, tol=1e-12, max_iter=20_000, acceleration=None, **given).fit(X)
    assert on.log_likelihood_ - model.log_likelihood_ <= ENOUGH
