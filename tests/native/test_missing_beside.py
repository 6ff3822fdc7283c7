"""Rows with missing values beside noise, under log priors and with labels, against the NumPy twin row by row."""

from dataclasses import replace

import numpy as np
import pytest
from incomplete_problem import NAMES, TOLERANCE, beside_noise, close, incomplete, with_priors

from gmm.covariances import STRUCTURES
from gmm.errors import DataError
from gmm.informed import Informed
from gmm.labels import check_labels
from gmm.missing import SingularError
from gmm.reference import Rows as Twin
from gmm.reference import missing as twin
from gmm.rows import Rows

BESIDE = ["noise", "priors", "both"]
SIZES = [(1, 2), (3, 1), (5, 4), (9, 2), (17, 2)]
N = 120


def problem(name, n_features, n_components, beside, **kwargs):
    rows, parameters = incomplete(name, n_features, n_components, **kwargs)
    if beside != "priors":
        parameters = beside_noise(rows, name, parameters)
    return (rows if beside == "noise" else with_priors(rows, n_components)), parameters


def twin_rows(rows):
    return Twin(rows.X, rows.sample_weight, rows.frame, log_prior=rows.log_prior)


def assert_same_sums(found, expected, rows, tolerance):
    total, D = expected.weight, rows.n_features
    reach = 2 * np.abs(rows.frame.points_in(np.nan_to_num(rows.X, nan=3.0))).max()
    second = found.second if found.second.shape == expected.second.shape else found.second.sum(axis=0)
    assert found.n_rows == rows.n_rows
    assert found.weight == pytest.approx(total, rel=1e-14)
    close(found.n, expected.n, tolerance, total)
    close(found.noise, expected.noise, tolerance, total)
    close(found.first, expected.first, tolerance, total * reach)
    close(second, expected.second, tolerance, total * D * reach**2)
    close(found.log_likelihood, expected.log_likelihood, tolerance, total * D * reach**2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ridge", [None, 0.1])
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_sums(name, n_features, n_components, beside, ridge, dtype):
    rows, parameters = problem(name, n_features, n_components, beside, n_rows=N, dtype=dtype)
    structure = STRUCTURES[name]
    variances = None if ridge is None else np.full(n_features, ridge) * np.linspace(1, 2, n_features)
    found = rows.accumulate(structure.factorize(parameters, variances))
    expected = twin.accumulate(twin_rows(rows), structure.kernel, parameters, variances)
    assert_same_sums(found, expected, rows, TOLERANCE[rows.precision])
    assert ridge or beside == "priors" or 0.05 < found.noise / found.weight < 0.95
    assert found.n.sum() + found.noise == pytest.approx(found.weight, rel=TOLERANCE[rows.precision] * 10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_scores(name, n_features, n_components, beside, dtype):
    rows, parameters = problem(name, n_features, n_components, beside, n_rows=N, dtype=dtype)
    structure = STRUCTURES[name]
    found = rows.score(structure.factorize(parameters).centred(), posterior=True, label=True)
    expected = twin.score(twin_rows(rows), structure.kernel, parameters)
    tolerance = TOLERANCE[rows.precision] * n_features * 10
    assert found.posterior.shape == (N, n_components + (beside != "priors"))
    close(found.log_density, expected.log_density, tolerance, 10.0)
    close(found.posterior, expected.posterior, tolerance, 10.0)
    ranked = np.sort(np.column_stack([expected.posterior, np.zeros(N)]), axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 0.01
    np.testing.assert_array_equal(found.label[clear], expected.label[clear])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beside", ["none", *BESIDE])
@pytest.mark.parametrize("kind", ["some", "all", "none"])
def test_labels(name, beside, kind):
    """Labels and noise; priors are another kind of labels, so with these labels there are none."""
    rows, parameters = incomplete(name, 4, 3, n_rows=N)
    parameters = beside_noise(rows, name, parameters) if beside in ("noise", "both") else parameters
    structure, rng = STRUCTURES[name], np.random.default_rng(5)
    labels = {"some": rng.integers(-1, 3, N), "all": rng.integers(0, 3, N), "none": np.full(N, -1)}[kind]
    given = np.where((labels >= 0)[:, None], 0.2 + 0.8 * (labels[:, None] == range(3)), 1.0)
    informed = Informed.of(rows, structure, 3, labels if beside in ("none", "noise") else check_labels(given, N, 3))
    for ridge in (None, np.full(4, 0.1)):
        found = informed.accumulate(structure.factorize(parameters, ridge))
        if beside in ("none", "noise"):
            expected = twin.accumulate(twin_rows(rows), structure.kernel, parameters, ridge, labels)
        else:
            prior = replace(rows, log_prior=np.log(given / given.max(axis=1, keepdims=True)))
            expected = twin.accumulate(twin_rows(prior), structure.kernel, parameters, ridge)
        assert_same_sums(found, expected, rows, TOLERANCE["float64"])
        if kind == "all" and beside == "noise":
            assert found.noise == 0.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_features", [3, 12])
def test_whole_rows_score_the_bits_of_complete_data(name, n_features):
    rows, parameters = problem(name, n_features, 3, "both", n_rows=5000, share=0.05)
    factors = STRUCTURES[name].factorize(parameters).centred()
    whole = ~np.isnan(rows.X).any(axis=1)
    assert 0.2 < whole.mean() < 0.95
    found = rows.score(factors, posterior=True, label=True)
    plain = Rows(rows.X[whole], None, rows.frame, log_prior=rows.log_prior[whole])
    for mine, theirs in zip(found, plain.score(factors, posterior=True, label=True), strict=True):
        np.testing.assert_array_equal(mine[whole], theirs)


@pytest.mark.parametrize("name", NAMES)
def test_bits_depend_on_neither_threads_nor_layout(name):
    rows, parameters = problem(name, 5, 3, "both", n_rows=9000, share=0.1)
    factors = STRUCTURES[name].factorize(parameters)
    expected, scores = rows.accumulate(factors), rows.score(factors.centred()).log_density
    for other in (
        *(replace(rows, n_threads=n) for n in (1, 3, 8)),
        replace(rows, X=np.asfortranarray(rows.X)),
    ):
        found = other.accumulate(factors)
        for part in ("n", "first", "second", "log_likelihood", "noise"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        np.testing.assert_array_equal(other.score(factors.centred()).log_density, scores)


@pytest.mark.parametrize("name", NAMES)
def test_runs_of_few_rows_agree_with_runs_of_many(name):
    rows, parameters = problem(name, 4, 3, "both", n_rows=800)
    factors = STRUCTURES[name].factorize(parameters)
    together = rows.accumulate(factors)
    parts = [rows.subset(np.arange(i, i + 1)).accumulate(factors) for i in range(800)]
    size = np.abs(together.second).max()
    for part, scale in (("n", together.weight), ("first", size), ("second", size), ("noise", together.weight)):
        alone = sum(getattr(each, part) for each in parts)
        close(alone, getattr(together, part), TOLERANCE["float64"], scale)
    assert sum(each.log_likelihood for each in parts) == pytest.approx(together.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_rows", [3, 300])
def test_a_row_too_far_out_for_a_density_is_noise(name, n_rows):
    """In runs of few rows and of many, which take different ways."""
    rows, parameters = problem(name, 3, 2, "noise", n_rows=n_rows)
    rows = replace(rows, X=np.tile([[1e200, np.nan, 0.0]], (n_rows, 1)), sample_weight=None)
    factors = STRUCTURES[name].factorize(parameters)
    found = rows.accumulate(factors)
    assert (found.noise, found.n.sum()) == (n_rows, 0.0)
    assert np.isfinite(found.second).all()
    scores = rows.score(factors.centred(), posterior=True, label=True)
    assert (scores.label == -1).all()
    np.testing.assert_array_equal(scores.posterior, np.tile([0.0, 0.0, 1.0], (n_rows, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_values_has_the_mixing_weights(name):
    rows, parameters = problem(name, 3, 4, "noise")
    scores = rows.score(STRUCTURES[name].factorize(parameters), posterior=True, label=True)
    assert scores.log_density[1] == 0.0
    np.testing.assert_allclose(scores.posterior[1], parameters.mixing, rtol=1e-15)
    loud = replace(parameters, noise=parameters.noise.weighing(0.9), weights=parameters.weights / 7)
    assert rows.score(STRUCTURES[name].factorize(loud), label=True).label[1] == -1


def test_noise_of_weight_zero_changes_no_bit():
    rows, parameters = incomplete("full", 5, 4)
    silent = parameters.with_noise(beside_noise(rows, "full", parameters).noise.weighing(0.0))
    silent = replace(silent, weights=parameters.weights)
    pure, found = (rows.accumulate(STRUCTURES["full"].factorize(each)) for each in (parameters, silent))
    assert (found.log_likelihood, found.noise) == (pure.log_likelihood, 0.0)
    np.testing.assert_array_equal(found.second, pure.second)


@pytest.mark.parametrize("n_rows", [1, 200])
@pytest.mark.parametrize("observed", [0, 1, 3])
def test_a_prior_that_allows_only_dead_components(observed, n_rows):
    rows, parameters = incomplete("full", 3, 2, n_rows=max(n_rows, 2))
    X = np.full((n_rows, 3), np.nan)
    X[:, :observed] = 1.0
    dead = replace(parameters, weights=np.array([1.0, 0.0]))
    prior = np.ones((n_rows, 2))
    prior[n_rows // 2] = [0.0, 1.0]
    informed = Informed.of(replace(rows, X=X, sample_weight=None), STRUCTURES["full"], 2, prior)
    with pytest.raises(DataError, match=f"row {n_rows // 2} allows only components that have no rows"):
        informed.accumulate(STRUCTURES["full"].factorize(dead))


def test_a_labelled_component_that_a_start_leaves_dead():
    rows, parameters = incomplete("tied", 3, 2)
    dead = replace(parameters, weights=np.array([1.0, 0.0]))
    informed = Informed.of(rows, STRUCTURES["tied"], 2, np.arange(300) % 2)
    with pytest.raises(DataError, match="component 1 has labelled rows, but the start gives it mixing weight 0"):
        informed.accumulate(STRUCTURES["tied"].factorize(dead))


def test_singular_covariances_are_named_beside_noise_too():
    rows, parameters = problem("full", 3, 2, "noise")
    factors = STRUCTURES["full"].factorize(parameters)
    parameters.covariances[1, 2, 2] = -1.0
    with pytest.raises(SingularError, match="component 1"):
        rows.accumulate(factors)
