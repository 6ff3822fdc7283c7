"""Whether K components are enough: the likelihood ratio of K against more, with its distribution under K by simulation.

    statistic = 2 (log-likelihood of the larger - log-likelihood of the smaller mixture)        (McLachlan 1987)

Its law is not chi-square, because the smaller mixture lies on the edge of the larger. So the smaller fit is sampled as
often as wanted, and both are fitted to every sample by the search that fitted them to the rows. What was missing of a
row is missing of the row drawn in its place. With B samples,

    p = (1 + number of samples whose statistic is as large) / (1 + B)

is a valid level if the smaller mixture is the truth, but for its parameters being estimates.

Invariant: samples have seeds of their own, so the result does not depend on threads.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm._validation import check_integer, check_rows
from gmm.errors import ParameterError
from gmm.gaussian_mixture import GaussianMixture
from gmm.progress import reporting
from gmm.record import Fit
from gmm.selection.trials import Combination, estimator, trials
from gmm.subsample import seeds
from gmm.threads import resolve_threads
from gmm.workers import Workers

__all__ = ["LikelihoodRatioTest", "likelihood_ratio_test"]


@dataclass(frozen=True, eq=False)
class LikelihoodRatioTest:
    """Result of `likelihood_ratio_test`.

    Attributes
    ----------
    statistic : float
    p_value : float
    replicates : ndarray of shape (n_replicates,)
        The statistic of samples of the smaller mixture.
    smaller, larger : GaussianMixture
        Fitted to the rows.
    """

    statistic: float
    p_value: float
    replicates: np.ndarray
    smaller: GaussianMixture
    larger: GaussianMixture

    def __str__(self) -> str:
        return (
            f"{self.smaller.n_components} against {self.larger.n_components} components: "
            f"2 log likelihood ratio {self.statistic:.2f}, p = {self.p_value:.3g} by {len(self.replicates)} samples"
        )

    __repr__ = __str__


def likelihood_ratio_test(
    X: Any,
    n_components: int = 1,
    n_alternative: int | None = None,
    covariance_type: str = "full",
    *,
    n_replicates: int = 99,
    progress: bool | Callable[[int, int, float], object] | None = None,
    **parameters: Any,
) -> LikelihoodRatioTest:
    """Test a number of components against a larger one by the parametric bootstrap.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    n_components : int
        Of the smaller mixture, the hypothesis.
    n_alternative : int, optional
        Of the larger; None: one more.
    covariance_type : str
        Of both.
    n_replicates : int
        Samples of the smaller mixture. The least p-value is 1 / (1 + n_replicates).
    progress : bool or callable, optional
        True draws a line on a terminal; a callable is called as ``progress(done, of, statistic of a sample)``.
    **parameters
        Of `GaussianMixture`, as for `gmm.select`. n_threads are spread over samples.

    Returns
    -------
    LikelihoodRatioTest

    Raises
    ------
    ParameterError
        An alternative that is not larger.
    DataError
        When the rows suit one of the models not at all.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> print(gmm.likelihood_ratio_test(X, 1, n_replicates=19, random_state=0))
    1 against 2 components: 2 log likelihood ratio 319.07, p = 0.05 by 19 samples
    """
    K = check_integer(n_components, "n_components")
    more = K + 1 if n_alternative is None else check_integer(n_alternative, "n_alternative")
    if more <= K:
        raise ParameterError(f"n_alternative={more} must be larger than n_components={K}")
    n_replicates = check_integer(n_replicates, "n_replicates")
    wanted = [(K, covariance_type), (more, covariance_type)]
    first, *others = seeds(parameters.get("random_state"), n_replicates + 1)
    fits = _fitted(X, wanted, parameters, first)
    statistic = _ratio(fits)
    mixture, missing = fits[wanted[0]].mixture, _missing(X, parameters)
    alone = parameters | {"n_threads": 1, "order_by": None}

    def replicate(seed: int) -> float:
        rng = np.random.default_rng(seed)
        sample, _ = mixture.sample(len(missing), rng)
        if missing.any():
            sample = rng.permutation(sample)  # it comes grouped by component
            sample[missing] = np.nan
        return _ratio(_fitted(sample, wanted, alone, seed))

    found = []
    with reporting(progress) as report, Workers(resolve_threads(parameters.get("n_threads"))) as pool:
        for each in [pool.submit(replicate, seed) for seed in others]:
            found.append(each.result())
            report(len(found), n_replicates, found[-1])
    replicates = np.array(found)
    p_value = (1.0 + np.count_nonzero(replicates >= statistic)) / (1.0 + n_replicates)
    models = (estimator(key, parameters, fits[key]) for key in wanted)
    return LikelihoodRatioTest(statistic, float(p_value), replicates, *models)


def _fitted(X: Any, wanted: list[Combination], parameters: dict[str, Any], seed: int) -> dict[Combination, Fit]:
    with closing(trials(X, wanted, None, parameters, seed, has_trees=False)) as arriving:
        found = {key: fit for key, fit, _ in arriving}
    for fit in found.values():
        if isinstance(fit, Exception):
            raise fit
    return found


def _missing(X: Any, parameters: dict[str, Any]) -> np.ndarray:
    """What is missing of the rows, (N, D)."""
    return np.isnan(check_rows(X, allow_missing=parameters.get("missing") == "marginalize"))


def _ratio(fits: dict[Combination, Fit]) -> float:
    smaller, larger = (fits[key].record for key in sorted(fits))
    return 2.0 * (larger.log_likelihood - smaller.log_likelihood) * smaller.weight
