"""The bootstrap likelihood-ratio test: its parts, its size under the hypothesis, its power."""

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm import likelihood_ratio
from gmm.errors import DataError, ParameterError


def test_the_parts_fit_together():
    X = blobs(120, separation=3.0).X
    told = []
    found = gmm.likelihood_ratio_test(
        X, 2, covariance_type="diag", n_replicates=9, random_state=1, progress=lambda *each: told.append(each)
    )
    assert (found.smaller.n_components, found.larger.n_components) == (2, 3)
    ratio = 2 * len(X) * (found.larger.score(X) - found.smaller.score(X))
    assert found.statistic == pytest.approx(ratio, rel=1e-9)
    assert found.p_value == (1 + (found.replicates >= found.statistic).sum()) / 10
    assert [each[:2] for each in told] == [(i, 9) for i in range(1, 10)]
    np.testing.assert_array_equal([each[2] for each in told], found.replicates)
    assert str(found).startswith("2 against 3 components: 2 log likelihood ratio")


def test_samples_lack_what_the_rows_lack(monkeypatch):
    X = blobs(80).X
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    seen, fitted = [], likelihood_ratio._fitted
    monkeypatch.setattr(likelihood_ratio, "_fitted", lambda X, *more: seen.append(X) or fitted(X, *more))
    gmm.likelihood_ratio_test(X, 1, n_replicates=2, missing="marginalize", random_state=0)
    assert len(seen) == 3
    for sample in seen:
        np.testing.assert_array_equal(np.isnan(sample), np.isnan(X))


def test_threads_do_not_matter():
    X = blobs(80).X
    one, three = (
        gmm.likelihood_ratio_test(X, 1, 3, "tied", n_replicates=8, random_state=0, n_threads=n) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.replicates, three.replicates)
    assert one.statistic == three.statistic


def test_two_heaps_are_not_one():
    X = blobs(100, n_components=2, separation=5.0).X
    assert gmm.likelihood_ratio_test(X, 1, n_replicates=19, random_state=0).p_value == 0.05


@pytest.mark.long
def test_level_under_the_hypothesis():
    """Of 400 samples of one Gaussian, tested with 19 replicates, 5% have p <= 0.05: at most 33 in 99.9% of trials."""
    rng = np.random.default_rng(0)
    values = [
        gmm.likelihood_ratio_test(rng.normal(size=(60, 1)), 1, covariance_type="tied", n_replicates=19, random_state=i)
        for i in range(400)
    ]
    rejected = sum(each.p_value <= 0.05 for each in values)
    assert 8 <= rejected <= 34


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n_components": 2, "n_alternative": 2}, "n_alternative=2 must be larger than n_components=2"),
        ({"n_components": 0}, "n_components"),
        ({"n_replicates": 0}, "n_replicates"),
        ({"covariance_type": "fulll"}, "did you mean 'full'"),
        ({"progress": "yes"}, "progress must be"),
    ],
)
def test_misuse(more, message):
    with pytest.raises(ParameterError, match=message):
        gmm.likelihood_ratio_test(blobs(50).X, **({"n_replicates": 2} | more))


def test_too_few_rows():
    with pytest.raises(DataError, match="n_components=3"):
        gmm.likelihood_ratio_test(blobs(5).X[:2], 2)
