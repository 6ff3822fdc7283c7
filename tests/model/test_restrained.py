"""The maximise step under restraints: against sums over rows, perturbations, and what must not move."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from tolerances import CLOSED_FORM

from gmm.covariances import STRUCTURES, structure
from gmm.covariances.restrained import Held, Restrained, Shrinkage
from gmm.covariances.scatter import about
from gmm.frame import Frame
from gmm.noise import Noise
from gmm.parameters import Kernel, Parameters
from gmm.rows import Rows

EVERY = list(STRUCTURES)
K, D, N = 3, 2, 90
FLOOR = np.full(D, 1e-28)


@pytest.fixture(name="X")
def make_rows():
    return np.random.default_rng(0).normal(size=(N, D)) @ [[1.0, 0.7], [0.0, 0.3]]


@pytest.fixture(name="r")
def make_responsibilities():
    r = np.random.default_rng(1).uniform(0.05, 1.0, (N, K))
    return r / r.sum(axis=1, keepdims=True)


def statistics_of(kind, X, r, means):
    return Rows(X, None, Frame.identity(D)).moments(kind.moments_kernel, means, responsibilities=r)


def parameters_of(kind, means, variance=2.0):
    dense = {Kernel.FULL: np.eye(D)[None].repeat(K, 0), Kernel.TIED: np.eye(D)}
    shapes = {**dense, Kernel.DIAG: np.ones((K, D)), Kernel.SPHERICAL: np.ones(K)}
    return Parameters(np.full(K, 1 / K), np.array(means), variance * shapes[kind.kernel])


def shaped(kind, r, scatter):
    """Covariances of a structure from scatter matrices (K, D, D) that are divided by n."""
    n = r.sum(axis=0)
    return {
        Kernel.FULL: lambda: scatter,
        Kernel.TIED: lambda: np.einsum("k,kij->ij", n, scatter) / n.sum(),
        Kernel.DIAG: lambda: np.diagonal(scatter, axis1=1, axis2=2),
        Kernel.SPHERICAL: lambda: np.trace(scatter, axis1=1, axis2=2) / D,
    }[kind.kernel]()


def scatter_about(X, r, means):
    c = X[:, None] - means
    return np.einsum("nk,nki,nkj->kij", r, c, c) / r.sum(axis=0)[:, None, None]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("which", [[True, True, True], [True, False, True]])
@pytest.mark.parametrize("moved", [0.0, 0.4])
def test_held_means_have_the_scatter_about_them(X, r, name, which, moved):
    """Also where the sums are about other points, as those of a start are."""
    kind, which = structure(name), np.array(which)
    held = np.array([[0.5, 0.0], [-0.3, 0.2], [0.1, -1.0]])
    restrained = Restrained(kind, held={"means": Held(which, held)})
    statistics = statistics_of(kind, X, r, held + moved)
    found, _ = restrained.maximize(statistics, parameters_of(kind, held), floor=FLOOR)
    best = np.where(which[:, None], held, (r.T @ X) / r.sum(axis=0)[:, None])
    np.testing.assert_allclose(found.means, best, rtol=CLOSED_FORM, atol=CLOSED_FORM)
    np.testing.assert_array_equal(found.means[which], held[which])
    wanted = shaped(kind, r, scatter_about(X, r, best))
    np.testing.assert_allclose(found.covariances, wanted, rtol=1e-10, atol=1e-12)


def test_pooled_sums_move_as_those_of_components_do(X, r):
    tied = structure("tied")
    held = np.array([[0.5, 0.0], [-0.3, 0.2], [0.1, -1.0]])
    restrained = Restrained(tied, held={"means": Held(np.array([True, False, True]), held)})
    apart = statistics_of(tied, X, r, held - 0.3)
    pooled = copy.copy(apart)
    object.__setattr__(pooled, "second", apart.second.sum(axis=0))
    found = [restrained.maximize(s, parameters_of(tied, held), floor=FLOOR)[0] for s in (apart, pooled)]
    np.testing.assert_allclose(found[0].covariances, found[1].covariances, rtol=1e-12)


def test_pooled_sums_of_as_many_components_as_features_move_as_a_matrix(X, r):
    """Their shape (D, D) is then also that of a variance for each component and feature."""
    tied = structure("tied")
    apart = statistics_of(tied, X, r[:, :D] / r[:, :D].sum(axis=1, keepdims=True), np.zeros((D, D)))
    means = np.array([[0.5, 0.1], [-0.3, 0.2]])
    pooled = dataclasses.replace(apart, second=apart.second.sum(axis=0))
    wanted = about(apart, means, Kernel.FULL).second.sum(axis=0)
    np.testing.assert_allclose(about(pooled, means, Kernel.FULL).second, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_held_covariances_and_weights_stay_and_the_rest_is_plain(X, r, name):
    kind, means = structure(name), np.zeros((K, D))
    which = np.array([True]) if kind.kernel is Kernel.TIED else np.array([False, True, False])
    values, given = parameters_of(kind, means, 7.0).covariances, np.array([0.2, 0.5, 0.3])
    restrained = Restrained(
        kind, held={"covariances": Held(which, values), "weights": Held(np.array([False, True, False]), given)}
    )
    statistics = statistics_of(kind, X, r, means)
    found, _ = restrained.maximize(statistics, parameters_of(kind, means), floor=FLOOR)
    plain, _ = kind.maximize(statistics, parameters_of(kind, means), floor=FLOOR)
    at = which.reshape(-1, *[1] * (values.ndim - 1))
    np.testing.assert_array_equal(found.covariances, np.where(at, values, plain.covariances))
    n = r.sum(axis=0)
    wanted = [0.5 * n[0] / (n[0] + n[2]), 0.5, 0.5 * n[2] / (n[0] + n[2])]
    np.testing.assert_allclose(found.weights, wanted, rtol=CLOSED_FORM)
    assert found.weights[1] == 0.5


def test_equal_weights_share_what_noise_leaves_among_the_living(X, r):
    kind, means = structure("full"), np.zeros((K, D))
    noise = Noise(0.25, 0.0, np.zeros(D), np.ones(D))
    previous = parameters_of(kind, means)
    previous = Parameters(np.array([0.5, 0.25, 0.0]), previous.means, previous.covariances, noise)
    statistics = statistics_of(kind, X, r, means)
    object.__setattr__(statistics, "noise", 30.0)
    found, _ = Restrained(kind, equal_weights=True).maximize(statistics, previous, floor=FLOOR)
    share = 30.0 / (30.0 + N)
    np.testing.assert_allclose(found.noise.weight, share, rtol=CLOSED_FORM)
    np.testing.assert_allclose(found.weights, [(1 - share) / 2, (1 - share) / 2, 0.0], rtol=CLOSED_FORM)


def test_the_penalty_of_a_shared_matrix_is_that_of_one_however_far_the_means_are(X):
    """Far from the centre the factors are a matrix for each component."""
    tied = structure("tied")
    restrained = Restrained(tied, is_shrunken=True, shrinkage=Shrinkage(0.5, 0.3))
    near, far = (parameters_of(tied, X[:K] * distance) for distance in (1.0, 1e6))
    assert tied.factorize(far).whiteners.ndim == 3
    assert restrained.penalty(far) == restrained.penalty(near) > 0.0


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("ratio", [None, 1.7])
def test_shrinkage_maximises_likelihood_less_penalty(X, r, name, ratio):
    """No covariances near those found have a higher expected objective, and the penalty is the divergence."""
    kind, means = structure(name), np.full((K, D), 0.4)
    restrained = Restrained(kind, eigen_ratio=ratio, is_shrunken=True, shrinkage=Shrinkage(0.5, 0.3))
    statistics = statistics_of(kind, X, r, means)
    found, _ = restrained.maximize(statistics, parameters_of(kind, means), floor=FLOOR)
    S, n = scatter_about(X, r, found.means), r.sum(axis=0)
    M = 1 if kind.kernel is Kernel.TIED else K

    def divergence(V):
        return 0.5 * (0.3 * np.trace(np.linalg.inv(V)) - D + np.linalg.slogdet(V)[1] - D * np.log(0.3))

    def expected(covariances):
        V = kind.dense(covariances, K, D)
        fit = -0.5 * sum(n[k] * (np.linalg.slogdet(V[k])[1] + np.trace(np.linalg.solve(V[k], S[k]))) for k in range(K))
        return fit / N - 0.5 / M * sum(map(divergence, V[:M]))

    moved = Parameters(found.weights, found.means, found.covariances)
    V = kind.dense(found.covariances, K, D)
    np.testing.assert_allclose(restrained.penalty(moved), 0.5 / M * sum(map(divergence, V[:M])), rtol=1e-12)
    best, rng = expected(found.covariances), np.random.default_rng(0)
    for _ in range(200):
        step = 0.02 * rng.normal(size=found.covariances.shape)
        if kind.kernel in (Kernel.FULL, Kernel.TIED):
            step = (step + step.swapaxes(-1, -2)) / 2
        near = Parameters(found.weights, found.means, found.covariances + step)
        assert expected(restrained.admit(near).covariances) <= best + 1e-9 * (ratio is not None)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_admitted_is_within_every_restraint(name):
    kind, rng = structure(name), np.random.default_rng(0)
    values = parameters_of(kind, rng.normal(size=(K, D)))
    held = {"means": Held(np.array([True, False, False]), values.means)}
    restrained = Restrained(kind, equal_weights=True, eigen_ratio=2.0, held=held)
    shape = () if kind.kernel is Kernel.TIED else (K, *[1] * (values.covariances.ndim - 1))
    wild = values.covariances * np.exp(3 * rng.normal(size=shape))
    found = restrained.admit(Parameters(np.array([0.7, 0.2, 0.1]), values.means + 1.0, wild))
    np.testing.assert_allclose(found.weights, 1 / 3, rtol=CLOSED_FORM)
    np.testing.assert_array_equal(found.means[0], values.means[0])
    np.testing.assert_array_equal(found.means[1:], values.means[1:] + 1.0)
    e = np.linalg.eigvalsh(kind.dense(found.covariances, K, D))
    assert e.max() <= 2.0 * e.min() * (1 + 1e-13)
    again = restrained.admit(found)
    np.testing.assert_array_equal(again.covariances, found.covariances)


COUNTS = {  # held of "full" with K = 3, D = 2: 2 + 6 + 9 parameters
    "equal weights": ({"equal_weights": True}, 2),
    "ratio": ({"eigen_ratio": 5.0}, 0),
    "ratio of one": ({"eigen_ratio": 1.0}, 8),
    "one weight": ({"held": {"weights": [True, False, False]}}, 1),
    "all weights but one": ({"held": {"weights": [True, True, False]}}, 2),
    "all weights": ({"held": {"weights": [True, True, True]}}, 2),
    "two means": ({"held": {"means": [True, True, False]}}, 4),
    "a covariance": ({"held": {"covariances": [True, False, False]}}, 3),
    "everything": ({"held": {name: [True] * 3 for name in ("weights", "means", "covariances")}}, 17),
}


@pytest.mark.parametrize("case", COUNTS)
def test_free_parameters_are_counted(case):
    options, expected = COUNTS[case]
    held = {name: Held(np.array(mask), np.empty(0)) for name, mask in options.get("held", {}).items()}
    assert Restrained(structure("full"), **{**options, "held": held}).n_held(K, D) == expected


def test_a_restrained_structure_is_pickled_and_copied():
    restrained = Restrained(structure("tied"), equal_weights=True, eigen_ratio=3.0)
    for again in (pickle.loads(pickle.dumps(restrained)), copy.deepcopy(restrained)):
        assert again.plain is structure("tied")
        assert (again.equal_weights, again.eigen_ratio, again.name) == (True, 3.0, "tied")
