"""Two threads against one, through the public estimators: ``python benchmarks/scaling.py``.

One EM iteration of each shape and structure, timed as in run.py, with both numbers of threads in turns. Wants a quiet
machine; two minutes.
"""

import argparse
import sys
from statistics import median

from contenders import gmm
from environment import describe
from problems import SHAPES, STRUCTURES, make_rows, make_start
from table import machine
from timing import interleave


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/scaling.py", description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--structures", nargs="+", default=list(STRUCTURES), choices=STRUCTURES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rows", type=int, default=100_000, help="at least as many rows as this in every shape")
    options = parser.parse_args(arguments)
    print("| problem (N, D, K) | " + " | ".join(options.structures) + " |")
    print("|---" * (1 + len(options.structures)) + "|")
    for shape in (SHAPES[name] for name in options.shapes):
        shape = shape._replace(n_samples=max(shape.n_samples, options.rows))
        X = make_rows(shape)
        cells = [gain(X, make_start(X, shape.n_components, structure), options) for structure in options.structures]
        print(f"| {shape.name} {shape.n_samples:,}, {shape.n_features}, {shape.n_components} | {' | '.join(cells)} |")
    print(f"\nTimes faster than one thread, median of turns (spread). {machine(describe(options.threads))}")
    return 0


def gain(X, start, options: argparse.Namespace) -> str:
    """Seconds of one thread over those of all, turn by turn."""
    climbs = {str(n): gmm.climber(X, start, n) for n in (1, options.threads)}
    seconds = interleave(climbs, repeats=options.repeats)
    ratios = [one / all_ for one, all_ in zip(seconds["1"], seconds[str(options.threads)], strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


if __name__ == "__main__":
    sys.exit(main())
