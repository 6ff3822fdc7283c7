"""The E-step on rows of which something is known beforehand (`gmm.labels`): labelled rows apart from the others.

    others    the usual pass, with their log priors; labelled rows have sample weight zero in it, so X is not copied
    labelled  whole: sums of each component, taken once about the rows' own centroid; with gaps, or where moments are
              along directions of the mixture: rows of a prior that allows one component, in a pass of their own

About another point m, with d = c - m and c the centroid, the sums of labelled rows are

    first = n d + first_c        second = second_c + first_c d' + d first_c' + n d d'

and their log-likelihood is  n log_constant - trace(W second W') / 2,  W the whitener, m the mean. What is expected of a
row with gaps depends on the mixture, so such rows have no sums of this kind.

Invariant: `Informed.accumulate` returns what one pass over all rows would, one row's terms at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from gmm.covariances.base import Covariance
from gmm.errors import DataError
from gmm.labels import log_prior_of
from gmm.parameters import Factors, Kernel
from gmm.rows import Rows
from gmm.statistics import Statistics

__all__ = ["Informed"]


class Labelled(Protocol):
    """Rows whose component is known; ``n`` (K,) is their sample weight in each."""

    n: np.ndarray

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and statistics; these rows are no noise."""
        ...


@dataclass(frozen=True, eq=False)
class Summed:
    """Whole rows, as their statistics about the centroids, in the shape of the structure's `moments_kernel`."""

    known: Statistics

    @classmethod
    def of(cls, rows: Rows, kernel: Kernel, n_components: int, labels: np.ndarray) -> Self:
        """From all rows and their labels (N,), -1 for rows without."""
        about = rows.moments(Kernel.SPHERICAL, np.zeros((n_components, rows.n_features)), labels=labels)
        centroids = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
        known = rows.moments(kernel, centroids, labels=labels)
        return cls(replace(known, weight=float(known.n.sum())))

    @property
    def n(self) -> np.ndarray:
        return self.known.n

    def accumulate(self, factors: Factors) -> Statistics:
        """As `Labelled.accumulate`: the sums moved to the means of the mixture."""
        known, W = self.known, factors.whiteners
        shift = known.means - factors.means
        n, f = known.n[:, None], known.first
        first = f + n * shift
        if known.second.ndim == 3:
            cross = f[:, :, None] * shift[:, None, :]
            second = known.second + cross + cross.swapaxes(1, 2) + (n * shift)[:, :, None] * shift[:, None, :]
            squares = ((W @ second) * W).sum(axis=(1, 2))
        else:
            second = known.second + _summed(2.0 * f * shift + n * shift**2, known.second)
            squares = _summed(W**2 * second, known.n)
        alive = known.n > 0  # the constant of a dead component is -inf
        terms = known.n[alive] * factors.log_constants[alive] - squares[alive] / 2.0
        return replace(known, first=first, second=second, means=factors.means, log_likelihood=float(terms.sum()))


@dataclass(frozen=True, eq=False)
class Confined:
    """Rows, copied, with log priors that allow one component each."""

    rows: Rows
    n: np.ndarray

    @classmethod
    def of(cls, rows: Rows, kernel: Kernel, n_components: int, labels: np.ndarray) -> Self:
        """As `Summed.of`."""
        counted = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
        chosen = np.flatnonzero((labels >= 0) & (counted > 0))
        own = labels[chosen, None] == np.arange(n_components)
        confined = replace(rows.subset(chosen), log_prior=np.where(own, 0.0, -np.inf))
        return cls(confined, np.bincount(labels[chosen], counted[chosen], n_components))

    def accumulate(self, factors: Factors) -> Statistics:
        """As `Labelled.accumulate`."""
        return self.rows.accumulate(factors.without_noise())


@dataclass(frozen=True, eq=False)
class Informed:
    """Rows of which something is known; `accumulate` is an E-step that heeds it.

    Parameters
    ----------
    rows : Rows
        All of them, labelled ones with sample weight zero, and their log priors.
    labelled : Labelled
    """

    rows: Rows
    labelled: Labelled

    @classmethod
    def of(cls, rows: Rows, structure: Covariance, n_components: int, checked: np.ndarray) -> Self:
        """From rows and what `check_labels` returned."""
        labels = checked if checked.ndim == 1 else np.full(rows.n_rows, -1)
        kind = Summed if rows.is_whole and structure.kernel is not Kernel.FACTOR else Confined
        labelled = kind.of(replace(rows, precision="float64"), structure.moments_kernel, n_components, labels)
        weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
        weight = np.where(labels >= 0, 0.0, weight)
        return cls(replace(rows, sample_weight=weight, log_prior=log_prior_of(checked)), labelled)

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and statistics of all rows."""
        self._check_labelled(factors)
        if factors.log_noise is not None:
            factors = factors.centred()  # as the passes would, each by itself
        parts = [self.labelled.accumulate(factors)] if self.labelled.n.any() else []
        if not parts or self.rows.sample_weight.any():
            try:
                parts.append(self.rows.accumulate(factors))
            except ValueError:
                self._check_priors(factors)
                raise
        pooled = any(part.second.ndim == 2 for part in parts)
        parts = [
            replace(part, second=part.second.sum(axis=0)) if pooled and part.second.ndim == 3 else part
            for part in parts
        ]
        return replace(sum(parts[1:], parts[0]), n_rows=self.rows.n_rows)

    def _check_labelled(self, factors: Factors) -> None:
        lost = (self.labelled.n > 0) & np.isneginf(factors.log_constants)
        if lost.any():
            k = int(np.argmax(lost))
            raise DataError(f"labels: component {k} has labelled rows, but the start gives it mixing weight 0")

    def _check_priors(self, factors: Factors) -> None:
        """A row whose prior allows only components that lost their rows has no density."""
        if self.rows.log_prior is None:
            return
        lost = ~np.isfinite(self.rows.log_prior[:, np.isfinite(factors.log_constants)]).any(axis=1)
        if lost.any():
            raise DataError(f"labels: row {int(np.argmax(lost))} allows only components that have no rows") from None


def _summed(terms: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Terms (K, D), summed over features where (K,) is wanted."""
    return terms.sum(axis=1) if terms.ndim > like.ndim else terms
