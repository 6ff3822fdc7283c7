"""What a person did that a command cannot work with: one line, exit code 2, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CommandError(Exception):
    """A message for the person at the keyboard."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` when a choice resembles the word, else nothing."""
    close = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
