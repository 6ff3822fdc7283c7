"""gmm.fit_many: each group as if fitted alone, whatever the others and the threads; failures by name."""

import warnings

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm.errors import CollapseWarning, ConvergenceWarning, DataError, GmmWarning, ParameterError

ATTRIBUTES = ("weights_", "means_", "covariances_", "lower_bounds_", "log_likelihood_", "converged_")


def groups(n=6, n_features=3):
    return [blobs(60 + 20 * g, n_features=n_features, n_components=2, seed=g).X for g in range(n)]


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_each_group_is_its_own_fit(covariance_type, n_threads):
    given = groups()
    options = {"covariance_type": covariance_type, "random_state": 3, "n_init": 2}
    fits = gmm.fit_many(given, 2, n_threads=n_threads, **options)
    assert list(fits) == list(range(len(given)))
    assert len(fits) == len(given)
    for X, (key, model) in zip(given, fits.items(), strict=True):
        alone = gmm.GaussianMixture(2, **options).fit(X)
        for name in ATTRIBUTES:
            np.testing.assert_array_equal(getattr(model, name), getattr(alone, name))
        assert model.get_params() == alone.get_params()
        np.testing.assert_array_equal(fits.means_[key], model.means_)
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))
    assert fits.covariances_.shape[0] == fits.weights_.shape[0] == fits.log_likelihood_.shape[0] == len(given)
    assert fits.converged_.all()


def test_labels_and_names():
    given = groups(3)
    X, by = np.concatenate(given), np.repeat(["b", "c", "a"], [len(group) for group in given])
    order = np.random.default_rng(0).permutation(len(X))
    order = np.sort(order)[np.argsort(by[np.sort(order)] == "c", kind="stable")]  # interleaved, each in its own order
    labelled = gmm.fit_many(X[order], 2, by=by[order], random_state=0)
    named = gmm.fit_many(dict(zip("bca", given, strict=True)), 2, random_state=0)
    assert list(labelled) == ["a", "b", "c"]
    assert list(named) == ["b", "c", "a"]
    for key in "abc":
        np.testing.assert_array_equal(labelled[key].means_, named[key].means_)


def test_data_frames():
    pd = pytest.importorskip("pandas")
    given = groups(2)
    frame = pd.DataFrame(np.concatenate(given), columns=["x", "y", "z"])
    fits = gmm.fit_many(frame, 2, by=np.repeat([10, 20], [60, 80]), random_state=0)
    assert list(fits) == [10, 20]
    np.testing.assert_array_equal(fits[20].feature_names_in_, ["x", "y", "z"])
    np.testing.assert_array_equal(fits[20].means_, gmm.GaussianMixture(2, random_state=0).fit(given[1]).means_)


def test_failures_are_named_and_do_not_stop_the_others():
    given = dict(zip("abcd", groups(4), strict=True))
    given["b"] = given["b"].copy()
    given["b"][7, 1] = np.nan
    given["d"] = given["d"][:1]
    with pytest.warns(GmmWarning, match=r"2 of 4 groups could not be fitted: 'b', 'd'\. The first: .*row 7, column 1"):
        fits = gmm.fit_many(given, 2, random_state=0)
    assert list(fits) == ["a", "c"]
    assert list(fits.failures) == ["b", "d"]
    with pytest.raises(DataError, match="row 7, column 1"):
        fits["b"]
    with pytest.raises(KeyError):
        fits["e"]
    assert ("a" in fits, "b" in fits, "e" in fits) == (True, False, False)
    assert fits.get("b", 1) == 1
    assert fits.get("a") is fits["a"]
    assert repr(fits) == "<2 groups fitted, 2 failed>"
    assert fits.means_.shape == (2, 2, 3)


def test_one_warning_for_each_kind_of_trouble():
    given = groups(8)
    for group in given[:7]:
        group[:, 2] = 0.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gmm.fit_many(given, 2, random_state=0, max_iter=1, n_threads=2)
    kinds = {warning.category: str(warning.message) for warning in caught}
    assert len(caught) == len(kinds) == 2
    assert kinds[CollapseWarning].startswith("7 of 8 groups: 0, 1, 2, 3, 4, .... The first: ")
    assert any(issubclass(kind, ConvergenceWarning) for kind in kinds)
    assert all(warning.filename == __file__ for warning in caught)


def test_groups_of_different_widths_have_no_array():
    fits = gmm.fit_many([groups(1)[0], groups(1, n_features=2)[0]], 2, random_state=0)
    assert fits[1].means_.shape == (2, 2)
    assert fits.weights_.shape == (2, 2)
    with pytest.raises(DataError, match="different numbers of features"):
        _ = fits.means_


def test_nothing_and_one_component():
    assert len(gmm.fit_many([], 2)) == 0
    X = groups(1)[0]
    np.testing.assert_allclose(gmm.fit_many([X])[0].means_[0], X.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"callbacks": [print]}, ParameterError, "callbacks speaks of one fit"),
        ({"warm_start": True}, ParameterError, "warm_start speaks of one fit"),
        ({"noise_covariance": np.ones(2)}, ParameterError, "noise_covariance belongs to rows, which fit_many takes"),
        ({"sample_weight": None}, ParameterError, "sample_weight belongs to rows"),
        ({"random_state": np.random.default_rng(0)}, ParameterError, "random_state must be an int or None"),
        ({"random_state": np.random}, ParameterError, "random_state must be an int or None"),
        ({"covariance_type": "fulll"}, ParameterError, "did you mean 'full'"),
        ({"by": [0, 1]}, DataError, r"by has shape \(2,\), expected \(60,\)"),
        ({"by": [None, *["a"] * 59]}, DataError, "by has labels of different kinds or missing ones"),
        ({"by": [0.0] * 7 + [np.nan] * 53}, DataError, "by: row 7 has no label but nan"),
        ({"nonsense": 1}, TypeError, "nonsense"),
    ],
)
def test_arguments(arguments, error, match):
    X = groups(1)[0]
    with pytest.raises(error, match=match):
        gmm.fit_many(X if "by" in arguments else [X], 2, **arguments)


def test_an_array_alone_is_no_list_of_groups():
    with pytest.raises(ParameterError, match="by=labels"):
        gmm.fit_many(groups(1)[0], 2)
