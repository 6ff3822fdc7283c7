"""Fits that have an answer in closed form, found here in exact arithmetic: shift, scale, condition, many features."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")
DIGITS = 80


def exact_log_likelihood(X, structure):
    """Nats per row of one Gaussian at its maximum, -(D (1 + log 2 pi) + log det S) / 2, from rational moments."""
    N, D = X.shape
    rows = [[Fraction(float(v)) for v in row] for row in X]
    mean = [sum(row[j] for row in rows) / N for j in range(D)]
    centred = [[row[j] - mean[j] for j in range(D)] for row in rows]
    with mpmath.workdps(DIGITS):

        def number(f):
            return mpmath.mpf(f.numerator) / f.denominator

        def moment(i, j):
            return sum(row[i] * row[j] for row in centred) / N

        if structure in ("full", "tied"):
            S = mpmath.matrix(D, D)
            for i in range(D):
                for j in range(D):
                    S[i, j] = number(moment(i, j))
            log_det = mpmath.log(mpmath.det(S))
        elif structure == "diag":
            log_det = sum(mpmath.log(number(moment(j, j))) for j in range(D))
        else:
            log_det = D * mpmath.log(number(sum(moment(j, j) for j in range(D)) / D))
        return float(-(D * (1 + mpmath.log(2 * mpmath.pi)) + log_det) / 2), [float(m) for m in mean]


def rows(n_samples=60, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_features)) @ rng.normal(size=(n_features, n_features))


def assert_closed_form(X, structure, tolerance):
    expected, mean = exact_log_likelihood(X, structure)
    model = GaussianMixture(1, covariance_type=structure).fit(X)
    assert model.converged_
    assert abs(model.log_likelihood_ - expected) <= tolerance
    assert abs(model.score(X) - expected) <= tolerance
    off = 1e-13 if X.dtype == np.float64 else 1e-6  # of the range; blocks of float32 are summed in float32
    spread = np.ptp(X.astype(np.float64), axis=0).max()
    np.testing.assert_allclose(model.means_[0], mean, rtol=4 * 2.0**-52, atol=off * spread)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shift", [0.0, 1e4, 1e6, 1e8, 1e10])
def test_shift(structure, shift):
    assert_closed_form(rows() + shift, structure, 1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-12, 1e-5, 1e5, 1e12, 1e160, 1e300])
def test_scale(structure, scale):
    assert_closed_form(rows() * scale, structure, 1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("units", [[1e-6, 1.0, 1e6], [1e6, 1e-6, 1.0], [1.0, 1e-12, 1e12]])
def test_units_of_columns(structure, units):
    assert_closed_form(rows() * units, structure, 1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(3))
def test_condition_1e12(structure, seed):
    """The thinnest direction has 1e-6 of the widest's spread; rounding of the input alone moves it by some 1e-10."""
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    X = np.random.default_rng(seed).normal(size=(60, 3)) * [1.0, 1e-3, 1e-6] @ basis
    assert_closed_form(X, structure, 1e-4 if structure in ("full", "tied") else 1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shift", [1e3, 1e4])
def test_float32_is_its_exact_values(structure, shift):
    """As exact as the sums of float32 arithmetic about the means, wherever the rows lie."""
    X = (rows() + shift).astype(np.float32)
    assert_closed_form(X, structure, 1e-6)


@pytest.mark.parametrize("structure", ["full", "tied"])
@pytest.mark.parametrize(("N", "D"), [(1200, 500), pytest.param(5000, 2000, marks=pytest.mark.long)])
def test_many_features(structure, N, D):
    """det S is 10^-2250 and 10^-9000: its logarithm is a sum of logarithms."""
    X = np.random.default_rng(0).normal(size=(N, D)) * np.geomspace(1e-9, 1.0, D)
    model = GaussianMixture(1, covariance_type=structure).fit(X)
    unit = np.geomspace(1e-9, 1.0, D)
    centred = X / unit
    centred -= centred.mean(axis=0)
    log_det = 2 * np.log(np.abs(np.diag(np.linalg.qr(centred, mode="r")))).sum() - D * np.log(N)
    expected = -(D * (1 + np.log(2 * np.pi)) + log_det) / 2 - np.log(unit).sum()
    assert model.log_likelihood_ == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize(("centre", "sd"), [(1e4, 1e-3), (1e8, 1.0), (-1e6, 1e-3)])
def test_a_narrow_component_far_from_zero(structure, centre, sd):
    """Exactly given parameters, rows and means that differ from each other exactly: no log-density above the peak."""
    D = 2
    variance = np.float64(sd) ** 2
    covariances = {"full": [np.eye(D) * variance], "tied": np.eye(D) * variance, "diag": [[variance] * D],
                   "spherical": [variance]}[structure]  # fmt: skip
    model = GaussianMixture.from_parameters([1.0], [[centre] * D], covariances, covariance_type=structure)
    X = centre + sd * np.random.default_rng(0).normal(size=(500, D))
    with mpmath.workdps(DIGITS):
        peak = -mpmath.log(2 * mpmath.pi) - mpmath.log(mpmath.mpf(float(variance)))
        square = [sum((mpmath.mpf(float(v)) - centre) ** 2 for v in row) for row in X]
        expected = [float(peak - s / mpmath.mpf(float(variance)) / 2) for s in square]
    found = model.score_samples(X)
    assert found.max() <= float(peak)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    assert model.score_samples([[centre] * D])[0] == pytest.approx(float(peak), abs=1e-14)
