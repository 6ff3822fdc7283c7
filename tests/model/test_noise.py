"""The box of the noise against shapes whose volume is known, and what a mixture with noise answers."""

import math

import numpy as np
import pytest
from framed_rows import framed
from tolerances import CLOSED_FORM, FIVE_SIGMA

from gmm.covariances import DIAG, FULL, SPHERICAL, STRUCTURES
from gmm.errors import DataError, ParameterError
from gmm.frame import Frame
from gmm.mixture import Mixture
from gmm.noise import Noise
from gmm.parameters import Kernel, Parameters
from gmm.reference import maximize
from gmm.region import box_of
from gmm.rows import Rows


def user_log_volume(rows, structure=FULL):
    return box_of(rows, structure).log_volume - rows.frame.log_jacobian


def brick(lengths, angle=0.0, seed=0, n_rows=400):
    """Rows in a box of these lengths with rows in its corners, its first two axes turned by an angle."""
    rng = np.random.default_rng(seed)
    corners = np.array(np.meshgrid(*[[0.0, 1.0]] * len(lengths))).reshape(len(lengths), -1).T
    points = np.vstack([rng.random((n_rows, len(lengths))), np.repeat(corners, 50, axis=0)]) * lengths
    turn = np.eye(len(lengths))
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return points @ turn + 7.0


def test_the_smaller_of_two_boxes():
    straight, turned = framed(brick([4.0, 1.0, 0.5])), framed(brick([4.0, 1.0, 0.5], angle=0.5))
    assert abs(user_log_volume(straight) - math.log(2.0)) < 1e-9
    assert box_of(turned, FULL).edges.ndim == 2
    assert math.log(2.0) - 1e-9 < user_log_volume(turned) < math.log(3.0)  # its axes are those of the sample
    along = np.log(np.ptp(turned.X, axis=0)).sum()
    assert along > math.log(5.5) > user_log_volume(turned)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-12, 1e12, 1e160, 1e300])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_any_units(scale, angle):
    X = brick([4.0, 1.0, 0.5], angle) - 7.0
    expected = user_log_volume(framed(X))
    assert abs(user_log_volume(framed(X * scale)) - expected - 3 * math.log(scale)) < 1e-9


def test_columns_of_very_different_units():
    X = brick([4.0, 1.0, 0.5]) - 7.0
    rows = framed(X * [1e-200, 1.0, 1e200])
    assert abs(user_log_volume(rows) - math.log(2.0)) < 1e-9


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_a_constant_feature_cancels(structure):
    """Noise and a component on the floor get the same factor from it."""
    X = brick([4.0, 1.0])
    flat, rows = framed(np.column_stack([X, np.full(len(X), 3.0)]), structure), framed(X, structure)
    found = box_of(flat, structure).log_volume - box_of(rows, structure).log_volume
    variance = flat.frame.floor[2]
    if structure is SPHERICAL:
        variance = X.var(axis=0).sum() / 3 * flat.frame.scale[0] ** 2
        found -= 2 * (math.log(flat.frame.scale[0]) - math.log(rows.frame.scale[0]))
    assert abs(found - 0.5 * math.log(2 * math.pi * variance)) < 1e-9


def test_dependent_features_keep_their_own_box_where_no_covariance_follows_them():
    x = np.linspace(0.0, 4.0, 200)
    rows = framed(np.column_stack([x, 2 * x]), DIAG)
    box = box_of(rows, DIAG)
    assert box.edges.ndim == 1
    assert box.log_volume - rows.frame.log_jacobian == pytest.approx(math.log(32.0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_direction_without_spread_cancels(dtype):
    """On a line in three dimensions a component's peak is as far above the noise as in one."""
    x = np.random.default_rng(0).uniform(0.0, 4.0, 500).astype(dtype)
    line, plain = (Rows.from_array(np.ascontiguousarray(X)) for X in (np.outer(x, [1, 2, -1]), x[:, None]))
    box = box_of(line, FULL)
    assert np.count_nonzero(np.abs(box.edges).sum(axis=1)) == 1
    above = []
    for rows, noise in ((line, box), (plain, box_of(plain, FULL))):
        total = rows.moments(Kernel.FULL, np.zeros((1, rows.n_features)))
        D = rows.n_features
        unknown = Parameters(np.ones(1), np.zeros((1, D)), np.eye(D)[None])
        parameters, _ = FULL.maximize(total, unknown, floor=rows.frame.floor)
        above.append(FULL.factorize(parameters).log_constants[0] + noise.log_volume)
    assert abs(above[0] - above[1]) < (1e-3 if dtype == "float64" else 0.1)


@pytest.mark.parametrize("off", [1e-6, 1e-5])
def test_one_row_off_a_line_gives_it_no_second_dimension(off):
    """Its distance is a length above rounding, its variance is below, where eigenvalues have any sign."""
    for seed in range(8):
        x = np.random.default_rng(seed).uniform(0.0, 4.0, 30_000)
        X = np.column_stack([x, 2 * x])
        line = user_log_volume(framed(X))
        X[0, 1] += off
        assert abs(user_log_volume(framed(X)) - line) < 1e-3


def test_every_row_lies_in_the_box():
    for angle in (0.0, 0.7):
        rows = framed(brick([4.0, 1.0, 0.5], angle))
        box = box_of(rows, FULL)
        points = rows.frame.points_in(rows.X) - box.corner
        u = points / box.edges if box.edges.ndim == 1 else points @ np.linalg.inv(box.edges)
        assert u.min() >= -1e-15
        assert u.max() <= 1 + 1e-15
        volume = box.edges.prod() if box.edges.ndim == 1 else abs(np.linalg.det(box.edges))
        assert abs(math.log(volume) - box.log_volume) < 1e-9


def test_rows_of_weight_zero_are_absent_and_no_spread_is_refused():
    X = brick([4.0, 1.0])
    far = np.vstack([X, [[1e6, -1e6]]])
    weight = np.append(np.full(len(X), 2.0), 0.0)
    assert user_log_volume(framed(far, FULL, weight)) == pytest.approx(user_log_volume(framed(X)), abs=1e-9)
    with pytest.raises(DataError, match="no feature has any spread"):
        box_of(framed(np.ones((5, 2))), FULL)


def test_a_box_resized_keeps_its_centre():
    for angle in (0.0, 0.7):
        box = box_of(framed(brick([4.0, 1.0], angle)), FULL)
        larger = box.resized(box.log_volume + math.log(16.0))
        across, wide = (b.edges if b.edges.ndim == 1 else b.edges.sum(axis=0) for b in (box, larger))
        np.testing.assert_allclose(larger.corner + wide / 2, box.corner + across / 2, atol=1e-12)
        np.testing.assert_allclose(larger.edges, 4.0 * box.edges)


def beside(weights, weight):
    noise = Noise(weight, math.log(100.0), np.full(2, -5.0), np.full(2, 10.0))
    parameters = Parameters(np.array(weights), np.array([[0.0, 0.0], [3.0, 0.0]]), np.ones((2, 2)), noise)
    return Mixture(DIAG, parameters, Frame.identity(2))


def test_density_posterior_and_label_by_hand():
    m = beside([0.3, 0.5], 0.2)
    X = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 4.0], [50.0, 0.0]])
    gauss = np.exp(-0.5 * ((X[:, None] - m.means) ** 2).sum(axis=2)) / (2 * np.pi) * m.weights
    parts = np.column_stack([gauss, np.full(4, 0.2 / 100)])
    np.testing.assert_allclose(m.log_density(X), np.log(parts.sum(axis=1)), rtol=CLOSED_FORM)
    np.testing.assert_allclose(m.posterior(X), parts / parts.sum(axis=1, keepdims=True), rtol=CLOSED_FORM, atol=1e-300)
    np.testing.assert_array_equal(m.label(X), [0, 1, -1, -1])
    assert m.n_parameters == 1 + 4 + 4 + 2


def test_samples_of_noise_fill_the_box():
    m = beside([0.3, 0.5], 0.2)
    X, label = m.sample(50_000, np.random.default_rng(0))
    noise = X[label == -1]
    assert abs(len(noise) - 10_000) < FIVE_SIGMA * math.sqrt(50_000 * 0.2 * 0.8)
    assert (label[-len(noise) :] == -1).all()
    assert (np.abs(noise) <= 5.0).all()
    assert (np.abs(noise.mean(axis=0)) < FIVE_SIGMA * 10 / math.sqrt(12 * len(noise))).all()
    assert noise.max() > 4.9


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_the_maximise_step_is_the_twins(structure):
    rng = np.random.default_rng(1)
    X = np.vstack([rng.normal([4, 0], 1, (300, 2)), rng.normal(size=(300, 2)), rng.uniform(-9, 9, (200, 2))])
    rows, twin = (framed(X, structure, twin=is_twin) for is_twin in (False, True))
    box = box_of(rows, structure).weighing(0.25)
    covariances = structure.covariances_in(unit(structure), rows.frame)
    start = Parameters(np.full(2, 0.5), rows.frame.points_in(X[[0, 400]]), covariances).with_noise(box)
    limits = {"floor": rows.frame.floor}
    found, _ = structure.maximize(rows.accumulate(structure.factorize(start)), start, **limits)
    expected, _ = maximize(structure.kernel, twin.accumulate(structure.factorize(start)), start, **limits)
    np.testing.assert_allclose(found.mixing, expected.mixing, rtol=1e-11)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.covariances, expected.covariances, rtol=1e-10, atol=1e-11)
    assert abs(found.mixing.sum() - 1) < 1e-15
    assert 0.1 < found.noise.weight < 0.5


def unit(structure):
    shape = structure.shape(2, 2)
    return np.ones(shape) if len(shape) == 1 or structure is DIAG else np.broadcast_to(np.eye(2), shape).copy()


def test_noise_that_takes_every_row_is_refused():
    rows = framed(np.random.default_rng(0).normal(size=(50, 2)))
    parameters = Parameters(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    loud = parameters.with_noise(Noise(0.5, -2000.0, np.zeros(2), np.ones(2)))
    with pytest.raises(ParameterError, match="noise takes every row"):
        FULL.maximize(rows.accumulate(FULL.factorize(loud)), loud, floor=rows.frame.floor)
