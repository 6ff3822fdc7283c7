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

n_samples, n_components = int(sys.argv[1]), 32
X = np.random.default_rng(0).standard_normal((n_samples, 8))


def fit(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two iterations do not converge
        gmm.GaussianMixture(n_components, max_iter=2, n_init=int(sys.argv[2]), random_state=0, n_threads=2).fit(rows)


fit(X[:4096])  # what NumPy, SciPy and threads need once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit(X)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process's memory is read from POSIX getrusage")
@pytest.mark.parametrize("n_init", [1, 2])
def test_peak_beyond_the_rows(n_init):
    """64 MB at N = 2,000,000, D = 8, K = 32, where one N x K array of float64 would take 512 MB."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, "2000000", str(n_init)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 * 2**20
