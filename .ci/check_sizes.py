"""Fails when a source file has more than 400 lines, or when the median file of an area has more than 150."""

import statistics
import sys
from pathlib import Path

LIMIT, MEDIAN = 400, 150
AREAS = ("csrc", "gmm", "tests", "benchmarks")
SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h"}

failures = []
for area in AREAS:
    sources = [path for path in sorted(Path(area).rglob("*")) if path.suffix in SUFFIXES]
    size = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    median = statistics.median(size.values())
    print(f"{area}: {len(size)} files, median {median:g} lines, longest {max(size.values())}")
    failures += [f"{path}: {lines} lines, at most {LIMIT}" for path, lines in size.items() if lines > LIMIT]
    if median > MEDIAN:
        failures.append(f"{area}: median {median:g} lines, at most {MEDIAN}")
sys.exit("\n".join(failures) or 0)
