"""What a number was measured on: processor, cores, instruction set, peak, versions, load."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version


def describe(n_threads: int) -> dict:
    """Facts that a table of timings needs beside it; JSON types only."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "n_threads": n_threads,
        "versions": {
            name: _version(name) for name in ("fastgmm", "numpy", "scipy", "scikit-learn", "scikit-learn-intelex")
        },
        **_native(n_threads),
    }


def _native(n_threads: int) -> dict:
    """The kernels' instruction set and the FMA peak of this many threads, flop/s."""
    try:
        from gmm import _native
    except ImportError:
        return {"isa": None, "peak_flops": {}}
    peaks = {"float32": _native.peak_flops(0, n_threads), "float64": _native.peak_flops(1, n_threads)}
    return {"isa": _native.isa(), "peak_flops": peaks}


def _processor() -> str:
    """The model name that Linux gives, else what Python knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
