"""What every suite needs: each covariance structure in turn."""

from __future__ import annotations

import os

import pytest

from gmm.covariances import STRUCTURES, Covariance

# Interpreters that tests start import the installed package too, not the source tree they are started in.
os.environ["PYTHONSAFEPATH"] = "1"


@pytest.fixture(params=list(STRUCTURES))
def structure(request: pytest.FixtureRequest) -> Covariance:
    """Each covariance structure."""
    return STRUCTURES[request.param]
