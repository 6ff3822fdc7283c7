"""What a fitted mixture says about its rows: plain numbers in user units, and one plain sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

MOST_NAMED = 4  # components a sentence can list before nobody reads it


@dataclass(frozen=True)
class Description:
    """Weights (K,), means (K, D), standard deviations (K, D) and covariances (K, D, D) or None where D is large."""

    MOST_CORRELATED: ClassVar[int] = 3  # features; beyond it there are more pairs than a table holds

    names: tuple[str, ...]
    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    covariances: np.ndarray | None
    covariance_type: str

    def correlations(self) -> Iterator[tuple[int, int, np.ndarray]]:
        """Pairs of features and their correlation in each component, (K,), where the structure has any and few."""
        n_features = len(self.names)
        if (
            self.covariances is None
            or n_features > self.MOST_CORRELATED
            or self.covariance_type in ("diag", "spherical")
        ):
            return
        for a in range(n_features):
            for b in range(a + 1, n_features):
                yield a, b, self.covariances[:, a, b] / (self.deviations[:, a] * self.deviations[:, b])


def faithful_sentence(mixture: Description) -> str | None:
    """Two components of Old Faithful, told as what they are; None for any other outcome."""
    if mixture.names != ("eruptions", "waiting") or len(mixture.weights) != 2:
        return None
    short, long = np.argsort(mixture.means[:, 0])
    return (
        "In plain words: Old Faithful has two kinds of eruption. "
        f"{100 * mixture.weights[short]:.0f} in 100 are short, about {mixture.means[short, 0]:.0f} minutes, and the "
        f"next one comes after about {mixture.means[short, 1]:.0f} minutes; "
        f"{100 * mixture.weights[long]:.0f} in 100 are long, about {mixture.means[long, 0]:.1f} minutes, and the "
        f"next one comes after about {mixture.means[long, 1]:.0f}."
    )


def sentence(mixture: Description) -> str:
    """What the components are, in words, by the features that tell them apart best."""
    n_components = len(mixture.weights)
    if n_components == 1:
        return "In plain words: one kind of row; more components do not describe these rows better."
    telling = _telling(mixture)[: 2 if n_components <= MOST_NAMED else 3]
    if n_components > MOST_NAMED:
        sizes = f"the largest holds {100 * mixture.weights.max():.0f} in 100 rows"
        names = " and ".join(mixture.names[j] for j in telling[:2])
        return f"In plain words: {n_components} kinds of row; {sizes}. They differ most in {names}."
    kinds = "; ".join(
        f"component {k} ({100 * mixture.weights[k]:.0f} in 100 rows) has "
        + " and ".join(f"{mixture.names[j]} around {mixture.means[k, j]:.3g}" for j in sorted(telling))
        for k in range(n_components)
    )
    return f"In plain words: {n_components} kinds of row; {kinds}."


def _telling(mixture: Description) -> list[int]:
    """Features by how far the means lie apart, in standard deviations within components; the best first."""
    weights = mixture.weights[:, None]
    centre = (weights * mixture.means).sum(axis=0)
    between = np.sqrt((weights * (mixture.means - centre) ** 2).sum(axis=0))
    within = np.sqrt((weights * mixture.deviations**2).sum(axis=0))
    return [int(j) for j in np.argsort(-between / within, kind="stable")]
