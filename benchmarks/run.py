"""Compare `gmm` with its peers: ``python benchmarks/run.py``.

Every contender climbs from the same start on the same rows. Log-likelihoods are checked to agree, then contenders
take turns; the table gives million row-components per second (N K / seconds an iteration), the ratio to each peer in
the same run, and the share of the FMA peak that a dense iteration's operations come to.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time

from contenders import ALL, contender
from environment import describe
from problems import SHAPES, STRUCTURES, Shape, flops_per_row_component, make_rows, make_start
from table import markdown, write_between_marks
from timing import agree, interleave

HERE = Path(__file__).parent
CHECKED_ITERATIONS = 3
CHECKED_ROWS = 4_000
CLOCKS = {"wall": perf_counter, "cpu": process_time}


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    players = {}
    for name in options.contenders:
        reason = contender(name).missing()
        if reason:
            print(f"without {contender(name).NAME}: {reason}", file=sys.stderr)
        else:
            players[name] = contender(name)
    records = []
    for shape in (SHAPES[name].scaled(options.scale) for name in options.shapes):
        for covariance_type in options.structures:
            for dtype in options.dtypes:
                records += measure(players, shape, covariance_type, dtype, options)
    result = {
        "command": command(options, "run"),
        "environment": describe(options.threads),
        "records": records,
    }
    text = markdown(result)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.write:
        write_between_marks(HERE / "README.md", text)
        write_between_marks(HERE.parent / "README.md", text)
    return 0


def command(options: argparse.Namespace, script: str) -> str:
    """What to type for the same numbers: the options that differ from their defaults, but for where results go."""
    usual = vars(import_module(script).parse([]))
    said = {name: value for name, value in vars(options).items() if value != usual[name]}
    words = ["python", f"benchmarks/{script}.py"]
    for name, value in said.items():
        if name not in ("json", "write"):
            words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return " ".join(words)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--structures", nargs="+", default=["full"], choices=STRUCTURES)
    parser.add_argument("--dtypes", nargs="+", default=["float64"], choices=("float64", "float32"))
    parser.add_argument("--contenders", nargs="+", default=list(ALL), choices=ALL)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="turns each contender takes")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of a shape's rows; 1 is what tables quote")
    parser.add_argument("--clock", default="wall", choices=CLOCKS, help="cpu: with one thread, on a busy machine")
    parser.add_argument("--patience", type=float, default=8.0, help="seconds after which a climb is cut shorter")
    parser.add_argument("--json", help="also write every number to this file (for compare.py)")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md and README.md")
    options = parser.parse_args(arguments)
    if options.clock == "cpu" and options.threads != 1:
        parser.error("--clock cpu adds up the time of all threads: use it with --threads 1")
    return options


def measure(players: dict, shape: Shape, covariance_type: str, dtype: str, options: argparse.Namespace) -> list[dict]:
    """One row of the table: check, then time, every contender that has this structure in this precision."""
    X = make_rows(shape, dtype=dtype)
    start = make_start(X, shape.n_components, covariance_type)
    able = {name: player for name, player in players.items() if player.supports(covariance_type, dtype)}
    rows = {name: X if player.ALL_ROWS else X[: shape.fewest_samples] for name, player in able.items()}
    climbs = {name: player.climber(rows[name], start, options.threads) for name, player in able.items()}
    check({name: climbs[name] for name in able if len(rows[name]) == len(X)}, X, covariance_type, dtype)
    seconds = interleave(climbs, repeats=options.repeats, patience=options.patience, clock=CLOCKS[options.clock])
    return [
        {
            "shape": shape._asdict(),
            "structure": covariance_type,
            "dtype": dtype,
            "contender": name,
            "name": able[name].NAME,
            "n_rows": len(rows[name]),
            "seconds": seconds[name],
            "flops": flops_per_row_component(shape.n_features, shape.n_components, covariance_type),
        }
        for name in climbs
    ]


def check(climbs: dict, X, covariance_type: str, dtype: str) -> None:
    """Contenders that see all rows must reach the same log-likelihood, as the reference computes it."""
    from gmm.reference import log_densities
    from gmm.reference.softmax import log_sum_exp

    some = X[:CHECKED_ROWS].astype("float64")
    found = {
        name: float(log_sum_exp(log_densities(some, *climb(CHECKED_ITERATIONS), covariance_type)).mean())
        for name, climb in climbs.items()
    }
    agree(found, dtype)


if __name__ == "__main__":
    sys.exit(main())
