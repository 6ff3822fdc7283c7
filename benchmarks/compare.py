"""Is one state of the code slower than another? ``python benchmarks/compare.py BASE HEAD [run.py options]``

BASE and HEAD are two JSON files of ``run.py --json``, or two worktrees with the extension built in place; worktrees
are run in turns (base, head, base, head, ...) so that a busy machine slows both alike.

A regression must exceed a relative AND an absolute threshold: seconds an iteration (medians over turns) grow by more
than ``--relative`` of the base and by more than ``--absolute`` seconds. So neither noise on a millisecond nor a
per cent of a second raises an alarm. The exit status is 1 when there is a regression.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

RUN = Path(__file__).with_name("run.py")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/compare.py", description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("head", type=Path)
    parser.add_argument("--relative", type=float, default=0.05, help="growth that matters, as a fraction of the base")
    parser.add_argument("--absolute", type=float, default=2e-4, help="growth that matters, seconds an iteration")
    parser.add_argument("--turns", type=int, default=3, help="times each worktree is run")
    options, for_run = parser.parse_known_args(arguments)
    if options.base.is_dir() and options.head.is_dir():
        base, head = run_in_turns(options.base, options.head, options.turns, for_run)
    elif for_run:
        parser.error(f"not understood with JSON files: {' '.join(for_run)}")
    else:
        base, head = ([json.loads(path.read_text(encoding="utf-8"))] for path in (options.base, options.head))
    return report(seconds_by_case(base), seconds_by_case(head), options.relative, options.absolute)


def run_in_turns(base: Path, head: Path, turns: int, options: list[str]) -> tuple[list[dict], list[dict]]:
    """Results of this directory's run.py with the package of either worktree."""
    results: dict[Path, list[dict]] = {base: [], head: []}
    for _ in range(turns):
        for tree, found in results.items():
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / "result.json"
                command = [sys.executable, str(RUN), "--contenders", "gmm", "--repeats", "1", "--json", str(file)]
                environment = os.environ | {"PYTHONPATH": str(tree.resolve())}
                subprocess.run([*command, *options], check=True, env=environment, stdout=subprocess.DEVNULL)
                found.append(json.loads(file.read_text(encoding="utf-8")))
    return results[base], results[head]


def seconds_by_case(results: list[dict]) -> dict[tuple, list[float]]:
    """Seconds an iteration of every turn, by problem, structure, dtype and contender."""
    cases: dict[tuple, list[float]] = {}
    for result in results:
        for record in result["records"]:
            shape = record["shape"]
            size = f"{shape['name']} {record['n_rows']:,}, {shape['n_features']}, {shape['n_components']}"
            key = (size, record["structure"], record["dtype"], record["contender"])
            cases.setdefault(key, []).extend(record["seconds"])
    return cases


def is_regression(base: float, head: float, relative: float, absolute: float) -> bool:
    """Both thresholds, seconds."""
    return head - base > relative * base and head - base > absolute


def report(base: dict, head: dict, relative: float, absolute: float) -> int:
    """Print a line for every case both have; 1 when one regressed or none can be compared."""
    common = [key for key in base if key in head]
    if not common:
        print("nothing to compare: the two have no case in common", file=sys.stderr)
        return 1
    slower = 0
    print(f"{'ms an iteration':<50} {'base':>10} {'head':>10} {'head/base':>10}")
    for key in common:
        before, after = median(base[key]), median(head[key])
        bad = is_regression(before, after, relative, absolute)
        slower += bad
        line = f"{' '.join(key):<50} {1e3 * before:>10.3f} {1e3 * after:>10.3f} {after / before:>10.2f}"
        print(line + ("  REGRESSION" if bad else ""))
    return int(slower > 0)


if __name__ == "__main__":
    sys.exit(main())
