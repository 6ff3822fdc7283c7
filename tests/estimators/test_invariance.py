"""Location, scale, layout and dtype of the data do not change the answer."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import MONOTONE

from gmm import GaussianMixture
from gmm.covariances import CODES
from gmm.errors import CollapseWarning

STRUCTURES = ("full", "tied", "diag", "spherical")
EPS = np.finfo(np.float64).eps


def blobs(n=200, D=3, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0] * D, [6.0] + [0.0] * (D - 1), [0.0, 7.0] + [1.0] * (D - 2)])
    return np.concatenate([rng.normal(c, 1.0, size=(n, D)) for c in centres])


def fit(X, structure="full", **kwargs):
    start = np.repeat([0, 1, 2], len(X) // 3)
    return GaussianMixture(3, covariance_type=structure, n_init=1, random_state=0, tol=1e-10, **kwargs).fit(
        X, start=start
    )


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shift", [1e4, 1e6, 1e8, 1e10])
def test_shift(structure, shift):
    X = blobs()
    moved = X + shift
    near, far = fit(moved - shift, structure), fit(moved, structure)  # the rounding of the input is in both
    assert abs(near.score(moved - shift) - far.score(moved)) <= max(1e-9, 8 * EPS * shift)
    np.testing.assert_allclose(far.means_ - shift, near.means_, rtol=0, atol=max(1e-7, 4 * EPS * shift))
    np.testing.assert_array_equal(far.predict(moved), near.predict(moved - shift))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-12, 1e-5, 1e5, 1e12, 1e160, 1e300])
def test_scale(structure, scale):
    X = blobs()
    base, scaled = fit(X, structure), fit(X * scale, structure)
    assert scaled.score(X * scale) == pytest.approx(base.score(X) - 3 * np.log(scale), abs=1e-9)
    np.testing.assert_array_equal(scaled.predict(X * scale), base.predict(X))
    np.testing.assert_allclose(scaled.means_ / scale, base.means_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("structure", ["full", "tied"])
@pytest.mark.parametrize("seed", range(6))
def test_condition_1e12(structure, seed):
    X, spread = blobs(), np.array([1.0, 1e-3, 1e-6])
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    base, thin = fit(X, structure), fit(X * spread @ rotation, structure)
    assert thin.converged_  # though rounding of its covariances moves this objective by some 1e-8 nats
    assert np.diff(thin.lower_bounds_).min() >= -MONOTONE
    assert thin.score(X * spread @ rotation) == pytest.approx(base.score(X) - np.log(spread).sum(), abs=1e-7)
    np.testing.assert_array_equal(thin.predict(X * spread @ rotation), base.predict(X))


@pytest.mark.parametrize("structure", ["full", "tied"])
def test_condition_1e20_rests_on_the_floor(structure):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    X = blobs() * [1.0, 1.0, 1e-10] @ rotation
    with pytest.warns(CollapseWarning, match="floor"):
        model = fit(X, structure)
    plane = fit(blobs()[:, :2], structure)  # what is left of the rows
    np.testing.assert_array_equal(model.predict(X), plane.predict(blobs()[:, :2]))
    ratio = model.score_samples(X) - plane.score_samples(blobs()[:, :2])
    np.testing.assert_allclose(ratio, ratio.mean(), atol=1e-3)
    assert np.linalg.eigvalsh(model.covariances_).min() > 0


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_a_covariance_that_cannot_be_written_raises_on_access(scale):
    model = fit(blobs() * scale)
    for name in ("covariances_", "precisions_"):
        with pytest.raises(ValueError, match="unit"):
            getattr(model, name)
    assert "component" in model.summary()


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**7, 2.0**300])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_power_of_two_changes_no_bit(structure, scale):
    X = blobs()
    base, scaled = fit(X, structure), fit(X * scale, structure)
    np.testing.assert_array_equal(scaled.means_, base.means_ * scale)
    np.testing.assert_array_equal(scaled.predict_proba(X * scale), base.predict_proba(X))


@pytest.mark.parametrize("structure", ["full", "tied", "diag"])
def test_units_per_column(structure):
    X, units = blobs(), np.array([1e-6, 1.0, 1e6])
    base, scaled = fit(X, structure), fit(X * units, structure)
    assert scaled.score(X * units) == pytest.approx(base.score(X) - np.log(units).sum(), abs=1e-9)
    np.testing.assert_array_equal(scaled.predict(X * units), base.predict(X))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_ridge_is_absolute_in_squared_data_units(structure, scale):
    X = blobs() * scale
    model = GaussianMixture(1, covariance_type=structure, reg_covar=0.25 * scale**2).fit(X)
    bare = GaussianMixture(1, covariance_type=structure).fit(X)
    added = {"full": np.eye(3)[None], "tied": np.eye(3)}.get(structure, 1.0)
    np.testing.assert_allclose(model.covariances_, bare.covariances_ + 0.25 * scale**2 * added, rtol=1e-12)


def test_a_ridge_beyond_the_datas_range():
    with pytest.raises(ValueError, match="reg_covar"):
        GaussianMixture(1, reg_covar=1.0).fit(blobs() * 1e-200)
    model = GaussianMixture(1, reg_covar=1e-6).fit(blobs() * 1e200)
    assert model.objective_ == model.log_likelihood_


@pytest.mark.parametrize("structure", STRUCTURES)
def test_given_parameters_are_in_the_datas_units(structure):
    X = blobs() * ([1e-3, 1.0, 1e3] if structure != "spherical" else [1e-3] * 3)
    model = GaussianMixture(3, covariance_type=structure, n_init=1, random_state=0, max_iter=3, tol=0.0).fit(X)
    given = {"weights_init": model.weights_, "means_init": model.means_}
    for name in ("covariances", "precisions"):
        kept = GaussianMixture(3, covariance_type=structure, max_iter=0, **given)
        kept.set_params(**{f"{name}_init": getattr(model, f"{name}_")}).fit(X)
        assert kept.score(X) == pytest.approx(model.score(X), abs=1e-9)
        np.testing.assert_allclose(kept.covariances_, model.covariances_, rtol=1e-9)
    fortran = GaussianMixture(3, covariance_type=structure, max_iter=0, **given)
    fortran.set_params(precisions_init=np.asfortranarray(model.precisions_)).fit(X)
    np.testing.assert_array_equal(fortran.covariances_, kept.covariances_)
    means_only = GaussianMixture(3, covariance_type=structure, means_init=model.means_, max_iter=0).fit(X)
    np.testing.assert_array_equal(means_only.means_, kept.means_)


@pytest.mark.parametrize("structure", [*STRUCTURES, *CODES])
def test_a_warm_start_follows_the_data_to_other_units(structure):
    X = blobs()
    model = GaussianMixture(3, covariance_type=structure, random_state=0, n_init=1).fit(X)
    before, score = model.means_, model.score(X)
    moved = X * 16.0 + 48.0
    mapped = GaussianMixture.from_parameters(
        model.weights_, before * 16.0 + 48.0, model.covariances_ * 256.0, covariance_type=structure
    )
    model.set_params(warm_start=True, max_iter=0).fit(X[:500] + 0.25)
    assert model.score(X) == pytest.approx(score, abs=1e-10)
    np.testing.assert_allclose(model.means_, before, rtol=1e-13, atol=1e-13)
    mapped.set_params(warm_start=True, max_iter=0).fit(X)
    assert mapped.score(moved) == pytest.approx(score - 3 * np.log(16.0), abs=1e-10)


@pytest.mark.parametrize("structure", [*STRUCTURES, *CODES, "factor", "factor-common"])
def test_a_warm_start_on_other_rows_climbs_as_from_its_parameters(structure):
    """Other units and another place give the rows another frame, which the earlier parameters are taken to."""
    X = blobs()
    model = GaussianMixture(3, covariance_type=structure, n_factors=1, random_state=0, max_iter=20, tol=0.0).fit(X)
    is_factor = structure.startswith("factor")
    given = {
        "weights_init": model.weights_,
        "means_init": model.means_,
        "covariances_init": (model.loadings_, model.noise_variance_) if is_factor else model.covariances_,
    }
    other = X * [1.7, 3.1, 0.45] - [0.5, 2.0, -1.0]
    step = {"max_iter": 4, "tol": 0.0, "acceleration": None}
    fresh = GaussianMixture(3, covariance_type=structure, n_factors=1, **given, **step).fit(other)
    model.set_params(warm_start=True, **step).fit(other)
    np.testing.assert_allclose(model.lower_bounds_, fresh.lower_bounds_, rtol=1e-10)
    np.testing.assert_allclose(model.means_, fresh.means_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.covariances_, fresh.covariances_, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("structure", ["full", "tied", "diag"])
def test_units_per_column_do_not_change_the_starts(structure):
    X, units = blobs(), np.array([1e-6, 1.0, 1e6])
    base = GaussianMixture(4, covariance_type=structure, random_state=3).fit(X)
    scaled = GaussianMixture(4, covariance_type=structure, random_state=3).fit(X * units)
    assert scaled.score(X * units) == pytest.approx(base.score(X) - np.log(units).sum(), abs=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e4])
def test_float32_far_from_the_origin(structure, shift):
    X = (blobs() + shift).astype(np.float32)
    narrow, wide = fit(X, structure), fit(X.astype(np.float64), structure)
    assert abs(narrow.score(X) - wide.score(X.astype(np.float64))) <= 1e-6 * max(
        1.0, abs(wide.score(X.astype(np.float64)))
    )
    assert narrow.predict_proba(X).dtype == np.float32
    assert narrow.score_samples(X).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool, np.int8])
@pytest.mark.filterwarnings("ignore:component:gmm.errors.CollapseWarning")
def test_integers_are_their_float64(dtype):
    X = np.clip(np.round(blobs() * 8 + 30), 0, 100).astype(dtype)
    if dtype is bool:
        X = blobs(D=5) > blobs(D=5, seed=1)
    a, b = fit(X, "diag"), fit(X.astype(np.float64), "diag")
    np.testing.assert_array_equal(a.means_, b.means_)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X.astype(np.float64)))


@pytest.mark.parametrize("dtype", [np.float16, ">f8", object])
def test_other_floats_are_converted(dtype):
    X = blobs().astype(np.float16)
    a, b = fit(X.astype(dtype)), fit(X.astype(np.float64))
    np.testing.assert_array_equal(a.means_, b.means_)
