"""Properties of a fit over generated problems: what must not change the answer, and what must change it how.

A climb of some EM iterations from given labels is compared with the same climb of equivalent rows. The problems overlap
and have rows enough for every covariance, so that rounding does not grow on the way (`PATH`).
"""

from __future__ import annotations

import copy
import pickle
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import problems
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import dense_covariances, density
from tolerances import FIVE_SIGMA, WEIGHTED

import gmm
from gmm import GaussianMixture
from gmm.rows import Rows

STRUCTURES = ("full", "tied", "diag", "spherical")
PATH = 1e-9  # relative to spreads: the same climb summed in another order or in other coordinates


class Case(NamedTuple):
    """Rows with a structure to fit, labels to start from, and whole sample weights or none."""

    X: np.ndarray
    labels: np.ndarray
    structure: str
    weight: np.ndarray | None
    rng: np.random.Generator


@st.composite
def cases(draw, structures=STRUCTURES, most_features=5):
    structure = draw(st.sampled_from(structures))
    n_features, n_components = draw(st.integers(1, most_features)), draw(st.integers(1, 4))
    seed = draw(st.integers(0, 10**6))
    kind = {"condition": draw(st.sampled_from([1.0, 10.0, 1e4])), "separation": draw(st.sampled_from([1.0, 2.0, 5.0]))}
    n_samples = draw(st.integers(40, 130)) * n_components
    made = problems.blobs(n_samples, n_features=n_features, n_components=n_components, seed=seed, **kind)
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n_samples) < 0.3, rng.integers(0, n_components, n_samples), made.labels)
    weight = rng.integers(0, 4, n_samples) if draw(st.booleans()) else None
    return Case(made.X, labels, structure, weight, rng)


def climb(X, labels, structure, weight=None, **settings):
    settings = {"tol": 0.0, "max_iter": 10, "acceleration": None, "n_components": labels.max() + 1} | settings
    return GaussianMixture(covariance_type=structure, **settings).fit(X, start=labels, sample_weight=weight)


def assert_mapped(there, here, *, matrix=None, shift=0.0, order=None, log_scale=0.0, rtol=PATH):
    """``there`` is ``here`` with x -> x matrix + shift and components in ``order``; errors in spreads of ``here``."""
    K, D = here.means_.shape
    matrix = np.eye(D) if matrix is None else matrix
    order = np.arange(K) if order is None else order
    covariances = dense_covariances(here)
    back = np.linalg.inv(matrix)
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    np.testing.assert_allclose(there.weights_[order], here.weights_, rtol=0, atol=rtol)
    means = (there.means_[order] - shift) @ back
    assert np.abs((means - here.means_) / sd).max() <= rtol, "means"
    found = back.T @ dense_covariances(there)[order] @ back
    assert np.abs((found - covariances) / (sd[:, :, None] * sd[:, None])).max() <= rtol, "covariances"
    assert there.log_likelihood_ + log_scale == near(here.log_likelihood_, rtol)


def near(value, rtol):
    return pytest.approx(value, abs=rtol * max(1.0, abs(value)))


@given(cases())
def test_the_order_of_rows(case):
    order = case.rng.permutation(len(case.X))
    weight = None if case.weight is None else case.weight[order]
    there = climb(case.X[order], case.labels[order], case.structure, weight)
    assert_mapped(there, climb(case.X, case.labels, case.structure, case.weight))


@given(cases())
def test_the_order_of_columns(case):
    order = case.rng.permutation(case.X.shape[1])
    there = climb(case.X[:, order], case.labels, case.structure, case.weight)
    matrix = np.eye(len(order))[:, order]
    assert_mapped(there, climb(case.X, case.labels, case.structure, case.weight), matrix=matrix)


@given(cases(), st.sampled_from([1.0, -3e4, 1e6, 1e8]))
def test_translation(case, shift):
    X = np.round(case.X * 2**20) / 2**20
    shift = np.round(case.rng.normal(size=X.shape[1]) * shift)  # exact, like the sum
    there = climb(X + shift, case.labels, case.structure, case.weight)
    rtol = max(PATH, 64 * np.abs(shift).max() * 2.0**-52)  # means come back in the data's units
    assert_mapped(there, climb(X, case.labels, case.structure, case.weight), shift=shift, rtol=rtol)


@given(cases(), st.sampled_from([1e-12, 1e-5, 3.0, 1e5, 1e12]))
def test_a_unit_for_all_columns(case, unit):
    D = case.X.shape[1]
    there = climb(case.X * unit, case.labels, case.structure, case.weight)
    here = climb(case.X, case.labels, case.structure, case.weight)
    assert_mapped(there, here, matrix=unit * np.eye(D), log_scale=D * np.log(unit))


@given(cases(structures=("full", "tied", "diag")), st.integers(0, 6))
def test_a_unit_for_each_column(case, decades):
    units = 10.0 ** case.rng.integers(-decades, decades + 1, case.X.shape[1])
    there = climb(case.X * units, case.labels, case.structure, case.weight)
    here = climb(case.X, case.labels, case.structure, case.weight)
    assert_mapped(there, here, matrix=np.diag(units), log_scale=np.log(units).sum())


@given(cases(structures=("full", "tied", "spherical")))
def test_rotation(case):
    D = case.X.shape[1]
    basis = np.linalg.qr(case.rng.normal(size=(D, D)))[0]
    there = climb(case.X @ basis, case.labels, case.structure, case.weight)
    rtol = 1e-7  # conditions up to 1e4 turn rounding of the rotated rows into this
    assert_mapped(there, climb(case.X, case.labels, case.structure, case.weight), matrix=basis, rtol=rtol)


@given(cases(structures=("full", "tied")), st.sampled_from([1.0, 1e3]))
def test_affine_maps(case, condition):
    D = case.X.shape[1]
    left, right = (np.linalg.qr(case.rng.normal(size=(D, D)))[0] for _ in range(2))
    matrix, shift = (left * np.geomspace(1.0, condition, D)) @ right, case.rng.normal(size=D)
    there = climb(case.X @ matrix + shift, case.labels, case.structure, case.weight)
    here = climb(case.X, case.labels, case.structure, case.weight)
    rtol = 1e-7 * condition
    assert_mapped(there, here, matrix=matrix, shift=shift, log_scale=np.linalg.slogdet(matrix)[1], rtol=rtol)


@given(cases())
def test_names_of_components(case):
    names = case.rng.permutation(case.labels.max() + 1)
    there = climb(case.X, names[case.labels], case.structure, case.weight)
    assert_mapped(there, climb(case.X, case.labels, case.structure, case.weight), order=names)


@given(cases())
def test_whole_weights_are_repeated_rows(case):
    times = case.rng.integers(0, 4, len(case.X))
    here = climb(case.X, case.labels, case.structure, times)
    K = here.n_components
    there = climb(case.X.repeat(times, axis=0), case.labels.repeat(times), case.structure, n_components=K)
    assert_mapped(there, here, rtol=WEIGHTED)
    for criterion in ("score", "aic", "bic", "icl"):
        weighted = getattr(here, criterion)(case.X, sample_weight=times)
        repeated = getattr(here, criterion)(case.X.repeat(times, axis=0))
        assert weighted == near(repeated, 1e-12)


@given(cases(), st.sampled_from([1e-300, 1e-9, 7.0, 1e300]))
def test_the_unit_of_weights(case, unit):
    weight = case.rng.uniform(0.1, 2.0, len(case.X))
    there = climb(case.X, case.labels, case.structure, weight * unit)
    assert_mapped(there, climb(case.X, case.labels, case.structure, weight))


@given(cases(), st.data())
def test_statistics_of_parts_add_up(case, data):
    cut = data.draw(st.integers(1, len(case.X) - 1))
    model = climb(case.X, case.labels, case.structure, max_iter=2)._result.mixture
    parts = [
        Rows(np.ascontiguousarray(part), None, model.frame, "float64").accumulate(model.factors)
        for part in (case.X, case.X[:cut], case.X[cut:])
    ]
    both, (whole, *_) = parts[1] + parts[2], parts
    scale = len(case.X) * max(1.0, model.frame.radius**2)
    for name in ("n", "first", "second", "log_likelihood", "weight"):
        found, expected = getattr(both, name), getattr(whole, name)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * scale, err_msg=name)


@given(cases())
def test_round_trips_keep_every_bit(case):
    model = climb(case.X, case.labels, case.structure, case.weight)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, "model"))
        loaded = gmm.load(Path(folder, "model"))
    again = GaussianMixture(**model.get_params()).fit(case.X, start=case.labels, sample_weight=case.weight)
    for twin in (loaded, again, pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        for name in ("weights_", "means_", "covariances_", "precisions_", "lower_bounds_"):
            assert getattr(twin, name).tobytes() == getattr(model, name).tobytes(), name
        for method in ("score_samples", "predict_proba", "predict"):
            assert getattr(twin, method)(case.X).tobytes() == getattr(model, method)(case.X).tobytes(), method


@given(cases(), st.sampled_from([None, 1e-3, 10.0]))
def test_the_objective_never_falls_and_the_books_agree(case, reg_covar):
    model = climb(case.X, case.labels, case.structure, case.weight, max_iter=60, reg_covar=reg_covar)
    assert np.diff(model.lower_bounds_).min() >= -1e-11
    assert abs(model.log_likelihood_ - model.score(case.X, sample_weight=case.weight)) <= 1e-12 * max(
        1.0, abs(model.log_likelihood_)
    )
    if reg_covar is None:
        assert abs(model.objective_ - model.log_likelihood_) <= 1e-12 * max(1.0, abs(model.log_likelihood_))
    else:
        assert model.objective_ < model.log_likelihood_


@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0.0, 8.0))
def test_log_density_against_many_digits(seed, n_features, decades):
    """Random covariances of condition up to 1e8, rows within their reach."""
    rng = np.random.default_rng(seed)
    n_components = 1 + seed % 3
    matrices = [problems.random_covariance(n_features, rng, condition=10.0**decades) for _ in range(n_components)]
    means, weights = rng.normal(size=(n_components, n_features)) * 3.0, rng.dirichlet(np.ones(n_components))
    model = GaussianMixture.from_parameters(weights, means, np.array(matrices))
    each = zip(means, matrices, strict=True)
    rows = np.concatenate([rng.multivariate_normal(mean, matrix, 2, method="eigh") for mean, matrix in each])
    expected, posterior, error = density(model, rows)
    assert (np.abs(model.score_samples(rows) - expected) <= error).all()
    assert (np.abs(model.predict_proba(rows) - posterior).max(axis=1) <= error).all()


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_counts_of_a_sample(seed, n_components):
    weights = np.random.default_rng(seed).dirichlet(np.full(n_components, 0.5))
    weights *= 1 + n_components * 2.0**-52  # no longer sums to 1, but for rounding
    means, variances = np.arange(n_components)[:, None] * 1e3, np.ones(n_components)
    model = GaussianMixture.from_parameters(weights, means, variances, covariance_type="spherical")
    model.random_state = seed
    X, labels = model.sample(20_000)
    counts = np.bincount(labels, minlength=n_components)
    np.testing.assert_array_equal(np.rint(X[:, 0] / 1e3), labels)
    spread = np.sqrt(20_000 * weights * (1 - weights).clip(0)) + 1
    assert (np.abs(counts - 20_000 * weights) < FIVE_SIGMA * spread).all()
