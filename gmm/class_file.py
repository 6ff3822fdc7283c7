"""Classifiers to files of several models and back.

A file holds the mixture of each class bit for bit, the classes, their priors, and the arguments that are plain words
and numbers or tuples of these. Invariant: a classifier that loads predicts the bits that the saved one did.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from gmm._validation import check_weights
from gmm.bundle_file import read_bundle, write_bundle
from gmm.classifier import Classes, GaussianMixtureClassifier
from gmm.errors import ParameterError
from gmm.model_file import ModelFileError
from gmm.serialization import content_from, described, fit_from, plain_arguments, set_plain_arguments

__all__ = ["load_classifier", "save_classifier"]

KINDS = "biufU"  # of NumPy's types, what classes may be; words as objects besides
TUPLES = ("n_components", "covariance_types")


def save_classifier(classifier: GaussianMixtureClassifier, path: str | os.PathLike[str]) -> None:
    """Write a fitted classifier; see `GaussianMixtureClassifier.save`."""
    learnt = classifier._fitted()
    labels = learnt.labels
    is_words = labels.dtype.kind == "O" and all(type(label) is str for label in labels)
    if labels.dtype.kind not in KINDS and not is_words:
        raise ParameterError(f"classes of type {labels.dtype} cannot be saved: words and numbers can")
    several = {name: getattr(classifier, name) for name in TUPLES}
    extras = {
        "estimator": type(classifier).__name__,
        "arguments": plain_arguments(classifier),
        "several": {name: [_native(each) for each in value] for name, value in several.items() if _are_plain(value)},
        "classes": labels.tolist(),
        "type": labels.dtype.str,
        "prior": learnt.prior.tolist(),
        "n_iter": int(learnt.n_iter),
    }
    write_bundle([content_from(fit, {}) for fit in learnt.fits], extras, path)


def load_classifier(path: str | os.PathLike[str]) -> GaussianMixtureClassifier:
    """Read a classifier; errors as of `gmm.load`."""
    contents, extras = read_bundle(path)
    with described():
        if extras["estimator"] != GaussianMixtureClassifier.__name__:
            raise ModelFileError(f"model file of a {str(extras['estimator'])[:80]}, which this release does not know")
        model = GaussianMixtureClassifier()
        set_plain_arguments(model, extras["arguments"])
        for name, value in extras["several"].items():
            if name not in TUPLES or not _are_plain(value):
                raise ValueError(name)
            model.set_params(**{name: tuple(value)})
        labels = _labels(extras["classes"], extras["type"])
        prior = np.array(extras["prior"], np.float64)
        check_weights(prior, len(labels), "prior")
        fits = tuple(fit_from(content) for content in contents)
        names = fits[0].feature_names
        n_features = {fit.mixture.n_features for fit in fits}
        n_iter = extras["n_iter"]
        if len(fits) != len(labels) or len(n_features) > 1 or type(n_iter) is not int:
            raise ValueError("classes")
        model._result = Classes(labels, prior, fits, names, n_iter)
    return model


def _labels(classes: Any, kind: Any) -> np.ndarray:
    """Classes (C,) of a type: sorted, each once."""
    if type(kind) is not str or type(classes) is not list or not classes:
        raise ValueError("classes")
    plain = all(type(label) in (bool, int, float, str) for label in classes)
    dtype = np.dtype(kind)
    if not plain or (dtype.kind not in KINDS and not (dtype.kind == "O" and all(type(c) is str for c in classes))):
        raise ValueError("classes")
    labels = np.array(classes, dtype)
    if labels.tolist() != classes or labels.tolist() != sorted(set(classes)):
        raise ValueError("classes")
    return labels


def _are_plain(value: Any) -> bool:
    """Whether a value is several plain words or numbers."""
    return isinstance(value, (tuple, list, range)) and all(type(_native(each)) in (int, str) for each in value)


def _native(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
