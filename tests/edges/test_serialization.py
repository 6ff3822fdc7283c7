"""Estimators on disk: what loads predicts, describes and refits as what was saved."""

import hashlib
import json
import struct

import numpy as np
import pytest

import gmm
from gmm.datasets import load_faithful
from gmm.errors import NotFittedError
from gmm.model_file import ModelFileError

X = load_faithful().data
COLLAPSE = {"component": 0, "iteration": 1, "cause": "floor", "n_rows": 2.0, "action": "kept"}
COLLAPSE |= {"rows": [1], "columns": ["a"], "coefficients": []}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gmm"


def forged(path, change) -> None:
    """Change what the file says of the fit, and sign it again."""
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    header = json.loads(content[16 : 16 + length])
    change(header["extras"])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    signed = content[:12] + struct.pack("<I", len(text)) + text + content[16 + length : -32]
    path.write_bytes(signed + hashlib.sha256(signed).digest())


def test_predictions_and_attributes_are_the_same_bits(structure, path):
    model = gmm.GaussianMixture(3, covariance_type=structure.name, random_state=1, n_init=3, reg_covar=1e-3).fit(X)
    model.save(path)
    again = gmm.load(path)
    for method in ("predict", "predict_proba", "score_samples"):
        assert getattr(model, method)(X).tobytes() == getattr(again, method)(X).tobytes()
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "lower_bounds_"):
        assert getattr(model, name).tobytes() == getattr(again, name).tobytes()
    for name in ("converged_", "n_iter_", "stop_reason_", "objective_", "log_likelihood_", "restarts_"):
        assert getattr(model, name) == getattr(again, name)
    assert again.get_params() == model.get_params()
    assert again.summary() == model.summary()
    assert again.sample(5)[0].tobytes() == model.sample(5)[0].tobytes()


def test_loaded_model_refits_and_saves_the_same_file(path, tmp_path):
    model = gmm.GaussianMixture(2, random_state=0).fit(X)
    model.save(path)
    gmm.load(path).save(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    assert gmm.load(path).fit(X).weights_.tobytes() == model.weights_.tobytes()


def test_feature_names_and_precision(path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["eruptions", "waiting"])
    model = gmm.GaussianMixture(2, random_state=0, dtype=np.float32).fit(frame)
    model.save(path)
    again = gmm.load(path)
    assert again.feature_names_in_.tolist() == ["eruptions", "waiting"]
    assert again.predict_proba(frame).dtype == np.float32
    assert again.predict_proba(frame).tobytes() == model.predict_proba(frame).tobytes()
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[["waiting", "eruptions"]])


def test_arguments_that_are_no_words_or_numbers_come_back_as_defaults(path):
    model = gmm.GaussianMixture(
        2, means_init=X[[0, 1]], random_state=np.random.default_rng(0), callbacks=[print], tol=np.float64(1e-4)
    )
    model.set_params(callbacks=None).fit(X).set_params(callbacks=[print], tol=float("inf"))
    model.save(path)
    again = gmm.load(path)
    assert (again.means_init, again.random_state, again.callbacks, again.tol) == (None, None, None, 1e-6)


def test_a_mixture_made_from_parameters(path):
    model = gmm.GaussianMixture.from_parameters([0.25, 0.75], [[0.0], [4.0]], [1.0, 2.0], "spherical")
    model.save(path)
    again = gmm.load(path)
    assert again.covariances_.tolist() == [1.0, 2.0]
    with pytest.raises(AttributeError):
        again.restarts_  # noqa: B018


def test_not_fitted(path):
    with pytest.raises(NotFittedError):
        gmm.GaussianMixture().save(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(estimator="os.system"),
        lambda e: e.update(estimator=["GaussianMixture"]),
        lambda e: e.pop("record"),
        lambda e: e.update(record=3),
        lambda e: e.update(precision="float16"),
        lambda e: e.update(arguments=[]),
        lambda e: e.update(feature_names=["a"]),
        lambda e: e.update(feature_names=["a", "a"]),
        lambda e: e.update(feature_names=["a", 1]),
        lambda e: e.update(feature_names="ab"),
        lambda e: e["record"].update(stop_reason="bored"),
        lambda e: e["record"].update(n_found="1"),
        lambda e: e["record"].update(floored=[True]),
        lambda e: e["record"].update(floored=[0, 1, 0]),
        lambda e: e["record"].update(restarts=[{}]),
        lambda e: e["record"].update(restarts=None),
        lambda e: e["record"]["restarts"][0].update(seed=1.5),
        lambda e: e.update(n_held=-1),
        lambda e: e.update(n_held=1000),
        lambda e: e["record"].update(segments=[]),
        lambda e: e["record"].update(segments=[1]),
        lambda e: e["record"].update(segments=[0, 10**6]),
        lambda e: e["record"].update(segments=[0, 2, 1]),
        lambda e: e["record"].update(collapses=[{}]),
        lambda e: e["record"].update(collapses=[{**COLLAPSE, "component": 3}]),
        lambda e: e["record"].update(collapses=[{**COLLAPSE, "rows": [0.5]}]),
        lambda e: e["record"].update(collapses=[{**COLLAPSE, "columns": [None]}]),
    ],
)
def test_signed_but_no_record_of_a_fit(path, change):
    gmm.GaussianMixture(3, random_state=0).fit(X).save(path)
    forged(path, change)
    with pytest.raises(ModelFileError):
        gmm.load(path)


def test_a_file_of_before_has_one_segment_and_no_collapse(path):
    gmm.GaussianMixture(3, random_state=0).fit(X).save(path)

    def before(extras):
        del extras["n_held"], extras["record"]["segments"], extras["record"]["collapses"]

    forged(path, before)
    again = gmm.load(path)
    assert (again.segments_.tolist(), again.collapses_) == ([0], ())
    forged(path, lambda e: e["record"].update(collapses=[COLLAPSE]))
    assert gmm.load(path).collapses_[0].columns == ("a",)


def test_unknown_and_unfit_arguments_are_ignored_not_set(path):
    gmm.GaussianMixture(3, random_state=0).fit(X).save(path)
    forged(path, lambda e: e["arguments"].update(_result=1, callbacks=[1], fit="x", tol=1e-3))
    again = gmm.load(path)
    assert again.callbacks is None
    assert again.tol == 1e-3
    assert again.fit.__func__ is gmm.GaussianMixture.fit
    assert again.predict(X[:1]).shape == (1,)


def test_a_number_is_no_path(path):
    with path.open("wb") as file, pytest.raises(TypeError, match=r"os\.PathLike object, not int"):
        gmm.load(file.fileno())


def test_a_file_that_cannot_be_written_is_called_by_the_name_given(tmp_path):
    model = gmm.GaussianMixture().fit(X)
    missing = tmp_path / "nowhere" / "model.gmm"
    with pytest.raises(FileNotFoundError) as caught:
        model.save(missing)
    assert caught.value.filename == str(missing)
