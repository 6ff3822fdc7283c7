"""What a fitted mixture itself shows that its reader should beware of; `gmm.advice` adds what takes the rows to see.

    scale      a structure that depends on the units of the features, and features of very different spread
    few rows   a component that rests on fewer rows than twice the parameters of its own
    spurious   a component of few rows that is very thin beside the others: a maximum that a few rows nearly in line
               make anywhere (McLachlan, Peel 2000, section 3.10)

Rules are simple and their rates of error simulated (docs/interpretation.md). The last two are not for variational
Bayes, whose components may be empty. Components on the numerical floor are left to `gmm.summary.describe_collapse`.

Invariant: none of it depends on how components are numbered, nor costs a pass over the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gmm.record import Fit

__all__ = ["Caution", "cautions"]

FARTHEST_SCALES = 10.0  # ratio of the features' standard deviations
ROWS_PER_PARAMETER = 2.0
SPURIOUS_ROWS = 5.0  # rows per D + 1, below which a component may owe its covariance to chance
THIN = 0.1  # of the others' standard deviation, in the direction where it is thinnest


@dataclass(frozen=True)
class Caution:
    """A piece of advice.

    Parameters
    ----------
    topic : {"scale", "components", "few rows", "spurious"}
    message : str
        A sentence or two.
    components : tuple of int
        Those it is about; none where it is about the whole.
    """

    topic: str
    message: str
    components: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.message


def cautions(fit: Fit, log_spread: np.ndarray | None = None) -> list[Caution]:
    """Cautions about a fit, the gravest last; none if there are none.

    ``log_spread`` (D,) are logarithms of the features' standard deviations in the rows, -inf for a constant. Where they
    are not given those of the mixture stand for them, in which spherical components hide the differences within.
    """
    found = _of_scales(fit, log_spread)
    if fit.record is None or fit.has_prior:
        return found
    rows = fit.component_rows
    candidates = np.flatnonzero((fit.mixture.parameters.weights > 0.0) & ~fit.record.floored)
    return [*found, *_of_few_rows(fit, rows, candidates), *_of_spurious(fit, rows, candidates)]


def _of_scales(fit: Fit, log_spread: np.ndarray | None) -> list[Caution]:
    mixture = fit.mixture
    p, structure = mixture.parameters, mixture.structure
    if structure.scaling != "common":
        return []
    spread = log_spread
    if spread is None:
        shares = p.weights / p.weights.sum()
        within = np.diagonal(structure.dense(p.covariances, *p.means.shape), axis1=1, axis2=2)
        variance = shares @ (within + (p.means - shares @ p.means) ** 2)
        spread = 0.5 * np.log(variance) + np.log(2.0) * mixture.frame.exponent
    varies = np.flatnonzero(np.isfinite(spread))
    if not varies.size:
        return []
    low, high = int(varies[spread[varies].argmin()]), int(varies[spread[varies].argmax()])
    ratio = float(np.exp(min(spread[high] - spread[low], 700.0)))
    if ratio <= FARTHEST_SCALES:
        return []
    names = [f"x{j}" for j in range(len(spread))] if fit.feature_names is None else list(fit.feature_names)
    message = (
        f"Feature {names[high]} varies {ratio:.3g} times as much as {names[low]}, and covariance type "
        f"{structure.name!r} depends on the units of the features: it sees little but the wide ones. Scale them, or "
        "take a type that does not, such as 'full', 'tied' or 'diag'."
    )
    return [Caution("scale", message)]


def _of_few_rows(fit: Fit, rows: np.ndarray, candidates: np.ndarray) -> list[Caution]:
    K, D = fit.mixture.parameters.means.shape
    own = D + fit.mixture.structure.n_parameters(K, D) / K
    few = [k for k in candidates if rows[k] < ROWS_PER_PARAMETER * own]
    if not few:
        return []
    counts = ", ".join(f"{k} ({rows[k]:.1f} rows)" for k in few[:8]) + (", ..." if len(few) > 8 else "")
    message = (
        f"Few effective rows for {own:.3g} parameters each: component{'s' * (len(few) > 1)} {counts}. Fewer "
        "components, a covariance type with fewer parameters or a prior would rest on more."
    )
    return [Caution("few rows", message, tuple(int(k) for k in few))]


def _of_spurious(fit: Fit, rows: np.ndarray, candidates: np.ndarray) -> list[Caution]:
    p, structure = fit.mixture.parameters, fit.mixture.structure
    K, D = p.means.shape
    suspects = [k for k in candidates if rows[k] < SPURIOUS_ROWS * (D + 1)] if K > 1 else []
    if not suspects:
        return []
    dense = structure.dense(p.covariances, K, D)
    thin = [int(k) for k in suspects if _thinnest(dense, p.weights, int(k)) < THIN]
    if not thin:
        return []
    message = (
        f"Component{'s' * (len(thin) > 1)} {', '.join(map(str, thin))} may be spurious: thinner than a tenth of the "
        "others in some direction, and of so few rows that chance may have lined them up. Compare with a fit of fewer "
        "components, or with prior='default' or eigen_ratio."
    )
    return [Caution("spurious", message, tuple(thin))]


def _thinnest(dense: np.ndarray, weights: np.ndarray, k: int) -> float:
    """Smallest ratio of a component's standard deviation to the others' pooled one, over all directions."""
    others = np.where(np.arange(len(weights)) == k, 0.0, weights)
    if not others.any():
        return 1.0
    pooled = np.einsum("k,kij->ij", others / others.sum(), dense)
    try:
        root = np.linalg.cholesky(pooled)
    except np.linalg.LinAlgError:
        return 1.0  # the others rest on rounding: nothing is thin beside them
    half = np.linalg.solve(root, dense[k])
    return float(np.sqrt(max(np.linalg.eigvalsh(np.linalg.solve(root, half.T))[0], 0.0)))
