"""Volume, shape and orientation: covariance_k = volume_k Q_k diag(shape_k) Q_k' (Banfield and Raftery 1993).

volume_k = |covariance_k|^(1/D), shapes have product one, orientations are orthogonal with axes in columns. Where all
components share their axes, the same column is the same axis in each; otherwise axes come by falling variance.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

__all__ = ["Axes", "Geometry", "common_orientation", "decompose"]

Axes = Literal["features", "shared", "own"]

GOLDEN = 0.6180339887498949


class Geometry(NamedTuple):
    """Volumes (K,), shapes (K, D) and orientations (K, D, D)."""

    volume: np.ndarray
    shape: np.ndarray
    orientation: np.ndarray


def decompose(covariances: np.ndarray, axes: Axes) -> Geometry:
    """Geometry of matrices (K, D, D) whose axes are the features, shared, or each its own.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.covariances.geometry import decompose
    >>> volume, shape, orientation = decompose(np.array([[[8.0, 0.0], [0.0, 2.0]]]), "own")
    >>> volume.round(6).tolist(), shape.round(6).tolist()
    ([4.0], [[2.0, 0.5]])
    """
    K, D = covariances.shape[:2]
    if axes == "features":
        orientation = np.repeat(np.eye(D)[None], K, axis=0)
    elif axes == "shared":
        orientation = np.repeat(common_orientation(covariances)[None, :, ::-1], K, axis=0)
    else:
        orientation = np.linalg.eigh(covariances)[1][:, :, ::-1]
    variances = np.einsum("kij,kil,klj->kj", orientation, covariances, orientation)
    volume = np.exp(np.log(variances).mean(axis=1))
    return Geometry(volume, variances / volume[:, None], np.ascontiguousarray(orientation))


def common_orientation(matrices: np.ndarray) -> np.ndarray:
    """Eigenvectors (D, D) that all of some commuting matrices (K, D, D) share; of others, a compromise.

    Those of a sum with weights that no two matrices have in common, which no coincidence of eigenvalues hides.
    """
    sizes = np.trace(matrices, axis1=1, axis2=2)
    weights = (1.0 + GOLDEN * np.arange(len(matrices)) % 1.0) / np.where(sizes > 0, sizes, 1.0)
    return np.linalg.eigh(np.tensordot(weights, matrices, 1))[1]
