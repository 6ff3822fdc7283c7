"""Standard errors of a maximum-likelihood mixture: how far its parameters would move with other rows.

With s_i the gradient of log p(x_i) and r_ik the responsibilities, g_ik and H_ik gradient and Hessian of
log(weight_k N(x_i; mean_k, covariance_k)), the observed information is (Louis 1982)

    I = sum_i w_i (s_i s_i' - sum_k r_ik (g_ik g_ik' + H_ik)),       J = sum_i w_i s_i s_i'.

inverse(I) is the covariance of the estimates; inverse(J), of outer products, needs no Hessian and more rows;
inverse(I) J inverse(I), the sandwich, holds also where the model is not the truth (White 1982). Parameters are the
logarithms of mixing weights against the last (that of noise where there is noise), means, and the free entries of the
covariances, which every structure here is linear in. Sample weights are frequencies.

Of Hessians only sums over rows are needed, which are closed; gradients of a slice of rows are held at a time.
Of a row with missing values p is the density of what was observed of it: rows go by patterns of missing values, and
what was not observed adds zeros to the precision, the gradient and the Hessian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from gmm._validation import check_level
from gmm.errors import ParameterError
from gmm.mixture import Mixture
from gmm.parameters import Kernel
from gmm.rows import Rows

__all__ = ["Interval", "Kind", "StandardErrors", "are_variances", "estimate_lines", "standard_errors"]

Kind = Literal["observed", "outer", "sandwich"]

MOST_FEATURES = 6  # in a line of text; more are counted, not shown
MOST_SHOWN = 24  # numbers of an array in a representation; of more, the first and last
SLICE = 1 << 22  # numbers held at a time
MOST_NUMBERS = 1 << 26  # of all free entries as matrices
ELSEWHERE = 1e-4  # nats per row that a Newton step may gain: default fits end within 3e-6 of the maximum
SINGULAR = 1e-12  # of the largest eigenvalue of an information in units of its own diagonal


class Interval(NamedTuple):
    """Lower and upper ends, in the shape of the parameter."""

    low: np.ndarray
    high: np.ndarray

    def __repr__(self) -> str:
        with np.printoptions(threshold=MOST_SHOWN, edgeitems=1):
            return f"Interval(low={self.low!r}, high={self.high!r})"


Estimates = tuple[np.ndarray, np.ndarray]  # and their standard errors


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """Standard errors in the data's units; fields have the shape of the model's attributes.

    Parameters
    ----------
    weights : ndarray of shape (K,)
    means : ndarray of shape (K, D)
    covariances : ndarray
        In the shape of ``covariances_``.
    estimates : tuple of ndarray
        Weights, means and covariances that they belong to.
    variances : ndarray of bool
        Which entries of ``covariances`` are variances.
    kind : str
        "observed", "outer", "sandwich", or the method of a bootstrap.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray]
    variances: np.ndarray
    kind: str

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Intervals that hold the truth with this probability, as far as rows are many.

        Weights on the logit scale, variances on the logarithmic one, which keeps them in their range; means and
        covariances of different features on their own.
        """
        from scipy.special import expit, ndtri  # a fifth of what `import gmm` and a first estimator would take

        z = float(ndtri(0.5 + check_level(level) / 2.0))
        weights, means, covariances = self.estimates
        inside = (weights > 0.0) & (weights < 1.0)  # of one component the weight is 1, whatever the rows
        p = np.where(inside, weights, 0.5)
        logit, spread = np.log(p / (1.0 - p)), z * self.weights / (p * (1.0 - p))
        ends = (np.where(inside, expit(each), weights) for each in (logit - spread, logit + spread))
        low, high = covariances - z * self.covariances, covariances + z * self.covariances
        varies = self.variances
        factor = np.exp(z * self.covariances[varies] / covariances[varies])
        low[varies], high[varies] = covariances[varies] / factor, covariances[varies] * factor
        return {
            "weights": Interval(*ends),
            "means": Interval(means - z * self.means, means + z * self.means),
            "covariances": Interval(low, high),
        }

    def __str__(self) -> str:
        """Mixing weights and means with their standard errors, a line for each component."""
        weights, means, _ = self.estimates
        lines = estimate_lines((weights, self.weights), (means, self.means))
        return "\n".join([f"standard errors ({self.kind}); estimate (standard error)", *lines])

    __repr__ = __str__


def estimate_lines(weights: Estimates, means: Estimates) -> list[str]:
    """A line for each component: estimates and standard errors of its mixing weight (K,) and mean (K, D)."""
    lines = []
    shown = min(means[0].shape[1], MOST_FEATURES)
    rest = means[0].shape[1] - shown
    for k, (weight, its_error) in enumerate(zip(*weights, strict=True)):
        each = zip(means[0][k, :shown], means[1][k, :shown], strict=True)
        said = ", ".join(f"{mean:.4g} ({error:.2g})" for mean, error in each) + f" and {rest} more" * (rest > 0)
        lines.append(f"component {k}: weight {weight:.4f} ({its_error:.2g}), mean {said}")
    return lines


def standard_errors(mixture: Mixture, rows: Rows, kind: Kind = "observed") -> StandardErrors:
    """Standard errors of a mixture that is the maximum-likelihood estimate for these rows, read through its frame.

    Raises
    ------
    ParameterError
        Where there are none: a weight of zero, an information that is singular or not positive, rows whose likelihood
        has its maximum elsewhere, a structure whose covariances are not linear in their parameters.
    """
    if kind not in ("observed", "outer", "sandwich"):
        raise ParameterError(f"kind must be 'observed', 'outer' or 'sandwich', got {kind!r}")
    p = mixture.parameters
    if not (p.mixing > 0.0).all():
        k = int(np.argmin(p.mixing))
        what = f"component {k}" if k < p.n_components else "noise"
        raise ParameterError(f"{what} has mixing weight 0: at that boundary estimates have no standard errors")
    free = _free_entries(mixture)
    information, outer, gradient = _sums(mixture, rows, free)
    bread = _inverse(outer if kind == "outer" else information)
    _require_maximum(0.5 * float(gradient @ bread @ gradient), rows.total_weight)
    variance = bread @ outer @ bread if kind == "sandwich" else bread
    return _reported(mixture, variance, free, kind)


class Free(NamedTuple):
    """Free entries of the covariances: index arrays into their own shape, and each as matrices (n, K, D, D)."""

    places: tuple[np.ndarray, ...]
    dense: np.ndarray


def _free_entries(mixture: Mixture) -> Free:
    p, structure = mixture.parameters, mixture.structure
    shape = p.covariances.shape
    K, D = p.means.shape
    matrices = structure.moments_kernel is Kernel.FULL
    places = np.nonzero(np.broadcast_to(np.tri(D, dtype=bool), shape)) if matrices else np.nonzero(np.ones(shape))
    if structure.kernel is Kernel.FACTOR or len(places[0]) != structure.n_parameters(K, D):
        known = "full, tied, diag and spherical"
        raise ParameterError(f"standard errors are known for {known} covariances, not for {structure.name!r}")
    if len(places[0]) * K * D**2 > MOST_NUMBERS:
        raise ParameterError(f"{len(places[0])} covariance parameters are too many for standard errors")
    dense = np.empty((len(places[0]), K, D, D))
    for n, place in enumerate(zip(*places, strict=True)):
        entry = np.zeros(shape)
        entry[place] = 1.0
        if matrices:
            entry[(*place[:-2], place[-1], place[-2])] = 1.0
        dense[n] = structure.dense(entry, K, D)
    return Free(places, dense)


def _sums(mixture: Mixture, rows: Rows, free: Free) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The observed information and the sum of outer products, (P, P), and the gradient (P,), in frame coordinates."""
    K, D = mixture.parameters.means.shape
    P = len(mixture.parameters.mixing) - 1 + K * D + len(free.dense)
    information, outer, gradient = np.zeros((P, P)), np.zeros((P, P)), np.zeros(P)
    for observed, members in _patterns(rows):
        louis, products, slopes = _pattern_sums(mixture, rows, free, observed, members)
        information += louis
        outer += products
        gradient += slopes
    return information, outer, gradient


def _patterns(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which features are observed (D,), and the numbers of the rows of which these are."""
    if rows.is_whole:
        yield np.ones(rows.n_features, bool), np.arange(rows.n_rows)
        return
    patterns, which = np.unique(~np.isnan(rows.X), axis=0, return_inverse=True)
    for number, observed in enumerate(patterns):
        yield observed, np.flatnonzero(which.ravel() == number)


def _pattern_sums(
    mixture: Mixture, rows: Rows, free: Free, observed: np.ndarray, members: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of rows of one pattern."""
    p = mixture.parameters
    K, D = p.means.shape
    mixing = p.mixing
    M, C = len(mixing) - 1, len(free.dense)
    P = M + K * D + C
    seen = np.flatnonzero(observed)
    block = np.ix_(np.arange(K), seen, seen)
    precisions = np.zeros((K, D, D))
    precisions[block] = np.linalg.inv(mixture.structure.dense(p.covariances, K, D)[block])
    shift = np.eye(M + 1, M) - mixing[:M]  # gradient of log weight by logits
    outer, complete, hessian, total = np.zeros((P, P)), np.zeros((P, P)), np.zeros((P, P)), np.zeros(P)
    n, first, second = np.zeros(M + 1), np.zeros((K, D)), np.zeros((K, D, D))
    step = max(SLICE // (P + 1), 1)
    for begin in range(0, len(members), step):
        some = rows.subset(members[begin : begin + step])
        r = some.score(mixture.factors, log_density=False, posterior=True).posterior.astype(np.float64)
        weight = np.ones(some.n_rows) if some.sample_weight is None else some.sample_weight
        points = np.where(observed, mixture.frame.points_in(some.X), 0.0)
        score = np.zeros((some.n_rows, P))
        score[:, :M] = r @ shift
        n += weight @ r
        complete[:M, :M] += shift.T @ ((weight @ r)[:, None] * shift)
        for k in range(K):
            y = (points - p.means[k]) @ precisions[k]
            gradient = np.zeros((some.n_rows, P))
            gradient[:, M + k * D : M + (k + 1) * D] = y
            pull = 0.5 * (y[:, :, None] * y[:, None, :] - precisions[k])
            gradient[:, M + K * D :] = pull.reshape(len(y), -1) @ free.dense[:, k].reshape(C, -1).T
            counted = weight * r[:, k]
            first[k] += counted @ y
            second[k] += (y * counted[:, None]).T @ y
            score += r[:, k, None] * gradient
            complete += (gradient * counted[:, None]).T @ gradient
            cross = np.outer(shift[k], counted @ gradient)
            complete[:M] += cross
            complete[:, :M] += cross.T
        outer += (score * weight[:, None]).T @ score
        total += weight @ score
    hessian[:M, :M] = -n.sum() * (np.diag(mixing[:M]) - np.outer(mixing[:M], mixing[:M]))
    for k in range(K):
        place = slice(M + k * D, M + (k + 1) * D)
        hessian[place, place] -= n[k] * precisions[k]
        turned = free.dense[:, k] @ precisions[k]  # (C, D, D)
        mixed = -(first[k] @ turned).T
        hessian[place, M + K * D :] += mixed
        hessian[M + K * D :, place] += mixed.T
        pairs = np.einsum("aij,bji->ab", turned, turned)
        curved = np.einsum("ij,ajl,bli->ab", second[k], turned, free.dense[:, k], optimize=True)
        hessian[M + K * D :, M + K * D :] += 0.5 * n[k] * pairs - 0.5 * (curved + curved.T)
    return outer - complete - hessian, outer, total


def _require_maximum(gain: float, weight: float) -> None:
    """Refuse estimates that a Newton step would make likelier by this many nats in all."""
    if gain > ELSEWHERE * weight:
        raise ParameterError(
            f"these rows have the maximum of their likelihood elsewhere (one step gains {gain:.3g} nats): give the "
            "rows and sample_weight of the fit, or fit with a smaller tol; of a fit with labels or noise_covariance, "
            "gmm.bootstrap knows the standard errors"
        )


def _inverse(information: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite information, or the reason why there is none."""
    diagonal = np.diagonal(information)
    if (diagonal > 0).all():
        sizes = np.sqrt(diagonal)
        values, vectors = np.linalg.eigh(information / np.outer(sizes, sizes))
        if values[0] > SINGULAR * values[-1]:
            return (vectors / values) @ vectors.T / np.outer(sizes, sizes)
    raise ParameterError(
        "the information of these rows is singular or not positive: the mixture is no maximum of their likelihood (fit "
        "with a smaller tol, without reg_covar), or some parameters cannot be told apart (fewer components)"
    )


def _reported(mixture: Mixture, variance: np.ndarray, free: Free, kind: Kind) -> StandardErrors:
    """Variances (P, P) of the parameters as standard errors in the data's units."""
    p, frame = mixture.parameters, mixture.frame
    K, D = p.means.shape
    mixing = p.mixing
    M = len(mixing) - 1
    slope = np.diag(mixing)[:, :M] - np.outer(mixing, mixing[:M])
    weights = np.sqrt(np.einsum("km,mn,kn->k", slope, variance[:M, :M], slope))[:K]
    spread = np.sqrt(np.diagonal(variance))
    means = spread[M : M + K * D].reshape(K, D) / frame.scale
    dense = np.zeros((K, D, D))
    for entry, se in zip(free.dense, spread[M + K * D :], strict=True):
        dense += se * entry
    outside = dense / frame.scale[:, None] / frame.scale
    own = mixture.structure.covariances_out(p.covariances, frame)
    kernel = mixture.structure.kernel if own.ndim < 3 else Kernel.FULL  # codes are matrices throughout
    diagonal = np.diagonal(outside, axis1=1, axis2=2)
    shaped = {
        Kernel.FULL: outside, Kernel.TIED: outside[0], Kernel.DIAG: diagonal, Kernel.SPHERICAL: diagonal[:, 0]
    }[kernel]  # fmt: skip
    estimates = (mixture.weights, mixture.means, own)
    return StandardErrors(weights, means, shaped.copy(), estimates, are_variances(mixture), kind)


def are_variances(mixture: Mixture) -> np.ndarray:
    """Which entries of its covariances, as a user sees them, are variances."""
    shape, D = mixture.covariances.shape, mixture.n_features
    matrices = mixture.structure.kernel in (Kernel.FULL, Kernel.TIED) or len(shape) == 3
    return np.broadcast_to(np.eye(D, dtype=bool), shape) if matrices else np.ones(shape, bool)
