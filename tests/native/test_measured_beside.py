"""Rows with errors beside noise, under log priors and with labels, against the NumPy twin row by row."""

from dataclasses import replace

import numpy as np
import pytest
from incomplete_problem import close, with_priors
from measured_problem import KINDS, NAMES, observed
from tolerances import SUM_FLOAT64

from gmm import _native
from gmm.covariances import STRUCTURES
from gmm.errors import DataError
from gmm.informed import Informed
from gmm.noise import Noise
from gmm.reference import Rows as Twin
from gmm.reference import measured as twin
from gmm.reference import missing as exact_twin

PARTS = ("n", "first", "second", "log_likelihood", "noise")
SIZES = [(1, 2), (3, 1), (5, 4), (9, 2)]


def problem(name, kind, n_features, n_components, beside, **kwargs):
    """Noise over a turned box, so that whole rows have another volume than the lengths multiply to."""
    rows, p = observed(name, kind, n_features, n_components, **kwargs)
    if beside != "priors":
        edges = 8.0 * np.linalg.qr(np.random.default_rng(5).normal(size=(n_features, n_features)))[0]
        log_lengths = np.log(np.linspace(9.0, 11.0, n_features))
        p = p.with_noise(Noise(0.3, n_features * np.log(8.0), np.full(n_features, -4.0), edges, log_lengths))
    return (rows if beside == "noise" else with_priors(rows, n_components)), p


def twin_rows(rows):
    return Twin(rows.X, rows.sample_weight, rows.frame, log_prior=rows.log_prior)


def test_the_twin_without_errors_is_that_of_missing_values():
    rows, p = problem("full", "variances", 3, 2, "both", n_rows=50, share=0.3)
    p = p.with_noise(replace(p.noise, log_volume=float(p.noise.log_lengths.sum())))
    kernel, plain = STRUCTURES["full"].kernel, twin_rows(rows)
    found, expected = twin.accumulate(plain, np.zeros((50, 3)), kernel, p), exact_twin.accumulate(plain, kernel, p)
    for part in PARTS:
        close(getattr(found, part), getattr(expected, part), 1e-12, 100 * expected.weight)


@pytest.mark.parametrize("ridge", [None, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("beside", ["noise", "priors", "both"])
@pytest.mark.parametrize("name", NAMES)
def test_sums_and_scores(name, beside, kind, share, ridge):
    for n_features, n_components in SIZES:
        rows, p = problem(name, kind, n_features, n_components, beside, n_rows=60, share=share)
        structure, noise = STRUCTURES[name], None if ridge is None else np.full(n_features, ridge)
        found = rows.accumulate(structure.factorize(p, noise))
        expected = twin.accumulate(twin_rows(rows), rows.errors, structure.kernel, p, noise)
        size = 100 * n_features * expected.weight
        for part in PARTS:
            close(getattr(found, part), getattr(expected, part), SUM_FLOAT64, size)
        assert (found.noise > 0.01 * found.weight) == (beside != "priors")
        found = rows.score(structure.factorize(p).centred(), posterior=True, label=True)
        expected = twin.score(twin_rows(rows), rows.errors, structure.kernel, p)
        close(found.log_density, expected.log_density, SUM_FLOAT64, 100 * n_features)
        close(found.posterior, expected.posterior, SUM_FLOAT64, 10 * n_features)
        order = np.sort(expected.posterior, axis=1)
        clear = np.ones(60, bool) if order.shape[1] == 1 else order[:, -1] - order[:, -2] > 1e-6
        np.testing.assert_array_equal(found.label[clear], expected.label[clear])


@pytest.mark.parametrize("beside", ["noise", "priors", "both"])
def test_bits_depend_on_neither_threads_nor_neighbours(beside):
    rows, p = problem("full", "matrices", 3, 3, beside, n_rows=9000, share=0.05)
    factors = STRUCTURES["full"].factorize(p)
    expected, scores = rows.accumulate(factors), rows.score(factors.centred(), posterior=True, label=True)
    for n_threads in (1, 3, 8):
        other = replace(rows, n_threads=n_threads)
        found = other.accumulate(factors)
        for part in PARTS:
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    for i in range(0, 9000, 811):
        alone = rows.subset(np.array([i])).score(factors.centred(), posterior=True, label=True)
        for one, all_of_them in zip(alone, scores, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[i])


def test_noise_of_weight_zero_is_none():
    rows, p = problem("tied", "variances", 3, 2, "noise", share=0.2)
    none = p.with_noise(p.noise.weighing(0.0))
    both = (none, replace(none, noise=None))
    found, expected = (rows.accumulate(STRUCTURES["tied"].factorize(each)) for each in both)
    assert found.noise == 0.0
    for part in PARTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))


def test_rows_beyond_every_density_are_noise_or_go_by_their_priors():
    rows, p = problem("full", "variances", 2, 2, "both", n_rows=30)
    X = rows.X.copy()
    X[3] = [1e250, -1e250]
    prior = np.zeros((30, 2))
    prior[:, 0] = -np.inf
    far = replace(rows, X=X, log_prior=prior)
    scores = far.score(STRUCTURES["full"].factorize(p).centred(), posterior=True, label=True)
    assert scores.label[3] == -1
    np.testing.assert_array_equal(scores.posterior[3], [0.0, 0.0, 1.0])
    without = far.score(STRUCTURES["full"].factorize(replace(p, noise=None)).centred(), posterior=True, label=True)
    assert without.label[3] == 1
    np.testing.assert_array_equal(without.posterior[3], [0.0, 1.0])


def test_a_row_that_only_dead_components_may_have():
    rows, p = observed("full", "variances", 2, 2, n_rows=30, weighted=False)
    prior = np.zeros((30, 2))
    prior[7, 0] = -np.inf
    dead = STRUCTURES["full"].factorize(replace(p, weights=np.array([1.0, 0.0])))
    informed = Informed.of(rows, STRUCTURES["full"], 2, np.exp(prior))
    with pytest.raises(DataError, match="labels: row 7 allows only components that have no rows"):
        informed.accumulate(dead)
    absent = replace(rows, sample_weight=(np.arange(30) != 7).astype(float), log_prior=prior)
    assert np.isfinite(absent.accumulate(dead).log_likelihood)


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("name", NAMES)
def test_labels_hold(name, share):
    """Labelled rows beside noise have the sums of the twin under priors of 0 and -inf, and are no noise."""
    rows, p = problem(name, "matrices", 3, 3, "noise", n_rows=80, share=share)
    labels = np.where(np.arange(80) % 3 == 0, np.arange(80) % 2, -1)
    structure = STRUCTURES[name]
    found = Informed.of(rows, structure, 3, labels).accumulate(structure.factorize(p))
    parts = []
    for chosen, noise in ((labels >= 0, None), (labels < 0, p.noise)):
        own = labels[chosen, None] == np.arange(3)
        prior = np.where(own | (labels[chosen, None] < 0), 0.0, -np.inf)
        some = Twin(rows.X[chosen], rows.sample_weight[chosen], rows.frame, log_prior=prior)
        kernel = STRUCTURES["full"].kernel if structure.kernel.name == "TIED" else structure.kernel
        whole = replace(p, noise=noise)
        if structure.kernel.name == "TIED":
            whole = replace(whole, covariances=np.tile(p.covariances, (3, 1, 1)))
        parts.append(twin.accumulate(some, rows.errors[chosen], kernel, whole))
    expected = parts[0] + parts[1]
    for part in PARTS:
        theirs = getattr(expected, part)
        if np.ndim(theirs) == 3 and np.ndim(getattr(found, part)) == 2:
            theirs = theirs.sum(axis=0)
        close(getattr(found, part), theirs, SUM_FLOAT64, 300 * expected.weight)


@pytest.mark.parametrize("noise", [(np.inf, 0.0, np.zeros(2)), (0.0, np.inf, np.zeros(2))])
def test_noise_that_is_no_density(noise):
    rows, p = observed("full", "variances", 2, 2, n_rows=5)
    sums = (np.zeros(2), np.zeros((2, 2)), np.zeros((2, 2, 2)))
    where = (rows.X, None, rows.frame.scale, rows.frame.centre, rows.errors, STRUCTURES["full"].kernel)
    with pytest.raises(ValueError, match="an argument is outside its contract"):
        _native.accumulate_measured(*where, p.weights, p.means, p.covariances, None, *sums, 1, noise, None)
