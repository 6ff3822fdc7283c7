"""The shipped data are what was published."""

import numpy as np
import pytest

from gmm.datasets import load_faithful, load_iris


def test_faithful_is_the_published_one():
    faithful = load_faithful()
    assert faithful.data.shape == (272, 2)
    assert faithful.data.dtype == np.float64
    assert faithful.data[[0, -1]].tolist() == [[3.6, 79], [4.467, 74]]
    # Mean and standard deviation as R prints them for `faithful`.
    np.testing.assert_allclose(faithful.data.mean(axis=0), [3.487783, 70.897059], atol=5e-7)
    np.testing.assert_allclose(faithful.data.std(axis=0, ddof=1), [1.141371, 13.594974], atol=5e-7)


def test_iris_is_scikit_learns():
    sklearn = pytest.importorskip("sklearn.datasets")
    iris = load_iris()
    theirs = sklearn.load_iris()
    np.testing.assert_array_equal(iris.data, theirs.data)
    assert [name.removesuffix(" (cm)").replace(" ", "_") for name in theirs.feature_names] == list(iris.feature_names)


@pytest.mark.parametrize("load", [load_faithful, load_iris])
def test_every_call_gives_its_own_rows(load):
    first = load()
    first.data[:] = 0
    assert load().data.min() > 0
    assert len(first.feature_names) == len(first.units) == first.data.shape[1]
