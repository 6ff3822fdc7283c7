"""Leaving out terms below 2**-58 of a row's density: times as fast as our own dense kernel (full covariances).

    python benchmarks/bench_skip.py [--shapes mid speech wide] [--dtype float64] [--rows 0.25]

Rows of K Gaussians of unit covariance, in random order, with means N(0, s^2) per feature, s such that two centres are
typically (root mean square) so many standard deviations apart; the mixture is the one EM reaches from the true one in
three iterations. "overlapping" are rows of one Gaussian between centres half a standard deviation apart. Statistics are
compared with the dense ones before anything is timed. One thread, processor time, the ways interleaved, the fastest
call of each.
"""

import argparse
from time import process_time

import numpy as np
from passes import AUTO, NEVER, accumulate
from problems import SHAPES

OVERLAPPING, TWELVE, FAR = 0.5, 12.0, 0.0  # typical distance of two centres; FAR: means N(0, 3^2), 3 sqrt(2 D)
NAMES = {OVERLAPPING: "overlapping", TWELVE: "12 sd apart", FAR: "means N(0, 3²)"}


def separated_rows(shape, apart, dtype):
    """Rows and the mixture they are fitted with, as compiled rows and parameters in their frame."""
    from gmm.covariances import structure
    from gmm.parameters import Parameters
    from gmm.rows import Rows

    N, D, K = shape.n_samples, shape.n_features, shape.n_components
    rng = np.random.default_rng(0)
    means = rng.normal(0.0, apart / np.sqrt(2 * D) if apart else 3.0, (K, D))
    X = (rng.normal(size=(N, D)) + means[rng.integers(K, size=N)]).astype(dtype)
    family = structure("full")
    rows = Rows.from_array(X, scaling=family.scaling)
    units = family.covariances_in(np.tile(np.eye(D), (K, 1, 1)), rows.frame)
    parameters = Parameters(np.full(K, 1.0 / K), rows.frame.points_in(means), units)
    for _ in range(3):
        statistics = rows.accumulate(family.factorize(parameters))
        parameters, _floored = family.maximize(statistics, parameters, ridge=None, floor=np.zeros(D))
    return rows, family.factorize(parameters)


def check(rows, factors):
    """Refuse to time statistics that differ from the dense ones by more than rounding, per component."""
    tolerance = {"float64": 1e-13, "float32": 1e-4}[rows.precision]
    (n, first, second, likelihood), dense = (accumulate(rows, factors, way) for way in (AUTO, NEVER))
    variance = np.trace(dense[2], axis1=1, axis2=2) / dense[0]
    np.testing.assert_array_less(np.abs(n - dense[0]), tolerance * dense[0])
    np.testing.assert_array_less(np.abs(first - dense[1]).max(axis=1), tolerance * dense[0] * np.sqrt(variance))
    np.testing.assert_array_less(np.abs(second - dense[2]).max(axis=(1, 2)), tolerance * dense[0] * variance)
    assert abs(likelihood - dense[3]) <= tolerance * abs(dense[3])


def seconds(rows, factors, repeats):
    """Least processor time of one pass, dense and as it chooses."""
    spent = {NEVER: [], AUTO: []}
    for _ in range(repeats):
        for way, times in spent.items():
            begin = process_time()
            accumulate(rows, factors, way)
            times.append(process_time() - begin)
    return min(spent[NEVER]), min(spent[AUTO])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=["mid", "speech", "wide"], choices=SHAPES)
    parser.add_argument("--dtype", nargs="+", default=["float64"], choices=["float64", "float32"])
    parser.add_argument("--rows", type=float, default=1.0, help="factor on the number of rows")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print("| dtype | shape | centres | dense, million row-components a second | times as fast |\n|---|---|---|---|---|")
    for dtype in options.dtype:
        for name in options.shapes:
            shape = SHAPES[name].scaled(options.rows)
            for apart, centres in NAMES.items():
                rows, factors = separated_rows(shape, apart, dtype)
                check(rows, factors)
                dense, skipped = seconds(rows, factors, options.repeats)
                rate = shape.row_components / dense / 1e6
                print(f"| {dtype} | {name} | {centres} | {rate:.1f} | {dense / skipped:.2f} |", flush=True)


if __name__ == "__main__":
    main()
