"""Every function of the binding: right against the formula, whatever the layout, and clear about bad arguments."""

import numpy as np
import pytest
from native_problem import DIAG, FULL, KERNELS, WITHOUT_SECOND, bits, expected_scores, expected_sums, problem

from gmm import _native

LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": lambda X: misaligned(X),
    "read-only": lambda X: read_only(X),
    "explicit byte order": lambda X: X.astype(X.dtype.newbyteorder("=")),
    "memoryview": lambda X: memoryview(X),
}


def misaligned(X):
    raw = np.empty(X.nbytes + 1, np.uint8)
    moved = raw[1:].view(X.dtype).reshape(X.shape)
    moved[:] = X
    assert not moved.flags.aligned
    return moved


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def close(found, expected, *, rtol=1e-12):
    assert found.keys() >= expected.keys()
    for name, value in expected.items():
        if value is not None:
            np.testing.assert_allclose(found[name], value, rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
class TestFormula:
    def test_accumulate(self, kernel):
        given = problem(kernel)
        scores = expected_scores(given)
        expected = expected_sums(given, scores["posterior"])
        expected["log_likelihood"] = given.sample_weight @ scores["log_density"]
        close(given.accumulate(), expected)

    def test_score(self, kernel):
        given = problem(kernel)
        close(given.score(), expected_scores(given))

    def test_score_in_single_precision(self, kernel):
        given = problem(kernel, precision=0)
        found = given.score()
        assert found["posterior"].dtype == np.float32
        close(found, expected_scores(given), rtol=2e-5)

    def test_rows_in_single_precision(self, kernel):
        given = problem(kernel)
        given = given.change(X=given.X.astype(np.float32))
        close(given.score(), expected_scores(given))


@pytest.mark.parametrize("kernel", [k for k in KERNELS.values() if k not in WITHOUT_SECOND])
def test_moments(kernel):
    given = problem(kernel, n_components=3)
    labels = np.arange(len(given.X)) % 4 - 1
    shares = (labels[:, None] == np.arange(3)) * 1.0
    expected = expected_sums(given, shares)
    close(given.moments(labels=labels), expected)
    close(given.moments(responsibilities=shares), expected)
    halves = np.full((len(given.X), 3), 0.5)
    close(given.moments(responsibilities=halves), expected_sums(given, halves))


def test_assign():
    given = problem()
    points = given.X * given.scale - given.centre
    squares = ((points[:, None, :] - given.means) ** 2).sum(axis=2)
    labels = squares.argmin(axis=1)
    sums = expected_sums(given, labels[:, None] == np.arange(4))
    distance = squares.min(axis=1)
    close(
        given.assign(),
        {
            "label": labels,
            "distance": distance,
            "n": sums["n"],
            "sum": sums["first"],
            "inertia": given.sample_weight @ distance,
        },
    )


def test_scan():
    given = problem(n_rows=500)
    positive = given.sample_weight > 0
    X, w = given.X[positive], given.sample_weight[positive]
    mean = w @ X / w.sum()
    expected = {"minimum": X.min(axis=0), "maximum": X.max(axis=0), "mean": mean, "scatter": w @ (X - mean) ** 2}
    expected |= {"weight": w.sum(), "n_positive": len(w), "bad_row": -1, "bad_column": -1}
    close(given.scan(), expected)


def test_scan_of_more_rows_than_a_slice():
    """Slices of a scan, 2**22 elements each, are merged by the binding."""
    X = np.random.default_rng(0).normal(1e4, 1.0, (300_000, 40)).astype(np.float32)
    found = _native.scan(X, None, 2)
    exact = X.astype(np.float64)
    np.testing.assert_array_equal(found["minimum"], X.min(axis=0))
    np.testing.assert_array_equal(found["maximum"], X.max(axis=0))
    np.testing.assert_allclose(found["mean"], exact.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found["scatter"], exact.var(axis=0) * len(X), rtol=1e-11)
    X[250_000, 7] = np.nan
    found = _native.scan(X, None, 2)
    assert (found["bad_row"], found["bad_column"]) == (250_000, 7)


def test_sums_are_added_to_what_is_there():
    given = problem()
    once = given.accumulate()
    outputs = {name: once[name].copy() for name in ("n", "first", "second")}
    twice = given.accumulate(**outputs)
    for name in outputs:
        np.testing.assert_allclose(twice[name], 2 * once[name], rtol=1e-14)
    assert twice["log_likelihood"] == once["log_likelihood"]
    centres = given.assign()
    again = given.assign(label=None, distance=None, n=centres["n"].copy(), sum=centres["sum"].copy())
    np.testing.assert_allclose(again["n"], 2 * centres["n"], rtol=1e-14)


def test_outputs_not_wanted_may_be_none():
    given = problem()
    scores = given.score()
    for name in scores:
        only = given.score(**dict.fromkeys(set(scores) - {name}))
        assert only[name].tobytes() == scores[name].tobytes()
    assert given.assign(label=None, distance=None, n=None, sum=None)["inertia"] == given.assign()["inertia"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_have_the_same_bits(layout, dtype):
    given = problem(n_rows=1500, n_features=5)
    plain = given.change(X=given.X.astype(dtype))
    moved = plain.change(X=layout(plain.X))
    assert bits(moved.accumulate()) == bits(plain.accumulate())
    assert bits(moved.scan()) == bits(plain.scan())
    if layout is not LAYOUTS["memoryview"]:
        assert bits(moved.assign()) == bits(plain.assign())
        assert bits(moved.score()) == bits(plain.score())


def test_no_rows():
    found = problem(n_rows=0).accumulate()
    assert (found["log_likelihood"], found["weight"], found["n"].sum()) == (0.0, 0.0, 0.0)
    assert problem(n_rows=0).score()["label"].shape == (0,)


ARRAYS = ["sample_weight", "scale", "centre", "log_constants", "means", "whiteners", "n", "first", "second"]


def accumulate_with(name, value, kernel=FULL):
    given = problem(kernel)
    if name in given.sums:
        return given.accumulate(**{name: value})
    return given.change(**{name: value}).accumulate()


def present(name, kernel=FULL):
    given = problem(kernel)
    return given.sums[name] if name in given.sums else getattr(given, name)


@pytest.mark.parametrize("kernel", [FULL, DIAG])
@pytest.mark.parametrize("name", ARRAYS)
class TestBadArray:
    def test_shape(self, name, kernel):
        array = present(name, kernel)
        wrong = np.zeros([*array.shape[:-1], array.shape[-1] + 1])
        with pytest.raises(ValueError, match=rf"^{name}: expected shape \("):
            accumulate_with(name, wrong, kernel)

    def test_number_of_dimensions(self, name, kernel):
        with pytest.raises(ValueError, match=rf"^{name}: expected shape \("):
            accumulate_with(name, present(name, kernel)[None].repeat(4, 0), kernel)

    def test_type(self, name, kernel):
        with pytest.raises(TypeError, match=rf"^{name}: "):
            accumulate_with(name, present(name, kernel).astype(np.float32), kernel)

    def test_not_contiguous(self, name, kernel):
        wide = present(name, kernel).repeat(2, axis=-1)[..., ::2]
        with pytest.raises(TypeError, match=rf"^{name}: .*contiguous"):
            accumulate_with(name, wide, kernel)

    def test_absent(self, name, kernel):
        if name == "sample_weight":
            assert accumulate_with(name, None, kernel)["weight"] == 50
            return
        with pytest.raises(TypeError, match=name):
            accumulate_with(name, None, kernel)


@pytest.mark.parametrize("name", ["n", "first", "second"])
def test_read_only_output(name):
    with pytest.raises(TypeError, match=f"^{name}: .*read-only"):
        problem().accumulate(**{name: read_only(present(name))})


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros(3), ValueError, "X: expected two dimensions, got 1"),
        (np.zeros((2, 3, 1)), ValueError, "X: expected two dimensions, got 3"),
        (np.zeros((2, 0)), ValueError, "X: has no columns"),
        (np.zeros((50, 3), np.int64), TypeError, "X: expected float32 or float64"),
        (np.zeros((50, 3), ">f8"), TypeError, "X: expected float32 or float64 of native byte order"),
        (np.zeros((50, 3), complex), TypeError, "X: expected float32 or float64"),
        ([[1.0, 2.0, 3.0]], TypeError, "X: a bytes-like object is required"),
        (None, TypeError, "X: a bytes-like object is required"),
    ],
)
def test_rows_of_a_wrong_kind(X, error, message):
    with pytest.raises(error, match=message):
        problem().change(X=X, sample_weight=None).accumulate(**problem().sums)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": 6}, "kernel: expected 0"),
        ({"kernel": -1}, "kernel: expected 0"),
        ({"precision": 2}, "precision: expected 0"),
        ({"n_threads": 0}, "n_threads: expected a positive number, got 0"),
        ({"means": np.zeros((0, 3))}, "means: has no rows"),
    ],
)
def test_numbers_out_of_range(changes, message):
    sums = problem().sums
    with pytest.raises(ValueError, match=message):
        problem().change(**changes).accumulate(**sums) if "kernel" not in changes else bad_kernel(changes["kernel"])


def bad_kernel(kernel):
    g = problem()
    _native.accumulate(
        g.X, None, g.scale, g.centre, kernel, 1, g.log_constants, g.means, g.whiteners, *g.sums.values(), 1
    )


def test_moments_take_one_of_responsibilities_and_labels():
    given = problem()
    labels, shares = np.zeros(50, np.int64), np.ones((50, 4))
    for chosen in ({}, {"labels": labels, "responsibilities": shares}):
        with pytest.raises(TypeError, match="either responsibilities or labels"):
            given.moments(**chosen)
    with pytest.raises(TypeError, match="labels: expected elements of type 'q'"):
        given.moments(labels=labels.astype(np.int32))
    with pytest.raises(ValueError, match=r"responsibilities: expected shape \(50, 4\), got \(50, 3\)"):
        given.moments(responsibilities=shares[:, :3].copy())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1023, 1024, 2999])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_are_not_finite(dtype, row, value):
    given = problem(n_rows=3000)
    X = given.X.astype(dtype)
    X[row, 2] = value
    given = given.change(X=X)
    for call in (given.accumulate, given.score, given.assign, lambda: given.moments(labels=np.zeros(3000, np.int64))):
        with pytest.raises(ValueError, match=f"row {row} holds a NaN or an infinity"):
            call()
    found = given.scan()
    assert (found["bad_row"], found["bad_column"]) == (row, 2)
