"""One line on a terminal that says how far long work has come; nothing where no terminal is looking."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from gmm.cli.printing import terminal_width

PATIENCE = 0.5  # seconds of silence before the first word
PAUSE = 0.1  # seconds between two words


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
            print(f"\r{what[: terminal_width() - 1]}\x1b[K", end="", file=sys.stderr, flush=True)
            self._next = time.monotonic() + PAUSE
            self._dirty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._dirty:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
