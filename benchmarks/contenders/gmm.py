"""The library itself, through its public estimator."""

NAME = "gmm"
ALL_ROWS = True


def missing():
    try:
        from gmm import GaussianMixture  # noqa: F401
    except ImportError as error:
        return f"gmm is not built: {error}"
    return None


def supports(covariance_type, dtype):
    return True


def climber(X, start, n_threads):
    from gmm import GaussianMixture

    # every contender runs the plain EM map; compare.py also runs states of the code that know nothing else
    plain = {"acceleration": "none"} if "acceleration" in GaussianMixture().get_params() else {}

    def climb(n_iter):
        model = GaussianMixture(
            len(start.weights),
            covariance_type=start.covariance_type,
            tol=0.0,
            max_iter=n_iter,
            n_init=1,
            weights_init=start.weights,
            means_init=start.means,
            covariances_init=start.covariances,
            n_threads=n_threads,
            dtype=X.dtype,
            **plain,
        ).fit(X)
        return model.weights_, model.means_, model.covariances_

    return climb
