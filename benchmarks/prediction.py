"""Prediction beside scikit-learn, memory, one-row calls and import time: ``python benchmarks/prediction.py``.

Labels, probabilities and log-densities of ten million rows (D = 8, K = 16) with the same parameters on both sides,
answers checked equal; scikit-learn sees fewer rows, whose number hardly changes its rate. Peak memory is what a fresh
process grows by beyond X and the answer. Two minutes.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from environment import describe
from problems import STRUCTURES
from table import machine

D, K = 8, 16
METHODS = ("predict", "predict_proba", "score_samples")
SINGLE = """
import resource, sys
sys.path.insert(0, {here!r})
import numpy as np
from prediction import models, rows
X = rows({n_rows})
ours = models({n_threads}, peer=False)[0]
call = getattr(ours, {method!r})
call(X[:10_000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer = call(X)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
print(max(0, grown - answer.nbytes))
"""
IMPORTS = ("import gmm", "import gmm; gmm.GaussianMixture")
BARE = "import numpy, scipy.linalg"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/prediction.py", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--peer-rows", type=int, default=500_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    print(throughput(options))
    print(one_row(options.repeats))
    print(imports(4 * options.repeats))
    print(machine(describe(options.threads)))
    return 0


def rows(n_rows: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n_rows, D))


def models(n_threads: int, *, peer: bool = True, n_components: int = K, covariance_type: str = "full") -> tuple:
    """Our estimator and scikit-learn's with the same parameters (one iteration from our start)."""
    import warnings

    from gmm import GaussianMixture

    few = rows(20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {"n_init": 1, "max_iter": 5, "random_state": 0, "n_threads": n_threads}
        ours = GaussianMixture(n_components, covariance_type=covariance_type, **settings).fit(few)
        if not peer:
            return (ours,)
        from sklearn.mixture import GaussianMixture as Theirs

        theirs = Theirs(K, means_init=ours.means_, init_params="random_from_data", max_iter=1, random_state=0).fit(few)
    theirs.weights_, theirs.means_, theirs.covariances_ = ours.weights_, ours.means_, ours.covariances_
    theirs.precisions_cholesky_ = ours.precisions_cholesky_
    return ours, theirs


def throughput(options: argparse.Namespace) -> str:
    """A row per method: million rows per second of both, ratio, memory."""
    from threadpoolctl import threadpool_limits

    X = rows(options.rows)
    some = X[: options.peer_rows]
    ours, theirs = models(options.threads)
    lines = ["| method | gmm, million rows/s | scikit-learn | ratio | beyond X and answer |", "|---|---|---|---|---|"]
    for method in METHODS:
        np.testing.assert_allclose(
            getattr(ours, method)(some[:10_000]), getattr(theirs, method)(some[:10_000]), atol=1e-9
        )
        fast, slow = [], []
        for _ in range(options.repeats):
            fast.append(options.rows / seconds_of(getattr(ours, method), X))
            with threadpool_limits(options.threads):
                slow.append(options.peer_rows / seconds_of(getattr(theirs, method), some))
        ratios = [a / b for a, b in zip(fast, slow, strict=True)]
        cells = [f"{1e-6 * median(r):.3g} ({1e-6 * min(r):.3g}-{1e-6 * max(r):.3g})" for r in (fast, slow)]
        ratio = f"{median(ratios):.0f}x ({min(ratios):.0f}-{max(ratios):.0f})"
        lines.append(f"| {method} | {' | '.join(cells)} | {ratio} | {peak(method, options) / 2**20:.1f} MB |")
    return "\n".join(lines) + "\n"


def seconds_of(call, X: np.ndarray) -> float:
    begin = perf_counter()
    call(X)
    return perf_counter() - begin


def peak(method: str, options: argparse.Namespace) -> int:
    """Bytes by which a fresh process grows during the call, beyond the answer."""
    here = str(Path(__file__).parent)
    script = SINGLE.format(here=here, n_rows=options.rows, n_threads=options.threads, method=method)
    return int(subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True).stdout)


def one_row(repeats: int) -> str:
    """Microseconds of processor time of a call with one row, the least of several hundred calls."""
    lines = ["| one row | " + " | ".join(METHODS) + " |", "|---" * (1 + len(METHODS)) + "|"]
    X = rows(1)
    for structure in STRUCTURES:
        model = models(1, peer=False, n_components=8, covariance_type=structure)[0]
        cells = []
        for method in METHODS:
            call, times = getattr(model, method), []
            for _ in range(10 * repeats):
                begin = process_time()
                for _ in range(100):
                    call(X)
                times.append(1e4 * (process_time() - begin))
            cells.append(f"{min(times):.1f} ({median(times):.1f})")
        lines.append(f"| {structure}, D = 8, K = 8 | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\nMicroseconds, least (median) of many calls.\n"


def imports(repeats: int) -> str:
    """Whole processes in turns, beside one that imports NumPy and SciPy's linear algebra."""

    def run(code: str) -> float:
        begin = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return perf_counter() - begin

    lines = []
    for code in IMPORTS:
        run(code)
        ratios = [run(code) / run(BARE) for _ in range(repeats)]
        lines.append(
            f"`{code}` takes {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) times as long as `{BARE}`."
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
