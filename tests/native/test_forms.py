"""Covariances of mclust's forms: the core beside its twin in NumPy, from nothing and from earlier covariances."""

import numpy as np
import pytest

from gmm import _native
from gmm.parameters import Form
from gmm.reference.forms import constrained

EPS = float(np.finfo(np.float64).eps)
FORMS = [form for form in Form if form is not Form.OWN]


def scatters(form, K, D, seed, few=False):
    """Scatters in the shape of a form; of few rows they are singular."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(K, max(D // 2, 1) if few else 2 * D + 3, D)) * rng.uniform(0.3, 3.0, (K, 1, D))
    S = rows.swapaxes(1, 2) @ rows / rows.shape[1]
    if form is Form.EII:
        return S.trace(axis1=1, axis2=2) / D
    return np.diagonal(S, axis1=1, axis2=2).copy() if form in (Form.EEI, Form.VEI, Form.EVI) else S


def native(form, n, scatter, previous, floor):
    found, floored = scatter.copy(), np.zeros(len(n), bool)
    _native.constrain(form, n, previous, floor, EPS, found, floored)
    return found, floored


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("K", "D"), [(1, 1), (2, 2), (3, 5), (4, 7)])
def test_the_core_finds_what_its_twin_finds(form, K, D):
    n, floor = np.random.default_rng(1).uniform(5.0, 50.0, K), np.full(D, 1e-12)
    S = scatters(form, K, D, 2)
    expected, on_floor = constrained(form, n, S, None, floor, EPS)
    found, floored = native(form, n, S, None, floor)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_array_equal(floored, on_floor)
    again = scatters(form, K, D, 3)
    expected, _ = constrained(form, n, again, expected, floor, EPS)
    found, _ = native(form, n, again, found, floor)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("form", [Form.EII, Form.EEI, Form.VEI, Form.EVI, Form.EVV])
def test_singular_scatters_meet_the_floor_as_in_the_twin(form):
    """Of the other forms singular scatters have axes that are anybody's choice."""
    n, floor = np.array([5.0, 3.0, 8.0]), np.full(4, 1e-6)
    S = scatters(form, 3, 4, 4, few=True)
    S[1] = 0.0
    expected, on_floor = constrained(form, n, S, None, floor, EPS)
    found, floored = native(form, n, S, None, floor)
    np.testing.assert_array_equal(floored, on_floor)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_dead_components_are_neither_read_nor_written(form):
    n, floor = np.array([5.0, 0.0, 8.0]), np.zeros(3)
    S = scatters(form, 3, 3, 5)
    S[1] = np.nan
    found, floored = native(form, n, S, None, floor)
    alone, _ = native(form, n[[0, 2]], S[[0, 2]], None, floor)
    np.testing.assert_array_equal(found[[0, 2]], alone)
    assert np.isnan(found[1]).all()
    assert not floored.any()


def test_misuse():
    S, n, floor, floored = np.ones((2, 3, 3)), np.ones(2), np.zeros(3), np.zeros(2, bool)
    with pytest.raises(ValueError, match="form"):
        _native.constrain(99, n, None, floor, EPS, S, floored)
    with pytest.raises(ValueError, match="argument"):
        _native.constrain(0, n, None, floor, EPS, S, floored)
    with pytest.raises(ValueError, match="covariances"):
        _native.constrain(Form.VEI, n, None, floor, EPS, S, floored)


@pytest.mark.parametrize("step", [native, lambda *given: constrained(*given, EPS)])
@pytest.mark.parametrize("form", [Form.VEE, Form.EVV, Form.EEV, Form.VEV, Form.EVE, Form.VVE])
def test_of_one_component_a_singular_scatter_is_raised_to_the_floor(form, step):
    rows = np.random.default_rng(0).normal(size=(4, 9))
    S, least = rows.T @ rows / 4, 1e-12
    found, floored = step(form, np.array([4.0]), S[None], None, np.full(9, least))
    assert floored[0]
    rounding = 1e-3 if form is Form.VEE else 1e-10  # of what is raised, over the floor, is in the volume of VEE
    np.testing.assert_allclose(found[0], S, rtol=0, atol=rounding)
    assert np.linalg.eigvalsh(found[0])[0] > 0.0
