"""Share of the FMA peak per structure, D, precision and instruction set: ``python benchmarks/kernels.py``.

One dense EM pass of the compiled core, one thread, processor time (see `passes.py`); each instruction set in a process
of its own, against its own peak. Two minutes per instruction set; ``--features 2 16`` is a quick look.
"""

import argparse
import json
import os
import subprocess
import sys

from environment import describe
from passes import shape_of, time_pass
from problems import STRUCTURES
from table import machine

FEATURES = (*range(1, 17), 24, 32, 39, 64, 128, 256, 512, 1000)
FEW_COMPONENTS = 128  # features from which 4 components are enough work


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.here:
        print(json.dumps(measure(options)))
        return 0
    for isa in options.isas or available():
        words = ["--here", "--features", *map(str, options.features), "--structures", *options.structures]
        command = [sys.executable, __file__, *words, "--dtypes", *options.dtypes]
        done = subprocess.run(command, env=os.environ | {"GMM_ISA": isa}, stdout=subprocess.PIPE, check=True)
        print(markdown(json.loads(done.stdout), options))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/kernels.py", description=__doc__.splitlines()[0])
    parser.add_argument("--isas", nargs="+", help="instruction sets; all that this machine runs, if not given")
    parser.add_argument("--features", nargs="+", type=int, default=list(FEATURES))
    parser.add_argument("--structures", nargs="+", default=list(STRUCTURES), choices=STRUCTURES)
    parser.add_argument("--dtypes", nargs="+", default=["float64", "float32"], choices=("float64", "float32"))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def available() -> list[str]:
    from gmm import _native

    return [isa for isa in _native.isas() if isa != "scalar"]


def measure(options: argparse.Namespace) -> dict:
    """JSON: the environment, and [D, K, structure, dtype, row-components per second, share of peak] of each pass."""
    found = []
    for D in options.features:
        shape = shape_of(D, 16 if D < FEW_COMPONENTS else 4)
        for structure in options.structures:
            for dtype in options.dtypes:
                one = time_pass(shape, structure, dtype)
                found.append([D, shape.n_components, structure, dtype, one.rate, one.share])
    return {"environment": describe(1), "passes": found}


def markdown(result: dict, options: argparse.Namespace) -> str:
    """A row per D, a column per structure and precision: million row-components per second, share of peak."""
    cases = [(structure, dtype) for structure in options.structures for dtype in options.dtypes]
    lines = ["| D | K | " + " | ".join(" ".join(case) for case in cases) + " |", "|---" * (2 + len(cases)) + "|"]
    for D, K in dict.fromkeys((D, K) for D, K, *_ in result["passes"]):
        found = {(structure, dtype): rest for d, _, structure, dtype, *rest in result["passes"] if d == D}
        cells = [f"{1e-6 * found[case][0]:,.4g} {100 * found[case][1]:.0f}%" for case in cases]
        lines.append(f"| {D} | {K} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + f"\n\nOne EM pass of the core. {machine(result['environment'])}\n"


if __name__ == "__main__":
    sys.exit(main())
