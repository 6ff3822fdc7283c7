"""All options of a fit beside each other: a covering array of pairs, and chunks of the product on demand."""

from __future__ import annotations

import os

import numpy as np
import options
import pytest
from options import CHOICES, Case, K
from pairs import of_product, pairs, product_size
from tolerances import WEIGHTED, WEIGHTED_FLOAT32

from gmm.covariances import CODES, FACTORS, is_native, structure
from gmm.covariances.conjugate import ALONE, SHARED
from gmm.errors import DataError, ParameterError

CASES = list(pairs(CHOICES, is_allowed=options.is_allowed))
CHUNK = 200
FIRST, LAST = map(int, os.environ.get("GMM_CHUNKS", "0:5").split(":"))
"""Chunks of the product that the long tier runs; there are product_size(CHOICES) / CHUNK."""

DATA = CHOICES._replace(
    start=("kmeans",), restraint=(None,), on_collapse=("repair",), acceleration=("auto",), dtype=("float64",),
    warm=(False,), collapsing=(False,),
)  # fmt: skip


def check(case: Case, path) -> None:
    """A fit as a user would make it, and the same in other words from one start."""
    given = options.problem(case)
    model = options.estimator(case, given.arrays)
    if case.warm:
        before = options.fitted(model.set_params(max_iter=3), given)
        reached = None if before is None else before.lower_bounds_[-1]
        model.set_params(max_iter=25)
    fitted = options.fitted(model, given)
    if fitted is not None:
        if case.warm and reached is not None:
            assert abs(fitted.lower_bounds_[0] - reached) <= (1e-5 if case.dtype == "float32" else 1e-11)
        options.check_books(case, fitted, given)
        options.check_restraints(case, fitted, given)
        options.check_copies(fitted, given, path)
    check_repetitions(case._replace(collapsing=False))  # a climb onto the floor amplifies rounding


def check_repetitions(case: Case) -> None:
    """Integer weights are repeated rows, rows of weight zero are absent."""
    given = options.problem(case)
    rng = np.random.default_rng(1)
    count = rng.integers(0, 3, len(given.X))
    rows = np.arange(len(given.X))
    said = {"tol": 0.0, "max_iter": 5, "from_arrays": True, "on_collapse": "repair", "warm_start": False}
    told = [
        given.taking(rows, count.astype(float)),
        given.taking(rows[count > 0], count[count > 0].astype(float)),
        given.taking(np.repeat(rows, count), None),
    ]
    fits = [options.fitted(options.estimator(case, given.arrays, **said), each) for each in told]
    for other in fits[1:]:
        assert options.differ(fits[0], other) <= (WEIGHTED_FLOAT32 if case.dtype == "float32" else WEIGHTED)


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_every_pair(name, tmp_path):
    check(case_of(name), tmp_path / "model.gmm")


@pytest.mark.parametrize("name", [case.name for case in CASES[::4]])
def test_threads_change_no_bit(name):
    case = case_of(name)._replace(warm=False, on_collapse="repair")
    given = options.problem(case, 2500)
    said = {"max_iter": 2, "from_arrays": True}
    one, three = (
        options.fitted(options.estimator(case, given.arrays, n_threads=n, **said), given) for n in (1, 3)
    )
    for attribute in ("weights_", "means_", "covariances_", "lower_bounds_", "log_likelihood_", "noise_weight_"):
        np.testing.assert_array_equal(getattr(one, attribute), getattr(three, attribute))
    mine, theirs = (model.predict_proba(given.X, **given.asked) for model in (one, three))
    np.testing.assert_array_equal(mine, theirs)


def test_the_array_covers_every_pair():
    columns = range(len(CHOICES))
    covered = {(a, case[a], b, case[b]) for case in CASES for a in columns for b in range(a)}
    wanted = {(a, x, b, y) for a in columns for b in range(a) for x in CHOICES[a] for y in CHOICES[b]}
    shared = [code for code in CODES if not is_native(structure(code))]
    assert len(shared) == 11
    refused = {(2, restraint, 0, code) for restraint in options.OF_NATIVE for code in shared}
    refused |= {(2, "prior", 0, code) for code in CODES if code not in (*ALONE, *SHARED)}
    refused |= {(2, restraint, 0, kind) for restraint in (*options.OF_NATIVE, "prior") for kind in FACTORS}
    refused |= {(7, errors, 0, kind) for errors in ("variances", "matrices") for kind in FACTORS}
    refused |= {(8, True, 0, kind) for kind in FACTORS}
    assert wanted - covered == refused


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(FIRST, LAST))
def test_the_product(chunk, tmp_path):
    """GMM_CHUNKS=5:10 for other chunks than the first."""
    assert failures(CHOICES, chunk, tmp_path) == []


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(-(-product_size(DATA) // CHUNK)))
def test_the_product_of_what_is_said_of_the_rows(chunk, tmp_path):
    """Whole: weights, labels, noise, errors, missing values and a ridge, under every structure."""
    assert failures(DATA, chunk, tmp_path) == []


def failures(choices: Case, chunk: int, path) -> list[str]:
    """What went wrong in a chunk of the product of some choices."""
    found = []
    for index in range(chunk * CHUNK, min((chunk + 1) * CHUNK, product_size(choices))):
        case = of_product(choices, index)
        if not options.is_allowed(case):
            continue
        try:
            check(case, path / "model.gmm")
        except Exception as error:
            found.append(f"{case.name}: {type(error).__name__}: {str(error).strip().splitlines()[0]}")
    return found


# ---- what does not go together

PLAIN = Case("full", "kmeans", None, "repair", None, None, False, None, False, None, "auto", "float64", False, False)
REFUSED = {
    "eigen_ratio and a code": (
        {"eigen_ratio": 10.0, "covariance_type": "VEV"}, "eigen_ratio with covariance_type='VEV'",
    ),
    "shrinkage and a code": ({"shrinkage": 0.1, "covariance_type": "EEE"}, "shrinkage with covariance_type='EEE'"),
    "prior and a code": ({"prior": "default", "covariance_type": "VEV"}, "prior with covariance_type='VEV'"),
    "eigen_ratio and factors": (
        {"eigen_ratio": 10.0, "covariance_type": "factor", "n_factors": 1}, "eigen_ratio with covariance_type='factor'",
    ),
    "prior and factors": ({"prior": "default", "covariance_type": "factor"}, "prior with covariance_type='factor'"),
    "more factors than features": ({"covariance_type": "factor", "n_factors": 3}, "n_factors=3, but X has 2 features"),
    "precisions and factors": (
        {"covariance_type": "factor", "precisions_init": np.tile(np.eye(2), (K, 1, 1)), "n_factors": 1},
        "precisions_init with covariance_type='factor'",
    ),
    "prior and eigen_ratio": ({"prior": "default", "eigen_ratio": 9.0}, "prior and eigen_ratio or shrinkage"),
    "fixed covariances and a code": (
        {"fixed": ("covariances",), "covariances_init": np.tile(np.eye(2), (K, 1, 1)), "covariance_type": "EVE"},
        "fixed covariances with covariance_type='EVE'",
    ),
    "equal_weights and fixed weights": (
        {"equal_weights": True, "fixed": ("weights",), "weights_init": np.ones(K) / K},
        "equal_weights=True and fixed weights",
    ),
    "two arrays for one thing": (
        {"covariances_init": np.tile(np.eye(2), (K, 1, 1)), "precisions_init": np.tile(np.eye(2), (K, 1, 1))},
        "covariances_init and precisions_init",
    ),
    "fixed and no value": ({"fixed": ("means",)}, "fixed holds the means, .* give means_init"),
    "fixed covariances beyond eigen_ratio": (
        {"fixed": ("covariances",), "eigen_ratio": 2.0, "covariances_init": np.tile(np.diag([1.0, 5.0]), (K, 1, 1))},
        "eigen_ratio=2, but eigenvalues of the fixed covariances",
    ),
    "some of a tied covariance": (
        {"fixed": {"covariances": [0]}, "covariances_init": np.eye(2), "covariance_type": "tied"},
        "fixed: a tied covariance",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_name_both_and_come_before_any_work(what, monkeypatch):
    """No start is chosen, no pass is made."""
    changed, message = REFUSED[what]
    given = options.problem(PLAIN)
    monkeypatch.setattr("gmm.fitting.choose_start", None)
    with pytest.raises(ParameterError, match=message):
        options.estimator(PLAIN, {}, **changed).fit(given.X)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"missing": True}, "missing values and covariance_type='factor'"),
     ({"errors": "variances"}, "noise_covariance and covariance_type='factor'")],
)  # fmt: skip
def test_factors_want_whole_rows(changed, message, monkeypatch):
    case = PLAIN._replace(structure="factor")
    model = options.fitted(options.estimator(case, {}), options.problem(case))
    case = case._replace(**changed)
    given = options.problem(case)
    monkeypatch.setattr("gmm.fitting.choose_start", None)
    with pytest.raises(ParameterError, match=message):
        options.estimator(case, {}).fit(given.X, **given.given)
    with pytest.raises(ParameterError, match=message):
        model.set_params(missing="marginalize").score_samples(given.X, **given.asked)


def test_missing_values_want_to_be_allowed():
    given = options.problem(PLAIN._replace(missing=True))
    with pytest.raises(DataError, match="NaN"):
        options.estimator(PLAIN, {}).fit(given.X)
