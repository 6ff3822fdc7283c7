# Part of _native.pyx: the calls on mixtures and matrices.

cdef class MixtureCall(Call):
    """A call without rows."""

    cdef gmm_form form  # zero: of its own

    cdef int read_form(self, int form) except -1:
        if not 0 <= form < GMM_N_FORMS:
            raise ValueError(f"form: expected a number of gmm.parameters.Form, got {form}")
        self.form = <gmm_form> form
        return 0

    cdef int read_sizes(self, int kernel, means) except -1:
        if not 0 <= kernel <= 3:
            raise ValueError(f"kernel: expected 0 (full), 1 (tied), 2 (diag) or 3 (spherical), got {kernel}")
        self.factors.structure = <gmm_structure> kernel
        self.factors.n_components, self.factors.n_features = means.shape
        return 0

    cdef gmm_mixture mixture(self, weights, means, covariances, bint writable) except *:
        cdef int64_t K = self.factors.n_components, D = self.factors.n_features
        cdef gmm_mixture found
        found.structure = self.factors.structure
        found.n_components, found.n_features = K, D
        found.weight = <double *> self.array(weights, "weights", b"d", writable, K)
        found.mean = <double *> self.array(means, "means", b"d", writable, K, D)
        found.covariance = self.shaped(covariances, "covariances", writable)
        found.form = self.form
        return found

    cdef int take_scratch(self, int n_threads) except -1:
        if n_threads < 1:
            raise ValueError(f"n_threads: expected a positive number, got {n_threads}")
        self.n_threads = n_threads
        self.scratch_bytes = gmm_mixture_scratch_bytes(
            self.factors.structure, self.factors.n_components, self.factors.n_features, n_threads)
        self.scratch_bytes += gmm_form_scratch_bytes(
            self.form, self.factors.n_components, self.factors.n_features)
        self.scratch = malloc(max(<size_t> 1, self.scratch_bytes))
        if self.scratch == NULL:
            raise MemoryError(f"cannot allocate {self.scratch_bytes} bytes of scratch")
        return 0

    cdef int64_t singular(self, gmm_status status, int64_t bad) except -2:
        """Number of the matrix that is not positive definite, or -1."""
        if status != GMM_ESINGULAR:
            self.check(status)
        return bad


def factorize(int kernel, weights, means, covariances, ridge, log_constants, whiteners, int n_threads):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    cdef int64_t bad = -1
    call.read_sizes(kernel, means)
    cdef gmm_mixture mixture = call.mixture(weights, means, covariances, False)
    cdef const double *noise = <const double *> call.array(ridge, "ridge", b"d", False, mixture.n_features)
    cdef double *constant = call.total(log_constants, "log_constants", mixture.n_components)
    cdef double *whitener = call.shaped(whiteners, "whiteners", True)
    call.take_scratch(n_threads)
    with nogil:
        status = gmm_factorize(&mixture, noise, call.n_threads, call.scratch, call.scratch_bytes, constant, whitener,
                               &bad)
    return call.singular(status, bad)


def tied_is_safe(means, covariance, whitener):
    cdef MixtureCall call = MixtureCall()
    call.read_sizes(GMM_TIED, means)
    cdef gmm_mixture mixture = call.mixture(None, means, covariance, False)
    cdef const double *W = call.shaped(whitener, "whitener", False)
    return gmm_tied_is_safe(&mixture, W) != 0


def expand(log_constants, means, whitener, scatter, double radius, constants, slopes):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    cdef double common = 0, reach = 0, size = 0
    call.read_sizes(GMM_TIED, means)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef const double *given = call.vector(log_constants, "log_constants", K)
    cdef const double *mean = call.vector(means, "means", K, D)
    cdef const double *W = call.shaped(whitener, "whitener", False)
    cdef const double *T = call.vector(scatter, "scatter", D, D)
    cdef double *constant = call.total(constants, "constants", K)
    cdef double *slope = call.total(slopes, "slopes", K, D)
    call.take_scratch(1)
    with nogil:
        status = gmm_expand(K, D, given, mean, W, T, radius, call.scratch, call.scratch_bytes, constant, slope,
                            &common, &reach, &size)
    call.check(status)
    return common, reach, size


def pool(total, means, n, first, second):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_statistics sums
    call.read_sizes(GMM_TIED, means)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef const double *mean = call.vector(means, "means", K, D)
    cdef const double *whole = call.vector(total, "total", D, D)
    cdef double *within = call.total(second, "second", D, D)
    sums.n, sums.first = <double *> call.vector(n, "n", K), <double *> call.vector(first, "first", K, D)
    with nogil:
        gmm_pool(K, D, whole, mean, &sums, within)


def maximize(int kernel, n, first, second, about, previous_means, previous_covariances, ridge, floor, double epsilon,
             weights, means, covariances, floored, int n_threads, int form=0):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    cdef gmm_statistics sums
    call.read_form(form)
    call.read_sizes(kernel, means)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef bint is_pooled = kernel == GMM_TIED and second.ndim == 2
    sums.n, sums.first = <double *> call.vector(n, "n", K), <double *> call.vector(first, "first", K, D)
    if kernel == GMM_TIED and not is_pooled:
        sums.second = <double *> call.vector(second, "second", K, D, D)
    else:
        sums.second = call.shaped(second, "second", False)
    cdef const double *reference = call.vector(about, "about", K, D)
    cdef gmm_mixture previous = call.mixture(n, previous_means, previous_covariances, False)
    cdef gmm_mixture next = call.mixture(weights, means, covariances, True)
    cdef const double *noise = <const double *> call.array(ridge, "ridge", b"d", False, D)
    cdef const double *least = call.vector(floor, "floor", D)
    cdef unsigned char *on_floor = <unsigned char *> call.array(floored, "floored", b"?", True, K)
    call.take_scratch(n_threads)
    with nogil:
        status = gmm_maximize(&sums, reference, is_pooled, &previous, noise, least, epsilon, call.n_threads,
                              call.scratch, call.scratch_bytes, &next, on_floor)
    call.check(status)


def constrain(int form, n, previous, floor, double epsilon, covariances, floored):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    call.read_form(form)
    call.factors.structure = gmm_structure_of_form(call.form)
    call.factors.n_components, call.factors.n_features = len(n), len(floor)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef const double *weight = call.vector(n, "n", K)
    cdef const double *least = call.vector(floor, "floor", D)
    cdef const double *before = NULL if previous is None else call.shaped(previous, "previous", False)
    cdef double *found = call.shaped(covariances, "covariances", True)
    cdef unsigned char *on_floor = <unsigned char *> call.array(floored, "floored", b"?", True, K)
    call.take_scratch(1)
    with nogil:
        status = gmm_constrain(call.form, K, D, weight, before, least, epsilon, call.scratch, call.scratch_bytes,
                               found, on_floor)
    call.check(status)


def whiten(covariances, whiteners, int n_threads):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    cdef int64_t bad = -1
    call.factors.structure = GMM_FULL
    call.factors.n_components, call.factors.n_features = len(covariances), covariances.shape[1]
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef const double *matrix = call.vector(covariances, "covariances", K, D, D)
    cdef double *whitener = call.total(whiteners, "whiteners", K, D, D)
    call.take_scratch(n_threads)
    with nogil:
        status = gmm_whiten(K, D, matrix, call.n_threads, call.scratch, call.scratch_bytes, whitener, &bad)
    return call.singular(status, bad)


def lift(covariances, squares, floor, double epsilon, floored, int n_threads):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    call.read_sizes(GMM_FULL, squares)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    cdef double *matrix = call.total(covariances, "covariances", K, D, D)
    cdef const double *summed = call.vector(squares, "squares", K, D)
    cdef const double *least = call.vector(floor, "floor", D)
    cdef unsigned char *on_floor = <unsigned char *> call.array(floored, "floored", b"?", True, K)
    call.take_scratch(n_threads)
    with nogil:
        status = gmm_lift(K, D, matrix, summed, least, epsilon, call.n_threads, call.scratch, call.scratch_bytes,
                          on_floor)
    call.check(status)


def climb(X, sample_weight, scale, centre, int kernel, int precision, ridge, floor, total_scatter, double epsilon,
          double tol, int64_t max_iter, weights, means, covariances, n, first, second, floored, trace, int64_t n_trace,
          double log_likelihood, double weight, int form=0):
    cdef MixtureCall call = MixtureCall()
    cdef gmm_status status
    cdef gmm_limits limits
    cdef gmm_stop stop = GMM_AT_LIMIT
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    call.read_means(kernel, precision, means)
    call.read_form(form)
    cdef int64_t D = call.rows.n_features
    cdef gmm_mixture mixture = call.mixture(weights, means, covariances, True)
    cdef gmm_statistics sums = call.statistics(n, first, second)
    if sums.second == NULL:
        raise TypeError("second: expected a float64 array")
    sums.log_likelihood, sums.weight = log_likelihood, weight
    limits.precision, limits.epsilon, limits.tol = call.factors.precision, epsilon, tol
    limits.ridge = <const double *> call.array(ridge, "ridge", b"d", False, D)
    limits.floor = call.vector(floor, "floor", D)
    limits.total_scatter = <const double *> call.array(total_scatter, "total_scatter", b"d", False, D, D)
    cdef unsigned char *on_floor = <unsigned char *> call.array(
        floored, "floored", b"?", True, call.factors.n_components)
    cdef double *objectives = call.total(trace, "trace", max_iter + 1)
    call.scratch_bytes = gmm_climb_scratch_bytes(
        call.factors.structure, call.form, call.factors.precision, call.factors.n_components, D)
    call.scratch = malloc(max(<size_t> 1, call.scratch_bytes))
    if call.scratch == NULL:
        raise MemoryError(f"cannot allocate {call.scratch_bytes} bytes of scratch")
    limits.max_iter = max_iter
    with nogil:
        status = gmm_climb(&call.rows, &limits, &mixture, &sums, on_floor, objectives, &n_trace, &stop, call.scratch,
                           call.scratch_bytes)
    call.check(status)
    return n_trace, <int> stop, sums.log_likelihood, sums.weight


def has_converged(trace, double tol, double epsilon):
    cdef MixtureCall call = MixtureCall()
    cdef const double *objectives = call.vector(trace, "trace", len(trace))
    return gmm_has_converged(objectives, len(trace), tol, epsilon) != 0
