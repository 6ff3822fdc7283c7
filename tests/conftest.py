"""What every suite needs: each covariance structure in turn, and the settings of generated tests."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from zlib import crc32

import pytest
from hypothesis import settings

from gmm.covariances import STRUCTURES, Covariance

# Interpreters that tests start import the installed package too, not the source tree they are started in.
os.environ["PYTHONSAFEPATH"] = "1"
# A shell starts what it puts in the background with SIGINT ignored, for all children; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples in every run, and no file to remember them: a failure is one everywhere.
settings.register_profile("gmm", derandomize=True, database=None, deadline=None, max_examples=25)
settings.load_profile("gmm")


@pytest.fixture(params=list(STRUCTURES))
def structure(request: pytest.FixtureRequest) -> Covariance:
    """Each covariance structure."""
    return STRUCTURES[request.param]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """GMM_CASES=I/N: of the cases of each test the I-th of N parts, in an order as good as random, but at least one."""
    part, parts = map(int, os.environ.get("GMM_CASES", "0/1").split("/"))
    tests = defaultdict(list)
    for item in items:
        tests[item.nodeid.partition("[")[0]].append(item)
    kept = set()
    for cases in tests.values():
        drawn = sorted(cases, key=lambda item: crc32(item.nodeid.encode()))
        n = min(parts, len(drawn))
        kept.update(item.nodeid for item in drawn[part % n :: n])
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]
