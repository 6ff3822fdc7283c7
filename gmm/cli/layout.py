"""How a delimited text file writes its rows, told from the first of them.

Delimiter: the one that cuts most sampled lines into equally many cells; blanks when none does. Where it also ends
every row, what would be a last, empty column is none. Header: a first row whose cells are words where the row below has
numbers, or whose first cell is blank where the row below has one. Invariant: what is told here holds for the whole
file, and the reader refuses the file where it does not.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gmm.cli.columns import numbered
from gmm.cli.errors import CommandError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "?", "-"})
DELIMITERS = ",;\t|"
SAMPLE_BYTES = 1 << 18
SAMPLE_LINES = 100


@dataclass(frozen=True)
class Layout:
    """How a file writes its rows."""

    delimiter: str | None  # None: any run of blanks
    decimal_comma: bool
    n_leading: int  # lines before the first row: comments, blank lines and the header
    names: tuple[str, ...]
    has_header: bool
    words: tuple[str | None, ...]  # of each column the first sampled cell that is not a number
    row_labels: bool  # the first column only counts or names the rows
    ended: bool  # a delimiter ends every row
    doubt: str = ""  # what else the first row may be, for the person to judge


def opened(source: Path | bytes) -> TextIO:
    """Lines of a text file or of its bytes, compressed by gzip or not; undecodable bytes pass as surrogates."""
    binary = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    start = binary.read(2)
    binary.seek(0)
    if start == b"\x1f\x8b":
        binary.close()
        binary = gzip.open(io.BytesIO(source) if isinstance(source, bytes) else source)  # noqa: SIM115
        start = binary.read(2)
        binary.seek(0)
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(binary, encoding=encoding, errors="surrogateescape")


def layout_of(lines: TextIO, title: str, header: bool | None) -> Layout:
    """Layout of an opened file; `header` None: told from the rows."""
    sample = lines.readlines(SAMPLE_BYTES)[:SAMPLE_LINES]
    if any("\x00" in line for line in sample):
        raise CommandError(f"{title} is not a text file; gmm reads CSV, Parquet and .npy")
    if not sample:
        raise CommandError(f"{title} is empty")
    n_skipped = next((i for i, line in enumerate(sample) if line.strip() and not line.startswith("#")), len(sample))
    sample = sample[n_skipped:]
    if not sample:
        raise CommandError(f"{title} holds no rows, only blank lines or comments")
    delimiter = _delimiter(sample)
    rows = [[_readable(cell) for cell in row] for row in cells_of(sample, delimiter) if row]
    decimal_comma = delimiter != "," and any(re.fullmatch(r"\s*[-+]?\d*,\d+\s*", cell) for row in rows for cell in row)
    below = rows[1:] or rows
    ended = delimiter is not None and all(len(row) > 1 and row[-1] == "" for row in below)
    rows = [row[:-1] if ended and len(row) == len(below[0]) and row[-1] == "" else row for row in rows]
    shorter = len(rows) > 1 and len(rows[0]) + 1 == len(rows[1])  # R's write.table: no name above the row labels
    if header is None:
        top, under = ([_is_word(cell, decimal_comma) for cell in row] for row in (rows * 2)[:2])
        blank = len(rows) > 1 and len(rows[0]) > 1 and rows[0][0] == "" != rows[1][0]  # above the row labels
        has_header = all(top) or blank or any(a and not b for a, b in zip(top, under[shorter:], strict=False))
    else:
        has_header = header
    names = rows[0] if has_header else numbered(len(rows[0]))
    if has_header and shorter:
        names = ["", *names]
    body = rows[1:] if has_header else rows
    unnamed = has_header and names[0] == "" and len(names) > 1
    names = [name or f"column {j + 1}" for j, name in enumerate(names)]
    texts = tuple(
        next((row[j] for row in body if j < len(row) and _is_word(row[j], decimal_comma)), None)
        for j in range(len(names))
    )
    doubt = "" if header is not None or has_header else _doubt(rows, decimal_comma)
    return Layout(
        delimiter, decimal_comma, n_skipped + has_header, tuple(names), has_header, texts, unnamed, ended, doubt
    )


def _doubt(rows: list[list[str]], decimal_comma: bool) -> str:
    """A note where a first row of numbers reads like the names of columns: 1,2,3, or 2019,2020 above 0.3,0.7."""
    top, below = rows[0], rows[1:]
    if not below or not all(re.fullmatch(r"\d{1,15}", cell) for cell in top):
        return ""
    whole = re.compile(r"\s*[-+]?\d*\s*")
    counts = len(top) > 1 and [int(cell) - int(top[0]) for cell in top] == list(range(len(top)))
    alone = all(not whole.fullmatch(cell) for row in below for cell in row)
    if not (alone or (counts and any(not whole.fullmatch(cell) for row in below for cell in row))):
        return ""
    shown = ",".join(top[:4]) + ("..." if len(top) > 4 else "")
    return f"the first row ({shown}) is taken as data; if it names the columns, say --header yes"


def _delimiter(sample: list[str]) -> str | None:
    """The delimiter that cuts most of the sampled lines into the same number of cells, at least two."""

    def agreement(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in cells_of(sample, delimiter) if row]
        usual = max(set(counts), key=counts.count)
        return (counts.count(usual) if usual > 1 else 0), usual

    quality = {delimiter: agreement(delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: quality[delimiter])
    if quality[best][0] > len(sample) / 2:
        # "1,5;2,5" is cut evenly by both: the comma is the decimal sign.
        last = next(cells_of(sample[-1:], ";"))
        if best == "," and len(last) > 1 and all("," not in cell or number(cell, True) is not None for cell in last):
            return ";"
        return best
    return None if any(len(line.split()) > 1 for line in sample[1:] or sample) else ","


def cells_of(lines: Iterable[str], delimiter: str | None) -> Iterator[list[str]]:
    """Rows of cells, by the rules of CSV quoting."""
    if delimiter is None:
        return csv.reader((" ".join(line.split()) + "\n" for line in lines), delimiter=" ")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _readable(cell: str) -> str:
    """The cell without blanks around it; bytes that are not UTF-8 are taken as Latin-1."""
    encoding = "utf-8" if cell.isprintable() else "latin-1"
    return cell.strip().encode("utf-8", "surrogateescape").decode(encoding, "replace")


def _is_word(cell: str, decimal_comma: bool = False) -> bool:
    return not is_missing(cell) and number(cell, decimal_comma) is None


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in MISSING


def number(cell: str, decimal_comma: bool) -> float | None:
    """Value of a cell, None where it is not a number."""
    try:
        return float(cell.replace(",", ".") if decimal_comma else cell) if "_" not in cell else None
    except ValueError:
        return None
