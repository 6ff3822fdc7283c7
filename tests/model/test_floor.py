"""Singular scatter becomes a positive definite covariance without touching what is not singular."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from model.labelled import of_labels
from tolerances import CLOSED_FORM, EPS32, EPS64, MONOTONE

from gmm.covariances import STRUCTURES
from gmm.covariances.floor import lift
from gmm.frame import Frame
from gmm.parameters import Parameters
from gmm.reference import Rows as Twin
from gmm.statistics import Statistics

FLOOR = 2.0**-98


def scatter(rows):
    centred = rows - rows.mean(axis=0)
    return (centred.T @ centred / len(rows))[None]


def objective(covariance, S):
    """Expected log-likelihood per row, up to a constant: -(log det Sigma + trace(inv(Sigma) S)) / 2."""
    return -(np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, S))) / 2


def is_positive_definite(matrices):
    sd = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    return bool((np.linalg.eigvalsh(matrices / sd[:, None, :] / sd[:, :, None]) > 0).all())


@pytest.mark.parametrize("D", [1, 2, 5, 30])
def test_what_is_not_singular_is_returned_as_it_is(D):
    rng = np.random.default_rng(D)
    S = np.stack([problems.random_covariance(D, rng, condition=1e10) for _ in range(4)])
    found, floored = lift(S, np.full(D, FLOOR), EPS64)
    assert found is S
    assert not floored.any()


@pytest.mark.parametrize("D", [2, 5, 30])
@pytest.mark.parametrize("n_rows", [1, 2, "D", "D + 1"])
def test_fewer_rows_than_features(n_rows, D):
    n_rows = {"D": D, "D + 1": D + 1}.get(n_rows, n_rows)
    S = np.concatenate([scatter(np.random.default_rng(seed).normal(size=(n_rows, D))) for seed in range(3)])
    found, floored = lift(S, np.full(D, FLOOR), EPS64)
    assert is_positive_definite(found)
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))
    np.testing.assert_array_equal(floored, n_rows <= D)
    # 1e-12 when features depend on others by factors of order one; five rows in general position are worse.
    np.testing.assert_allclose(found, S, rtol=0, atol=max(1e-6 * np.abs(S).max(), FLOOR))


def test_only_the_singular_ones_of_a_batch_change():
    rng = np.random.default_rng(0)
    S = np.concatenate([scatter(rng.normal(size=(n, 3))) for n in (50, 3, 60, 1)])
    found, floored = lift(S, np.full(3, FLOOR), EPS64)
    np.testing.assert_array_equal(floored, [False, True, False, True])
    np.testing.assert_array_equal(found[~floored], S[~floored])


@pytest.mark.parametrize("seed", range(5))
def test_the_floor_is_the_constrained_maximum(seed):
    """No matrix whose conditional variances keep the floor is likelier: compare with a thousand that do.

    The first and third features are below it, so their residuals take no part in the regressions after them.
    """
    rng = np.random.default_rng(seed)
    S = scatter(np.column_stack([rng.normal(size=(40, 2)), np.full(40, 3.0), rng.normal(size=40)]))
    S[:, 0, :] *= 2.0**-30
    S[:, :, 0] *= 2.0**-30
    floor = 2.0 ** np.array([-40.0, -40.0, -35.0, -40.0])
    found, floored = lift(S, floor, EPS64)
    assert floored.all()
    assert np.count_nonzero(found[0, 0]) == 1
    best = objective(found[0], S[0])
    root = np.linalg.cholesky(found[0])
    for _ in range(1000):
        size = 10.0 ** rng.uniform(-6, 0)
        unit = np.tril(rng.normal(size=(4, 4)), -1) * size * [0.0, 1.0, 0.0, 0.0] + np.eye(4)
        other = root @ unit
        pivots = np.diagonal(other) * np.exp(size * rng.normal(size=4))
        other = other / np.diagonal(other) * np.sqrt(np.maximum(pivots**2, floor))
        assert objective(other @ other.T, S[0]) <= best + 1e-9


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_constant_feature_gets_its_floor(value):
    X = np.column_stack([np.random.default_rng(0).normal(size=(30, 2)), np.full(30, value)])
    for squares in (None, np.full((1, 3), 100.0)):
        found, floored = lift(scatter(X), np.array([FLOOR, FLOOR, 2.0**-50]), EPS64, squares)
        assert floored.all()
        assert found[0, 2, 2] == 2.0**-50
        np.testing.assert_allclose(found[0, :2, :2], scatter(X)[0, :2, :2], rtol=CLOSED_FORM)


def test_null_directions_cancel_between_components():
    """With a feature repeated, or a combination of others, every component's density gains the same constant."""
    p = problems.blobs(600, n_features=2)
    full = STRUCTURES["full"]

    def log_densities(X):
        statistics = of_labels(X, p.labels, np.zeros((3, X.shape[1])), full.moments_kernel)
        previous = Parameters(np.ones(3), statistics.means, statistics.second)
        found, _ = full.maximize(statistics, previous, floor=np.full(X.shape[1], FLOOR))
        factors = full.factorize(found)
        whitened = np.einsum("kij,nkj->nki", factors.whiteners, X[:, None] - factors.means)
        return factors.log_constants - (whitened**2).sum(axis=-1) / 2

    plain = log_densities(p.X)
    gains = {
        "repeated": log_densities(np.column_stack([p.X, p.X[:, 0]])) - plain,
        "combined": log_densities(np.column_stack([p.X, p.X @ [0.3, -0.7]])) - plain,
        "first": log_densities(np.column_stack([p.X[:, 1], p.X])) - plain,
    }
    for gain in gains.values():
        assert np.abs(gain - gain[0, 0]).max() < 1e-6 * np.abs(plain).max()
        assert gain.mean() == pytest.approx(gains["repeated"].mean(), abs=1e-6)
        assert gain.mean() > 10


def test_a_raised_variance_is_recognised_behind_its_rounding():
    """The log-determinant depends on the level alone, to the last bit, however the rest of the matrix changes."""
    rng = np.random.default_rng(0)
    full = STRUCTURES["full"]
    levels = []
    for _ in range(50):
        X = rng.normal(size=(40, 1)) * rng.uniform(0.3, 2)
        found, floored = lift(scatter(np.column_stack([X, X])), np.full(2, FLOOR), EPS64)
        assert floored.all()
        levels.append(full.factorize(Parameters(np.ones(1), np.zeros((1, 2)), found)).whiteners[0, 1, 1])
    assert len(set(levels)) == 1


def test_a_tight_component_keeps_its_shape():
    """What is singular is judged by a component's own size, not the frame's."""
    S = scatter(problems.blobs(100).X) * 2.0**-60
    found, floored = lift(S, np.full(2, FLOOR), EPS64)
    assert found is S
    assert not floored.any()


def test_float32_sums_resolve_less():
    S = np.array([[[1.0, 1 - 1e-7], [1 - 1e-7, 1.0]]])
    assert not lift(S, np.full(2, FLOOR), EPS64)[1].any()
    found, floored = lift(S, np.full(2, FLOOR), EPS32)
    assert floored.all()
    assert np.linalg.eigvalsh(found)[0, 0] > 1e-6


def test_pooled_scatter_is_judged_by_what_it_was_subtracted_from():
    """A repeated feature, in sums about a centre 100 standard deviations away: 1e-12 is rounding there."""
    tied = STRUCTURES["tied"]
    means = np.array([[100.0, 100.0], [-100.0, -100.0]])
    second = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-12]]) * 200
    previous = Parameters(np.full(2, 0.5), means, np.eye(2))
    for about, expected in ((means, True), (np.zeros((2, 2)), False)):
        statistics = Statistics(np.full(2, 100.0), np.zeros((2, 2)), second, about, 0.0, 200.0, 200)
        assert tied.maximize(statistics, previous, floor=np.full(2, FLOOR))[1].tolist() == [expected] * 2


def test_vectors_and_scalars_are_clipped():
    X, labels = problems.constant_column(1.0)
    floor = np.array([FLOOR, FLOOR, 0.5])
    for name in ("diag", "spherical"):
        structure = STRUCTURES[name]
        statistics = of_labels(X, labels, np.zeros((2, 3)), structure.moments_kernel)
        previous = Parameters(np.full(2, 0.5), np.zeros((2, 3)), np.ones(structure.shape(2, 3)))
        found, floored = structure.maximize(statistics, previous, floor=floor)
        np.testing.assert_array_equal(floored, name == "diag")
        if name == "diag":
            np.testing.assert_array_equal(found.covariances[:, 2], 0.5)
        raised, floored = structure.maximize(statistics, previous, floor=np.full(3, 1e3))
        assert floored.all()
        np.testing.assert_array_equal(raised.covariances, 1e3)


@pytest.mark.parametrize("name", problems.DEGENERATE)
def test_the_objective_never_falls_on_degenerate_rows(structure, name):
    """EM with the NumPy twin, from soft responsibilities, ridge and none: positive definite, monotone, right labels."""
    X, labels = problems.DEGENERATE[name]()
    eps = float(np.finfo(float).eps)
    low, high, mean = X.min(axis=0), X.max(axis=0), X.mean(axis=0)
    scatter_of = ((X - mean) ** 2).sum(axis=0)
    columns = {"minimum": low, "maximum": high, "mean": mean, "scatter": scatter_of, "weight": len(X)}
    frame = Frame.from_columns(columns, structure.scaling, eps)
    rows = Twin(X, None, frame)
    soft = np.column_stack([0.8 - 0.6 * labels, 0.2 + 0.6 * labels])
    K, D = 2, X.shape[1]
    means = np.zeros((K, D))
    previous = Parameters(np.full(K, 0.5), means, np.ones(structure.shape(K, D)))
    for ridge in (None, np.full(D, 1e-3)):
        statistics = rows.moments(structure.moments_kernel, means, responsibilities=soft)
        parameters, _ = structure.maximize(statistics, previous, ridge=ridge, floor=frame.floor)
        trace = []
        for _ in range(25):
            factors = structure.factorize(parameters, ridge)
            statistics = rows.accumulate(factors)
            trace.append(statistics.log_likelihood / len(X))
            parameters, _ = structure.maximize(statistics, parameters, ridge=ridge, floor=frame.floor)
        assert np.diff(trace).min() > -MONOTONE
        found = rows.score(structure.factorize(parameters), label=True).label
        assert (found == labels).mean() in (0.0, 1.0)


def test_a_constant_feature_has_no_covariance_though_its_sums_round():
    """Squares about a distant mean leave rounding far above the floor; regressions on it would not be definite."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(25, 64))
    constant = np.arange(5, 64, 6)
    rows[:, constant] = rng.normal(size=len(constant))
    mean, moments = rows.mean(axis=0), rows.T @ rows / len(rows)
    rounded = (moments - np.outer(mean, mean))[None]
    rounded = (rounded + rounded.swapaxes(1, 2)) / 2
    assert (np.abs(np.diagonal(rounded[0])[constant]) > FLOOR).any()
    covariances, floored = lift(rounded, np.full(64, FLOOR), EPS64, np.diagonal(moments)[None])
    low = np.flatnonzero(np.diagonal(rounded[0]) < FLOOR)
    assert floored.all()
    assert low.size
    np.testing.assert_array_equal(covariances[0][low], FLOOR * np.eye(64)[low])
    np.linalg.cholesky(covariances)
