"""Overlap of components: closed forms, sampled rows, units, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from scipy.stats import chi2, multivariate_normal, norm
from tolerances import CLOSED_FORM, FIVE_SIGMA

import gmm
from gmm import GaussianMixture
from gmm.errors import CollapseWarning, ParameterError


@pytest.mark.parametrize("covariance_type", ["full", "tied", "EEE"])
def test_equal_covariances_have_a_closed_form(covariance_type):
    weights = np.array([0.2, 0.3, 0.5])
    means = np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]])
    S = np.array([[2.0, 0.7], [0.7, 0.5]])
    model = GaussianMixture.from_parameters(
        weights, means, S if covariance_type == "tied" else np.stack([S] * 3), covariance_type
    )
    found = gmm.overlap(model)
    for i in range(3):
        for j in range(3):
            if i == j:
                continue
            delta = np.sqrt((means[i] - means[j]) @ np.linalg.solve(S, means[i] - means[j]))
            wanted = norm.cdf((np.log(weights[j] / weights[i]) - delta**2 / 2) / delta)
            np.testing.assert_allclose(found.misclassification[i, j], wanted, rtol=1e-9)
            np.testing.assert_allclose(found.bhattacharyya[i, j], np.exp(-(delta**2) / 8), rtol=CLOSED_FORM)
    assert found.error < 1e-9
    pairs = found.misclassification[0, 1] + found.misclassification[1, 0]
    np.testing.assert_allclose(found.pairwise[0, 1], pairs, rtol=CLOSED_FORM)
    np.testing.assert_allclose(found.largest, found.pairwise.max(), rtol=0)
    np.testing.assert_allclose(found.mean, found.pairwise[np.triu_indices(3, 1)].mean(), rtol=CLOSED_FORM)


def test_the_same_component_twice_is_the_limit_of_two_that_become_the_same():
    for apart in (1e-3, 1e-9, 0.0):
        model = GaussianMixture.from_parameters([0.5, 0.5], [[1.0, 2.0], [1.0 + apart, 2.0]], [np.eye(2)] * 2)
        np.testing.assert_allclose(gmm.overlap(model).misclassification[0, 1], 0.5, rtol=0, atol=apart)
        np.testing.assert_allclose(gmm.overlap(model).largest, 1.0, rtol=0, atol=apart)
    heavier = GaussianMixture.from_parameters([0.4, 0.6], np.ones((2, 2)), [np.eye(2)] * 2)
    np.testing.assert_array_equal(gmm.overlap(heavier).misclassification, [[1.0, 1.0], [0.0, 1.0]])


def test_collapsed_components_do_not_overlap():
    rows = np.random.default_rng(0).normal(size=(4, 2))
    with pytest.warns(CollapseWarning):
        found = gmm.overlap(GaussianMixture(4, random_state=0).fit(np.repeat(rows, 25, axis=0)))
    np.testing.assert_array_equal(found.misclassification, np.eye(4))
    assert found.error == 0.0
    with pytest.warns(CollapseWarning):
        model = GaussianMixture(2, random_state=0).fit(np.random.default_rng(1).normal(size=(6, 12)))
    np.testing.assert_array_equal(gmm.overlap(model).misclassification, np.eye(2))


def test_concentric_spheres_have_a_closed_form():
    """Within radius r the narrow one is denser: D log v + |x|^2 / v < |x|^2, so |x|^2 < D v log v / (v - 1)."""
    D, v = 5, 4.0
    model = GaussianMixture.from_parameters([0.5, 0.5], np.zeros((2, D)), [1.0, v], "spherical")
    square = D * v * np.log(v) / (v - 1.0)
    found = gmm.overlap(model).misclassification
    np.testing.assert_allclose(found[0, 1], chi2.sf(square, D), rtol=1e-9)
    np.testing.assert_allclose(found[1, 0], chi2.cdf(square / v, D), rtol=1e-9)


def test_general_covariances_against_sampled_rows():
    problem = blobs(n_features=3, n_components=4, separation=2.0)
    model = GaussianMixture.from_parameters(problem.weights, problem.means, problem.covariances)
    model.random_state = 0
    n = 400_000
    X, labels = model.sample(n)
    parts = zip(problem.weights, problem.means, problem.covariances, strict=True)
    logs = np.stack([np.log(w) + multivariate_normal(m, S).logpdf(X) for w, m, S in parts])
    found = gmm.overlap(model).misclassification
    for i in range(4):
        own = labels == i
        for j in range(4):
            if i != j:
                share, p = (logs[j, own] > logs[i, own]).mean(), found[i, j]
                assert abs(share - p) <= FIVE_SIGMA * np.sqrt(p * (1 - p) / own.sum()) + 1e-5


def test_units_cancel_and_far_components_keep_their_digits():
    problem = blobs(n_features=2, n_components=3)
    scale = np.array([1e-8, 1e8])
    plain = GaussianMixture.from_parameters(problem.weights, problem.means, problem.covariances)
    other = GaussianMixture.from_parameters(
        problem.weights, problem.means * scale, problem.covariances * np.outer(scale, scale)
    )
    np.testing.assert_allclose(
        gmm.overlap(other).misclassification, gmm.overlap(plain).misclassification, rtol=1e-6
    )  # fmt: skip
    apart = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [60.0]], [1.0, 1.0], "spherical")
    np.testing.assert_allclose(gmm.overlap(apart).misclassification[0, 1], norm.sf(30.0), rtol=1e-9)


def test_one_component_and_components_without_rows():
    one = gmm.overlap(GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical"))
    assert (one.largest, one.mean, one.misclassification.tolist()) == (0.0, 0.0, [[1.0]])
    dead = GaussianMixture.from_parameters([1.0, 0.0], [[0.0], [1.0]], [1.0, 1.0], "spherical")
    with pytest.raises(ParameterError, match="component 1 has mixing weight 0"):
        gmm.overlap(dead)


def test_equal_components_and_a_table():
    same = GaussianMixture.from_parameters([0.6, 0.4], [[0.0], [0.0]], [1.0, 1.0], "spherical")
    found = gmm.overlap(same)
    assert found.misclassification.tolist() == [[1.0, 0.0], [1.0, 1.0]]
    np.testing.assert_allclose(found.bhattacharyya, 1.0, rtol=CLOSED_FORM)
    assert str(found).splitlines()[1].split() == ["0", "-", "0.0000"]


def test_uncertainty_is_what_the_largest_posterior_leaves():
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
    X = np.linspace(-10, 30, 41)[:, None]
    found = gmm.uncertainty(model, X)
    np.testing.assert_allclose(found, 1.0 / (1.0 + np.exp(4.0 * np.abs(X[:, 0] - 2.0))), rtol=1e-9)
    assert (found > 0.0).all()  # far rows keep the digits that 1 - p would lose


@pytest.mark.parametrize(
    "asks",
    [
        gmm.overlap,
        gmm.advice,
        lambda model: gmm.uncertainty(model, np.zeros((1, 2))),
        lambda model: gmm.merge_components(model, np.zeros((1, 2))),
        lambda model: gmm.compare_kmeans(model, np.zeros((1, 2))),
        lambda model: gmm.fisher_vector(model, np.zeros((1, 2))),
        lambda model: gmm.adapt(model, np.zeros((1, 2))),
    ],
)
def test_what_is_no_mixture_is_named(asks):
    with pytest.raises(ParameterError, match="model must be a fitted mixture, got a ndarray"):
        asks(np.zeros((3, 2)))
    selection = gmm.select(blobs(50).X, [1], "diag")
    with pytest.raises(ParameterError, match="got a Selection: take its best_"):
        asks(selection)
