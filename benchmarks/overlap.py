"""Gaussians whose overlap is controlled: how often the nearest rival of a component takes a row of it, or gives one.

The overlap of two components is their mean rate of misclassification by Bayes' rule between the two of them; that of a
mixture the mean over its components of the overlap with the rival they share most with (5% is two unit Gaussians 3.3
standard deviations apart, 10% 2.6, 20% 1.7, 30% 1.05). Centres are N(0, 1) per feature times a factor, which is found
by bisection. Covariances have the structure that will be fitted, with standard deviations from 0.5 to 1.5 in random
directions, mixing weights are from 1 to 2 in ratio.

Letters: N rows, D features, K components.
"""

import numpy as np

DRAWN = 2000  # rows a component, of which the overlap is counted
HALVINGS = 25


def overlapping_rows(overlap, *, n_samples, n_features, n_components, covariance_type, seed):
    """(N, D) rows from K Gaussians of the given overlap and structure."""
    rng = np.random.default_rng([seed, n_features, n_components])
    weights = np.linspace(1.0, 2.0, n_components)
    weights /= weights.sum()
    centres = rng.normal(size=(n_components, n_features))
    roots = _roots(covariance_type, n_components, n_features, rng)
    drawn = rng.normal(size=(n_components, DRAWN, n_features))
    low, high = 0.0, 100.0
    for _ in range(HALVINGS):
        factor = (low + high) / 2
        if measured(weights, factor * centres, roots, drawn) > overlap:
            low = factor
        else:
            high = factor
    labels = rng.choice(n_components, n_samples, p=weights)
    noise = rng.normal(size=(n_samples, n_features))
    return high * centres[labels] + np.einsum("nij,nj->ni", roots[labels], noise)


def measured(weights, centres, roots, drawn):
    """The overlap of a mixture, counted on standard normal rows (K, DRAWN, D), the same for every mixture."""
    K = len(weights)
    inverses, log_det = np.linalg.inv(roots), np.log(np.abs(np.linalg.det(roots)))
    rows = centres[:, None] + np.einsum("kij,knj->kni", roots, drawn)
    whitened = np.einsum("cij,kncj->knci", inverses, rows[:, :, None] - centres)
    density = np.log(weights) - log_det - (whitened**2).sum(axis=-1) / 2
    taken = np.array([(density[k] > density[k, :, k : k + 1]).mean(axis=0) for k in range(K)])
    return ((taken + taken.T) / 2).max(axis=1).mean()


def _roots(covariance_type, K, D, rng):
    """Matrices (K, D, D) that colour standard normal rows."""
    basis = np.linalg.qr(rng.normal(size=(K, D, D)))[0]
    spreads = rng.uniform(0.5, 1.5, size=(K, D))
    return {
        "full": lambda: basis * spreads[:, None],
        "tied": lambda: np.repeat((basis * spreads[:, None])[:1], K, axis=0),
        "diag": lambda: np.eye(D) * spreads[:, None],
        "spherical": lambda: np.eye(D) * spreads[:, :1, None],
    }[covariance_type]()
