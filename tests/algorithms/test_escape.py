"""Searches that go on from the mixture that has won: traps they leave, optima recorded from many starts, their end."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from framed_rows import framed

import gmm
from gmm.covariances import FULL
from gmm.datasets import load_faithful
from gmm.draws import Draws
from gmm.em import climb, resume
from gmm.escape import Neighbours, escaped
from gmm.initialization import start


def spheres(n, seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), n)
    return rng.normal(size=(4 * n, 2)) + np.array([0.0, 10.0, 200.0, 210.0])[labels][:, None] * [1.0, 0.0], labels


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "tied"])
@pytest.mark.parametrize("n", [20, 50, 250])
def test_two_far_pairs_of_spheres(kind, n):
    """Pairs so far apart that, in the spread of the columns, no pair is two: -4.19 nats a row and not -4.59."""
    for seed in range(6):
        X, labels = spheres(n, seed)
        known = gmm.GaussianMixture(4, covariance_type=kind).fit(X, start=labels).log_likelihood_
        model = gmm.GaussianMixture(4, covariance_type=kind, random_state=seed).fit(X)
        assert model.log_likelihood_ >= known - 1e-5, (n, seed)


def test_one_start_finds_them_too_and_a_table_describes_it():
    X, labels = spheres(50, 3)
    known = gmm.GaussianMixture(4).fit(X, start=labels).log_likelihood_
    for seed in range(4):
        model = gmm.GaussianMixture(4, n_init=1, random_state=seed).fit(X)
        assert model.log_likelihood_ == pytest.approx(known, abs=1e-5)
        (restart,) = model.restarts_
        assert restart.log_likelihood == pytest.approx(model.log_likelihood_, abs=1e-12)
        assert restart.n_iter == model.n_iter_


def trapped(rows, seed=0):
    limits = {"floor": rows.frame.floor, "ridge": None}
    begun = start(rows, FULL, 3, "random", seed, **limits)
    return climb(rows.accumulate, FULL, begun, **limits, tol=1e-8, max_iter=1000), limits


def search(rows, best, limits, n_transplants, max_iter=500):
    def begin(parameters, n_iter):
        tried.append(parameters)
        return climb(rows.accumulate, FULL, parameters, **limits, tol=1e-8, max_iter=n_iter)

    def carry_on(earlier, n_iter):
        return resume(earlier, rows.accumulate, FULL, **limits, tol=1e-8, max_iter=n_iter)

    tried = []
    around = Neighbours(rows, FULL, **limits, rng=Draws(0), n_transplants=n_transplants)
    return escaped(best, around, begin, carry_on, tol=1e-8, max_iter=max_iter), tried


def test_a_search_ends_where_no_neighbour_is_higher():
    rows = framed(load_faithful().data)
    best, limits = trapped(rows)
    for n_transplants in (0, 12):
        found, tried = search(rows, best, limits, n_transplants)
        assert found.objective >= best.objective
        again, more = search(rows, found, limits, 0)
        assert again is found
        assert 0 < len(more) <= 4
        assert len(tried) >= n_transplants + len(more)


def test_what_is_given_is_kept_when_neighbours_are_spikes():
    rows = framed(load_faithful().data)
    best, limits = trapped(rows)
    spiked = replace(best, floored=np.array([True, False, False]), trace=(*best.trace[:-1], best.objective + 1.0))
    found, _ = search(rows, spiked, limits, 0)
    assert not found.floored.any()  # fewer degenerate components, however low
    high = replace(best, trace=(*best.trace[:-1], best.objective + 10.0))
    assert search(rows, high, limits, 5)[0] is high


def test_a_callback_ends_the_search():
    X, heard = load_faithful().data, []

    def stop_among_neighbours(progress):
        heard.append(progress.n_iter)
        return heard.count(2) == 2  # the second climb: there is one start

    model = gmm.GaussianMixture(3, n_init=1, random_state=0, callbacks=[stop_among_neighbours]).fit(X)
    assert model.stop_reason_ == "callback"
    assert (heard.count(1), heard[-1]) == (2, 2)
    assert model.log_likelihood_ == pytest.approx(-4.11476, abs=1e-4)  # that of the first


def test_fits_that_say_how_they_start_are_left_where_they_end():
    X, _ = spheres(50, 3)
    low = np.array([0, 0, 1, 2]).repeat(50)
    low[150:][X[150:, 1] > 0] = 3
    model = gmm.GaussianMixture(4, random_state=0).fit(X, start=low)
    assert model.log_likelihood_ < -4.4
    means = np.stack([X[low == k].mean(axis=0) for k in range(4)])
    assert gmm.GaussianMixture(4, means_init=means, random_state=0).fit(X).log_likelihood_ < -4.4


GOLDEN = Path(__file__).parents[1] / "golden" / "mclust"


def golden(name):
    with (GOLDEN / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("code", ["EEV", "VEV"])
def test_swiss_as_high_as_mclust(code):
    """Which starts from a tree; without neighbours default fits end 0.04 and 0.03 nats a row lower."""
    X = np.array([[float(value) for value in row.values()] for row in golden("swiss")])
    (theirs,) = (row for row in golden("fits") if (row["set"], row["model"], row["G"]) == ("swiss", code, "3"))
    for seed in range(4):
        model = gmm.GaussianMixture(3, covariance_type=code, random_state=seed).fit(X)
        assert model.log_likelihood_ >= float(theirs["loglik"]) / len(X) - 1e-3, seed
