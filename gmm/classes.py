"""Checks of a classifier's target: what `y` may be, in scikit-learn's words where its checks look for them.

Invariant: classes are sorted, and codes count them from 0; -1 is a row without a class.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from gmm.errors import DataError

__all__ = ["check_classes", "check_target"]


def check_target(y: Any, n_rows: int) -> np.ndarray:
    """Return the target as a vector (N,) of numbers or words.

    Raises
    ------
    DataError
        None, another length or shape, NaN or infinity, numbers that are no classes.
    """
    if y is None:
        raise DataError("GaussianMixtureClassifier requires y to be passed, but the target y is None")
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        exceptions = sys.modules.get("sklearn.exceptions")
        category = UserWarning if exceptions is None else exceptions.DataConversionWarning
        message = "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
        warnings.warn(message + "(n_samples,), for example using ravel().", category, stacklevel=3)
        y = y.ravel()
    if y.ndim != 1:
        raise DataError(f"y should be a 1d array, got an array of shape {y.shape} instead.")
    if len(y) != n_rows:
        raise DataError(f"Found input variables with inconsistent numbers of samples: [{n_rows}, {len(y)}]")
    for row, value in enumerate(y.tolist() if y.dtype.kind == "O" else ()):
        if isinstance(value, (float, np.floating)) and np.isnan(value):
            raise DataError(f"Input y contains NaN, the first at row {row}.")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            row = int(np.argmin(np.isfinite(y)))
            raise DataError(f"Input y contains {'NaN' if np.isnan(y[row]) else 'infinity'}, the first at row {row}.")
        if (y != np.floor(y)).any():
            row = int(np.argmax(y != np.floor(y)))
            raise DataError(f"Unknown label type: continuous. y at row {row} is {y[row]}, which is not a class.")
    return y


def check_classes(y: np.ndarray, unlabelled: Any) -> tuple[np.ndarray, np.ndarray]:
    """Sorted classes (C,) and the number (N,) of each row's, -1 where it is ``unlabelled``.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.classes import check_classes
    >>> check_classes(np.array(["b", "?", "a"]), "?")
    (array(['a', 'b'], dtype='<U1'), array([ 1, -1,  0]))
    """
    known = np.ones(len(y), bool) if unlabelled is None else np.array([value != unlabelled for value in y.tolist()])
    codes = np.full(len(y), -1)
    try:
        classes, codes[known] = np.unique(y[known], return_inverse=True)
    except TypeError:
        raise DataError("y has classes of different kinds, which cannot be sorted") from None
    if not len(classes):
        raise DataError(f"y has no class but unlabelled={unlabelled!r}: at least one class is needed")
    return classes, codes
