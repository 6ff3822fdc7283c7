"""What an EM iteration takes besides the pass over the rows: ``python benchmarks/overhead.py``.

A climb of 2 iterations subtracted from one of 22, through the public estimator; inside both, the time of every call of
the core's accumulate is added up. What is left of an iteration is Python, factors, the M-step and the stopping rule.
The least of the turns of wall-clock time and of the calling thread's processor time, which other work on the machine
inflates less: the calling thread does its share of a pass and all of the rest.
"""

import argparse
import sys
from time import perf_counter, thread_time

from contenders import gmm
from environment import describe
from problems import STRUCTURES, Shape, make_rows, make_start
from table import machine

SHAPES = (
    Shape("D=2", 125_000, 2, 8),
    Shape("D=3", 62_500, 3, 16),
    Shape("D=8", 62_500, 8, 16),
    Shape("D=16", 62_500, 16, 16),
    Shape("D=16 K=32", 100_000, 16, 32),
)
SHORT, LONG = 2, 22


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/overhead.py", description=__doc__.splitlines()[0])
    parser.add_argument("--structures", nargs="+", default=list(STRUCTURES), choices=STRUCTURES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args(arguments)
    print("| problem (N, D, K) | " + " | ".join(options.structures) + " |")
    print("|---" * (1 + len(options.structures)) + "|")
    for shape in SHAPES:
        X = make_rows(shape)
        cells = [overhead(X, make_start(X, shape.n_components, structure), options) for structure in options.structures]
        print(f"| {shape.name} {shape.n_samples:,}, {shape.n_features}, {shape.n_components} | {' | '.join(cells)} |")
    print(
        "\nAn iteration less its pass over the rows: microseconds, share of the iteration, by the clock; the same of "
        f"the calling thread's processor time. {machine(describe(options.threads))}"
    )
    return 0


def overhead(X, start, options: argparse.Namespace) -> str:
    """Time besides the pass and its share, by both clocks."""
    climb = gmm.climber(X, start, options.threads)
    climb(SHORT)
    cells = []
    for clock in (perf_counter, thread_time):
        taken = {n_iter: [timed(climb, n_iter, clock) for _ in range(options.repeats)] for n_iter in (SHORT, LONG)}
        whole, rest = (
            (min(map(part, taken[LONG])) - min(map(part, taken[SHORT]))) / (LONG - SHORT)
            for part in (lambda times: times[0], lambda times: times[0] - times[1])
        )
        cells.append(f"{1e6 * rest:.0f} us {100 * rest / whole:.1f}%")
    return "; ".join(cells)


def timed(climb, n_iter: int, clock) -> tuple[float, float]:
    """Seconds of a climb, and of its calls of accumulate."""
    from gmm import _native

    accumulate, spent = _native.accumulate, 0.0

    def watched(*arguments):
        nonlocal spent
        begin = clock()
        try:
            return accumulate(*arguments)
        finally:
            spent += clock() - begin

    _native.accumulate = watched
    try:
        begin = clock()
        climb(n_iter)
        return clock() - begin, spent
    finally:
        _native.accumulate = accumulate


if __name__ == "__main__":
    sys.exit(main())
