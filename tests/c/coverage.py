"""Print how much of csrc the C tests reach, over all instruction sets together: python coverage.py BUILD_DIR ROOT.

A line of a template counts as reached when any instruction set or precision reached it. Exit status 1 when a line of
csrc was never reached.
"""

import gzip
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def reached(build: Path, root: Path) -> tuple[dict[str, dict[int, int]], dict[str, dict[tuple[int, int], int]]]:
    """Count executions per line, and per branch (line, position in it), of each file under csrc."""
    notes = [path.name for path in sorted(build.glob("*.gcda"))]
    command = ["gcov", "--json-format", "--branch-probabilities", *notes]
    subprocess.run(command, cwd=build, check=True, capture_output=True)
    lines: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    branches: dict[str, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for report in build.glob("*.gcov.json.gz"):
        for file in json.loads(gzip.decompress(report.read_bytes()))["files"]:
            path = (build / file["file"]).resolve()
            if not path.is_relative_to(root / "csrc"):
                continue
            name = str(path.relative_to(root))
            for line in file["lines"]:
                lines[name][line["line_number"]] += line["count"]
                for position, branch in enumerate(line["branches"]):
                    branches[name][line["line_number"], position] += branch["count"]
    return lines, branches


def share(counts: dict) -> str:
    """Return the share of counts that are positive, in percent."""
    return f"{100 * sum(count > 0 for count in counts.values()) / len(counts):5.1f}" if counts else "    -"


def main(build: Path, root: Path) -> int:
    """Print the table and every line that was never reached."""
    lines, branches = reached(build, root)
    print("lines  branches")
    for name in sorted(lines):
        print(f"{share(lines[name])}  {share(branches[name])}   {name}")
    all_lines, all_branches = (
        {(name, at): count for name, counts in found.items() for at, count in counts.items()}
        for found in (lines, branches)
    )
    print(f"{share(all_lines)}  {share(all_branches)}   all of csrc")
    missed = [f"{name}:{line}" for name in sorted(lines) for line, count in sorted(lines[name].items()) if not count]
    print("never reached:", ", ".join(missed) or "none")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
