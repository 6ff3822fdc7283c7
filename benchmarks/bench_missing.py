"""What missing values cost: an EM iteration with values missing at random against one of the same rows complete.

    python benchmarks/bench_missing.py [--rows 500000] [--features 8] [--components 8] [--share 0.1]

An iteration is factors, the pass over the rows and the M-step, in turns from the same mixture, the fastest of each; one
thread, processor time. Statistics of some rows are compared with the NumPy twin before anything is timed.
"""

import argparse
from time import process_time

import numpy as np
from problems import Shape, make_rows, make_start

STRUCTURES = ("full", "tied", "diag", "spherical")
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}


def problem(shape, share, name, dtype):
    """The rows complete and with values missing, and parameters in their common frame."""
    from gmm.covariances import structure
    from gmm.missing import IncompleteRows
    from gmm.parameters import Parameters
    from gmm.rows import Rows

    X = make_rows(shape, dtype=dtype)
    start, family = make_start(X, shape.n_components, name), structure(name)
    complete = Rows.from_array(X, scaling=family.scaling)
    with_gaps = X.copy()
    with_gaps[np.random.default_rng(1).random(X.shape) < share] = np.nan
    incomplete = IncompleteRows(with_gaps, None, complete.frame, complete.precision)
    covariances = family.covariances_in(np.asarray(start.covariances), complete.frame)
    return family, complete, incomplete, Parameters(start.weights, complete.frame.points_in(start.means), covariances)


def check(family, rows, parameters, n_rows=300):
    """Refuse to time statistics that are not the twin's."""
    from gmm.reference import Rows as Twin
    from gmm.reference import missing

    some = rows.subset(np.arange(n_rows))
    found = some.accumulate(family.factorize(parameters))
    expected = missing.accumulate(Twin(some.X, None, some.frame), family.kernel, parameters)
    for name in ("n", "first", "second"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=0, atol=TOLERANCE[rows.precision] * size
        )


def seconds(family, sides, parameters, repeats):
    """Least processor time of an iteration for each of the rows."""
    least = [np.inf] * len(sides)
    for _ in range(repeats):
        for side, rows in enumerate(sides):
            begin = process_time()
            statistics = rows.accumulate(family.factorize(parameters))
            family.maximize(statistics, parameters, floor=rows.frame.floor)
            least[side] = min(least[side], process_time() - begin)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--features", type=int, default=8)
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--share", type=float, nargs="+", default=[0.1])
    parser.add_argument("--structures", nargs="+", default=STRUCTURES, choices=STRUCTURES)
    parser.add_argument("--dtype", nargs="+", default=["float64"], choices=["float64", "float32"])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    shape = Shape("", options.rows, options.features, options.components)
    print("| structure | dtype | missing | patterns | complete, ms | incomplete, ms | times |")
    print("|---|---|---|---|---|---|---|")
    for name in options.structures:
        for dtype in options.dtype:
            for share in options.share:
                family, *sides, parameters = problem(shape, share, name, dtype)
                check(family, sides[1], parameters)
                complete, incomplete = seconds(family, sides, parameters, options.repeats)
                n_patterns = len(np.unique(sides[1].runs.observed, axis=0))
                times = f"{1e3 * complete:.1f} | {1e3 * incomplete:.1f} | {incomplete / complete:.2f}"
                print(f"| {name} | {dtype} | {share:.0%} | {n_patterns} | {times} |", flush=True)


if __name__ == "__main__":
    main()
