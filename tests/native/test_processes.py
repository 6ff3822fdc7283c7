"""What needs a process of its own: instruction sets, Ctrl-C, fork, memory. Each script prints what is then compared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from native_problem import KERNELS, expected_scores, problem

from gmm import _native

TESTS = Path(__file__).parents[1]


def run(script, *, timeout=60, **environment):
    """Standard output of a Python script that sees the modules of the test folder, but not the source tree."""
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-c", script],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        timeout=timeout,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SCORES = """
import json
from gmm import _native
from native_problem import KERNELS, problem
found = {name: {key: value.tolist() for key, value in problem(kernel, n_features=9).score().items()}
         for name, kernel in KERNELS.items()}
print(json.dumps([_native.isa(), found]))
"""


@pytest.mark.parametrize("isa", _native.isas())
def test_every_instruction_set_gives_the_same_scores(isa):
    used, found = json.loads(run(SCORES, GMM_ISA=isa))
    assert used == isa
    for name, kernel in KERNELS.items():
        for key, expected in expected_scores(problem(kernel, n_features=9)).items():
            np.testing.assert_allclose(found[name][key], expected, rtol=1e-12, atol=1e-12, err_msg=f"{name} {key}")


REFUSED = """
from gmm import _native
from native_problem import problem
for call in (_native.isa, problem().accumulate, problem().score, problem().assign, problem().scan):
    try:
        call()
    except ValueError as error:
        print(error)
"""


def test_an_unknown_instruction_set_is_refused_by_every_call():
    lines = run(REFUSED, GMM_ISA="mmx").splitlines()
    expected = f"GMM_ISA='mmx' is not one of {', '.join(_native.isas())}, which this build holds and this CPU runs"
    assert lines == [expected] * 5


INTERRUPTED = """
import os, signal, threading, time
import numpy as np
from native_problem import problem
endless = np.broadcast_to(np.zeros(3), (1 << 45, 3))
for name in ("accumulate", "assign", "scan"):
    given = problem(sample_weight=None, X=endless)
    def interrupt():
        global sent
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.3, interrupt).start()
    try:
        if name == "assign":
            given.assign(label=None, distance=None, n=None, sum=None)
        else:
            getattr(given, name)()
    except KeyboardInterrupt:
        print(name, f"interrupted after {time.monotonic() - sent:.3f} s", problem().accumulate()["weight"] > 0)
"""


def test_interrupt_stops_a_call_that_would_take_days():
    """Rows repeated by a stride of zero: 2**45 of them need no memory. The time limit only ends a hung test."""
    lines = run(INTERRUPTED, timeout=60).splitlines()
    assert [line.split()[0] for line in lines] == ["accumulate", "assign", "scan"]
    assert all(line.endswith("True") for line in lines)


INTERRUPTED_MISSING = """
import os, signal, threading, time
import numpy as np
from gmm.covariances import FULL
from gmm.frame import Frame
from gmm.missing import IncompleteRows
from gmm.parameters import Parameters
X = np.broadcast_to(np.where(np.arange(64) == 5, np.nan, 0.0), (4_000_000, 64))  # some minutes
rows = IncompleteRows(X, None, Frame.identity(64), "float64", 2)
weights, means, covariances = np.full(256, 1 / 256), np.zeros((256, 64)), np.repeat(np.eye(64)[None], 256, axis=0)
factors = FULL.factorize(Parameters(weights, means, covariances))
rows.runs
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    rows.accumulate(factors)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_interrupt_stops_a_long_pass_over_incomplete_rows():
    assert run(INTERRUPTED_MISSING, timeout=60) == "interrupted"


MEASURED = """
import os, resource, signal, threading, time
from dataclasses import replace
import numpy as np
from gmm.covariances import FULL
from gmm.frame import Frame
from gmm.measured import measured
from gmm.parameters import Parameters
from gmm.rows import Rows
def factors(D, K):
    weights, means, covariances = np.full(K, 1 / K), np.zeros((K, D)), np.repeat(np.eye(D)[None], K, axis=0)
    return FULL.factorize(Parameters(weights, means, covariances))
def rows(X):
    return Rows(X, None, Frame.identity(X.shape[1]), "float64", 2)
"""

INTERRUPTED_MEASURED = MEASURED + """
for D, K in ((2, 4), (40, 32)):
    some = measured(rows(np.zeros((64, D))), np.ones(D))
    endless = {"X": np.broadcast_to(np.zeros(D), (2**40, D)), "errors": np.broadcast_to(np.ones(D), (2**40, D))}
    def interrupt():
        global sent
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(0.3, interrupt).start()
    try:
        replace(some, **endless).accumulate(factors(D, K))
    except KeyboardInterrupt:
        print(D, f"interrupted after {time.monotonic() - sent:.3f} s")
"""


def test_interrupt_stops_a_long_pass_over_rows_with_errors():
    lines = run(INTERRUPTED_MEASURED, timeout=60).splitlines()
    assert [line.split()[:2] for line in lines] == [["2", "interrupted"], ["40", "interrupted"]]


MEMORY_MEASURED = MEASURED + """
X, E = np.zeros((1_000_000, 8)), np.ones((1_000_000, 8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = measured(rows(X), E).accumulate(factors(8, 32))
print(found.weight, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB only on Linux")
def test_a_pass_over_rows_with_errors_allocates_nothing_of_size_n():
    weight, megabytes = run(MEMORY_MEASURED).split()
    assert float(weight) == 1_000_000
    assert int(megabytes) < 48


FORKED = """
import os
from native_problem import bits, problem
given = problem(n_rows=5000)
parent = bits(given.accumulate())
child = os.fork()
if child == 0:
    from gmm import _native
    same = bits(given.accumulate()) == parent and bits(given.change(n_threads=1).accumulate()) == parent
    os._exit(0 if same and _native.max_threads() == 1 else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), bits(given.accumulate()) == parent)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_computes_the_same_bits_on_one_thread():
    assert run(FORKED, OMP_NUM_THREADS="2") == "0 True"


MEMORY = """
import resource
import numpy as np
from native_problem import problem
given = problem(n_features=8, n_components=32, sample_weight=None)
X = np.empty((2_000_000, 8))
np.random.default_rng(0).standard_normal(out=X)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = given.change(X=X).accumulate()
print(found["weight"], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB only on Linux")
def test_accumulate_allocates_nothing_of_size_n():
    weight, megabytes = run(MEMORY).split()
    assert float(weight) == 2_000_000
    assert int(megabytes) < 64
