"""A classifier of Gaussian mixtures: one mixture for each class, and Bayes' rule.

    p(class c | x) = prior_c p_c(x) / sum_d prior_d p_d(x)

"mclustda": p_c is a mixture, its number of components and structure chosen for each class by BIC (Fraley and Raftery
2002; Hastie and Tibshirani 1996). "edda": p_c is one Gaussian, the structure, the same for all classes, chosen by BIC
(Bensmail and Celeux 1996).

Rows without a class take part in the fit: one mixture of the components of all classes is fitted to all rows, where a
row with a class may belong to the components of its class only, by the priors of `gmm.labels`. Its structure is the one
whose classes have the lowest sum of BIC.

Invariant: a class's density is that of a `Mixture` of its own, so scoring a row never depends on the other rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gmm._validation import check_rows, check_sample_weight, check_weights, feature_names, nonfinite_error
from gmm.base import Estimator, nearest_name
from gmm.classes import check_classes, check_target
from gmm.errors import DataError, ParameterError
from gmm.gaussian_mixture import GaussianMixture
from gmm.missing import Missing
from gmm.mixture import Mixture
from gmm.record import Fit
from gmm.selection import checked_structures, select, tried
from gmm.settings import check_missing

__all__ = ["GaussianMixtureClassifier"]

MODELS = ("mclustda", "edda")
STRUCTURES = ("full", "tied", "diag", "spherical")
Found = tuple[list[Fit], int]  # of each class, and the iterations it took


@dataclass(frozen=True, eq=False)
class Classes:
    """What a classifier learns: the classes (C,), their priors (C,), their fits, names of the features, iterations."""

    labels: np.ndarray
    prior: np.ndarray
    fits: tuple[Fit, ...]
    feature_names: np.ndarray | None
    n_iter: int

    @property
    def n_features(self) -> int:
        return self.fits[0].mixture.n_features


class GaussianMixtureClassifier(Estimator):
    """Classify rows by a Gaussian mixture for each class.

    Parameters
    ----------
    n_components : int or tuple of int, default=(1, 2, 3, 4, 5)
        Numbers of components to try for each class; "edda" has one.
    covariance_types : str or tuple of str, default=("full", "tied", "diag", "spherical")
        Structures to try.
    model : {"mclustda", "edda"}, default="mclustda"
        A mixture for each class, chosen by BIC class by class; or a Gaussian for each class, all of one structure.
    class_prior : array-like of shape (n_classes,), optional
        Probabilities of the classes, in the order of ``classes_``; None takes their shares of the sample weight.
    unlabelled : optional
        The value in ``y`` of rows whose class is not known; they take part in the fit. None: there are none.
    n_init, tol, reg_covar, max_iter, missing, random_state, n_threads
        As for `gmm.GaussianMixture`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_prior_ : ndarray of shape (n_classes,)
    mixtures_ : tuple of GaussianMixture
        That of each class.
    n_iter_ : int
        Iterations of the longest climb.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (D,) of str
        Only after a fit to a data frame whose column names are all str.

    Examples
    --------
    >>> import gmm
    >>> from gmm.datasets import load_iris
    >>> X, y = load_iris().data, ["setosa"] * 50 + ["versicolor"] * 50 + ["virginica"] * 50
    >>> model = gmm.GaussianMixtureClassifier(random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.98
    >>> model.predict_proba([[6.3, 2.6, 5.0, 1.7]]).round(2)
    array([[0.  , 0.09, 0.91]])
    """

    def __init__(
        self,
        n_components: Any = (1, 2, 3, 4, 5),
        *,
        covariance_types: Any = STRUCTURES,
        model: str = "mclustda",
        class_prior: Any = None,
        unlabelled: Any = None,
        n_init: int = 5,
        tol: float = 1e-6,
        reg_covar: float | None = None,
        max_iter: int = 500,
        missing: Missing = "raise",
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_types = covariance_types
        self.model = model
        self.class_prior = class_prior
        self.unlabelled = unlabelled
        self.n_init = n_init
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.missing = missing
        self.random_state = random_state
        self.n_threads = n_threads

    # ---- fitting

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> Self:
        """Fit a mixture to the rows of each class.

        Parameters
        ----------
        X : array-like or data frame of shape (N, D)
        y : array-like of shape (N,)
            The class of each row: numbers or words; ``unlabelled`` where it is not known.
        sample_weight : array-like of shape (N,), optional
            How many times each row counts: finite, at least 0.

        Returns
        -------
        self

        Raises
        ------
        DataError, ParameterError
            ValueErrors that name the argument, row or class.
        """
        if self.model not in MODELS:
            raise ParameterError(f"model must be one of {MODELS}, got {self.model!r}{nearest_name(self.model, MODELS)}")
        names = feature_names(X)
        may_miss = check_missing(self.missing) == "marginalize"
        X = check_rows(X, owner=type(self).__name__, allow_missing=may_miss)
        error = nonfinite_error(X, allow_nan=may_miss)  # before the rows are parted, to name the right one
        if error is not None:
            raise error
        y = check_target(y, len(X))
        weights = check_sample_weight(sample_weight, len(X))
        if weights is not None and not (weights > 0).all():  # absent rows, and classes of which all are
            X, y, weights = X[weights > 0], y[weights > 0], weights[weights > 0]
        labels, codes = check_classes(y, self.unlabelled)
        kinds = checked_structures(self.covariance_types)
        row_weight = np.ones(len(X)) if weights is None else weights
        share = np.bincount(codes[codes >= 0], row_weight[codes >= 0], minlength=len(labels))
        prior = share / share.sum() if self.class_prior is None else check_weights(
            self.class_prior, len(labels), "class_prior"
        )  # fmt: skip
        if self.model == "edda":
            fits, n_iter = self._one_each(X, codes, len(labels), weights, kinds)
        elif (codes < 0).any():
            fits, n_iter = self._all_rows(X, codes, len(labels), weights, kinds)
        else:
            parts = [codes == c for c in range(len(labels))]
            fits = [self._chosen(X[part], part, weights, kinds).best_._fitted() for part in parts]
            n_iter = max(fit.record.n_iter for fit in fits)
        named = tuple(replace(fit, feature_names=names) for fit in fits)
        self._result = Classes(labels, prior, named, names, n_iter)
        return self

    def _parameters(self) -> dict[str, Any]:
        names = ("n_init", "tol", "reg_covar", "max_iter", "missing", "random_state", "n_threads")
        return {name: getattr(self, name) for name in names}

    def _mixture(self, fit: Fit) -> GaussianMixture:
        """That of one class as an estimator."""
        structure = fit.mixture.structure.name
        model = GaussianMixture(fit.mixture.n_components, covariance_type=structure, **self._parameters())
        model._result = fit
        return model

    def _chosen(self, X: np.ndarray, part: np.ndarray, weights: np.ndarray | None, kinds: Sequence[str]) -> Any:
        """The best mixture of one class's rows."""
        own = None if weights is None else weights[part]
        return select(X, self.n_components, kinds, sample_weight=own, **self._parameters())

    def _one_each(
        self, X: np.ndarray, codes: np.ndarray, n: int, weights: np.ndarray | None, kinds: Sequence[str]
    ) -> Found:
        """One Gaussian for each class, all of the structure of lowest BIC, that of the rows with their classes."""
        fitted = []
        for kind in kinds:
            model = GaussianMixture(n, covariance_type=kind, **self._parameters())
            candidate = tried(model, X, weights, labels=codes)
            record = model._record()
            lacking = 2.0 * record.weight * (record.log_likelihood - record.trace[-1])
            fitted.append((candidate.floored > 0, candidate.bic + lacking, model._fitted()))
        best = min(fitted, key=lambda each: each[:2])[2]
        return [_part(best, np.array([c])) for c in range(n)], best.record.n_iter

    def _all_rows(
        self, X: np.ndarray, codes: np.ndarray, n: int, weights: np.ndarray | None, kinds: Sequence[str]
    ) -> Found:
        """The components of all classes as one mixture, fitted to rows with and without a class."""
        parts = [codes == c for c in range(n)]
        choices = [
            [self._chosen(X[part], part, weights, [kind]) for part in parts] for kind in kinds
        ]  # a list of classes for each structure
        ranked = [
            (any(each.best_candidate.floored for each in choice), sum(each.best_candidate.bic for each in choice))
            for choice in choices
        ]
        chosen = choices[min(range(len(choices)), key=ranked.__getitem__)]
        counts = [each.best_.n_components for each in chosen]
        owner = np.repeat(np.arange(n), counts)
        start = np.zeros((len(X), len(owner)))
        for c, (part, each) in enumerate(zip(parts, chosen, strict=True)):
            start[np.ix_(part, owner == c)] = each.best_.predict_proba(X[part])
        allowed = (codes[:, None] == owner) | (codes < 0)[:, None]
        model = GaussianMixture(
            len(owner), covariance_type=chosen[0].best_.covariance_type, **self._parameters()
        )  # fmt: skip
        tried(model, X, weights, labels=allowed.astype(np.float64), start=start)
        fit = model._fitted()
        return [_part(fit, np.flatnonzero(owner == c)) for c in range(n)], fit.record.n_iter

    # ---- prediction

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each row, (N,), the first of ``classes_`` on ties."""
        return self._fitted().labels[self._log_joint(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class given each row, (N, n_classes), in the order of ``classes_``."""
        return np.exp(_normalised(self._log_joint(X)))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`, nats."""
        return _normalised(self._log_joint(X))

    def score(self, X: Any, y: Any, *, sample_weight: Any = None) -> float:
        """Share of rows whose class is predicted, weighted by ``sample_weight`` if given."""
        predicted = self.predict(X)
        right = predicted == check_target(y, len(predicted))
        return float(np.average(right, weights=check_sample_weight(sample_weight, len(right))))

    def _log_joint(self, X: Any) -> np.ndarray:
        """Log of prior times density, (N, n_classes); of a row beyond every density the priors alone."""
        learnt = self._fitted()
        X = self._checked(X, learnt.feature_names, learnt.n_features, allow_missing=self.missing == "marginalize")
        own = (self._mixture(replace(fit, feature_names=None)) for fit in learnt.fits)
        logs = np.stack([mixture.score_samples(X) for mixture in own], axis=1)
        with np.errstate(divide="ignore"):
            log_prior = np.log(learnt.prior)
        joint = logs + log_prior
        joint[np.isneginf(joint).all(axis=1)] = log_prior
        return joint

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted classifier to one file that `gmm.load` reads; it holds no pickle.

        The mixtures of the classes are kept bit for bit, with the arguments that are plain words and numbers, or tuples
        of these.

        Parameters
        ----------
        path : path
            Replaced if it exists, whole or not at all.

        Raises
        ------
        NotFittedError
            Before a fit.
        ParameterError
            Classes that are neither words nor numbers.
        OSError
            The file cannot be written.
        """
        from gmm.class_file import save_classifier

        save_classifier(self, path)

    # ---- attributes

    @property
    def classes_(self) -> np.ndarray:
        return self._fitted().labels

    @property
    def class_prior_(self) -> np.ndarray:
        return self._fitted().prior.copy()

    @property
    def mixtures_(self) -> tuple[GaussianMixture, ...]:
        return tuple(self._mixture(fit) for fit in self._fitted().fits)

    @property
    def n_iter_(self) -> int:
        return self._fitted().n_iter

    @property
    def n_features_in_(self) -> int:
        return self._fitted().n_features

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(allow_nan=self.missing == "marginalize"),
        )


def _normalised(joint: np.ndarray) -> np.ndarray:
    """Log of the shares (N, C) of numbers whose logs are given."""
    below = joint - joint.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _part(fit: Fit, components: np.ndarray) -> Fit:
    """Some components of a mixture as one of their own, in the same frame."""
    mixture, p = fit.mixture, fit.mixture.parameters
    weights = p.weights[components]
    if not weights.any():
        raise DataError("a class has lost its rows to others: every component of it is dead")
    covariances = mixture.structure.take(p.covariances, components)
    parameters = replace(p, weights=weights / weights.sum(), means=p.means[components], covariances=covariances)
    return Fit(Mixture(mixture.structure, parameters, mixture.frame), precision=fit.precision)
