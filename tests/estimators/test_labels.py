"""Semi-supervised fits: labels hold, priors weigh, and all of it counts sample weights."""

import numpy as np
import pytest
from tolerances import CLOSED_FORM, MONOTONE, WEIGHTED

from gmm import GaussianMixture
from gmm.covariances import STRUCTURES
from gmm.errors import DataError

EVERY = list(STRUCTURES)


def concentric(seed=0, n_rows=600, share=0.1):
    """Two components with one centre and different widths, and labels of a share of the rows."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n_rows)
    X = rng.normal(size=(n_rows, 2)) * np.array([1.0, 4.0])[truth][:, None]
    return X, truth, np.where(rng.random(n_rows) < share, truth, -1)


def in_a_row(n_components, seed=0, n_rows=900):
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_components, size=n_rows)
    return rng.normal(size=(n_rows, 2)) + np.column_stack([5.0 * truth, truth % 2]), truth


@pytest.mark.parametrize("kind", EVERY)
def test_all_labelled_is_the_closed_form(kind):
    X, truth, _ = concentric()
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X, labels=truth)
    parts = [X[truth == k] for k in range(2)]
    share = np.array([len(part) for part in parts]) / len(X)
    scatter = [np.cov(part.T, bias=True) for part in parts]
    expected = {
        "full": scatter,
        "tied": share[0] * scatter[0] + share[1] * scatter[1],
        "diag": [np.diag(s) for s in scatter],
        "spherical": [np.trace(s) / 2 for s in scatter],
    }[kind]
    np.testing.assert_allclose(model.weights_, share, rtol=CLOSED_FORM)
    np.testing.assert_allclose(model.means_, [part.mean(axis=0) for part in parts], rtol=1e-9, atol=CLOSED_FORM)
    np.testing.assert_allclose(model.covariances_, expected, rtol=1e-10, atol=1e-10)
    assert model.converged_


@pytest.mark.parametrize("labels_as_priors", [False, True])
@pytest.mark.parametrize("kind", EVERY)
def test_the_fit_is_a_fixed_point_in_which_labelled_rows_stay(kind, labels_as_priors):
    X, truth, labels = concentric(1)
    labels[:5] = 1 - truth[:5]  # wrong, and held all the same
    given = np.where((labels >= 0)[:, None], labels[:, None] == [0, 1], 0.3) if labels_as_priors else labels
    model = GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-13, max_iter=10_000).fit(X, labels=given)
    shares = model.predict_proba(X)
    shares[labels >= 0] = labels[labels >= 0, None] == [0, 1]
    n = shares.sum(axis=0)
    np.testing.assert_allclose(model.weights_, n / n.sum(), rtol=2e-6)
    np.testing.assert_allclose(model.means_, shares.T @ X / n[:, None], rtol=1e-5, atol=1e-5)
    assert np.diff(model.lower_bounds_).min() > -MONOTONE
    assert model.log_likelihood_ == pytest.approx(model.score(X), abs=1e-12)
    assert model.objective_ < model.log_likelihood_


def test_labels_tell_what_nothing_else_does():
    X, truth, labels = concentric(2, 4000, 0.05)
    for seed in range(3):
        model = GaussianMixture(2, random_state=seed).fit(X, labels=labels)
        spread = np.trace(model.covariances_, axis1=1, axis2=2)
        np.testing.assert_allclose(spread, [2.0, 32.0], rtol=0.15)
        assert np.mean(model.predict(X) == truth) > 0.85


def test_components_without_labels_find_their_own_rows():
    X, truth = in_a_row(4)
    labels = np.where(np.isin(truth, [1, 3]) & (np.arange(len(X)) % 10 == 0), truth, -1)
    model = GaussianMixture(4, random_state=0).fit(X, labels=labels)
    np.testing.assert_allclose(model.means_[[1, 3]], [[5, 1], [15, 1]], atol=0.3)
    assert np.sort(model.means_[:, 0]) == pytest.approx([0, 5, 10, 15], abs=0.3)


@pytest.mark.parametrize("order_by", ["weight", "mean", 0])
def test_order_by_leaves_labelled_components_alone(order_by):
    X, truth = in_a_row(4)
    renamed = np.array([2, 0, 3, 1])[truth]  # labels in no order; 0 and 3 are labelled
    labels = np.where(np.isin(renamed, [0, 3]) & (np.arange(len(X)) % 5 == 0), renamed, -1)
    model = GaussianMixture(4, random_state=0, order_by=order_by).fit(X, labels=labels)
    assert model.means_[0, 0] == pytest.approx(5, abs=0.3)
    assert model.means_[3, 0] == pytest.approx(10, abs=0.3)
    if order_by == "weight":
        assert model.weights_[1] >= model.weights_[2]
    else:
        assert model.means_[1, 0] < model.means_[2, 0]


def test_priors_that_say_nothing_are_no_priors():
    X, _, _ = concentric(3)
    start = (np.abs(X[:, 0]) > 1).astype(int)
    plain = GaussianMixture(2, tol=1e-10).fit(X, start=start)
    even = GaussianMixture(2, tol=1e-10).fit(X, start=start, labels=np.full((len(X), 2), 0.5))
    none = GaussianMixture(2, tol=1e-10).fit(X, start=start, labels=np.full(len(X), -1))
    for other in (even, none):
        np.testing.assert_allclose(other.means_, plain.means_, rtol=1e-6, atol=1e-6)
        assert other.objective_ == pytest.approx(plain.objective_, abs=1e-9)
    assert even.log_likelihood_ == pytest.approx(even.objective_, abs=1e-12)


def test_priors_pull():
    """Rows halfway between two equal components go where their prior says."""
    rng = np.random.default_rng(4)
    X = np.vstack([rng.normal(-4, 1, (300, 1)), rng.normal(4, 1, (300, 1)), np.zeros((200, 1))])
    prior = np.ones((800, 2))
    prior[:50], prior[300:350] = [1, 1e-3], [1e-3, 1]
    prior[600:] = [0.8, 0.2]
    model = GaussianMixture(2, covariance_type="tied", random_state=0, tol=1e-12).fit(X, labels=prior)
    assert model.means_[0, 0] < 0 < model.means_[1, 0]
    assert model.weights_[0] > 0.6


@pytest.mark.parametrize("as_priors", [False, True])
@pytest.mark.parametrize("kind", EVERY)
def test_sample_weights_are_repetitions_and_absences(kind, as_priors):
    X, truth, labels = concentric(5, 300)
    given = np.where((labels >= 0)[:, None], 0.1 + 0.8 * (labels[:, None] == [0, 1]), 0.5) if as_priors else labels
    count = np.random.default_rng(0).integers(0, 4, len(X))
    start = truth
    limits = {"covariance_type": kind, "max_iter": 30, "tol": 0.0, "acceleration": None}
    weighted = GaussianMixture(2, **limits).fit(X, sample_weight=1.0 * count, labels=given, start=start)
    repeated = GaussianMixture(2, **limits).fit(
        *(np.repeat(a, count, axis=0) for a in (X,)),
        labels=np.repeat(given, count, axis=0),
        start=np.repeat(start, count),
    )
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=WEIGHTED, atol=WEIGHTED)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=WEIGHTED, atol=WEIGHTED)
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=WEIGHTED)


def test_an_absent_row_says_nothing_by_its_label():
    X, _, labels = concentric(6)
    more, told = np.vstack([X, [[9.0, 9.0]]]), np.append(labels, 0)
    weight = np.append(np.ones(len(X)), 0.0)
    limits = {"max_iter": 20, "tol": 0.0, "acceleration": None}
    start = (np.abs(more[:, 0]) > 1).astype(int)
    absent = GaussianMixture(2, **limits).fit(more, labels=told, sample_weight=weight, start=start)
    never = GaussianMixture(2, **limits).fit(X, labels=labels, start=start[:-1])
    np.testing.assert_allclose(absent.means_, never.means_, rtol=WEIGHTED, atol=WEIGHTED)


@pytest.mark.parametrize("kind", EVERY)
def test_beside_noise_labelled_rows_are_no_noise(kind):
    X, truth = in_a_row(2, n_rows=400)
    X = np.vstack([X, np.random.default_rng(1).uniform(-20, 30, (200, 2)), [[-20.0, 29.0]]])
    labels = np.append(np.where(np.arange(400) % 4 == 0, truth, -1), np.full(201, -1))
    free = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(X, labels=labels)
    assert free.noise_weight_ == pytest.approx(1 / 3, abs=0.05)
    assert free.predict(X[-1:]) == -1
    labels[-1] = 1
    held = GaussianMixture(2, covariance_type=kind, noise=True, random_state=0).fit(X, labels=labels)
    assert held.means_[1, 0] < free.means_[1, 0] - 0.05


def test_same_bits_for_any_number_of_threads():
    X, _, labels = concentric(7, 5000)
    fits = [GaussianMixture(2, random_state=0, n_threads=n).fit(X, labels=labels) for n in (1, 2, 3)]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.covariances_, fits[0].covariances_)


def test_a_warm_start_and_a_start_heed_labels():
    X, truth, labels = concentric(8)
    model = GaussianMixture(2, warm_start=True, max_iter=2, tol=0.0, n_init=1).fit(X, labels=labels)
    reached = model.objective_
    assert model.fit(X, labels=labels).lower_bounds_[0] == pytest.approx(reached, abs=1e-13)
    flipped = GaussianMixture(2, random_state=0, tol=1e-9).fit(X, labels=labels, start=1 - truth)
    straight = GaussianMixture(2, random_state=0, tol=1e-9).fit(X, labels=labels)
    assert flipped.objective_ <= straight.objective_ + 1e-8


def test_fit_predict_and_misuse():
    X, truth, _ = concentric(9)
    model = GaussianMixture(2, random_state=0)
    np.testing.assert_array_equal(model.fit_predict(X, labels=truth), model.predict(X))
    with pytest.raises(DataError, match="row 3 is not a label"):
        model.fit(X, labels=np.where(np.arange(len(X)) == 3, 2, truth))
    with pytest.raises(DataError, match="row 0 allows no component"):
        model.fit(X, labels=np.zeros((len(X), 2)))
