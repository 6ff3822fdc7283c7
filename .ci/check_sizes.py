"""Fails when a source file has more than 400 lines, or when the median file of an area has more than 150."""

import statistics
import subprocess
import sys

LIMIT, MEDIAN = 400, 150
SUFFIXES = (".py", ".pyi", ".pyx", ".pxd", ".c", ".h")


def n_lines(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        return sum(1 for _ in file)


tracked = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.split()
size = {path: n_lines(path) for path in tracked if path.endswith(SUFFIXES)}
too_long = [f"{path}: {lines} lines, at most {LIMIT}" for path, lines in size.items() if lines > LIMIT]
for area in ("csrc", "gmm", "tests", "benchmarks"):
    lines = [size[path] for path in size if path.startswith(f"{area}/")]
    if lines:
        median = statistics.median(lines)
        print(f"{area}: {len(lines)} files, median {median:g} lines, longest {max(lines)}")
        if median > MEDIAN:
            too_long.append(f"{area}: median {median:g} lines, at most {MEDIAN}")
sys.exit("\n".join(too_long))
