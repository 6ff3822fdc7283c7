"""What every suite needs: each covariance structure in turn."""

from __future__ import annotations

import os
import signal

import pytest

from gmm.covariances import STRUCTURES, Covariance

# Interpreters that tests start import the installed package too, not the source tree they are started in.
os.environ["PYTHONSAFEPATH"] = "1"
# A shell starts what it puts in the background with SIGINT ignored, for all children; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=list(STRUCTURES))
def structure(request: pytest.FixtureRequest) -> Covariance:
    """Each covariance structure."""
    return STRUCTURES[request.param]
