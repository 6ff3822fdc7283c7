"""scikit-learn's GaussianMixture. ``reg_covar=0`` and ``tol=0``: the plain EM map, never stopped early."""

NAME = "scikit-learn"
ALL_ROWS = True


def missing():
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return "scikit-learn is not installed (pip install scikit-learn)"
    return None


def supports(covariance_type, dtype):
    return True


def climber(X, start, n_threads):
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    inverted = np.linalg.inv if start.covariance_type in ("full", "tied") else np.reciprocal
    precisions = inverted(start.covariances)

    def climb(n_iter):
        model = GaussianMixture(
            len(start.weights),
            covariance_type=start.covariance_type,
            tol=0.0,
            reg_covar=0.0,
            max_iter=n_iter,
            weights_init=start.weights,
            means_init=start.means,
            precisions_init=precisions,
        )
        with warnings.catch_warnings(), threadpool_limits(n_threads):
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X)
        return model.weights_, model.means_, model.covariances_

    return climb
