"""The numerical floor of covariance matrices: conditional variances that rounding cannot tell from zero are raised.

What it does stands in csrc/kernels/floor.inc.c, why EM stays monotone also in landing.inc.c; `Covariance.maximize`
applies it there.
"""

from __future__ import annotations

import numpy as np

from gmm import _native
from gmm.covariances.positive_definite import diagonal

__all__ = ["lift"]


def lift(
    scatter: np.ndarray, floor: np.ndarray, epsilon: float, squares: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Raise the conditional variances of a batch of covariances to the floor where they are below it.

    Parameters
    ----------
    scatter : ndarray of shape (K, D, D)
        Exactly symmetric; may be singular, or indefinite by rounding.
    floor : ndarray of shape (D,)
        Variances, frame units.
    epsilon : float
        Unit roundoff of the arithmetic that made `scatter`.
    squares : ndarray of shape (K, D), optional
        Mean squares that `scatter` was computed from, where it is the difference of larger ones; its diagonal if None.

    Returns
    -------
    covariances : ndarray of shape (K, D, D)
        Positive definite and exactly symmetric; `scatter` itself when no bound is active.
    floored : ndarray of shape (K,), bool
    """
    squares = diagonal(scatter) if squares is None else np.maximum(squares, diagonal(scatter))
    raised, floored = np.array(scatter, np.float64, order="C"), np.zeros(len(scatter), bool)
    _native.lift(raised, np.ascontiguousarray(squares), np.ascontiguousarray(floor), epsilon, floored, 1)
    return (raised if floored.any() else scatter), floored
