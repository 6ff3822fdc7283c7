"""Delimited text (CSV and its relatives), compressed by gzip or not, to float64 rows.

Numbers are parsed by NumPy's compiled reader; when that stops, the rows are walked once more, cell by cell, to name
the line and the column that are to blame.
Cells that may be missing are NaN in a row that is kept.
Invariant: a file is read completely or refused with a position; no row or cell is ever passed over.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import math
import warnings
import zlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from gmm.cli.columns import Choice, Table, Wanted, choose, spelled, split, spoken
from gmm.cli.errors import CommandError
from gmm.cli.layout import Layout, cells_of, is_missing, layout_of, number, opened

LINES_A_WORD = 1 << 14


def read_delimited(source: Path | bytes, title: str, wanted: Wanted, say: Callable[[str], None]) -> Table:
    """Wanted columns of a delimited file (or of its bytes) as a `Table`; `say` is told how far it has come.

    Raises
    ------
    CommandError
        Text, infinite cells, missing ones unless wanted, ragged rows: by line and column; no rows; not a text file.
    """
    try:
        with opened(source) as lines:
            layout = layout_of(lines, title, wanted.header)
        choice = choose(layout.names, wanted, title, left_out=(0,) if layout.row_labels else ())
        _refuse_text(layout, choice, wanted, title)
        values = _parsed(source, layout, choice, wanted.gaps, title, say)
    except UnicodeDecodeError:
        raise CommandError(f"{title} is not a text file; gmm reads CSV, Parquet and .npy") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(f"{title}: broken gzip file ({error})") from None
    except csv.Error as error:
        raise CommandError(f"{title}: not a table ({error})") from None
    notes = [layout.doubt] if layout.doubt else []
    if layout.row_labels and 0 not in choice.all:
        notes.append("the first column has no name and only labels the rows: left out")
    return split(values, layout.names, choice, title, notes)


def _refuse_text(layout: Layout, choice: Choice, wanted: Wanted, title: str) -> None:
    j = next((j for j in choice.all if layout.words[j] is not None), None)
    if j is None:
        return
    message = f"{title}: {spoken(layout.names[j])} holds text ({layout.words[j][:40]!r})"
    numeric = [name for i, name in enumerate(layout.names) if layout.words[i] is None and i != choice.weight]
    if wanted.columns is None and numeric and j != choice.weight:
        message += f"; choose numeric columns with --columns {spelled(numeric, layout.names)}"
    raise CommandError(message)


def _parsed(
    source: Path | bytes, layout: Layout, choice: Choice, gaps: bool, title: str, say: Callable[[str], None]
) -> np.ndarray:
    values = None
    with opened(source) as lines:
        for _ in range(layout.n_leading):
            lines.readline()
        with warnings.catch_warnings(), contextlib.suppress(ValueError):
            warnings.simplefilter("ignore", UserWarning)  # no rows: said below
            values = np.loadtxt(
                _even_lines(lines, layout, say),
                delimiter=layout.delimiter,
                quotechar='"',
                comments=None,
                usecols=choice.all,
                ndmin=2,
            )
    if values is None or not np.isfinite(values).all():
        values = _walked(source, layout, choice, gaps, title)
    if len(values) == 0:
        raise CommandError(f"{title} has a header but no rows" if layout.has_header else f"{title} has no rows")
    return values


def _even_lines(lines: TextIO, layout: Layout, say: Callable[[str], None]) -> Iterator[str]:
    """The lines, refused when one is cut into another number of cells (which `usecols` would hide)."""
    n_cells, delimiter = len(layout.names) + layout.ended, layout.delimiter
    for number_read, line in enumerate(lines):
        if number_read % LINES_A_WORD == 0:
            say(f"reading: {number_read} lines")
        cells = len(line.split()) if delimiter is None else line.count(delimiter) + 1
        if line.strip() and (cells != n_cells or (layout.ended and not line.rstrip("\r\n ").endswith(delimiter))):
            raise ValueError(line)
        yield line.replace(",", ".") if layout.decimal_comma else line


def _walked(source: Path | bytes, layout: Layout, choice: Choice, gaps: bool, title: str) -> np.ndarray:
    """The exact reader: every row and cell in turn; slow, and it says where it stops."""
    values = array("d")
    with opened(source) as lines:
        for _ in range(layout.n_leading):
            lines.readline()
        rows = cells_of(lines, layout.delimiter)
        for row in rows:
            if not row or (len(row) == 1 and not row[0].strip() and len(layout.names) > 1):
                continue
            line = rows.line_num + layout.n_leading
            if layout.ended and len(row) == len(layout.names) + 1 and not row[-1].strip():
                row = row[:-1]
            if len(row) != len(layout.names):
                raise CommandError(
                    f"{title}: line {line} has {len(row)} cell{'s' * (len(row) != 1)} "
                    f"where the first lines have {len(layout.names)}"
                )
            for j in choice.all:
                value = number(row[j], layout.decimal_comma)
                if gaps and j != choice.weight and is_missing(row[j]):
                    value = math.nan
                elif value is None or not math.isfinite(value):
                    raise CommandError(f"{title}: line {line}, {spoken(layout.names[j])} {_fault(row[j], value)}")
                values.append(value)
    return np.frombuffer(values, dtype=np.float64).reshape(-1, len(choice.all))


def _fault(cell: str, value: float | None) -> str:
    """What is wrong with a cell that is not a finite number."""
    if is_missing(cell):
        what = "is empty" if not cell.strip() else f"is missing ({cell.strip()!r})"
        return f"{what}; fill it in or leave the row out"
    return f"{'is not a number' if value is None else 'is infinite'} ({cell.strip()[:40]!r})"
