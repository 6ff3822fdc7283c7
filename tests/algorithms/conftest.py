"""Algorithms run on the compiled rows and on their NumPy twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from framed_rows import framed

from gmm.rows import Rows


@pytest.fixture(params=[False, True], ids=["compiled", "twin"])
def rows_of(request: pytest.FixtureRequest) -> Callable[..., Rows]:
    """`framed` with the compiled rows, then with the twin."""
    return partial(framed, twin=request.param)
