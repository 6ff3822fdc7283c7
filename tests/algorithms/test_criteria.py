"""Criteria against scikit-learn, hand computation and mclust's published numbers."""

import math

import numpy as np
import pytest
from problems import blobs
from sklearn.mixture import GaussianMixture as Theirs

from gmm import GaussianMixture
from gmm.criteria import SLICE_ROWS, aic, aicc, bic, classification_entropy, entropies, icl, nec
from gmm.datasets import load_faithful


def test_aic_and_bic_are_scikit_learns(structure):
    X = blobs(300, n_features=3).X
    theirs = Theirs(3, covariance_type=structure.name, random_state=0).fit(X)
    ours = GaussianMixture.from_parameters(theirs.weights_, theirs.means_, theirs.covariances_, structure.name)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), rel=1e-12)
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "n_components", "log_likelihood", "their_bic", "their_icl"),
    [
        ("full", 2, -1130.26406828685, -2322.19195930296, -2322.69746732717),
        ("tied", 3, -1126.32623646826, -2314.31629566578, -2357.82424895482),
        ("diag", 2, -1147.80635267749, -2346.06492395165, -2346.16080858798),
        ("spherical", 2, -1709.53218571254, -3458.30498588915, -3460.90275244225),
    ],
)
def test_old_faithful_as_mclust_has_it(name, n_components, log_likelihood, their_bic, their_icl):
    """mclust 6.0.0; its sign is the opposite, its looser tolerance moves the ICL of overlap by 0.6."""
    X = load_faithful().data
    model = GaussianMixture(n_components, covariance_type=name, random_state=0).fit(X)
    assert model.log_likelihood_ * len(X) == pytest.approx(log_likelihood, abs=0.02)
    assert model.bic(X) == pytest.approx(-their_bic, abs=0.04)
    assert model.icl(X) == pytest.approx(-their_icl, abs=0.7)


def test_entropy_is_summed_over_slices():
    rng = np.random.default_rng(0)
    n = 2 * SLICE_ROWS + 100
    shares = rng.dirichlet(np.ones(3), n)
    weight = rng.uniform(0, 2, n)
    sizes = []

    def posterior(rows):
        sizes.append(len(rows))
        return shares[rows[:, 0]]

    X = np.arange(n)[:, None]
    assert classification_entropy(posterior, X, weight) == pytest.approx(-weight @ np.log(shares.max(axis=1)))
    assert sizes == [SLICE_ROWS, SLICE_ROWS, 100]


def test_weights_are_frequencies():
    assert bic(-10.0, 3, 50.0) == 3 * math.log(50) + 20
    assert icl(-10.0, 3, 50.0, 2.0) == bic(-10.0, 3, 50.0) + 4
    assert aic(-10.0, 3) == 26


def test_components_that_do_not_overlap_cost_nothing():
    assert classification_entropy(lambda X: np.eye(2)[X[:, 0]], np.array([[0], [1], [1]])) == 0.0


def test_corrected_aic_and_its_limit():
    """Hurvich and Tsai 1989, by hand; with many rows it is AIC."""
    assert aicc(-10.0, 3, 20.0) == pytest.approx(26 + 24 / 16)
    assert aicc(-10.0, 3, 4.0) == math.inf
    assert aicc(-10.0, 3, 1e12) == pytest.approx(aic(-10.0, 3))


def test_normalised_entropy():
    assert nec(-100.0, -150.0, 4.0, 3) == 0.08
    assert nec(-150.0, -150.0, 0.0, 2) == nec(-151.0, -150.0, 1.0, 2) == math.inf
    assert nec(-150.0, -150.0, 0.0, 1) == 1.0


def test_both_entropies():
    rng = np.random.default_rng(1)
    shares, weight = rng.dirichlet(np.ones(4), 500), rng.uniform(0, 2, 500)
    shares[0] = [0, 1, 0, 0]
    found = entropies(lambda X: shares[X], np.arange(500), weight)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    assert found.posterior == pytest.approx(-weight @ (shares * logs).sum(axis=1), rel=1e-12)
    assert found.classification == pytest.approx(-weight @ np.log(shares.max(axis=1)), rel=1e-12)
    assert found.posterior >= found.classification
