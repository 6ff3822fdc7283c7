"""What a fit leaves: the mixture, how it came about, and what callbacks hear on the way.

Invariant: objective, log-likelihood and trace of a `Record` are those of the mixture beside it, per unit of sample
weight, in the user's units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gmm.collapse import Collapse
from gmm.convergence import CONVERGED
from gmm.errors import DataError
from gmm.mixture import Mixture
from gmm.parameters import Factors
from gmm.restarts import Restart

__all__ = ["Fit", "Progress", "Record"]


@dataclass(frozen=True)
class Progress:
    """What a callback is told after an iteration.

    Parameters
    ----------
    start : int
        Number of the start that climbs, from 0.
    n_iter : int
        Iterations it has had.
    objective, change : float
        Nats per unit of sample weight, in the user's units; what the iteration gained.
    """

    start: int
    n_iter: int
    objective: float
    change: float


@dataclass(frozen=True, eq=False)
class Record:
    """How a fit went; attributes as those of `GaussianMixture` with an underscore.

    Parameters
    ----------
    trace : ndarray of shape (n_iter + 1,)
    log_likelihood : float
    stop_reason : str
    restarts : tuple of Restart
    n_found : int
        Starts that found the best mixture.
    floored : ndarray of shape (K,), bool
        Components that rest on the numerical floor.
    n_rows : int
    weight : float
        Sum of the sample weights.
    segments : tuple of int
    collapses : tuple of Collapse
    """

    trace: np.ndarray
    log_likelihood: float
    stop_reason: str
    restarts: tuple[Restart, ...]
    n_found: int
    floored: np.ndarray
    n_rows: int
    weight: float
    segments: tuple[int, ...] = (0,)
    collapses: tuple[Collapse, ...] = ()

    def require_rows(self, n_rows: int, sample_weight: np.ndarray | None) -> None:
        """Refuse rows that cannot be those of the fit: of another number, or without the weights that those had."""
        if n_rows != self.n_rows:
            raise DataError(f"the model was fitted to {self.n_rows} rows, but X has {n_rows}: give those of the fit")
        if sample_weight is None and self.weight != n_rows:
            raise DataError(f"the model was fitted with a sample_weight, of sum {self.weight:g}: give it here, too")

    @property
    def n_iter(self) -> int:
        return len(self.trace) - len(self.segments)

    @property
    def converged(self) -> bool:
        return self.stop_reason == CONVERGED


@dataclass(frozen=True, eq=False)
class Fit:
    """What an estimator knows after ``fit``: the mixture, the names of its features, and how it came about.

    Parameters
    ----------
    mixture : Mixture
    feature_names : ndarray of shape (D,) of str, optional
    precision : {"float32", "float64"}, optional
        Arithmetic asked for; None follows the rows.
    record : Record, optional
        None for a mixture that was given, not fitted.
    n_held : int
        Parameters that the fit held.
    """

    mixture: Mixture
    feature_names: np.ndarray | None = None
    precision: str | None = None
    record: Record | None = None
    n_held: int = 0

    has_prior: ClassVar[bool] = False
    """Whether components rest on more than their rows."""

    @property
    def n_parameters(self) -> int:
        """Free parameters."""
        return self.mixture.n_parameters - self.n_held

    @property
    def component_rows(self) -> np.ndarray:
        """Effective rows (K,): sums of sample weight times responsibility; only of what was fitted."""
        return self.record.weight * self.mixture.parameters.weights

    @property
    def assigning(self) -> Factors:
        """What tells whose a row is."""
        return self.mixture.factors
