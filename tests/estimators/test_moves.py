"""Moves out of bad optima: from a start that no climb leaves to the optimum that good starts find, and never lower."""

from __future__ import annotations

import numpy as np
import pytest
from problems import blobs
from tolerances import MONOTONE

from gmm import BayesianGaussianMixture
from gmm.errors import ParameterError
from gmm.moves import _proposals
from gmm.variational import Variational

STRUCTURES = ("full", "tied", "diag", "spherical")
NARROW = {"full": np.eye(2), "tied": np.eye(2), "diag": np.ones(2), "spherical": 1.0}
KINDS = ("dirichlet_process", "dirichlet_distribution")


def model(n_components, structure="full", kind="dirichlet_distribution", **arguments):
    given = {"weight_concentration_prior": 0.1, "mean_precision_prior": 1e-3, "random_state": 0, **arguments}
    given.setdefault("covariance_prior", NARROW[structure])
    return BayesianGaussianMixture(
        n_components, covariance_type=structure, weight_concentration_prior_type=kind, **given
    )


@pytest.fixture(name="problem", scope="module")
def make_problem():
    """Four spheres in two pairs, far apart."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [30.0, 0.0], [30.0, 6.0]])
    labels = np.repeat(np.arange(4), 60)
    return rng.normal(size=(240, 2)) + centres[labels], labels


@pytest.mark.parametrize("structure", ["full", "spherical", "diag", "tied"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_start_is_left(problem, structure, kind):
    """Two clusters as one component, and a cluster cut in two: plain climbs stay there."""
    X, labels = problem
    bad = np.where(labels <= 1, 0, labels - 1)
    bad[labels == 3] = np.where(np.arange(60) % 2, 2, 3)
    best = model(4, structure, kind).fit(X, start=labels)
    stuck = model(4, structure, kind).fit(X, start=bad)
    assert stuck.lower_bound_ < best.lower_bound_ - 0.01
    left = model(4, structure, kind, moves=True).fit(X, start=bad)
    assert left.lower_bound_ >= best.lower_bound_ - 1e-6  # tol; a process may have a better order of its sticks
    assert len(left.segments_) > 1
    assert len(np.unique(left.predict(X))) == 4
    assert left.n_iter_ == len(left.lower_bounds_) - len(left.segments_)


def test_components_that_rows_do_not_need_are_deleted(problem):
    X, labels = problem
    halves = 2 * labels + np.arange(240) % 2
    left = model(8, moves=True).fit(X, start=halves)
    best = model(8).fit(X, start=labels)
    assert (left.weights_ > 0.01).sum() == 4
    np.testing.assert_allclose(left.lower_bound_, best.lower_bound_, atol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_is_never_lower_and_each_segment_ends_higher(structure, kind):
    X = blobs(300, n_components=5, separation=2.0).X
    plain, left = (model(6, structure, kind, n_init=1, moves=moves).fit(X) for moves in (False, True))
    assert left.lower_bound_ >= plain.lower_bound_
    parts = np.split(left.lower_bounds_, left.segments_[1:])
    np.testing.assert_array_equal(parts[0], plain.lower_bounds_)
    for part in parts:
        assert (np.diff(part) >= -MONOTONE).all()
    ends = [part[-1] for part in parts]
    assert ends == sorted(ends)


def test_what_is_proposed(problem):
    """Deleted rows go to their next best, merged ones to one, split ones to an empty component; the rest stay."""
    X, labels = problem
    fit = model(5).fit(X, start=labels)._fitted()
    rows = fit.mixture.rows(X)
    structure = Variational(fit.mixture.structure, fit.prior, float(len(X)))
    posterior = rows.score(fit.assigning, log_density=False, posterior=True).posterior
    own = posterior.argmax(axis=1)
    empty = int(np.setdiff1d(np.arange(5), own)[0])
    kinds = set()
    for name, changed in _proposals(rows, structure, fit.posterior):
        kind, *numbers = name.replace(" and", "").split()
        numbers = [int(number) for number in numbers]
        kinds.add(kind)
        moved = np.isin(own, numbers)
        np.testing.assert_array_equal(changed[~moved], own[~moved])
        if kind == "delete":
            without = posterior.copy()
            without[:, numbers[0]] = -1.0
            certain = without.max(axis=1) > 1e-290
            np.testing.assert_array_equal(changed[moved & certain], without.argmax(axis=1)[moved & certain])
            assert not (changed == numbers[0]).any()
        elif kind == "merge":
            assert (changed[moved] == numbers[0]).all()
        else:
            assert set(changed[moved]) == {numbers[0], empty}
    assert kinds == {"delete", "merge", "split"}


def test_threads_weights_and_missing_values(problem):
    X, labels = problem
    bad = np.where(labels <= 1, 0, labels - 1)
    one, three = (model(4, moves=True, n_threads=n).fit(X, start=bad) for n in (1, 3))
    np.testing.assert_array_equal(one.means_, three.means_)
    doubled = model(4, moves=True).fit(X, sample_weight=np.full(240, 2.0), start=bad)
    repeated = model(4, moves=True).fit(np.repeat(X, 2, axis=0), start=np.repeat(bad, 2))
    np.testing.assert_allclose(doubled.lower_bound_, repeated.lower_bound_, rtol=1e-6)
    gaps = X.copy()
    gaps[np.random.default_rng(1).random(240) < 0.2, 1] = np.nan
    left = model(4, moves=True, missing="marginalize").fit(gaps, start=bad)
    assert len(np.unique(left.predict(gaps))) == 4


def test_without_moves_nothing_changes_and_other_words_are_refused(problem):
    X, _ = problem
    assert model(4).fit(X).segments_.tolist() == [0]
    with pytest.raises(ParameterError, match="moves"):
        model(4, moves="yes").fit(X)
