"""What every suite needs: each covariance structure in turn."""

from __future__ import annotations

import pytest

from gmm.covariances import STRUCTURES, Covariance


@pytest.fixture(params=list(STRUCTURES))
def structure(request: pytest.FixtureRequest) -> Covariance:
    """Each covariance structure."""
    return STRUCTURES[request.param]
