"""Stability of a clustering: coefficients by hand, clear and false components, determinism, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from tolerances import CLOSED_FORM

import gmm
from gmm import GaussianMixture
from gmm.errors import ParameterError
from gmm.recurrence import Stability, _jaccard


def test_coefficients_are_those_of_sets():
    rng = np.random.default_rng(0)
    own, others = rng.integers(-1, 3, 60), rng.integers(-1, 3, 60)
    wanted = [
        max(np.sum((own == k) & (others == c)) / np.sum((own == k) | (others == c)) for c in range(3)) for k in range(3)
    ]
    np.testing.assert_allclose(_jaccard(own, others, 3, None), wanted, rtol=CLOSED_FORM)
    weight = rng.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), weight)
    np.testing.assert_allclose(
        _jaccard(own, others, 3, weight.astype(float)), _jaccard(own[repeated], others[repeated], 3, None),
        rtol=CLOSED_FORM,
    )  # fmt: skip
    assert _jaccard(np.array([0, 0]), np.array([1, 1]), 2, None).tolist() == [1.0, 0.0]


def test_what_the_coefficients_say():
    found = Stability(np.array([0.9, 0.7]), np.array([[1.0, 0.4], [0.8, 0.6]]), 1)
    np.testing.assert_allclose(found.mean_jaccard, [0.9, 0.5], rtol=CLOSED_FORM)
    assert found.dissolved.tolist() == [0.0, 0.5]
    assert found.unstable.tolist() == [False, True]
    assert str(found).splitlines() == [
        "2 resamples, 1 failed; adjusted Rand index 0.800 (from 0.700)",
        "component 0: mean Jaccard 0.900, dissolved in 0%",
        "component 1: mean Jaccard 0.500, dissolved in 50%  not to be trusted",
    ]


@pytest.mark.parametrize("method", ["nonparametric", "weighted", "parametric"])
def test_separate_components_recur(method):
    X = blobs(300, separation=6.0).X
    model = GaussianMixture(3, random_state=0).fit(X)
    found = gmm.stability(model, X, n_resamples=10, method=method, random_state=0)
    assert found.adjusted_rand.min() > 0.9
    assert not found.unstable.any()


def test_false_components_do_not():
    X = np.random.default_rng(0).normal(size=(300, 2))
    model = GaussianMixture(4, covariance_type="spherical", random_state=0).fit(X)
    found = gmm.stability(model, X, n_resamples=20, random_state=0)
    assert found.unstable.any()
    assert found.adjusted_rand.mean() < 0.7


@pytest.mark.parametrize("random_state", [0, np.random.default_rng(0)], ids=["int", "generator"])
def test_threads_change_nothing(random_state):
    X = blobs(200, n_components=5, separation=1.0).X
    model = GaussianMixture(5, random_state=random_state).fit(X)
    one, three = (gmm.stability(model, X, n_resamples=5, random_state=1, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.jaccard, three.jaccard)


def test_refusals():
    X = blobs(200).X
    with pytest.raises(ParameterError, match="only a GaussianMixture"):
        gmm.stability(gmm.BayesianGaussianMixture(2, random_state=0).fit(X), X)
    with pytest.raises(ParameterError, match="n_resamples"):
        gmm.stability(GaussianMixture(2, random_state=0).fit(X), X, n_resamples=0)
