"""Clusters made of several components (Baudry, Raftery, Celeux, Lo, Gottardo 2010).

BIC takes as many components as the density needs; a cluster that is no ellipsoid needs several. From K components on,
the two clusters are merged whose union lowers the entropy of the posteriors most,

    E = - sum_i w_i sum_c t_ic log t_ic            t_ic: sum of the posteriors of the components in cluster c

until one is left. The density stays as it is. Components that overlap make E large, so merging them lowers it by much,
and merging separate clusters by little: E against the number of clusters has an elbow, here that of the best fitting
two straight lines that meet at a number of clusters.

Invariant: E never rises from a number of clusters to the next smaller one, and is 0 for one cluster without noise.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import entr

from gmm._validation import check_integer, check_sample_weight
from gmm.drawing import axes_for
from gmm.errors import ParameterError
from gmm.mixture_estimator import MixtureEstimator, fit_of

__all__ = ["Merging", "elbow", "merge_components"]


@dataclass(frozen=True, eq=False)
class Merging:
    """Every number of clusters that components merge into; made by `merge_components`.

    Attributes
    ----------
    merges : ndarray of shape (K - 1, 2)
        Clusters merged in each step, the first from K to K - 1; a cluster has the number of its first component.
    entropies : ndarray of shape (K,)
        Entropy of the posteriors for 1, ..., K clusters, nats, in all.
    n_clusters : int
        The elbow of the entropies; K where there are fewer than four components, which have no elbow.
    """

    merges: np.ndarray
    entropies: np.ndarray
    n_clusters: int
    _model: MixtureEstimator

    @property
    def n_components(self) -> int:
        return len(self.entropies)

    def clusters(self, n_clusters: int | None = None) -> np.ndarray:
        """Cluster of each component, (K,), numbered from 0 in the order of their first components."""
        owner = np.arange(self.n_components)
        for kept, gone in self.merges[: self.n_components - self._checked(n_clusters)]:
            owner[owner == gone] = kept
        return np.unique(owner, return_inverse=True)[1]

    def predict_proba(self, X: Any, n_clusters: int | None = None) -> np.ndarray:
        """Probability of each cluster given each row, (N, n_clusters); with noise its column is the last."""
        clusters = self.clusters(n_clusters)
        posterior = self._model.predict_proba(X)
        found = np.zeros((len(posterior), clusters.max() + 1 + posterior.shape[1] - len(clusters)), posterior.dtype)
        for k, cluster in enumerate(clusters):
            found[:, cluster] += posterior[:, k]
        found[:, clusters.max() + 1 :] = posterior[:, len(clusters) :]
        return found

    def predict(self, X: Any, n_clusters: int | None = None) -> np.ndarray:
        """Most probable cluster of each row, (N,) int64; -1 for noise."""
        n_clusters = self._checked(n_clusters)
        label = self.predict_proba(X, n_clusters).argmax(axis=1)
        return np.where(label == n_clusters, -1, label)

    def plot(self, ax: Any = None) -> Any:
        """Entropy against the number of clusters, with the two lines that meet at the elbow.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            None makes one.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            Matplotlib is not installed: ``pip install fastgmm[plot]``.
        """
        ax = axes_for(ax)
        counts = np.arange(1, self.n_components + 1)
        ax.plot(counts, self.entropies, "o", color="black")
        if self.n_components > 3:
            ax.plot(counts, _bent(self.entropies, self.n_clusters)[0], color="C0")
        ax.axvline(self.n_clusters, color="C1", linestyle=":")
        ax.set_xlabel("number of clusters")
        ax.set_ylabel("entropy (nats)")
        ax.set_xticks(counts)
        return ax

    def __str__(self) -> str:
        """Entropy and clusters for every number of clusters, * the elbow."""
        lines = ["clusters  entropy  components"]
        for count in range(1, self.n_components + 1):
            owner = self.clusters(count)
            sets = " ".join("{" + " ".join(map(str, np.flatnonzero(owner == c))) + "}" for c in range(count))
            mark = "*" if count == self.n_clusters else " "
            lines.append(f"{count:>7}{mark}{self.entropies[count - 1]:>9.2f}  {sets}")
        return "\n".join(lines)

    __repr__ = __str__

    def _checked(self, n_clusters: int | None) -> int:
        if n_clusters is None:
            return self.n_clusters
        return check_integer(n_clusters, "n_clusters", maximum=self.n_components)


def merge_components(model: MixtureEstimator, X: Any, *, sample_weight: Any = None) -> Merging:
    """Merge the components of a mixture into clusters, by the entropy of the posteriors.

    Parameters
    ----------
    model : GaussianMixture or BayesianGaussianMixture
        Fitted. Noise stays a cluster of its own.
    X : array-like of shape (N, D)
        The rows of its fit.
    sample_weight : array-like of shape (N,), optional
        How many times each row counts.

    Returns
    -------
    Merging

    Examples
    --------
    Two crossing ellipses and a round cluster beside them, as three components:

    >>> import gmm, numpy as np
    >>> thin = np.diag([4.0, 0.04])
    >>> model = gmm.GaussianMixture.from_parameters(
    ...     [0.3, 0.3, 0.4], [[0, 0], [0, 0], [9, 9]], [thin, thin[::-1, ::-1], np.eye(2)]
    ... ).set_params(random_state=0)
    >>> X, _ = model.sample(1000)
    >>> merged = gmm.merge_components(model, X)
    >>> merged.clusters(2)
    array([0, 0, 1])
    >>> np.bincount(merged.predict(X, n_clusters=2)).tolist()
    [612, 388]
    """
    fit = fit_of(model)
    rows = model._rows(X, fit)
    weight = check_sample_weight(sample_weight, rows.n_rows)
    posterior = rows.score(fit.assigning, log_density=False, posterior=True).posterior.astype(np.float64)
    K = fit.mixture.n_components
    merges, entropies = _merged(posterior, K, np.ones(rows.n_rows) if weight is None else weight)
    return Merging(merges, entropies, elbow(entropies) if K > 3 else K, copy(model))


def _merged(t: np.ndarray, K: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merges (K - 1, 2) and entropies (K,) from posteriors (N, K or K + 1)."""
    own = weight @ entr(t)
    alive = list(range(K))
    drop = {(a, b): own[a] + own[b] - weight @ entr(t[:, a] + t[:, b]) for a in alive for b in alive if a < b}
    merges, entropies = [], [own.sum()]
    while len(alive) > 1:
        a, b = max(drop, key=lambda pair: drop[pair])
        t[:, a] += t[:, b]
        own[a], own[b] = weight @ entr(np.minimum(t[:, a], 1.0)), 0.0
        alive.remove(b)
        drop = {pair: gain for pair, gain in drop.items() if not {a, b} & set(pair)}
        for other in alive:
            if other != a:
                both = weight @ entr(np.minimum(t[:, a] + t[:, other], 1.0))
                drop[min(a, other), max(a, other)] = own[a] + own[other] - both
        merges.append((a, b))
        entropies.append(own.sum())
    return np.array(merges, np.int64).reshape(-1, 2), np.maximum(entropies[::-1], 0.0)


def elbow(entropies: np.ndarray) -> int:
    """Number of clusters at which two straight lines through entropies (K,) of 1, ..., K clusters meet best.

    Raises
    ------
    ParameterError
        Fewer than four, which two lines fit exactly.

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.merging import elbow
    >>> elbow(np.array([0.0, 1.0, 2.0, 3.0, 23.0, 43.0]))
    4
    """
    K = len(entropies)
    if K < 4:
        raise ParameterError(f"{K} entropies have no elbow: two lines need at least four")
    return min(range(2, K), key=lambda bend: _bent(entropies, bend)[1])


def _bent(entropies: np.ndarray, bend: int) -> tuple[np.ndarray, float]:
    """Values (K,) of the best two lines that meet at a number of clusters, and their sum of squared errors."""
    counts = np.arange(1.0, len(entropies) + 1.0)
    lines = np.column_stack([np.ones_like(counts), np.minimum(counts - bend, 0.0), np.maximum(counts - bend, 0.0)])
    values = lines @ np.linalg.lstsq(lines, entropies, rcond=None)[0]
    return values, float(((entropies - values) ** 2).sum())
