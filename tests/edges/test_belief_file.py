"""Bayesian mixtures on disk: what loads believes, predicts and goes on as what was saved; forged ones are refused."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from problems import blobs

import gmm
from gmm import BayesianGaussianMixture
from gmm.mixing import PRIORS
from gmm.model_file import ModelFileError

STRUCTURES = ("full", "tied", "diag", "spherical")
X = blobs(200, n_features=2, n_components=3).X


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gmm"


def forged(path, change=lambda header: None, arrays=lambda body: body) -> None:
    """Change the header or the arrays, and sign the file again."""
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    header = json.loads(content[16 : 16 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    signed = content[:12] + struct.pack("<I", len(text)) + text + arrays(content[16 + length : -32])
    path.write_bytes(signed + hashlib.sha256(signed).digest())


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("kind", PRIORS)
def test_everything_is_the_same_bits(path, structure, kind):
    model = BayesianGaussianMixture(
        4, covariance_type=structure, weight_concentration_prior_type=kind, random_state=0, moves=True,
        mean_precision_prior=0.3, degrees_of_freedom_prior=2.7,
    ).fit(X)  # fmt: skip
    model.save(path)
    again = gmm.load(path)
    assert type(again) is BayesianGaussianMixture
    assert again.get_params() == model.get_params()
    for method in ("predict", "predict_proba", "score_samples", "posterior_predictive"):
        assert getattr(model, method)(X).tobytes() == getattr(again, method)(X).tobytes()
    for mine, theirs in zip(model.credible_intervals(), again.credible_intervals(), strict=True):
        assert mine.tobytes() == theirs.tobytes()
    for name in ("weight_concentration_", "mean_precision_", "degrees_of_freedom_", "mean_prior_", "covariance_prior_",
                 "weight_concentration_prior_", "mean_precision_prior_", "degrees_of_freedom_prior_", "lower_bounds_",
                 "segments_"):  # fmt: skip
        mine, theirs = getattr(model, name), getattr(again, name)
        assert type(mine) is type(theirs)
        np.testing.assert_array_equal(mine, theirs)
    assert again.summary() == model.summary()
    again.save(path.with_suffix(".copy"))
    assert path.with_suffix(".copy").read_bytes() == path.read_bytes()


def test_a_warm_start_goes_on_where_it_was(path):
    model = BayesianGaussianMixture(3, random_state=0, warm_start=True, max_iter=2, tol=0.0).fit(X)
    model.save(path)
    again = gmm.load(path)
    np.testing.assert_array_equal(again.fit(X).means_, model.fit(X).means_)


def double(place, value):
    """Replace a number of the arrays, counted from the first belief of a mixture (3, 2) "full" with a trace of n."""

    def change(body):
        first = 8 * (3 + 6 + 12 + 2 + 2) + 8 * change.n_trace + 8 * place
        return body[:first] + struct.pack("<d", value) + body[first + 8 :]

    return change


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, 0.0, "impossible concentration"),
        (5, np.inf, "impossible concentration"),
        (6, -1.0, "impossible mean_precision"),
        (9, 0.5, "impossible degrees_of_freedom"),
        (12, np.nan, "impossible prior mean"),
        (14, -1.0, "prior scatter"),
    ],
)
def test_signed_arrays_that_are_no_posterior(path, place, value, message):
    model = BayesianGaussianMixture(3, random_state=0).fit(X)
    model.save(path)
    change = double(place, value)
    change.n_trace = len(model.lower_bounds_)
    forged(path, arrays=change)
    with pytest.raises(ModelFileError, match=message):
        gmm.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["beliefs"].update(mixing="stick"), "impossible beliefs"),
        (lambda h: h["beliefs"].update(mixing=["dirichlet_process"]), "impossible beliefs"),
        (lambda h: h["beliefs"].update(mean_precision=1), "impossible beliefs"),
        (lambda h: h["beliefs"].pop("concentration"), "impossible beliefs"),
        (lambda h: h.update(beliefs=None), "impossible beliefs"),
        (lambda h: h["beliefs"].update(mean_precision=-1.0), "impossible prior"),
        (lambda h: h["beliefs"].update(degrees_of_freedom=0.5), "impossible prior degrees_of_freedom"),
        (lambda h: h["beliefs"].update(mixing="dirichlet_distribution"), "too long"),
        (lambda h: h["extras"].update(estimator="GaussianMixture"), "description of the fit"),
        (lambda h: h.update(structure="VVV"), "has no posterior"),
    ],
)
def test_signed_headers_that_are_no_posterior(path, change, message):
    BayesianGaussianMixture(3, random_state=0).fit(X).save(path)
    forged(path, change)
    with pytest.raises(ModelFileError, match=message):
        gmm.load(path)


def test_a_mixture_without_beliefs_is_no_bayesian_one(path):
    gmm.GaussianMixture(3, random_state=0).fit(X).save(path)
    forged(path, lambda h: h["extras"].update(estimator="BayesianGaussianMixture"))
    with pytest.raises(ModelFileError, match="description of the fit"):
        gmm.load(path)
