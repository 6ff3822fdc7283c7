"""impute: conditional expectations under the mixture, draws, and what stays as it was."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from tolerances import CLOSED_FORM, FIVE_SIGMA

from gmm import GaussianMixture
from gmm.errors import ParameterError

NAN = np.nan
WEIGHTS = [0.3, 0.7]
MEANS = [[0.0, 1.0, 2.0], [3.0, -1.0, 0.0]]
MATRICES = np.array(
    [
        [[2.0, 0.8, 0.3], [0.8, 1.0, 0.2], [0.3, 0.2, 1.5]],
        [[1.0, -0.4, 0.0], [-0.4, 2.0, 0.5], [0.0, 0.5, 1.0]],
    ]
)
SHAPED = {
    "full": MATRICES,
    "tied": MATRICES[0],
    "diag": np.diagonal(MATRICES, axis1=1, axis2=2),
    "spherical": np.array([1.0, 2.0]),
}
AS_MATRICES = {
    "full": MATRICES,
    "tied": np.repeat(MATRICES[:1], 2, axis=0),
    "diag": MATRICES * np.eye(3),
    "spherical": np.array([1.0, 2.0])[:, None, None] * np.eye(3),
}


def model_of(structure, **arguments):
    return GaussianMixture.from_parameters(WEIGHTS, MEANS, SHAPED[structure], structure).set_params(**arguments)


def conditional(structure, x, k):
    """Mean and covariance of what is missing of a row, given component k."""
    o, m = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
    mean, S = np.array(MEANS[k]), AS_MATRICES[structure][k]
    B = S[np.ix_(m, o)] @ np.linalg.inv(S[np.ix_(o, o)])
    return mean[m] + B @ (x[o] - mean[o]), S[np.ix_(m, m)] - B @ S[np.ix_(o, m)]


ROWS = np.array([[1.0, NAN, NAN], [NAN, 0.5, 1.0], [NAN, NAN, NAN], [2.0, 0.0, NAN], [1.0, 2.0, 3.0]])


@pytest.mark.parametrize("structure", SHAPED)
def test_expectations(structure):
    model = model_of(structure, missing="marginalize")
    found, posterior = model.impute(ROWS), model.predict_proba(ROWS)
    for x, filled, shares in zip(ROWS, found, posterior, strict=True):
        expected = sum(share * conditional(structure, x, k)[0] for k, share in enumerate(shares))
        np.testing.assert_allclose(filled[np.isnan(x)], expected, rtol=0, atol=CLOSED_FORM * 10)
        np.testing.assert_array_equal(filled[~np.isnan(x)], x[~np.isnan(x)])


@pytest.mark.parametrize("structure", SHAPED)
def test_draws_have_the_conditional_moments(structure):
    n, model = 20_000, model_of(structure, missing="marginalize", random_state=0)
    draws = model.impute(ROWS, n_draws=n)
    assert draws.shape == (n, *ROWS.shape)
    for i, (x, shares) in enumerate(zip(ROWS, model.predict_proba(ROWS), strict=True)):
        m = np.isnan(x)
        np.testing.assert_array_equal(draws[:, i, ~m], np.tile(x[~m], (n, 1)))
        if not m.any():
            continue
        parts = [conditional(structure, x, k) for k in range(2)]
        mean = sum(s * mu for s, (mu, _) in zip(shares, parts, strict=True))
        covariance = sum(s * (C + np.outer(mu - mean, mu - mean)) for s, (mu, C) in zip(shares, parts, strict=True))
        sd, drawn = np.sqrt(np.diag(covariance)), draws[:, i, m]
        assert (np.abs(drawn.mean(axis=0) - mean) < FIVE_SIGMA * sd / np.sqrt(n)).all()
        # the standard error of a covariance is at most sd sd' sqrt(kurtosis / n), and a mixture's kurtosis here below 6
        off = np.abs(np.cov(drawn.T, bias=True).reshape(covariance.shape) - covariance)
        assert (off < FIVE_SIGMA * np.outer(sd, sd) * np.sqrt(6 / n)).all()


def test_a_seed_repeats_draws():
    model = model_of("full", random_state=3)
    np.testing.assert_array_equal(model.impute(ROWS, n_draws=2), model.impute(ROWS, n_draws=2))
    first, second = model.impute(ROWS, n_draws=2)
    assert (first != second)[np.isnan(ROWS)].all()


def test_layouts_dtypes_and_complete_rows():
    X = problems.blobs(500, n_features=3).X
    model = model_of("full")
    np.testing.assert_array_equal(model.impute(X), X)
    assert model.impute(X) is not X
    assert not np.shares_memory(model.impute(X), X)
    assert model.impute(X, n_draws=3).shape == (3, 500, 3)
    X[::2, 1] = NAN
    found = model.impute(X)
    np.testing.assert_array_equal(model.impute(np.asfortranarray(X)), found)
    single = model.impute(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, rtol=0, atol=1e-5)
    assert model.impute([[None, 1.0, 2.0]]).shape == (1, 3)
    with pytest.raises(ParameterError, match="n_draws must be between"):
        model.impute(X, n_draws=-1)


def test_filled_in_rows_are_better_than_column_means():
    p = problems.blobs(2000, n_features=4, separation=6.0)
    X = p.X.copy()
    lost = np.random.default_rng(0).random(X.shape) < 0.2
    X[lost] = NAN
    model = GaussianMixture(3, missing="marginalize", random_state=0).fit(X)
    error = ((model.impute(X) - p.X)[lost] ** 2).mean()
    plain = ((np.nanmean(X, axis=0) - p.X)[lost] ** 2).mean()
    assert error < 0.25 * plain


def errors_of_rows(kind):
    """Errors of ROWS and the same as matrices; what belongs to missing values is NaN."""
    rng = np.random.default_rng(3)
    roots = rng.normal(size=(len(ROWS), 3, 3))
    matrices = roots @ roots.swapaxes(1, 2)
    if kind == "variances":
        variances = np.where(np.isnan(ROWS), NAN, np.diagonal(matrices, axis1=1, axis2=2))
        return variances, np.nan_to_num(variances)[:, :, None] * np.eye(3)
    if kind == "shared":
        return matrices[0], np.broadcast_to(matrices[0], matrices.shape)
    return np.where(np.isnan(ROWS)[:, :, None] | np.isnan(ROWS)[:, None, :], NAN, matrices), matrices


def conditional_of_truth(structure, x, E, k):
    """As `conditional`, of a row with errors: the joint distribution of what is seen and of the truth, by hand."""
    o, m = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
    mean, S = np.array(MEANS[k]), AS_MATRICES[structure][k]
    B = S[np.ix_(m, o)] @ np.linalg.inv(S[np.ix_(o, o)] + E[np.ix_(o, o)])
    return mean[m] + B @ (x[o] - mean[o]), S[np.ix_(m, m)] - B @ S[np.ix_(o, m)]


@pytest.mark.parametrize("kind", ["variances", "matrices", "shared"])
@pytest.mark.parametrize("structure", SHAPED)
def test_rows_with_errors(structure, kind):
    model = model_of(structure, missing="marginalize", random_state=0)
    given, E = errors_of_rows(kind)
    found, posterior = (f(ROWS, noise_covariance=given) for f in (model.impute, model.predict_proba))
    for i, x in enumerate(ROWS):
        gaps = np.isnan(x)
        expected = sum(posterior[i, k] * conditional_of_truth(structure, x, E[i], k)[0] for k in range(2))
        np.testing.assert_allclose(found[i, gaps], expected, rtol=0, atol=CLOSED_FORM * 10)
        np.testing.assert_array_equal(found[i, ~gaps], x[~gaps])
    draws, n = model.impute(ROWS, n_draws=4000, noise_covariance=given), 4000
    for i, x in enumerate(ROWS):
        gaps = np.isnan(x)
        parts = [conditional_of_truth(structure, x, E[i], k) for k in range(2)]
        second = sum(posterior[i, k] * (C + np.outer(mean, mean)) for k, (mean, C) in enumerate(parts))
        spread = np.sqrt(np.diag(second) - found[i, gaps] ** 2)
        assert (np.abs(draws[:, i, gaps].mean(axis=0) - found[i, gaps]) < FIVE_SIGMA * spread / np.sqrt(n)).all()
        np.testing.assert_allclose(draws[:, i, gaps].std(axis=0), spread, rtol=FIVE_SIGMA / np.sqrt(n))


def test_rows_with_errors_of_zero_and_many_of_them():
    model = model_of("full", missing="marginalize")
    np.testing.assert_array_equal(model.impute(ROWS, noise_covariance=np.zeros(3)), model.impute(ROWS))
    many = np.tile(ROWS, (20_000, 1))  # in chunks, whose matrices are stacked
    found = model.impute(many, noise_covariance=np.ones(3))
    np.testing.assert_array_equal(found[-5:], found[:5])
    np.testing.assert_allclose(found[:5], model.impute(ROWS, noise_covariance=np.ones(3)), rtol=1e-14)
