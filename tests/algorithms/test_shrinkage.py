"""The intensity that shrinkage="auto" takes: against the one an oracle would, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from gmm.missing import IncompleteRows
from gmm.parameters import Kernel
from gmm.rows import Rows
from gmm.shrinkage import MOST, shrinkage_of


def rows_of(X, **options):
    return Rows.from_array(X, scaling="common", **options)


def intensity(shrinkage):
    return shrinkage.strength / (1.0 + shrinkage.strength)


def spectrum(D, decay=0.1):
    return np.exp(-decay * np.arange(D))


@pytest.mark.parametrize("n_rows", [40, 100, 400])
@pytest.mark.parametrize("kernel", [Kernel.FULL, Kernel.DIAG])
def test_one_component_takes_the_intensity_of_least_error(n_rows, kernel):
    """E|S - V|^2 / (E|S - V|^2 + |V - t I|^2) with V known, over 40 samples."""
    D = 50
    V, found = spectrum(D), []
    for seed in range(40):
        X = np.random.default_rng(seed).normal(size=(n_rows, D)) * np.sqrt(V)
        found.append(intensity(shrinkage_of(rows_of(X), kernel, 1, "auto")))
    error = (V.sum() ** 2 + (V**2).sum() if kernel is Kernel.FULL else 2 * (V**2).sum()) / n_rows
    oracle = error / (error + ((V - V.mean()) ** 2).sum())
    assert abs(np.mean(found) - oracle) < 0.1 * oracle


def test_the_target_is_the_variance_within_clusters():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 2, (200, 5)), rng.normal(0, 2, (200, 5)) + 50])
    rows = rows_of(X)
    target = shrinkage_of(rows, Kernel.FULL, 2, 0.5).target
    assert abs(target * 4.0**rows.frame.common_exponent - 4.0) < 0.2


def test_a_given_intensity_is_the_share_in_a_component_of_average_size():
    assert shrinkage_of(rows_of(np.random.default_rng(0).normal(size=(50, 3))), Kernel.FULL, 2, 0.25).strength == 1 / 3


def test_clusters_of_different_size_are_shrunk_less():
    rng = np.random.default_rng(0)
    alike = np.vstack([rng.normal(0, 1, (100, 10)), rng.normal(0, 1, (100, 10)) + 30])
    unlike = np.vstack([rng.normal(0, 0.3, (100, 10)), rng.normal(0, 3, (100, 10)) + 30])
    much, little = (intensity(shrinkage_of(rows_of(X), Kernel.FULL, 2, "auto")) for X in (alike, unlike))
    assert little < 0.3 * much


def test_it_does_not_depend_on_units_threads_or_repetition():
    X = np.random.default_rng(0).normal(size=(60, 20)) * np.sqrt(spectrum(20))
    base = shrinkage_of(rows_of(X), Kernel.FULL, 2, "auto")
    assert shrinkage_of(rows_of(X, n_threads=3), Kernel.FULL, 2, "auto") == base
    scaled = shrinkage_of(rows_of(X * 2.0**70), Kernel.FULL, 2, "auto")
    assert scaled == base
    twice = shrinkage_of(rows_of(X, sample_weight=np.full(60, 2.0)), Kernel.FULL, 2, "auto")
    assert intensity(twice) < intensity(base)


@pytest.mark.parametrize("kernel", [kernel for kernel in Kernel if kernel is not Kernel.FACTOR])
def test_odd_rows_have_an_intensity(kernel):
    """One row a cluster, equal rows, and rows that look spherical: never all of it, never none."""
    rng = np.random.default_rng(0)
    for X in (rng.normal(size=(3, 4)), np.ones((10, 4)), rng.normal(size=(2000, 4)), rng.normal(size=(30, 1))):
        shrinkage = shrinkage_of(rows_of(X), kernel, 3, "auto")
        assert 0.0 < intensity(shrinkage) <= MOST
        assert shrinkage.target > 0.0


def test_rows_with_gaps_are_completed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) * np.sqrt(spectrum(6, 0.5))
    whole = intensity(shrinkage_of(rows_of(X), Kernel.FULL, 1, "auto"))
    X[rng.random(X.shape) < 0.1] = np.nan
    gaps = intensity(shrinkage_of(IncompleteRows.from_array(X, scaling="common"), Kernel.FULL, 1, "auto"))
    assert abs(gaps - whole) < 0.5 * whole
