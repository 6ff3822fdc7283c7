"""How many times faster than each peer, beside the ratio aimed at: ``python benchmarks/floors.py``.

Every covariance structure and precision that a peer shares, on every shape, one EM iteration through the public
estimators: same rows, same start, log-likelihoods checked equal, contenders in turns (see `timing.py`). A quarter of
an hour on a quiet machine; ``--scale 0.1 --repeats 1`` shows in two minutes that it works.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

import run
from contenders import contender
from environment import describe
from problems import SHAPES
from table import machine, rates, write_between_marks


class Case(NamedTuple):
    """A column of the table: what is fitted, against whom, and the ratio aimed at on each shape (0: none)."""

    structure: str
    dtype: str
    peer: str
    floors: tuple[float, ...] = (0, 0, 0, 0, 0, 0)  # in the order of SHAPES


CASES = (
    Case("full", "float64", "sklearn", (120, 150, 24, 14, 9, 4.3)),
    Case("full", "float64", "onedal", (5, 6, 3.8, 3.3, 2.4, 2.1)),
    Case("full", "float32", "onedal", (6, 7, 2.9, 3.2, 1.9, 1.6)),
    Case("diag", "float64", "onedal", (6, 6, 3, 3, 1.6, 1.3)),
    Case("diag", "float64", "sklearn"),
    Case("tied", "float64", "sklearn", (50, 100, 90, 90, 85, 120)),
    Case("spherical", "float64", "sklearn"),
)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    records = measure(options)
    result = {"command": run.command(options, "floors"), "environment": describe(options.threads), "records": records}
    text = markdown(result)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.write:
        write_between_marks(run.HERE / "README.md", text, "floors")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/floors.py", description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="turns each contender takes")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of a shape's rows; 1 is what tables quote")
    parser.add_argument("--json", help="also write every number to this file")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    parser.set_defaults(clock="wall", patience=4.0)
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> list[dict]:
    """Records of `run.measure`, contenders that share a structure and precision in the same turns."""
    absent = {name: contender(name).missing() for name in dict.fromkeys(case.peer for case in CASES)}
    for name, reason in absent.items():
        if reason:
            print(f"without {contender(name).NAME}: {reason}", file=sys.stderr)
    records = []
    for name in options.shapes:
        shape = SHAPES[name].scaled(options.scale)
        for structure, dtype in dict.fromkeys((case.structure, case.dtype) for case in CASES):
            peers = [c.peer for c in CASES if (c.structure, c.dtype) == (structure, dtype) and not absent[c.peer]]
            if peers:
                players = {name: contender(name) for name in ["gmm", *peers]}
                try:
                    records += run.measure(players, shape, structure, dtype, options)
                except RuntimeError as error:  # a peer gave up
                    print(f"{shape.name} {structure} {dtype}: {' '.join(str(error).split())}", file=sys.stderr)
                    continue
                print(f"{shape.name} {structure} {dtype}: done", file=sys.stderr)
    return records


def markdown(result: dict) -> str:
    """A row per shape, a column per case: ratio (smallest-largest turn), and what was aimed at."""
    heads = [f"{case.structure} {case.dtype} / {contender(case.peer).NAME}" for case in CASES]
    lines = ["| problem (N, D, K) | " + " | ".join(heads) + " |", "|---" * (1 + len(CASES)) + "|"]
    for shape in dict.fromkeys(tuple(record["shape"].values()) for record in result["records"]):
        found = {
            (r["structure"], r["dtype"], r["contender"]): r
            for r in result["records"]
            if tuple(r["shape"].values()) == shape
        }
        floors = list(SHAPES).index(shape[0])
        cells = [cell(found, case, case.floors[floors]) for case in CASES]
        lines.append(f"| {shape[0]} {shape[1]:,}, {shape[2]}, {shape[3]} | " + " | ".join(cells) + " |")
    caption = (
        "Times faster per EM iteration, median of turns (spread); aim: the ratio aimed at, ! where it was missed;\n"
        "-: the peer failed on these rows.\n"
        f"{machine(result['environment'])}\nMade by `{result['command']}`.\n"
    )
    return "\n".join(lines) + "\n\n" + caption


def cell(found: dict, case: Case, floor: float) -> str:
    """One ratio with its spread."""
    ours, peer = (found.get((case.structure, case.dtype, name)) for name in ("gmm", case.peer))
    if ours is None or peer is None:
        return "-"
    ratios = [a / b for a, b in zip(rates(ours), rates(peer), strict=True)]
    ratio = median(ratios)
    aim = f", aim {floor:g}{' !' if ratio < floor else ''}" if floor else ""
    return f"{ratio:.3g} ({min(ratios):.3g}-{max(ratios):.3g}){aim}"


if __name__ == "__main__":
    sys.exit(main())
