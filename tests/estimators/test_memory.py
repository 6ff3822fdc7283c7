"""A fit keeps no N x K array: what it needs beyond the rows depends on K, D and threads, never on N."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import sys
import warnings

import numpy as np

import gmm

n_samples, n_features, n_components, n_init = map(int, sys.argv[1:5])
X = np.random.default_rng(0).standard_normal((n_samples, n_features))
for some in np.array_split(X, 100):
    some[np.random.default_rng(1).random(some.shape) < float(sys.argv[6])] = np.nan


def fit(rows, n_components, n_init):
    settings = {"init_params": sys.argv[5], "max_iter": 2, "random_state": 0, "n_threads": 2, "missing": "marginalize"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two iterations do not converge
        gmm.GaussianMixture(n_components, n_init=n_init, **settings).fit(rows)


fit(X[:4096, :2], 2, 1)  # what NumPy, SciPy and threads need once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit(X, n_components, n_init)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024))
"""
MB, THREADS, TILE_ROWS = 2**20, 2, 256


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process's memory is read from POSIX getrusage")
@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_components", "n_init", "start", "share_missing"),
    [
        (2_000_000, 8, 32, 2, "kmeans", 0),
        (100_000, 2, 5_000, 1, "random_from_data", 0),
        (2_000, 1_000, 4, 1, "random_from_data", 0),
        (2_000_000, 8, 32, 2, "kmeans", 0.1),
    ],
)
def test_peak_beyond_the_rows(n_samples, n_features, n_components, n_init, start, share_missing):
    """32 MB and, for each thread, a tile with its table and eight times the statistics.

    Where values are missing also the order of the rows, and one column at a time: 24 bytes a row.

    One N x K array of float64 would take 512 MB and 4 GB for the first two.
    """
    arguments = [str(number) for number in (n_samples, n_features, n_components, n_init)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, *arguments, start, str(share_missing)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    statistics = 8 * n_components * (1 + n_features + n_features**2)
    tile = 8 * TILE_ROWS * (2 * n_features + n_components)
    gaps = 24 * n_samples if share_missing else 0
    assert int(done.stdout) < 32 * MB + THREADS * (tile + 8 * statistics) + gaps
