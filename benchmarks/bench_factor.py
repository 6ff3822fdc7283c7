"""Factor analysers against full and diagonal covariances on patches of photographs: cost of an iteration, whole fits.

    python benchmarks/bench_factor.py [--kinds "grey 8x8" "colour 8x8" "grey 28x28"] [--components 10] [--factors 10]
    python benchmarks/bench_factor.py --fits               # held-out log-likelihood and seconds of whole fits instead

An iteration is factors, the pass over the rows and the M-step, in turns, the fastest of each; one thread, processor
time, each from a mixture that a few iterations have reached, so that what may be left out of a pass is. Sums of some
rows are compared with the NumPy twin before anything is timed. "Of peak": 2 D (2 q + 4) operations a row and component,
as if every component counted in every row.
"""

import argparse
import warnings
from time import process_time

import numpy as np
from patches import KINDS, patches

ROWS = {"grey 8x8": 2000, "colour 8x8": 3000, "grey 28x28": 4000}  # fewer than features squared


def reached(X, kind, n_components, n_factors, n_iter=3):
    """Structure, rows and parameters that a short fit came to."""
    import gmm
    from gmm.rows import Rows

    options = {"n_factors": n_factors, "n_init": 1, "max_iter": n_iter, "tol": 0, "init_params": "k-means++"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = gmm.GaussianMixture(n_components, covariance_type=kind, random_state=0, **options).fit(X)
    mixture = model._fitted().mixture
    return mixture.structure, Rows(X, None, mixture.frame), mixture.parameters


def check(structure, rows, parameters, tolerance, n_rows=50):
    """Refuse to time sums that are not the twin's."""
    from gmm.reference import Rows as Twin

    some = rows.subset(np.arange(n_rows))
    factors = structure.factorize(parameters)
    found, expected = some.accumulate(factors), Twin(some.X, None, some.frame).accumulate(factors)
    for name in ("n", "first", "second"):
        size = np.abs(getattr(expected, name)).max()
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=tolerance * size)


def iteration(structure, rows, parameters):
    """Seconds of factors, pass and M-step."""
    begin = process_time()
    factors = structure.factorize(parameters)
    factorized = process_time()
    statistics = rows.accumulate(factors)
    summed = process_time()
    structure.maximize(statistics, parameters, floor=rows.frame.floor)
    return summed - factorized, factorized - begin + process_time() - summed


def time_iterations(options):
    from gmm import _native

    peak = _native.peak_flops(int(options.dtype == "float64"), 1)
    print(f"| rows | N | structure | pass, ms | factors and M-step, ms | {options.structures[-1]} / this | of peak |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.kinds:
        X = patches(kind, options.rows or ROWS[kind])[0].astype(options.dtype)
        sides = {name: reached(X, name, options.components, options.factors) for name in options.structures}
        check(*sides["factor"], 1e-10 if options.dtype == "float64" else 1e-3)
        best = dict.fromkeys(sides, (np.inf, np.inf))
        for _ in range(options.repeats):
            for name, side in sides.items():
                best[name] = min(best[name], iteration(*side), key=sum)
        for name, (passed, rest) in best.items():
            ratio = sum(best[options.structures[-1]]) / sum(best[name])
            share = ""
            if name == "factor":
                operations = len(X) * options.components * 2 * KINDS[kind][2] * (2 * options.factors + 4)
                share = f"{100 * operations / passed / peak:.0f}%"
            times = f"{1e3 * passed:.2f} | {1e3 * rest:.2f}"
            print(f"| {kind} | {len(X)} | {name} | {times} | {ratio:.2f} | {share} |", flush=True)


def fit(options):
    import gmm

    print("| rows | N | structure | seconds | iterations | nats a row, fitted | nats a row, held out |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.kinds:
        X, held = patches(kind, options.rows or ROWS[kind])
        X, held = X.astype(options.dtype), held.astype(options.dtype)
        for name in options.structures:
            told = {"n_factors": options.factors, "max_iter": options.max_iter, "n_init": options.n_init}
            told |= {"random_state": 0, "n_threads": 1}
            begin = process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = gmm.GaussianMixture(options.components, covariance_type=name, **told).fit(X)
            took = process_time() - begin
            numbers = f"{took:.2f} | {model.n_iter_} | {model.log_likelihood_:.2f} | {model.score(held):.2f}"
            print(f"| {kind} | {len(X)} | {name} | {numbers} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--structures", nargs="+", default=["factor", "diag", "full"], help="factor first")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument("--factors", type=int, default=10)
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--fits", action="store_true")
    parser.add_argument("--max-iter", type=int, default=500)
    parser.add_argument("--n-init", type=int, default=1)
    options = parser.parse_args()
    (fit if options.fits else time_iterations)(options)


if __name__ == "__main__":
    main()
