"""Covariances that are a few factors and independent noise: covariance_k = L_k L_k' + diag(psi_k), and never a matrix.

Inside they are one array (K, 1 + q, D): row 0 are the noise variances psi, the others the loadings L, a factor each.
With M = L / sqrt(psi) (loadings in standard deviations of the noise) and M'M = V diag(lambda) V',

    directions = V' L' / psi,     |directions_a sqrt(psi)|^2 = lambda_a,     orthogonal to each other
    log |covariance|     = sum_j log psi_j + sum_a log(1 + lambda_a)
    inverse(covariance)  = diag(1 / psi) - sum_a directions_a directions_a' / (1 + lambda_a)      (Woodbury 1950)

Invariant: work and memory of everything but `dense` and `precisions` are K D q^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gmm.covariances.positive_definite import ALONE, symmetric
from gmm.parameters import Parameters

__all__ = ["Root", "Spectrum", "canonical", "dense", "gram", "precisions", "spectrum", "spectrum_of", "turned"]


class Spectrum(NamedTuple):
    """Signal-to-noise ratios lambda (K, q), falling, their turns V (K, q, q) and directions (K, q, D)."""

    values: np.ndarray
    turns: np.ndarray
    directions: np.ndarray


def gram(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b' for (K, p, D) and (K, q, D), in pieces that a BLAS leaves to the calling thread."""
    D = a.shape[-1]
    step = max(ALONE // (a.shape[-2] * b.shape[-2]), 1)
    total = np.zeros((*a.shape[:-1], b.shape[-2]))
    for first in range(0, D, step):
        part = slice(first, first + step)
        total += a[..., part] @ b[..., part].swapaxes(-1, -2)
    return total


def turned(turn: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """turn rows for (K, p, q) and (K, q, D), in such pieces."""
    D = rows.shape[-1]
    step = max(ALONE // (turn.shape[-2] * turn.shape[-1]), 1)
    found = np.empty((*turn.shape[:-1], D))
    for first in range(0, D, step):
        part = slice(first, first + step)
        found[..., part] = turn @ rows[..., part]
    return found


def spectrum(covariances: np.ndarray) -> Spectrum:
    """Eigenvalues and directions of the signal in units of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.covariances.loadings import spectrum
    >>> spectrum(np.array([[[0.5, 1.0], [1.0, 1.0]]])).values.round(6).tolist()
    [[3.0]]
    """
    psi, loadings = covariances[:, :1], covariances[:, 1:]
    M = loadings / np.sqrt(psi)
    values, vectors = np.linalg.eigh(symmetric(gram(M, M)))
    turns = np.ascontiguousarray(vectors[:, :, ::-1])
    return Spectrum(np.maximum(values[:, ::-1], 0.0), turns, turned(turns.swapaxes(1, 2), loadings / psi))


def spectrum_of(parameters: Parameters) -> Spectrum:
    """`spectrum` of their covariances, worked out once: an iteration asks for it three times."""
    if "spectrum" not in parameters.derived:
        parameters.derived["spectrum"] = spectrum(parameters.covariances)
    return parameters.derived["spectrum"]


def dense(covariances: np.ndarray) -> np.ndarray:
    """Covariances as matrices (K, D, D)."""
    loadings = covariances[:, 1:]
    return _with_diagonal(turned(np.ascontiguousarray(loadings.swapaxes(1, 2)), loadings), covariances[:, 0])


def precisions(covariances: np.ndarray) -> np.ndarray:
    """Inverse covariances as matrices (K, D, D)."""
    values, _, directions = spectrum(covariances)
    shares = directions / np.sqrt(1.0 + values)[:, :, None]
    return _with_diagonal(-turned(np.ascontiguousarray(shares.swapaxes(1, 2)), shares), 1.0 / covariances[:, 0])


class Root:
    """Symmetric square root of covariances in units of the noise: what vectors (K, D) are multiplied by.

    With N = directions sqrt(psi), whose rows have squares lambda, it is sqrt(psi) (1 + N' N / (1 + sqrt(1 + lambda))).
    """

    def __init__(self, parameters: Parameters) -> None:
        values, _, directions = spectrum_of(parameters)
        self._sd = np.sqrt(parameters.covariances[:, 0])
        self._N = directions * self._sd[:, None]
        self._root = np.sqrt(1.0 + values)

    def whitened(self, shifts: np.ndarray) -> np.ndarray:
        """Inverse of the root times vectors."""
        return self._scaled(shifts / self._sd, -1.0 / (self._root * (self._root + 1.0)))

    def coloured(self, shifts: np.ndarray) -> np.ndarray:
        """The root times vectors."""
        return self._sd * self._scaled(shifts, 1.0 / (self._root + 1.0))

    def _scaled(self, y: np.ndarray, share: np.ndarray) -> np.ndarray:
        along = (self._N * y[:, None, :]).sum(axis=2) * share
        return y + (self._N * along[:, :, None]).sum(axis=1)


def canonical(covariances: np.ndarray) -> np.ndarray:
    """Loadings (K, D, q) turned so that L' diag(1 / psi) L is diagonal and falls; of each factor the largest is > 0.

    Largest in units of the noise, so that units of features make no difference.
    """
    loadings = turned(spectrum(covariances).turns.swapaxes(1, 2), covariances[:, 1:])
    sizes = loadings / np.sqrt(covariances[:, :1])
    largest = np.take_along_axis(sizes, np.abs(sizes).argmax(axis=2)[:, :, None], axis=2)
    return np.ascontiguousarray((loadings * np.where(largest < 0.0, -1.0, 1.0)).swapaxes(1, 2))


def _with_diagonal(products: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    found = symmetric(products)
    D = diagonal.shape[-1]
    found[:, range(D), range(D)] += diagonal
    return found
