"""Classifiers on disk: the same bits for every kind of class; damaged and forged files are refused."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm import GaussianMixtureClassifier
from gmm.errors import NotFittedError, ParameterError
from gmm.model_file import ModelFileError

PROBLEM = blobs(200, n_features=2, n_components=3)
X, LABELS = PROBLEM.X, PROBLEM.labels


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gmm"


def fitted(y=LABELS, **arguments):
    given = {"n_components": (1, 2), "covariance_types": ("full", "diag"), "random_state": 0, "n_init": 1}
    return GaussianMixtureClassifier(**(given | arguments)).fit(X, y)


def forged(path, change) -> None:
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    header = json.loads(content[16 : 16 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    signed = content[:12] + struct.pack("<I", len(text)) + text + content[16 + length : -32]
    path.write_bytes(signed + hashlib.sha256(signed).digest())


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["ä", "b", "ccc"]),
        np.array(["a", "b", "c"], object),
        np.array([-7, 0, 300], np.int16),
        np.array([0.0, 1.0, 2.0], np.float32),
        np.array([1, 2, 3], np.uint8),
    ],
    ids=str,
)
def test_every_kind_of_class(path, classes):
    model = fitted(classes[LABELS])
    model.save(path)
    again = gmm.load(path)
    assert type(again) is GaussianMixtureClassifier
    assert again.classes_.dtype == model.classes_.dtype
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert again.get_params() == model.get_params()
    assert (again.n_iter_, again.n_features_in_) == (model.n_iter_, model.n_features_in_)
    assert again.class_prior_.tobytes() == model.class_prior_.tobytes()
    assert [m.summary() for m in again.mixtures_] == [m.summary() for m in model.mixtures_]
    again.save(path.with_suffix(".copy"))
    assert path.with_suffix(".copy").read_bytes() == path.read_bytes()
    assert again.fit(X, classes[LABELS]).predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("arguments", [{"model": "edda"}, {"unlabelled": -1}, {"n_components": range(1, 3)}])
def test_every_model(path, arguments):
    y = LABELS.copy()
    if "unlabelled" in arguments:
        y[::3] = -1
    model = fitted(y, **arguments)
    model.save(path)
    assert gmm.load(path).predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_feature_names(path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    model = GaussianMixtureClassifier(1, covariance_types="full").fit(frame, LABELS)
    model.save(path)
    again = gmm.load(path)
    assert again.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[["b", "a"]])


def test_truncated_and_flipped(path):
    fitted().save(path)
    content = path.read_bytes()
    for length in {*range(0, len(content), 97), 7, 8, 15, 16, len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            gmm.load(path)
    for position in range(0, len(content), 61):
        flipped = bytearray(content)
        flipped[position] ^= 4
        path.write_bytes(bytes(flipped))
        with pytest.raises(ModelFileError):
            gmm.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.pop("lengths"),
        lambda h: h.update(lengths=[]),
        lambda h: h.update(lengths=["1"]),
        lambda h: h["lengths"].append(1),
        lambda h: h["lengths"].__setitem__(0, h["lengths"][0] + 8),
        lambda h: h.update(extras=[]),
        lambda h: h["extras"].update(estimator="os.system"),
        lambda h: h["extras"].pop("classes"),
        lambda h: h["extras"].update(classes=[0, 1]),
        lambda h: h["extras"].update(classes=[2, 1, 0]),
        lambda h: h["extras"].update(classes=[0, 0, 1]),
        lambda h: h["extras"].update(classes=[0, 1, 2**70]),
        lambda h: h["extras"].update(classes=[0, 1, [2]]),
        lambda h: h["extras"].update(type="V8"),
        lambda h: h["extras"].update(type="O"),
        lambda h: h["extras"].update(type="nothing"),
        lambda h: h["extras"].update(prior=[0.5, 0.5]),
        lambda h: h["extras"].update(prior=[2.0, -0.5, -0.5]),
        lambda h: h["extras"].update(n_iter="3"),
        lambda h: h["extras"].update(several={"n_init": [1]}),
        lambda h: h["extras"].update(several={"n_components": [[1]]}),
    ],
)
def test_signed_but_no_classifier(path, change):
    fitted().save(path)
    forged(path, change)
    with pytest.raises(ModelFileError):
        gmm.load(path)


def test_what_cannot_be_saved(path):
    with pytest.raises(NotFittedError):
        GaussianMixtureClassifier().save(path)
    with pytest.raises(ParameterError, match="classes of type"):
        fitted(np.array([b"a", b"b", b"c"])[LABELS]).save(path)
    assert not path.exists()


def test_the_command_line_says_that_it_cannot_use_one(run, path):
    fitted().save(path)
    code, _, error = run("info", str(path))
    assert code != 0
    assert "GaussianMixtureClassifier" in error


@pytest.mark.parametrize("command", ["info", "predict"])
def test_the_command_line_uses_bayesian_mixtures(run, path, tmp_path, command):
    gmm.BayesianGaussianMixture(2, random_state=0).fit(X).save(path)
    table = tmp_path / "rows.csv"
    np.savetxt(table, X, delimiter=",", header="a,b", comments="")
    code, out, _ = run(command, str(path), *([str(table)] * (command == "predict")))
    assert code == 0
    assert out
