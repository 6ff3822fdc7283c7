"""One pass over rows, compiled core only: ``pytest benchmarks/bench_kernels.py --benchmark-enable``.

A result is compared with the NumPy twin on a slice before anything is timed. Sizes are those of `problems.SHAPES`
with a tenth of the rows: a pass is the same work per row at any N.
"""

import numpy as np
import pytest
from problems import SHAPES, STRUCTURES, make_rows, make_start

SLICE = slice(2_000)


def rows_and_factors(name, covariance_type, precision):
    """Compiled rows, their twin on a slice, and factors of the start, in one frame."""
    from gmm.covariances import structure
    from gmm.parameters import Parameters
    from gmm.reference import Rows as Twin
    from gmm.rows import Rows

    shape = SHAPES[name].scaled(0.1)
    X = make_rows(shape)
    start = make_start(X, shape.n_components, covariance_type)
    family = structure(covariance_type)
    rows = Rows.from_array(X, scaling=family.scaling, precision=precision, n_threads=2)
    frame = rows.frame
    inside = Parameters(start.weights, frame.points_in(start.means), family.covariances_in(start.covariances, frame))
    return rows, Twin(X[SLICE], None, frame), family.factorize(inside)


def close(found, expected, precision):
    tolerance = {"float64": 1e-11, "float32": 2e-4}[precision]
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("covariance_type", STRUCTURES)
@pytest.mark.parametrize("name", SHAPES)
def test_accumulate(benchmark, name, covariance_type, precision):
    rows, twin, factors = rows_and_factors(name, covariance_type, precision)
    found, expected = rows.subset(np.arange(SLICE.stop)).accumulate(factors), twin.accumulate(factors)
    close(found.n, expected.n, precision)
    close(found.second, expected.second, precision)
    benchmark.extra_info["row_components"] = rows.n_rows * factors.n_components
    benchmark(rows.accumulate, factors)


@pytest.mark.parametrize("what", ["log_density", "posterior", "label"])
@pytest.mark.parametrize("name", SHAPES)
def test_score(benchmark, name, what):
    rows, twin, factors = rows_and_factors(name, "full", "float64")
    wanted = {"log_density": False, what: True}
    found = getattr(rows.score(factors, **wanted), what)[SLICE]
    expected = getattr(twin.score(factors, **wanted), what)
    close(found, expected, "float64")
    benchmark.extra_info["row_components"] = rows.n_rows * factors.n_components
    benchmark(rows.score, factors, **wanted)


@pytest.mark.parametrize("name", SHAPES)
def test_assign(benchmark, name):
    rows, twin, factors = rows_and_factors(name, "spherical", "float64")
    some = rows.subset(np.arange(SLICE.stop))
    close(some.assign(factors.means).inertia, twin.assign(factors.means).inertia, "float64")
    benchmark.extra_info["row_components"] = rows.n_rows * factors.n_components
    benchmark(rows.assign, factors.means, label=True, sums=True)
