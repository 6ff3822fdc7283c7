"""`gmm` on the command line: fit, select, predict, info, config.

Exit codes: 0 done; 2 something to put right, told in one line; 130 interrupted; 141 the reader of a pipe went away.
Results go to standard output, everything else (progress, notes, errors) to standard error.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import gmm
from gmm import _native
from gmm.cli.arguments import parser
from gmm.cli.errors import CommandError
from gmm.errors import GmmError, GmmWarning

__all__ = ["main"]

DONE, REFUSED, INTERRUPTED, NO_READER = 0, 2, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `arguments` None: those of the process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a column name the terminal cannot show is no reason to fail
    root = parser(gmm.__version__)
    options = root.parse_args(arguments)
    if options.command is None:
        root.print_help()
        return DONE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", GmmWarning)
            warnings.showwarning = _noting(warnings.showwarning)
            _require_instruction_set()
            import_module(f"gmm.cli.{options.command}").run(options)
        sys.stdout.flush()
    except (CommandError, GmmError) as error:
        return _refuse(options.command, str(error))
    except MemoryError:
        return _refuse(options.command, "not enough memory")
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing left to fail at exit
        return NO_READER
    return DONE


def _require_instruction_set() -> None:
    try:
        _native.isa()
    except ValueError as error:
        raise CommandError(str(error)) from None


def _refuse(command: str, message: str) -> int:
    print(f"gmm {command}: {' '.join(message.split())}", file=sys.stderr)
    return REFUSED


def _noting(show: Callable[..., None]) -> Callable[..., None]:
    """Our warnings as one line without a source; everybody else's as before."""

    def showwarning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, GmmWarning):
            print(f"note: {' '.join(str(message).split())}", file=sys.stderr)
        else:
            show(message, category, *where, **more)

    return showwarning
