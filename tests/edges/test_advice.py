"""Advice: each rule where it must speak and where it must be silent; the summary has what needs no rows."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from problems import blobs

import gmm
from gmm import BayesianGaussianMixture, GaussianMixture
from gmm.errors import DataError


def topics(found):
    return [caution.topic for caution in found]


def test_nothing_to_say_of_a_good_fit():
    X = blobs(600, separation=6.0).X
    model = GaussianMixture(3, random_state=0).fit(X)
    assert gmm.advice(model) == []
    assert gmm.advice(model, X) == []


DEPENDS = [("spherical", True), ("VEV", True), ("diag", False), ("full", False)]


@pytest.mark.parametrize(("covariance_type", "depends"), DEPENDS)
def test_scales_matter_to_some_structures(covariance_type, depends):
    X = blobs(600, separation=6.0).X * [1.0, 300.0]
    frame = pandas.DataFrame(X, columns=["metres", "millimetres"])
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(frame)
    found = gmm.advice(model, frame)
    assert ("scale" in topics(found)) == depends
    if depends:
        ratio = X[:, 1].std() / X[:, 0].std()
        assert f"millimetres varies {ratio:.3g} times as much as metres" in str(found[0])
    alike = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X / [1.0, 300.0])
    assert "scale" not in topics(gmm.advice(alike, X / [1.0, 300.0]))


def test_an_ellipsoid_tells_of_scales_without_the_rows():
    X = blobs(600, separation=6.0).X * [1.0, 300.0]
    model = GaussianMixture(2, covariance_type="VEV", random_state=0).fit(X)
    found = gmm.advice(model)
    assert topics(found) == ["scale"]
    assert str(found[0]) in model.summary()


def test_scales_of_rows_with_gaps_weights_and_a_constant():
    X = np.column_stack([blobs(300, separation=6.0).X * [1.0, 300.0], np.full(300, 7.0)])
    X[::7, 0] = np.nan
    weight = np.ones(300)
    model = GaussianMixture(2, covariance_type="spherical", missing="marginalize", random_state=0)
    model.fit(X, sample_weight=weight)
    found = gmm.advice(model, X, sample_weight=weight)
    assert f"x1 varies {X[:, 1].std() / np.nanstd(X[:, 0]):.3g} times as much as x0" in str(found[0])


def test_scales_far_apart_are_told_without_overflow():
    X = np.random.default_rng(0).normal(size=(100, 2)) * [1e-150, 1e150]
    model = GaussianMixture(1, covariance_type="spherical").fit(X)
    assert topics(gmm.advice(model, X)) == ["scale"]


def test_scales_of_a_mixture_from_parameters():
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [0.0, 99.0]], [1.0, 1.0], "spherical")
    assert topics(gmm.advice(model)) == ["scale"]


def test_more_components_than_bic_supports():
    X = np.random.default_rng(0).normal(size=(300, 2))
    found = gmm.advice(GaussianMixture(3, random_state=0).fit(X), X)
    assert "components" in topics(found)
    message = str(found[topics(found).index("components")])
    fewer = GaussianMixture(2, random_state=0).fit(X)
    assert f"{fewer.bic(X):.2f}" in message
    assert "components" not in topics(gmm.advice(GaussianMixture(3, random_state=0).fit(X)))


def test_components_of_few_rows():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(8, 2)) + 12.0])
    model = GaussianMixture(2, order_by="weight", random_state=0).fit(X)
    found = gmm.advice(model)
    assert topics(found) == ["few rows"]
    assert found[0].components == (1,)
    assert "1 (8.0 rows)" in str(found[0])
    repeated = GaussianMixture(2, order_by="weight", random_state=0).fit(X, sample_weight=np.full(208, 5.0))
    assert gmm.advice(repeated) == []


def test_a_component_of_a_few_rows_in_line_may_be_spurious():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    line = np.column_stack([np.linspace(-1, 1, 6), np.linspace(-1, 1, 6) + 1e-3 * rng.normal(size=6)])
    start = np.concatenate([np.zeros(200, int), np.ones(6, int)])
    model = GaussianMixture(2).fit(np.concatenate([X, line]), start=start)
    assert model.weights_[1] < 0.1
    found = gmm.advice(model)
    assert "spurious" in topics(found)
    assert found[topics(found).index("spurious")].components == (1,)
    assert "may be spurious" in model.summary()


def test_who_cannot_be_compared_is_not():
    X = blobs(200).X
    assert gmm.advice(GaussianMixture(1).fit(X), X) == []
    given = GaussianMixture(2, means_init=X[:2]).fit(X)
    assert "components" not in topics(gmm.advice(given, X))
    bayes = BayesianGaussianMixture(6, weight_concentration_prior=1e-3, random_state=0).fit(X)
    assert bayes._fitted().component_rows.min() < 1.0  # as it should be
    assert gmm.advice(bayes, X) == []


def test_rows_are_those_of_the_fit():
    X = blobs(600, separation=6.0).X
    model = GaussianMixture(3, random_state=0).fit(X, sample_weight=np.full(600, 2.0))
    with pytest.raises(DataError, match="fitted to 600 rows, but X has 100"):
        gmm.advice(model, X[:100])
    with pytest.raises(DataError, match="fitted with a sample_weight"):
        gmm.advice(model, X)
    assert gmm.advice(model, X, sample_weight=np.full(600, 0.5)) == []  # BIC of both by the weights given here


def test_effective_rows_stand_in_the_summary():
    X = blobs(200).X
    weight = np.full(200, 2.0)
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=weight)
    rows = model.predict_proba(X).sum(axis=0) * 2.0
    np.testing.assert_allclose(model._fitted().component_rows, rows, rtol=1e-3)
    lines = [line.split() for line in model.summary().splitlines()]
    table = [line for line in lines if line[:1] in (["0"], ["1"])]
    assert [float(line[2]) for line in table] == [round(n, 1) for n in model._fitted().component_rows]
    bayes = BayesianGaussianMixture(3, random_state=0).fit(X)
    np.testing.assert_allclose(bayes._fitted().component_rows.sum(), 200.0, rtol=1e-9)
    made = GaussianMixture.from_parameters([1.0], [[0.0]], [1.0], "spherical")
    assert "rows" not in made.summary()


def test_results_are_represented_by_a_text_that_can_be_read():
    X = np.random.default_rng(0).normal(size=(300, 20)) + np.repeat([0.0, 9.0], 150)[:, None]
    model = GaussianMixture(2, covariance_type="diag", tol=1e-9, order_by="mean", random_state=0).fit(X)
    errors = model.standard_errors(X)
    results = [
        errors, gmm.bootstrap(model, X, n_replicates=3, random_state=0),
        gmm.stability(model, X, n_resamples=2, random_state=0), gmm.overlap(model), gmm.merge_components(model, X),
        gmm.compare_kmeans(model, X, random_state=0), gmm.select(X, [1, 2], "diag", random_state=0),
        gmm.select(X, [1, 2], "diag", random_state=0).step(X, 1),
        gmm.likelihood_ratio_test(X, 1, covariance_type="diag", n_replicates=1, random_state=0),
    ]  # fmt: skip
    for result in results:
        assert repr(result) == str(result)
        assert len(str(result).splitlines()) <= 6
        assert max(map(len, str(result).splitlines())) <= 200
    first = f"component 0: weight 0.5000 (0.029), mean {model.means_[0, 0]:.4g} ({errors.means[0, 0]:.2g}), "
    assert first in str(errors)
    assert str(errors).endswith(" and 14 more")
    bayes = BayesianGaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    for ends in (errors.intervals()["means"], bayes.credible_intervals()):
        assert len(repr(ends)) < 700
        assert "..." in repr(ends)
