"""How many threads a call may use.

`n_threads=None` means: as many as OpenMP would (OMP_NUM_THREADS, threadpoolctl's limits, CPU affinity), but no more
than the CPU quota of the control group pays for, and one inside a joblib worker that carries no limit of its own.
Invariant: the number changes the speed of a result and never its bits, so it may differ from call to call.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from functools import cache
from numbers import Integral
from pathlib import Path

from gmm import _native
from gmm.errors import ParameterError


def resolve_threads(n_threads: int | None = None) -> int:
    """Return the number of threads for one call.

    Parameters
    ----------
    n_threads : int or None
        A positive number is taken as it is; None chooses.

    Raises
    ------
    ParameterError
        If it is neither None nor a positive integer.

    Examples
    --------
    >>> resolve_threads(3)
    3
    >>> resolve_threads(0)
    Traceback (most recent call last):
        ...
    gmm.errors.ParameterError: n_threads must be None or an integer of at least 1, got 0.
    """
    if n_threads is None:
        return 1 if is_joblib_worker() else max(1, min(_native.max_threads(), cpu_quota()))
    if isinstance(n_threads, bool) or not isinstance(n_threads, Integral) or n_threads < 1:
        raise ParameterError(f"n_threads must be None or an integer of at least 1, got {n_threads!r}.")
    return int(n_threads)


def is_joblib_worker() -> bool:
    """Whether joblib runs us beside others without having divided the CPUs between them.

    Loky's workers are processes whose OMP_NUM_THREADS joblib has set, which OpenMP honours. Workers that are threads
    share one environment, and those of multiprocessing inherit one without a limit.
    """
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None or not parallel.get_active_backend()[0].nesting_level:
        return False
    return threading.current_thread() is not threading.main_thread() or "OMP_NUM_THREADS" not in os.environ


@cache
def cpu_quota(root: str = "/") -> int:
    """CPUs, rounded up, that the control groups of this process allow (v1 or v2); sys.maxsize where nothing limits.

    Read once: a running process seldom moves to another group.
    """
    quotas = [sys.maxsize]
    for line in _read(Path(root, "proc/self/cgroup")).splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            mount, quota_of = Path(root, "sys/fs/cgroup"), _quota_v2
        elif "cpu" in controllers.split(","):
            mount, quota_of = Path(root, "sys/fs/cgroup", controllers), _quota_v1
        else:
            continue
        own = mount / group.lstrip("/")
        quotas += [quota_of(folder) for folder in [own, *own.parents] if folder.is_relative_to(mount)]
    return min(quotas)


def _quota_v2(folder: Path) -> int:
    return _cpus(_read(folder / "cpu.max").split())


def _quota_v1(folder: Path) -> int:
    return _cpus([_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")])


def _cpus(quota_and_period: list[str]) -> int:
    """CPUs of ["150000", "100000"]; nothing, "max" and -1 are no limit."""
    try:
        quota, period = map(int, quota_and_period)
    except ValueError:
        return sys.maxsize
    return math.ceil(quota / period) if quota > 0 and period > 0 else sys.maxsize


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
