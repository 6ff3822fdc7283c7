"""What this installation is and runs on: the first thing to look at when a result or a speed surprises."""

from __future__ import annotations

import platform
import sys

import gmm
from gmm import _native
from gmm.threads import cpu_quota, resolve_threads


def configuration() -> dict[str, str]:
    """Versions, instruction set and threads, as words."""
    import numpy
    import scipy

    quota = cpu_quota()
    return {
        "gmm": gmm.__version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "instruction set": f"{_native.isa()} (available: {', '.join(_native.isas())}; GMM_ISA chooses)",
        "OpenMP": "yes" if _native.has_openmp() else "no, built for one thread",
        "threads": f"{resolve_threads()} (OpenMP {_native.max_threads()}, "
        f"CPU quota {'none' if quota == sys.maxsize else quota})",
    }


def show_config() -> None:
    """Print versions, the instruction set in use and the number of threads.

    Examples
    --------
    >>> import gmm
    >>> gmm.show_config()  # doctest: +ELLIPSIS
    gmm              ...
    python           ...
    numpy            ...
    scipy            ...
    instruction set  ...
    OpenMP           ...
    threads          ...
    """
    for name, value in configuration().items():
        print(f"{name:<17}{value}")
