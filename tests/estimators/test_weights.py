"""A sample weight counts rows: integer weights are repetitions, zero is absence, a common factor changes nothing."""

from __future__ import annotations

from copy import copy

import numpy as np
import pytest

from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(80, 2)), rng.normal(size=(80, 2)) * [1.0, 2.0] + 4.0])
    return X, rng.integers(0, 5, size=len(X)), np.repeat([0, 1], 80)


def fit(X, start, structure="full", weight=None, **kwargs):
    model = GaussianMixture(2, covariance_type=structure, tol=0.0, max_iter=40, **kwargs)
    return model.fit(X, sample_weight=weight, start=start)


def assert_same_fit(a, b, atol=1e-10):
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=atol, err_msg=name)
    assert a.log_likelihood_ == pytest.approx(b.log_likelihood_, abs=atol)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_an_absent_row_may_lie_anywhere(problem, structure):
    """Also where float32 cannot follow, in which the rows are summed here."""
    X, count, start = problem
    weight = np.append(count + 1.0, 0.0)
    near, far = (fit(np.vstack([X, [x, x]]), np.append(start, 0), structure, weight, dtype="float32")
                 for x in (0.0, -1e200))  # fmt: skip
    assert_same_fit(near, far)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("reg_covar", [None, 0.05])
def test_integer_weights_are_repetitions(problem, structure, reg_covar):
    X, count, start = problem
    weighted = fit(X, start, structure, count, reg_covar=reg_covar)
    repeated = fit(X.repeat(count, axis=0), start.repeat(count), structure, reg_covar=reg_covar)
    assert_same_fit(weighted, repeated)
    for criterion in ("score", "aic", "bic", "icl"):
        by_weight = getattr(weighted, criterion)(X, sample_weight=count)
        assert by_weight == pytest.approx(getattr(weighted, criterion)(X.repeat(count, axis=0)), rel=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "hierarchical", "random", "random_from_data"])
def test_whole_fits_of_integer_weights_and_of_repetitions_in_any_order_agree(problem, structure, init_params):
    """Starts and their race too: from the same seed both come to the same end in as many iterations."""
    X, count, _ = problem
    order = np.random.default_rng(1).permutation(count.sum())
    model = GaussianMixture(3, covariance_type=structure, init_params=init_params, n_init=3, random_state=0)
    weighted, repeated = copy(model).fit(X, sample_weight=count), model.fit(X.repeat(count, axis=0)[order])
    assert_same_fit(weighted, repeated)
    assert [start.n_iter for start in weighted.restarts_] == [start.n_iter for start in repeated.restarts_]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_zero_weight_is_absence(problem, structure):
    X, count, start = problem
    weight = count.astype(float)
    outlier = np.concatenate([X, [[1e200, -1e200]]])  # its log-density is -inf
    a = fit(outlier, np.r_[start, 0], structure, np.r_[weight, 0.0])
    b = fit(X[count > 0], start[count > 0], structure, weight[count > 0])
    assert_same_fit(a, b)
    assert a.score(outlier, sample_weight=np.r_[weight, 0.0]) == pytest.approx(
        a.score(X, sample_weight=weight), rel=1e-13
    )


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("factor", [1e-300, 1e-20, 3.0, 1e20, 1e300])
def test_a_common_factor_changes_nothing(problem, structure, factor):
    X, count, start = problem
    assert_same_fit(fit(X, start, structure, count * factor), fit(X, start, structure, count))


def test_weights_of_any_dtype_and_layout(problem):
    X, count, start = problem
    base = fit(X, start, weight=count.astype(float))
    for weight in (
        list(count),
        count.astype(np.uint8),
        count.astype(np.float32),
        np.repeat(count.astype(float), 2)[::2],
    ):
        assert_same_fit(fit(X, start, weight=weight), base, atol=0)


def test_a_scalar_weight_is_refused(problem):
    X, _, start = problem
    with pytest.raises(ValueError, match="sample_weight"):
        fit(X, start, weight=2.0)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_component_weighted_closed_form(problem, structure):
    X, count, _ = problem
    model = GaussianMixture(1, covariance_type=structure).fit(X, sample_weight=count)
    scatter = np.cov(X.T, fweights=count, bias=True)
    closed = {
        "full": scatter[None],
        "tied": scatter,
        "diag": np.diag(scatter)[None],
        "spherical": [np.trace(scatter) / 2],
    }
    np.testing.assert_allclose(model.covariances_, closed[structure], rtol=1e-12, atol=1e-14)
