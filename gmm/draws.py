"""Random numbers of one start: where the core may make it, a counter hashed under its seed (`gmm.subsample.hashed`).

The core draws the same ones (csrc/draws.h), so a start of few rows, or one rehearsed on sketches, is the same whoever
makes it. The seed is hashed first: counters under the seed itself choose a start's rows. Other starts take NumPy's
generator.

Invariant: which of the two depends on the shape of the problem alone.
"""

from __future__ import annotations

import numpy as np

from gmm.rows import Rows
from gmm.small import are_few
from gmm.subsample import hashed

__all__ = ["Draws", "Uniform", "uniform"]


class Draws:
    """The part of a `numpy.random.Generator` that starts use.

    Examples
    --------
    >>> from gmm.draws import Draws
    >>> Draws(0).random(3).round(4)
    array([0.6524, 0.7012, 0.3871])
    """

    def __init__(self, seed: int) -> None:
        self._key = int(hashed(0, np.array([seed % (1 << 64)], np.uint64))[0])
        self._count = 0

    def random(self, size: int) -> np.ndarray:
        """Return the next ``size`` numbers, uniform in [0, 1)."""
        counters = np.arange(self._count, self._count + size, dtype=np.uint64)
        self._count += size
        return (hashed(self._key, counters) >> np.uint64(11)) * 2.0**-53

    def standard_exponential(self, size: int) -> np.ndarray:
        """Return ``size`` numbers of mean 1 by inversion."""
        return -np.log1p(-self.random(size))

    def choice(self, n: int, size: int, p: np.ndarray | None = None) -> np.ndarray:
        """Return ``size`` of the numbers below ``n``, with replacement and probabilities ``p``."""
        cumulative = np.cumsum(np.ones(n) if p is None else p)
        drawn = np.searchsorted(cumulative, self.random(size) * cumulative[-1], side="right")
        return np.minimum(drawn, n - 1)


Uniform = Draws | np.random.Generator


def uniform(rows: Rows, n_components: int, seed: int) -> Uniform:
    """Return what a start from these rows draws from."""
    few = are_few(rows.n_rows, n_components, rows.n_features)
    return Draws(seed) if few else np.random.default_rng(seed)
