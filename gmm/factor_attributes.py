"""Attributes of factor analysers, beside those of all mixtures.

Invariant: of other mixtures they do not exist, so ``hasattr`` tells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmm.mixture import Mixture
from gmm.record import Fit

__all__ = ["FactorAttributes"]


class FactorAttributes:
    """For estimators whose ``_fitted`` returns a `gmm.record.Fit`."""

    _fitted: Callable[[], Fit]

    def _analysers(self) -> Mixture:
        mixture = self._fitted().mixture
        if mixture.structure.n_factors is None:
            raise AttributeError(f"covariances of type {mixture.structure.name!r} have no factors")
        return mixture

    @property
    def n_factors_(self) -> int:
        """Number of factors."""
        return self._analysers().structure.n_factors

    @property
    def loadings_(self) -> np.ndarray:
        """Loadings (K, D, n_factors_) in canonical form."""
        mixture = self._analysers()
        return _read_only(mixture.structure.loadings_out(mixture.parameters.covariances, mixture.frame))

    @property
    def noise_variance_(self) -> np.ndarray:
        """Noise variances (K, D), or (D,) where they are common."""
        mixture = self._analysers()
        return _read_only(mixture.structure.noise_out(mixture.parameters.covariances, mixture.frame))


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
