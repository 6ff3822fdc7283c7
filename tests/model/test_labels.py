"""The E-step that heeds labels and priors, against the NumPy twin row by row."""

from dataclasses import replace

import numpy as np
import pytest
from framed_rows import framed
from tolerances import SUM_FLOAT64

from gmm.covariances import STRUCTURES, TIED
from gmm.errors import DataError
from gmm.informed import Informed
from gmm.labels import check_labels, log_prior_of
from gmm.noise import Noise
from gmm.parameters import Parameters
from gmm.reference import Rows as Twin

K, N = 3, 1500


def problem(structure, n_features, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(K, n_features)) * 2
    X = centres[rng.integers(K, size=N)] + rng.normal(size=(N, n_features))
    weight = rng.uniform(0, 2, N) * (rng.random(N) > 0.2)
    shape = structure.shape(K, n_features)
    eye = np.eye(n_features) if len(shape) and shape[-1] == n_features and structure.moments_kernel == 0 else 1.0
    rows = framed(X, structure, weight)
    parameters = Parameters(np.array([0.2, 0.3, 0.5]), rows.frame.points_in(centres), np.ones(shape) * eye)
    return rows, parameters, rng.integers(-1, K, N), rng


def twin_of(rows, checked, factors):
    """All rows through one plain pass: labelled ones with a prior of one component, and without noise."""
    prior = log_prior_of(checked)
    if prior is None:
        with np.errstate(divide="ignore"):
            prior = np.log(np.where((checked >= 0)[:, None], checked[:, None] == np.arange(K), 1.0))
    twin = Twin(rows.X, rows.sample_weight, rows.frame, log_prior=prior)
    labelled = checked >= 0 if checked.ndim == 1 else np.zeros(N, bool)
    parts = [
        twin.subset(np.flatnonzero(chosen)).accumulate(replace(factors, log_noise=noise))
        for chosen, noise in ((labelled, None), (~labelled, factors.log_noise))
        if chosen.any()
    ]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def assert_same(found, expected):
    second = found.second if found.second.shape == expected.second.shape else found.second.sum(axis=0)
    for one, other in (
        (found.n, expected.n),
        (found.first, expected.first),
        (second, expected.second),
        (found.log_likelihood, expected.log_likelihood),
        (found.weight, expected.weight),
        (found.noise, expected.noise),
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=SUM_FLOAT64 * max(np.abs(other).max(), expected.weight))
    assert found.n_rows == expected.n_rows
    np.testing.assert_array_equal(found.means, expected.means)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("kind", ["some labels", "all labels", "no labels", "priors"])
@pytest.mark.parametrize("n_features", [1, 3, 12])
@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_against_the_twin(structure, n_features, kind, noisy):
    rows, parameters, labels, rng = problem(structure, n_features)
    given = {
        "some labels": labels,
        "all labels": rng.integers(0, K, N),
        "no labels": np.full(N, -1),
        "priors": rng.random((N, K)) * (rng.random((N, K)) > 0.3) + np.eye(K)[rng.integers(K, size=N)],
    }[kind]
    checked = check_labels(given, N, K)
    if noisy:
        parameters = parameters.with_noise(Noise(0.2, 2.0 * n_features, np.zeros(n_features), np.ones(n_features)))
    for ridge in (None, np.full(n_features, 0.1)):
        factors = structure.factorize(parameters, ridge=ridge)
        found = Informed.of(rows, structure, K, checked).accumulate(factors)
        assert_same(found, twin_of(rows, checked, factors))


def test_tied_factors_that_want_copies():
    rows, parameters, labels, _ = problem(TIED, 3)
    factors = TIED.factorize(parameters).centred()
    found = Informed.of(rows, TIED, K, labels).accumulate(factors)
    assert found.second.shape == (K, 3, 3)
    assert_same(found, twin_of(rows, labels, factors))


def test_a_component_without_labels_may_be_dead():
    rows, parameters, labels, _ = problem(TIED, 2)
    dead = replace(parameters, weights=np.array([0.5, 0.5, 0.0]))
    labels = np.where(labels == 2, -1, labels)
    found = Informed.of(rows, TIED, K, labels).accumulate(TIED.factorize(dead))
    assert found.n[2] == 0.0
    assert np.isfinite(found.log_likelihood)


def test_a_labelled_component_that_a_start_leaves_dead():
    rows, parameters, labels, _ = problem(TIED, 2)
    dead = replace(parameters, weights=np.array([0.5, 0.0, 0.5]))
    with pytest.raises(DataError, match="component 1 has labelled rows, but the start gives it mixing weight 0"):
        Informed.of(rows, TIED, K, labels).accumulate(TIED.factorize(dead))


def test_a_prior_that_allows_only_dead_components():
    rows, parameters, _, _ = problem(TIED, 2)
    prior = np.ones((N, K))
    prior[7] = [0, 0, 1]
    dead = replace(parameters, weights=np.array([0.5, 0.5, 0.0]))
    with pytest.raises(DataError, match="row 7 allows only components that have no rows"):
        Informed.of(rows, TIED, K, check_labels(prior, N, K)).accumulate(TIED.factorize(dead))


def test_plausibilities_are_up_to_a_factor():
    given = np.array([[0.2, 0.1], [5e-320, 0.0], [1e308, 1e308], [0.25, 0.25]])
    np.testing.assert_array_equal(check_labels(given, 4, 2), [[1, 0.5], [1, 0], [1, 1], [1, 1]])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "row 2 is not a label"),
        ([0, 0.5, 1], "row 1 is not a label"),
        ([0, -2, 1], "row 1 is not a label"),
        ([0, np.nan, 1], "row 1 is not a label"),
        ([0, 1], "labels has shape"),
        ([["a", "b"]] * 3, "labels must hold labels or priors"),
        ([[0, 1], [0, 0], [1, 0]], "row 1 allows no component"),
        ([[0, 1], [1, 1], [-1, 1]], "row 2 has a prior that is negative or no number"),
        ([[0, 1], [np.nan, 1], [1, 1]], "row 1 has a prior"),
        ([[0, 1], [np.inf, 1], [1, 1]], "row 1 has a prior"),
        ([[0, 1, 1]] * 3, r"expected \(3,\) or priors \(3, 2\)"),
    ],
)
def test_misuse(labels, message):
    with pytest.raises(DataError, match=message):
        check_labels(labels, 3, 2)
