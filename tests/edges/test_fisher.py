"""Fisher vectors: against scikit-image's, numerical gradients and posteriors, and what they must not depend on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from problems import blobs
from tolerances import CLOSED_FORM

import gmm
from gmm import GaussianMixture
from gmm.errors import DataError, ParameterError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "fisher_vector.json").read_text())
K, D = len(GOLDEN["means"]), len(GOLDEN["means"][0])
X = np.array(GOLDEN["X"])


def golden_model():
    return GaussianMixture.from_parameters(GOLDEN["weights"], GOLDEN["means"], GOLDEN["variances"], "diag")


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("plain", {"improved": False}),
        ("improved", {"improved": True}),
        ("power_0.3", {"improved": True, "alpha": 0.3}),
    ],
)
def test_scikit_image_finds_the_same_but_for_the_sign_of_the_last_part(key, options):
    theirs = np.array(GOLDEN[key])
    theirs[K + K * D :] *= -1.0
    np.testing.assert_allclose(gmm.fisher_vector(golden_model(), X, **options), theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["diag", "spherical"])
def test_it_is_the_gradient_over_the_root_of_its_information(name):
    """Central differences of the log-likelihood, in weights' logits (softmax), means and standard deviations."""
    weights, means = np.array(GOLDEN["weights"]), np.array(GOLDEN["means"])
    sd = np.sqrt(GOLDEN["variances"]) if name == "diag" else np.array([0.8, 1.1, 1.6])

    def likelihood(logits, means, sd):
        shares = np.exp(logits) / np.exp(logits).sum()
        return GaussianMixture.from_parameters(shares, means, sd**2, name).score(X)

    at = [np.log(weights), means, sd]
    found = gmm.fisher_vector(GaussianMixture.from_parameters(weights, means, sd**2, name), X, improved=False)
    gradients = []
    for part, values in enumerate(at):
        for index in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[index] = 1e-5
            sides = [[v + sign * step if p == part else v for p, v in enumerate(at)] for sign in (1, -1)]
            gradients.append((likelihood(*sides[0]) - likelihood(*sides[1])) / 2e-5)
    root = np.sqrt(weights)
    of_means = np.broadcast_to(root[:, None] / (sd if name == "diag" else sd[:, None]), means.shape)
    of_deviations = np.sqrt(2.0) * root[:, None] / sd if name == "diag" else np.sqrt(2.0 * D) * root / sd
    information = np.concatenate([root, of_means.ravel(), of_deviations.ravel()])
    np.testing.assert_allclose(found, np.array(gradients) / information, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["diag", "VVI", "spherical", "VII"])
@pytest.mark.parametrize("noise", [False, True])
def test_at_the_likeliest_parameters_it_is_nothing(name, noise):
    rows = blobs(400, n_features=3, n_components=2, seed=3).X
    rows[:40] = np.random.default_rng(0).uniform(-20.0, 20.0, (40, 3))
    options = {"covariance_type": name, "noise": noise, "tol": 1e-14, "max_iter": 5000}
    model = GaussianMixture(2, random_state=0, **options).fit(rows)
    assert (model.noise_weight_ > 0.05) == noise
    assert np.abs(gmm.fisher_vector(model, rows, improved=False)).max() < 1e-6
    assert np.abs(gmm.fisher_vector(model, rows + 0.1, improved=False)).max() > 1e-2


def test_weights_are_frequencies_and_units_do_not_matter():
    model, n = golden_model(), np.random.default_rng(0).integers(0, 4, len(X))
    repeated = gmm.fisher_vector(model, np.repeat(X, n, axis=0))
    for unit in (1.0, 1e-200, 1e200):
        weighted = gmm.fisher_vector(model, X, sample_weight=n * unit)
        np.testing.assert_allclose(weighted, repeated, rtol=1e-10, atol=1e-13)
    scale = 1e100
    variances = np.array(GOLDEN["variances"]) * scale**2
    wide = GaussianMixture.from_parameters(GOLDEN["weights"], np.array(GOLDEN["means"]) * scale, variances, "diag")
    np.testing.assert_allclose(gmm.fisher_vector(wide, X * scale), gmm.fisher_vector(model, X), rtol=1e-10, atol=1e-13)


def test_several_sets_are_stacked():
    model, weight = golden_model(), np.arange(1.0, 6.0)
    sets = [X[:5], X[5:], X[3:4]]
    found = gmm.fisher_vector(model, sets, sample_weight=[weight, None, None])
    assert found.shape == (3, K * (1 + 2 * D))
    np.testing.assert_array_equal(found[0], gmm.fisher_vector(model, sets[0], sample_weight=weight))
    np.testing.assert_array_equal(found[1:], [gmm.fisher_vector(model, each) for each in sets[1:]])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=CLOSED_FORM)


def test_missing_values_have_the_gradient_of_what_was_observed():
    gaps = X.copy()
    gaps[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    found = []
    for shift in (-1e-5, 0.0, 1e-5):
        means = np.array(GOLDEN["means"])
        means[1, 2] += shift
        model = GaussianMixture.from_parameters(GOLDEN["weights"], means, GOLDEN["variances"], "diag")
        model.set_params(missing="marginalize")
        found.append((model.score(gaps), gmm.fisher_vector(model, gaps, improved=False)))
    gradient = (found[2][0] - found[0][0]) / 2e-5
    wanted = gradient * np.sqrt(GOLDEN["variances"][1][2] / GOLDEN["weights"][1])
    np.testing.assert_allclose(found[1][1][K + D + 2], wanted, rtol=1e-6)


def test_a_dead_component_has_zeros():
    model = GaussianMixture.from_parameters([0.5, 0.0, 0.5], GOLDEN["means"], GOLDEN["variances"], "diag")
    found = gmm.fisher_vector(model, X)
    parts = (found[:K], found[K : K + K * D].reshape(K, D), found[K + K * D :].reshape(K, D))
    for part in parts:
        assert not np.any(part[1])
        assert np.all(part[[0, 2]])


def test_what_cannot_be_is_refused():
    full = GaussianMixture.from_parameters([1.0], np.zeros((1, 2)), np.eye(2)[None])
    with pytest.raises(ParameterError, match=r"defined for covariance_type in .*'full'"):
        gmm.fisher_vector(full, np.zeros((3, 2)))
    with pytest.raises(ParameterError, match="alpha must be in"):
        gmm.fisher_vector(golden_model(), X, alpha=1.5)
    with pytest.raises(DataError, match="one array for each of the 2 sets"):
        gmm.fisher_vector(golden_model(), [X, X], sample_weight=[None])
    gap = np.where(np.arange(X.size).reshape(X.shape) == 5, np.nan, X)
    with pytest.raises(DataError, match="set 1: Input X contains NaN at row"):
        gmm.fisher_vector(golden_model(), [X, gap])
    with pytest.raises(DataError, match="all zero"):
        gmm.fisher_vector(golden_model(), X, sample_weight=np.zeros(len(X)))
