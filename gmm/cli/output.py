"""Where results go: checked before the work, written after it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from gmm.cli.errors import CommandError


def check_writable(file: str | None, *inputs: str | None) -> None:
    """Refuse now what could not be written after minutes of work, or would be written over what is being read.

    Raises
    ------
    CommandError
        An input, a directory, in no directory, no permission, a full or read-only disk.
    """
    if file is None:
        return
    path = Path(os.path.realpath(file))
    if any(name is not None and path.is_file() and path == Path(os.path.realpath(name)) for name in inputs):
        raise CommandError(f"cannot write {file}: it is what is being read")
    if path.is_dir():
        raise CommandError(f"cannot write {file}: it is a directory")
    if not path.parent.is_dir():
        raise CommandError(f"cannot write {file}: there is no directory {path.parent}")
    try:
        if path.exists() and (not os.access(path, os.W_OK) or not path.is_file()):
            with path.open("ab"):
                return
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror or error}") from None


@contextlib.contextmanager
def writing(file: str | None) -> Iterator[TextIO]:
    """A text file to write, standard output when there is none; a disk that fills up is told in one line."""
    if file is None:
        yield sys.stdout
        return
    try:
        with open(file, "w", encoding="utf-8", newline="\n") as lines:
            yield lines
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror or error}") from None
