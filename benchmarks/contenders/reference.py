"""The NumPy twin: what readable code reaches without a kernel."""

NAME = "NumPy reference"
ALL_ROWS = False


def missing():
    return None


def supports(covariance_type, dtype):
    return dtype == "float64"


def climber(X, start, n_threads):
    from threadpoolctl import threadpool_limits

    from gmm.reference import fit

    def climb(n_iter):
        with threadpool_limits(n_threads):
            return fit(X, *start, n_iter)[:3]

    return climb
