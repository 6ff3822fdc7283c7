"""Matching of components: by hand, against every permutation, and its rule of ambiguity at both ends."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from tolerances import CLOSED_FORM

from gmm.agreement import adjusted_rand_index
from gmm.matching import AMBIGUOUS, match, resemblances


def test_resemblances_are_fuzzy_jaccard_coefficients():
    rng = np.random.default_rng(0)
    r, s, weight = rng.dirichlet(np.ones(3), 50), rng.dirichlet(np.ones(4), 50), rng.integers(0, 4, 50).astype(float)
    wanted = [
        [weight @ np.minimum(a, b) / (weight @ np.maximum(a, b)) for b in s.T] for a in r.T
    ]  # fmt: skip
    np.testing.assert_allclose(resemblances(r, s, weight), wanted, rtol=CLOSED_FORM)
    repeated = np.repeat(np.arange(50), weight.astype(int))
    np.testing.assert_allclose(resemblances(r[repeated], s[repeated]), wanted, rtol=CLOSED_FORM)


def test_hard_labels_have_jaccard_coefficients_and_empty_components_match_each_other():
    r = np.eye(3)[[0, 0, 0, 1]]
    s = np.eye(3)[[0, 0, 1, 1]]
    np.testing.assert_allclose(resemblances(r, s), [[2 / 3, 1 / 4, 0], [0, 1 / 2, 0], [0, 0, 1]], rtol=CLOSED_FORM)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_and_the_nearest_other_assignment_are_those_of_all(seed):
    table = np.random.default_rng(seed).random((4, 4))
    totals = {order: sum(table[k, order[k]] for k in range(4)) for order in permutations(range(4))}
    best = max(totals, key=totals.get)
    found = match(table)
    assert tuple(found.order) == best
    np.testing.assert_allclose(found.resemblance, table[np.arange(4), best], rtol=CLOSED_FORM)
    # the nearest assignment that changes component k, for each k, per component it moves
    near = []
    for k in range(4):
        other = max((order for order in totals if order[k] != best[k]), key=totals.get)
        moved = np.array(other) != best
        near.append(((totals[best] - totals[other]) / moved.sum(), tuple(moved)))
    margin, rivals = min(near, key=lambda each: each[0])
    np.testing.assert_allclose(found.margin, margin, rtol=1e-9, atol=CLOSED_FORM)
    assert tuple(found.rivals) in [moved for loss, moved in near if loss <= margin + CLOSED_FORM], rivals


def test_equal_rivals_are_ambiguous_and_clear_ones_are_not():
    even = match(np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    assert even.margin == 0.0 < AMBIGUOUS
    assert even.rivals.tolist() == [True, True, False]
    clear = match(np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert clear.margin > AMBIGUOUS
    one = match(np.array([[0.3]]))
    assert (one.margin, one.rivals.tolist()) == (1.0, [False])


def test_a_weighted_rand_index_is_that_of_repeated_rows():
    rng = np.random.default_rng(1)
    labels, others, weight = rng.integers(0, 3, 40), rng.integers(0, 4, 40), rng.integers(0, 5, 40)
    repeated = np.repeat(np.arange(40), weight)
    found = adjusted_rand_index(labels, others, weight.astype(float))
    np.testing.assert_allclose(found, adjusted_rand_index(labels[repeated], others[repeated]), rtol=CLOSED_FORM)
