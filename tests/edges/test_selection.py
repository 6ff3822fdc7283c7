"""gmm.select: the table, the choice, failures."""

import math
import sys

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm.covariances import CODES
from gmm.datasets import load_faithful, load_iris
from gmm.errors import DataError, ParameterError


@pytest.mark.parametrize(("criterion", "expected"), [("bic", (3, "tied")), ("icl", (2, "full"))])
def test_old_faithful(criterion, expected):
    """mclust's best of these four by BIC is EEE,3; by ICL the overlap of the third component counts against it."""
    selection = gmm.select(load_faithful().data, range(1, 5), criterion=criterion, random_state=0)
    assert (selection.best_.n_components, selection.best_.covariance_type) == expected
    best = selection.best_candidate
    assert getattr(best, criterion) == min(getattr(candidate, criterion) for candidate in selection.table)


def test_the_table_is_what_the_models_say():
    X = load_iris().data
    weight = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    selection = gmm.select(X, [2, 3], ["diag", "tied"], sample_weight=weight, random_state=1, n_init=2)
    assert [(row.n_components, row.covariance_type) for row in selection.table] == [
        (2, "diag"), (2, "tied"), (3, "diag"), (3, "tied")
    ]  # fmt: skip
    model, row = selection.best_, selection.best_candidate
    assert row.log_likelihood == pytest.approx(model.score(X, sample_weight=weight) * weight.sum(), rel=1e-12)
    assert row.n_parameters == model.n_parameters()
    for criterion in ("aic", "bic", "icl"):
        value = getattr(model, criterion)(X, sample_weight=weight)
        assert getattr(row, criterion) == pytest.approx(value, rel=1e-12)
    alone = gmm.GaussianMixture(model.n_components, covariance_type=model.covariance_type, random_state=1, n_init=2)
    np.testing.assert_array_equal(alone.fit(X, sample_weight=weight).means_, model.means_)


def test_a_candidate_leaves_a_low_optimum():
    """Heaps, crossing lines, a cloud: sixty starts of one kind end below -2.96, without exchanges this at -2.97."""
    rng = np.random.default_rng(0)
    heaps = np.repeat([[4.0, 0.0], [5.0, 0.0], [4.0, 1.0], [5.0, 1.0]], 40, axis=0) + 0.1 * rng.normal(size=(160, 2))
    t, slope = rng.uniform(-1.5, 1.5, 120), np.repeat([1.0, -1.0], 60)
    lines = np.stack([t, slope * t], axis=1) + 0.03 * rng.normal(size=(120, 2))
    X = np.concatenate([heaps, lines, rng.normal(size=(120, 2)) * [3.0, 1.5] + [2.0, 0.5]])
    selection = gmm.select(X, [6], "spherical", random_state=0)
    assert selection.model(6, "spherical").log_likelihood_ >= -2.70


def test_numpy_counts_and_repeated_combinations():
    selection = gmm.select(blobs(60).X, np.array([2, 1, 2]), ["diag", "diag"], n_init=1, random_state=0)
    assert [(row.n_components, row.covariance_type) for row in selection.table] == [(2, "diag"), (1, "diag")]
    assert str(selection).count("*") == 2  # the mark and its legend
    assert not any(line != line.rstrip() for line in str(selection).splitlines())
    assert len(gmm.select(blobs(60).X, np.int64(2), "diag", n_init=1, random_state=0).table) == 1


def test_progress_is_reported_after_each_fit():
    told = []
    selection = gmm.select(
        blobs(100).X, 2, ["diag", "full"], n_init=1, progress=lambda *progress: told.append(progress)
    )
    assert told == [(1, 2, selection.table[0]), (2, 2, selection.table[1])]


def test_a_model_that_cannot_be_fitted_stays_in_the_table():
    selection = gmm.select(blobs(5).X, [1, 9], "diag", random_state=0)
    assert selection.best_.n_components == 1
    assert "n_components=9" in selection.table[1].error
    assert math.isnan(selection.table[1].bic)
    assert "failed" in str(selection)
    with pytest.raises(DataError, match="n_components=9"):
        gmm.select(blobs(5).X, [9], "diag")


def test_a_floored_model_is_not_chosen_over_a_sound_one():
    X = blobs(60, n_components=1).X
    X[:20] = 50.0
    selection = gmm.select(X, [1, 2], "full", random_state=0)
    assert selection.table[1].floored > 0
    assert selection.table[1].bic < selection.table[0].bic
    assert selection.best_.n_components == 1


def test_text_says_when_none_is_sound():
    selection = gmm.select(np.ones((20, 2)), [1, 2], "full", random_state=0)
    assert str(selection).endswith("f rests on the numerical floor; none is sound, the best neither")
    assert "sound" not in str(gmm.select(blobs(100).X, [1, 2], "full", random_state=0))


def test_text_marks_the_best():
    lines = str(gmm.select(load_faithful().data, [1, 2], ["full", "diag"], random_state=0)).splitlines()
    assert lines[0].split() == ["bic", "full", "diag"]
    assert [line.count("*") for line in lines] == [0, 0, 1, 1]
    assert lines[2].split()[1].endswith("*")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"criterion": "bci"}, "did you mean 'bic'"),
        ({"criterion": "BIC"}, "did you mean 'bic'"),
        ({"n_components": "1-3"}, r"n_components must be an integer or several, such as range\(1, 10\), got '1-3'"),
        ({"covariance_types": ["fulll"]}, "did you mean 'full'"),
        ({"n_components": []}, "nothing to select from"),
        ({"n_components": [0]}, "n_components"),
        ({"n_components": 2.5}, "n_components must be an integer, got 2.5"),
        ({"n_components": None}, "n_components must be an integer, got None"),
        ({"reg_covar": -1.0}, "reg_covar"),
    ],
)
def test_misuse(more, message):
    with pytest.raises(ParameterError, match=message):
        gmm.select(blobs(50).X, **({"n_components": [2]} | more))


WORDS = ["full", "tied", "diag", "spherical"]


def same(one, other):
    assert one.table == other.table
    for key, fit in one.fits.items():
        for name in ("weights", "means", "covariances"):
            mine, theirs = (getattr(each.mixture.parameters, name) for each in (fit, other.fits[key]))
            np.testing.assert_array_equal(mine, theirs)


def test_threads_and_the_order_of_candidates_do_not_matter():
    X = load_iris().data
    one = gmm.select(X, range(1, 6), "mclust", random_state=0, n_threads=1)
    same(one, gmm.select(X, range(1, 6), "mclust", random_state=0, n_threads=3))
    turned = gmm.select(X, [4, 2, 5, 1, 3], list(CODES)[::-1], random_state=0, n_threads=2)
    assert set(turned.table) == set(one.table)
    assert turned.best_candidate == one.best_candidate


@pytest.mark.parametrize("missing", ["raise", "marginalize"])
def test_every_number_is_that_of_the_model(missing):
    """Candidates that share starts, and those that are fits of their own."""
    X = blobs(150, n_features=3, separation=2.0).X
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    selection = gmm.select(X, (1, 2, 3), [*WORDS, "VEV", "EEE"], sample_weight=weight, missing=missing, random_state=0)
    for row in selection.table:
        model = selection.model(row.n_components, row.covariance_type)
        total, n, p = model.score(X, sample_weight=weight) * weight.sum(), weight.sum(), model.n_parameters()
        shares = model.predict_proba(X)
        logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
        one = selection.model(1, row.covariance_type)
        gain = total - one.score(X, sample_weight=weight) * n
        assert row.log_likelihood == pytest.approx(total, rel=1e-11)
        assert row.n_parameters == p
        assert row.aicc == pytest.approx(2 * p - 2 * total + 2 * p * (p + 1) / (n - p - 1), rel=1e-11)
        assert row.icl == pytest.approx(p * np.log(n) - 2 * total - 2 * weight @ np.log(shares.max(axis=1)), rel=1e-11)
        nec = 1.0 if row.n_components == 1 else -(weight @ (shares * logs).sum(axis=1)) / gain
        assert row.nec == pytest.approx(nec, rel=1e-6)
        assert math.isnan(row.cv)


def test_one_component_has_the_normalised_entropy_of_a_table_without_it():
    X = load_faithful().data
    both = [gmm.select(X, counts, WORDS, random_state=0) for counts in (range(1, 4), [2, 3])]
    for row in both[1].table:
        (match,) = (each for each in both[0].table if str(each) == str(row))
        assert row.nec == pytest.approx(match.nec, rel=1e-3)


def test_cross_validation_is_a_loop_of_fits_and_scores():
    X = blobs(90, separation=3.0).X
    weight = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    folds = [(np.flatnonzero(np.arange(90) % 3 != i), np.flatnonzero(np.arange(90) % 3 == i)) for i in range(3)]
    how = {"covariance_types": ["full", "EEV"], "random_state": 0}
    selection = gmm.select(X, [1, 3], **how, criterion="cv", cv=folds, sample_weight=weight)
    for row in selection.table:
        total = 0.0
        for train, test in folds:
            part = gmm.select(X[train], [1, 3], **how, sample_weight=weight[train])
            model = part.model(row.n_components, row.covariance_type)
            total += model.score(X[test], sample_weight=weight[test]) * weight[test].sum()
        assert row.cv == pytest.approx(-2 * total, rel=1e-12)
    assert selection.best_candidate.cv == min(row.cv for row in selection.table)


def test_folds_by_number_and_by_splitter():
    from sklearn.model_selection import KFold

    X = load_faithful().data
    how = {"covariance_types": "tied", "random_state": 0}
    drawn = [gmm.select(X, [1, 3], criterion="cv", **how), gmm.select(X, [1, 3], cv=5, **how).by("cv")]
    assert drawn[0].table == drawn[1].table
    splitter = gmm.select(X, [1, 3], criterion="cv", cv=KFold(4), **how)
    pairs = gmm.select(X, [1, 3], criterion="cv", cv=list(KFold(4).split(X)), **how)
    assert splitter.table == pairs.table
    assert splitter.best_.n_components == 3


def test_more_components_are_no_less_likely():
    """Splits of the smaller mixture are among the starts of the larger, and unions of the larger among its own."""
    X = load_iris().data
    for kind in ("full", "diag", "EEE", "VVE"):
        table = gmm.select(X, range(1, 7), kind, random_state=0).table
        gains = np.diff([row.log_likelihood for row in table])
        assert (gains > 0).all(), kind


def test_models_of_few_rows_rank_behind():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 4)), 99 + 1e-3 * rng.normal(size=(5, 4))])
    selection = gmm.select(X, [1, 2], "full", init_params="k-means++", n_init=1, random_state=0)
    thin = selection.table[1]
    assert thin.thin >= 1
    assert not thin.sound
    assert "rows, no more than the 5 its covariance needs" in thin.warnings[0]
    assert thin.bic < selection.table[0].bic
    assert selection.ranked[0] is selection.table[0]
    assert "t has a component of too few rows" in str(selection)


def test_many_rows_are_climbed_from_a_sketch():
    X = blobs(20_000, n_features=3, n_components=4, separation=5.0).X
    selection = gmm.select(X, range(2, 6), ["full", "VEE"], random_state=0)
    assert (selection.best_.n_components, selection.best_.covariance_type) == (4, "full")
    truth = gmm.GaussianMixture(4, random_state=0).fit(X)
    assert selection.best_.log_likelihood_ == pytest.approx(truth.log_likelihood_, abs=1e-5)


def test_the_ranking_and_its_records():
    selection = gmm.select(blobs(5).X, [1, 2, 9], ["diag", "tied"], random_state=0)
    assert [bool(row.error) for row in selection.ranked] == [False] * 4 + [True] * 2
    values = [row.bic for row in selection.ranked if row.sound]
    assert values == sorted(values)
    assert selection.records()[0]["bic"] == selection.best_candidate.bic
    assert selection.by("aic").criterion == "aic"
    with pytest.raises(ParameterError, match="cv="):
        selection.by("cv")
    with pytest.raises(ParameterError, match="n_components=9 needs"):
        selection.model(9, "diag")
    with pytest.raises(ParameterError, match="it was not tried"):
        selection.model(3, "diag")


def test_a_step_names_what_splits():
    problem = blobs(400, n_components=3, separation=8.0)
    selection = gmm.select(problem.X, [1, 2, 3], "full", random_state=0)
    step = selection.step(problem.X, 2)
    assert step.parts.sum() == pytest.approx(400)
    ((parent, children),) = step.split.items()
    lower, upper = selection.model(2, "full"), selection.model(3, "full")
    assert upper.weights_[children].sum() == pytest.approx(lower.weights_[parent], abs=0.01)
    rows = selection.table
    assert step.gains["bic"] == pytest.approx(rows[2].bic - rows[1].bic)
    assert f"component {parent} (" in str(step)
    doubled = selection.step(problem.X, 2, sample_weight=np.full(400, 2.0))
    np.testing.assert_allclose(doubled.parts, 2 * step.parts, rtol=1e-12)


def test_noise_has_descendants_but_is_no_component():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(300, 2)), rng.normal(size=(20, 2)) + 15, rng.uniform(-20, 20, (100, 2))
    X = np.concatenate(parts)
    selection = gmm.select(X, [1, 2], "full", noise=True, random_state=0)
    step = selection.step(X, 1)
    lower, upper = selection.model(1, "full"), selection.model(2, "full")
    shares = lower.predict_proba(X), upper.predict_proba(X)
    np.testing.assert_allclose(step.parts, shares[0].T @ shares[1], rtol=1e-12)
    few = int(upper.weights_.argmin())
    assert step.parents[few] == -1
    assert step.parents[1 - few] == 0
    assert step.split == {}
    assert f"full: 1 component to 2\ncomponent {few} ({upper.weights_[few]:.1%}) comes from noise\n" in str(step)


def test_pictures():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    selection = gmm.select(load_faithful().data, range(1, 5), [*WORDS, "EEV"], random_state=0)
    ax = selection.plot()
    assert ax.get_ylabel() == "bic, lower is better"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*WORDS, "EEV"]
    line = ax.get_lines()[0]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
    full = [row.bic for row in selection.table if row.covariance_type == "full"]
    np.testing.assert_array_equal(line.get_ydata(), full)
    assert selection.plot("icl", ax=pyplot.figure().add_subplot()).get_ylabel().startswith("icl")
    pyplot.close("all")


def test_a_picture_of_nothing_is_refused():
    pytest.importorskip("matplotlib")
    selection = gmm.select(blobs(6).X, [1, 2], "full", "aicc", random_state=0)
    assert {row.aicc for row in selection.table} == {math.inf}
    with pytest.raises(ParameterError, match="nothing to draw: aicc is not finite"):
        selection.plot()


def test_a_picture_without_matplotlib_says_what_to_install(monkeypatch):
    selection = gmm.select(blobs(60).X, [1, 2], "diag", random_state=0)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'fastgmm\[plot\]'"):
        selection.plot()


class Unfit:
    def split(self, X):
        raise ValueError("groups are missing")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"cv": 1}, "cv"),
        ({"cv": 51}, "cv=51 needs at least as many rows"),
        ({"cv": "five"}, "cv must be an integer, got 'five'"),
        ({"cv": []}, "cv has no folds"),
        ({"cv": [1, 2]}, "cv: fold 0 is no pair of numbers of rows"),
        ({"cv": [([0, 1, 2], [3]), ([1, 2], [50])]}, "cv: fold 1 is no pair .* index 50 is out of bounds"),
        ({"cv": [([0, 1, 2], [])]}, "cv: fold 0 has no rows to score"),
        ({"cv": Unfit()}, "cannot split rows that have no y and no groups: groups are missing"),
        ({"progress": "bar"}, "progress must be"),
    ],
)
def test_misuse_of_folds_and_progress(more, message):
    with pytest.raises(ParameterError, match=message):
        gmm.select(blobs(50).X, [1], "diag", **more)


def test_folds_are_looked_at_before_anything_is_fitted():
    told = []
    with pytest.raises(ParameterError):
        gmm.select(blobs(50).X, [1], "diag", cv="five", progress=lambda *each: told.append(each))
    assert not told


def test_a_fold_whose_rows_have_no_weight_is_named():
    weight = np.append(np.zeros(20), np.ones(30))
    cv = [(np.arange(30, 50), np.arange(30)), (np.arange(20), np.arange(20, 50))]
    with pytest.raises(DataError, match="sample_weight is all zero in the rows to fit to of fold 1"):
        gmm.select(blobs(50).X, [1], "diag", "cv", cv=cv, sample_weight=weight)
