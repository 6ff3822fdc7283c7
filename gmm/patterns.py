"""Which values of a table are missing: rows in runs of the same pattern, for passes that treat a run at once.

    NaN or not, as bits --sorted within groups of rows--> runs of at most RUN_ROWS rows with one pattern --> batches

A group is as many rows as hold `GROUP_VALUES` values, so a pass stays in one part of a large table at a time, and what
a pattern costs is shared by many rows.

Invariant: runs depend on which values are missing and on the shape of the table, on nothing else; within a run rows
ascend.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gmm._native import RUN_ROWS

__all__ = ["RUN_ROWS", "Runs", "has_missing", "runs_of"]

GROUP_VALUES = 1 << 23  # 64 MB of float64
CHUNK_VALUES = 1 << 20  # looked at together in search of a NaN
BATCH_ROWS, BATCH_VALUES = 1 << 12, 1 << 15  # work of a batch: rows, fewer of many features


class Runs(NamedTuple):
    """As `gmm_runs` in csrc/gmm.h: run r is ``rows[first[r] : first[r + 1]]``, all ``observed[pattern[r]]``."""

    batches: np.ndarray  # (B + 1,) int64, where each batch begins among the runs
    rows: np.ndarray  # (N,) int64
    first: np.ndarray  # (R + 1,) int64
    pattern: np.ndarray  # (R,) int64
    observed: np.ndarray  # (P, D) bool


def has_missing(X: np.ndarray) -> bool:
    """Say whether a value is NaN."""
    size = max(CHUNK_VALUES // X.shape[1], 1)
    return any(bool(np.isnan(X[start : start + size]).any()) for start in range(0, len(X), size))


def runs_of(X: np.ndarray) -> Runs:
    """Sort rows into runs.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.patterns import runs_of
    >>> runs = runs_of(np.array([[1.0, np.nan], [1.0, 2.0], [3.0, np.nan]]))
    >>> runs.rows.tolist(), runs.first.tolist(), runs.observed.tolist()
    ([1, 0, 2], [0, 1, 3], [[True, True], [True, False]])
    """
    n_rows, n_features = X.shape
    size = max(GROUP_VALUES // n_features, 1)
    rows = np.empty(n_rows, np.int64)
    lengths, patterns, tables, n_patterns = [], [], [], 0
    for start in range(0, n_rows, size):
        missing = np.isnan(X[start : start + size])
        keys = _keys(missing)
        order = np.argsort(keys, kind="stable")
        rows[start : start + size] = start + order
        keys = keys[order]
        changes = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        tables.append(~missing[order[changes]])
        for pattern, length in enumerate(np.diff(np.append(changes, len(keys))).tolist()):
            whole, rest = divmod(length, RUN_ROWS)
            pieces = [RUN_ROWS] * whole + [rest] * (rest > 0)
            lengths += pieces
            patterns += [n_patterns + pattern] * len(pieces)
        n_patterns += len(changes)
    sizes = np.array(lengths, np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)])
    return Runs(_batches(sizes, n_features), rows, first, np.array(patterns, np.int64), np.concatenate(tables))


def _batches(sizes: np.ndarray, n_features: int) -> np.ndarray:
    """Where batches of runs begin, and the end: alike in work, which is rows, and factors where they are not few."""
    work = np.cumsum(sizes + 2 * n_features * (sizes > 4 + n_features // 4))  # few: gmm_few_rows in csrc/few.c
    bucket = work // max(min(BATCH_ROWS, BATCH_VALUES // n_features), 1)
    return np.concatenate([[0], np.flatnonzero(np.diff(bucket)) + 1, [len(sizes)]])


def _keys(missing: np.ndarray) -> np.ndarray:
    """One sortable number or string of bytes for each row (N, D) of booleans; 0 for complete rows."""
    bits = np.packbits(missing, axis=1)
    width = bits.shape[1]
    if width <= 2:
        return bits[:, 0] if width == 1 else bits[:, 0].astype(np.uint16) << 8 | bits[:, 1]
    return np.ascontiguousarray(bits).view(f"V{width}")[:, 0] if width > 8 else _words(bits)


def _words(bits: np.ndarray) -> np.ndarray:
    padded = np.zeros((len(bits), 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(">u8")[:, 0].astype(np.uint64)
