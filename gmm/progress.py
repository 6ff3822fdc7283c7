"""One line on a terminal that says how far long work has come; nothing where no terminal is looking."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from gmm.errors import ParameterError

__all__ = ["Progress", "reporting"]

PATIENCE = 0.5  # seconds of silence before the first word
PAUSE = 0.1  # seconds between two words
BAR = 24  # characters


class Progress:
    """A line that is written over itself on standard error and wiped at the end.

    Examples
    --------
    >>> with Progress(shown=False) as progress:
    ...     progress.say("fitting")
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._next = time.monotonic() + PATIENCE
        self._dirty = False

    def say(self, what: str) -> None:
        """Show what is being done, if it is time to."""
        if self._shown and time.monotonic() >= self._next:
            print(f"\r{what[: shutil.get_terminal_size().columns - 1]}\x1b[K", end="", file=sys.stderr, flush=True)
            self._next = time.monotonic() + PAUSE
            self._dirty = True

    def count(self, done: int, of: int, what: str) -> None:
        """Show a bar of what is done."""
        full = BAR * done // max(of, 1)
        self.say(f"[{'#' * full}{'.' * (BAR - full)}] {done} of {of}: {what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._dirty:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def reporting(progress: Any) -> Iterator[Callable[..., object]]:
    """What to call as ``(done, of, what is done)``, from a caller's ``progress``: a bool, a callable or None.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if callable(progress):
        yield progress
        return
    if progress not in (None, False, True):
        raise ParameterError(f"progress must be True, False, None or a callable, got {progress!r}")
    with Progress(shown=bool(progress)) as line:
        yield lambda done, of, what: line.count(done, of, str(what))
