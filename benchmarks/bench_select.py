"""Every number of components with all fourteen covariance models, mclust's whole job: clock and processor.

    python benchmarks/bench_select.py                              # the shipped sets and 20,000 rows of six features
    python benchmarks/bench_select.py --sets iris rows --threads 1
    python benchmarks/bench_select.py --csv swiss.csv ex4.1.csv    # other tables: numeric columns, a header
    python benchmarks/bench_select.py --mclust                     # beside mclust by Rscript, where there is one

Seconds by the clock and of all processors, the least of some repeats; what is chosen and its BIC, so that a quick
answer that is another one shows.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import gmm
from gmm.datasets import load_faithful, load_iris

MCLUST = """
suppressMessages(library(mclust)); X <- as.matrix(read.csv(commandArgs(TRUE)[1], header = FALSE))
set.seed(0); spent <- system.time(fit <- Mclust(X, G = 1:9, verbose = FALSE))
cat(spent[["elapsed"]], spent[["user.self"]] + spent[["sys.self"]], fit$modelName, fit$G, -fit$bic, "\\n")
"""


def overlapping_rows(n_rows: int = 20_000, n_features: int = 6, n_components: int = 5, seed: int = 0) -> np.ndarray:
    """Rows of Gaussians of different volume, shape and orientation that overlap."""
    rng = np.random.default_rng(seed)
    means = 3.0 * rng.normal(size=(n_components, n_features))
    roots = rng.normal(size=(n_components, n_features, n_features)) * rng.uniform(0.5, 1.5, (n_components, 1, 1))
    labels = rng.integers(0, n_components, n_rows)
    return means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.normal(size=(n_rows, n_features)))


def table(path: str) -> np.ndarray:
    """Numeric columns of a CSV with a header."""
    with Path(path).open() as file:
        _, *body = csv.reader(file)
    kept = [j for j in range(len(body[0])) if body[0][j].replace(".", "").replace("-", "").isdigit()]
    return np.array([[float(row[j]) for j in kept] for row in body])


def mclust(X: np.ndarray) -> str:
    """Seconds, model, number of components and BIC of mclust's own search."""
    with tempfile.TemporaryDirectory() as folder:
        rows, script = Path(folder, "rows.csv"), Path(folder, "job.R")
        np.savetxt(rows, X, delimiter=",", fmt="%.17g")
        script.write_text(MCLUST)
        done = subprocess.run(["Rscript", str(script), str(rows)], capture_output=True, text=True, check=True)
    clock, processor, model, n_components, bic = done.stdout.split()
    return f"{float(clock):.2f} ({float(processor):.2f}) | {n_components} {model} | {float(bic):.3f}"


def main() -> None:
    sets = {"faithful": lambda: load_faithful().data, "iris": lambda: load_iris().data, "rows": overlapping_rows}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=sets, default=list(sets))
    parser.add_argument("--csv", nargs="*", default=[])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mclust", action="store_true")
    options = parser.parse_args()
    beside = options.mclust and shutil.which("Rscript")
    print(
        "| rows | N, D | gmm, s (processor) | best | BIC |"
        + (" mclust, s (processor) | best | BIC |" if beside else "")
    )
    print("|---|---|---|---|---|" + ("---|---|---|" if beside else ""))
    jobs = {name: sets[name] for name in options.sets}
    jobs |= {Path(path).stem: lambda path=path: table(path) for path in options.csv}
    for name, rows in jobs.items():
        X, seconds, processor = rows(), [], []
        for _ in range(options.repeats):
            begun, spent = time.perf_counter(), time.process_time()
            found = gmm.select(X, range(1, 10), "mclust", random_state=0, n_threads=options.threads)
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - spent)
        best = found.best_candidate
        line = f"| {name} | {len(X):,}, {X.shape[1]} | {min(seconds):.2f} ({min(processor):.2f}) "
        line += f"| {best} | {best.bic:.3f} |"
        print(line + (f" {mclust(X)} |" if beside else ""), flush=True)


if __name__ == "__main__":
    main()
