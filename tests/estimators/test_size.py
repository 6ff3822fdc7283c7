"""More rows than 32 bits can number, and samples large enough to count."""

from __future__ import annotations

import mmap
import sys

import numpy as np
import pytest
from native_problem import DIAG, problem
from tolerances import FIVE_SIGMA

from gmm import GaussianMixture, _native
from gmm.errors import CollapseWarning

SIZES = pytest.mark.parametrize("n_rows", [2**31 + 5000, pytest.param(3 * 10**9, marks=pytest.mark.long)])
MAP_NORESERVE = 0x4000  # Linux

slow_arithmetic = pytest.mark.skipif(
    _native.isa() == "scalar", reason="a pass over 2**31 rows takes half a minute; its row numbers know no instructions"
)


def repeated(value, n_rows):
    """Rows that take no memory: a stride of zero."""
    return np.broadcast_to(np.float32(value), (n_rows, 1))


@SIZES
@slow_arithmetic
def test_sums_over_more_rows_than_32_bits_number(n_rows):
    said = {"sample_weight": None, "precision": 0, "n_threads": 1}
    given = problem(DIAG, n_features=1, n_components=1, X=repeated(1.25, n_rows), **said)
    one = np.ones(1)
    given = given.change(scale=one, centre=np.zeros(1), log_constants=np.zeros(1), means=one[None], whiteners=one[None])
    found = given.accumulate()
    assert found["weight"] == n_rows
    assert found["n"][0] == n_rows
    assert found["first"][0, 0] == 0.25 * n_rows
    assert found["second"][0, 0] == 0.0625 * n_rows
    assert found["log_likelihood"] == pytest.approx(-0.03125 * n_rows, rel=1e-6)


@SIZES
@slow_arithmetic
@pytest.mark.skipif(sys.platform != "linux", reason="8 GB and more that are never written are mapped as Linux does it")
def test_a_value_that_is_not_finite_beyond_the_rows_that_32_bits_number(n_rows):
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    X = np.frombuffer(mmap.mmap(-1, 4 * n_rows, flags=flags), np.float32)[:, None]
    X[n_rows - 679] = np.nan
    with pytest.raises(ValueError, match=rf"NaN.*row {n_rows - 679}, column 0"):
        GaussianMixture(n_threads=1).fit(X)


@pytest.mark.long
def test_a_fit_to_more_rows_than_32_bits_number():
    n_rows = 3 * 10**9
    with pytest.warns(CollapseWarning):
        model = GaussianMixture(1, covariance_type="spherical", random_state=0).fit(repeated(1.25, n_rows))
    assert model.means_[0, 0] == 1.25
    assert f"fitted to {n_rows} rows" in model.summary()


def test_ten_million_samples():
    weights = np.array([0.5, 0.25, 0.2, 0.05 - 1e-6, 1e-6])
    model = GaussianMixture.from_parameters(weights, 100.0 * np.arange(5)[:, None], np.ones((5, 1, 1)))
    model.random_state = 1
    X, labels = model.sample(10**7)
    counts = np.bincount(labels, minlength=5)
    assert counts.sum() == 10**7
    assert (np.abs(counts - 10**7 * weights) < FIVE_SIGMA * np.sqrt(10**7 * weights * (1 - weights))).all()
    deviations = X[:, 0] - 100.0 * labels
    assert abs(deviations.mean()) < FIVE_SIGMA / np.sqrt(10**7)
    assert abs(deviations.std() - 1.0) < FIVE_SIGMA / np.sqrt(2 * 10**7)
    assert np.abs(deviations).max() < 8
