"""The argument ``acceleration``: what it changes, what it must not."""

import numpy as np
import pytest
from problems import blobs

from gmm import GaussianMixture
from gmm.datasets import load_faithful

STRUCTURES = ("full", "tied", "diag", "spherical")


def fit(X, acceleration="auto", **settings):
    return GaussianMixture(
        4, random_state=0, acceleration=acceleration, **{"n_init": 1, "init_params": "random_from_data"} | settings
    ).fit(X)


def bits(model):
    arrays = (model.weights_, model.means_, model.covariances_, model.lower_bounds_)
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


@pytest.fixture(scope="module", name="X")
def overlapping_rows():
    return blobs(12_000, n_components=4, separation=1.0).X


@pytest.mark.parametrize("structure", STRUCTURES)
def test_auto_ends_as_high_as_plain_em_in_fewer_iterations(X, structure):
    quick = fit(X, covariance_type=structure)
    plain = fit(X, None, covariance_type=structure, max_iter=5000)  # a saddle may end either
    assert quick.converged_
    assert quick.n_iter_ < fit(X, "none", covariance_type=structure, max_iter=5000).n_iter_
    assert quick.objective_ >= plain.objective_ - 1e-6
    assert (np.diff(quick.lower_bounds_) >= -1e-11).all()
    assert quick.log_likelihood_ == pytest.approx(quick.score(X), abs=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_leaps_have_the_same_bits_for_any_number_of_threads(X, structure):
    settings = {"covariance_type": structure, "max_iter": 40, "tol": 0.0}
    models = [fit(X, n_threads=n, **settings) for n in (1, 2, 3, 8)]
    assert len({bits(model) for model in models}) == 1
    assert bits(models[0]) != bits(fit(X, None, **settings))


def test_none_has_two_spellings(X):
    assert bits(fit(X, None, max_iter=30, tol=0.0)) == bits(fit(X, "none", max_iter=30, tol=0.0))


def test_a_race_of_starts_is_as_good(X):
    quick, plain = (fit(X, flag, n_init=5, max_iter=5000, init_params="random") for flag in ("auto", None))
    assert quick.objective_ >= plain.objective_ - 3e-6


def test_a_warm_start_continues(X):
    model = fit(X, max_iter=8, tol=0.0, warm_start=True)
    first = model.lower_bounds_
    again = model.fit(X).lower_bounds_
    assert again[0] == pytest.approx(first[-1], abs=1e-12)
    assert again[-1] > again[0] + 1e-6


def test_few_rows_leap_where_em_is_slow():
    """Waiting times of Old Faithful: plain EM needs a thousand iterations for three components."""
    X = load_faithful().data[:, 1:]
    model, plain = GaussianMixture(3, random_state=3).fit(X), GaussianMixture(3, random_state=3, acceleration=None)
    with pytest.warns(UserWarning, match="max_iter=500 came before convergence"):
        plain.fit(X)
    assert model.converged_
    assert model.n_iter_ < 200
    assert model.log_likelihood_ > plain.log_likelihood_
    np.testing.assert_allclose(model.lower_bounds_[:100], plain.lower_bounds_[:100], rtol=1e-12)
