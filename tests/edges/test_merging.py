"""Merging of components: entropies by hand, Baudry's example, the best pair of all, noise, refusals."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest
from problems import blobs
from tolerances import CLOSED_FORM

import gmm
from gmm import GaussianMixture
from gmm.errors import ParameterError
from gmm.merging import _merged, elbow

EXAMPLE = Path(__file__).parents[1] / "golden" / "mclust" / "ex4.1.csv"


def entropy(t, weight):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -float(weight @ np.nansum(t * np.log(t), axis=1))


def test_each_merge_is_the_best_of_all_pairs():
    rng = np.random.default_rng(0)
    t, weight = rng.dirichlet(np.full(5, 0.3), 80), rng.integers(1, 4, 80).astype(float)
    merges, entropies = _merged(t.copy(), 5, weight)
    clusters = {k: t[:, k] for k in range(5)}
    np.testing.assert_allclose(entropies[4], entropy(t, weight), rtol=1e-12)
    for step, (kept, gone) in enumerate(merges):
        best = {}
        for a in clusters:
            for b in clusters:
                if a < b:
                    left = [clusters[k] for k in clusters if k not in (a, b)]
                    best[a, b] = entropy(np.stack([*left, clusters[a] + clusters[b]], axis=1), weight)
        assert min(best, key=best.get) == (kept, gone)
        clusters[kept] = clusters[kept] + clusters.pop(gone)
        np.testing.assert_allclose(entropies[3 - step], best[kept, gone], rtol=1e-9, atol=1e-9)
    assert entropies[0] == pytest.approx(0.0, abs=1e-9)


def test_two_even_components_have_the_entropy_of_a_coin():
    model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [0.0]], [1.0, 1.0], "spherical")
    found = gmm.merge_components(model, np.zeros((10, 1)))
    np.testing.assert_allclose(found.entropies, [0.0, 10 * np.log(2.0)], rtol=CLOSED_FORM, atol=1e-12)
    assert found.n_clusters == 2
    weighted = gmm.merge_components(model, np.zeros((1, 1)), sample_weight=[10.0])
    np.testing.assert_allclose(weighted.entropies, found.entropies, rtol=CLOSED_FORM, atol=1e-12)


def test_four_clusters_of_baudrys_example():
    """600 rows of four clusters, two of them crosses of two ellipses: BIC takes six components, the elbow four."""
    X = np.loadtxt(EXAMPLE, delimiter=",", skiprows=1)
    selection = gmm.select(X, range(4, 8), "EEV", n_init=20, random_state=0)
    assert selection.best_.n_components == 6
    merged = gmm.merge_components(selection.best_, X)
    assert merged.n_clusters == 4
    sizes = np.bincount(merged.clusters())
    assert sorted(sizes.tolist()) == [1, 1, 2, 2]
    labels = merged.predict(X)
    assert sorted(np.unique(labels)) == [0, 1, 2, 3]
    np.testing.assert_array_equal(merged.predict(X, 6), selection.best_.predict(X))
    assert (np.diff(merged.entropies) >= 0).all()
    assert "4*" in str(merged)


def test_clusters_and_posteriors_add_up():
    X = blobs(300, n_components=5, separation=1.0).X
    model = GaussianMixture(5, random_state=0).fit(X)
    merged = gmm.merge_components(model, X)
    for count in range(1, 6):
        owner = merged.clusters(count)
        assert owner[0] == 0
        assert np.unique(owner).tolist() == list(range(count))
        posterior = merged.predict_proba(X, count)
        wanted = np.stack([model.predict_proba(X)[:, owner == c].sum(axis=1) for c in range(count)], axis=1)
        np.testing.assert_allclose(posterior, wanted, rtol=1e-12)
        np.testing.assert_array_equal(merged.predict(X, count), posterior.argmax(axis=1))


def test_a_later_fit_changes_nothing():
    X = blobs(100).X
    model = GaussianMixture(3, random_state=0).fit(X)
    merged = gmm.merge_components(model, X)
    before = merged.predict_proba(X, 3)
    model.set_params(n_components=1).fit(X)
    np.testing.assert_array_equal(merged.predict_proba(X, 3), before)


def test_noise_stays_apart():
    X = np.concatenate([blobs(300).X, np.random.default_rng(0).uniform(-30, 30, (40, 2))])
    model = GaussianMixture(3, noise=True, random_state=0).fit(X)
    merged = gmm.merge_components(model, X)
    assert merged.predict_proba(X, 1).shape == (340, 2)
    assert set(merged.predict(X, 1)) == {-1, 0}
    np.testing.assert_array_equal(merged.predict(X, 1) == -1, merged.predict_proba(X, 1)[:, 1] > 0.5)


def test_an_elbow_is_where_two_lines_meet():
    counts = np.arange(1.0, 9.0)
    for bend in range(2, 8):
        assert elbow(np.maximum(counts - bend, 0.0) * 5.0 + 0.3 * counts) == bend
    with pytest.raises(ParameterError, match="no elbow"):
        elbow(np.arange(3.0))


def test_an_elbow_is_that_of_the_least_squares_through_three_points():
    """The lines by their heights at 1, the bend and K: another basis of the same curves."""
    rng = np.random.default_rng(0)
    counts = np.arange(1.0, 10.0)
    for _ in range(30):
        entropies = np.cumsum(rng.random(9) ** 3)
        errors = {}
        for bend in range(2, 9):
            basis = np.stack([np.interp(counts, [1, bend, 9], heights) for heights in np.eye(3)], axis=1)
            errors[bend] = np.linalg.lstsq(basis, entropies, rcond=None)[1][0]
        assert elbow(entropies) == min(errors, key=errors.get)


def test_a_plot():
    pytest.importorskip("matplotlib").use("Agg")
    X = blobs(300, n_components=5, separation=1.0).X
    merged = gmm.merge_components(GaussianMixture(5, random_state=0).fit(X), X)
    ax = merged.plot()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), merged.entropies)
    assert merged.plot(ax) is ax


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def refusing(name, *arguments, **named):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *arguments, **named)

    X = blobs(100).X
    merged = gmm.merge_components(GaussianMixture(3, random_state=0).fit(X), X)
    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(ImportError, match=r"pip install fastgmm\[plot\]"):
        merged.plot()


def test_refusals():
    X = blobs(100).X
    merged = gmm.merge_components(GaussianMixture(3, random_state=0).fit(X), X)
    for wrong in (0, 4):
        with pytest.raises(ParameterError, match="n_clusters"):
            merged.predict(X, wrong)
