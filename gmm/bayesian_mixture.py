"""BayesianGaussianMixture: scikit-learn's estimator of that name, on this library's model and algorithms.

``__init__`` stores, ``fit`` delegates to `gmm.bayesian_fitting`; the model and its bound stand in `gmm.variational`.
Invariant: a fit that fails leaves the previous one in place, whole.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from gmm._validation import check_real
from gmm.base import parameter_defaults
from gmm.bayesian_fitting import BayesianFit, fit_posterior
from gmm.errors import ParameterError
from gmm.gaussian_mixture import GaussianMixture
from gmm.mixing import DirichletProcess
from gmm.mixture_estimator import MixtureEstimator
from gmm.predictive import Intervals, intervals, log_predictive
from gmm.settings import Settings

__all__ = ["BayesianGaussianMixture"]

STRUCTURES = ("full", "tied", "diag", "spherical")


class BayesianGaussianMixture(MixtureEstimator):
    """Gaussian mixture by variational Bayes, with scikit-learn's interface: what is believed of its parameters.

    Mixing weights have a Dirichlet prior or a Dirichlet process, means a normal and precisions a Wishart or gamma
    prior. The fit finds the independent posteriors of mixing weights and of components that bound the evidence of the
    rows, log p(X), best. Components that the rows do not need keep a mixing weight near 0.

    Parameters
    ----------
    n_components : int, default=1
        Number of components K; of a Dirichlet process, those that may hold rows.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        A matrix for each component; one matrix for all; a variance for each component and feature; a variance for
        each component.
    tol : float, default=1e-6
        Stop when the gain still to come is estimated to be below this: nats per row. 0 runs all of ``max_iter``.
    reg_covar : float, optional
        Variance of noise that every feature is assumed to carry, in squared data units. None adds nothing.
    max_iter : int, default=500
        Largest number of iterations; 0 keeps the start.
    n_init : int, default=5
        Number of starts. Each climbs to its end, where rows are many on a sketch of them, and the best bound counts.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"} or callable, default="kmeans"
        How to start, as in `GaussianMixture`.
    weight_concentration_prior_type : {"dirichlet_process", "dirichlet_distribution"}, default="dirichlet_process"
        Prior of the mixing weights.
    weight_concentration_prior : float, optional
        Concentration of the process, or of each component; small values leave components empty. None is 1 / K.
    mean_precision_prior : float, optional
        How many rows the prior of a mean counts for. None is 1.
    mean_prior : array-like of shape (D,), optional
        None is the mean of the rows.
    degrees_of_freedom_prior : float, optional
        How many rows the prior of a precision counts for, more than D - 1 for "full" and "tied". None is D.
    covariance_prior : array-like of shape (D, D), (D,) or float, optional
        Their scatter, for "full" and "tied", "diag", "spherical". None is the covariance of the rows.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the starts and of `sample`. The same int gives the same bits.
    warm_start : bool, default=False
        Continue from the previous fit's posterior, if there is one.
    verbose : int, default=0
        1 prints progress every ``verbose_interval`` iterations, 2 also what became of each start.
    verbose_interval : int, default=10
        Iterations between prints.
    missing : {"raise", "marginalize"}, default="raise"
        What NaN in X means: an error; or a value that is missing, one more unknown of the model.
    acceleration : {"auto", "none"} or None, default="auto"
        "auto" takes longer steps than variational EM's own where the climb is slow; one that would lower the bound is
        taken back. "none" and None are plain variational EM, iteration by iteration.
    n_threads : int, optional
        None takes what OMP_NUM_THREADS, threadpoolctl, joblib and the control group allow. The number never changes
        a result.
    dtype : {"float32", "float64"}, optional
        Precision of the arithmetic on rows; None takes that of X.
    callbacks : list of callables, optional
        Each is called after every iteration over all rows with a `gmm.record.Progress`; one that returns True ends
        the fit.
    moves : bool, default=False
        Whether components are deleted, merged and split after the best climb, as long as that raises the bound (Hughes,
        Sudderth 2013): it leaves optima that no start would have climbed from, for some dozen short climbs each time.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        Expected mixing weights; of a process, made to sum to 1.
    means_ : ndarray of shape (K, D)
        Expected means.
    covariances_ : ndarray
        Inverses of the expected precisions: (K, D, D) for "full", (D, D) for "tied", (K, D) for "diag", (K,) for
        "spherical".
    precisions_ : ndarray
        Expected precisions, in the same shape.
    precisions_cholesky_ : ndarray
        Upper triangular P with ``P @ P.T`` the precision; square roots of the precisions for "diag", "spherical".
    weight_concentration_ : ndarray of shape (K,), or tuple of two
        Of the Dirichlet posterior; of a process, both parameters of the Beta distributions of its sticks.
    mean_precision_ : ndarray of shape (K,)
        How many rows each mean rests on, prior included.
    degrees_of_freedom_ : ndarray of shape (K,), float for "tied"
        How many rows each precision rests on, prior included.
    weight_concentration_prior_, mean_precision_prior_, degrees_of_freedom_prior_ : float
        What was given, or what None meant.
    mean_prior_, covariance_prior_ : ndarray
        What was given, or what None meant.
    converged_ : bool
    n_iter_ : int
    stop_reason_ : str
        "converged", "max_iter", "objective fell" or "callback".
    lower_bound_, objective_ : float
        The bound on log p(X), with every constant, over the sum of sample weights: nats per row.
    lower_bounds_ : ndarray of shape (n_iter_ + len(segments_),)
        The bound at the start and after each iteration; within a segment it never falls.
    segments_ : ndarray of int
        Where segments of ``lower_bounds_`` begin: 0, and one more for each of the ``moves`` that were kept, which ends
        higher than the one before.
    log_likelihood_ : float
        ``score(X)``, of the mixture of expected parameters.
    restarts_ : tuple
        A row for each start.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (D,) of str
        Only after a fit to a data frame whose column names are all str.

    Notes
    -----
    `predict` and `predict_proba` use expected log-densities, as the fit does; `score_samples`, `sample`, `aic` and the
    others the mixture of the attributes; `posterior_predictive` averages densities over the posterior. The model of
    each structure and every difference from scikit-learn are in the documentation.

    Examples
    --------
    Six components are offered and two are taken:

    >>> from gmm import BayesianGaussianMixture
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = BayesianGaussianMixture(6, weight_concentration_prior=0.01, random_state=0).fit(X)
    >>> model.weights_.round(2).tolist()
    [0.64, 0.36, 0.0, 0.0, 0.0, 0.0]
    >>> model.means_[:2].round(1)
    array([[ 4.3, 79.9],
           [ 2.1, 54.7]])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-6,
        reg_covar: float | None = None,
        max_iter: int = 500,
        n_init: int = 5,
        init_params: Any = "kmeans",
        weight_concentration_prior_type: str = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        mean_prior: Any = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        missing: str = "raise",
        acceleration: str | None = "auto",
        n_threads: int | None = None,
        dtype: Any = None,
        callbacks: Any = None,
        moves: bool = False,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.missing = missing
        self.acceleration = acceleration
        self.n_threads = n_threads
        self.dtype = dtype
        self.callbacks = callbacks
        self.moves = moves

    # ---- fitting

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, start: Any = None) -> Self:
        """Fit the posterior to rows.

        Parameters
        ----------
        X : array-like or data frame of shape (N, D)
            Real numbers. float32 and float64 are read in place, in any layout.
        y : ignored
            For scikit-learn's pipelines.
        sample_weight : array-like of shape (N,), optional
            How many times each row counts: finite, at least 0.
        start : array-like of shape (N,) or (N, K), optional
            Labels (-1 for none) or responsibilities to start from, in place of ``init_params``.

        Returns
        -------
        self

        Raises
        ------
        DataError, DataTypeError, ParameterError
            ValueErrors and a TypeError that name argument, row, column or component; an earlier fit is kept.

        Warns
        -----
        ConvergenceWarning
            ``max_iter`` came first.
        """
        given = self.get_params()
        known = parameter_defaults(GaussianMixture)
        settings = Settings.from_estimator(
            GaussianMixture(**{name: value for name, value in given.items() if name in known})
        )
        if self.covariance_type not in STRUCTURES:
            raise ParameterError(f"covariance_type must be one of {list(STRUCTURES)}, got {self.covariance_type!r}")
        earlier = self.__dict__.get("_result") if settings.warm_start else None
        self._result = fit_posterior(settings, given, X, sample_weight=sample_weight, start=start, previous=earlier)
        return self

    def fit_predict(self, X: Any, y: Any = None, *, sample_weight: Any = None, start: Any = None) -> np.ndarray:
        """Fit and return the label of each row, (N,) int64; the same as ``fit(X).predict(X)``."""
        return self.fit(X, sample_weight=sample_weight, start=start).predict(X)

    # ---- what the posterior says

    def posterior_predictive(self, X: Any) -> np.ndarray:
        """Log-density of new rows averaged over the posterior, (N,), nats: a mixture of Student distributions.

        Its tails are heavier than those of `score_samples`, the more so the fewer rows a component rests on. Of a
        Dirichlet process the weight beyond the K components has the density of the prior.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Without missing values.

        Examples
        --------
        >>> from gmm import BayesianGaussianMixture
        >>> model = BayesianGaussianMixture(random_state=0).fit([[-1.0], [0.0], [1.0]])
        >>> model.posterior_predictive([[0.0], [9.0]]).round(2)
        array([-1.04, -6.72])
        >>> model.score_samples([[0.0], [9.0]]).round(2)
        array([ -0.78, -54.78])
        """
        fit: BayesianFit = self._fitted()
        rows = self._rows(X, fit, missing="raise")
        framed = fit.mixture.frame.points_in(rows.X)
        if not np.isfinite(framed).all():
            raise rows._nonfinite_error() or ParameterError("X lies out of reach of the frame of the fit")
        return log_predictive(fit.posterior, fit.prior, framed) + fit.mixture.frame.log_jacobian

    def credible_intervals(self, level: float = 0.95) -> Intervals:
        """Central intervals that hold each mixing weight, mean and variance with a probability, by the posterior.

        They are too narrow where components overlap: the posterior takes responsibilities for independent of the
        parameters (see the documentation for how much). Components are told apart by their number only.

        Parameters
        ----------
        level : float, default=0.95
            Between 0 and 1.

        Returns
        -------
        gmm.predictive.Intervals
            ``weights`` (2, K), ``means`` (2, K, D) and ``variances`` (2, K, D): lower bounds, then upper ones.

        Examples
        --------
        >>> from gmm import BayesianGaussianMixture
        >>> from gmm.datasets import load_faithful
        >>> model = BayesianGaussianMixture(2, random_state=0).fit(load_faithful().data)
        >>> model.credible_intervals().means[:, 0].round(2)
        array([[ 4.23, 79.04],
               [ 4.35, 80.85]])
        """
        share = check_real(level, "level")
        if not 0.0 < share < 1.0:
            raise ParameterError(f"level must lie between 0 and 1, got {level!r}")
        fit: BayesianFit = self._fitted()
        frame, found = fit.mixture.frame, intervals(fit.posterior, fit.prior, share)
        return Intervals(found.weights, frame.points_out(found.means), frame.variances_out(found.variances))

    # ---- attributes

    @property
    def weight_concentration_(self) -> Any:
        fit: BayesianFit = self._fitted()
        concentration = fit.posterior.concentration.copy()
        return tuple(concentration) if isinstance(fit.prior.mixing, DirichletProcess) else concentration

    @property
    def mean_precision_(self) -> np.ndarray:
        return self._fitted().posterior.mean_precision.copy()

    @property
    def degrees_of_freedom_(self) -> Any:
        freedom = self._fitted().posterior.degrees_of_freedom
        return freedom.copy() if freedom.ndim else float(freedom)

    @property
    def weight_concentration_prior_(self) -> float:
        return self._fitted().prior.mixing.concentration

    @property
    def mean_precision_prior_(self) -> float:
        return self._fitted().prior.mean_precision

    @property
    def degrees_of_freedom_prior_(self) -> float:
        return self._fitted().prior.degrees_of_freedom

    @property
    def mean_prior_(self) -> np.ndarray:
        fit: BayesianFit = self._fitted()
        return fit.mixture.frame.points_out(fit.prior.mean)

    @property
    def covariance_prior_(self) -> Any:
        fit: BayesianFit = self._fitted()
        scatter = fit.prior.family.out(fit.prior.scatter, fit.mixture.frame)
        return scatter if scatter.ndim else float(scatter)
