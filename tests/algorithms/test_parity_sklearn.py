"""From the same start the fit walks the same path as scikit-learn and as the NumPy twin.

Without a ridge EM is one map with one answer, so parameters after 1, 5 and 50 iterations differ by rounding only.
The problem is chosen so that the map does not amplify it: three broad, overlapping components, hundreds of rows to
each, standardised, and a start near enough that none of them nearly empties on the way. `test_twins_agree` measures
that choice without the compiled path: the oracles themselves agree a hundred times closer than is asked of us.
"""

import warnings
from functools import cache

import numpy as np
import pytest
from tolerances import PARITY_SKLEARN, PARITY_TWIN

from gmm import GaussianMixture
from gmm.reference import fit as twin_fit

N_COMPONENTS = 3
STRUCTURES = ("full", "tied", "diag", "spherical")
SIZES = (1, 2, 5, 16, 33)
ITERATIONS = (1, 5, 50)
CASES = [(d, s) for d in SIZES for s in STRUCTURES]


@cache
def problem(n_features):
    """Standardised rows of three overlapping Gaussians, and three starting means among them."""
    rng = np.random.default_rng([7, n_features])
    centres = rng.normal(size=(N_COMPONENTS, n_features)) * 2.0 / np.sqrt(n_features)
    blocks = []
    for centre in centres:
        root = np.eye(n_features) + 0.5 * rng.normal(size=(n_features, n_features)) / np.sqrt(n_features)
        blocks.append(rng.normal(size=(400, n_features)) @ root + centre)
    X = rng.permutation(np.concatenate(blocks))
    mean, sd = X.mean(axis=0), X.std(axis=0)
    return (X - mean) / sd, (centres - mean) / sd + 0.3 * rng.normal(size=centres.shape) / np.sqrt(n_features)


def start(n_features, structure):
    """Unequal mixing weights, the problem's means, and covariances that are not a multiple of the identity."""
    rng = np.random.default_rng([11, n_features])
    variances = rng.uniform(0.5, 1.5, (N_COMPONENTS, n_features))
    tilt = rng.normal(size=(N_COMPONENTS, n_features, n_features)) / np.sqrt(n_features)
    dense = np.einsum("kj,jl->kjl", variances, np.eye(n_features)) + 0.2 * tilt @ tilt.transpose(0, 2, 1)
    covariances = {
        "full": dense,
        "tied": dense[0],
        "diag": variances,
        "spherical": variances.mean(axis=1),
    }[structure]
    return np.array([0.2, 0.3, 0.5]), problem(n_features)[1], covariances


def precisions(covariances, structure):
    return np.linalg.inv(covariances) if structure in ("full", "tied") else 1.0 / covariances


@cache
def ours(n_features, structure, n_iter):
    weights, means, covariances = start(n_features, structure)
    model = GaussianMixture(
        N_COMPONENTS,
        covariance_type=structure,
        tol=0.0,
        reg_covar=0.0,
        max_iter=n_iter,
        n_init=1,
        acceleration=None,
        weights_init=weights,
        means_init=means,
        precisions_init=precisions(covariances, structure),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: tol=0 never is
        model.fit(problem(n_features)[0])
    assert model.n_iter_ == n_iter
    return model


@cache
def theirs(n_features, structure, n_iter):
    mixture = pytest.importorskip("sklearn.mixture")
    weights, means, covariances = start(n_features, structure)
    model = mixture.GaussianMixture(
        N_COMPONENTS,
        covariance_type=structure,
        tol=0.0,
        reg_covar=0.0,
        max_iter=n_iter,
        weights_init=weights,
        means_init=means,
        precisions_init=precisions(covariances, structure),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(problem(n_features)[0])


@cache
def twin(n_features, structure, n_iter):
    return twin_fit(problem(n_features)[0], *start(n_features, structure), structure, n_iter)


def assert_agree(found, expected, tolerance):
    """Relative to the largest entry of each array: the data are standardised, so that is their unit."""
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


def parameters(model):
    return model.weights_, model.means_, model.covariances_


@pytest.mark.parametrize("n_iter", ITERATIONS)
@pytest.mark.parametrize(("n_features", "structure"), CASES)
def test_parameters_are_scikit_learns(n_features, structure, n_iter):
    found, expected = ours(n_features, structure, n_iter), theirs(n_features, structure, n_iter)
    assert_agree(parameters(found), parameters(expected), PARITY_SKLEARN)


@pytest.mark.parametrize("n_iter", ITERATIONS)
@pytest.mark.parametrize(("n_features", "structure"), CASES)
def test_parameters_are_the_twins(n_features, structure, n_iter):
    found, expected = ours(n_features, structure, n_iter), twin(n_features, structure, n_iter)
    assert_agree(parameters(found), expected[:3], PARITY_TWIN)
    n_samples = len(problem(n_features)[0])
    assert abs(found.log_likelihood_ - expected.log_likelihoods[-1] / n_samples) <= PARITY_TWIN


@pytest.mark.parametrize(("n_features", "structure"), CASES)
def test_twins_agree(n_features, structure):
    """The oracles among themselves, and proof that the path is not trivial: parameters go on moving."""
    expected = twin(n_features, structure, 50)
    assert_agree(parameters(theirs(n_features, structure, 50)), expected[:3], PARITY_TWIN / 100)
    assert np.abs(expected.means - twin(n_features, structure, 5).means).max() > 1e-4
    assert expected.weights.min() > 0.02
