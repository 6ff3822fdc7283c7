"""Starts beside noise: small clusters in much of it are found as if they were known."""

import numpy as np
import pytest
from framed_rows import framed
from tolerances import PARITY_TWIN

from gmm import GaussianMixture
from gmm.clutter import clutter_share, neighbour_distances, start
from gmm.covariances import FULL, STRUCTURES
from gmm.em import climb
from gmm.region import box_of


def islands(seed, n_features, n_clusters, n_each, n_noise):
    """Tight clusters in noise over a box, and the labels of the truth."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-8, 8, (n_clusters, n_features))
    clusters = [centre + 0.25 * rng.normal(size=(n_each, n_features)) for centre in centres]
    X = np.vstack([*clusters, rng.uniform(-10, 10, (n_noise, n_features))])
    return X, np.append(np.repeat(np.arange(n_clusters), n_each), np.full(n_noise, -1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(2, 4, 40, 800), (2, 6, 100, 2000), (4, 5, 40, 800), (8, 5, 60, 800)])
def test_as_good_as_a_start_from_the_truth(shape, seed):
    X, truth = islands(seed, *shape)
    found = GaussianMixture(shape[1], noise=True, random_state=seed, n_init=1).fit(X)
    known = GaussianMixture(shape[1], noise=True).fit(X, start=truth)
    assert found.objective_ > known.objective_ - 1e-5
    assert abs(found.noise_weight_ - np.mean(truth == -1)) < 0.02


@pytest.mark.parametrize("n_noise", [50, 400, 1600])
def test_neighbours_tell_the_share_of_clutter(n_noise):
    X, truth = islands(1, 3, 4, 100, n_noise)
    distance = neighbour_distances(framed(X))
    share = clutter_share(distance, np.ones(len(X)), 3)
    assert abs(share - np.mean(truth == -1)) < 0.05
    far = np.argsort(distance)[-round(share * len(X)) :]
    assert np.mean(truth[far] == -1) > 0.95


def test_where_nothing_is_far_there_is_no_clutter():
    assert clutter_share(np.zeros(10), np.ones(10), 2) == 0.0
    assert clutter_share(np.ones(10), np.ones(10), 2) == 0.0


def test_fewer_rows_than_neighbours_and_repeated_rows():
    few = framed(np.array([[0.0], [1.0], [5.0]]))
    np.testing.assert_allclose(neighbour_distances(few) * np.std([0, 1, 5]), [5.0, 4.0, 5.0])
    X = np.repeat(np.array([[0.0, 1.0], [1.0, 0.0], [9.0, 9.0]]), 20, axis=0)
    rows = framed(X)
    begun = start(rows, FULL, 2, "kmeans", 0, box_of(rows, FULL), floor=rows.frame.floor)
    framed_rows = rows.frame.points_in(X)
    slack = 1e-12 * np.abs(framed_rows).max()
    assert (begun.means >= framed_rows.min(axis=0) - slack).all()
    assert (begun.means <= framed_rows.max(axis=0) + slack).all()
    assert abs(begun.mixing.sum() - 1) < 1e-12


def test_many_rows_are_seen_through_some():
    """More rows than a start looks at: the same optimum, in units of any size."""
    X, truth = islands(2, 2, 4, 2000, 12_000)
    found = GaussianMixture(4, noise=True, random_state=0, n_init=1).fit(X)
    assert abs(found.noise_weight_ - np.mean(truth == -1)) < 0.02
    assert found.objective_ > GaussianMixture(4, noise=True).fit(X, start=truth).objective_ - 1e-5


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_iterates_are_the_twins(structure):
    """EM beside noise, compiled and in NumPy, from one start."""
    X, _ = islands(3, 3, 3, 100, 200)
    rows, twin = (framed(X, structure, twin=is_twin) for is_twin in (False, True))
    limits = {"floor": rows.frame.floor, "tol": 0.0, "max_iter": 20}
    begun = start(rows, structure, 3, "random", 0, box_of(rows, structure), floor=rows.frame.floor)
    found, expected = (climb(each.accumulate, structure, begun, **limits).parameters for each in (rows, twin))
    np.testing.assert_allclose(found.mixing, expected.mixing, rtol=PARITY_TWIN)
    np.testing.assert_allclose(found.means, expected.means, rtol=PARITY_TWIN, atol=PARITY_TWIN)
    np.testing.assert_allclose(found.covariances, expected.covariances, rtol=PARITY_TWIN, atol=PARITY_TWIN)
