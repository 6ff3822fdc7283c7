"""Variational climbs over many rows begin where climbs on a sketch ended, and the best start wins."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from tolerances import MONOTONE

import gmm.foresight
from gmm import BayesianGaussianMixture
from gmm.acceleration import Memory
from gmm.bayesian_fitting import prior_in
from gmm.foresight import SEED, sketched
from gmm.rehearsal import sketch_of
from gmm.rows import Rows
from gmm.settings import Settings
from gmm.variational import Variational

STRUCTURES = ("full", "tied", "diag", "spherical")


@pytest.fixture(autouse=True)
def make_sketches_small(monkeypatch):
    monkeypatch.setattr(gmm.foresight, "FEWEST", 512)


@pytest.fixture(name="X", scope="module")
def make_rows():
    return blobs(6000, n_components=5, separation=2.0).X


def model(structure="full", **arguments):
    return BayesianGaussianMixture(6, covariance_type=structure, **{"random_state": 0, **arguments})


@pytest.mark.parametrize("structure", STRUCTURES)
def test_some_rows_stand_for_all(X, structure):
    """Beliefs after the sketch have seen as many rows as there are, and their bound is about that of all rows."""
    weight = np.random.default_rng(0).integers(1, 4, len(X)) * 2.0**70
    settings = Settings.from_estimator(gmm.GaussianMixture(3, covariance_type=structure))
    rows = Rows.from_array(X, weight, scaling=settings.structure.scaling)
    prior = prior_in(settings, model(structure).get_params(), rows)
    whole = Variational(settings.structure, prior, rows.total_weight, float(np.ldexp(1.0, rows.weight_exponent)))
    sketch = sketch_of(rows, 1500, SEED)
    seen, floor = whole.seeing(sketch), rows.frame.floor
    centres = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    found = []
    for some, each in ((rows, whole), (sketch, seen)):
        labels = some.assign(centres, label=True).label
        moments = some.moments(each.moments_kernel, centres, labels=labels)
        beliefs, _ = each.maximize(moments, floor=floor)
        found.append(beliefs)
        assert beliefs.mean_precision.sum() == pytest.approx(weight.sum() + 3.0 * prior.mean_precision)
    np.testing.assert_allclose(found[1].means, found[0].means, atol=0.15)
    np.testing.assert_allclose(found[1].concentration, found[0].concentration, rtol=0.2)


def test_only_many_rows_are_sketched(X):
    structure = Settings.from_estimator(gmm.GaussianMixture(6)).structure
    many, few = Rows.from_array(X), Rows.from_array(X[:2000])
    assert sketched(few, Variational(structure, None, 2000.0), 6) is None
    size = sketched(many, Variational(structure, None, 6000.0), 6).n_rows
    assert 450 < size < 700


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("kind", ["dirichlet_process", "dirichlet_distribution"])
def test_the_end_is_that_of_the_best_start(X, structure, kind):
    """Alone, from its seed, the winner is the same fit, bit for bit, and no other start ends higher."""
    arguments = {"weight_concentration_prior_type": kind, "tol": 1e-7}
    five = model(structure, **arguments).fit(X)
    alone = [model(structure, **arguments, n_init=1, random_state=r.seed).fit(X) for r in five.restarts_]
    assert any(
        np.array_equal(each.lower_bounds_, five.lower_bounds_) and np.array_equal(each.means_, five.means_)
        for each in alone
    )
    assert five.lower_bound_ >= max(each.lower_bound_ for each in alone) - 1e-5
    assert (np.diff(five.lower_bounds_) >= -MONOTONE).all()
    assert five.log_likelihood_ == pytest.approx(five.score(X), rel=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_end_is_one_of_all_rows(X, structure, monkeypatch):
    """Going on from the end without any sketch gains less than tol."""
    fit = model(structure, warm_start=True).fit(X)
    end = fit.lower_bound_
    monkeypatch.setattr(gmm.foresight, "FEWEST", 1 << 20)
    assert fit.fit(X).lower_bound_ <= end + 3e-6
    assert fit.lower_bound_ >= end - MONOTONE


def test_what_the_sketch_taught_saves_passes(monkeypatch):
    X = blobs(20_000, separation=1.2).X
    taught = model(n_init=1).fit(X)
    monkeypatch.setattr(Memory, "elsewhere", lambda self: Memory())
    untaught = model(n_init=1).fit(X)
    assert taught.n_iter_ < untaught.n_iter_
    assert taught.lower_bound_ == pytest.approx(untaught.lower_bound_, abs=3e-6)


def test_threads_and_weights(X):
    one, three = (model(n_threads=n).fit(X) for n in (1, 3))
    np.testing.assert_array_equal(one.means_, three.means_)
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    weighted = model(n_threads=1).fit(X, sample_weight=weight)
    repeated = model(n_threads=1).fit(np.repeat(X, weight.astype(int), axis=0))
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-3)  # by other starts


def test_missing_values(X):
    gaps = X.copy()
    gaps[np.random.default_rng(1).random(len(X)) < 0.2, 1] = np.nan
    fit = model(missing="marginalize", n_init=2).fit(gaps)
    assert fit.converged_
    assert (np.diff(fit.lower_bounds_) >= -MONOTONE).all()


def test_without_iterations_the_start_is_kept(X):
    fit = model(max_iter=0, n_init=2).fit(X)
    assert fit.n_iter_ == 0
    assert len(fit.lower_bounds_) == 1


def test_a_callback_may_stop_it(X):
    heard = []

    def listen(progress):
        heard.append(progress.objective)
        return len(heard) == 2

    fit = model(callbacks=listen, tol=0.0).fit(X)
    assert fit.stop_reason_ == "callback"
    assert heard == fit.lower_bounds_[1:].tolist()
