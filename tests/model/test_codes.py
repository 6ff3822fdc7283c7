"""mclust's codes: each M-step is the best of its form, forms are checked, geometry puts covariances together again."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from tolerances import CLOSED_FORM

from gmm.covariances import CODES, structure
from gmm.covariances.geometry import decompose
from gmm.errors import ParameterError
from gmm.parameters import Kernel, Parameters
from gmm.statistics import Statistics

K, D = 3, 4
NAMES = list(CODES)
FLOOR = np.full(D, 1e-30)


def scatters(seed=0):
    rng = np.random.default_rng(seed)
    units = rng.uniform(0.5, 2.0, (K, 1, D))
    S = np.stack([problems.random_covariance(D, rng) for _ in range(K)])
    return rng.uniform(5.0, 50.0, K), S * units * units.swapaxes(1, 2)


def found(code, n, S, previous=None):
    """Covariances (K, D, D) of an M-step whose sums have these scatters."""
    second = {
        Kernel.FULL: n[:, None, None] * S,
        Kernel.DIAG: n[:, None] * np.diagonal(S, axis1=1, axis2=2),
        Kernel.SPHERICAL: n * np.trace(S, axis1=1, axis2=2),
    }[code.moments_kernel]
    sums = Statistics(n, np.zeros((K, D)), second, np.zeros((K, D)), 0.0, n.sum(), 100)
    before = Parameters(n, sums.means, np.zeros(code.shape(K, D)) if previous is None else code.narrowed(previous))
    parameters, floored = code.maximize(sums, before, floor=FLOOR)
    assert not floored.any()
    return code.dense(parameters.covariances, K, D)


def cost(n, covariances, S):
    signs, logs = np.linalg.slogdet(covariances)
    assert (signs > 0).all()
    return n @ (logs + np.trace(np.linalg.solve(covariances, S), axis1=1, axis2=2))


def nearby(code, covariances, rng, step):
    """Another mixture of the same form: volumes, shapes and axes moved, together where the letter is E."""
    volume, shape, axes = decompose(covariances, structure(code).axes)
    if code in ("EVE", "VVE"):
        assert np.abs(axes - axes[0]).max() < 1e-9
    moves = [rng.normal(size=K), rng.normal(size=(K, D)), rng.normal(size=(K, D, D))]
    for letter, move in zip(code, moves, strict=True):
        if letter == "E":
            move[:] = move[0]
        if letter == "I":
            move[:] = 0.0
    volume = volume * np.exp(step * moves[0])
    shape = shape * np.exp(step * (moves[1] - moves[1].mean(axis=1, keepdims=True)))
    skew = step * (moves[2] - moves[2].swapaxes(1, 2))
    turn = np.linalg.solve(np.eye(D) + skew, np.eye(D) - skew)
    axes = turn @ axes
    return (axes * (volume[:, None] * shape)[:, None, :]) @ axes.swapaxes(1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_no_mixture_of_the_form_is_likelier_nearby(name):
    code, (n, S) = structure(name), scatters()
    best = found(code, n, S)
    reached, rng = cost(n, best, S), np.random.default_rng(1)
    for step in (1e-3, 1e-2, 0.1, 0.5):
        for _ in range(50):
            assert cost(n, nearby(name, best, rng, step), S) >= reached - 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_the_m_step_finds_the_form_again(name):
    """From scatters of the form they are their own solution, whatever the step begins with."""
    code, (n, S) = structure(name), scatters(2)
    form = found(code, n, S)
    again = found(code, n, form, previous=found(code, n, scatters(3)[1]))
    np.testing.assert_allclose(again, form, rtol=0, atol=1e-9 * np.abs(form).max())
    np.testing.assert_array_equal(code.validate(form, K, D), form)


@pytest.mark.parametrize("name", NAMES)
def test_geometry_has_the_letters(name):
    n, S = scatters(4)
    covariances = found(structure(name), n, S)
    volume, shape, axes = decompose(covariances, structure(name).axes)
    np.testing.assert_allclose(shape.prod(axis=1), 1.0, rtol=CLOSED_FORM * 10)
    np.testing.assert_allclose(
        (axes * (volume[:, None] * shape)[:, None, :]) @ axes.swapaxes(1, 2), covariances, atol=1e-12
    )
    alike = [np.ptp(volume) < 1e-9, np.ptp(shape, axis=0).max() < 1e-9, np.ptp(axes, axis=0).max() < 1e-9]
    if name[1] == "I":
        alike[1] = np.abs(shape - 1).max() < 1e-9
    if name[2] == "I":
        alike[2] = np.array_equal(axes, np.repeat(np.eye(D)[None], K, axis=0))
    assert alike == [letter in "EI" for letter in name]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "VVV"])
def test_another_form_is_refused(name):
    with pytest.raises(ParameterError, match=f"not of the form '{name}'"):
        structure(name).validate(scatters()[1], K, D)


@pytest.mark.parametrize("name", NAMES)
def test_degrees_of_freedom(name):
    """Celeux and Govaert 1995, table 1, without weights and means."""
    alpha, beta = 0, D * (D + 1) // 2
    expected = {
        "EII": alpha + 1, "VII": alpha + K, "EEI": D, "VEI": D + K - 1, "EVI": K * D - K + 1, "VVI": K * D,
        "EEE": beta, "VEE": beta + K - 1, "EVE": beta + (K - 1) * (D - 1), "VVE": beta + (K - 1) * D,
        "EEV": K * beta - (K - 1) * D, "VEV": K * beta - (K - 1) * (D - 1), "EVV": K * beta - (K - 1), "VVV": K * beta,
    }  # fmt: skip
    assert structure(name).n_parameters(K, D) == expected[name]


@pytest.mark.parametrize("name", ["VEE", "EVE", "VVE", "VEV", "VEI"])
def test_a_step_that_begins_elsewhere_is_no_worse_than_where_it_began(name):
    code = structure(name)
    n, S = scatters(5)
    for seed in range(6, 12):
        before = found(code, n, scatters(seed)[1])
        assert cost(n, found(code, n, S, previous=before), S) <= cost(n, before, S)


@pytest.mark.parametrize("name", NAMES)
def test_dead_components_keep_their_covariance(name):
    code, (n, S) = structure(name), scatters()
    before = found(code, n, S)
    second = {Kernel.FULL: S, Kernel.DIAG: np.diagonal(S, axis1=1, axis2=2), Kernel.SPHERICAL: np.ones(K)}
    sums = Statistics(n * [1, 0, 1], np.zeros((K, D)), second[code.moments_kernel] * 1.0, np.zeros((K, D)), 0.0, 1.0, 9)
    previous = Parameters(n / n.sum(), sums.means + 2.0, code.narrowed(before))
    parameters, _ = code.maximize(sums, previous, floor=FLOOR)
    assert parameters.weights[1] == 0.0
    np.testing.assert_array_equal(parameters.means[1], 2.0)
    if name != "EEE":
        np.testing.assert_array_equal(parameters.covariances[1], previous.covariances[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_component_of_one_row_meets_the_floor(name):
    code, (n, S) = structure(name), scatters()
    S[1] = 0.0
    second = {
        Kernel.FULL: n[:, None, None] * S,
        Kernel.DIAG: n[:, None] * np.diagonal(S, axis1=1, axis2=2),
        Kernel.SPHERICAL: n * np.trace(S, axis1=1, axis2=2),
    }[code.moments_kernel]
    sums = Statistics(n, np.zeros((K, D)), second, np.zeros((K, D)), 0.0, n.sum(), 100)
    before = Parameters(n, sums.means, np.zeros(code.shape(K, D)))
    parameters, floored = code.maximize(sums, before, floor=np.full(D, 1e-20))
    factors = code.factorize(parameters)
    assert np.isfinite(factors.log_constants).all()
    assert np.isfinite(factors.whiteners).all()
    assert floored[1] == (name not in ("EII", "EEI", "EEE", "EEV"))  # whose variances are pooled
