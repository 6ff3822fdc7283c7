"""What users give comes out in one form, or as an error that names the cause and the place."""

from __future__ import annotations

import decimal
import re

import numpy as np
import pytest

from gmm._validation import (
    check_flag,
    check_integer,
    check_means,
    check_n_features,
    check_real,
    check_rows,
    check_sample_weight,
    check_seed,
    check_weights,
    feature_names,
    nonfinite_error,
)
from gmm.errors import DataError, DataTypeError, ParameterError

BASE = np.arange(12.0).reshape(4, 3)

LAYOUTS = {
    "C": BASE.copy(),
    "Fortran": np.asfortranarray(BASE),
    "strided": np.repeat(BASE, 2, axis=1)[:, ::2],
    "reversed": BASE[::-1],
    "float32": BASE.astype(np.float32),
    "misaligned": np.frombuffer(b"x" + BASE.tobytes(), np.float64, offset=1).reshape(4, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_floats_are_taken_in_place(layout):
    X = LAYOUTS[layout]
    assert check_rows(X) is X


def test_read_only_rows_are_taken_in_place(tmp_path):
    np.save(tmp_path / "X.npy", BASE)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert np.shares_memory(check_rows(X), X)


CONVERTED = {
    "integers": (BASE.astype(np.int32), BASE),
    "unsigned": (BASE.astype(np.uint8), BASE),
    "booleans": (BASE > 4, (BASE > 4).astype(float)),
    "half": (BASE.astype(np.float16), BASE),
    "other byte order": (BASE.astype(">f8"), BASE),
    "other byte order, single": (BASE.astype(">f4"), BASE),
    "list": (BASE.tolist(), BASE),
    "objects": (BASE.astype(object), BASE),
    "decimals": ([[decimal.Decimal("0.5")]], [[0.5]]),
    "unmasked": (np.ma.array(BASE), BASE),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_other_numbers_are_converted(kind):
    X, expected = CONVERTED[kind]
    found = check_rows(X)
    assert found.dtype in (np.float32, np.float64)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, expected)


REFUSED = {
    "long double": (BASE.astype(np.longdouble), DataTypeError, "float128|longdouble"),
    "complex": (BASE * 1j, DataError, "Complex data not supported"),
    "text": ([[1.0, "high"]], DataTypeError, r"column 1, row 0: 'high'"),
    "text that reads like a number": ([[1.0, 2.0], [3.0, "4"]], DataTypeError, "column 1, row 1: '4'"),
    "objects": (np.array([[1, {}]], object), DataTypeError, "column 1, row 0.*argument must be .* string.* number"),
    "dates": (np.array([["2020-01-01"]], "M8[D]"), DataTypeError, "datetime64"),
    "ragged": ([[1.0, 2.0], [3.0]], DataError, "different lengths"),
    "a vector": (BASE[0], DataError, "Reshape your data"),
    "a number": (3.0, DataError, "Reshape your data"),
    "three axes": (BASE[None], DataError, "3D"),
    "no rows": (BASE[:0], DataError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
    "no columns": (BASE[:, :0], DataError, r"0 feature\(s\) \(shape=\(4, 0\)\) while a minimum of 1 is required"),
    "masked": (np.ma.array(BASE, mask=BASE == 7), DataError, "row 2, column 1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_rows_is_refused(kind):
    X, error, message = REFUSED[kind]
    with pytest.raises(error, match=message):
        check_rows(X)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_matrix_is_refused():
    with pytest.raises(DataTypeError, match=r"numpy\.matrix"):
        check_rows(np.asmatrix(BASE))


@pytest.mark.parametrize("form", ["csr_matrix", "coo_array"])
def test_sparse_is_refused(form):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataTypeError, match="sparse"):
        check_rows(getattr(sparse, form)(BASE))


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
@pytest.mark.parametrize("row", [0, 4095, 4096, 9999])
def test_a_value_that_is_not_finite_is_named(value, word, row):
    X = np.ones((10_000, 3))
    assert nonfinite_error(X) is None
    X[row, 2] = value
    X[row + 1 :, 0] = np.nan
    assert f"{word} at row {row}, column 2" in str(nonfinite_error(X))


# ---- data frames

pandas = pytest.importorskip("pandas")

FRAMES = {
    "floats": ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, None, [[1, 3], [2, 4]]),
    "mixed numbers": ({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]}, None, [[1, 1, 0.5], [2, 0, 1.5]]),
    "nullable": ({"a": [1, None]}, "Int64", [[1], [np.nan]]),
    "numeric categories": ({"a": [1, 2]}, "category", [[1], [2]]),
    "objects": ({"a": [1, 2.5]}, object, [[1], [2.5]]),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_data_frames(kind):
    columns, dtype, expected = FRAMES[kind]
    X = pandas.DataFrame(columns, dtype=dtype)
    np.testing.assert_array_equal(check_rows(X), expected)
    assert feature_names(X).tolist() == list(columns)


FRAMES_REFUSED = {
    "text": (["low", "high"], None),
    "dates": (["2020-01-01", "2021-01-01"], "datetime64[ns]"),
    "durations": ([1, 2], "timedelta64[ns]"),
    "categories": (["u", "v"], "category"),
    "text that reads like a number": (["1.5", "2"], None),
}


@pytest.mark.parametrize("kind", FRAMES_REFUSED)
def test_a_column_that_is_not_numbers_is_named(kind):
    values, dtype = FRAMES_REFUSED[kind]
    X = pandas.DataFrame({"height": [1.0, 2.0], "colour": pandas.Series(values, dtype=dtype)})
    with pytest.raises(DataTypeError, match="column 'colour'"):
        check_rows(X)


def test_feature_names():
    assert feature_names(BASE) is None
    assert feature_names(pandas.DataFrame(BASE)) is None
    with pytest.raises(DataTypeError, match="only supported if all input features have string names"):
        feature_names(pandas.DataFrame([[1, 2]], columns=["a", 1]))
    with pytest.raises(DataError, match="more than one column named 'a'"):
        feature_names(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_polars():
    polars = pytest.importorskip("polars")
    X = polars.DataFrame({"a": [1, None], "b": [True, False], "c": [0.5, 1.5]})
    np.testing.assert_array_equal(check_rows(X), [[1, 1, 0.5], [np.nan, 0, 1.5]])
    assert feature_names(X).tolist() == ["a", "b", "c"]
    with pytest.raises(DataTypeError, match="column 'd'"):
        check_rows(X.with_columns(d=polars.Series(["u", "v"])))


def test_number_of_features():
    check_n_features(BASE, 3)
    with pytest.raises(DataError, match=r"X has 3 features, but GaussianMixture is expecting 2 features as input"):
        check_n_features(BASE, 2)


# ---- sample weights, numbers, seeds, mixture parameters


def test_sample_weight():
    assert check_sample_weight(None, 3) is None
    found = check_sample_weight([1, 0, 2], 3)
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, [1.0, 0.0, 2.0])


BAD_WEIGHTS = {
    "negative": ([1.0, -2.0, 1.0], "row 1 is -2"),
    "NaN": ([1.0, 1.0, np.nan], "row 2 is nan"),
    "infinite": ([np.inf, 1.0, 1.0], "row 0 is inf"),
    "short": ([1.0, 1.0], r"expected \(3,\)"),
    "a column": ([[1.0], [1.0], [1.0]], "1D"),
    "a number": (2.0, "1D"),
    "all zero": ([0.0, 0.0, 0.0], "all zero"),
    "too large a sum": ([1e308, 1e308, 1e308], "sums to more than float64 can hold"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_bad_sample_weights_are_named(kind):
    weights, message = BAD_WEIGHTS[kind]
    with pytest.raises(DataError, match=message):
        check_sample_weight(weights, 3)


@pytest.mark.parametrize("value", [0, -1, 2.5, 1.0, True, "3", None, 10**12, np.float64(2)])
def test_bad_integers_are_named(value):
    with pytest.raises(ParameterError, match="n_components must be .* got " + re.escape(repr(value))):
        check_integer(value, "n_components")


def test_integers():
    assert type(check_integer(np.int32(3), "n_components")) is int
    assert check_integer(0, "max_iter", minimum=0) == 0


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "0", True, 1j, None])
def test_bad_reals_are_named(value):
    with pytest.raises(ParameterError, match="reg_covar must be"):
        check_real(value, "reg_covar")


def test_reals():
    assert check_real(1, "tol") == 1.0
    assert check_real(np.inf, "tol", allow_infinity=True) == np.inf


def test_seeds_are_taken_as_they_are():
    for given in (None, 7, np.random.default_rng(7), np.random.RandomState(7)):
        assert check_seed(given) is given
    assert check_seed(np.int64(7)) == 7
    assert check_seed(np.random) is np.random.mtrand._rand


def test_a_structured_array_is_told_the_way_out():
    with pytest.raises(DataTypeError, match=r"X is a structured array; .*structured_to_unstructured"):
        check_rows(np.zeros(3, [("a", float), ("b", float)]))


@pytest.mark.parametrize("seed", [1.5, "seed", True])
def test_what_is_no_seed_is_told_what_would_be(seed):
    with pytest.raises(
        ParameterError, match=r"None, an integer, a numpy.random.Generator or a numpy.random.RandomState"
    ):
        check_seed(seed)


def test_a_seed_is_not_negative():
    with pytest.raises(ParameterError, match="random_state must be between 0 and"):
        check_seed(-1)


@pytest.mark.parametrize("value", ["yes", 1, None, 0.0])
def test_a_flag_is_true_or_false(value):
    assert check_flag(np.True_, "warm_start") is True
    with pytest.raises(ParameterError, match="warm_start must be True or False, got"):
        check_flag(value, "warm_start")


@pytest.mark.parametrize(
    ("X", "kind"), [(None, "NoneType"), ("abc", "str"), ({}, "dict"), ({1, 2}, "set"), (iter([]), "list_iterator")]
)
def test_what_is_no_array_is_called_by_its_type(X, kind):
    with pytest.raises(DataTypeError, match=rf"X must be a 2D array .* got an object of type {kind}$"):
        check_rows(X)


def test_mixing_weights():
    exact = np.array([0.1, 0.2, 0.7])
    np.testing.assert_array_equal(check_weights(exact, 3), exact)
    single = check_weights(np.float32([1 / 3, 1 / 3, 1 / 3]), 3)
    assert abs(single.sum() - 1) <= 2.0**-52
    for weights, message in [
        ([0.5, 0.6, 0.1], "sum to 1.2, not 1"),
        ([0.5, -0.5, 1.0], "component 1 has weight -0.5"),
        ([0.5, 0.5], r"shape \(2,\), expected \(3,\)"),
        ([0.5, np.nan, 0.5], r"weights\[1\] is nan"),
        (["a", "b", "c"], "real numbers"),
    ]:
        with pytest.raises(ParameterError, match=message):
            check_weights(weights, 3)


def test_means():
    with pytest.raises(ParameterError, match=r"means_init has shape \(4, 3\), expected \(2, 3\)"):
        check_means(BASE, 2, 3, "means_init")
    with pytest.raises(ParameterError, match=r"means_init\[1, 0\] is inf"):
        check_means([[0.0, 1.0], [np.inf, 0.0]], 2, 2, "means_init")
