"""Rows by pattern of missing values: every row once, in runs of one pattern, in batches of runs."""

import numpy as np
import pytest

from gmm.patterns import RUN_ROWS, has_missing, runs_of


def test_runs_hold_every_row_once():
    X = np.random.default_rng(0).normal(size=(3 * RUN_ROWS, 9))
    X[np.random.default_rng(1).random(X.shape) < 0.02] = np.nan
    runs = runs_of(X)
    np.testing.assert_array_equal(np.sort(runs.rows), np.arange(len(X)))
    for r, pattern in enumerate(runs.pattern):
        here = runs.rows[runs.first[r] : runs.first[r + 1]]
        assert 0 < len(here) <= RUN_ROWS
        assert (np.diff(here) > 0).all()
        np.testing.assert_array_equal(~np.isnan(X[here]), np.broadcast_to(runs.observed[pattern], (len(here), 9)))


@pytest.mark.parametrize("n_features", [1, 8, 9, 16, 17, 64, 65])
def test_runs_by_the_width_of_a_pattern(n_features, monkeypatch):
    """Patterns of up to 8 bytes are numbers, longer ones strings; groups of rows are sorted on their own."""
    monkeypatch.setattr("gmm.patterns.GROUP_VALUES", 50 * n_features)
    X = np.random.default_rng(n_features).normal(size=(120, n_features))
    X[np.random.default_rng(1).random((120, n_features)) < 1 / n_features] = np.nan
    runs = runs_of(X)
    np.testing.assert_array_equal(np.sort(runs.rows), np.arange(120))
    assert [set(runs.rows[at : at + 50] // 50) for at in (0, 50, 100)] == [{0}, {1}, {2}]
    for r, pattern in enumerate(runs.pattern):
        here = runs.rows[runs.first[r] : runs.first[r + 1]]
        np.testing.assert_array_equal(~np.isnan(X[here]), np.broadcast_to(runs.observed[pattern], X[here].shape))
    assert runs.batches[0] == 0
    assert runs.batches[-1] == len(runs.pattern)
    assert (np.diff(runs.batches) > 0).all()
    complete = ~np.isnan(X[runs.rows[: runs.first[1]]]).any()
    assert complete == (~np.isnan(X[:50]).any(axis=1)).any()


def test_a_missing_value_is_found_wherever_it_is(monkeypatch):
    monkeypatch.setattr("gmm.patterns.CHUNK_VALUES", 30)
    X = np.zeros((101, 3), np.float32)
    assert not has_missing(X)
    X[100, 2] = np.inf
    assert not has_missing(X)
    for place in ((0, 0), (55, 1), (100, 2)):
        gappy = X.copy()
        gappy[place] = np.nan
        assert has_missing(gappy)
        assert has_missing(gappy[::-1, ::-1])
