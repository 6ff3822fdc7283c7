"""noise_covariance beside noise, labels and priors: the truth behind rows, and the same fit in other words."""

from __future__ import annotations

import numpy as np
import pytest
from measured_problem import coordinates, simulated, two_components

from gmm import GaussianMixture
from gmm.errors import DataError

BESIDE = ("noise", "density", "hard", "soft", "noise and hard", "noise and soft")


def told(truth, kind, seed=3):
    """Labels of a tenth of the rows, or priors that lean to the truth; of noise they say nothing."""
    rng = np.random.default_rng(seed)
    known = (rng.random(len(truth)) < 0.1) & (truth >= 0)
    if "hard" in kind:
        return np.where(known, truth, -1)
    prior = rng.uniform(0.2, 1.0, (len(truth), 2))
    prior[known, truth[known]] = 4.0
    return prior if "soft" in kind else None


def rows_in_clutter(n_rows=1500, seed=11):
    """Two components of which one is wide, evenly spread clutter, and where each row is from."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, -1], n_rows, p=[0.5, 0.35, 0.15])
    X = rng.normal(size=(n_rows, 2)) * np.where(truth == 0, 1.0, 1.6)[:, None] + 4.0 * (truth == 1)[:, None]
    return np.where((truth == -1)[:, None], rng.uniform(-12, 16, (n_rows, 2)), X), truth


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("structure", ["full", "tied", "diag", "VVV", "VVE"])
def test_an_error_shared_by_all_rows_is_taken_off_the_covariances(structure, beside):
    X, truth = rows_in_clutter()
    S = np.array([[0.05, 0.02], [0.02, 0.04]]) if structure in ("full", "tied", "VVV") else 0.04 * np.eye(2)
    noise = True if "noise" in beside else 2e-4 if beside == "density" else False
    how = {"covariance_type": structure, "noise": noise, "tol": 1e-12, "max_iter": 5000}
    start = np.where(truth >= 0, truth, -1 if noise else 0)
    given = {"labels": told(truth, beside), "start": start}
    plain = GaussianMixture(2, **how).fit(X, **given)
    shifted = GaussianMixture(2, **how).fit(X, noise_covariance=S, **given)
    np.testing.assert_allclose(shifted.weights_, plain.weights_, atol=1e-5)
    np.testing.assert_allclose(shifted.noise_weight_, plain.noise_weight_, atol=1e-5)
    np.testing.assert_allclose(shifted.means_, plain.means_, atol=1e-4)
    taken = np.diag(S) if structure == "diag" else S
    np.testing.assert_allclose(shifted.covariances_ + taken, plain.covariances_, atol=1e-4)
    assert abs(shifted.objective_ - plain.objective_) < 1e-8


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_the_truth_is_found_in_noise(share):
    X, errors = simulated(8000, share)
    rng = np.random.default_rng(2)
    X = np.vstack([X, rng.uniform(-12, 12, (2000, 2))])
    errors = np.concatenate([errors, rng.permutation(errors)[:2000]])
    how = {"noise": True, "missing": "marginalize", "random_state": 0, "order_by": "mean"}
    model = GaussianMixture(2, **how).fit(X, noise_covariance=errors)
    assert abs(model.noise_weight_ - 0.2) < 0.02
    share_of = model.weights_ / model.weights_.sum()
    found = coordinates(share_of, model.means_, model.covariances_)
    np.testing.assert_allclose(found, coordinates(*two_components()), atol=0.2)
    naive = GaussianMixture(2, **how).fit(X)
    assert model.score(X, noise_covariance=errors) > naive.score(X, noise_covariance=errors) + 0.05


def test_labels_tell_clusters_apart_that_errors_blur():
    """One centre, two widths, errors wider than the narrow one."""
    rng = np.random.default_rng(0)
    truth = np.arange(4000) % 2
    variance = rng.gamma(2.0, 0.4, (4000, 2))
    V, E = rng.normal(size=(2, 4000, 2))
    X = V * np.where(truth == 0, 0.5, 2.5)[:, None] + E * np.sqrt(variance)
    labels = np.where(rng.random(4000) < 0.1, truth, -1)
    model = GaussianMixture(2, random_state=0).fit(X, labels=labels, noise_covariance=variance)
    sd = np.sqrt(np.trace(model.covariances_, axis1=1, axis2=2) / 2)
    np.testing.assert_allclose(sd, [0.5, 2.5], rtol=0.1)
    everything = GaussianMixture(2).fit(X, labels=truth, noise_covariance=variance)
    alone = [GaussianMixture(1).fit(X[truth == k], noise_covariance=variance[truth == k]) for k in (0, 1)]
    for k in (0, 1):
        np.testing.assert_allclose(everything.means_[k], alone[k].means_[0], atol=1e-4)
        np.testing.assert_allclose(everything.covariances_[k], alone[k].covariances_[0], atol=1e-3)


def test_priors_without_a_component_are_told():
    X, errors = simulated(200)
    with pytest.raises(DataError, match="labels: row 3 allows no component"):
        GaussianMixture(2).fit(X, labels=np.ones((200, 2)) * (np.arange(200) != 3)[:, None], noise_covariance=errors)


def test_predictions_of_noise_know_errors():
    """The wider the error, the less a row within the cluster tells of noise; one without errors is as ever."""
    X, _ = rows_in_clutter()
    model = GaussianMixture(2, noise=True, random_state=0).fit(X)
    near = np.tile(model.means_[0] + np.array([4.0, 0.0]), (3, 1))
    shares = model.predict_proba(near, noise_covariance=np.array([0.0, 1.0, 4.0])[:, None] * np.ones((3, 2)))
    np.testing.assert_allclose(shares[0], model.predict_proba(near[:1])[0], rtol=1e-12)
    assert (np.diff(shares[:, 2]) < -0.01).all()
    far = model.predict_proba([[1e6, 0.0]], noise_covariance=[[1.0, 1.0]])
    np.testing.assert_array_equal(far, [[0.0, 0.0, 1.0]])
