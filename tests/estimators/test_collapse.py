"""Components that collapse: what is said of them, and what each policy makes of them."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from problems import constant_column, dependent_column, five_distinct_points, identical_rows, one_hot
from tolerances import MONOTONE

import gmm
from gmm import GaussianMixture
from gmm.errors import CollapseError, CollapseWarning, GmmError

N = 200


def with_spike(n_features=2, copies=4, seed=0):
    """Three clusters, of which the start joins two, and equal rows in the first, to which it gives a component."""
    cluster = np.arange(N) % 3
    X = np.random.default_rng(seed).normal(size=(N, n_features))
    X[:, 0] += 9.0 * (cluster == 1)
    X[:, 1] += 9.0 * (cluster == 2)
    return np.vstack([X, np.full((copies, n_features), 0.5)]), np.r_[np.minimum(cluster, 1), np.full(copies, 2)]


def fit(X, start=None, *, quiet=True, known=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "error")
        model = GaussianMixture(3, random_state=0, **options)
        return model.fit(X, start=start, **(known or {}))


def segments(model):
    return np.split(model.lower_bounds_, model.segments_[1:])


def test_a_sound_fit_has_none():
    X = with_spike()[0]
    model = fit(X[:N], np.arange(N) % 3)
    assert model.collapses_ == ()
    assert model.segments_.tolist() == [0]


def test_repair_says_which_component_why_and_which_rows():
    X, start = with_spike()
    model = fit(X, start)
    (collapse,) = model.collapses_
    assert (collapse.component, collapse.cause, collapse.action) == (2, "floor", "kept")
    assert collapse.rows == (200, 201, 202, 203)
    assert abs(collapse.n_rows - 4) < 1e-6
    assert collapse.iteration == model.n_iter_
    assert model.segments_.tolist() == [0]


@pytest.mark.parametrize("name", ["full", "diag", "spherical"])
def test_drop_leaves_the_fit_of_the_other_components(name):
    X, start = with_spike()
    with pytest.warns(CollapseWarning, match="component 2 rested on the numerical floor .* was dropped"):
        model = GaussianMixture(3, covariance_type=name, on_collapse="drop", random_state=0).fit(X, start=start)
    assert model.weights_[2] == 0.0
    assert [(c.component, c.action) for c in model.collapses_] == [(2, "dropped")]
    assert model.segments_.tolist() == [0, model.collapses_[0].iteration + 1]
    assert model.n_iter_ == len(model.lower_bounds_) - 2
    assert set(model.predict(X)) <= {0, 1}
    begun = {f"{what}_init": getattr(model, f"{what}_")[:2] for what in ("weights", "means", "covariances")}
    again = GaussianMixture(2, covariance_type=name, **begun).fit(X)
    np.testing.assert_allclose(model.objective_, again.objective_, atol=3e-6)
    assert "dropped" in model.summary()


def test_drop_goes_on_until_no_component_rests_on_the_floor():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(N, 2)), np.full((5, 2), 6.0), np.full((5, 2), -7.0)])
    model = fit(X, np.r_[np.zeros(N, int), np.ones(5, int), np.full(5, 2)], on_collapse="drop")
    assert model.weights_.tolist() == [1.0, 0.0, 0.0]
    assert sorted(c.component for c in model.collapses_) == [1, 2]


@pytest.mark.parametrize("name", ["full", "diag", "spherical"])
def test_restart_finds_the_component_a_place(name):
    X, start = with_spike()
    with pytest.warns(CollapseWarning, match="component 2 .* was restarted"):
        model = GaussianMixture(3, covariance_type=name, on_collapse="restart", random_state=0).fit(X, start=start)
    assert [(c.component, c.action) for c in model.collapses_] == [(2, "restarted")]
    assert model.segments_.tolist() == [0, model.collapses_[0].iteration + 1]
    assert (model.weights_ > 0.2).all()
    np.testing.assert_allclose(np.sort(model.means_.sum(axis=1)), [0.0, 9.0, 9.0], atol=0.5)
    np.testing.assert_allclose(model.log_likelihood_, model.score(X), atol=1e-12)


def test_restart_avoids_the_rows_that_it_ended_on():
    """Equal rows apart from the clusters are the most unlikely ones without the component that collapsed onto them."""
    X, start = with_spike(copies=20)
    X[N:] = -2.0
    model = fit(X, start, on_collapse="restart")
    assert [(c.component, c.action) for c in model.collapses_] == [(2, "restarted")]
    assert (model.weights_ > 0.2).all()


def test_restart_gives_up_where_equal_rows_draw_a_component_again():
    """Equal rows far from all others: whatever begins there ends there."""
    X = np.vstack([np.random.default_rng(0).normal(size=(N, 2)), np.full((40, 2), 30.0)])
    model = fit(X, np.r_[np.arange(N) % 2, np.full(40, 2)], on_collapse="restart")
    assert [(c.component, c.action) for c in model.collapses_] == [(2, "kept")]
    assert model.segments_.tolist() == [0]


def test_raise_names_component_rows_and_cause():
    X, start = with_spike()
    message = r"component 2 rests on the numerical floor with 4 rows \(200, 201,"
    with pytest.raises(CollapseError, match=message) as caught:
        fit(X, start, on_collapse="raise")
    assert isinstance(caught.value, GmmError)
    assert caught.value.collapses[0].rows == (200, 201, 202, 203)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.collapses == caught.value.collapses


def test_an_error_keeps_the_earlier_fit():
    X, start = with_spike()
    model = GaussianMixture(3, on_collapse="raise", random_state=0).fit(X[:N], start=np.arange(N) % 3)
    before = model.means_
    with pytest.raises(CollapseError):
        model.fit(X, start=start)
    np.testing.assert_array_equal(model.means_, before)


@pytest.mark.parametrize("policy", ["repair", "drop", "restart"])
def test_degenerate_data_are_not_cured_by_fewer_components(policy):
    """x2 = 0.3 x0 - 1.7 x1 + 2 in every component, so none is sound and all stay."""
    X, labels = dependent_column()
    with pytest.warns(CollapseWarning):
        model = GaussianMixture(2, on_collapse=policy, random_state=0).fit(X, start=labels)
    assert [c.action for c in model.collapses_] == ["kept", "kept"]
    assert model.segments_.tolist() == [0]
    for collapse in model.collapses_:
        assert collapse.columns == (0, 1, 2)
        found = np.array(collapse.coefficients)
        np.testing.assert_allclose(-1.7 * found / found[1], [0.3, -1.7, -1.0], atol=1e-4)


def test_columns_without_spread_and_columns_by_name():
    pandas = pytest.importorskip("pandas")
    X, labels = constant_column(1.0)
    (first, _) = fit(X, labels).collapses_[:2]
    assert (first.columns, first.coefficients) == ((2,), ())
    frame = pandas.DataFrame(dependent_column()[0], columns=["height", "width", "area"])
    with pytest.raises(CollapseError, match=r"where .*height .*\+1 width .*area does not vary"):
        fit(frame, labels, on_collapse="raise")


def test_one_hot_columns_sum_to_one():
    """Of all rows as one component the indicators are the combination that does not vary."""
    X, _ = one_hot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(1, random_state=0).fit(X)
    (collapse,) = model.collapses_
    assert collapse.columns == (1, 2, 3)
    np.testing.assert_allclose(collapse.coefficients, 1.0, atol=1e-4)


@pytest.mark.parametrize("policy", ["repair", "drop", "restart"])
def test_components_beyond_the_distinct_rows_have_none(policy):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(7, on_collapse=policy, random_state=0).fit(five_distinct_points())
        alone = GaussianMixture(2, on_collapse=policy, random_state=0).fit(identical_rows())
    lost = {c.component for c in model.collapses_ if c.cause == "no rows"}
    assert lost == set(np.flatnonzero(model.weights_ == 0).tolist())
    live = alone.weights_ > 0
    np.testing.assert_array_equal(alone.means_[live], identical_rows()[: live.sum()])
    assert {c.component: c.cause for c in alone.collapses_} == {k: "floor" if live[k] else "no rows" for k in range(2)}


@pytest.mark.parametrize("policy", ["drop", "restart"])
def test_components_that_are_known_or_held_are_left_alone(policy):
    X, start = with_spike()
    labels = np.where(np.arange(len(X)) >= N, 2, -1)
    labelled = fit(X, start, on_collapse=policy, known={"labels": labels})
    fixed = fit(X, start, on_collapse=policy, fixed={"means": [2]}, means_init=[[0, 0], [9, 0], [0.5, 0.5]])
    for model in (labelled, fixed):
        assert [(c.component, c.action) for c in model.collapses_] == [(2, "kept")]
        assert model.weights_[2] > 0


def test_records_follow_the_order_of_components():
    X, start = with_spike()
    model = fit(X, start, order_by=lambda mixture: mixture.weights)
    assert [c.component for c in model.collapses_] == [0]
    assert model._record().floored.tolist() == [True, False, False]


COMPANY = {
    "alone": {},
    "weights": {"sample_weight": np.r_[np.random.default_rng(1).uniform(0.5, 2.0, N), np.ones(4)]},
    "noise": {"noise": 1e-4},
    "float32": {},
    "equal weights": {"equal_weights": True},
    "a weight held": {"fixed": {"weights": [0]}, "weights_init": [0.5, 0.3, 0.2]},
    "plain steps": {"acceleration": None},
}


@pytest.mark.parametrize("policy", ["repair", "drop", "restart"])
@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied"])
@pytest.mark.parametrize("company", COMPANY)
def test_within_a_segment_the_objective_never_falls(company, name, policy):
    X, start = with_spike()
    options = dict(COMPANY[company])
    known = {"sample_weight": options.pop("sample_weight")} if "sample_weight" in options else None
    data = X.astype(np.float32) if company == "float32" else X
    model = fit(data, start, known=known, covariance_type=name, on_collapse=policy, max_iter=200, **options)
    for part in segments(model):
        assert np.diff(part).min(initial=0.0) >= -(1e-4 if company == "float32" else MONOTONE)
    assert model.weights_.sum() + model.noise_weight_ == pytest.approx(1.0, abs=1e-12)
    dropped = [c.component for c in model.collapses_ if c.action == "dropped"]
    assert (model.weights_[dropped] == 0).all()
    if company == "equal weights":
        assert len(set(model.weights_[model.weights_ > 0].tolist())) == 1


def test_rows_with_gaps():
    X, start = with_spike(3)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X[N:] = 0.5
    for policy, action in (("drop", "dropped"), ("restart", "restarted")):
        model = fit(X, start, on_collapse=policy, missing="marginalize", max_iter=100)
        assert action in [c.action for c in model.collapses_]
        for part in segments(model):
            assert np.diff(part).min(initial=0.0) >= -MONOTONE


@pytest.mark.parametrize("policy", ["repair", "drop", "restart"])
def test_threads_change_nothing(policy):
    X, start = with_spike()
    one, three = (fit(X, start, on_collapse=policy, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.covariances_, three.covariances_)
    assert one.collapses_ == three.collapses_


def gappy_with_spike():
    """Two clusters of which every row lacks one feature of three, twelve equal rows, and errors of all but these."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(120, 3)) + 8.0 * (np.arange(120) >= 60)[:, None], np.full((12, 3), 4.0)])
    X[np.arange(120), rng.integers(0, 3, 120)] = np.nan
    errors = np.vstack([rng.gamma(1.0, 0.05, (120, 3)), np.zeros((12, 3))])
    return X, np.repeat([0, 1, 2], [60, 60, 12]), errors


def observed_log_likelihood(model, X, errors):
    """Mean over rows of the log-density of what was observed of each, errors added to the covariances."""
    total = 0.0
    for x, e in zip(X, errors, strict=True):
        seen = ~np.isnan(x)
        density = 0.0
        for weight, mean, covariance in zip(model.weights_, model.means_, model.covariances_, strict=True):
            root = np.linalg.cholesky(2.0 * np.pi * (covariance[np.ix_(seen, seen)] + np.diag(e[seen])))
            z = np.linalg.solve(root, x[seen] - mean[seen])
            density += weight * np.exp(-np.pi * z @ z) / np.prod(np.diag(root))
        total += np.log(density)
    return total / len(X)


def test_a_component_begins_anew_at_a_row_with_gaps_and_errors():
    X, start, errors = gappy_with_spike()
    model = GaussianMixture(3, missing="marginalize", on_collapse="restart", random_state=0, max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, start=start, noise_covariance=errors)
    assert model.collapses_[0].action == "restarted"
    assert model.segments_.size == 2
    for part in segments(model):
        assert np.diff(part).min() >= -MONOTONE
    assert model.log_likelihood_ == pytest.approx(observed_log_likelihood(model, X, errors), abs=1e-12)


def test_a_start_on_the_floor_that_cannot_climb_has_collapsed():
    """The floor gives the third component a shape of its own, the M-step the common one, which is less likely."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(100, 2)) * [1.0, 0.2] + 6.0 * (np.arange(100) % 2)[:, None], np.full((50, 2), 3.0)])
    errors = rng.gamma(1.0, 0.1, X.shape)
    start = np.append(np.arange(100) % 2, np.full(50, 2))
    model = GaussianMixture(3, covariance_type="VEV", on_collapse="raise")
    with pytest.raises(CollapseError, match="component 2"):
        model.fit(X.astype(np.float32), start=start, noise_covariance=errors)


def test_the_record_is_saved(tmp_path):
    X, start = with_spike()
    model = fit(X, start, on_collapse="drop")
    model.save(tmp_path / "m.gmm")
    again = gmm.load(tmp_path / "m.gmm")
    assert again.collapses_ == model.collapses_
    assert again.segments_.tolist() == model.segments_.tolist()
    assert (again.n_iter_, again.on_collapse) == (model.n_iter_, "drop")


def test_select_and_fit_many_keep_the_reason():
    X, _ = dependent_column()
    with pytest.raises(CollapseError):
        gmm.select(X, [1], ["full"], on_collapse="raise", random_state=0)
    selection = gmm.select(X, [1], ["full", "diag"], on_collapse="raise", random_state=0)
    assert "numerical floor" in selection.table[0].error
    assert selection.best_.covariance_type == "diag"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raised = gmm.fit_many([X, X[:, :2]], 1, on_collapse="raise", random_state=0)
        kept = gmm.fit_many([X, X[:, :2]], 1, random_state=0)
        alone = GaussianMixture(1, random_state=0).fit(X)
    assert list(raised.failures) == [0]
    assert isinstance(raised.failures[0], CollapseError)
    assert kept[0].collapses_ == alone.collapses_
    assert kept[1].collapses_ == ()
