"""The promised parities on every instruction set this machine has, not only on the one chosen at start-up.

GMM_ISA is read when a process starts, so the parity and twin modules run again in a process for each other name, with a
part of their cases, another for each.
Where GMM_ISA is set, whoever set it runs the suite for each name, and running them here would repeat that.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gmm import _native

TESTS = Path(__file__).parents[1]
MODULES = [
    TESTS / name for name in ("algorithms/test_parity_sklearn.py", "native/test_twin.py", "native/test_mixtures.py")
]
OTHERS = [] if "GMM_ISA" in os.environ else [name for name in _native.isas() if name != _native.isa()]


@pytest.mark.parametrize("isa", OTHERS)
def test_parity_on(isa):
    options = ["-q", "-x", "-p", "no:cacheprovider", "--tb=short", "-rs", f"--rootdir={TESTS.parent}"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options, *map(str, MODULES)],
        env={"GMM_CASES": f"{OTHERS.index(isa)}/3"} | os.environ | {"GMM_ISA": isa},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"GMM_ISA={isa}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert " passed" in done.stdout
