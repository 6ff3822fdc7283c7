"""A fitted mixture: structure, parameters and the frame they live in. Immutable, picklable, cheap to keep.

    log p(x) = log sum_k exp(log_constant_k - |W_k (x' - mean_k)|^2 / 2) + sum_j log(scale_j),    x' = x scale - centre

Invariant: prediction uses the centred kernel whatever fitted the model, so a row's bits depend on nothing but the row.
Densities are nats in user units; parameters are given in user units, where float64 can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from gmm._validation import check_means, check_n_features, check_rows, check_weights
from gmm.covariances import Covariance, structure
from gmm.covariances.geometry import Geometry, decompose
from gmm.errors import ParameterError, RepresentationError
from gmm.frame import Frame
from gmm.parameters import Factors, Parameters
from gmm.rows import Precision, Rows

__all__ = ["Mixture"]


@dataclass(frozen=True, eq=False)
class Mixture:
    """A Gaussian mixture ready for prediction.

    Parameters
    ----------
    structure : Covariance
    parameters : Parameters
        In the coordinates of `frame`; its arrays become read-only views.
    frame : Frame

    Examples
    --------
    >>> import numpy as np
    >>> from gmm.mixture import Mixture
    >>> m = Mixture.from_user([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
    >>> m.label(np.array([[1.0], [3.0]]))
    array([0, 1])
    >>> m.log_density(np.array([[2.0]])).round(6)
    array([-2.918939])
    """

    structure: Covariance
    parameters: Parameters
    frame: Frame

    def __post_init__(self) -> None:
        views = [
            array.view() for array in (self.parameters.weights, self.parameters.means, self.parameters.covariances)
        ]
        for view in views:
            view.flags.writeable = False
        object.__setattr__(self, "parameters", Parameters(*views, self.parameters.noise))

    def __reduce__(self) -> tuple:
        return type(self), (self.structure, self.parameters, self.frame)

    @classmethod
    def from_user(cls, weights: Any, means: Any, covariances: Any, covariance_type: str) -> Self:
        """Build a mixture from parameters in user units; its accessors give the same bits back.

        Parameters
        ----------
        weights : array-like of shape (K,)
            Non-negative, of sum 1.
        means : array-like of shape (K, D)
        covariances : array-like
            (K, D, D) "full", (D, D) "tied", (K, D) "diag", (K,) "spherical"; "factor": a pair, loadings (K, D, q) and
            noise variances (K, D).
        covariance_type : str

        Raises
        ------
        ParameterError
            Naming the component and what is wrong with it.
        """
        kind = structure(covariance_type)
        shape = np.shape(means)
        if len(shape) != 2 or 0 in shape:
            raise ParameterError(f"means must have shape (n_components, n_features), got {shape}")
        K, D = shape
        weights = check_weights(weights, K)
        means = check_means(means, K, D)
        covariances = kind.validate(covariances, K, D)
        kind = kind.shaped_as(covariances)
        frame = Frame.at_scale(kind.exponents(covariances, D), scaling=kind.scaling)
        framed = frame.points_in(means)
        if not np.isfinite(framed).all():
            k = int(np.argwhere(~np.isfinite(framed))[0, 0])
            raise ParameterError(f"means: component {k} lies more standard deviations from zero than float64 can count")
        return cls(kind, Parameters(weights, framed, kind.covariances_in(covariances, frame)), frame)

    # Parameters in user units

    @property
    def n_components(self) -> int:
        return self.parameters.n_components

    @property
    def n_features(self) -> int:
        return self.parameters.n_features

    @property
    def weights(self) -> np.ndarray:
        """Mixing weights (K,)."""
        return self.parameters.weights.copy()

    @property
    def means(self) -> np.ndarray:
        """Component means (K, D)."""
        return self.frame.points_out(self.parameters.means)

    @property
    def covariances(self) -> np.ndarray:
        """Covariances in the structure's shape; a RepresentationError where float64 cannot hold them."""
        return self.structure.covariances_out(self.parameters.covariances, self.frame)

    @property
    def precisions(self) -> np.ndarray:
        """Inverse covariances in the structure's shape."""
        return self.structure.precisions_out(self.parameters.covariances, self.frame)

    @property
    def precisions_cholesky(self) -> np.ndarray:
        """Factors of the precisions in scikit-learn's convention."""
        with np.errstate(over="ignore"):
            factors = self.structure.precisions_cholesky(self.parameters.covariances, self.frame.scale)
        if not np.isfinite(factors).all():
            raise RepresentationError("a precision of this mixture is too large for a float64 in these units")
        return factors

    @property
    def geometry(self) -> Geometry:
        """Volumes (K,), shapes (K, D) and orientations (K, D, D) of the covariances."""
        K, D = self.n_components, self.n_features
        dense = self.structure.dense(self.parameters.covariances, K, D)
        return decompose(self.frame.covariance_out(dense), self.structure.axes)

    @property
    def n_parameters(self) -> int:
        """Free parameters: mixing weights, means and covariances; with noise two more, its weight and its volume."""
        K, D = self.n_components, self.n_features
        noise = 0 if self.parameters.noise is None else 2
        return K - 1 + K * D + self.structure.n_parameters(K, D) + noise

    @cached_property
    def factors(self) -> Factors:
        """What the kernels need, in the centred form."""
        return self.structure.factorize(self.parameters).centred()

    def reorder(self, order: np.ndarray) -> Self:
        """Return the mixture with its components in another order."""
        p = self.parameters
        covariances = self.structure.take(p.covariances, order)
        ordered = Parameters(p.weights[order], p.means[order], covariances, p.noise)
        return type(self)(self.structure, ordered, self.frame)

    # Rows

    def rows(self, X: Any, *, n_threads: int = 1, precision: Precision = "float64") -> Rows:
        """Rows of user data read through this mixture's frame."""
        X = check_rows(X)
        check_n_features(X, self.n_features, owner="this mixture")
        return Rows(X, None, self.frame, precision, n_threads)

    def log_density(self, X: Any, *, n_threads: int = 1, precision: Precision = "float64") -> np.ndarray:
        """Log-density of each row (N,), nats, user units."""
        rows = self.rows(X, n_threads=n_threads, precision=precision)
        log_density = rows.score(self.factors).log_density
        log_density += self.frame.log_jacobian
        return log_density

    def posterior(self, X: Any, *, n_threads: int = 1, precision: Precision = "float64") -> np.ndarray:
        """Probability of each component given each row, (N, K); with noise (N, K + 1), noise last."""
        rows = self.rows(X, n_threads=n_threads, precision=precision)
        return rows.score(self.factors, log_density=False, posterior=True).posterior

    def label(self, X: Any, *, n_threads: int = 1, precision: Precision = "float64") -> np.ndarray:
        """Most probable component of each row, (N,) int64, lowest index on ties, -1 for noise."""
        rows = self.rows(X, n_threads=n_threads, precision=precision)
        return rows.score(self.factors, log_density=False, label=True).label

    def sample(self, n_samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows and the components they come from, grouped by component; noise, label -1, comes last.

        Returns
        -------
        X : ndarray of shape (n_samples, D), user units
        labels : ndarray of shape (n_samples,), int64
        """
        p, K = self.parameters, self.n_components
        live = np.flatnonzero(p.mixing > 0)
        counts = np.zeros(len(p.mixing), np.int64)
        counts[live] = rng.multinomial(n_samples, p.mixing[live] / p.mixing[live].sum())
        X = rng.standard_normal((n_samples, self.n_features))
        ends = np.cumsum(counts)
        for k in live[live < K]:
            part = slice(ends[k] - counts[k], ends[k])
            X[part] = self.structure.colorize(p.covariances, k, X[part]) + p.means[k]
        if p.noise is not None:
            X[ends[K - 1] :] = p.noise.sample(int(counts[K]), rng)
        return self.frame.points_out(X), np.repeat([*range(K), -1][: len(counts)], counts)
