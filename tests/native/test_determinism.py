"""The same bits for any number of threads, any cut at whole blocks, and any crowd of callers."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from native_problem import FULL, KERNELS, WITHOUT_SECOND, bits, problem

from gmm import _native


@pytest.mark.parametrize("precision", [0, 1], ids=["float32", "float64"])
@pytest.mark.parametrize("n_features", [2, 9, 20])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_number_of_threads(kernel, n_features, precision):
    given = problem(kernel, n_rows=9 * 1024 + 77, n_features=n_features, precision=precision)
    labels = np.arange(len(given.X)) % 5 - 1
    for call in ("accumulate", "score", "assign", "seed", "scan", "moments"):
        if call == "moments" and kernel in WITHOUT_SECOND:
            continue
        arguments = {"labels": labels} if call == "moments" else {}
        one, *others = [bits(getattr(given.change(n_threads=t), call)(**arguments)) for t in (1, 2, 3, 8)]
        assert others == [one] * 3, call


@pytest.mark.parametrize("n_features", [3, 12, 130])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_sample_weights_have_no_unit(kernel, n_features):
    """In units 2**80 times as large they are the same: no sum meets a bound of its own."""
    given = problem(kernel, n_rows=1300, n_features=n_features)
    light = given.change(sample_weight=given.sample_weight * 2.0**-80).accumulate()
    expected = {name: value if value is None else value * 2.0**-80 for name, value in given.accumulate().items()}
    assert bits(light) == bits(expected)


@pytest.mark.parametrize("precision", [0, 1], ids=["float32", "float64"])
@pytest.mark.parametrize("n_features", [1, 3, 12, 40, 130])
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_absent_rows_beyond_the_arithmetic_add_nothing(kernel, n_features, precision):
    """Of weight zero, finite as they were given, infinite in the frame or in float32."""
    given = problem(kernel, n_rows=300, n_features=n_features, precision=precision)
    X, weight = given.X * 2.0**-60, given.sample_weight + 0.1
    X[7], X[290], weight[[7, 290]] = 1e300, -1e300, 0.0
    far = given.change(X=X, scale=given.scale * 2.0**60, sample_weight=weight)
    near = far.change(X=np.where(np.abs(X) > 1.0, 0.0, X))
    labels = np.arange(300) % 5 - 1
    assert bits(far.accumulate()) == bits(near.accumulate())
    if kernel not in WITHOUT_SECOND:
        assert bits(far.moments(labels=labels)) == bits(near.moments(labels=labels))
    found, expected = far.assign(), near.assign()
    for name in ("n", "sum", "inertia"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(far.seed()["potential"], near.seed()["potential"], rtol=1e-12)


def test_slices_of_a_long_call():
    """One thread takes more than one slice for these rows, eight take one; the sums do not tell."""
    given = problem(n_rows=400_000, n_features=5, n_components=8)
    one, many = (given.change(n_threads=t) for t in (1, 8))
    assert bits(one.accumulate()) == bits(many.accumulate())
    assert bits(one.score()) == bits(many.score())
    assert bits(one.assign()) == bits(many.assign())
    assert bits(one.seed()) == bits(many.seed())


def test_slices_of_a_scan():
    """Three slices and more, which are merged: neither threads nor the clock decide how long they are."""
    X = np.random.default_rng(0).standard_normal((4_500_000, 3), np.float32)
    one, two, eight = ({name: np.asarray(value).tobytes() for name, value in _native.scan(X, None, t).items()}
                       for t in (1, 2, 8))  # fmt: skip
    assert one == two == eight


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_cuts_at_whole_blocks(kernel):
    given = problem(kernel, n_rows=5000)
    whole, sums = given.accumulate(), given.sums
    cuts = [0, _native.BLOCK_ROWS, 3 * _native.BLOCK_ROWS, 5000]
    for start, stop in pairwise(cuts):
        part = given.change(X=given.X[start:stop], sample_weight=given.sample_weight[start:stop])
        part.accumulate(**sums)
    for name, value in sums.items():
        np.testing.assert_array_equal(value, whole[name], err_msg=name)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("precision", [0, 1], ids=["float32", "float64"])
def test_scores_of_a_row_do_not_depend_on_the_others(kernel, precision):
    given = problem(kernel, n_rows=2100, n_features=4, precision=precision)
    whole = given.score()
    for rows in (slice(0, 1), slice(1, 8), slice(1020, 1031), slice(2099, 2100), slice(2099, 3, -5)):
        part = given.change(X=given.X[rows]).score()
        for name, value in part.items():
            np.testing.assert_array_equal(value, whole[name][rows], err_msg=name)


def test_many_python_threads_at_once():
    given = problem(FULL, n_rows=5000, n_features=8)
    expected = bits(given.score()), bits(given.accumulate())
    with ThreadPoolExecutor(32) as pool:
        jobs = [pool.submit(lambda: (bits(given.score()), bits(given.accumulate()))) for _ in range(64)]
        assert all(job.result() == expected for job in jobs)
