"""A structure with a prior: what its maximise step finds from sums, about whatever means they were taken."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from tolerances import CLOSED_FORM

from gmm.covariances import structure
from gmm.covariances.conjugate import Belief, Conjugate
from gmm.em import Climb
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters
from gmm.rehearsal import n_degenerate
from gmm.rows import Rows

K, D, N = 3, 3, 60
FLOOR = np.full(D, 1e-28)
X = np.random.default_rng(0).normal(size=(N, D)) @ np.triu(np.ones((D, D)))
R = np.random.default_rng(1).dirichlet(np.ones(K), N)
TARGET = np.diag([1.0, 2.0, 3.0]) + 0.2
TARGETS = {Kernel.FULL: TARGET, Kernel.DIAG: np.diag(TARGET), Kernel.SPHERICAL: np.array(2.0)}


def believing(name, rows=4.0):
    kind = structure(name)
    return Conjugate(kind, Belief(np.array([1.0, 0.0, -1.0]), 2.0 / N, rows / N, TARGETS[kind.moments_kernel], 0.5 / N))


def previous(kind, weights=(0.2, 0.3, 0.5)):
    variances = {Kernel.FULL: np.eye(D)[None].repeat(K, 0), Kernel.DIAG: np.ones((K, D)), Kernel.SPHERICAL: np.ones(K)}
    shared = kind.name == "tied"
    return Parameters(np.array(weights), np.zeros((K, D)), np.eye(D) if shared else variances[kind.moments_kernel])


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EEE", "EEI", "EII"])
def test_it_is_the_same_about_any_means_and_for_pooled_sums(name):
    """With as many components as features, where the shape of pooled sums is also that of variances."""
    kind = believing(name)
    rows, found = Rows(X, None, Frame.identity(D)), []
    for means in (np.zeros((K, D)), X[:K]):
        sums = rows.moments(kind.moments_kernel, means, responsibilities=R)
        found.append(kind.maximize(sums, previous(kind), floor=FLOOR)[0])
        if name in ("tied", "EEE"):
            pooled = replace(sums, second=sums.second.sum(axis=0))
            found.append(kind.maximize(pooled, previous(kind), floor=FLOOR)[0])
    for other in found[1:]:
        for part in ("weights", "means", "covariances"):
            np.testing.assert_allclose(getattr(other, part), getattr(found[0], part), rtol=1e-10, atol=1e-12)
    n = R.sum(axis=0)
    np.testing.assert_allclose(found[0].weights, (n + 0.5) / (N + 1.5), rtol=CLOSED_FORM)
    np.testing.assert_allclose(found[0].means, (R.T @ X + [2.0, 0.0, -2.0]) / (n + 2.0)[:, None], rtol=1e-11)


@pytest.mark.parametrize("name", ["full", "tied", "diag", "spherical", "EEE", "EEI", "EII"])
def test_a_dead_component_stays_and_the_expected_objective_does_not_fall(name):
    """Its distance to the prior's mean counts in a covariance that it shares."""
    kind, r = believing(name), np.c_[R[:, :2] / R[:, :2].sum(axis=1, keepdims=True), np.zeros(N)]
    before = previous(kind, (0.4, 0.6, 0.0))
    before.means[2] = [30.0, 0.0, 0.0]
    sums = Rows(X, None, Frame.identity(D)).moments(kind.moments_kernel, before.means, responsibilities=r)
    after, _ = kind.maximize(sums, before, floor=FLOOR)
    np.testing.assert_array_equal(after.means[2], before.means[2])
    assert after.weights[2] == 0.0

    def expected(p):
        V = kind.dense(p.covariances, K, D)[:2]
        c = X[:, None] - p.means[:2]
        q = np.einsum("nki,kij,nkj->nk", c, np.linalg.inv(V), c) + np.linalg.slogdet(V)[1]
        return float((r[:, :2] * (np.log(p.weights[:2]) - q / 2)).sum()) / N - kind.penalty(p)

    best, rng = expected(after), np.random.default_rng(2)
    assert best > expected(before)
    for _ in range(50):
        near = after.covariances * (1.0 + 0.01 * rng.normal())
        if name not in ("tied", "EEE", "EEI", "EII"):
            near[2] = after.covariances[2]
        assert expected(replace(after, covariances=near)) <= best + 1e-12


def test_the_penalty_is_nothing_at_the_priors_mode_and_positive_elsewhere():
    kind = believing("full")
    mode = Parameters(np.full(K, 1 / K), np.tile(kind.belief.mean, (K, 1)), np.tile(TARGET, (K, 1, 1)))
    np.testing.assert_allclose(kind.penalty(mode), 0.0, atol=1e-14)
    for moved in (
        replace(mode, weights=np.array([0.3, 0.3, 0.4])),
        replace(mode, means=mode.means + 0.1),
        replace(mode, covariances=1.1 * mode.covariances),
    ):
        assert kind.penalty(moved) > 1e-5


def test_on_a_small_sketch_the_prior_does_not_make_thin_components_a_merit():
    kind = believing("full", rows=5.0)
    sums = Rows(X, None, Frame.identity(D)).moments(Kernel.FULL, np.zeros((K, D)), responsibilities=R)
    thin = replace(sums, n=np.array([30.0, 27.0, 3.0]))
    for share, wanted in ((1.0, 0), (0.5, 1)):
        climbed = Climb(previous(kind), replace(thin, weight=share * N), (0.0,), np.zeros(K, bool), "converged", 1)
        assert n_degenerate(climbed, kind) == wanted


def test_it_is_pickled():
    kind = pickle.loads(pickle.dumps(believing("tied")))
    assert kind.plain is structure("tied")
    assert kind.belief.rows == 4.0 / N
