"""K against K + 1 components: which one splits, and what is gained.

Of the weight that rows give to component l of the larger mixture, the part  sum_i w_i p(k | x_i) q(l | x_i)  comes from
component k of the smaller: l descends from the k with the largest part. One with several descendants splits. Noise is
one more component in both, and may have descendants, too.

Invariant: the parts sum to the sample weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm._validation import check_sample_weight
from gmm.gaussian_mixture import GaussianMixture

__all__ = ["Step", "step"]

SLICE_ROWS = 1 << 14


@dataclass(frozen=True, eq=False)
class Step:
    """From a mixture to one of one more component.

    Parameters
    ----------
    covariance_type : str
    parts : ndarray of shape (K, K + 1)
        Sample weight that component k of the smaller mixture shares with component l of the larger; with noise
        (K + 1, K + 2), its row and column last.
    gains : dict of str to float
        What the log-likelihood (nats) and every criterion change by.
    has_noise : bool
    """

    covariance_type: str
    parts: np.ndarray
    gains: dict[str, float]
    has_noise: bool = False

    @property
    def n_components(self) -> int:
        """Of the smaller mixture, K."""
        return len(self.parts) - self.has_noise

    @property
    def parents(self) -> np.ndarray:
        """Component of the smaller mixture that each of the larger descends from, (K + 1,); -1 for noise."""
        K = self.n_components
        parents = self.parts[:, : K + 1].argmax(axis=0)
        return np.where(parents == K, -1, parents)

    @property
    def split(self) -> dict[int, list[int]]:
        """Components that split, with their descendants."""
        found = {k: np.flatnonzero(self.parents == k).tolist() for k in range(self.n_components)}
        return {k: children for k, children in found.items() if len(children) > 1}

    def __str__(self) -> str:
        K = self.n_components
        before, after = (self.parts.sum(axis=axis) / self.parts.sum() for axis in (1, 0))
        lines = [f"{self.covariance_type}: {K} component{'s' * (K > 1)} to {K + 1}"]
        for k, children in self.split.items():
            named = [f"{child} ({after[child]:.1%})" for child in children]
            lines.append(f"component {k} ({before[k]:.1%}) becomes {', '.join(named[:-1])} and {named[-1]}")
        lines += [f"component {k} ({after[k]:.1%}) comes from noise" for k in np.flatnonzero(self.parents < 0)]
        gains = [f"{name.replace('_', '-')} {gain:+.2f}" for name, gain in self.gains.items()]
        return "\n".join([*lines, ", ".join(gains)])

    __repr__ = __str__


def step(lower: GaussianMixture, upper: GaussianMixture, X: Any, sample_weight: Any, gains: dict[str, float]) -> Step:
    """The step from one fitted mixture to another, over some rows."""
    n_rows = len(X)
    weights = check_sample_weight(sample_weight, n_rows)
    parts = 0.0
    for first in range(0, n_rows, SLICE_ROWS):
        rows = slice(first, first + SLICE_ROWS)
        some = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
        shares = [model.predict_proba(some).astype(np.float64) for model in (lower, upper)]
        p, q = (shares[0], shares[1]) if weights is None else (shares[0] * weights[rows, None], shares[1])
        parts = parts + np.einsum("nk,nl->kl", p, q)
    return Step(lower.covariance_type, parts, gains, parts.shape[0] > lower._fitted().mixture.n_components)
