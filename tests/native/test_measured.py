"""Passes over rows with errors against the NumPy twin, and the twin against scipy and against brute force."""

from dataclasses import replace

import numpy as np
import pytest
from measured_problem import KINDS, NAMES, observed
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tolerances import CLOSED_FORM, SUM_FLOAT32, SUM_FLOAT64

from gmm import _native
from gmm.covariances import STRUCTURES
from gmm.missing import IncompleteRows
from gmm.reference import Rows as Twin
from gmm.reference import measured as twin
from gmm.reference import missing as exact_twin
from gmm.rows import Rows

SIZES = [(1, 2), (2, 3), (3, 4), (4, 1), (5, 3), (8, 2), (9, 2), (17, 2)]
PARTS = ("n", "first", "second", "log_likelihood")


def close(found, expected, tolerance, size):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)


def twin_rows(rows):
    return Twin(rows.X, rows.sample_weight, rows.frame)


# ---- the twin


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_has_the_densities_of_scipy(kind, share):
    rows, p = observed("full", kind, 3, 2, n_rows=40, share=share)
    E = rows.errors * np.ones((3, 3)) if rows.errors.ndim == 3 else rows.errors[:, :, None] * np.eye(3)
    E = E * np.outer(rows.frame.scale, rows.frame.scale)
    logs = np.tile(np.log(p.weights), (40, 1))
    for i, x in enumerate(rows.X * rows.frame.scale - rows.frame.centre):
        o = np.flatnonzero(~np.isnan(x))
        for k in range(2 if len(o) else 0):
            T = (p.covariances[k] + E[i])[np.ix_(o, o)]
            logs[i, k] += multivariate_normal(p.means[k, o], T).logpdf(x[o])
    found = twin.score(twin_rows(rows), rows.errors, STRUCTURES["full"].kernel, p)
    close(found.log_density, logsumexp(logs, axis=1), CLOSED_FORM, 100)
    close(found.posterior, np.exp(logs - logsumexp(logs, axis=1)[:, None]), CLOSED_FORM, 10)


@pytest.mark.parametrize("missing", [False, True])
def test_the_twin_has_the_moments_of_brute_force(missing):
    """Moments of v given x by a sum over a grid of v, for one row and one component in two dimensions."""
    rows, p = observed("full", "matrices", 2, 1, n_rows=3, seed=4, weighted=False)
    X, E = rows.X[2:], np.array([[[0.9, 0.3], [0.3, 0.5]]])
    if missing:
        X[0, 1] = np.nan
    found = twin.accumulate(Twin(X, None, rows.frame), E, STRUCTURES["full"].kernel, p)
    axis = np.linspace(-12, 12, 1201)
    v = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    x, o = X[0] * rows.frame.scale - rows.frame.centre, np.flatnonzero(~np.isnan(X[0]))
    error = (E[0] * np.outer(rows.frame.scale, rows.frame.scale))[np.ix_(o, o)]
    density = multivariate_normal(p.means[0], p.covariances[0]).pdf(v)
    density *= multivariate_normal(np.zeros(len(o)), error).pdf(x[o] - v[..., o])
    c = v - p.means[0]
    total = density.sum()
    close(found.first[0], np.einsum("ij,ija->a", density, c) / total, 1e-9, 1)
    close(found.second[0], np.einsum("ij,ija,ijb->ab", density, c, c) / total, 1e-9, 1)
    close(found.log_likelihood, np.log(total * (axis[1] - axis[0]) ** 2), 1e-9, 1)


@pytest.mark.parametrize("ridge", [None, 0.2])
@pytest.mark.parametrize("name", NAMES)
def test_the_twin_without_errors_is_that_of_missing_values(name, ridge):
    rows, p = observed(name, "matrices", 3, 2, n_rows=50, share=0.3)
    ridge = None if ridge is None else np.full(3, ridge)
    kernel, plain = STRUCTURES[name].kernel, twin_rows(rows)
    found = twin.accumulate(plain, np.zeros((50, 3)), kernel, p, ridge)
    expected = exact_twin.accumulate(plain, kernel, p, ridge)
    for part in PARTS:
        close(getattr(found, part), getattr(expected, part), 1e-12, 100 * expected.weight)


# ---- the core


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ridge", [None, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_sums(name, kind, share, ridge, dtype):
    for n_features, n_components in SIZES:
        rows, p = observed(name, kind, n_features, n_components, n_rows=60, share=share, dtype=dtype)
        structure = STRUCTURES[name]
        noise = None if ridge is None else np.full(n_features, ridge) * np.linspace(1, 2, n_features)
        if name == "spherical" and noise is not None:
            noise[:] = ridge
        found = rows.accumulate(structure.factorize(p, noise))
        expected = twin.accumulate(twin_rows(rows), rows.errors, structure.kernel, p, noise)
        reach, total = 10.0, expected.weight
        assert found.weight == pytest.approx(total, rel=1e-14)
        assert found.n_rows == 60
        close(found.n, expected.n, SUM_FLOAT64, total)
        close(found.first, expected.first, SUM_FLOAT64, total * reach)
        close(found.second, expected.second, SUM_FLOAT64, total * n_features * reach**2)
        close(found.log_likelihood, expected.log_likelihood, SUM_FLOAT64, total * n_features * reach**2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_scores(name, kind, share, dtype):
    for n_features, n_components in SIZES:
        rows, p = observed(name, kind, n_features, n_components, share=share, dtype=dtype)
        structure = STRUCTURES[name]
        found = rows.score(structure.factorize(p).centred(), posterior=True, label=True)
        expected = twin.score(twin_rows(rows), rows.errors, structure.kernel, p)
        close(found.log_density, expected.log_density, SUM_FLOAT64, 100 * n_features)
        assert found.posterior.dtype == dtype
        close(found.posterior, expected.posterior, SUM_FLOAT64 if dtype == np.float64 else SUM_FLOAT32, 10 * n_features)
        order = np.sort(expected.posterior, axis=1)
        clear = np.ones(200, bool) if n_components == 1 else order[:, -1] - order[:, -2] > 1e-6
        np.testing.assert_array_equal(found.label[clear], expected.label[clear])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_bits_depend_on_neither_threads_nor_layout_nor_neighbours(name, kind):
    rows, p = observed(name, kind, 3, 3, n_rows=9000, share=0.05)
    factors = STRUCTURES[name].factorize(p)
    expected, scores = rows.accumulate(factors), rows.score(factors.centred(), posterior=True, label=True)
    E = rows.errors
    for other in (
        *(replace(rows, n_threads=n) for n in (1, 3, 8)),
        replace(rows, X=np.asfortranarray(rows.X)),
        replace(rows, errors=np.asfortranarray(E)),
        replace(rows, errors=np.repeat(E, 2, axis=1)[:, ::2][::-1][::-1]),
    ):
        found = other.accumulate(factors)
        for part in PARTS:
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        for mine, theirs in zip(other.score(factors.centred(), posterior=True, label=True), scores, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    for i in range(0, 9000, 811):
        alone = rows.subset(np.array([i])).score(factors.centred(), posterior=True, label=True)
        for one, all_of_them in zip(alone, scores, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[i])


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("name", NAMES)
def test_rows_without_errors_have_the_ordinary_sums(name, share):
    rows, p = observed(name, "variances", 4, 3, share=share)
    kind = IncompleteRows if share else Rows
    plain = kind(rows.X, rows.sample_weight, rows.frame, "float64", 2)
    for errors in (np.zeros((200, 4)), np.zeros((200, 4, 4))):
        found = replace(rows, errors=errors).accumulate(STRUCTURES[name].factorize(p))
        expected = plain.accumulate(STRUCTURES[name].factorize(p))
        for part in PARTS:
            close(getattr(found, part), getattr(expected, part), SUM_FLOAT64, expected.weight * 100)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_values_has_the_mixing_weights(name):
    rows, p = observed(name, "matrices", 3, 4, share=0.3)
    scores = rows.score(STRUCTURES[name].factorize(p), posterior=True, label=True)
    close(scores.log_density[1], 0.0, CLOSED_FORM, 1)
    close(scores.posterior[1], p.weights, CLOSED_FORM, 1)
    assert scores.label[1] == p.weights.argmax()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_row_too_far_out_for_a_density_belongs_to_the_nearest_component(name, kind):
    rows, p = observed(name, kind, 3, 2, n_rows=20)
    rows.X[7] = [1e250, 0.0, 0.0]
    rows = replace(rows, sample_weight=np.eye(20)[7])
    factors = STRUCTURES[name].factorize(p)
    scores = rows.score(factors.centred(), posterior=True, label=True)
    assert np.isneginf(scores.log_density[7])
    assert sorted(scores.posterior[7]) == [0.0, 1.0]
    assert scores.posterior[7].argmax() == scores.label[7]
    near = replace(rows, X=np.where(rows.X > 1e9, 1e120, rows.X))
    assert near.score(factors.centred(), label=True).label[7] == scores.label[7]
    found = rows.accumulate(factors)
    # of one covariance, from 1e120 on, distances are the same to rounding
    assert sorted(found.n) == ([0.5, 0.5] if name == "tied" else [0.0, 1.0])
    for part in ("first", "second"):
        assert np.isfinite(getattr(found, part)).all()


def test_a_dead_component_gets_nothing():
    rows, p = observed("full", "matrices", 2, 3)
    p = replace(p, weights=np.array([0.5, 0.0, 0.5]))
    factors = STRUCTURES["full"].factorize(p)
    assert rows.accumulate(factors).n[1] == 0.0
    assert (rows.score(factors, posterior=True).posterior[:, 1] == 0.0).all()


@pytest.mark.parametrize("name", ["full", "diag"])
def test_errors_of_any_size(name):
    """From 1e-300 to 1e300 beside components of size one: densities as scipy's where it has them, never NaN."""
    rows, p = observed(name, "variances", 2, 2, n_rows=41, weighted=False)
    E = np.repeat(10.0 ** np.linspace(-300, 300, 41)[:, None], 2, axis=1)
    rows = replace(rows, errors=E, X=np.ones((41, 2)))
    factors = STRUCTURES[name].factorize(p)
    found = rows.score(factors, posterior=True)
    wide = E[:, 0] > 1e20
    framed = np.log(E[wide] * rows.frame.scale**2).sum(axis=1)
    np.testing.assert_allclose(found.log_density[wide], -np.log(2 * np.pi) - framed / 2, rtol=1e-12)
    np.testing.assert_allclose(found.posterior[wide], np.tile(p.weights, (wide.sum(), 1)), rtol=1e-9)
    exact = Rows(rows.X, None, rows.frame).score(factors).log_density
    np.testing.assert_allclose(found.log_density[E[:, 0] < 1e-20], exact[0], rtol=1e-13)
    assert np.isfinite(rows.accumulate(factors).second).all()


def test_covariances_that_depend_on_each_other_keep_their_digits():
    """Moments are summed in units of the component, so its condition of 1e10 costs nothing of its thin direction."""
    rng = np.random.default_rng(0)
    thin, errors = 1e-10, rng.uniform(0, 2e-10, (500, 2))
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    rows, p = observed("full", "variances", 2, 1, n_rows=500, weighted=False)
    X = 8.0 + (rng.normal(size=(500, 2)) * np.sqrt([1.0, thin])) @ turn.T
    S = turn @ np.diag([1.0, thin]) @ turn.T
    p = replace(p, weights=np.ones(1), means=np.zeros((1, 2)), covariances=S[None])
    frame = replace(rows.frame, exponent=np.zeros(2, np.int64), centre=np.full(2, 8.0))
    rows = replace(rows, X=X, errors=errors, frame=frame)
    found = turn.T @ rows.accumulate(STRUCTURES["full"].factorize(p)).second[0] @ turn
    expected = 0.0
    for x, e in zip(X - 8.0, errors, strict=True):
        E = turn.T @ np.diag(e) @ turn  # along the axes of S, where T can be inverted without loss
        D = np.diag([1.0, thin])
        P = np.linalg.inv(D + E)
        b = D @ P @ (turn.T @ x)
        expected += np.outer(b, b) + D - D @ P @ D
    np.testing.assert_allclose(found[1, 1], expected[1, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"errors": np.zeros((199, 3))}, ValueError, r"errors: expected shape \(200, 3\) or \(200, 3, 3\)"),
        ({"errors": np.zeros((200, 3, 2))}, ValueError, "errors: expected shape"),
        ({"errors": np.zeros(200)}, ValueError, "errors: expected shape"),
        ({"errors": np.zeros((200, 3), np.int32)}, TypeError, "errors: expected float32 or float64"),
        ({"errors": None}, TypeError, "errors"),
        ({"n_threads": 0}, ValueError, "n_threads"),
    ],
)
def test_misuse_of_the_binding(change, error, message):
    rows, p = observed("full", "matrices", 3, 2)
    given = {"errors": rows.errors, "n_threads": 2} | change
    before = (rows.X, None, rows.frame.scale, rows.frame.centre, given["errors"])
    arrays = (p.weights, p.means, p.covariances)
    sums = (np.zeros(2), np.zeros((2, 3)), np.zeros((2, 3, 3)))
    with pytest.raises(error, match=message):
        _native.accumulate_measured(*before, 0, *arrays, None, *sums, given["n_threads"])
    with pytest.raises(error, match=message):
        _native.score_measured(before[0], *before[2:], 0, 1, *arrays, np.zeros(200), None, None, given["n_threads"])


def test_rows_and_mixtures_that_cannot_be_used():
    rows, p = observed("full", "matrices", 3, 2)
    singular = replace(p, covariances=np.stack([np.eye(3), np.zeros((3, 3))]))
    factors = replace(STRUCTURES["full"].factorize(p), parameters=singular)
    with pytest.raises(np.linalg.LinAlgError, match="component 1 is not positive definite"):
        rows.accumulate(factors)
    rows.X[11, 2] = np.inf
    for ask in (rows.accumulate, rows.score):
        with pytest.raises(ValueError, match="Input X contains infinity at row 11, column 2"):
            ask(STRUCTURES["full"].factorize(p))
