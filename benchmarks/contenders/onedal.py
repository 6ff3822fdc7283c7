"""Intel oneDAL through daal4py (``pip install scikit-learn-intelex``), the fastest peer.

It has full and diagonal covariances. It stops as soon as nothing improves and then misreports its iterations, so the
climb refuses a result of fewer iterations than were asked.
"""

NAME = "oneDAL"
ALL_ROWS = True


def missing():
    try:
        import daal4py
    except ImportError as error:
        return f"oneDAL is not installed (pip install scikit-learn-intelex): {error}"
    return None if hasattr(daal4py, "em_gmm") else "this daal4py has no em_gmm"


def supports(covariance_type, dtype):
    return covariance_type in ("full", "diag")


def climber(X, start, n_threads):
    import daal4py
    import numpy as np

    daal4py.daalinit(n_threads)
    diagonal = start.covariance_type == "diag"
    covariances = [np.atleast_2d(covariance).astype(X.dtype) for covariance in start.covariances]
    weights, means = start.weights[None].astype(X.dtype), start.means.astype(X.dtype)

    def climb(n_iter):
        result = daal4py.em_gmm(
            nComponents=len(start.weights),
            fptype="double" if X.dtype == np.float64 else "float",
            maxIterations=n_iter,
            accuracyThreshold=0.0,
            regularizationFactor=0.0,
            covarianceStorage="diagonal" if diagonal else "full",
        ).compute(X, weights, means, covariances)
        if int(result.nIterations[0, 0]) < n_iter:
            raise RuntimeError(f"oneDAL stopped after {int(result.nIterations[0, 0])} of {n_iter} iterations")
        stacked = np.stack(list(result.covariances))
        return result.weights[0], result.means, stacked[:, 0] if diagonal else stacked

    return climb
