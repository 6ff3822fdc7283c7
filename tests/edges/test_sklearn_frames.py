"""Data frames of pandas and polars: names are kept and compared, columns that are no numbers are named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from gmm import GaussianMixture, fisher_vector

NAMES = ["width", "height", "depth"]


@pytest.fixture(name="X")
def make_rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(c, 1.0, size=(60, 3)) for c in (0.0, 8.0)])


@pytest.fixture(name="library", params=["pandas", "polars"])
def import_library(request):
    return pytest.importorskip(request.param)


def frame_of(library, X, names=NAMES):
    return library.DataFrame({name: X[:, j] for j, name in enumerate(names)})


def test_names_are_kept_and_predictions_are_those_of_the_array(library, X):
    model = GaussianMixture(2, random_state=0).fit(frame_of(library, X))
    plain = GaussianMixture(2, random_state=0).fit(X)
    assert list(model.feature_names_in_) == NAMES
    assert model.feature_names_in_.dtype == object
    assert not hasattr(plain, "feature_names_in_")
    np.testing.assert_array_equal(model.means_, plain.means_)
    for method in ("predict", "predict_proba", "score_samples", "score", "bic", "icl"):
        np.testing.assert_array_equal(getattr(model, method)(frame_of(library, X)), getattr(plain, method)(X))


def test_a_refit_on_an_array_forgets_the_names(library, X):
    model = GaussianMixture(2, random_state=0).fit(frame_of(library, X)).fit(X)
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (NAMES[::-1], "same order as they were in fit"),
        (["width", "height", "girth"], "unseen at fit time:\n- girth\nFeature names seen at fit time, yet now missing"),
        (["width", "height"], "yet now missing:\n- depth"),
        ([*NAMES, "girth"], "unseen at fit time:\n- girth"),
    ],
)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "score_samples", "score", "bic", "icl"])
def test_other_columns_are_refused(library, X, names, message, method):
    model = GaussianMixture(2, random_state=0).fit(frame_of(library, X))
    wide = np.column_stack([X, X])
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(frame_of(library, wide, names))


def test_names_on_one_side_only_warn(library, X):
    named = GaussianMixture(2, random_state=0).fit(frame_of(library, X))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GaussianMixture was fitted with"):
        named.predict(X)
    plain = GaussianMixture(2, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="X has feature names, but GaussianMixture was fitted without"):
        plain.predict(frame_of(library, X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named.predict(frame_of(library, X))
        named.icl(frame_of(library, X))


def test_a_text_column_is_named(library, X):
    frame = library.DataFrame({"width": X[:, 0], "colour": ["red"] * len(X)})
    with pytest.raises(TypeError, match="colour"):
        GaussianMixture().fit(frame)


def test_a_date_column_is_named(library, X):
    frame = library.DataFrame({"width": X[:5, 0], "when": np.arange(5).astype("datetime64[ms]")})
    with pytest.raises(TypeError, match="when"):
        GaussianMixture().fit(frame)


def test_a_missing_value_is_located(library, X):
    values = [None if i == 7 else float(v) for i, v in enumerate(X[:, 1])]
    frame = library.DataFrame({"width": X[:, 0], "height": values})
    with pytest.raises(ValueError, match=r"NaN.*row 7.*column"):
        GaussianMixture().fit(frame)


def test_integers_and_booleans_become_float64(library, X):
    counts, flags = np.arange(len(X)) % 7, X[:, 0] > 4.0
    frame = library.DataFrame({"a": X[:, 0], "n": counts, "flag": flags})
    model = GaussianMixture(covariance_type="diag").fit(frame)
    np.testing.assert_allclose(model.means_[0], [X[:, 0].mean(), counts.mean(), flags.mean()], rtol=1e-12)


def test_a_float32_frame_keeps_its_precision(library, X):
    frame = frame_of(library, X.astype(np.float32))
    model = GaussianMixture(2, random_state=0).fit(frame)
    assert model.predict_proba(frame).dtype == np.float32


def test_pandas_nullable_columns(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=NAMES).astype("Float64")
    frame["n"] = pandas.array(np.arange(len(X)) % 5, dtype="Int64")
    model = GaussianMixture(covariance_type="diag").fit(frame)
    np.testing.assert_allclose(model.means_[0, :3], X.mean(axis=0), rtol=1e-12)
    frame.loc[3, "n"] = pandas.NA
    with pytest.raises(ValueError, match=r"NaN.*row 3"):
        GaussianMixture().fit(frame)


def test_pandas_category_and_duplicate_columns_are_named(X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=NAMES)
    frame["kind"] = pandas.Categorical(["a", "b"] * 60)
    with pytest.raises(TypeError, match="kind"):
        GaussianMixture().fit(frame)
    with pytest.raises(ValueError, match="more than one column named 'width'"):
        GaussianMixture().fit(pandas.DataFrame(X, columns=["width", "height", "width"]))


def test_pandas_names_that_are_not_text(X):
    pandas = pytest.importorskip("pandas")
    assert not hasattr(GaussianMixture().fit(pandas.DataFrame(X)), "feature_names_in_")
    with pytest.raises(TypeError, match="all input features have string names"):
        GaussianMixture().fit(pandas.DataFrame(X, columns=["width", 1, 2]))


def test_sample_weight_may_be_a_series(library, X):
    weight = np.r_[np.ones(60), np.zeros(60)]
    model = GaussianMixture().fit(frame_of(library, X), sample_weight=library.Series(weight))
    np.testing.assert_allclose(model.means_[0], X[:60].mean(axis=0), rtol=1e-12)


def test_sets_of_a_fisher_vector_may_be_frames(library, X):
    model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    frames = [frame_of(library, X), frame_of(library, X[:9])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the fit had no names
        np.testing.assert_array_equal(fisher_vector(model, frames), fisher_vector(model, [X, X[:9]]))
