# Part of _native.pyx: passes over rows that are observed with error.

cdef class MeasuredCall(MixtureCall):
    """A call on rows and what is known of their errors."""

    cdef gmm_errors errors
    cdef gmm_mixture mixture_seen
    cdef gmm_measured_noise known_noise
    cdef gmm_measured_noise *noise  # NULL for none
    cdef int64_t bad_component

    cdef int read(self, X, sample_weight, scale, centre, errors, int kernel, int precision, weights, means,
                  covariances) except -1:
        self.read_rows(X, sample_weight)
        self.read_frame(scale, centre)
        self.read_means(kernel, precision, means)
        self.mixture_seen = self.mixture(weights, means, covariances, False)
        cdef Py_buffer *view = self.borrow(errors, "errors", PyBUF_FULL_RO)
        cdef char kind = element_kind(view)
        cdef int64_t D = self.rows.n_features
        if kind != b"d" and kind != b"f":
            raise TypeError(f"errors: expected float32 or float64 of native byte order, got {view.format.decode()!r}")
        if not 2 <= view.ndim <= 3 or view.shape[0] != self.rows.n_rows or view.shape[1] != D or (
                view.shape[view.ndim - 1] != D):
            raise ValueError(f"errors: expected shape {(self.rows.n_rows, D)} or {(self.rows.n_rows, D, D)}, "
                             f"got {tuple([view.shape[i] for i in range(view.ndim)])}")
        self.errors.data = view.buf
        self.errors.dtype = GMM_F64 if kind == b"d" else GMM_F32
        self.errors.are_variances = view.ndim == 2
        self.errors.row_stride, self.errors.stride[0] = view.strides[0], view.strides[1]
        self.errors.stride[1] = view.strides[view.ndim - 1]
        return 0

    cdef int read_beside(self, noise, log_prior) except -1:
        """noise: log of weight times density of whole rows, log of the weight, log lengths (D,); or None."""
        if noise is not None:
            self.known_noise.log_whole, self.known_noise.log_weight, log_lengths = noise
            self.known_noise.log_length = <const double *> self.array(
                log_lengths, "log_lengths", b"d", False, self.rows.n_features)
            self.noise = &self.known_noise
        return self.read_prior(log_prior)

    cdef int begin_measured(self, int n_threads) except -1:
        """Scratch for the call; Ctrl-C is answered in its midst."""
        if n_threads < 1:
            raise ValueError(f"n_threads: expected a positive number, got {n_threads}")
        cdef int64_t block_rows = gmm_measured_block_rows(self.factors.n_components, self.factors.n_features)
        cdef int64_t n_blocks = max(1, (self.rows.n_rows + block_rows - 1) // block_rows)
        self.n_threads = <int> min(<int64_t> n_threads, n_blocks)
        self.scratch_bytes = gmm_measured_scratch_bytes(
            self.factors.structure, self.factors.n_components, self.factors.n_features, self.errors.are_variances,
            self.n_threads)
        self.scratch = malloc(max(<size_t> 1, self.scratch_bytes))
        if self.scratch == NULL:
            raise MemoryError(f"cannot allocate {self.scratch_bytes} bytes of scratch")
        self.rows.watch.stop, self.rows.watch.context = has_signal, <void *> self
        return 0

    cdef int check_measured(self, gmm_status status) except -1:
        if status == GMM_ESINGULAR:
            raise ArithmeticError(f"the covariance of component {self.bad_component} is not positive definite")
        return self.check(status)


def accumulate_measured(X, sample_weight, scale, centre, errors, int kernel, weights, means, covariances, ridge, n,
                        first, second, int n_threads, noise=None, log_prior=None):
    cdef MeasuredCall call = MeasuredCall()
    cdef gmm_status status
    cdef gmm_statistics sums
    call.read(X, sample_weight, scale, centre, errors, kernel, GMM_F64, weights, means, covariances)
    cdef int64_t K = call.factors.n_components, D = call.factors.n_features
    call.read_beside(noise, log_prior)
    cdef const double *variances = <const double *> call.array(ridge, "ridge", b"d", False, D)
    sums.n, sums.first = call.total(n, "n", K), call.total(first, "first", K, D)
    sums.second = call.shaped(second, "second", True)
    sums.log_likelihood = sums.weight = sums.noise = 0.0
    call.begin_measured(n_threads)
    with nogil:
        status = gmm_accumulate_measured(&call.rows, &call.errors, &call.mixture_seen, call.noise, variances,
                                         call.n_threads, call.scratch, call.scratch_bytes, &sums, &call.bad_row,
                                         &call.bad_component)
    call.check_measured(status)
    return sums.log_likelihood, sums.weight, sums.noise


def score_measured(X, scale, centre, errors, int kernel, int precision, weights, means, covariances, log_density,
                   posterior, label, int n_threads, noise=None, log_prior=None):
    cdef MeasuredCall call = MeasuredCall()
    cdef gmm_status status
    call.read(X, None, scale, centre, errors, kernel, precision, weights, means, covariances)
    call.read_beside(noise, log_prior)
    cdef int64_t columns = call.factors.n_components + (noise is not None)
    cdef double *density = call.total(log_density, "log_density", call.rows.n_rows)
    cdef void *shares = call.array(
        posterior, "posterior", b"d" if precision == GMM_F64 else b"f", True, call.rows.n_rows, columns)
    cdef int64_t *labels = <int64_t *> call.array(label, "label", b"q", True, call.rows.n_rows)
    call.begin_measured(n_threads)
    with nogil:
        status = gmm_score_measured(&call.rows, &call.errors, &call.mixture_seen, call.noise,
                                    call.factors.precision, call.n_threads, call.scratch, call.scratch_bytes,
                                    density, shares, labels, &call.bad_row, &call.bad_component)
    call.check_measured(status)
