"""What is known of some rows beforehand: their component (labels), or how plausible each component is (priors).

A labelled row belongs to its component whatever the mixture. A prior multiplies the mixing weights, row by row:
weight_k becomes plausibility_ik weight_k (Ambroise and Govaert 2000). Each row's largest plausibility counts as 1, so a
row whose plausibilities are all alike is an unlabelled row. Labelled rows are no noise; a prior says nothing of noise,
which any row that is not labelled may be. The E-step that heeds this is in `gmm.informed`.

Invariant: what is checked here needs no further check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm._validation import check_partition
from gmm.errors import DataError

__all__ = ["check_labels", "log_prior_of"]


def check_labels(labels: Any, n_rows: int, n_components: int) -> np.ndarray:
    """Labels (N,) int64 in [-1, K), or plausibilities (N, K) float64, the largest of each row 1.

    Raises
    ------
    DataError
        Naming the first row that is neither.
    """
    if np.ndim(labels) != 2:
        return check_partition(labels, n_rows, n_components, name="labels")
    try:
        prior = np.array(labels, np.float64, order="C")
    except (TypeError, ValueError) as cause:
        raise DataError(f"labels must hold labels or priors: {cause}") from None
    if prior.shape != (n_rows, n_components):
        raise DataError(f"labels has shape {prior.shape}; expected ({n_rows},) or priors ({n_rows}, {n_components})")
    with np.errstate(invalid="ignore"):
        largest = prior.max(axis=1)
        bad = ~((prior >= 0).all(axis=1) & np.isfinite(largest))
    for found, why in ((bad, "has a prior that is negative or no number"), (largest == 0, "allows no component")):
        if found.any():
            row = int(np.argmax(found))
            raise DataError(f"labels: row {row} {why}: {prior[row]}")
    prior /= largest[:, None]
    return prior


def log_prior_of(checked: np.ndarray) -> np.ndarray | None:
    """Logarithms (N, K) of plausibilities; None of labels."""
    if checked.ndim == 1:
        return None
    with np.errstate(divide="ignore"):
        return np.log(checked)
