"""Where the rows lie in memory and how many come at a time changes no bit."""

from __future__ import annotations

import numpy as np
import pytest

from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")
METHODS = ("score_samples", "predict_proba", "predict")
LAYOUTS = ("C", "fortran", "strided", "reversed", "read-only", "misaligned", "memory-mapped")


def laid_out(X, name, folder):
    """The same rows, laid out as ``name`` says."""
    if name == "fortran":
        return np.asfortranarray(X)
    if name == "strided":
        wide = np.zeros((2 * len(X), X.shape[1] + 3), X.dtype)
        wide[::2, 1:-2] = X
        return wide[::2, 1:-2]
    if name == "reversed":
        return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    if name == "read-only":
        frozen = X.copy()
        frozen.flags.writeable = False
        return frozen
    if name == "misaligned":
        raw = np.zeros(X.nbytes + 1, np.uint8)
        rows = raw[1:].view(X.dtype).reshape(X.shape)
        rows[:] = X
        return rows
    if name == "memory-mapped":
        np.save(folder / "X.npy", X)
        return np.load(folder / "X.npy", mmap_mode="r")
    return X


def rows(n=6000, D=3, dtype=np.float64):
    rng = np.random.default_rng(1)
    centres = np.array([[0.0] * D, [6.0] + [0.0] * (D - 1), [0.0, 7.0] + [1.0] * (D - 2)])
    return (rng.normal(2.0, 1.5, size=(n, D)) + centres[rng.integers(0, 3, n)]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_a_fit(structure, dtype, layout, tmp_path):
    X = rows(600, dtype=dtype)
    there = laid_out(X, layout, tmp_path)
    base, other = (GaussianMixture(3, covariance_type=structure, random_state=0).fit(each) for each in (X, there))
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        np.testing.assert_array_equal(getattr(other, name), getattr(base, name))


@pytest.fixture(scope="module")
def answers():
    """For each structure and dtype a fitted model and its answers to all rows at once."""
    found = {}
    for structure in STRUCTURES:
        for dtype in (np.float64, np.float32):
            X = rows(dtype=dtype)
            model = GaussianMixture(3, covariance_type=structure, random_state=0, n_init=1).fit(X[::10])
            found[structure, dtype] = model, {method: getattr(model, method)(X) for method in METHODS}
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 7, 1023, 1025, 4095, 4096, 4097])
def test_rows_alone_and_in_batches(answers, structure, dtype, layout, size, tmp_path):
    model, whole = answers[structure, dtype]
    X = laid_out(rows(dtype=dtype), layout, tmp_path)
    n = min(len(X), 40 * size)
    for method in METHODS:
        parts = [getattr(model, method)(X[at : min(at + size, n)]) for at in range(0, n, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole[method][:n])
