"""Passes over rows with missing values against the NumPy twin: structures, precisions, weights, a ridge."""

from dataclasses import replace

import numpy as np
import pytest
from incomplete_problem import NAMES, SIZES, TOLERANCE, close, incomplete
from tolerances import SUM_FLOAT64

from gmm.covariances import STRUCTURES
from gmm.reference import Rows as Twin
from gmm.reference import missing as twin
from gmm.rows import Rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ridge", [None, 0.1])
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_sums(name, n_features, n_components, ridge, dtype):
    rows, parameters = incomplete(name, n_features, n_components, dtype=dtype)
    structure = STRUCTURES[name]
    noise = None if ridge is None else np.full(n_features, ridge) * np.linspace(1, 2, n_features)
    found = rows.accumulate(structure.factorize(parameters, noise))
    plain = Twin(rows.X, rows.sample_weight, rows.frame)
    expected = twin.accumulate(plain, structure.kernel, parameters, noise)
    tolerance, total = TOLERANCE[rows.precision], expected.weight
    reach = 2 * np.abs(rows.frame.points_in(np.nan_to_num(rows.X, nan=3.0))).max()
    assert found.weight == pytest.approx(total, rel=1e-14)
    assert found.n_rows == 300
    close(found.n, expected.n, tolerance, total)
    close(found.first, expected.first, tolerance, total * reach)
    close(found.second, expected.second, tolerance, total * n_features * reach**2)
    close(found.log_likelihood, expected.log_likelihood, tolerance, total * n_features * reach**2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_features", "n_components"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_scores(name, n_features, n_components, dtype):
    rows, parameters = incomplete(name, n_features, n_components, dtype=dtype)
    structure = STRUCTURES[name]
    found = rows.score(structure.factorize(parameters).centred(), posterior=True, label=True)
    expected = twin.score(Twin(rows.X, None, rows.frame), structure.kernel, parameters)
    tolerance = TOLERANCE[rows.precision] * n_features * 10
    close(found.log_density, expected.log_density, tolerance, 10.0)
    close(found.posterior, expected.posterior, tolerance, 10.0)
    clear = np.sort(expected.posterior, axis=1)
    clear = np.ones(300, bool) if n_components == 1 else clear[:, -1] - clear[:, -2] > 0.01
    np.testing.assert_array_equal(found.label[clear], expected.label[clear])


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_values_has_the_mixing_weights(name):
    rows, parameters = incomplete(name, 3, 4)
    scores = rows.score(STRUCTURES[name].factorize(parameters), posterior=True, label=True)
    assert scores.log_density[1] == 0.0
    np.testing.assert_array_equal(scores.posterior[1], parameters.weights)
    assert scores.label[1] == parameters.weights.argmax()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_features", [3, 12])
def test_whole_rows_score_the_bits_of_complete_data(name, n_features):
    rows, parameters = incomplete(name, n_features, 3, n_rows=5000, share=0.05)
    factors = STRUCTURES[name].factorize(parameters).centred()
    whole = ~np.isnan(rows.X).any(axis=1)
    assert 0.2 < whole.mean() < 0.95
    found = rows.score(factors, posterior=True, label=True)
    plain = Rows(rows.X[whole], None, rows.frame).score(factors, posterior=True, label=True)
    for mine, theirs in zip(found, plain, strict=True):
        np.testing.assert_array_equal(mine[whole], theirs)


@pytest.mark.parametrize("name", NAMES)
def test_bits_depend_on_neither_threads_nor_layout(name):
    rows, parameters = incomplete(name, 5, 3, n_rows=9000, share=0.1)
    factors = STRUCTURES[name].factorize(parameters)
    expected, scores = rows.accumulate(factors), rows.score(factors.centred()).log_density
    spread = np.zeros((9000, 11))
    spread[:, 1:11:2] = rows.X
    for other in (
        *(replace(rows, n_threads=n) for n in (1, 3, 8)),
        replace(rows, X=np.asfortranarray(rows.X)),
        replace(rows, X=spread[:, 1:11:2]),
    ):
        found = other.accumulate(factors)
        for part in ("n", "first", "second", "log_likelihood"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        np.testing.assert_array_equal(other.score(factors.centred()).log_density, scores)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_too_far_out_for_a_density_belongs_to_the_nearest_component(name):
    """In runs of few rows and of many, which take different ways."""
    for n_rows in (3, 300):
        rows, parameters = incomplete(name, 3, 2, n_rows=n_rows)
        X = np.tile([[1e200, np.nan, 0.0]], (n_rows, 1))
        rows = replace(rows, X=X, sample_weight=None)
        factors = STRUCTURES[name].factorize(parameters)
        found = rows.accumulate(factors)
        assert sorted(found.n) == [0.0, n_rows]
        scores = rows.score(factors.centred(), posterior=True, label=True)
        assert (scores.posterior[:, found.n.argmax()] == 1.0).all()
        assert (scores.label == found.n.argmax()).all()
        assert np.isneginf(scores.log_density).all()


@pytest.mark.parametrize("name", NAMES)
def test_runs_of_few_rows_agree_with_runs_of_many(name):
    """Each pattern's rows one at a time, by batches of their own, against all together."""
    rows, parameters = incomplete(name, 4, 3, n_rows=800)
    factors = STRUCTURES[name].factorize(parameters)
    together = rows.accumulate(factors)
    parts = [rows.subset(np.arange(i, i + 1)).accumulate(factors) for i in range(800)]
    size = np.abs(together.second).max()
    for part, scale in (("n", together.weight), ("first", size), ("second", size)):
        alone = sum(getattr(each, part) for each in parts)
        close(alone, getattr(together, part), SUM_FLOAT64, scale)
    assert sum(each.log_likelihood for each in parts) == pytest.approx(together.log_likelihood, rel=1e-12)
