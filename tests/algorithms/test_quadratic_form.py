"""Tails of quadratic forms in normal variables: closed forms near and far, exact arithmetic, random signs."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.stats import chi2, norm

from gmm.quadratic_form import positive_probability

RELATIVE = 1e-10
"""The rule stops at two sums that agree to 1e-11; the far tails of SciPy's normal err by 1e-13 themselves."""


@pytest.mark.parametrize("threshold", [-3.0, 0.0, 1.0, 5.0, 20.0, 35.0])
def test_a_normal_variable(threshold):
    found = positive_probability(-threshold * 3.0, np.array([3.0]), np.array([0.0]))
    np.testing.assert_allclose(found.probability, norm.sf(threshold), rtol=RELATIVE)


@pytest.mark.parametrize("degrees", [1, 2, 5, 30])
@pytest.mark.parametrize("threshold", [1e-6, 0.1, 1.0, 10.0, 100.0])
def test_sums_of_squares_from_above_and_below(degrees, threshold):
    above = positive_probability(-threshold, np.zeros(degrees), np.ones(degrees))
    below = positive_probability(threshold, np.zeros(degrees), -np.ones(degrees))
    np.testing.assert_allclose(above.probability, chi2.sf(threshold, degrees), rtol=RELATIVE)
    if chi2.cdf(threshold, degrees) > 1e-14:  # less is not told from 0 where the other tail was the smaller one
        np.testing.assert_allclose(below.probability, chi2.cdf(threshold, degrees), rtol=RELATIVE)


@pytest.mark.parametrize("distance", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_square_off_its_centre(distance, sign):
    """sign ((z + d)^2 - r^2) > 0: z beyond, or between, -d - r and -d + r."""
    radius = distance + 2.0
    found = positive_probability(
        sign * (distance**2 - radius**2), np.array([sign * 2.0 * distance]), np.array([sign])
    ).probability
    outside = norm.sf(radius - distance) + norm.cdf(-radius - distance)
    inside = norm.cdf(radius - distance) - norm.cdf(-radius - distance)
    np.testing.assert_allclose(found, outside if sign > 0 else inside, rtol=RELATIVE)


@pytest.mark.parametrize("ratio", [1.0, 4.0, 1e4])
def test_a_difference_of_squares(ratio):
    found = positive_probability(0.0, np.zeros(2), np.array([1.0, -ratio])).probability
    np.testing.assert_allclose(found, 2.0 / np.pi * np.arctan(1.0 / np.sqrt(ratio)), rtol=RELATIVE)


def test_one_sign_throughout_is_certain():
    assert positive_probability(-1.0, np.array([2.0]), np.array([-1.0])).probability == 0.0
    assert positive_probability(1.0, np.array([2.0]), np.array([1.0])).probability == 1.0
    assert positive_probability(-1.0, np.zeros(2), np.zeros(2)).probability == 0.0


def imhof(constant, linear, quadratic):
    """Along the imaginary axis, by adaptive quadrature of 30 digits."""

    def integrand(t):
        s = mpmath.mpc(0, t)
        log = constant * s
        for c, q in zip(linear, quadratic, strict=True):
            below = 1 - 2 * mpmath.mpf(q) * s
            log += (mpmath.mpf(c) * s) ** 2 / (2 * below) - mpmath.log(below) / 2
        return (mpmath.exp(log)).imag / t

    with mpmath.workdps(30):
        return float(mpmath.mpf(1) / 2 + mpmath.quad(integrand, [0, 1, 2, 4, 8, 16, 32, 64]) / mpmath.pi)


def test_general_forms_against_exact_arithmetic():
    rng = np.random.default_rng(3)
    for _ in range(4):
        linear, quadratic = rng.normal(size=4), rng.normal(size=4)
        linear[0], quadratic[0] = 2.0, 1e-9  # nearly linear: makes the characteristic function fall off
        constant = float(rng.normal())
        found = positive_probability(constant, linear, quadratic)
        np.testing.assert_allclose(found.probability, imhof(constant, linear, quadratic), rtol=0, atol=1e-10)
        assert found.error < 1e-10


def test_wild_scales_converge():
    rng = np.random.default_rng(4)
    for _ in range(200):
        n = rng.integers(1, 9)
        quadratic = rng.normal(size=n) * 10.0 ** rng.uniform(-4, 4, n)
        linear = rng.normal(size=n) * 10.0 ** rng.uniform(-3, 3, n)
        found = positive_probability(float(rng.normal() * 10.0 ** rng.uniform(-3, 3)), linear, quadratic)
        assert 0.0 <= found.probability <= 1.0
        assert found.error < 1e-9
