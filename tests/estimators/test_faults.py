"""Every allocation of a call fails once: a MemoryError each time, nothing leaks, the estimator is as it was.

The core allocates nothing; its binding takes scratch from malloc. `failing_malloc.c`, compiled here and preloaded into
a process of its own, refuses the first, second, third, ... of these. (NumPy itself does not survive a refusal
everywhere; `test_processes.py` makes it run out of memory for whole arrays.)
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from script import run_script

SCRIPT = """
import ctypes, json, warnings
warnings.simplefilter("ignore")
import numpy as np
from gmm import GaussianMixture, _native, fit_many

faults = ctypes.CDLL(None)
faults.watch.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
with open("/proc/self/maps") as file:
    mapped = [line.split()[0] for line in file if line.strip().endswith(_native.__file__)]
ends = [int(end, 16) for each in mapped for end in each.split("-")]
faults.watch(min(ends), max(ends))

rng = np.random.default_rng(0)
many = rng.normal(size=(2100, 9)) + 3.0 * rng.integers(0, 2, size=(2100, 1))
few, gaps = many[:700, :4].copy(), many[:700, :4].copy()
gaps[rng.random(gaps.shape) < 0.1] = np.nan


def fitted(X, **settings):
    settings = {"n_components": 2, "random_state": 0, "n_init": 1, "max_iter": 3, "n_threads": 2} | settings
    return GaussianMixture(**settings), X


CASES = {
    "few rows": fitted(few),
    "few rows, accelerated": fitted(few, max_iter=300, tol=0.0, n_components=3),
    "many rows": fitted(many),
    "tied": fitted(many, covariance_type="tied"),
    "diag": fitted(many, covariance_type="diag", init_params="k-means++"),
    "spherical": fitted(many.astype(np.float32), covariance_type="spherical", init_params="random_from_data"),
    "missing": fitted(gaps, missing="marginalize"),
    "noise": fitted(few[:200], noise=True),
}


def bits(model, X):
    arrays = (model.means_, model.covariances_, model.predict_proba(X), model.score_samples(X), model.predict(X))
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def broken(call, after):
    '''Let each allocation of a call fail in turn; how many there are, and how often the call went on without it.'''
    n, unharmed = 0, 0
    while True:
        n += 1
        faults.arm(n)
        try:
            call()
        except MemoryError:
            met = faults.disarm()
        else:
            met = faults.disarm()
            if met < n:
                return n - 1, unharmed
            unharmed += 1
        assert met >= n
        after(n)


found = {}
for name, (model, X) in CASES.items():
    expected = bits(model.fit(X), X)
    other = (X * 2.0 + 1.0).astype(X.dtype)
    held = faults.outstanding()

    def whole(n):
        assert faults.outstanding() == held, f"{name}: allocation {n} of a fit leaks"
        if n % 7 == 1:
            assert bits(model, X) == expected, f"{name}: allocation {n} of a fit changed the estimator"

    def unfitted(n):
        assert not hasattr(new, "means_"), f"{name}: half a fit after allocation {n}"

    def fit_and_forget():
        model.__class__(**model.get_params()).fit(other)

    new = model.__class__(**model.get_params())
    found[name] = {"fit": broken(fit_and_forget, whole)}
    for method in ("predict_proba", "predict", "score_samples", "score", "bic"):
        found[name][method] = broken(lambda: getattr(model, method)(X), whole)
    faults.arm(3)
    try:
        new.fit(X)
    except MemoryError:
        pass
    faults.disarm()
    unfitted(3)
    assert bits(model.fit(X), X) == expected

groups = [few + j for j in range(5)]
held = faults.outstanding()
found["groups"] = {"fit_many": broken(lambda: fit_many(groups, 2, max_iter=5, n_threads=1), lambda n: None)}
assert faults.outstanding() == held
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def allocator(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.libc_ver()[0] != "glibc":
        pytest.skip("needs a C compiler and glibc, whose allocator can be wrapped")
    source = Path(__file__).with_name("failing_malloc.c")
    library = tmp_path_factory.mktemp("allocator") / "failing_malloc.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-fno-builtin", "-Wall", "-Werror", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


def test_every_allocation_fails_once(allocator, tmp_path):
    found = json.loads(run_script(SCRIPT, tmp_path, preload=allocator, timeout=300))
    print(found)
    for name, calls in found.items():
        for call, (failed, unharmed) in calls.items():
            assert failed > 0, (name, call)
            assert unharmed <= failed // 2, (name, call)
