"""Rows observed with error, and mixtures for them: every kind of error beside every structure."""

import numpy as np

from gmm.frame import Frame
from gmm.measured import measured
from gmm.missing import kind_of_rows
from gmm.parameters import Parameters

NAMES = ("full", "tied", "diag", "spherical")
KINDS = ("variances", "matrices", "shared variances", "shared matrix")


def random_matrices(n, n_features, rng):
    """Of condition 10 or so: the twin loses as many digits as they have."""
    roots = 0.4 * rng.normal(size=(n, n_features, n_features)) / np.sqrt(n_features) + np.eye(n_features)
    return roots @ roots.swapaxes(1, 2)


def random_parameters(name, n_features, n_components, rng):
    """Overlapping components around zero, in units of a frame."""
    D, K = n_features, n_components
    matrices = random_matrices(K, D, rng)
    variances = rng.uniform(0.5, 2, (K, D))
    covariances = {"full": matrices, "tied": matrices[0], "diag": variances, "spherical": variances[:, 0].copy()}[name]
    weights = rng.uniform(0.5, 1.5, K)
    return Parameters(weights / weights.sum(), rng.normal(size=(K, D)), covariances)


def random_errors(kind, n_rows, n_features, rng):
    """Errors of a hundredth of the components' size to ten times it; a fifth of the rows and features are without."""
    N, D = n_rows, n_features
    if kind.startswith("shared"):
        return rng.uniform(0.2, 2, D) if kind == "shared variances" else random_matrices(1, D, rng)[0]
    size = 10.0 ** rng.uniform(-2, 1, N) * (rng.random(N) > 0.2)
    exact = rng.random((N, D)) > 0.2
    if kind == "variances":
        return size[:, None] * rng.uniform(0.2, 2, (N, D)) * exact
    return size[:, None, None] * random_matrices(N, D, rng) * exact[:, None, :] * exact[:, :, None]


def observed(name, kind, n_features, n_components, *, n_rows=200, share=0.0, seed=0, dtype=np.float64, weighted=True):
    """Rows with errors, a share of the values missing, and parameters in their frame."""
    rng = np.random.default_rng([seed, n_features, n_components])
    X = rng.normal(3.0, 2.0, (n_rows, n_features)).astype(dtype)
    if share:
        X[rng.random(X.shape) < share] = np.nan
        X[0], X[1] = 1.0, np.nan
    columns = {"minimum": -5.0, "maximum": 9.0, "mean": 3.0, "scatter": 4.0}
    columns = {key: np.full(n_features, value) for key, value in columns.items()}
    frame = Frame.from_columns(columns | {"weight": 1.0}, "common", 2.0**-53)
    weight = 10.0 ** rng.uniform(-2, 2, n_rows) * (rng.random(n_rows) > 0.1) if weighted else None
    parameters = random_parameters(name, n_features, n_components, rng)
    rows = kind_of_rows(X, "marginalize")(X, weight, frame, X.dtype.name, 2)
    return measured(rows, random_errors(kind, n_rows, n_features, rng).astype(dtype)), parameters


def two_components():
    """Weights, means, covariances of two components that overlap, in two features."""
    covariances = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.5, -0.3], [-0.3, 1.2]]])
    return np.array([0.6, 0.4]), np.array([[0.0, 0.0], [2.0, 1.0]]), covariances


def simulated(n_rows=20_000, share=0.0, seed=7):
    """Rows of the two components with errors of very different size and direction, and these."""
    rng = np.random.default_rng(seed)
    weights, means, covariances = two_components()
    label = rng.choice(2, n_rows, p=weights)
    V = np.linalg.cholesky(covariances)[label]
    errors = rng.gamma(1.0, 1.0, (n_rows, 1, 1)) * (lambda A: A @ A.swapaxes(1, 2))(rng.normal(size=(n_rows, 2, 2)))
    drawn = rng.normal(size=(2, n_rows, 2))
    X = means[label] + np.einsum("nij,nj->ni", V, drawn[0])
    X += np.einsum("nij,nj->ni", np.linalg.cholesky(errors), drawn[1])
    X[rng.random(X.shape) < share] = np.nan
    return X, errors


def coordinates(weights, means, covariances):
    """The eleven free numbers of two components."""
    return np.concatenate([weights[:1], means.ravel(), covariances[:, [0, 0, 1], [0, 1, 1]].ravel()])
