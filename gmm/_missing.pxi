# Part of _native.pyx: passes over rows with missing values.

cdef class MissingCall(MixtureCall):
    """A call on rows and the runs of their patterns."""

    cdef gmm_runs runs
    cdef gmm_mixture mixture_seen
    cdef int64_t n_patterns
    cdef int64_t bad_component

    cdef int read(self, X, sample_weight, scale, centre, runs, int kernel, int precision, weights, means,
                  covariances) except -1:
        self.read_rows(X, sample_weight)
        self.read_frame(scale, centre)
        self.read_means(kernel, precision, means)
        self.mixture_seen = self.mixture(weights, means, covariances, False)
        batch, row, first, pattern, observed = runs
        cdef int64_t n_runs = len(pattern)
        self.runs.n_batches = len(batch) - 1
        self.runs.batch = <const int64_t *> self.array(batch, "batch", b"q", False, len(batch))
        self.runs.row = <const int64_t *> self.array(row, "row", b"q", False, len(row))
        self.runs.first = <const int64_t *> self.array(first, "first", b"q", False, n_runs + 1)
        self.runs.pattern = <const int64_t *> self.array(pattern, "pattern", b"q", False, n_runs)
        self.runs.observed = <const unsigned char *> self.array(
            observed, "observed", b"?", False, len(observed), self.rows.n_features)
        cdef int64_t r, n_listed = len(row)
        self.n_patterns = len(observed)
        for r in range(n_runs):
            if not 0 <= self.runs.pattern[r] < self.n_patterns or not (
                    0 <= self.runs.first[r] <= self.runs.first[r + 1] <= n_listed):
                raise ValueError(f"first, pattern: run {r} is not one")
        for r in range(self.runs.n_batches):
            if not 0 <= self.runs.batch[r] <= self.runs.batch[r + 1] <= n_runs:
                raise ValueError(f"batch: {r} is not one")
        return 0

    cdef int read_beside(self, log_noise, log_prior) except -1:
        self.runs.log_noise = <const double *> self.array(log_noise, "log_noise", b"d", False, self.n_patterns)
        return self.read_prior(log_prior)

    cdef int begin_runs(self, int n_threads) except -1:
        if n_threads < 1:
            raise ValueError(f"n_threads: expected a positive number, got {n_threads}")
        self.n_threads = n_threads
        self.scratch_bytes = gmm_missing_scratch_bytes(
            self.factors.structure, self.factors.precision, self.factors.n_components, self.factors.n_features,
            n_threads)
        self.scratch = malloc(max(<size_t> 1, self.scratch_bytes))
        if self.scratch == NULL:
            raise MemoryError(f"cannot allocate {self.scratch_bytes} bytes of scratch")
        self.rows.watch.stop, self.rows.watch.context = has_signal, <void *> self
        return 0

    cdef int check_runs(self, gmm_status status) except -1:
        if status == GMM_ESINGULAR:
            raise ArithmeticError(f"the covariance of component {self.bad_component} is not positive definite")
        return self.check(status)


def accumulate_missing(X, sample_weight, scale, centre, runs, int kernel, int precision, weights, means, covariances,
                       ridge, n, first, second, int n_threads, log_noise=None, log_prior=None):
    cdef MissingCall call = MissingCall()
    cdef gmm_status status
    cdef gmm_statistics sums
    call.read(X, sample_weight, scale, centre, runs, kernel, precision, weights, means, covariances)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef const double *variances = <const double *> call.array(ridge, "ridge", b"d", False, D)
    call.read_beside(log_noise, log_prior)
    sums.n, sums.first = call.total(n, "n", K), call.total(first, "first", K, D)
    sums.second = call.shaped(second, "second", True)
    sums.log_likelihood = sums.weight = sums.noise = 0.0
    call.begin_runs(n_threads)
    with nogil:
        status = gmm_accumulate_missing(&call.rows, &call.runs, &call.mixture_seen, variances,
                                        call.factors.precision, call.n_threads, call.scratch, call.scratch_bytes,
                                        &sums, &call.bad_row, &call.bad_component)
    call.check_runs(status)
    return sums.log_likelihood, sums.weight, sums.noise


def score_missing(X, scale, centre, runs, int kernel, int precision, weights, means, covariances, log_density,
                  posterior, label, int n_threads, log_noise=None, log_prior=None):
    cdef MissingCall call = MissingCall()
    cdef gmm_status status
    call.read(X, None, scale, centre, runs, kernel, precision, weights, means, covariances)
    call.read_beside(log_noise, log_prior)
    cdef int64_t columns = call.factors.n_components + (log_noise is not None)
    cdef double *density = call.total(log_density, "log_density", call.rows.n_rows)
    cdef void *shares = call.array(
        posterior, "posterior", b"d" if precision == GMM_F64 else b"f", True, call.rows.n_rows, columns)
    cdef int64_t *labels = <int64_t *> call.array(label, "label", b"q", True, call.rows.n_rows)
    call.begin_runs(n_threads)
    with nogil:
        status = gmm_score_missing(&call.rows, &call.runs, &call.mixture_seen, call.factors.precision,
                                   call.n_threads, call.scratch, call.scratch_bytes, density, shares, labels,
                                   &call.bad_row, &call.bad_component)
    call.check_runs(status)
