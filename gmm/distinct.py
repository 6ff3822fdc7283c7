"""Each different row once, with the sum of its sample weights, in an order of their own: what a start looks at.

So repeated rows start like one weighted row, absent rows like rows of weight zero, and the order of the rows does not
matter. Rows are told apart by a hash of their numbers (`gmm.subsample.hashed`, 64 bits); should two different rows ever
share one, the rows are returned as they are. They come sorted by column, so their order does not depend on units.
NaN is as good a value as any.

Invariant: the same rows, in whatever order or number of repetitions, become the same bits; so do sample weights as long
as those of repeated rows add up without rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm.rows import Rows
from gmm.subsample import hashed

__all__ = ["distinct"]

SEED = 0x9E3779B97F4A7C15  # any number; not a start's, so that all starts of a fit share the rows


def distinct(rows: Rows) -> Rows:
    """Return the different rows of positive weight, copied, in the same frame.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.distinct import distinct
    >>> from gmm.rows import Rows
    >>> X = np.array([[1.0], [5.0], [1.0], [3.0]])
    >>> found = distinct(Rows.from_array(X, np.array([1.0, 2.0, 3.0, 0.0])))
    >>> sorted(zip(found.X[:, 0].tolist(), found.sample_weight.tolist()))
    [(1.0, 4.0), (5.0, 2.0)]
    """
    counted = rows if rows.sample_weight is None else rows.subset(np.flatnonzero(rows.sample_weight))
    X = np.ascontiguousarray(counted.X)
    keys = np.zeros(len(X), np.uint64)
    for column in X.T:
        keys = hashed(SEED, keys ^ (column.astype(np.float64) + 0.0).view(np.uint64))  # + 0.0 makes one zero of two
    _, first, inverse, repetitions = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    if not np.array_equal(X[first][inverse], X, equal_nan=True):
        return counted
    order = by_columns(X[first])
    weight = repetitions if counted.sample_weight is None else np.bincount(inverse, weights=counted.sample_weight)
    first, weight = first[order], weight[order]
    alike = bool((weight == 1).all())
    return replace(counted, X=X[first], sample_weight=None if alike else weight.astype(np.float64))


def by_columns(X: np.ndarray) -> np.ndarray:
    """Order (N,) of rows by their first column, ties by the second, and so on; looks at no more columns than it takes.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.distinct import by_columns
    >>> by_columns(np.array([[2.0, 1.0], [1.0, 5.0], [1.0, 4.0]]))
    array([2, 1, 0])
    """
    seen = 1
    while True:
        keys = X[:, :seen]
        order = np.lexsort(keys.T[::-1])
        if seen >= X.shape[1] or (keys[order][1:] != keys[order][:-1]).any(axis=1).all():
            return order
        seen *= 2
