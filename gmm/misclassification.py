"""How much components overlap: probabilities that a row of one is taken for another's (Maitra, Melnykov 2010).

    omega_{j|i} = P(weight_i N(x; mean_i, S_i) < weight_j N(x; mean_j, S_j)  |  x from component i)

The log ratio of the two densities is a quadratic form in the whitened row, whose tail `gmm.quadratic_form` inverts;
for equal covariances it is normal, and omega_{j|i} = Phi((log(weight_j / weight_i) - delta^2 / 2) / delta) with the
Mahalanobis distance delta of the means. Beside it the Bhattacharyya coefficient, the integral of the root of the
product of two densities, in closed form: a bound,  omega_{j|i} <= sqrt(weight_j / weight_i) coefficient_ij.

A tie counts half to each, so that equal components overlap as those that become equal do.

Invariant: units of the features cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from gmm.errors import ParameterError
from gmm.mixture import Mixture
from gmm.mixture_estimator import MixtureEstimator, fit_of
from gmm.quadratic_form import Tail, positive_probability

__all__ = ["Overlap", "overlap", "overlap_of"]

ALIKE = 2.0**-45  # relative difference of two variances that rounding of the matrices may have made


@dataclass(frozen=True, eq=False)
class Overlap:
    """How much each pair of components overlaps; made by `overlap`.

    Attributes
    ----------
    misclassification : ndarray of shape (K, K)
        Entry (i, j): probability that a row of component i has a larger density, times mixing weight, under j; 1 for
        i = j.
    bhattacharyya : ndarray of shape (K, K)
        Integrals of the root of the product of two components' densities: 1 for equal ones, 0 for separate ones.
    error : float
        Bound, as far as the integration can tell, on the absolute error of any probability.
    """

    misclassification: np.ndarray
    bhattacharyya: np.ndarray
    error: float

    @property
    def pairwise(self) -> np.ndarray:
        """Overlap (K, K) of pairs, omega_{j|i} + omega_{i|j} (Maitra, Melnykov 2010); 0 on the diagonal."""
        pairs = self.misclassification + self.misclassification.T
        np.fill_diagonal(pairs, 0.0)
        return pairs

    @property
    def largest(self) -> float:
        """The largest pairwise overlap; 0 of one component."""
        return float(self.pairwise.max())

    @property
    def mean(self) -> float:
        """The mean of all pairwise overlaps; 0 of one component."""
        K = len(self.misclassification)
        return float(self.pairwise.sum() / (K * (K - 1))) if K > 1 else 0.0

    def __str__(self) -> str:
        """The misclassification probabilities: a row for each component, a column for what it is taken for."""
        K = len(self.misclassification)
        lines = ["from \\ as" + "".join(f"{j:>8}" for j in range(K))]
        for i, row in enumerate(self.misclassification):
            cells = ["-" if i == j else f"{value:.4f}" for j, value in enumerate(row)]
            lines.append(f"{i:>9}" + "".join(f"{cell:>8}" for cell in cells))
        return "\n".join(lines)

    __repr__ = __str__


def overlap(model: MixtureEstimator) -> Overlap:
    """Probabilities that rows of one component are taken for another's.

    Parameters
    ----------
    model : GaussianMixture or BayesianGaussianMixture
        Fitted, or made from parameters. Noise has no part in it.

    Returns
    -------
    Overlap

    Raises
    ------
    ParameterError
        A component of mixing weight 0, which has no rows that could be taken for another's.

    Examples
    --------
    Two unit normals three apart; and, for a row from either, the chance to be taken for the other's, Phi(-3 / 2):

    >>> import gmm
    >>> model = gmm.GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [3.0]], [1.0, 1.0], "spherical")
    >>> found = gmm.overlap(model)
    >>> found.misclassification.round(4)
    array([[1.    , 0.0668],
           [0.0668, 1.    ]])
    >>> round(found.largest, 4)
    0.1336
    """
    return overlap_of(fit_of(model).mixture)


def overlap_of(mixture: Mixture) -> Overlap:
    """As `overlap`, of the mixture itself."""
    p = mixture.parameters
    K, D = p.means.shape
    if not (p.weights > 0.0).all():
        raise ParameterError(f"component {int(np.argmin(p.weights))} has mixing weight 0: it has no rows to overlap")
    covariances = mixture.structure.dense(p.covariances, K, D)
    roots = np.linalg.cholesky(covariances)
    logs = np.log(p.weights) - np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    omega, coefficient, errors = np.eye(K), np.eye(K), [0.0]
    for i in range(K):
        for j in range(K):
            if i != j:
                found = _taken_for(p.means, roots, logs, i, j)
                omega[i, j] = found.probability
                errors.append(found.error)
            if i < j:
                coefficient[i, j] = coefficient[j, i] = _bhattacharyya(p.means, covariances, roots, i, j)
    return Overlap(omega, coefficient, max(errors))


def _taken_for(means: np.ndarray, roots: np.ndarray, logs: np.ndarray, i: int, j: int) -> Tail:
    """omega_{j|i}: with x = mean_i + L_i z, twice the log ratio is k + z'z - |A z + m|^2."""
    A = solve_triangular(roots[j], roots[i], lower=True)
    m = solve_triangular(roots[j], means[i] - means[j], lower=True)
    _, sizes, axes = np.linalg.svd(A)
    linear, quadratic = -2.0 * axes @ (A.T @ m), 1.0 - sizes**2
    quadratic[np.abs(quadratic) < ALIKE] = 0.0
    constant = 2.0 * float(logs[j] - logs[i]) - float(m @ m)
    if not (linear.any() or quadratic.any()) and abs(constant) < ALIKE:
        return Tail(0.5, 0.0)  # the same component twice: every row is a tie
    return positive_probability(constant, linear, quadratic)


def _bhattacharyya(means: np.ndarray, covariances: np.ndarray, roots: np.ndarray, i: int, j: int) -> float:
    middle = np.linalg.cholesky((covariances[i] + covariances[j]) / 2.0)
    apart = solve_triangular(middle, means[i] - means[j], lower=True)
    log_dets = [float(np.log(np.diagonal(root)).sum()) for root in (middle, roots[i], roots[j])]
    return float(np.exp(-0.125 * apart @ apart - log_dets[0] + 0.5 * (log_dets[1] + log_dets[2])))
