"""The square of a shared covariance, expanded about the frame's centre: its algebra, and the bound of its rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import problems
import pytest
from tolerances import CLOSED_FORM

from gmm.expansion import LIMIT, Expansion, is_worth_it
from gmm.parameters import Factors, Kernel
from gmm.rows import Rows


def factors_of(means, covariance):
    means = np.asarray(means, np.float64)
    W = np.linalg.inv(np.linalg.cholesky(covariance))
    constants = np.full(len(means), np.log(1 / len(means)) + np.log(np.diagonal(W)).sum())
    return Factors(Kernel.TIED, constants, means, W)


def test_constants_slopes_and_what_is_common_are_the_density():
    rng = np.random.default_rng(0)
    factors = factors_of(rng.normal(size=(4, 3)), problems.random_covariance(3, rng))
    X = rng.normal(size=(50, 3))
    expansion = Expansion.of(factors, X.T @ X / 50, 1.0)
    forms = expansion.constants + X @ expansion.slopes.T
    whitened = (X[:, None] - factors.means) @ factors.whiteners.T
    logs = factors.log_constants - (whitened**2).sum(axis=-1) / 2
    common = [Expansion.of(factors, np.outer(x, x), 1.0).common for x in X]
    np.testing.assert_allclose(forms - np.array(common)[:, None], logs, rtol=0, atol=CLOSED_FORM * 10)
    assert expansion.common == pytest.approx(sum(common) / 50, rel=CLOSED_FORM)


@pytest.mark.parametrize("n_features", [*range(1, 34), 63, 64, 65, 130])
def test_every_width_expands(n_features):
    """As NumPy does, and without a look above the whitener's diagonal."""
    rng = np.random.default_rng(1)
    factors = factors_of(rng.normal(size=(3, n_features)), problems.random_covariance(n_features, rng))
    scatter = problems.random_covariance(n_features, rng)
    precision = factors.whiteners.T @ factors.whiteners
    factors.whiteners[np.triu_indices(n_features, 1)] = np.nan
    means, slopes = factors.means, factors.means @ precision
    expansion = Expansion.of(factors, scatter, 2.5)
    np.testing.assert_allclose(expansion.slopes, slopes, rtol=0, atol=CLOSED_FORM * 10)
    assert expansion.common == pytest.approx((precision * scatter).sum() / 2, rel=CLOSED_FORM)
    assert expansion.common_size == pytest.approx(np.abs(precision * scatter).sum() / 2, rel=CLOSED_FORM)
    forms = (np.abs(slopes) * (2.5 + np.abs(means) / 2)).sum(axis=1)
    spread = np.diagonal(precision) * np.maximum(np.diagonal(scatter), (means**2).max(axis=0))
    assert expansion.reach == pytest.approx(max(forms.max(), spread.max()), rel=CLOSED_FORM)


@pytest.mark.parametrize("distance", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("correlation", [0.0, 1 - 1e-3, 1 - 1e-6])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_bound_holds(distance, correlation, precision):
    """Differences of linear forms, rounded as the kernel rounds, against exact arithmetic."""
    rng = np.random.default_rng(2)
    dtype = np.dtype(precision).type
    means = rng.normal(size=(3, 2)) * distance
    factors = factors_of(means, np.array([[1.0, correlation], [correlation, 1.0]]))
    X = np.concatenate([m + rng.normal(size=(40, 2)) for m in means]).astype(dtype)
    expansion = Expansion.of(factors, X.T.astype(np.float64) @ X / len(X), float(np.abs(X).max()))
    bound = expansion.rounding(precision)
    rounded = np.repeat(expansion.constants.astype(dtype)[None], len(X), axis=0)
    for j in range(2):
        rounded = rounded + X[:, j, None] * expansion.slopes[:, j].astype(dtype)
    exact = np.empty(rounded.shape)
    P = [[Fraction(float(p)) for p in row] for row in factors.whiteners.T @ factors.whiteners]
    for k, m in enumerate(factors.means):
        m = [Fraction(float(v)) for v in m]
        slope = [sum(m[i] * P[i][j] for i in range(2)) for j in range(2)]
        constant = Fraction(float(factors.log_constants[k])) - sum(a * b for a, b in zip(m, slope, strict=True)) / 2
        for i, x in enumerate(X):
            form = constant + sum(Fraction(float(a)) * b for a, b in zip(x, slope, strict=True))
            exact[i, k] = float(form - Fraction(float(rounded[i, k])))
    assert np.abs(exact).max() <= 8 * bound + 1e-15
    assert np.abs(exact).max() > 1e-3 * bound


@pytest.mark.parametrize(("distance", "dtype", "quick"), [
    (2.0, "float64", True), (100.0, "float64", True), (1000.0, "float64", False), (2.0, "float32", True),
    (10.0, "float32", True), (100.0, "float32", False),
])  # fmt: skip
def test_rows_expand_only_near_the_centre(distance, dtype, quick, monkeypatch):
    """Sums are those of the centred kernel either way."""
    rng = np.random.default_rng(3)
    labels = rng.integers(2, size=140_000)
    weight = rng.uniform(0.0, 2.0, 140_000)
    X = (rng.normal(size=(140_000, 2)) + distance * np.array([[-1.0, 0.5], [1.0, 0.0]])[labels]).astype(dtype)
    rows = Rows.from_array(X, weight, n_threads=2)
    means = rows.frame.points_in(np.array([X[labels == k].mean(axis=0, dtype=float) for k in range(2)]) + 0.5)
    factors = factors_of(means, rows.frame.covariance_in(np.eye(2)))
    assert factors.kernel is Kernel.TIED
    calls = []
    monkeypatch.setattr(
        Rows, "_expanded", lambda self, expansion, plain=Rows._expanded: calls.append(1) or plain(self, expansion)
    )
    found = rows.accumulate(factors)
    assert calls == [1] * quick
    expected = Rows(X.astype(np.float64), weight, rows.frame).accumulate(factors.centred())
    second = expected.second.sum(axis=0)
    limit = LIMIT[dtype]
    np.testing.assert_allclose(found.n, expected.n, rtol=limit)
    np.testing.assert_allclose(found.second, second, rtol=0, atol=10 * limit * np.abs(second).max())
    np.testing.assert_array_equal(found.second, found.second.T)
    assert found.log_likelihood / found.weight == pytest.approx(
        expected.log_likelihood / found.weight, rel=0, abs=limit
    )
    assert found.epsilon == np.finfo(dtype).eps


def test_short_passes_are_not_worth_it():
    """Climbs in the core whiten: the loop in Python must give the same bits for as few rows."""
    from gmm.small import SMALL

    assert not is_worth_it(SMALL // 34, 1, 2)
    assert is_worth_it(200_000, 8, 2)
