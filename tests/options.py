"""Every option of a fit that may meet another: the choices, small rows for them, and what must hold of any fit."""

from __future__ import annotations

import io
import pickle
import warnings
from typing import Any, NamedTuple

import numpy as np
from tolerances import EPS64, MONOTONE, MONOTONE_FLOAT32, SAME_SCORE, SAME_SCORE_FLOAT32

import gmm
from gmm import GaussianMixture
from gmm.covariances import CODES, FACTORS, is_native, structure
from gmm.covariances.conjugate import ALONE, SHARED
from gmm.errors import CollapseError, CollapseWarning

K, D = 3, 2
RATIO, HELD = 20.0, 1e-12
OF_NATIVE = ("fixed covariances", "eigen_ratio", "shrinkage", "several")  # where components share nothing, or all
RESTRAINTS = (None, "equal_weights", "fixed weights", "fixed means", *OF_NATIVE, "prior")


class Case(NamedTuple):
    """One choice of everything."""

    structure: str
    start: str
    restraint: str | None
    on_collapse: str
    weight: str | None
    labels: str | None
    noise: bool | float
    errors: str | None
    missing: bool
    reg_covar: float | None
    acceleration: str | None
    dtype: str
    warm: bool
    collapsing: bool

    @property
    def name(self) -> str:
        """As an id of a test."""
        return "-".join(str(choice) for choice in self)


CHOICES = Case(
    structure=("full", "tied", "diag", "spherical", *FACTORS, *CODES),
    start=("kmeans", "k-means++", "random", "random_from_data", "callable", "arrays"),
    restraint=RESTRAINTS,
    on_collapse=("repair", "drop", "restart", "raise"),
    weight=(None, "integer", "real"),
    labels=(None, "hard", "soft"),
    noise=(False, True, 1e-3),
    errors=(None, "variances", "matrices"),
    missing=(False, True),
    reg_covar=(None, 0.05),
    acceleration=("auto", None),
    dtype=("float64", "float32"),
    warm=(False, True),
    collapsing=(False, True),
)


def is_allowed(case: Case) -> bool:
    """Whether the options go together; where they do not, `REFUSED` of the tests says so."""
    if case.restraint == "prior":
        return case.structure in (*ALONE, *SHARED)
    if case.structure in FACTORS and (case.missing or case.errors):
        return False
    return is_native(structure(case.structure)) or case.restraint not in OF_NATIVE


class Problem(NamedTuple):
    """Rows (N, D), what is given beside them, and arrays to start from."""

    X: np.ndarray
    given: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def taking(self, rows: np.ndarray, weight: np.ndarray | None) -> Problem:
        """Some rows, or repetitions, with these sample weights."""
        given = {name: value[rows] for name, value in self.given.items() if name != "sample_weight"}
        return self._replace(X=self.X[rows], given=given | ({} if weight is None else {"sample_weight": weight}))

    @property
    def asked(self) -> dict[str, Any]:
        """What prediction wants to know."""
        return {name: value for name, value in self.given.items() if name == "noise_covariance"}

    @property
    def scored(self) -> dict[str, Any]:
        """What a score wants to know."""
        return {name: value for name, value in self.given.items() if name != "labels"}


def problem(case: Case, n_rows: int = 150, seed: int = 0) -> Problem:
    """Two clusters and a third that overlaps; where components are to collapse, the third is one row, repeated."""
    rng = np.random.default_rng(seed)
    truth = np.sort(np.arange(n_rows) % K)
    means = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 4.0]])
    roots = np.array([[[1.0, 0.0], [0.4, 0.7]], [[0.6, 0.0], [-0.3, 0.9]], [[0.8, 0.0], [0.0, 0.5]]])
    X = means[truth] + np.einsum("nij,nj->ni", roots[truth], rng.normal(size=(n_rows, D)))
    clutter = rng.random(n_rows) < 0.1
    X[clutter] = rng.uniform(-6, 9, (clutter.sum(), D))
    if case.collapsing:
        X[truth == 2] = means[2]
    errors = rng.gamma(1.0, 0.1, (n_rows, D))
    if case.errors == "matrices":
        turn = rng.normal(size=(n_rows, D, 1)) * np.sqrt(errors)[:, :, None]
        errors = turn @ turn.swapaxes(1, 2) + 0.05 * np.eye(D)
    if case.errors and not case.collapsing:
        X += rng.normal(size=X.shape) * 0.3
    if case.missing:
        gone = rng.random(X.shape) < 0.1
        gone[5] = True
        X[gone] = np.nan
    hard = np.where((rng.random(n_rows) < 0.2) & ~clutter, truth, -1)
    others = rng.uniform(0.0, 0.8, (n_rows, K)) * (rng.random((n_rows, 1)) < 0.8)
    soft = np.where(truth[:, None] == np.arange(K), 1.0, others)
    weight = {"integer": rng.integers(0, 4, n_rows).astype(float), "real": rng.gamma(1.0, 1.0, n_rows), None: None}
    beside = {
        "sample_weight": weight[case.weight],
        "labels": {"hard": hard, "soft": soft, None: None}[case.labels],
        "noise_covariance": errors if case.errors else None,
    }
    given = {name: value for name, value in beside.items() if value is not None}
    X = X.astype(case.dtype)
    shared = np.diag([0.9, 1.1]) + (0.1 if case.structure in ("full", "tied") else 0.0)
    shaped = {"tied": shared, "diag": np.tile(np.diag(shared), (K, 1)), "spherical": np.ones(K)}
    shaped |= dict.fromkeys(FACTORS, (np.full((K, D, 1), 0.3), np.diag(shared)))
    covariances = shaped.get(case.structure, np.tile(np.eye(D) if case.structure in CODES else shared, (K, 1, 1)))
    arrays = {"weights_init": np.array([0.5, 0.3, 0.2]), "means_init": means + 0.25, "covariances_init": covariances}
    return Problem(X, given, arrays)


def split(X: np.ndarray, n_components: int, rng: Any) -> np.ndarray:
    """A callable start: labels by the sum of the features."""
    order = np.argsort(X.sum(axis=1), kind="stable")
    labels = np.empty(len(X), int)
    labels[order] = np.arange(len(X)) * n_components // len(X)
    return labels


def estimator(case: Case, arrays: dict[str, np.ndarray], **changed: Any) -> GaussianMixture:
    """The model of a case; with ``from_arrays=True`` from the arrays, whatever the case's start."""
    from_arrays = changed.pop("from_arrays", False) or case.start == "arrays"
    fixed = case.restraint.split()[1] if (case.restraint or "").startswith("fixed") else None
    several = case.restraint == "several"
    fixed = "means" if several else fixed
    used = {name: value for name, value in arrays.items() if from_arrays or name == f"{fixed}_init"}
    options = {
        "covariance_type": case.structure,
        "n_factors": 1,
        "init_params": {"callable": split, "arrays": "kmeans"}.get(case.start, case.start),
        "equal_weights": case.restraint in ("equal_weights", "several"),
        "eigen_ratio": RATIO if case.restraint in ("eigen_ratio", "several") else None,
        "prior": "default" if case.restraint == "prior" else None,
        "shrinkage": 0.2 if case.restraint in ("shrinkage", "several") else None,
        "fixed": {fixed: [0] if several else "all"} if fixed else (),
        "on_collapse": case.on_collapse,
        "noise": case.noise,
        "missing": "marginalize" if case.missing else "raise",
        "reg_covar": case.reg_covar,
        "acceleration": case.acceleration,
        "dtype": case.dtype,
        "warm_start": case.warm,
    }
    return GaussianMixture(K, **(options | used | {"random_state": 0, "n_init": 2, "max_iter": 25} | changed))


def fitted(model: GaussianMixture, given: Problem) -> GaussianMixture | None:
    """The model after a fit; None where a component collapsed and that was to be an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        warnings.simplefilter("ignore", gmm.errors.ConvergenceWarning)
        try:
            return model.fit(given.X, **given.given)
        except CollapseError:
            if model.on_collapse != "raise":
                raise
            return None


def check_books(case: Case, model: GaussianMixture, given: Problem) -> None:
    """Objective, likelihood, posteriors, attributes."""
    single = case.dtype == "float32"
    for segment in np.split(model.lower_bounds_, model.segments_[1:]):
        assert (np.diff(segment) >= -(MONOTONE_FLOAT32 if single else MONOTONE)).all()
    score = model.score(given.X, **given.scored)
    assert abs(score - model.log_likelihood_) <= (SAME_SCORE_FLOAT32 if single else SAME_SCORE)
    posterior = model.predict_proba(given.X, **given.asked)
    assert posterior.shape == (len(given.X), K + (case.noise is not False))
    assert np.abs(posterior.sum(axis=1, dtype=float) - 1).max() <= (1e-5 if single else 1e-12)
    label = np.where(posterior.argmax(axis=1) == K, -1, posterior.argmax(axis=1))
    np.testing.assert_array_equal(model.predict(given.X, **given.asked), label)
    assert abs(model.weights_.sum() + model.noise_weight_ - 1) <= 1e-12
    numbers = [model.weights_, model.means_, model.covariances_, model.precisions_, model.lower_bounds_]
    numbers += [getattr(model, criterion)(given.X, **given.scored) for criterion in ("aic", "bic", "icl")]
    assert all(np.isfinite(number).all() for number in numbers)


def check_restraints(case: Case, model: GaussianMixture, given: Problem) -> None:
    """What was to be held, shared or bounded."""
    alive = model.weights_ > 0
    matrices = _matrices(model)
    if case.restraint in ("equal_weights", "several"):
        assert np.ptp(model.weights_[alive]) <= HELD
    if case.restraint == "fixed weights" and alive.all():
        np.testing.assert_allclose(model.weights_ / model.weights_.sum(), given.arrays["weights_init"], atol=HELD)
    if case.restraint in ("fixed means", "several"):
        held = slice(None) if case.restraint == "fixed means" else slice(1)
        np.testing.assert_allclose(model.means_[held], given.arrays["means_init"][held], atol=HELD * 16)
    if case.restraint == "fixed covariances":
        np.testing.assert_allclose(model.covariances_, given.arrays["covariances_init"], rtol=HELD)
    if case.restraint in ("eigen_ratio", "several"):
        e = np.linalg.eigvalsh(matrices[alive])
        assert e.max() <= e.min() * RATIO * (1 + 1e-9)
    if case.restraint == "shrinkage":
        assert np.linalg.eigvalsh(matrices[alive]).min() > 1e-3
    if case.structure in CODES and not any(record.cause == "floor" for record in model.collapses_):
        _check_code(case.structure, matrices[alive])


def _matrices(model: GaussianMixture) -> np.ndarray:
    """Covariances (K, D, D)."""
    S = model.covariances_
    shaped = {
        "tied": lambda: np.tile(S, (K, 1, 1)),
        "diag": lambda: S[:, :, None] * np.eye(D),
        "spherical": lambda: S[:, None, None] * np.eye(D),
    }
    return shaped.get(model.covariance_type, lambda: S)()


def _check_code(code: str, matrices: np.ndarray) -> None:
    """Volume, shape and orientation: equal, or of the identity, as far as the condition lets a matrix tell."""
    volume = np.linalg.det(matrices) ** (1 / D)
    shapes = matrices / volume[:, None, None]
    eigenvalues = np.linalg.eigvalsh(shapes)
    rtol = max(1e-9, 100 * EPS64 * (eigenvalues[:, -1] / eigenvalues[:, 0]).max())
    if code[0] == "E":
        np.testing.assert_allclose(volume, volume[0], rtol=rtol)
    if code[1] == "I":
        np.testing.assert_allclose(eigenvalues, 1.0, rtol=rtol)
    if code[1] == "E":
        np.testing.assert_allclose(eigenvalues, np.tile(eigenvalues[0], (len(shapes), 1)), rtol=rtol)
    if code[2] == "I":
        np.testing.assert_allclose(shapes, shapes * np.eye(D), atol=rtol)
    if code[2] == "E":
        commuted = shapes @ shapes[0] - shapes[0] @ shapes
        np.testing.assert_allclose(commuted / eigenvalues.max() ** 2, 0.0, atol=rtol)


def check_copies(model: GaussianMixture, given: Problem, path: Any) -> None:
    """Pickles and files answer with the same bits."""
    model.save(path)
    expected = model.predict_proba(given.X, **given.asked)
    for again in (pickle.load(io.BytesIO(pickle.dumps(model))), gmm.load(path)):
        np.testing.assert_array_equal(again.predict_proba(given.X, **given.asked), expected)
        np.testing.assert_array_equal(again.lower_bounds_, model.lower_bounds_)


def differ(a: GaussianMixture, b: GaussianMixture) -> float:
    """The largest difference of the objective along both climbs, and of weights and means."""
    if len(a.lower_bounds_) != len(b.lower_bounds_):
        return np.inf
    pairs = [(a.lower_bounds_, b.lower_bounds_), (a.weights_, b.weights_), (a.means_, b.means_)]
    return max(float(np.abs(x - y).max()) for x, y in pairs)
