"""gmm.select: the table, the choice, failures."""

import math

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm.datasets import load_faithful, load_iris
from gmm.errors import DataError, ParameterError


@pytest.mark.parametrize(("criterion", "expected"), [("bic", (3, "tied")), ("icl", (2, "full"))])
def test_old_faithful(criterion, expected):
    """mclust's best of these four by BIC is EEE,3; by ICL the overlap of the third component counts against it."""
    selection = gmm.select(load_faithful().data, range(1, 5), criterion=criterion, random_state=0)
    assert (selection.best_.n_components, selection.best_.covariance_type) == expected
    best = selection.best_candidate
    assert getattr(best, criterion) == min(getattr(candidate, criterion) for candidate in selection.table)


def test_the_table_is_what_the_models_say():
    X = load_iris().data
    weight = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    selection = gmm.select(X, [2, 3], ["diag", "tied"], sample_weight=weight, random_state=1, n_init=2)
    assert [(row.n_components, row.covariance_type) for row in selection.table] == [
        (2, "diag"), (2, "tied"), (3, "diag"), (3, "tied")
    ]  # fmt: skip
    model, row = selection.best_, selection.best_candidate
    assert row.log_likelihood == pytest.approx(model.score(X, sample_weight=weight) * weight.sum(), rel=1e-12)
    assert row.n_parameters == model.n_parameters()
    for criterion in ("aic", "bic", "icl"):
        value = getattr(model, criterion)(X, sample_weight=weight)
        assert getattr(row, criterion) == pytest.approx(value, rel=1e-12)
    alone = gmm.GaussianMixture(model.n_components, covariance_type=model.covariance_type, random_state=1, n_init=2)
    np.testing.assert_array_equal(alone.fit(X, sample_weight=weight).means_, model.means_)


def test_numpy_counts_and_repeated_combinations():
    selection = gmm.select(blobs(60).X, np.array([2, 1, 2]), ["diag", "diag"], n_init=1, random_state=0)
    assert [(row.n_components, row.covariance_type) for row in selection.table] == [(2, "diag"), (1, "diag")]
    assert str(selection).count("*") == 2  # the mark and its legend
    assert not any(line != line.rstrip() for line in str(selection).splitlines())
    assert len(gmm.select(blobs(60).X, np.int64(2), "diag", n_init=1, random_state=0).table) == 1


def test_progress_is_reported_after_each_fit():
    told = []
    selection = gmm.select(
        blobs(100).X, 2, ["diag", "full"], n_init=1, progress=lambda *progress: told.append(progress)
    )
    assert told == [(1, 2, selection.table[0]), (2, 2, selection.table[1])]


def test_a_model_that_cannot_be_fitted_stays_in_the_table():
    selection = gmm.select(blobs(5).X, [1, 9], "diag", random_state=0)
    assert selection.best_.n_components == 1
    assert "n_components=9" in selection.table[1].error
    assert math.isnan(selection.table[1].bic)
    assert "failed" in str(selection)
    with pytest.raises(DataError, match="n_components=9"):
        gmm.select(blobs(5).X, [9], "diag")


def test_a_floored_model_is_not_chosen_over_a_sound_one():
    X = blobs(60, n_components=1).X
    X[:20] = 50.0
    selection = gmm.select(X, [1, 2], "full", random_state=0)
    assert selection.table[1].floored > 0
    assert selection.table[1].bic < selection.table[0].bic
    assert selection.best_.n_components == 1


def test_text_marks_the_best():
    lines = str(gmm.select(load_faithful().data, [1, 2], ["full", "diag"], random_state=0)).splitlines()
    assert lines[0].split() == ["bic", "full", "diag"]
    assert [line.count("*") for line in lines] == [0, 0, 1, 1]
    assert lines[2].split()[1].endswith("*")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"criterion": "bci"}, "did you mean 'bic'"),
        ({"criterion": "BIC"}, "did you mean 'bic'"),
        ({"n_components": "1-3"}, r"n_components must be an integer or several, such as range\(1, 10\), got '1-3'"),
        ({"covariance_types": ["fulll"]}, "did you mean 'full'"),
        ({"n_components": []}, "nothing to select from"),
        ({"n_components": [0]}, "n_components"),
        ({"n_components": 2.5}, "n_components must be an integer, got 2.5"),
        ({"n_components": None}, "n_components must be an integer, got None"),
        ({"reg_covar": -1.0}, "reg_covar"),
    ],
)
def test_misuse(more, message):
    with pytest.raises(ParameterError, match=message):
        gmm.select(blobs(50).X, **({"n_components": [2]} | more))
