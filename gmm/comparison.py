"""What a mixture does that k-means does not: the rows that change their cluster, and the likelihood that it gains.

k-means is the limit of the mixture with equal mixing weights and one spherical covariance whose rows belong to one
component each. Its clusters, as many as there are components, are found in features of standard deviation 1 (or as they
are, `scale=False`), from k-means++ seeds and from the mixture's own partition; the least inertia counts. They are given
the numbers of the components with which they share the most rows. The density that k-means stands for is

    p(x) = (1 / K) sum_k N(x; centre_k, (inertia / (N D)) I)        in these features, carried to the data's units.

Invariant: renumbering components or clusters changes no share, index or gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from gmm._validation import check_flag, check_integer, check_sample_weight
from gmm.agreement import adjusted_rand_index
from gmm.covariances import structure
from gmm.draws import uniform
from gmm.errors import DataError, ParameterError
from gmm.kmeans import MAX_ITER, Clusters, lloyd, seed_centres, standardised
from gmm.mixture_estimator import MixtureEstimator, fit_of
from gmm.parameters import Parameters
from gmm.rows import Rows
from gmm.subsample import seeds

__all__ = ["Comparison", "compare_kmeans"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A mixture beside k-means; made by `compare_kmeans`.

    Attributes
    ----------
    components : ndarray of shape (N,)
        Component of each row; -1 for noise.
    clusters : ndarray of shape (N,)
        Cluster of each row by k-means, numbered as the components.
    table : ndarray of shape (K, K)
        Sample weight of the rows in each component and cluster; noise left out.
    centres : ndarray of shape (K, D)
        Of k-means, in the data's units.
    adjusted_rand : float
        Between the two partitions; 1 when they are the same.
    log_likelihood : float
        Of the mixture, per row, nats.
    log_likelihood_kmeans : float
        Of the density that k-means stands for, per row, nats.
    """

    components: np.ndarray
    clusters: np.ndarray
    table: np.ndarray
    centres: np.ndarray
    adjusted_rand: float
    log_likelihood: float
    log_likelihood_kmeans: float

    @property
    def changed(self) -> np.ndarray:
        """Numbers of the rows whose cluster is not their component; rows that are noise are none of them."""
        return np.flatnonzero((self.components != self.clusters) & (self.components >= 0))

    @property
    def changed_share(self) -> np.ndarray:
        """Share (K,) of each component's rows that k-means gives to others; 0 where there are no rows."""
        total = self.table.sum(axis=1)
        return 1.0 - np.where(total > 0.0, self.table.diagonal(), 1.0) / np.where(total > 0.0, total, 1.0)

    @property
    def log_likelihood_gain(self) -> float:
        """What the mixture gains per row over k-means, nats; where it loses, its fit is in a bad optimum."""
        return self.log_likelihood - self.log_likelihood_kmeans

    def __str__(self) -> str:
        """A line for each component: where k-means puts its rows."""
        K = len(self.table)
        lines = [
            f"{len(self.changed)} of {len(self.components)} rows change their cluster; adjusted Rand index "
            f"{self.adjusted_rand:.3f}",
            f"log-likelihood {self.log_likelihood:.4f} nats per row, of k-means {self.log_likelihood_kmeans:.4f}",
            "component" + "".join(f"{'cluster ' + str(c):>12}" for c in range(K)) + "   changed",
        ]
        for k in range(K):
            counts = "".join(f"{count:>12g}" for count in self.table[k])
            lines.append(f"{k:>9}{counts}{self.changed_share[k]:>10.1%}")
        return "\n".join(lines)

    __repr__ = __str__


def compare_kmeans(
    model: MixtureEstimator,
    X: Any,
    *,
    sample_weight: Any = None,
    scale: bool = True,
    n_init: int = 10,
    random_state: Any = None,
) -> Comparison:
    """Compare the components of a mixture with as many clusters of k-means.

    Parameters
    ----------
    model : GaussianMixture or BayesianGaussianMixture
        Fitted.
    X : array-like of shape (N, D)
        The rows of its fit, without missing values.
    sample_weight : array-like of shape (N,), optional
        How many times each row counts.
    scale : bool, default=True
        Whether k-means sees features of standard deviation 1, or as they are.
    n_init : int, default=10
        k-means++ seedings, beside the mixture's own partition.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        Missing values; a constant feature, beside which no density is finite.

    Examples
    --------
    Two long clusters side by side, which k-means cuts across:

    >>> import gmm, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(200, 2)) * [5, 0.3] + [0, y] for y in (0, 2)])
    >>> model = gmm.GaussianMixture(2, random_state=0).fit(X)
    >>> beside = gmm.compare_kmeans(model, X, scale=False, random_state=0)
    >>> round(beside.adjusted_rand, 1), beside.changed_share.round(1)
    (-0.0, array([0.5, 0.5]))
    >>> round(beside.log_likelihood_gain, 1)
    1.1
    """
    scale, n_init, fit = check_flag(scale, "scale"), check_integer(n_init, "n_init"), fit_of(model)
    rows = model._rows(X, fit, missing="raise")
    weight = check_sample_weight(sample_weight, rows.n_rows)
    K = fit.mixture.n_components
    own = rows.score(fit.assigning, log_density=False, label=True).label
    density = rows.score(fit.mixture.factors).log_density + rows.log_jacobian
    seen = _seen(rows.X, weight, scale, rows.n_threads)
    best = None
    for seed in seeds(random_state, n_init):
        found = _settled(seen, seed_centres(seen, K, uniform(seen, K, seed)))
        best = found if best is None or found.inertia < best.inertia else best
    counted = own if weight is None else np.where(weight > 0.0, own, -1)
    if np.bincount(counted[counted >= 0], minlength=K).all():
        about = [np.average(_points(seen)[own == k], axis=0, weights=_part(weight, own == k)) for k in range(K)]
        found = _settled(seen, np.array(about))
        best = found if found.inertia < best.inertia else best
    kept = own >= 0
    table = np.bincount(own[kept] * K + best.labels[kept], _part(weight, kept), minlength=K * K).reshape(K, K)
    order = linear_sum_assignment(table, maximize=True)[1]  # cluster of each component
    clusters = np.argsort(order)[best.labels]
    return Comparison(
        components=own,
        clusters=clusters,
        table=table[:, order].astype(np.float64),
        centres=((best.centres + seen.frame.centre) / seen.frame.scale)[order],
        adjusted_rand=adjusted_rand_index(own + 1, clusters, weight),
        log_likelihood=_mean(density, weight),
        log_likelihood_kmeans=_log_likelihood(seen, best.centres, best.inertia, weight),
    )


def _seen(X: np.ndarray, weight: np.ndarray | None, scale: bool, n_threads: int) -> Rows:
    """The rows as k-means sees them."""
    scaling = "feature" if scale else "common"
    rows = Rows.from_array(X, weight, scaling=scaling, precision="float64", n_threads=n_threads)
    seen = standardised(rows, "sd" if scale else "common")
    constant = np.flatnonzero(seen.frame.scale == 0.0)
    if constant.size:
        raise DataError(f"column {constant[0]} is constant: leave it out to compare with k-means")
    return seen


def _settled(rows: Rows, centres: np.ndarray) -> Clusters:
    """Lloyd's iterations until inertia falls no more: starts may rest earlier, a comparison should not."""
    found = lloyd(rows, centres)
    for _ in range(MAX_ITER):
        again = lloyd(rows, found.centres)
        if not again.inertia < found.inertia:
            break
        found = again
    return found


def _points(rows: Rows) -> np.ndarray:
    return rows.X.astype(np.float64) * rows.frame.scale - rows.frame.centre


def _part(weight: np.ndarray | None, kept: np.ndarray | slice) -> np.ndarray | None:
    return None if weight is None else weight[kept]


def _log_likelihood(rows: Rows, centres: np.ndarray, inertia: float, weight: np.ndarray | None) -> float:
    """Of equal weights and one variance about the centres, per row, nats, in the data's units."""
    K, D = centres.shape
    total = rows.n_rows if rows.sample_weight is None else rows.sample_weight.sum()
    variance = inertia / (total * D)
    if variance == 0.0:
        raise ParameterError("every row is a cluster of its own: its density is not finite")
    factors = structure("spherical").factorize(Parameters(np.full(K, 1.0 / K), centres, np.full(K, variance)))
    density = rows.score(factors).log_density
    return _mean(density, weight) + float(np.log(rows.frame.scale).sum())


def _mean(log_density: np.ndarray, weight: np.ndarray | None) -> float:
    """By sample weight; rows of weight zero are absent, even those whose log-density is -inf."""
    counted = slice(None) if weight is None else weight > 0.0
    return float(np.average(log_density[counted], weights=_part(weight, counted)))
