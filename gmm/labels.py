"""What is known of some rows beforehand: their component (labels), or how plausible each component is (priors).

A labelled row belongs to its component whatever the mixture, so all that the E-step needs of it are sums per component,
taken once about the rows' own centroid c. About another point m, with d = c - m,

    first = n d + first_c        second = second_c + first_c d' + d first_c' + n d d'

and the rows' log-likelihood is  n log_constant - trace(W second W') / 2,  W the whitener, m the mean. The other rows
go through the usual pass, in which labelled ones have sample weight zero: X is not copied.

A prior multiplies the mixing weights, row by row: weight_k becomes plausibility_ik weight_k (Ambroise and Govaert
2000). Each row's largest plausibility counts as 1, so a row whose plausibilities are all alike is an unlabelled row.
Labelled rows are no noise; a prior says nothing of noise, which any row that is not labelled may be.

Invariant: `Informed.accumulate` returns what one pass over all rows would, one row's terms at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gmm._validation import check_partition
from gmm.covariances.base import Covariance
from gmm.errors import DataError
from gmm.parameters import Factors, Kernel
from gmm.rows import Rows
from gmm.statistics import Statistics

__all__ = ["Informed", "check_labels", "log_prior_of"]


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


@dataclass(frozen=True, eq=False)
class Informed:
    """Rows of which something is known; `accumulate` is an E-step that heeds it.

    Parameters
    ----------
    rows : Rows
        All of them, labelled ones with sample weight zero, and their log priors.
    known : Statistics
        Of the labelled rows about their centroids, in the shape of the structure's `moments_kernel`.
    """

    rows: Rows
    known: Statistics

    @classmethod
    def of(cls, rows: Rows, structure: Covariance, n_components: int, checked: np.ndarray) -> Self:
        """From rows and what `check_labels` returned."""
        labels = checked if checked.ndim == 1 else np.full(rows.n_rows, -1)
        exact, kernel = replace(rows, precision="float64"), structure.moments_kernel
        about = exact.moments(Kernel.SPHERICAL, np.zeros((n_components, rows.n_features)), labels=labels)
        centroids = about.first / np.where(about.n > 0, about.n, 1.0)[:, None]
        known = exact.moments(kernel, centroids, labels=labels)
        weight = np.ones(rows.n_rows) if rows.sample_weight is None else rows.sample_weight
        weight = np.where(labels >= 0, 0.0, weight)
        known = replace(known, weight=float(known.n.sum()))
        return cls(replace(rows, sample_weight=weight, log_prior=log_prior_of(checked)), known)

    def accumulate(self, factors: Factors) -> Statistics:
        """E-step and statistics of all rows."""
        known = _moved(self.known, factors)
        if not self.rows.sample_weight.any():
            return known
        try:
            found = self.rows.accumulate(factors)
        except ValueError:
            self._check_alive(factors)
            raise
        if found.second.ndim == 2 and known.second.ndim == 3:  # pooled
            known = replace(known, second=known.second.sum(axis=0))
        return replace(found.merge(known), n_rows=found.n_rows)

    def _check_alive(self, factors: Factors) -> None:
        """A row whose prior allows only components that lost their rows has no density."""
        if self.rows.log_prior is None:
            return
        lost = ~np.isfinite(self.rows.log_prior[:, np.isfinite(factors.log_constants)]).any(axis=1)
        if lost.any():
            raise DataError(f"labels: row {int(np.argmax(lost))} allows only components that have no rows") from None


def _moved(known: Statistics, factors: Factors) -> Statistics:
    """Statistics of labelled rows about the means of a mixture, and their log-likelihood under it."""
    shift = known.means - factors.means
    n, f, W = known.n[:, None], known.first, factors.whiteners
    first = f + n * shift
    if known.second.ndim == 3:
        cross = f[:, :, None] * shift[:, None, :]
        second = known.second + cross + cross.swapaxes(1, 2) + (n * shift)[:, :, None] * shift[:, None, :]
        squares = ((W @ second) * W).sum(axis=(1, 2))
    else:
        second = known.second + _summed(2.0 * f * shift + n * shift**2, known.second)
        squares = _summed(W**2 * second, known.n)
    alive = known.n > 0  # the constant of a dead component is -inf
    if np.isneginf(factors.log_constants[alive]).any():
        k = int(np.argmax(alive & np.isneginf(factors.log_constants)))
        raise DataError(f"labels: component {k} has labelled rows, but the start gives it mixing weight 0")
    terms = known.n[alive] * factors.log_constants[alive] - squares[alive] / 2.0
    return replace(known, first=first, second=second, means=factors.means, log_likelihood=float(terms.sum()))


def _summed(terms: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Terms (K, D), summed over features where (K,) is wanted."""
    return terms.sum(axis=1) if terms.ndim > like.ndim else terms
