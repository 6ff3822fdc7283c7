"""What is believed of precisions: a Wishart distribution for each matrix, a gamma distribution for each variance.

A belief is a number of rows seen, the degrees of freedom f, and their scatter C = f V, in the structure's shape:

    full, tied    precision ~ Wishart(f, inverse(C))               a matrix of D features
    diag          precision_j ~ Gamma(f / 2, C_j / 2)              a Wishart of one feature for each feature
    spherical     precision ~ Gamma(f D / 2, C D / 2)              D features share one: a Wishart of one feature with
                                                                   f D degrees of freedom and scatter D C

with rates, so that the expected precision is inverse(V) in every structure. p is the number of features of each
Wishart, g = f or f D its degrees of freedom, psi_p(g) = sum_{i<p} digamma((g - i) / 2):

    E log|precision| = psi_p(g) + p log 2 - log|C|
    KL(f, C; f0, C0) = log B(g, C) - log B(g0, C0) + (g - g0)/2 E log|precision| - g p / 2 + tr(C0 inverse(V)) / 2
    log B(g, C)      = g/2 log|C| - g p / 2 log 2 - log Gamma_p(g / 2)           (Bishop 2006, appendix B)

Invariant: a family knows neither how many matrices there are nor whom they belong to; leading axes stay.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import digamma, gammaln

from gmm._validation import checked_array
from gmm.covariances.base import EPS, require_positive
from gmm.covariances.floor import lift
from gmm.covariances.positive_definite import cholesky, diagonal, product, validate_matrices, whitener
from gmm.errors import ParameterError
from gmm.frame import Frame
from gmm.parameters import Kernel

__all__ = ["FAMILIES", "Family", "Norm"]

LOG_2, LOG_PI = float(np.log(2.0)), float(np.log(np.pi))


class Norm(NamedTuple):
    """What log B(g, C) is made of; arrays for Wishart distributions."""

    freedom: Any  # g
    log_scatter: Any  # log|C|
    log_gamma: Any  # log Gamma_p(g / 2)

    def log(self, order: int) -> Any:
        """log B(g, C)."""
        return self.freedom / 2.0 * (self.log_scatter - order * LOG_2) - self.log_gamma

    @property
    def size(self) -> Any:
        """Of its terms, for rounding."""
        return np.abs(self.log_gamma) + np.abs(self.freedom * self.log_scatter)


class Family:
    """Of variances along the features, one each: ``diag``; base of the others. V is (..., D)."""

    n_dims: ClassVar[int] = 1
    shape: ClassVar[str] = "(n_features,)"

    def order(self, n_features: int) -> int:
        """p, the features of each Wishart distribution."""
        return 1

    def freedom(self, f: Any, n_features: int) -> Any:
        """g, the degrees of freedom of each Wishart distribution."""
        return f

    def repeats(self, n_features: int) -> int:
        """How many features a distribution stands for whose log-determinant counts one."""
        return 1

    def whiteners(self, V: np.ndarray) -> np.ndarray:
        """W with W'W the inverse of V."""
        return 1.0 / np.sqrt(V)

    def log_det(self, W: np.ndarray) -> np.ndarray:
        """Log of the inverse of V's determinant in each Wishart distribution."""
        return 2.0 * np.log(W)

    def log_volume(self, W: np.ndarray, n_features: int) -> np.ndarray:
        """The same of all features together."""
        return self.log_det(W).sum(axis=-1)

    def squares(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        """d' inverse(V) d of (..., D)."""
        return ((W * d) ** 2).sum(axis=-1)

    def separate(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        """The same in each Student distribution that a row has: (..., D), or (..., 1)."""
        return (W * d) ** 2

    def traces(self, W: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """tr(inverse(V) diag(variances)) of (D,)."""
        return (W**2 * variances).sum(axis=-1)

    def root(self, C0: np.ndarray) -> np.ndarray:
        """R with R R' = C0."""
        return np.sqrt(C0)

    def against(self, W: np.ndarray, root: np.ndarray) -> np.ndarray:
        """tr(inverse(V) R R') in each Wishart distribution."""
        return (W * root) ** 2

    def spread(self, variances: np.ndarray) -> np.ndarray:
        """A covariance of this shape from dense matrices (D, D)."""
        return diagonal(variances).copy()

    def squared(self, d: np.ndarray) -> np.ndarray:
        """d d' of (..., D), in this shape."""
        return d**2

    def variances(self, V: np.ndarray, n_features: int) -> np.ndarray:
        """Diagonals (..., D)."""
        return V

    def lifted(self, V: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """V (M, ...), raised to the floor (D,) where it is below."""
        return np.maximum(V, floor)

    def held(self, V: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """V (M, ...), raised to the floor (D,) where rounding made it no covariance, and which of them were."""
        return V, np.zeros(len(V), bool)

    def into(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        """From user units to the frame."""
        return frame.variances_in(V)

    def out(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        """From the frame to user units."""
        return frame.variances_out(V)

    def validate(self, C: Any, n_features: int, name: str) -> np.ndarray:
        """A scatter that a user gave, or a ParameterError that says what is wrong with it."""
        return require_positive(checked_array(C, (n_features,), name), name, "feature {}")

    # The same for all

    def psi(self, f: np.ndarray, n_features: int) -> np.ndarray:
        """psi_p(g) of beliefs f."""
        g = self.freedom(f, n_features)
        return digamma((g[..., None] - np.arange(self.order(n_features))) / 2.0).sum(axis=-1)

    def gap(self, f: np.ndarray, psi: np.ndarray, n_features: int) -> np.ndarray:
        """E log|precision| - log|E precision|, of all D features together; negative."""
        p, g = self.order(n_features), self.freedom(f, n_features)
        return n_features // p * (psi + p * (LOG_2 - np.log(g)))

    def norm(self, f: Any, log_det: Any, n_features: int) -> Norm:
        """Of beliefs f with these logs of determinants of expected precisions."""
        p, g = self.order(n_features), np.asarray(self.freedom(f, n_features), np.float64)
        g = g.reshape(g.shape + (1,) * (np.ndim(log_det) - g.ndim))
        return Norm(g, p * np.log(g) - log_det, _log_gamma(g / 2.0, p))  # C = g V

    def before(self, f0: float, root: np.ndarray, n_features: int) -> Norm:
        """Of the prior's f0 and R R'."""
        return self.norm(f0, self.order(n_features) * np.log(f0) - self.log_det(root), n_features)

    def divergence(self, norm: Norm, psi: np.ndarray, before: Norm, trace: np.ndarray, n_features: int) -> float:
        """KL divergence of beliefs from the prior's, nats; ``trace`` are those of C0 inverse(V), halved."""
        p = self.order(n_features)
        expected = psi.reshape(norm.freedom.shape) + p * LOG_2 - norm.log_scatter
        terms = norm.log(p) - before.log(p) + (norm.freedom - before.freedom) / 2.0 * expected
        return float((terms - norm.freedom * (p / 2.0) + trace).sum())


class Matrices(Family):
    """Of covariance matrices: ``full`` and ``tied``. V is (..., D, D)."""

    n_dims: ClassVar[int] = 2
    shape: ClassVar[str] = "(n_features, n_features)"

    def order(self, n_features: int) -> int:
        return n_features

    def whiteners(self, V: np.ndarray) -> np.ndarray:
        return whitener(V)

    def log_det(self, W: np.ndarray) -> np.ndarray:
        return 2.0 * np.log(diagonal(W)).sum(axis=-1)

    def log_volume(self, W: np.ndarray, n_features: int) -> np.ndarray:
        return self.log_det(W)

    def squares(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        return ((W @ d[..., None])[..., 0] ** 2).sum(axis=-1)

    def separate(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        return self.squares(W, d)[..., None]

    def traces(self, W: np.ndarray, variances: np.ndarray) -> np.ndarray:
        return (W**2 @ variances).sum(axis=-1)

    def root(self, C0: np.ndarray) -> np.ndarray:
        return cholesky(C0)

    def against(self, W: np.ndarray, root: np.ndarray) -> np.ndarray:
        return (product(W, root) ** 2).sum(axis=(-1, -2))

    def spread(self, variances: np.ndarray) -> np.ndarray:
        return variances

    def squared(self, d: np.ndarray) -> np.ndarray:
        return d[..., :, None] * d[..., None, :]

    def variances(self, V: np.ndarray, n_features: int) -> np.ndarray:
        return diagonal(V)

    def lifted(self, V: np.ndarray, floor: np.ndarray) -> np.ndarray:
        return lift(V, floor, EPS)[0]

    def held(self, V: np.ndarray, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return lift(V, floor, EPS)

    def into(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_in(V)

    def out(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.covariance_out(V)

    def validate(self, C: Any, n_features: int, name: str) -> np.ndarray:
        return validate_matrices(checked_array(C, (n_features, n_features), name)[None], name, ["the matrix"])[0]


class Common(Family):
    """Of one variance for all features: ``spherical``. V is (...)."""

    n_dims: ClassVar[int] = 0
    shape: ClassVar[str] = "()"

    def freedom(self, f: Any, n_features: int) -> Any:
        return f * n_features

    def repeats(self, n_features: int) -> int:
        return n_features

    def log_volume(self, W: np.ndarray, n_features: int) -> np.ndarray:
        return n_features * self.log_det(W)

    def squares(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        return W**2 * (d**2).sum(axis=-1)

    def separate(self, W: np.ndarray, d: np.ndarray) -> np.ndarray:
        return self.squares(W, d)[..., None]

    def traces(self, W: np.ndarray, variances: np.ndarray) -> np.ndarray:
        return W**2 * variances.sum()

    def spread(self, variances: np.ndarray) -> np.ndarray:
        return np.asarray(diagonal(variances).mean())

    def squared(self, d: np.ndarray) -> np.ndarray:
        return (d**2).mean(axis=-1)

    def variances(self, V: np.ndarray, n_features: int) -> np.ndarray:
        return np.repeat(V[..., None], n_features, axis=-1)

    def lifted(self, V: np.ndarray, floor: np.ndarray) -> np.ndarray:
        return np.maximum(V, floor.mean())

    def into(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variance_in(V)

    def out(self, V: np.ndarray, frame: Frame) -> np.ndarray:
        return frame.variance_out(V)

    def validate(self, C: Any, n_features: int, name: str) -> np.ndarray:
        array = checked_array(C, (), name)
        if not array > 0:
            raise ParameterError(f"{name} must be positive, got {float(array):g}")
        return array


FAMILIES: dict[Kernel, Family] = {
    Kernel.FULL: Matrices(),
    Kernel.TIED: Matrices(),
    Kernel.DIAG: Family(),
    Kernel.SPHERICAL: Common(),
}


def _log_gamma(x: Any, p: int) -> Any:
    """Log of the multivariate gamma function of p features."""
    return p * (p - 1) / 4.0 * LOG_PI + gammaln(np.asarray(x)[..., None] - np.arange(p) / 2.0).sum(axis=-1)
