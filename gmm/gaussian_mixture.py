"""GaussianMixture: scikit-learn's estimator of that name, on this library's model and algorithms.

``__init__`` stores, ``fit`` delegates to `gmm.fitting`, what a fitted mixture answers is in `gmm.mixture_estimator`.
Invariant: a fit that fails leaves the previous one in place, whole.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from gmm.factor_count import fit_any
from gmm.mixture import Mixture
from gmm.mixture_estimator import MixtureEstimator
from gmm.record import Fit
from gmm.settings import Settings

__all__ = ["GaussianMixture"]


class GaussianMixture(MixtureEstimator):
    """Gaussian mixture fitted by expectation-maximisation, with scikit-learn's interface.

    The density is ``sum_k weights[k] N(x; means[k], covariances[k])``. All log-densities are in nats, per row unless
    they are called total, in the units of the data.

    Parameters
    ----------
    n_components : int, default=1
        Number of components K.
    covariance_type : {"full", "tied", "diag", "spherical", "factor", "factor-common"}, default="full"
        A matrix for each component; one matrix for all; a variance for each component and feature; a variance for
        each component; ``n_factors`` factors and independent noise for each component ("factor-common": noise of
        the same variances in all), for many features. Or one of mclust's codes, "EII" to "VVV": volume, shape and
        orientation are equal (E), vary (V) or are the identity (I). Covariances of a code are (K, D, D) throughout.
    n_factors : int, "bic" or "aic", optional
        Number of factors of "factor" and "factor-common", at most that of the features; others ignore it. None or "bic"
        tries 1, 2, 3, 4, 6, 8, 12, ... as long as BIC falls, see `gmm.factor_count`; "aic" as long as AIC does, which
        predicts better; ``n_factors_`` is what was chosen.
    tol : float, default=1e-6
        Stop when the gain still to come is estimated to be below this: nats per row. 0 runs all of ``max_iter``.
    reg_covar : float, optional
        Variance of noise that every feature is assumed to carry, in squared data units; it is added to the
        covariances in a way that keeps the objective from falling. None adds nothing: singular data are held by a
        floor at the level of the input's rounding, and reported.
    max_iter : int, default=500
        Largest number of iterations; 0 keeps the start.
    n_init : int, default=5
        Number of starts. Each runs ``short_iter`` iterations and the best goes on (Biernacki, Celeux, Govaert 2003);
        of few rows, by "kmeans" or "auto", also to neighbours of where it ends: two components as one, one as two.
    short_iter : int, default=10
        Iterations of each start before the best is chosen; on many rows three, for starts that have no chance after.
    init_params : {"kmeans", "auto", "k-means++", "hierarchical", "random", "random_from_data"} or callable
        How to start; "kmeans", the default, is the likeliest of several kinds of start after a rehearsal, "auto" the
        same with two trees among them, "hierarchical" Ward's clustering, one start where there are at most 2048 rows. A
        callable ``(X, n_components, rng)`` returns responsibilities (N, K), labels (N,) or means (K, D).
    weights_init : array-like of shape (K,), optional
        Mixing weights to start from.
    means_init : array-like of shape (K, D), optional
        Means to start from; there is one start then.
    precisions_init : array-like, optional
        Inverse covariances to start from, in the shape of ``precisions_``.
    covariances_init : array-like, optional
        Covariances to start from, in the shape of ``covariances_``; not together with ``precisions_init``. Of
        "factor": a pair, loadings (K, D, n_factors) and noise variances (K, D).
    equal_weights : bool, default=False
        Whether all mixing weights are 1 / K; with ``noise`` they share alike what it leaves.
    eigen_ratio : float, optional
        Bound, at least 1, on the ratio of any two eigenvalues of any covariances, in the data's units (tclust's
        ``restr.fact``: Garcia-Escudero, Gordaliza, Matran, Mayo-Iscar 2008).
    shrinkage : float in [0, 1) or "auto", optional
        Share of a common multiple of the identity in the covariance of a component of average size; "auto" estimates
        the best (Ledoit, Wolf 2004). It is a penalty of the objective, for fewer rows than features and the like.
    prior : "default" or gmm.priors.ConjugatePrior, optional
        What is believed of means, covariances and mixing weights beforehand: the fit finds the posterior mode.
        "default" is that of Fraley and Raftery (2007), which keeps components from collapsing.
    noise : bool or float, default=False
        Whether some rows are noise that no component explains: uniform over the smaller of the box along the features
        and the box along the principal axes that hold all rows (True), or of this density, per unit of the data's
        volume; always over the former where values are missing. Its weight is ``noise_weight_``; ``predict`` answers
        -1 for noise and ``predict_proba`` has one more column.
    missing : {"raise", "marginalize"}, default="raise"
        What NaN in X means: an error; or a value that is missing, for which EM and prediction take the expectation
        given what was observed of the row (exact maximum likelihood where values are missing at random).
    on_collapse : {"repair", "drop", "restart", "raise"}, default="repair"
        What becomes of a component that rests on the numerical floor or lost its rows at the end of the best climb:
        it stays, held by the floor; its mixing weight becomes 0; it begins anew where rows are unlikely, up to three
        times; a `gmm.errors.CollapseError` says why. ``collapses_`` tells in any case.
    acceleration : {"auto", "none"} or None, default="auto"
        "auto" takes longer steps than EM's own where the climb is slow (on few rows after 100 iterations); a step that
        would lower the objective is taken back. "none" and None are plain EM, iteration by iteration.
    fixed : tuple of str, or dict, default=()
        What keeps its given value: "weights", "means", "covariances" of all components, or a dict of these names to
        "all" or numbers of components, such as ``{"means": [0, 2]}``. Values are those of ``weights_init``,
        ``means_init``, ``covariances_init`` or ``precisions_init``, or of the fit that ``warm_start`` continues.
    order_by : {"weight", "mean"}, int, str or callable, optional
        Order of the components: by decreasing mixing weight; by increasing mean, the first feature deciding; by
        increasing mean of the feature with this number or name; by a key ``order_by(mixture)``, (K,) numbers. None
        keeps the order of the start.
    random_state : int, Generator, RandomState or None, default=None
        Seed of the starts and of `sample`. The same int gives the same bits.
    warm_start : bool, default=False
        Continue from the previous fit's parameters, if there is one.
    n_threads : int, optional
        None takes what OMP_NUM_THREADS, threadpoolctl, joblib and the control group allow. The number never changes
        a result.
    dtype : {"float32", "float64"}, optional
        Precision of the arithmetic on rows; None takes that of X. Sums and parameters are float64 in any case.
    callbacks : list of callables, optional
        Each is called after every iteration of every start with a `gmm.record.Progress`; one that returns True ends
        the fit at the best parameters so far, and ``stop_reason_`` is "callback".
    verbose : int, default=0
        1 prints progress every ``verbose_interval`` iterations, 2 also what became of each start.
    verbose_interval : int, default=10
        Iterations between prints.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        Mixing weights; exactly 0 for a component that lost its rows or was dropped. They sum to 1 - ``noise_weight_``.
    noise_weight_ : float
        Share of the rows that is noise; 0 without ``noise``.
    noise_log_volume_ : float
        Log of the volume that noise is spread over, in the data's units; only with ``noise``.
    means_ : ndarray of shape (K, D)
    covariances_ : ndarray
        (K, D, D) for "full", "factor" and codes, (D, D) for "tied", (K, D) for "diag", (K,) for "spherical". Raises a
        ValueError where float64 cannot hold them (data at 1e160 and beyond); prediction goes on working.
    loadings_ : ndarray of shape (K, D, n_factors_)
        Of "factor": ``covariances_[k]`` is ``loadings_[k] @ loadings_[k].T`` plus ``noise_variance_[k]`` on the
        diagonal. Turned so that ``loadings_[k].T / noise_variance_[k] @ loadings_[k]`` is diagonal and falls; the
        largest loading of each factor, in units of the noise, is positive.
    noise_variance_ : ndarray of shape (K, D), or (D,) of "factor-common"
    n_factors_ : int
    volume_, shape_, orientation_ : ndarray of shape (K,), (K, D), (K, D, D)
        ``covariances_`` taken apart: |covariance|^(1/D), eigenvalues over it, axes in columns.
    precisions_ : ndarray
        Inverse covariances, in the same shape.
    precisions_cholesky_ : ndarray
        Upper triangular P with ``P @ P.T`` the precision; square roots of the precisions for "diag", "spherical".
    converged_ : bool
    n_iter_ : int
        Iterations from the best start to the parameters: EM's steps and the longer ones that were kept.
    stop_reason_ : str
        "converged", "max_iter", "objective fell" or "callback".
    objective_, lower_bound_ : float
        What the fit maximised, at the parameters, per row: the log-likelihood, less the penalties of ``reg_covar`` and
        ``shrinkage``, plus the log of ``prior`` over its largest value, per row.
    lower_bounds_ : ndarray of shape (n_iter_ + len(segments_),)
        The objective at the start and after each iteration; within a segment it never falls.
    segments_ : ndarray of int
        Where segments of ``lower_bounds_`` begin: 0, and one more for each time that ``on_collapse`` dropped or
        restarted components.
    collapses_ : tuple of Collapse
        Components that rested on the numerical floor or lost their rows: which, when, why and what was done.
    log_likelihood_ : float
        Log-likelihood of the fitted rows at the parameters, per row: ``score(X)``.
    restarts_ : tuple
        A row for each start: log-likelihood, iterations, converged, seed, agreement with the best.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (D,) of str
        Only after a fit to a data frame whose column names are all str.

    Notes
    -----
    Stopping, units, the numerical floor and every difference from scikit-learn are in the documentation.

    Examples
    --------
    >>> from gmm import GaussianMixture
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = GaussianMixture(2, order_by="mean", random_state=0).fit(X)
    >>> model.means_.round(2)
    array([[ 2.04, 54.48],
           [ 4.29, 79.97]])
    >>> model.predict([[1.8, 51.0], [4.5, 85.0]])
    array([0, 1])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        n_factors: int | str | None = None,
        tol: float = 1e-6,
        reg_covar: float | None = None,
        max_iter: int = 500,
        n_init: int = 5,
        short_iter: int = 10,
        init_params: Any = "kmeans",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        covariances_init: Any = None,
        equal_weights: bool = False,
        eigen_ratio: float | None = None,
        shrinkage: float | str | None = None,
        prior: Any = None,
        noise: bool | float = False,
        missing: str = "raise",
        on_collapse: str = "repair",
        acceleration: str | None = "auto",
        fixed: Any = (),
        order_by: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        dtype: Any = None,
        callbacks: Any = None,
        verbose: int = 0,
        verbose_interval: int = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.n_factors = n_factors
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.short_iter = short_iter
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.covariances_init = covariances_init
        self.equal_weights = equal_weights
        self.eigen_ratio = eigen_ratio
        self.shrinkage = shrinkage
        self.prior = prior
        self.noise = noise
        self.missing = missing
        self.on_collapse = on_collapse
        self.acceleration = acceleration
        self.fixed = fixed
        self.order_by = order_by
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.dtype = dtype
        self.callbacks = callbacks
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    @classmethod
    def from_parameters(
        cls, weights: Any, means: Any, covariances: Any, covariance_type: str = "full"
    ) -> GaussianMixture:
        """A mixture that predicts from given parameters, without a fit.

        Parameters
        ----------
        weights : array-like of shape (K,)
            Non-negative, of sum 1.
        means : array-like of shape (K, D)
        covariances : array-like
            In the shape of ``covariances_`` for the type; of "factor" a pair, loadings and noise variances.
        covariance_type : str, default="full"

        Returns
        -------
        GaussianMixture

        Raises
        ------
        ParameterError
            A ValueError that names the component and what is wrong with it.

        Examples
        --------
        >>> from gmm import GaussianMixture
        >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
        >>> model.predict_proba([[2.0], [3.0]]).round(3)
        array([[0.5  , 0.5  ],
               [0.018, 0.982]])
        """
        mixture = Mixture.from_user(weights, means, covariances, covariance_type)
        model = cls(mixture.n_components, covariance_type=covariance_type, n_factors=mixture.structure.n_factors)
        model._result = Fit(mixture)
        return model

    # ---- fitting

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        start: Any = None,
        noise_covariance: Any = None,
    ) -> Self:
        """Fit the mixture to rows.

        Parameters
        ----------
        X : array-like or data frame of shape (N, D)
            Real numbers. float32 and float64 are read in place, in any layout.
        y : ignored
            For scikit-learn's pipelines.
        sample_weight : array-like of shape (N,), optional
            How many times each row counts: finite, at least 0.
        labels : array-like of shape (N,) or (N, K), optional
            What is known of the rows. (N,): the component each belongs to, -1 where it is not known. (N, K): how
            plausible each component is beforehand; a row's numbers multiply the mixing weights, up to a factor.
        start : array-like of shape (N,) or (N, K), optional
            Labels (-1 for none: noise, if there is any) or responsibilities to start from, in place of
            ``init_params``.
        noise_covariance : array-like of shape (N, D), (N, D, D), (D,) or (D, D), optional
            Errors of the rows, in squared units of the data: each is observed as its true value plus normal noise of
            these variances, or of this covariance; the last two shapes are for all rows alike. The mixture is that of
            the true values.

        Returns
        -------
        self

        Raises
        ------
        DataError, DataTypeError, ParameterError
            ValueErrors and a TypeError that name argument, row, column or component; an earlier fit is kept.
        CollapseError
            A component collapsed, with ``on_collapse="raise"``.

        Warns
        -----
        ConvergenceWarning
            ``max_iter`` came first.
        CollapseWarning
            Components lost their rows or rest on the numerical floor, or were dropped or restarted for that.
        """
        settings = Settings.from_estimator(self)
        earlier = self.__dict__.get("_result") if settings.warm_start else None
        self._result = fit_any(
            settings,
            X,
            sample_weight=sample_weight,
            start=start,
            labels=labels,
            noise_covariance=noise_covariance,
            previous=earlier and earlier.mixture,
        )
        return self

    def fit_predict(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        start: Any = None,
        noise_covariance: Any = None,
    ) -> np.ndarray:
        """Fit and return the label of each row, (N,) int64; the same as ``fit(X).predict(X)``."""
        given = {"sample_weight": sample_weight, "labels": labels, "start": start}
        return self.fit(X, **given, noise_covariance=noise_covariance).predict(X, noise_covariance=noise_covariance)
