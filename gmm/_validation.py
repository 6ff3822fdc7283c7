"""Checks of what the user gives: rows, sample weights, partitions, numbers, seeds, mixture parameters.

Each returns the value in the one form the rest of the library uses, or raises an error that names the cause and the
offending row, column or component. Rows are never copied unless their type has to change. Messages contain the
phrases that `sklearn.utils.estimator_checks` looks for.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from gmm.errors import DataError, DataTypeError, GmmError, ParameterError

__all__ = [
    "check_flag",
    "check_integer",
    "check_level",
    "check_means",
    "check_n_features",
    "check_partition",
    "check_real",
    "check_rows",
    "check_sample_weight",
    "check_seed",
    "check_weights",
    "checked_array",
    "feature_names",
    "nonfinite_error",
]

LARGEST_INTEGER = 2**31 - 1
CHUNK_ROWS = 4096  # rows looked at together when searching for a NaN
SUM_ERROR = 1e-6  # how far from 1 given mixing weights, or responsibilities of a row, may sum: room for float32


def check_rows(X: Any, *, name: str = "X", owner: str = "This estimator", allow_missing: bool = False) -> np.ndarray:
    """Return rows as a two-dimensional float32 or float64 array of any layout.

    Parameters
    ----------
    X : array-like, or data frame of pandas or polars, of shape (N, D)
        float32 and float64 are taken as they are, without a copy; integers, booleans and float16 become float64.
    name : str
        What messages call it.
    owner : str
        Who requires it, in messages.
    allow_missing : bool
        Masked values become NaN.

    Returns
    -------
    ndarray of shape (N, D), N >= 1, D >= 1
        Values are not looked at: NaN and infinity are found by the first pass over the rows.

    Raises
    ------
    DataTypeError
        Sparse, masked, text, dates, longdouble: naming the column where there is one.
    DataError
        Not two-dimensional, complex, no row or no column.
    """
    if hasattr(X, "toarray") and (hasattr(X, "tocsr") or hasattr(X, "nnz")):
        raise DataTypeError(f"{name} is sparse; {owner} needs dense rows. Use {name}.toarray() if memory allows")
    if isinstance(X, np.matrix):
        raise DataTypeError(f"{name} is a numpy.matrix, which is not supported; convert it with numpy.asarray")
    if isinstance(X, np.ma.MaskedArray):
        if allow_missing and X.dtype.kind in "fiub":
            X = X.astype(np.result_type(X.dtype, np.float32)).filled(np.nan)
        elif np.ma.getmaskarray(X).any():
            row, column = np.argwhere(np.ma.getmaskarray(X))[0][[0, -1]]
            raise DataError(f"{name} has masked values, the first at row {row}, column {column}")
        X = np.ma.getdata(X)
    array = _frame_values(X, name) if _is_data_frame(X) else _as_array(X, name)
    if array.ndim == 0 and array.dtype.kind in "OSUMmV":
        raise DataTypeError(
            f"{name} must be a 2D array of shape (n_samples, n_features), got an object of type {type(X).__name__}"
        )
    if array.dtype.names:
        raise DataTypeError(
            f"{name} is a structured array; {owner} needs one number type for all columns. "
            "Use numpy.lib.recfunctions.structured_to_unstructured"
        )
    if array.ndim != 2:
        hint = (
            " Reshape your data either using array.reshape(-1, 1) if your data has a single feature or "
            "array.reshape(1, -1) if it contains a single sample."
            if array.ndim < 2
            else ""
        )
        raise DataError(f"{name} must be a 2D array of shape (n_samples, n_features), got {array.ndim}D.{hint}")
    array = _numeric(array, name)
    for axis, what in enumerate(("sample", "feature")):
        if array.shape[axis] == 0:
            raise DataError(f"Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required.")
    return array


def _as_array(X: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(X)
    except ValueError:
        raise DataError(f"{name} has rows of different lengths") from None
    # One word in a list makes NumPy spell every number out; keep them apart to name the right one.
    return np.asarray(X, dtype=object) if array.dtype.kind in "SU" and isinstance(X, (list, tuple)) else array


def _is_data_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "to_numpy") and getattr(X, "ndim", 2) == 2


def _frame_values(X: Any, name: str) -> np.ndarray:
    """Values of a data frame, as one array where the library has one, else column by column."""
    if all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in X.dtypes) and len(X.columns):
        return np.asarray(X)
    values = [_column(X, j, label, name) for j, label in enumerate(X.columns)]
    return np.column_stack(values) if values else np.empty((len(X), 0))


def _column(X: Any, j: int, label: Any, name: str) -> np.ndarray:
    series = X.iloc[:, j] if hasattr(X, "iloc") else X[label]
    dtype = str(series.dtype).lower()
    if "date" in dtype or "time" in dtype or "duration" in dtype:
        raise DataTypeError(f"column {label!r} of {name} has dtype {series.dtype}; {name} must hold real numbers")
    nullable = hasattr(series, "isna") and getattr(series.dtype, "kind", "O") in "biuf"
    # Missing values of pandas' nullable types become NaN, to be reported with their row.
    values = series.to_numpy(dtype=np.float64, na_value=np.nan) if nullable else series.to_numpy()
    return _numeric(np.asarray(values).reshape(-1, 1), name, label=label)[:, 0]


def _numeric(array: np.ndarray, name: str, *, label: Any = None) -> np.ndarray:
    """Return (N, D) as float32 or float64 in native byte order; `label` names the column where D is one of many."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f" and size in (4, 8):
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if kind in "biu" or (kind == "f" and size == 2):
        return array.astype(np.float64)
    if kind == "c":
        raise DataError(f"Complex data not supported: {name} has dtype {array.dtype}")
    if kind in "OSU":
        return np.array([[_real(value, name, i, j if label is None else label) for j, value in enumerate(row)]
                         for i, row in enumerate(array)]).reshape(array.shape)  # fmt: skip
    raise DataTypeError(f"{name} has dtype {array.dtype}; use float32 or float64")


def _real(value: Any, name: str, row: int, column: Any) -> float:
    """A float, of an object that is a real number; text is refused even when it reads like one."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError("argument must be a real number, not a string")
        return float("nan") if value is None else float(value)
    except (TypeError, ValueError) as error:
        value = getattr(value, "item", lambda: value)()
        raise DataTypeError(f"{name}, column {column!r}, row {row}: {value!r} is not a number ({error})") from None


def feature_names(X: Any, *, name: str = "X") -> np.ndarray | None:
    """Return the column names of a data frame (D,) of str, or None when there are none or none is a str.

    Raises
    ------
    DataTypeError
        When only some are strings.
    DataError
        When a name occurs twice.
    """
    if not _is_data_frame(X):
        return None
    labels = list(X.columns)
    strings = [isinstance(label, str) for label in labels]
    if not any(strings):
        return None
    if not all(strings):
        kinds = sorted({type(label).__qualname__ for label in labels})
        raise DataTypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types. Convert them with X.columns = X.columns.astype(str)."
        )
    seen: set[str] = set()
    twice = [label for label in labels if label in seen or seen.add(label)]
    if twice:
        raise DataError(f"{name} has more than one column named {twice[0]!r}")
    return np.array(labels, dtype=object)


def check_n_features(X: np.ndarray, n_features: int, *, owner: str = "GaussianMixture") -> None:
    """Raise a DataError when the rows do not have the features of the model."""
    if X.shape[1] != n_features:
        raise DataError(f"X has {X.shape[1]} features, but {owner} is expecting {n_features} features as input")


def nonfinite_error(X: np.ndarray, name: str = "X", *, allow_nan: bool = False) -> DataError | None:
    """The error for the first NaN (unless allowed) or infinity in row order; None when there is none."""
    for start in range(0, len(X), CHUNK_ROWS):
        chunk = X[start : start + CHUNK_ROWS]
        bad = np.isinf(chunk) if allow_nan else ~np.isfinite(chunk)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            what = "NaN" if np.isnan(X[start + row, column]) else "infinity"
            return DataError(f"Input {name} contains {what} at row {start + row}, column {column}")
    return None


def check_sample_weight(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Return sample weights as (N,) float64, C-contiguous, finite, non-negative, not all zero; None stays None."""
    if sample_weight is None:
        return None
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"sample_weight must be real numbers: {error}") from None
    if weights.ndim != 1:
        raise DataError(f"Sample weights must be 1D array: sample_weight has shape {weights.shape}")
    if weights.shape[0] != n_rows:
        raise DataError(f"sample_weight.shape == {weights.shape}, expected ({n_rows},)")
    usable = np.isfinite(weights) & (weights >= 0)
    if not usable.all():
        row = int(np.argmin(usable))
        raise DataError(f"sample_weight at row {row} is {weights[row]:g}; weights must be finite and not negative")
    if not weights.any():
        raise DataError("sample_weight is all zero; at least one row must count")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if np.isinf(total):
        raise DataError("sample_weight sums to more than float64 can hold; divide the weights by a constant")
    return np.ascontiguousarray(weights)


def check_integer(value: Any, name: str, *, minimum: int = 1, maximum: int = LARGEST_INTEGER) -> int:
    """Return an int within bounds; booleans and floats are refused."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise ParameterError(f"{name} must be an integer, got {value!r}")
    if not minimum <= value <= maximum:
        raise ParameterError(f"{name} must be between {minimum} and {maximum}, got {value!r}")
    return int(value)


def check_real(value: Any, name: str, *, minimum: float = 0.0, allow_infinity: bool = False) -> float:
    """Return a float of at least `minimum`; booleans, NaN and, unless allowed, infinity are refused."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise ParameterError(f"{name} must be a real number, got {value!r}")
    number = float(value)
    if math.isnan(number) or number < minimum or (math.isinf(number) and not allow_infinity):
        raise ParameterError(f"{name} must be a{' finite' * (not allow_infinity)} number >= {minimum:g}, got {value!r}")
    return number


def check_level(level: Any) -> float:
    """Return the probability that an interval is to hold: between 0 and 1, neither of them."""
    share = check_real(level, "level")
    if not 0.0 < share < 1.0:
        raise ParameterError(f"level must lie between 0 and 1, got {level!r}")
    return share


def check_flag(value: Any, name: str) -> bool:
    """Return True or False; what merely counts as one of them is refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_seed(random_state: Any) -> int | np.random.Generator | np.random.RandomState | None:
    """Return what `gmm.subsample.seeds` takes; `numpy.random` itself stands for NumPy's global RandomState."""
    if random_state is None or isinstance(random_state, (np.random.Generator, np.random.RandomState)):
        return random_state
    if random_state is np.random:
        return np.random.mtrand._rand
    if isinstance(random_state, (bool, np.bool_)) or not isinstance(random_state, numbers.Integral):
        raise ParameterError(
            "random_state must be None, an integer, a numpy.random.Generator or a numpy.random.RandomState, "
            f"got {random_state!r}"
        )
    return check_integer(random_state, "random_state", minimum=0, maximum=2**128)


def check_partition(
    partition: Any, n_rows: int, n_components: int, *, name: str, error: type[GmmError] = DataError
) -> np.ndarray:
    """Labels (N,) int64 in [-1, K) or responsibilities (N, K) float64 whose rows sum to 1, or to 0 for no component.

    Raises
    ------
    error
        Naming the first row that is neither.
    """
    try:
        given = np.asarray(partition, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise error(f"{name} must hold labels or responsibilities: {cause}") from None
    if given.shape not in ((n_rows,), (n_rows, n_components)):
        raise error(
            f"{name} has shape {given.shape}; expected labels ({n_rows},) or responsibilities "
            f"({n_rows}, {n_components})"
        )

    def refuse(bad: np.ndarray, why: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            raise error(f"{name}: row {row} {why}: {given[row]}")

    if given.ndim == 1:
        refuse(~((given == np.floor(given)) & (given >= -1) & (given < n_components)),
               f"is not a label in -1 .. {n_components - 1}")  # fmt: skip
        return given.astype(np.int64)
    refuse(~(np.isfinite(given) & (given >= 0)).all(axis=1), "has a responsibility that is negative or no number")
    total = given.sum(axis=1)
    refuse((np.abs(total - 1) > SUM_ERROR) & (total != 0), "sums neither to 1 nor, for no component, to 0")
    return given


def check_weights(weights: Any, n_components: int, name: str = "weights") -> np.ndarray:
    """Return mixing weights (K,) float64: non-negative, of sum 1.

    A sum within 1e-6 of 1 is accepted and divided out, unless it is 1 up to rounding: then the bits are kept.
    """
    array = checked_array(weights, (n_components,), name)
    if (array < 0).any():
        k = int(np.argmin(array))
        raise ParameterError(f"{name}: component {k} has weight {array[k]:g}, which is negative")
    total = math.fsum(array)
    if abs(total - 1) > SUM_ERROR:
        raise ParameterError(f"{name} sum to {total:.9g}, not 1; divide them by their sum")
    rounding = 4 * n_components * np.finfo(np.float64).eps
    return array if abs(total - 1) <= rounding else array / total


def check_means(means: Any, n_components: int, n_features: int, name: str = "means") -> np.ndarray:
    """Return component means (K, D) float64, finite."""
    return checked_array(means, (n_components, n_features), name)


def checked_array(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return a float64 C-contiguous copy of the given shape, all finite."""
    try:
        array = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} must be an array of real numbers: {error}") from None
    if array.shape != shape:
        raise ParameterError(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        index = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
        raise ParameterError(f"{name}{index} is {array[tuple(index)]}, not a finite number")
    return array
