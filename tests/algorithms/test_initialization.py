"""Where climbs start: every method, partitions, small and dead components, invariances."""

import numpy as np
import pytest
from framed_rows import framed
from problems import blobs, far_apart, five_distinct_points

from gmm.covariances import DIAG, FULL, SPHERICAL
from gmm.errors import ParameterError
from gmm.initialization import METHODS, start
from gmm.partition import from_partition
from gmm.subsample import chosen_rows, generator, largest, seeds

ANY_METHOD = pytest.mark.parametrize("method", list(METHODS))


def begin(rows, structure=FULL, n_components=3, method="kmeans", seed=0, **more):
    return start(rows, structure, n_components, method, seed, floor=rows.frame.floor, **more)


@ANY_METHOD
def test_a_start_is_valid_and_reproducible(rows_of, structure, method):
    rows = rows_of(blobs(500, n_features=3).X, structure)
    first, again, other = (begin(rows, structure, method=method, seed=seed) for seed in (1, 1, 2))
    structure.validate(first.covariances, 3, 3)
    assert first.weights.sum() == pytest.approx(1)
    np.testing.assert_array_equal(first.means, again.means)
    np.testing.assert_array_equal(first.covariances, again.covariances)
    if method.startswith("random"):
        assert not np.array_equal(first.means, other.means)


def test_random_covariances_differ_and_those_from_data_do_not(structure):
    rows = framed(blobs(500, n_features=3).X, structure)
    alike = structure.dense(begin(rows, structure, method="random_from_data").covariances, 3, 3)
    np.testing.assert_array_equal(alike[0], alike[1])
    expected = rows.total_scatter / rows.total_weight
    np.testing.assert_allclose(np.trace(alike[0]), np.trace(expected), rtol=1e-10)
    varied = structure.dense(begin(rows, structure, method="random").covariances, 3, 3)
    assert structure.name == "tied" or not np.allclose(varied[0], varied[1], rtol=1e-3)


@pytest.mark.parametrize("method", ["kmeans", "k-means++"])
def test_well_separated_groups_are_found(structure, method):
    problem = blobs(600, separation=12.0)
    rows = framed(problem.X, structure)
    weights = begin(rows, structure, method=method).weights
    np.testing.assert_allclose(np.sort(weights), np.sort(np.bincount(problem.labels) / 600), atol=1e-12)


@pytest.mark.parametrize("structure", [FULL, DIAG], ids=lambda structure: structure.name)
@ANY_METHOD
def test_units_of_a_column_do_not_matter(structure, method):
    X = blobs(400, separation=2.0).X
    unit = np.array([1e-6, 3e7])
    plain, scaled = (begin(framed(x, structure), structure, method=method).weights for x in (X, X * unit))
    np.testing.assert_allclose(plain, scaled, atol=1e-12)


def test_spherical_starts_see_the_columns_in_one_unit():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=400) * 0.01 + 0.05 * (np.arange(400) % 2), rng.normal(size=400) * 10])
    labels = framed(X, SPHERICAL).score(SPHERICAL.factorize(begin(framed(X, SPHERICAL), SPHERICAL, 2)), label=True)[2]
    assert abs(np.corrcoef(labels, X[:, 1])[0, 1]) > 0.7


def test_partition_is_the_plain_maximise_step(rows_of, structure):
    problem = blobs(500, n_features=3)
    rows = rows_of(problem.X, structure)
    onehot = np.eye(3)[problem.labels]
    for partition in (problem.labels, onehot):
        found = from_partition(rows, structure, 3, partition, floor=rows.frame.floor)
        scatter = rows.moments(structure.moments_kernel, found.means, labels=problem.labels)
        expected, _ = structure.maximize(scatter, found, floor=rows.frame.floor)
        np.testing.assert_allclose(found.weights, np.bincount(problem.labels) / 500, rtol=1e-14)
        np.testing.assert_allclose(found.means, expected.means, atol=1e-13)
        np.testing.assert_allclose(found.covariances, expected.covariances, rtol=1e-11, atol=1e-13)


def test_labels_of_minus_one_belong_nowhere(rows_of):
    problem = blobs(500)
    labels = np.where(np.arange(500) % 2, problem.labels, -1)
    rows = rows_of(problem.X)
    half = rows_of(problem.X[1::2])
    found = from_partition(rows, FULL, 3, labels, floor=rows.frame.floor)
    expected = from_partition(half, FULL, 3, labels[1::2], floor=rows.frame.floor)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-14)
    np.testing.assert_allclose(
        rows.frame.points_out(found.means), half.frame.points_out(expected.means), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("spare", [1, 2])
def test_a_small_component_starts_regular_and_with_its_own_weight_and_mean(rows_of, structure, spare):
    X = blobs(500, n_features=4).X
    labels = np.zeros(500, np.int64)
    labels[:2] = 1
    rows = rows_of(X, structure)
    found = from_partition(rows, structure, 2, labels, floor=rows.frame.floor, spare=spare)
    pooled = np.cov(rows.frame.points_in(X).T, bias=True)
    eigenvalues = np.linalg.eigvalsh(structure.dense(found.covariances, 2, 4)[1])
    assert eigenvalues[0] > 0.1 * np.linalg.eigvalsh(pooled)[0]
    assert found.weights[1] == pytest.approx(2 / 500)
    np.testing.assert_allclose(rows.frame.points_out(found.means[1]), X[:2].mean(axis=0), rtol=1e-12)


def test_a_component_without_rows_is_dead(rows_of, structure):
    rows = rows_of(blobs(100).X, structure)
    found = from_partition(rows, structure, 3, np.zeros(100, np.int64), floor=rows.frame.floor)
    assert found.weights.tolist() == [1.0, 0.0, 0.0]
    structure.validate(found.covariances, 3, 2)


@ANY_METHOD
@pytest.mark.parametrize("seed", range(3))
def test_fewer_distinct_rows_than_components_leave_the_rest_dead(rows_of, structure, method, seed):
    rows = rows_of(five_distinct_points(), structure)
    found = begin(rows, structure, 8, method, seed)
    assert (found.weights > 0).sum() == 5
    alive = rows.frame.points_out(found.means[found.weights > 0])
    np.testing.assert_allclose(np.unique(alive.round(9), axis=0), np.unique(rows.X, axis=0), atol=1e-9)


@ANY_METHOD
def test_rows_of_weight_zero_do_not_start_anything(structure, method):
    X = blobs(300).X
    X[::3] += 1e4
    weight = np.tile([0.0, 1.0, 2.0], 100)
    rows = framed(X, structure, weight)
    means = rows.frame.points_out(begin(rows, structure, method=method).means)
    assert np.abs(means).max() < 100


@ANY_METHOD
def test_fewer_distinct_rows_of_positive_weight_than_components(structure, method):
    X = np.random.default_rng(0).normal(size=(60, 2))
    X[:40] = np.repeat([[1.0, 2.0], [3.0, -1.0]], 20, axis=0)
    rows = framed(X, structure, np.repeat([1.0, 0.0], [40, 20]))
    found = begin(rows, structure, 3, method)
    assert (found.weights > 0).sum() == 2
    means = rows.frame.points_out(found.means[found.weights > 0])
    np.testing.assert_allclose(means[np.argsort(means[:, 0])], [[1.0, 2.0], [3.0, -1.0]], rtol=1e-12)


def test_rows_far_apart(structure):
    rows = framed(far_apart().X, structure)
    np.testing.assert_array_equal(begin(rows, structure, 2).weights, [0.5, 0.5])


# ---- callables


def test_callable_may_return_labels_responsibilities_or_means(rows_of, structure):
    problem = blobs(500, separation=12.0)
    rows = rows_of(problem.X, structure)
    means = np.stack([problem.X[problem.labels == k].mean(axis=0) for k in range(3)])
    made = [problem.labels, np.eye(3)[problem.labels], means]
    first, *others = (begin(rows, structure, method=lambda X, K, rng, it=it: it) for it in made)
    for other in others:
        np.testing.assert_allclose(first.means, other.means, atol=1e-13)
        np.testing.assert_allclose(first.covariances, other.covariances, atol=1e-13)


def test_callable_is_told_the_rows_and_a_seeded_generator():
    rows = framed(blobs(100).X)
    told = []

    def method(X, n_components, rng):
        told.append((X, n_components, rng.random()))
        return np.arange(100) % n_components

    begin(rows, method=method, seed=5)
    assert told[0][0] is rows.X
    assert told[0][1:] == (3, np.random.default_rng(5).random())


@pytest.mark.parametrize("made", [np.zeros(7), np.zeros((3, 9)), np.full((100, 3), np.nan), 0.0])
def test_callable_that_returns_something_else(made):
    with pytest.raises(ParameterError, match="init_params returned"):
        begin(framed(blobs(100).X), method=lambda X, K, rng: made)


@pytest.mark.parametrize("label", [3, -2, 0.5])
def test_callable_that_returns_no_label(label):
    made = np.zeros(100)
    made[7] = label
    with pytest.raises(ParameterError, match=r"init_params: row 7 is not a label in -1 \.\. 2"):
        begin(framed(blobs(100).X), method=lambda X, K, rng: made)


def test_callable_that_returns_no_responsibilities():
    for row, why in [
        ([0.5, 0.4, 0.0], "sums neither to 1"),
        ([1.5, -0.5, 0.0], "has a responsibility that is negative"),
    ]:
        made = np.full((100, 3), 1 / 3)
        made[7] = row
        with pytest.raises(ParameterError, match=rf"init_params: row 7 {why}"):
            begin(framed(blobs(100).X), method=lambda X, K, rng, made=made: made)


def test_unknown_name():
    with pytest.raises(ParameterError, match="'kmean'"):
        begin(framed(blobs(100).X), method="kmean")


# ---- the subsample


def test_a_start_of_many_rows_sees_some_of_them():
    size = largest(3, 2)
    X = blobs(3 * size, separation=12.0).X
    rows = framed(X)
    truth = np.sort(np.bincount(blobs(3 * size, separation=12.0).labels) / len(X))
    for method in ("kmeans", "k-means++"):
        np.testing.assert_allclose(np.sort(begin(rows, method=method).weights), truth, atol=0.02)


def test_the_subsample_belongs_to_row_numbers():
    some = chosen_rows(10**5, 3, 1000)
    more = chosen_rows(2 * 10**5, 3, 2000)  # the same share of twice the rows
    np.testing.assert_array_equal(some, more[more < 10**5])
    assert abs(len(some) - 1000) < 5 * np.sqrt(1000)
    assert not np.array_equal(some, chosen_rows(10**5, 4, 1000))


def test_the_subsample_is_of_rows_with_weight():
    weight = np.zeros(10**5)
    weight[70_000:70_500] = 1.0
    chosen = chosen_rows(10**5, 0, 1000, weight)
    np.testing.assert_array_equal(chosen, np.arange(70_000, 70_500))


def test_the_subsample_is_uniform():
    chosen = chosen_rows(10**6, 1, 10**4)
    counts = np.histogram(chosen, 20, (0, 10**6))[0]
    assert ((counts - 500) ** 2 / 500).sum() < 44  # chi-square with 19 degrees of freedom, 0.1 %


def test_seeds():
    assert seeds(7, 4)[0] == 7
    assert len(set(seeds(7, 100))) == 100
    assert seeds(7, 4) == seeds(7, 9)[:4]
    assert seeds(np.random.default_rng(1), 3) == seeds(np.random.default_rng(1), 3)
    assert seeds(np.random.RandomState(1), 3) == seeds(np.random.RandomState(1), 3)
    assert seeds(None, 2) != seeds(None, 2)
    assert generator(3).random() == np.random.default_rng(3).random()
