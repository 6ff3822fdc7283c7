"""Rows in a frame of their own, compiled or NumPy twin, for tests below the estimators."""

from __future__ import annotations

import numpy as np

import gmm.reference
import gmm.rows
from gmm.covariances import FULL, Covariance


def framed(
    X: np.ndarray, structure: Covariance = FULL, sample_weight: np.ndarray | None = None, *, twin: bool = False
) -> gmm.rows.Rows:
    """Rows of plain arrays, in the frame that `structure` asks for."""
    X = np.ascontiguousarray(X, np.float64)
    rows = gmm.rows.Rows.from_array(X, sample_weight, scaling=structure.scaling)
    return gmm.reference.Rows(rows.X, rows.sample_weight, rows.frame) if twin else rows
