"""A mixture beside k-means: agreement where both are right, counts by hand, likelihood in closed form, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from scipy.special import logsumexp
from tolerances import CLOSED_FORM

import gmm
from gmm import GaussianMixture
from gmm.agreement import adjusted_rand_index
from gmm.errors import DataError


def long_clusters():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(200, 2)) * [5.0, 0.3] + [0.0, y] for y in (0.0, 2.0)])


def test_separate_spheres_are_the_same_to_both():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(100, 2)) + c for c in ([0, 0], [20, 0], [0, 20])])
    found = gmm.compare_kmeans(GaussianMixture(3, random_state=0).fit(X), X, random_state=0)
    assert found.adjusted_rand == 1.0
    assert found.changed.size == 0
    np.testing.assert_array_equal(found.components, found.clusters)
    np.testing.assert_array_equal(found.table, np.diag(np.bincount(found.components)))
    np.testing.assert_allclose(found.changed_share, 0.0)


@pytest.mark.parametrize("scale", [True, False])
def test_counts_and_centres(scale):
    X = long_clusters() * [1.0, 1e-3] + [7.0, 0.0]
    model = GaussianMixture(2, random_state=0).fit(X)
    found = gmm.compare_kmeans(model, X, scale=scale, random_state=0)
    np.testing.assert_array_equal(found.components, model.predict(X))
    for k in range(2):
        for c in range(2):
            assert found.table[k, c] == np.sum((found.components == k) & (found.clusters == c))
        own = found.components == k
        np.testing.assert_allclose(found.changed_share[k], np.mean(found.clusters[own] != k), rtol=CLOSED_FORM)
        np.testing.assert_allclose(found.centres[k], X[found.clusters == k].mean(axis=0), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found.changed, np.flatnonzero(found.components != found.clusters))
    unit = X.std(axis=0) if scale else np.ones(2)
    squares = (((X[:, None] - found.centres) / unit) ** 2).sum(axis=2)
    np.testing.assert_array_equal(squares.argmin(axis=1), found.clusters)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_likelihoods_in_closed_form(scale, weighted):
    X = blobs(300, separation=3.0).X * [1.0, 50.0] + [0.0, 1e4]
    weight = np.random.default_rng(0).integers(0, 4, 300).astype(float) if weighted else np.ones(300)
    model = GaussianMixture(3, random_state=0).fit(X, sample_weight=weight)
    found = gmm.compare_kmeans(model, X, sample_weight=weight if weighted else None, scale=scale, random_state=0)
    mean = np.average(X, axis=0, weights=weight)
    unit = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight)) if scale else np.ones(2)
    squares = (((X[:, None] - found.centres) / unit) ** 2).sum(axis=2)
    variance = weight @ squares.min(axis=1) / (weight.sum() * 2)
    logs = logsumexp(-0.5 * squares / variance - np.log(2 * np.pi * variance), axis=1) - np.log(3) - np.log(unit).sum()
    np.testing.assert_allclose(found.log_likelihood_kmeans, np.average(logs, weights=weight), rtol=1e-6)
    np.testing.assert_allclose(found.log_likelihood, model.score(X, sample_weight=weight), rtol=1e-12)
    np.testing.assert_allclose(found.log_likelihood_gain, found.log_likelihood - found.log_likelihood_kmeans)
    assert found.log_likelihood_gain > 0.0


def test_k_means_is_as_good_as_the_mixtures_partition():
    """The mixture's own partition is one of the starts: the inertia is never above what Lloyd's steps make of it."""
    X = blobs(300, n_components=4, separation=2.0).X
    model = GaussianMixture(4, random_state=0).fit(X)
    one = gmm.compare_kmeans(model, X, n_init=1, random_state=0)
    many = gmm.compare_kmeans(model, X, n_init=10, random_state=0)
    assert many.log_likelihood_kmeans >= one.log_likelihood_kmeans - 1e-9


def test_bad_seeds_are_made_up_for_by_the_mixtures_partition(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(50, 2)) + c for c in ([0, 0], [10, 0], [200, 0], [210, 0])])
    model = GaussianMixture(4).fit(X, start=np.repeat(np.arange(4), 50))
    bad = [[-1.0, 0.0], [-0.9, 0.0], [1.0, 1.0], [1.0, -1.0]]  # the last two cut two clusters across
    monkeypatch.setattr("gmm.comparison.seed_centres", lambda rows, n_clusters, rng: np.array(bad))
    assert gmm.compare_kmeans(model, X, scale=False, random_state=0).adjusted_rand == 1.0


def test_noise_is_no_change():
    X = np.concatenate([blobs(300).X, np.random.default_rng(0).uniform(-30, 30, (40, 2))])
    model = GaussianMixture(3, noise=True, random_state=0).fit(X)
    found = gmm.compare_kmeans(model, X, random_state=0)
    assert (found.components == -1).any()
    assert not np.isin(found.changed, np.flatnonzero(found.components == -1)).any()
    assert found.table.sum() == np.sum(found.components >= 0)


def test_rows_of_weight_zero_are_absent():
    X = blobs(300, separation=6.0).X.astype(np.float32)
    model = GaussianMixture(3, random_state=0).fit(X)
    weight = (model.predict(X) != 1).astype(float)  # a component without rows
    far = np.concatenate([X, np.float32([[1e25, 0.0]])])  # of log-density -inf
    found = gmm.compare_kmeans(model, far, sample_weight=np.append(weight, 0.0), random_state=0)
    assert found.table.sum() == weight.sum()
    np.testing.assert_allclose(found.log_likelihood, model.score(X, sample_weight=weight), rtol=1e-12)


def test_weights_that_are_no_frequencies_are_taken_in_proportion():
    rng = np.random.default_rng(0)
    labels, others = rng.integers(0, 2, (2, 200))
    plain = adjusted_rand_index(labels, others)
    assert abs(plain) < 0.1
    for weight in (1e-3, 1 / 200, 0.5, 1.0):
        found = adjusted_rand_index(labels, others, np.full(200, weight))
        np.testing.assert_allclose(found, plain, rtol=0, atol=1e-12)
    times = rng.integers(1, 4, 200)
    repeated = adjusted_rand_index(np.repeat(labels, times), np.repeat(others, times))
    np.testing.assert_allclose(adjusted_rand_index(labels, others, times.astype(float)), repeated, rtol=0, atol=1e-12)


def test_a_report():
    X = long_clusters()
    text = str(gmm.compare_kmeans(GaussianMixture(2, random_state=0).fit(X), X, scale=False, random_state=0))
    assert text.splitlines()[2].split() == ["component", "cluster", "0", "cluster", "1", "changed"]
    assert "rows change their cluster" in text


def test_refusals():
    X = blobs(100).X
    model = GaussianMixture(2, random_state=0).fit(X)
    gaps = X.copy()
    gaps[3, 1] = np.nan
    with pytest.raises(DataError, match="NaN"):
        gmm.compare_kmeans(model, gaps)
    flat = np.column_stack([X, np.ones(100)])
    spherical = GaussianMixture(2, covariance_type="spherical", random_state=0).fit(flat)
    with pytest.raises(DataError, match="column 2 is constant"):
        gmm.compare_kmeans(spherical, flat)
