"""What deconvolution is for: the truth behind rows observed with error, which a fit of the rows themselves misses."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from measured_problem import NAMES, coordinates, simulated, two_components

from gmm import GaussianMixture


def fit(X, errors, n_components, **kwargs):
    start = kwargs.pop("start", None)
    kwargs = {"random_state": 0, "missing": "marginalize"} | kwargs
    return GaussianMixture(n_components, **kwargs).fit(X, start=start, noise_covariance=errors)


def standard_errors(model, X, errors):
    """Of the coordinates, from the outer products of the rows' scores by central differences."""

    def log_density(theta):
        S = theta[5:].reshape(2, 3)[:, [0, 1, 1, 2]].reshape(2, 2, 2)
        moved = GaussianMixture.from_parameters([theta[0], 1 - theta[0]], theta[1:5].reshape(2, 2), S)
        return moved.set_params(missing="marginalize").score_samples(X, noise_covariance=errors)

    theta, step = coordinates(model.weights_, model.means_, model.covariances_), 1e-5
    steps = step * np.eye(len(theta))
    scores = np.stack([(log_density(theta + h) - log_density(theta - h)) / (2 * step) for h in steps])
    return np.sqrt(np.diag(np.linalg.inv(scores @ scores.T)))


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_the_truth_is_recovered_within_four_standard_errors(share):
    X, errors = simulated(share=share)
    truth = coordinates(*two_components())
    model = fit(X, errors, 2, tol=1e-9, order_by="mean", n_init=5)
    found = coordinates(model.weights_, model.means_, model.covariances_)
    size = standard_errors(model, X, errors)
    assert (size < 0.1).all()
    assert (np.abs(found - truth) < 4 * size).all()
    naive = GaussianMixture(2, order_by="mean", random_state=0, missing="marginalize").fit(X)
    off = np.abs(coordinates(naive.weights_, naive.means_, naive.covariances_) - truth)[5:].reshape(2, 3)
    assert (off[:, [0, 2]] > 20 * size[5:].reshape(2, 3)[:, [0, 2]]).all()  # variances take in the errors
    assert model.score(X, noise_covariance=errors) > naive.score(X, noise_covariance=errors) + 0.05


@pytest.mark.parametrize("structure", NAMES)
def test_an_error_shared_by_all_rows_is_taken_off_the_covariances(structure):
    X, labels, *_ = problems.blobs(2000, n_features=2, separation=3.0)
    matrix = np.array([[0.05, 0.02], [0.02, 0.04]])
    S = {"diag": np.array([0.05, 0.03]), "spherical": np.full(2, 0.04)}.get(structure, matrix)
    how = {"covariance_type": structure, "tol": 1e-13, "max_iter": 5000, "start": labels}
    plain, shifted = fit(X, None, 3, **how), fit(X, S, 3, **how)
    np.testing.assert_allclose(shifted.weights_, plain.weights_, atol=1e-4)
    np.testing.assert_allclose(shifted.means_, plain.means_, atol=1e-4)
    added = S[0] if structure == "spherical" else S
    np.testing.assert_allclose(shifted.covariances_ + added, plain.covariances_, atol=1e-4)
    assert shifted.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-9)


def test_one_component_in_one_feature_has_an_equation():
    """sum_i (x_i - m) / t_i = 0 and sum_i ((x_i - m)^2 - t_i) / t_i^2 = 0 with t_i = v + s_i."""
    rng = np.random.default_rng(0)
    s = rng.gamma(1.0, 1.0, 1000)
    x = 3.0 + rng.normal(size=1000) * np.sqrt(0.5 + s)
    model = fit(x[:, None], s[:, None], 1, tol=1e-14, max_iter=5000)
    t, c = model.covariances_[0, 0, 0] + s, x - model.means_[0, 0]
    assert abs((c / t).sum()) < 1e-4
    assert abs(((c**2 - t) / t**2).sum()) < 1e-3
