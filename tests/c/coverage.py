"""Print how much of csrc the C tests reach, over all instruction sets together: python coverage.py BUILD_DIR ROOT.

A template is one source: a line, or a branch of a line, counts as reached when any instruction set, precision or shape
reached it. The build is without optimisation, so a branch is an outcome of a condition that stands in the source: gcc
neither inlines functions, nor unrolls or peels loops, nor turns conditions into arithmetic. Where a macro of an
instruction set holds a condition (the scalar one's `v_select`), or one is constant for a precision, the line has
branches of its own for each number of branches it is compiled to, and all of them count.

Exit status 1 when a line of csrc was never reached, or a branch that is not in UNREACHABLE, or when one there was.
"""

import gzip
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

RESTS = "volumes and what they share rest before the last round, but for scatters that rounding cannot tell apart"
UNREACHABLE: dict[tuple[str, str], tuple[int, str]] = {
    ("csrc/along_features.c", "for (int round = 0; round < GMM_MOST_FORM_ROUNDS; ++round) {"): (1, RESTS),
    ("csrc/ellipsoids.c", "for (int round = 0; round < GMM_MOST_FORM_ROUNDS; ++round) {"): (1, RESTS),
    ("csrc/ellipsoids.c", "for (int turn = 0; turn < GMM_MOST_FORM_ROUNDS; ++turn) {"): (1, RESTS),
    ("csrc/eigen.c", "if (length == 0) break; /* T falls into parts */"): (1, "only where a product underflows"),
}
"""File and text of a line -> how many of its branches no call can take, and why; keep it as short as it is."""

Counts = dict[tuple[str, int], int]  # by file and line
Branches = dict[tuple[str, int, int, int], int]  # by file, line, branches of that line, position among them


def reached(build: Path, root: Path) -> tuple[Counts, Branches]:
    """Count executions per line, and per branch, of each file under csrc."""
    notes = [path.name for path in sorted(build.glob("*.gcda"))]
    command = ["gcov", "--json-format", "--branch-probabilities", *notes]
    subprocess.run(command, cwd=build, check=True, capture_output=True)
    lines: Counts = defaultdict(int)
    branches: Branches = defaultdict(int)
    for report in build.glob("*.gcov.json.gz"):
        for file in json.loads(gzip.decompress(report.read_bytes()))["files"]:
            path = (build / file["file"]).resolve()
            if not path.is_relative_to(root / "csrc"):
                continue
            name = str(path.relative_to(root))
            for line in file["lines"]:
                number, here = line["line_number"], line["branches"]
                lines[name, number] += line["count"]
                for position, branch in enumerate(here):
                    branches[name, number, len(here), position] += branch["count"]
    return lines, branches


def share(counts: list[int]) -> float:
    """Return the share of counts that are positive, in percent."""
    return 100 * sum(count > 0 for count in counts) / max(len(counts), 1)


def main(build: Path, root: Path) -> int:
    """Print the table, every line that was never reached, and every line with branches that were not."""
    lines, branches = reached(build, root)
    print("lines  branches")
    for name in [*sorted({name for name, _ in lines}), ""]:
        of_lines = [count for key, count in lines.items() if key[0].startswith(name)]
        of_branches = [count for key, count in branches.items() if key[0].startswith(name)]
        print(f"{share(of_lines):5.1f}  {share(of_branches):5.1f} of {len(of_branches):4d}   {name or 'all of csrc'}")
    missed: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (name, line, _, position), count in sorted(branches.items()):
        if not count:
            missed[name, line].append(position)
    wrong, expected = [], dict(UNREACHABLE)
    for (name, line), positions in missed.items():
        text = (root / name).read_text().splitlines()[line - 1].strip()
        allowed, why = expected.pop((name, text), (0, ""))
        print(f"{name}:{line}: {len(positions)} never taken: {why or text + f' (branches {positions})'}")
        if len(positions) != allowed:
            wrong.append(f"{name}:{line}")
    wrong += [f"{name}:{line}" for (name, line), count in sorted(lines.items()) if not count]
    wrong += [f"{name}: {text}" for name, text in expected]
    possible = len(branches) - sum(count for count, _ in UNREACHABLE.values())
    taken = sum(count > 0 for count in branches.values())
    print(f"{taken} of {possible} branches that can be taken, of {len(branches)} in all")
    print("not as they should be:", ", ".join(wrong) or "none")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
