# Part of _native.pyx: whole fits of few rows, starts of many.

cdef class Groups:
    """The arrays that a call borrows for many groups, and its scratch."""

    cdef Py_buffer *views
    cdef gmm_group *groups
    cdef void *scratch
    cdef int64_t n_views

    def __cinit__(self, int64_t n_groups):
        self.views = <Py_buffer *> malloc(max(1, 2 * n_groups) * sizeof(Py_buffer))
        self.groups = <gmm_group *> malloc(max(1, n_groups) * sizeof(gmm_group))
        if self.views == NULL or self.groups == NULL:
            raise MemoryError(f"cannot allocate room for {n_groups} groups")

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.n_views):
            PyBuffer_Release(&self.views[i])
        free(self.views)
        free(self.groups)
        free(self.scratch)

    cdef Py_buffer *borrow(self, array, int flags) except NULL:
        cdef Py_buffer *view = &self.views[self.n_views]
        PyObject_GetBuffer(array, view, flags)
        self.n_views += 1
        return view

    cdef int read_rows(self, gmm_rows *rows, X, sample_weight, int64_t n_features) except -1:
        cdef Py_buffer *view = self.borrow(X, PyBUF_FULL_RO)
        cdef char kind = element_kind(view)
        if kind != b"d" and kind != b"f" or view.ndim != 2 or view.shape[1] != n_features or view.shape[0] == 0:
            raise ValueError(f"X: expected rows of {n_features} float32 or float64")
        rows.data = view.buf
        rows.dtype = GMM_F64 if kind == b"d" else GMM_F32
        rows.n_rows, rows.n_features = view.shape[0], n_features
        rows.row_stride, rows.column_stride = view.strides[0], view.strides[1]
        rows.weight = rows.log_prior = NULL
        if sample_weight is None:
            return 0
        view = self.borrow(sample_weight, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        if element_kind(view) != b"d" or view.ndim != 1 or view.shape[0] != rows.n_rows:
            raise ValueError(f"sample_weight: expected {rows.n_rows} float64")
        rows.weight = <const double *> view.buf
        return 0


def scan_groups(list X, minimum, maximum, mean, scatter, weights, finite):
    cdef Call call = Call()
    cdef int64_t G = len(X), D = minimum.shape[1], g
    cdef double *low = call.total(minimum, "minimum", G, D)
    cdef double *high = call.total(maximum, "maximum", G, D)
    cdef double *middle = call.total(mean, "mean", G, D)
    cdef double *squares = call.total(scatter, "scatter", G, D)
    cdef double *weight = call.total(weights, "weights", G)
    cdef unsigned char *is_finite = <unsigned char *> call.array(finite, "finite", b"?", True, G)
    cdef size_t scratch_bytes = gmm_scratch_bytes(GMM_DIAG, GMM_F64, 1, D, 1)
    cdef gmm_status status = GMM_OK
    cdef gmm_columns columns
    cdef Groups many = Groups(G)
    for g in range(G):
        many.read_rows(&many.groups[g].rows, X[g], None, D)
        many.groups[g].rows.scale = many.groups[g].rows.centre = NULL
    many.scratch = malloc(max(<size_t> 1, scratch_bytes))
    if many.scratch == NULL:
        raise MemoryError(f"cannot allocate {scratch_bytes} bytes of scratch")
    with nogil:
        for g in range(G):
            columns.minimum, columns.maximum = low + g * D, high + g * D
            columns.mean, columns.scatter = middle + g * D, squares + g * D
            status = gmm_scan(&many.groups[g].rows, 1, many.scratch, scratch_bytes, &columns)
            is_finite[g] = status == GMM_OK
            weight[g] = columns.weight
            if status != GMM_OK and status != GMM_ENONFINITE:
                break
    if status != GMM_ENONFINITE:
        call.check(status)


def fit(list X, list sample_weight, scale, centre, floor, ridge, seeds, int kernel, int precision, int method,
        double tol, int64_t max_iter, int64_t short_iter, int64_t patience, weights, means, covariances, floored,
        traces, tables, log_likelihoods, endings, int n_threads, int form=0):
    cdef Call call = Call()
    cdef gmm_status status
    cdef gmm_plan plan
    cdef int64_t G = len(X), K, D, S, size, g, longest = 1
    cdef gmm_group *group
    if not 0 <= kernel <= 3 or not 0 <= precision <= 1 or not 0 <= method <= 5 or n_threads < 1:
        raise ValueError("kernel, precision, method, n_threads: out of range")
    if not 0 <= form < GMM_N_FORMS:
        raise ValueError("form: out of range")
    if max_iter < 0 or patience < 0:
        raise ValueError("max_iter, patience: out of range")
    K, D = means.shape[1:]
    S = seeds.shape[1]
    size = covariances.shape[1]
    plan.structure, plan.precision, plan.method = <gmm_structure> kernel, <gmm_dtype> precision, <gmm_method> method
    plan.form = <gmm_form> form
    plan.n_components, plan.n_starts, plan.tol = K, S, tol
    plan.max_iter, plan.short_iter, plan.patience = max_iter, short_iter, patience
    if size != (K * D * D, D * D, K * D, K)[kernel] or len(sample_weight) != G:
        raise ValueError("covariances, sample_weight: not of the right size")
    cdef const double *scales = call.vector(scale, "scale", G, D)
    cdef const double *centres = call.vector(centre, "centre", G, D)
    cdef const double *floors = call.vector(floor, "floor", G, D)
    cdef const double *ridges = <const double *> call.array(ridge, "ridge", b"d", False, G, D)
    cdef const uint64_t *seed = <const uint64_t *> call.array(seeds, "seeds", b"q", False, G, S)
    cdef double *weight = call.total(weights, "weights", G, K)
    cdef double *mean = call.total(means, "means", G, K, D)
    cdef double *covariance = call.total(covariances, "covariances", G, size)
    cdef unsigned char *on_floor = <unsigned char *> call.array(floored, "floored", b"?", True, G, K)
    cdef double *trace = call.total(traces, "traces", G, max_iter + 1)
    cdef double *table = call.total(tables, "tables", G, S, GMM_TABLE)
    cdef double *likelihood = call.total(log_likelihoods, "log_likelihoods", G)
    cdef int64_t *ending = <int64_t *> call.array(endings, "endings", b"q", True, G, 4)
    cdef Groups many = Groups(G)
    for g in range(G):
        group = many.groups + g
        many.read_rows(&group.rows, X[g], sample_weight[g], D)
        group.rows.scale, group.rows.centre, group.floor = scales + g * D, centres + g * D, floors + g * D
        group.ridge = ridges + g * D if ridges else NULL
        group.seed = seed + g * S
        group.mixture.structure, group.mixture.n_components, group.mixture.n_features = plan.structure, K, D
        group.mixture.weight, group.mixture.mean = weight + g * K, mean + g * K * D
        group.mixture.covariance, group.mixture.form = covariance + g * size, plan.form
        group.floored, group.trace = on_floor + g * K, trace + g * (max_iter + 1)
        group.table = table + g * S * GMM_TABLE
        longest = max(longest, group.rows.n_rows)
    cdef size_t scratch_bytes = gmm_fit_scratch_bytes(&plan, longest, D, n_threads)
    many.scratch = malloc(max(<size_t> 1, scratch_bytes))
    if many.scratch == NULL:
        raise MemoryError(f"cannot allocate {scratch_bytes} bytes of scratch")
    with nogil:
        status = gmm_fit(&plan, G, many.groups, n_threads, many.scratch, scratch_bytes)
    call.check(status)
    for g in range(G):
        group = many.groups + g
        likelihood[g] = group.log_likelihood
        ending[4 * g], ending[4 * g + 1] = group.stop, group.n_trace
        ending[4 * g + 2], ending[4 * g + 3] = group.n_started, group.winner


def start(X, sample_weight, scale, centre, floor, ridge, seeds, int kernel, int precision, int64_t n_candidates,
          n_iter, last, int64_t most_rows, weights, means, covariances, unusual, int n_threads):
    cdef Call call = Call()
    cdef gmm_status status
    cdef gmm_rehearsal rehearsal
    cdef int64_t S = len(seeds), K, D, size, s
    if not 0 <= kernel <= 3 or not 0 <= precision <= 1 or n_threads < 1:
        raise ValueError("kernel, precision, n_threads: out of range")
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    K, D, size = means.shape[1], call.rows.n_features, covariances.shape[1]
    if size != (K * D * D, D * D, K * D, K)[kernel]:
        raise ValueError("covariances: not of the right size")
    rehearsal.structure, rehearsal.precision, rehearsal.n_components = <gmm_structure> kernel, <gmm_dtype> precision, K
    rehearsal.n_candidates, rehearsal.n_rounds, rehearsal.most_rows = n_candidates, len(last), most_rows
    rehearsal.n_iter = <const int64_t *> call.array(n_iter, "n_iter", b"q", False, rehearsal.n_rounds)
    rehearsal.last = <const uint64_t *> call.array(last, "last", b"q", False, rehearsal.n_rounds)
    cdef const double *floors = call.vector(floor, "floor", D)
    cdef const double *ridges = <const double *> call.array(ridge, "ridge", b"d", False, D)
    cdef const uint64_t *seed = <const uint64_t *> call.array(seeds, "seeds", b"q", False, S)
    cdef double *weight = call.total(weights, "weights", S, K)
    cdef double *mean = call.total(means, "means", S, K, D)
    cdef double *covariance = call.total(covariances, "covariances", S, size)
    cdef unsigned char *unusually = <unsigned char *> call.array(unusual, "unusual", b"?", True, S)
    cdef gmm_mixture *mixtures = <gmm_mixture *> malloc(max(<int64_t> 1, S) * sizeof(gmm_mixture))
    call.scratch_bytes = gmm_start_scratch_bytes(&rehearsal, D, n_threads)
    call.scratch = malloc(max(<size_t> 1, call.scratch_bytes))
    if call.scratch == NULL or mixtures == NULL:
        free(mixtures)
        raise MemoryError(f"cannot allocate {call.scratch_bytes} bytes of scratch")
    for s in range(S):
        mixtures[s] = gmm_mixture(rehearsal.structure, K, D, weight + s * K, mean + s * K * D,
                                  covariance + s * size, GMM_OWN_FORM)
    with nogil:
        status = gmm_start(&rehearsal, &call.rows, ridges, floors, S, seed, n_threads, call.scratch,
                           call.scratch_bytes, mixtures, unusually)
    free(mixtures)
    call.check(status)
