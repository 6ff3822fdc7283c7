"""Which columns of a table are features, and which one holds the sample weights.

A column is called by its name or by its number, counted from 1; `2-4` is a range of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmm.cli.errors import CommandError, nearest


@dataclass(frozen=True)
class Table:
    """Rows that a command works on: data (N, D), names of the D features, sample weights (N,) or None."""

    data: np.ndarray
    names: tuple[str, ...]
    sample_weight: np.ndarray | None
    title: str
    notes: tuple[str, ...] = ()

    def named(self) -> Rows:
        """The rows as an estimator takes them: with their names where the file had names."""
        return self.data if self.names == tuple(numbered(len(self.names))) else NamedRows(self.data, self.names)


class NamedRows:
    """The little of a data frame that estimators look at: rows in place, and what their columns are called."""

    ndim = 2

    def __init__(self, data: np.ndarray, columns: Sequence[str]) -> None:
        self._data = data
        self.columns = list(columns)
        self.dtypes = [data.dtype] * len(self.columns)

    def to_numpy(self) -> np.ndarray:
        return self._data

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._data, dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._data)


Rows = np.ndarray | NamedRows


@dataclass(frozen=True)
class Choice:
    """Positions of the features in the file, and of the sample weights."""

    features: tuple[int, ...]
    weight: int | None

    @property
    def all(self) -> tuple[int, ...]:
        """Every column that has to be read; the weights, where given, last."""
        return self.features if self.weight is None else (*self.features, self.weight)


@dataclass(frozen=True)
class Wanted:
    """What a command asks of a file: `--columns`, `--weights`, `--header`, the names a model was fitted on, and whether
    features may lack values, which are then NaN.
    """

    columns: str | None = None
    weights: str | None = None
    header: bool | None = None
    preferred: tuple[str, ...] = ()
    gaps: bool = False


def choose(names: Sequence[str], wanted: Wanted, title: str, *, left_out: Sequence[int] = ()) -> Choice:
    """Positions of the wanted columns; where none is named, of the preferred ones, else of all not left out.

    Raises
    ------
    CommandError
        An unknown, repeated or ambiguous column, two features of one name, or none left.
    """
    weight = None if wanted.weights is None else _position(wanted.weights, names)
    if wanted.columns is None and wanted.preferred and all(names.count(name) == 1 for name in wanted.preferred):
        features = [names.index(name) for name in wanted.preferred]
    elif wanted.columns is None:
        features = [j for j in range(len(names)) if j != weight and j not in left_out]
    else:
        features = [j for word in wanted.columns.split(",") if word.strip() for j in _positions(word.strip(), names)]
    twice = next((j for i, j in enumerate(features) if j in features[:i] or j == weight), None)
    if twice is not None:
        where = "both a feature and the weights" if twice == weight else "chosen twice"
        raise CommandError(f"{spoken(names[twice])} is {where}")
    for j in features:
        i = next(i for i in features if names[i] == names[j])
        if i != j:
            raise CommandError(
                f"{title}: columns {i + 1} and {j + 1} are both called {names[j]!r}; rename one of them, "
                "or choose between them by number with --columns"
            )
    if not features:
        raise CommandError("no column is left to fit")
    return Choice(tuple(features), weight)


def split(values: np.ndarray, names: Sequence[str], choice: Choice, title: str, notes: Sequence[str] = ()) -> Table:
    """Table from an array that holds the columns `choice.all` in this order.

    Raises
    ------
    CommandError
        Sample weights below 0, or all 0.
    """
    weight = None if choice.weight is None else np.ascontiguousarray(values[:, -1], dtype=np.float64)
    if weight is not None and not (weight.min() >= 0 and weight.any()):
        row = int(np.argmin(weight))
        what = f"row {row + 1} is {weight[row]:g}, below 0" if weight[row] < 0 else "all are 0"
        raise CommandError(f"{title}: {spoken(names[choice.weight])} cannot be sample weights: {what}")
    data = values if weight is None else values[:, :-1]
    return Table(data, tuple(names[j] for j in choice.features), weight, title, tuple(notes))


def numbered(n_columns: int) -> list[str]:
    """Names for columns that have none."""
    return [f"column {j + 1}" for j in range(n_columns)]


def spoken(name: str) -> str:
    """How a message calls a column."""
    return name if re.fullmatch(r"column \d+", name) else f"column {name!r}"


def spelled(wanted: Sequence[str], names: Sequence[str]) -> str:
    """An argument for `--columns`: names where the shell and the comma allow it, else numbers."""
    plain = all(re.fullmatch(r"[\w.]+", name) and names.count(name) == 1 for name in wanted)
    return ",".join(wanted if plain else [str(names.index(name) + 1) for name in wanted])


def _positions(word: str, names: Sequence[str]) -> Sequence[int]:
    span = re.fullmatch(r"(\d+)-(\d+)", word)
    if span and word not in names:
        first, last = _position(span[1], names), _position(span[2], names)
        if first > last:
            raise CommandError(f"--columns {word}: the range runs backwards")
        return range(first, last + 1)
    return [_position(word, names)]


def _position(word: str, names: Sequence[str]) -> int:
    if names.count(word) > 1:
        raise CommandError(f"more than one column is called {word!r}; give its number instead, counted from 1")
    if word in names:
        return names.index(word)
    if re.fullmatch(r"\d{1,9}", word):
        if 1 <= int(word) <= len(names):
            return int(word) - 1
        raise CommandError(f"there is no column {word}; the columns are numbered 1 to {len(names)}")
    known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise CommandError(f"there is no column {word!r}{nearest(word, names) or '; the columns are ' + known}")
