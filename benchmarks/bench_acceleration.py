"""Passes over the rows that acceleration saves: ``python benchmarks/bench_acceleration.py [--write] [--quick]``.

Counted are the passes until the log-likelihood is within 1e-6 nats a row of what plain EM converges to from the same
start, with those of refused leaps. A climb that ends lower never gets there and counts as a loss.

The family: 8,000 rows from K Gaussians that overlap by 5, 10, 20 or 30% (`benchmarks/overlap.py`: the rate at which a
component and its nearest rival are taken for each other), fitted with K components of the same structure from a k-means
partition, with a ridge too, from random rows, and from the estimators' own start, which has rehearsed; and the pixels
of scikit-learn's china.jpg with 16 full components at tol=1e-7. A minute and a half.
"""

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from overlap import overlapping_rows

CLOSE = 1e-6
OVERLAPS = (0.05, 0.1, 0.2, 0.3)
SIZES = ((2, 4), (5, 6))
STARTS = (("k-means partition", 0.0), ("k-means partition", 0.01), ("random rows", 0.0), ("own start", 0.0))
SLOW = 15  # passes of plain EM from which there is something to save
BEGIN, END = "<!-- acceleration:begin -->", "<!-- acceleration:end -->"


class Case(NamedTuple):
    """Rows, structure and start of one comparison, and the group it is reported with."""

    group: str
    X: np.ndarray
    covariance_type: str
    n_components: int
    method: str
    ridge: float
    tol: float
    seed: int


class Outcome(NamedTuple):
    """Passes to get close, of plain EM and accelerated, passes to the end, and the difference of what they end at."""

    group: str
    plain: int
    accelerated: float
    plain_end: int
    accelerated_end: int
    difference: float

    @property
    def ratio(self) -> float:
        return self.plain / self.accelerated


def family(seeds: int = 2) -> Iterator[Case]:
    """Gaussians that overlap."""
    from gmm.covariances import STRUCTURES

    for overlap, (method, ridge), (D, K), structure, seed in product(OVERLAPS, STARTS, SIZES, STRUCTURES, range(seeds)):
        shape = {"n_samples": 8000, "n_features": D, "n_components": K}
        X = overlapping_rows(overlap, covariance_type=structure, seed=seed, **shape)
        group = f"{overlap:.0%}, {method}" + (f", ridge {ridge:g}" if ridge else "")
        yield Case(group, X, structure, K, method, ridge, 1e-9, seed)


def china(seeds: int) -> Iterator[Case]:
    """The 273,280 pixels of a photograph."""
    from sklearn.datasets import load_sample_image

    X = load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)
    for seed in range(seeds):
        yield Case("china.jpg, own start", X, "full", 16, "own start", 0.0, 1e-7, seed)


def compare(case: Case) -> Outcome:
    """Both climbs from the same start."""
    from gmm.covariances import structure
    from gmm.em import climb
    from gmm.initialization import start
    from gmm.kmeans import lloyd, seed_centres, standardised
    from gmm.partition import from_partition
    from gmm.rows import Rows

    def partition(rows, structure, n_components, seed, **limits):
        points = standardised(rows)
        labels = lloyd(points, seed_centres(points, n_components, np.random.default_rng(seed))).labels
        return from_partition(rows, structure, n_components, labels, **limits)

    def named(method):
        return lambda rows, structure, n_components, seed, **limits: start(
            rows, structure, n_components, method, seed, **limits
        )

    starts = {
        "k-means partition": partition,
        "random rows": named("random_from_data"),
        "own start": named("kmeans"),
    }

    shape = structure(case.covariance_type)
    rows = Rows.from_array(case.X, scaling=shape.scaling, n_threads=1)
    ridge = np.ldexp(case.ridge, -2 * rows.frame.exponent) if case.ridge else None
    limits = {"floor": rows.frame.floor, "ridge": ridge}
    begin = starts[case.method](rows, shape, case.n_components, case.seed, **limits)
    evaluated: list[float] = []

    def accumulate(factors):
        statistics = rows.accumulate(factors)
        evaluated.append(statistics.log_likelihood / statistics.weight)
        return statistics

    def passes_and_end(tol, **options):
        evaluated.clear()
        ended = climb(accumulate, shape, begin, tol=tol, max_iter=20_000, **limits, **options)
        return list(evaluated), ended

    passes, plain = passes_and_end(case.tol)
    leapt, accelerated = passes_and_end(case.tol, accelerated=True)
    close = plain.objective - CLOSE
    first = [next((1 + i for i, value in enumerate(each) if value >= close), np.inf) for each in (passes, leapt)]
    return Outcome(case.group, first[0], first[1], len(passes), len(leapt), accelerated.objective - plain.objective)


def table(outcomes: list[Outcome]) -> str:
    """Markdown: a line for each group, one for all, and one for all that plain EM needs at least SLOW passes for."""
    lines = [
        "| overlap, start | n | plain EM, passes | accelerated | ratio, median (least) | "
        f"of those with {SLOW} or more | "
        "to the end of the climb | ends lower, higher by > 1e-6 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = dict.fromkeys(outcome.group for outcome in outcomes)
    for name, chosen in [(g, [o for o in outcomes if o.group == g]) for g in groups] + [("all", outcomes)]:
        slow = [o.ratio for o in chosen if o.plain >= SLOW]
        lower, higher = (sum(sign * o.difference > CLOSE for o in chosen) for sign in (-1, 1))
        ends = median(o.plain_end / o.accelerated_end for o in chosen)
        lines.append(
            f"| {name} | {len(chosen)} | {median(o.plain for o in chosen):.0f} | "
            f"{median(o.accelerated for o in chosen):.0f} | {median(o.ratio for o in chosen):.2f}x "
            f"({min(o.ratio for o in chosen):.2f}x) | {f'{median(slow):.2f}x ({len(slow)})' if slow else ''} | "
            f"{ends:.2f}x | {lower}, {higher} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without china.jpg")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    parser.add_argument("--list", action="store_true", help="print every case")
    arguments = parser.parse_args()
    outcomes = []
    for case in (*family(), *(() if arguments.quick else china(3))):
        outcomes.append(compare(case))
        if arguments.list:
            print(case.group, case.covariance_type, case.n_components, case.ridge, case.seed, *outcomes[-1][1:])
    made = table(outcomes)
    print(made)
    if arguments.write:
        readme = Path(__file__).with_name("README.md")
        before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
        readme.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
