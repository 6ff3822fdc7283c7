"""What measurement errors cost: an EM iteration over rows with errors against one over the same rows without.

    python benchmarks/bench_measured.py [--rows 200000] [--shapes 2x8 3x8 5x8 8x8] [--errors variances matrices]

An iteration is factors, the pass over the rows and the M-step, in turns from the same mixture, the fastest of each; one
thread, processor time. Statistics of some rows are compared with the NumPy twin before anything is timed.
"""

import argparse

import numpy as np
from bench_missing import STRUCTURES, seconds
from problems import Shape, make_rows, make_start


def problem(shape, name, kind, dtype):
    """The rows without errors and with, and parameters in their common frame."""
    from gmm.covariances import structure
    from gmm.measured import measured
    from gmm.parameters import Parameters
    from gmm.rows import Rows

    X = make_rows(shape, dtype=dtype)
    N, D = X.shape
    start, family = make_start(X, shape.n_components, name), structure(name)
    plain = Rows.from_array(X, scaling=family.scaling)
    rng = np.random.default_rng(1)
    errors = rng.gamma(1.0, 0.3, (N, D)).astype(dtype)
    if kind == "matrices":
        roots = rng.normal(size=(N, D, D)).astype(dtype) * np.sqrt(errors[:, :1, None] / D)
        errors = roots @ roots.swapaxes(1, 2)
    covariances = family.covariances_in(np.asarray(start.covariances), plain.frame)
    parameters = Parameters(start.weights, plain.frame.points_in(start.means), covariances)
    return family, plain, measured(plain, errors), parameters


def check(family, rows, parameters, n_rows=200):
    """Refuse to time statistics that are not the twin's."""
    from gmm.reference import Rows as Twin
    from gmm.reference import measured

    some = rows.subset(np.arange(n_rows))
    found = some.accumulate(family.factorize(parameters))
    expected = measured.accumulate(Twin(some.X, None, some.frame), some.errors, family.kernel, parameters)
    for name in ("n", "first", "second"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=1e-11 * size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--shapes", nargs="+", default=["2x8", "3x8", "5x8", "8x8"], help="features x components")
    parser.add_argument("--errors", nargs="+", default=["variances", "matrices"])
    parser.add_argument("--structures", nargs="+", default=STRUCTURES, choices=STRUCTURES)
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print("| structure | D, K | errors | without, ms | with, ms | times | ns a row and component |")
    print("|---|---|---|---|---|---|---|")
    for name in options.structures:
        for size in options.shapes:
            D, K = map(int, size.split("x"))
            for kind in options.errors:
                family, *sides, parameters = problem(Shape("", options.rows, D, K), name, kind, options.dtype)
                check(family, sides[1], parameters)
                plain, measured = seconds(family, sides, parameters, options.repeats)
                each = 1e9 * measured / options.rows / K
                times = f"{1e3 * plain:.1f} | {1e3 * measured:.1f} | {measured / plain:.1f} | {each:.1f}"
                print(f"| {name} | {D}, {K} | {kind} | {times} |", flush=True)


if __name__ == "__main__":
    main()
