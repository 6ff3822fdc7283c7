"""What a fit reports belongs to the parameters it returns, however it ended."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")


@pytest.fixture(name="X", scope="module")
def make_rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(c, s, size=(150, 3)) for c, s in ((0.0, 1.0), (2.0, 0.5), (3.0, 2.0))]) * [
        1.0,
        100.0,
        0.01,
    ]


def fit(X, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMixture(*args, random_state=0, **kwargs).fit(X)


ENDINGS = {
    "converged": {},
    "one iteration": {"max_iter": 1, "n_init": 1},
    "no iteration": {"max_iter": 0, "n_init": 1},
    "one start": {"n_init": 1},
    "ten starts": {"n_init": 10, "short_iter": 3},
    "never converges": {"tol": 0.0, "max_iter": 30},
    "stops at once": {"tol": np.inf},
}


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("ending", ENDINGS)
def test_log_likelihood_is_the_score_of_the_returned_parameters(X, structure, ending):
    model = fit(X, 3, covariance_type=structure, **ENDINGS[ending])
    assert abs(model.log_likelihood_ - model.score(X)) <= 1e-12
    assert model.objective_ == model.lower_bound_ == model.lower_bounds_[-1]
    assert abs(model.objective_ - model.log_likelihood_) <= 1e-12
    assert model.n_iter_ <= model.max_iter
    assert model.converged_ == (model.stop_reason_ == "converged")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_float32_keeps_its_books(X, structure):
    narrow = X.astype(np.float32)
    model = fit(narrow, 3, covariance_type=structure)
    assert abs(model.log_likelihood_ - model.score(narrow)) <= 1e-12
    assert abs(model.objective_ - model.log_likelihood_) <= 1e-5


@pytest.mark.parametrize("structure", STRUCTURES)
def test_ridge_separates_the_objective_from_the_likelihood(X, structure):
    model = fit(X, 3, covariance_type=structure, reg_covar=0.1)
    assert abs(model.log_likelihood_ - model.score(X)) <= 1e-12
    assert model.objective_ < model.log_likelihood_


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("reg_covar", [None, 0.1])
def test_trace_never_falls(X, structure, reg_covar):
    model = fit(X, 4, covariance_type=structure, reg_covar=reg_covar, tol=0.0, max_iter=200, n_init=1)
    assert len(model.lower_bounds_) == model.n_iter_ + 1
    assert model.n_iter_ > 10
    assert np.diff(model.lower_bounds_).min() >= -1e-11


@pytest.mark.parametrize("structure", STRUCTURES)
def test_warm_start_continues_and_keeps_its_books(X, structure):
    model = fit(X, 3, covariance_type=structure, warm_start=True, max_iter=4, tol=0.0, n_init=1)
    first = model.lower_bound_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X)
    assert abs(model.lower_bounds_[0] - first) <= 1e-12
    assert model.lower_bound_ > first
    assert abs(model.log_likelihood_ - model.score(X)) <= 1e-12


def test_warm_start_on_other_rows_and_refusals(X):
    model = fit(X, 3, warm_start=True)
    before = model.means_
    model.fit(X[:200])
    assert abs(model.log_likelihood_ - model.score(X[:200])) <= 1e-12
    assert not np.array_equal(model.means_, before)
    with pytest.raises(ValueError, match=r"warm_start.*3 features.*2"):
        model.fit(X[:, :2])
    with pytest.raises(ValueError, match=r"warm_start.*n_components"):
        model.set_params(n_components=2).fit(X)
    with pytest.raises(ValueError, match=r"warm_start.*covariance_type"):
        model.set_params(n_components=3, covariance_type="diag").fit(X)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_refit_from_own_parameters_converges_at_once(X, structure):
    tol = 1e-12
    model = fit(X, 3, covariance_type=structure, tol=tol, max_iter=5000)
    again = fit(
        X, 3, covariance_type=structure, weights_init=model.weights_, means_init=model.means_,
        precisions_init=model.precisions_,
    )  # fmt: skip
    assert again.converged_
    assert again.n_iter_ <= 3
    assert len(again.restarts_) == 1
    further = (again.means_ - model.means_) / X.std(axis=0)  # to gain tol a mean moves sqrt(2 tol) of its deviation
    assert np.abs(further).max() <= np.sqrt(2 * tol)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_component_is_the_closed_form_in_one_step(X, structure):
    model = fit(X, 1, covariance_type=structure)
    scatter = np.cov(X.T, bias=True)
    closed = {
        "full": scatter[None], "tied": scatter, "diag": np.diag(scatter)[None], "spherical": [np.trace(scatter) / 3],
    }[structure]  # fmt: skip
    np.testing.assert_allclose(model.covariances_, closed, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.means_[0], X.mean(axis=0), rtol=1e-13)
    assert model.converged_
    assert model.n_iter_ <= 2


def test_criteria_are_those_of_the_rows(X):
    model = fit(X, 3, covariance_type="diag")
    total, count = model.score(X) * len(X), 3 - 1 + 9 + 9
    assert model.n_parameters() == count
    assert model.aic(X) == pytest.approx(2 * count - 2 * total, rel=1e-13)
    assert model.bic(X) == pytest.approx(count * np.log(len(X)) - 2 * total, rel=1e-13)
    posterior = model.predict_proba(X)
    entropy = -np.sum(posterior * np.log(posterior, out=np.zeros_like(posterior), where=posterior > 0))
    hard = -np.sum(np.log(posterior.max(axis=1)))
    assert model.icl(X) - model.bic(X) == pytest.approx(2 * entropy, rel=1e-9) or model.icl(X) - model.bic(
        X
    ) == pytest.approx(2 * hard, rel=1e-9)


def test_restarts_are_audited(X):
    model = fit(X, 3, n_init=6)
    assert len(model.restarts_) == 6
    best = max(row.log_likelihood for row in model.restarts_)
    assert best == pytest.approx(model.log_likelihood_, abs=1e-9)


def test_tol_zero_runs_all_iterations_and_does_not_warn(X):
    model = GaussianMixture(3, tol=0.0, max_iter=60, n_init=1, random_state=0).fit(X)
    assert (model.n_iter_, model.converged_, model.stop_reason_) == (60, False, "max_iter")


def test_max_iter_warns_and_convergence_does_not(X):
    with pytest.warns(UserWarning, match="max_iter=2"):
        GaussianMixture(3, max_iter=2, n_init=1, random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GaussianMixture(3, random_state=0).fit(X)


@pytest.mark.parametrize("truth", [bool, np.bool_])
def test_callback_sees_every_iteration_and_stops_the_fit(X, truth):
    seen = []

    def stop_at_five(info):
        seen.append((info.n_iter, info.objective))
        return truth(info.n_iter >= 5)

    model = fit(X, 3, tol=0.0, n_init=1, callbacks=[stop_at_five])
    assert [n for n, _ in seen] == [1, 2, 3, 4, 5]
    assert model.n_iter_ == 5
    assert not model.converged_
    assert "callback" in model.stop_reason_
    assert seen[-1][1] == pytest.approx(model.objective_, abs=1e-12)
    assert abs(model.log_likelihood_ - model.score(X)) <= 1e-12


def test_verbose_prints_progress(X, capsys):
    fit(X, 3, verbose=1, verbose_interval=2, n_init=1)
    said = capsys.readouterr().out
    assert "iteration 2" in said
    assert "converged" in said
    fit(X, 3)
    assert capsys.readouterr().out == ""
