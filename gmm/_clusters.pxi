# Part of _native.pyx: the calls of k-means.

def assign(X, sample_weight, scale, centre, int precision, centres, label, distance, n, sum, int n_threads):
    cdef Call call = Call()
    cdef gmm_status status
    cdef double inertia = 0.0
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    call.read_means(GMM_SPHERICAL, precision, centres, "centres")
    cdef int64_t K = call.factors.n_components
    cdef int64_t *labels = <int64_t *> call.array(label, "label", b"q", True, call.rows.n_rows)
    cdef double *distances = call.total(distance, "distance", call.rows.n_rows)
    cdef double *weights = call.total(n, "n", K)
    cdef double *sums = call.total(sum, "sum", K, call.factors.n_features)
    call.begin(n_threads)
    with nogil:
        status = gmm_assign(&call.rows, call.factors.precision, K, call.factors.mean, call.n_threads, call.scratch,
                            call.scratch_bytes, labels, distances, weights, sums, &inertia, &call.bad_row)
    call.check(status)
    return inertia


def seed(X, sample_weight, scale, centre, int precision, candidates, closest, distance, potential, int n_threads):
    cdef Call call = Call()
    cdef gmm_status status
    call.read_rows(X, sample_weight)
    call.read_frame(scale, centre)
    call.read_means(GMM_SPHERICAL, precision, candidates, "candidates")
    cdef int64_t C = call.factors.n_components
    cdef const double *nearest = <const double *> call.array(closest, "closest", b"d", False, call.rows.n_rows)
    cdef double *distances = call.total(distance, "distance", call.rows.n_rows, C)
    cdef double *potentials = call.total(potential, "potential", C)
    if distances == NULL or potentials == NULL:
        raise TypeError("distance, potential: expected float64 arrays, got None")
    call.begin(n_threads)
    with nogil:
        status = gmm_seed(&call.rows, call.factors.precision, C, call.factors.mean, nearest, call.n_threads,
                          call.scratch, call.scratch_bytes, distances, potentials, &call.bad_row)
    call.check(status)


def ward(points, weights, pairs, costs):
    cdef Call call = Call()
    cdef gmm_status status
    cdef int64_t N = points.shape[0], D = points.shape[1]
    cdef const double *point = call.vector(points, "points", N, D)
    cdef const double *weight = <const double *> call.array(weights, "weights", b"d", False, N)
    cdef int64_t *pair = <int64_t *> call.array(pairs, "pairs", b"q", True, N - 1, 2)
    cdef double *cost = call.total(costs, "costs", N - 1)
    call.scratch_bytes = gmm_ward_scratch_bytes(N, D)
    call.scratch = malloc(max(<size_t> 1, call.scratch_bytes))
    if call.scratch == NULL:
        raise MemoryError(f"cannot allocate {call.scratch_bytes} bytes of scratch")
    with nogil:
        status = gmm_ward(N, D, point, weight, call.scratch, call.scratch_bytes, pair, cost)
    call.check(status)
