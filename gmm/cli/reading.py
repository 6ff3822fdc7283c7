"""A data file as a `Table`, whatever it is: the kind is told from the first bytes, not from the name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gmm.cli.columns import Choice, Table, Wanted, choose, numbered, spelled, split, spoken
from gmm.cli.delimited import read_delimited
from gmm.cli.errors import CommandError
from gmm.datasets import load_faithful

ALL = Wanted()
NOT_TABLES = {
    b"PK\x03\x04": "a zip archive (or .npz, .xlsx); unpack it, or save the table as CSV",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\x93GMM": "a gmm model, not data; see it with: gmm info",
}


def read_table(file: str | None, wanted: Wanted = ALL, say: Callable[[str], None] = lambda what: None) -> Table:
    """Rows of a file, of standard input (`-`), or of Old Faithful when there is no file.

    `say` is told now and then how far a long file has come.

    Raises
    ------
    CommandError
        In one line what is wrong with the file and where.
    """
    if file is None:
        faithful = load_faithful()
        choice = choose(faithful.feature_names, wanted, faithful.title)
        return split(faithful.data[:, choice.all], faithful.feature_names, choice, faithful.title)
    try:
        source = _source(file)
        start = source[:8] if isinstance(source, bytes) else _first_bytes(source)
        title = "standard input" if file == "-" else Path(file).name
        if start.startswith(b"\x93NUMPY"):
            return _npy(source, title, wanted)
        if start.startswith(b"PAR1") or title.endswith(".parquet"):
            return _parquet(source, title, wanted)
        for magic, kind in NOT_TABLES.items():
            if start.startswith(magic):
                raise CommandError(f"{title} is {kind}")
        return read_delimited(source, title, wanted, say)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror or error}") from None


def _source(file: str) -> Path | bytes:
    """A path that can be opened many times, or the bytes of a stream that cannot."""
    if file == "-":
        return sys.stdin.buffer.read()
    path = Path(file)
    if not path.exists():
        raise CommandError(f"there is no file {file}")
    if path.is_dir():
        raise CommandError(f"{file} is a directory, not a file")
    return path if path.is_file() else path.read_bytes()


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _npy(source: Path | bytes, title: str, wanted: Wanted) -> Table:
    if isinstance(source, bytes):
        raise CommandError("a .npy array is read from a file, not from a stream")
    try:
        array = np.load(source, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CommandError(f"{title}: not a usable .npy file ({error})") from None
    if array.dtype.kind not in "fiub":
        raise CommandError(f"{title} holds {array.dtype}, not numbers")
    if array.ndim > 2 or array.ndim == 0:
        raise CommandError(f"{title} has shape {array.shape}; rows and columns are needed, (N, D)")
    array = array[:, None] if array.ndim == 1 else array
    array = array.view(np.uint8) if array.dtype == bool else array
    _refuse_no_rows(array, title)
    names = numbered(array.shape[1])
    choice = choose(names, wanted, title)
    everything = choice.all == tuple(range(array.shape[1]))
    values = array if everything else array[:, choice.all]
    _refuse_nonfinite(values, names, choice, wanted.gaps, title)
    return split(values, names, choice, title)


def _parquet(source: Path | bytes, title: str, wanted: Wanted) -> Table:
    try:
        from pyarrow import ArrowException, BufferReader
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise CommandError("reading Parquet needs pyarrow: pip install 'fastgmm[parquet]'") from None
    try:
        file = ParquetFile(BufferReader(source) if isinstance(source, bytes) else source)
        names, types = list(file.schema_arrow.names), list(file.schema_arrow.types)
        choice = choose(names, wanted, title)
        numeric = [name for name, kind in zip(names, types, strict=True) if _holds_numbers(kind)]
        for j in choice.all:
            if not _holds_numbers(types[j]):
                advice = f"; choose numeric columns with --columns {spelled(numeric, names)}" if numeric else ""
                raise CommandError(f"{title}: {spoken(names[j])} holds {types[j]}, not numbers{advice}")
        table = file.read(columns=[names[j] for j in choice.all])
    except ArrowException as error:
        raise CommandError(f"{title}: not a usable Parquet file ({str(error).splitlines()[0]})") from None
    values = np.column_stack([table.column(names[j]).to_numpy().astype(np.float64) for j in choice.all])
    _refuse_no_rows(values, title)
    _refuse_nonfinite(values, names, choice, wanted.gaps, title)
    return split(values, names, choice, title)


def _holds_numbers(kind: object) -> bool:
    from pyarrow import types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def _refuse_no_rows(values: np.ndarray, title: str) -> None:
    if len(values) == 0:
        raise CommandError(f"{title} has no rows")


def _refuse_nonfinite(values: np.ndarray, names: Sequence[str], choice: Choice, gaps: bool, title: str) -> None:
    may_lack = np.array([gaps and j != choice.weight for j in choice.all])
    for first in range(0, len(values), 1 << 16):  # block by block: a memory-mapped file stays on disk
        part = values[first : first + (1 << 16)]
        bad = ~np.isfinite(part)
        if gaps and bad.any():
            bad &= ~(np.isnan(part) & may_lack)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            value, name = part[row, column], spoken(names[choice.all[column]])
            raise CommandError(f"{title}: row {first + row + 1}, {name} is {value}; fill it in or leave the row out")
