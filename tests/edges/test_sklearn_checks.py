"""scikit-learn's own checks, on the estimator as it stands: one and three components, each structure, NaN allowed.

All of them pass; there is no list of expected failures.
"""

from __future__ import annotations

import warnings
from functools import partial

import pytest

from gmm import BayesianGaussianMixture, GaussianMixture

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    estimator_checks_generator,
)

STRUCTURES = ("full", "tied", "diag", "spherical")
ESTIMATORS = [
    GaussianMixture(n_components, covariance_type=structure) for n_components in (1, 3) for structure in STRUCTURES
] + [
    GaussianMixture(3, missing="marginalize"),
    GaussianMixture(2, noise=True, missing="marginalize"),
    GaussianMixture(2, covariance_type="factor", n_factors=1),
    GaussianMixture(covariance_type="factor-common"),
    *(BayesianGaussianMixture(3, covariance_type=structure) for structure in STRUCTURES),
    BayesianGaussianMixture(weight_concentration_prior_type="dirichlet_distribution", missing="marginalize"),
]


def all_checks():
    """Every check of every estimator."""
    with warnings.catch_warnings():  # it says that we do not inherit from BaseEstimator: on purpose
        warnings.filterwarnings("ignore", message="Estimator (Bayesian)?GaussianMixture does not inherit")
        for estimator in ESTIMATORS:
            for instance, check in estimator_checks_generator(estimator):
                name = check.func.__name__ if isinstance(check, partial) else check.__name__
                yield pytest.param(instance, check, id=f"{estimator!r}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(all_checks()))
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_check_feature_names(estimator):
    pytest.importorskip("pandas")
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)
