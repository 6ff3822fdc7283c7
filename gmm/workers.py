"""Python threads that fit side by side, and stop soon when nobody waits for them any more.

Only the main thread hears Ctrl-C. Fits on other threads ask `give_up_if_stopped` once an iteration, so an exception
of the caller's (Ctrl-C, an error of another fit, a generator that is closed) ends them within one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

__all__ = ["Workers", "give_up_if_stopped"]

_own = threading.local()


class Stopped(BaseException):
    """Ends work that nobody waits for."""


def give_up_if_stopped() -> None:
    """Raise on a thread of `Workers` that were told to stop."""
    stopped = getattr(_own, "stopped", None)
    if stopped is not None and stopped.is_set():
        raise Stopped


class Workers:
    """A pool of threads, as a context: what has not ended when it is left by an exception ends soon.

    Examples
    --------
    >>> from gmm.workers import Workers
    >>> with Workers(2) as pool:
    ...     squares = [pool.submit(pow, i, 2) for i in range(4)]
    ...     [each.result() for each in squares]
    [0, 1, 4, 9]
    """

    def __init__(self, n_threads: int) -> None:
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(n_threads, initializer=self._begin, initargs=(getattr(_own, "stopped", None),))

    def _begin(self, outer: threading.Event | None) -> None:
        _own.stopped = self._stopped if outer is None else _Either(self._stopped, outer)

    def submit(self, work: Any, /, *arguments: Any) -> Future:
        """Begin some work, or queue it."""
        return self._pool.submit(work, *arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stopped.set()
        self._pool.shutdown(cancel_futures=kind is not None)


class _Either:
    """Set where one of two events is: pools within work of a pool."""

    def __init__(self, *events: Any) -> None:
        self.events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self.events)
