"""What every suite needs: each covariance structure in turn, and the settings of generated tests."""

from __future__ import annotations

import os
import signal

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
