"""Factor analysers for tests: random ones, their matrices, and EM's step for them by dense formulas."""

from __future__ import annotations

import numpy as np

from gmm.covariances.factor import Factor
from gmm.parameters import Parameters
from gmm.statistics import Statistics


def analysers(n_components, n_features, n_factors, *, signal=1.0, is_common=False, seed=0):
    """Structure and parameters; `signal` is how many times the noise's standard deviation loadings are."""
    rng = np.random.default_rng([seed, n_components, n_features, n_factors])
    K, D, q = n_components, n_features, n_factors
    psi = rng.uniform(0.3, 1.5, (1 if is_common else K, D)) * np.ones((K, 1))
    loadings = signal * rng.normal(size=(K, q, D))
    weights = rng.dirichlet(np.full(K, 5.0))
    parameters = Parameters(weights, rng.normal(size=(K, D)), np.concatenate([psi[:, None], loadings], axis=1))
    return Factor(q, is_common), parameters


def matrices(covariances):
    """(K, D, D) from noise variances and loadings, one component at a time."""
    return np.stack([inner[1:].T @ inner[1:] + np.diag(inner[0]) for inner in covariances])


def drawn(parameters, n_rows, seed=0):
    """Rows of a mixture of analysers and the component of each."""
    rng = np.random.default_rng(seed)
    K, D = parameters.means.shape
    labels = rng.choice(K, n_rows, p=parameters.weights)
    noise = rng.normal(size=(n_rows, D)) * np.sqrt(parameters.covariances[labels, 0])
    factors = rng.normal(size=(n_rows, parameters.covariances.shape[1] - 1))
    signal = np.einsum("na,naj->nj", factors, parameters.covariances[labels, 1:])
    return parameters.means[labels] + signal + noise, labels


def along(X, mass, means, whiteners):
    """Statistics along directions, one component at a time; mass (N, K) is responsibility times weight."""
    first, second = [], []
    for k, mean in enumerate(means):
        c, w = X - mean, mass[:, k]
        first.append(w @ c)
        second.append(np.vstack([w @ c**2, (w[:, None] * (c @ whiteners[k, 1:].T)).T @ c]))
    n = mass.sum(axis=0)
    directions = whiteners[:, 1:]
    return Statistics(n, np.array(first), np.array(second), means, 0.0, float(n.sum()), len(X), along=directions)


def expanded_step(S, loadings, psi):
    """Parameter-expanded EM for one Gaussian of scatter S (D, D): loadings times their covariance's root, and psi.

    beta = L' inverse(L L' + psi);  E = I - beta L + beta S beta';  L* = S beta' inverse(E);  L = L* E^(1/2)
    """
    L = loadings.T
    beta = L.T @ np.linalg.inv(L @ L.T + np.diag(psi))
    E = np.eye(L.shape[1]) - beta @ L + beta @ S @ beta.T
    star = S @ beta.T @ np.linalg.inv(E)
    return star @ np.linalg.cholesky(E), np.diag(S - star @ beta @ S)
