"""Starts of several kinds in one race, on rows where one kind alone ends lower; what counts as a spike."""

import numpy as np
import pytest

import gmm
from gmm import initialization
from gmm.covariances import structure
from gmm.partition import too_thin


def crossing_lines(seed):
    """Three lines through one point, which no distance tells apart."""
    rng = np.random.default_rng(seed)
    t, angle = rng.uniform(-1, 1, 180), np.repeat([0.0, 1.0, 2.1], 60)
    return np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1) + 0.03 * rng.normal(size=(180, 2))


def heap_in_a_heap(seed):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(250, 3)) * 5, rng.normal(size=(100, 3)) * 0.5, rng.normal(size=(25, 3)) * 0.3 + 4
    return np.concatenate(parts)


@pytest.mark.parametrize("rows", [crossing_lines, heap_in_a_heap])
def test_several_kinds_of_start_reach_what_one_alone_does_not(rows):
    """As many starts of each kind: those of all kinds end as high as the best kind, others lower."""
    seed, X = 0, rows(0)
    kinds = ["auto", "hierarchical", "k-means++", "ellipsoids", "random_from_data", "random"]
    ends = {
        kind: gmm.GaussianMixture(3, init_params=kind, n_init=6, random_state=seed).fit(X).log_likelihood_
        for kind in kinds
    }
    assert ends["auto"] >= max(ends.values()) - 1e-5
    assert ends["hierarchical"] < ends["auto"] - 0.05


def test_kinds_of_start_by_number_and_again_alone():
    X = heap_in_a_heap(0)
    raced = gmm.GaussianMixture(3, init_params="auto", n_init=7, random_state=5).fit(X)
    assert len(raced.restarts_) == 7
    best = int(np.argmax([restart.log_likelihood for restart in raced.restarts_]))
    kind = initialization.kind_of_start("auto", best)
    alone = gmm.GaussianMixture(3, init_params=kind, n_init=1, random_state=raced.restarts_[best].seed).fit(X)
    assert alone.log_likelihood_ == pytest.approx(raced.log_likelihood_, abs=1e-9)
    noisy = gmm.GaussianMixture(2, init_params="auto", noise=True, random_state=0).fit(X)
    assert np.isfinite(noisy.log_likelihood_)


def test_a_component_of_few_rows_is_no_spike_where_all_share_their_covariance():
    n = np.array([3.0, 40.0, 20.0])
    for names, thin in ((("EEE", "tied", "EEI", "EII"), False), (("EEV", "VEE", "VEV", "VVV", "VVE", "EVE"), True)):
        for name in names:
            assert too_thin(n, structure(name), 6).tolist() == [thin, False, False], name
    assert too_thin(np.array([2.0, 2.1]), structure("VEI"), 6).tolist() == [True, False]
