"""Model files to estimators, whichever they hold.

Invariant: nothing in a file is executed, and what loads predicts the bits that the saved one did.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gmm.bundle_file import is_bundle
from gmm.model_file import read
from gmm.serialization import restored

if TYPE_CHECKING:
    from gmm.bayesian_mixture import BayesianGaussianMixture
    from gmm.classifier import GaussianMixtureClassifier
    from gmm.gaussian_mixture import GaussianMixture

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> GaussianMixture | BayesianGaussianMixture | GaussianMixtureClassifier:
    """Read an estimator that its ``save`` or ``gmm fit -o`` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    GaussianMixture, BayesianGaussianMixture or GaussianMixtureClassifier
        Fitted: it predicts the same bits as the one that was saved.

    Raises
    ------
    ModelFileError
        A ValueError: not a model file, damaged, of another version, or no mixture. Nothing in the file is executed.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import gmm, tempfile, os
    >>> from gmm.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = gmm.GaussianMixture(2, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "faithful.gmm")
    ...     model.save(path)
    ...     again = gmm.load(path)
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if is_bundle(path):
        from gmm.class_file import load_classifier

        return load_classifier(path)
    return restored(read(path))
