"""The bootstrap of a fitted mixture: what else it might have been, had other rows been seen.

    fit --weights or rows drawn anew--> climbs from the fit (`gmm.resampling`) --components matched--> Bootstrap

Climbs begin at the fit, so components seldom change their numbers; what they claim of the rows of the fit decides which
is which (`gmm.matching`), and where that is open the replicate is marked. Replicates of which a component collapsed are
left out and counted.

Invariant: the same random_state gives the same replicates for any number of threads.
"""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmm._validation import check_integer, check_level
from gmm.errors import AlignmentWarning, GmmError
from gmm.gaussian_mixture import GaussianMixture
from gmm.inference import Interval, StandardErrors, are_variances, estimate_lines
from gmm.matching import AMBIGUOUS, match, resemblances
from gmm.record import Fit
from gmm.resampling import Resampler, spread
from gmm.subsample import chosen_rows, seeds

__all__ = ["Bootstrap", "bootstrap"]

COMPARED_ROWS = 1 << 12
OPEN_SHARE = 0.05  # of replicates whose matching is ambiguous, beyond which it is worth a warning
LOST = 0.6  # mean resemblance below which a component is seldom the same (Hennig 2007 of clusters)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates of a fitted mixture, their components numbered as those of the fit; made by `bootstrap`.

    Attributes
    ----------
    weights, means, covariances : ndarray of shape (B, K), (B, K, D), (B, ...)
        Parameters of the B replicates, in the data's units and the shapes of the model's attributes.
    resemblance : ndarray of shape (B, K)
        How much of its rows each component shares with its counterpart in the fit: from 0 to 1 (`gmm.matching`).
    margin : ndarray of shape (B,)
        What the next best matching of components loses against the one taken, per component it moves.
    ambiguous : ndarray of shape (B,), bool
        Replicates whose margin is below 0.1: which component is which is open.
    open_components : ndarray of shape (K,), bool
        Components that are open in more than 5% of the replicates.
    n_failed : int
        Replicates left out because a component collapsed.
    method : str
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    resemblance: np.ndarray
    margin: np.ndarray
    ambiguous: np.ndarray
    open_components: np.ndarray
    n_failed: int
    method: str
    _model: GaussianMixture
    _fits: tuple[Fit, ...]

    @property
    def lost_components(self) -> np.ndarray:
        """Components (K,), bool, of a mean resemblance below 0.6: other rows seldom have the same."""
        return self.resemblance.mean(axis=0) < LOST

    @property
    def n_replicates(self) -> int:
        """Number B of replicates that were fitted."""
        return len(self._fits)

    @property
    def standard_errors(self) -> StandardErrors:
        """Standard deviations of the replicates; ``intervals`` of these are symmetric about the fit, on its scales."""
        mixture = self._model._fitted().mixture
        spreads = [np.std(array, axis=0, ddof=1) for array in (self.weights, self.means, self.covariances)]
        estimates = (mixture.weights, mixture.means, mixture.covariances)
        return StandardErrors(*spreads, estimates, are_variances(mixture), self.method)

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Percentile intervals: between quantiles of the replicates, of "weights", "means" and "covariances"."""
        level = check_level(level)
        ends = (0.5 - level / 2.0, 0.5 + level / 2.0)
        named = {"weights": self.weights, "means": self.means, "covariances": self.covariances}
        return {name: Interval(*np.quantile(array, ends, axis=0)) for name, array in named.items()}

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each component given each row, averaged over the replicates, (N, K).

        That of the fit alone takes its parameters for certain; this one does not. With noise its column is the last.

        Parameters
        ----------
        X : array-like of shape (N, D)
        """
        fitted, total = self._model._fitted(), 0.0
        allowed = {"allow_missing": self._model.missing == "marginalize"}
        X = self._model._checked(X, fitted.feature_names, fitted.mixture.n_features, **allowed)
        for fit in self._fits:
            rows = self._model._rows(X, replace(fit, feature_names=None))
            total = total + rows.score(fit.assigning, log_density=False, posterior=True).posterior
        return total / self.n_replicates

    def predict(self, X: Any) -> np.ndarray:
        """Component of the largest averaged probability, (N,) int64; -1 for noise."""
        posterior = self.predict_proba(X)
        label = posterior.argmax(axis=1)
        return np.where(label == self.weights.shape[1], -1, label)

    def __str__(self) -> str:
        """Mixing weights and means with their standard errors, a line for each component."""
        errors, mixture = self.standard_errors, self._model._fitted().mixture
        lines = [f"{self.n_replicates} replicates ({self.method}), {self.n_failed} failed; estimate (standard error)"]
        each = estimate_lines((mixture.weights, errors.weights), (mixture.means, errors.means))
        for line, lost, is_open in zip(each, self.lost_components, self.open_components, strict=True):
            lines.append(line + ("  which is open" if is_open else "  seldom the same" if lost else ""))
        return "\n".join(lines)

    __repr__ = __str__


def bootstrap(
    model: GaussianMixture,
    X: Any,
    *,
    n_replicates: int = 200,
    method: str = "weighted",
    sample_weight: Any = None,
    labels: Any = None,
    noise_covariance: Any = None,
    random_state: Any = None,
    n_threads: int | None = None,
) -> Bootstrap:
    """Fit a mixture again and again to other rows that might have been seen.

    Parameters
    ----------
    model : GaussianMixture
        Fitted; it stays as it is.
    X : array-like of shape (N, D)
        The rows of its fit.
    n_replicates : int, default=200
    method : {"weighted", "nonparametric", "parametric"}, default="weighted"
        Random weights of the rows, from a Dirichlet distribution (Rubin 1981): no row is ever lost, so components
        seldom collapse. Rows drawn with replacement (Efron 1979). Rows drawn from the mixture, which then has to be
        true.
    sample_weight : array-like of shape (N,), optional
        Frequencies, as at the fit.
    labels, noise_covariance : optional
        As at the fit; not for ``method="parametric"``.
    random_state : int, Generator, RandomState or None
    n_threads : int, optional
        Threads that replicates are spread over; each fit has one.

    Returns
    -------
    Bootstrap

    Raises
    ------
    ParameterError
        An argument that cannot be; no `GaussianMixture`.
    DataError
        Rows that are not those of the fit, or of which every replicate failed.

    Warns
    -----
    AlignmentWarning
        The matching of more than 5% of the replicates is ambiguous, a component is seldom the same in them, or more
        than 5% failed.

    Notes
    -----
    How often intervals hold the truth, and how often warnings are wrong, stands in the documentation with the
    simulations that show it.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = gmm.GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    >>> again = gmm.bootstrap(model, X, n_replicates=100, random_state=0)
    >>> again.standard_errors.means.round(2)
    array([[0.03, 0.54],
           [0.03, 0.5 ]])
    >>> again.intervals(0.9)["weights"].low.round(2)
    array([0.31, 0.6 ])
    >>> again.predict([[1.8, 51.0], [4.5, 85.0]])
    array([0, 1])
    """
    n_replicates = check_integer(n_replicates, "n_replicates", minimum=2)
    resampler = Resampler.of(model, X, method, sample_weight, labels, noise_covariance)
    drawn = seeds(random_state, n_replicates)
    reference = _Reference.of(resampler, drawn[0])

    def work(seed: int) -> Any:
        fit = resampler.again(seed)
        return fit if isinstance(fit, GmmError) else reference.matched(fit)

    done, n_failed = spread(work, drawn, n_threads, least=2)
    fits, matches = zip(*done, strict=True)
    ambiguous = np.array([found.margin < AMBIGUOUS for found in matches])
    rivals = np.array([found.rivals for found in matches]) & ambiguous[:, None]
    found = Bootstrap(
        weights=np.array([fit.mixture.weights for fit in fits]),
        means=np.array([fit.mixture.means for fit in fits]),
        covariances=np.array([fit.mixture.covariances for fit in fits]),
        resemblance=np.array([each.resemblance for each in matches]),
        margin=np.array([each.margin for each in matches]),
        ambiguous=ambiguous,
        open_components=rivals.mean(axis=0) > OPEN_SHARE,
        n_failed=n_failed,
        method=method,
        _model=copy(model),
        _fits=fits,
    )
    _warn(found)
    return found


@dataclass(frozen=True, eq=False)
class _Reference:
    """What the fit makes of its rows, or of some: replicates are matched by it."""

    seen: Resampler
    posterior: np.ndarray

    @classmethod
    def of(cls, resampler: Resampler, seed: int) -> _Reference:
        seen = resampler.only(chosen_rows(len(resampler.X), seed, COMPARED_ROWS, resampler.sample_weight))
        return cls(seen, _posterior(seen, resampler.fit))

    def matched(self, fit: Fit) -> tuple[Fit, Any]:
        """The fit with its components in the order of the reference, and how they were matched."""
        found = match(resemblances(self.posterior, _posterior(self.seen, fit), self.seen.sample_weight))
        return replace(fit, mixture=fit.mixture.reorder(found.order)), found


def _posterior(seen: Resampler, fit: Fit) -> np.ndarray:
    """Of the components alone (N, K)."""
    posterior = seen.rows(fit).score(fit.assigning, log_density=False, posterior=True).posterior
    return posterior[:, : fit.mixture.n_components]


def _warn(found: Bootstrap) -> None:
    """Say what makes intervals doubtful."""
    if found.ambiguous.mean() > OPEN_SHARE:
        components = ", ".join(map(str, np.flatnonzero(found.open_components))) or "different ones"
        message = (
            f"in {found.ambiguous.mean():.0%} of the replicates it is open which component is which (components: "
            f"{components}). Their intervals mean little: fit fewer components, or merge these."
        )
        warnings.warn(message, AlignmentWarning, stacklevel=3)
    elif found.lost_components.any():
        components = ", ".join(map(str, np.flatnonzero(found.lost_components)))
        message = (
            f"components that are seldom the same in the replicates: {components}. Their intervals mean little: fit "
            "fewer components, or merge these."
        )
        warnings.warn(message, AlignmentWarning, stacklevel=3)
    n_begun = found.n_replicates + found.n_failed
    if found.n_failed > OPEN_SHARE * n_begun:
        message = (
            f"{found.n_failed} of {n_begun} replicates failed, their components collapsed: intervals of the "
            "others are too narrow. Fewer components, reg_covar or a prior help."
        )
        warnings.warn(message, AlignmentWarning, stacklevel=3)
