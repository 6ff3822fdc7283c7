# Part of _native.pyx: one look at the columns of the rows.

def scan(X, sample_weight, int n_threads):
    import numpy as np

    cdef Call call = Call()
    cdef gmm_status status = GMM_OK
    call.read_rows(X, sample_weight)
    cdef int64_t D = call.rows.n_features
    found = np.empty((2, 4, D))
    found[0, 0], found[0, 1], found[0, 2:] = np.inf, -np.inf, 0.0
    cdef double *total = call.total(found, "found", 2, 4, D)
    cdef double *part = total + 4 * D
    cdef gmm_columns columns
    columns.minimum, columns.maximum, columns.mean, columns.scatter = part, part + D, part + 2 * D, part + 3 * D
    cdef double weight = 0.0
    cdef int64_t n_positive = 0
    columns.bad_row = columns.bad_column = -1
    call.factors.n_components, call.factors.n_features = 1, D
    call.factors.structure, call.factors.precision = GMM_DIAG, GMM_F64
    call.begin(n_threads)
    call.step, call.fixed = GMM_BLOCK_ROWS * max(<int64_t> 1, SCAN_SLICE // (GMM_BLOCK_ROWS * D)), True
    while columns.bad_row < 0 and call.next_slice():
        with nogil:
            status = gmm_scan(&call.rows, call.n_threads, call.scratch, call.scratch_bytes, &columns)
        if status != GMM_ENONFINITE:
            call.check(status)
        if columns.bad_row < 0 and columns.n_positive > 0:
            merge_columns(total, part, D, weight, columns.weight)
            weight += columns.weight
            n_positive += columns.n_positive
    minimum, maximum, mean, scatter = found[0]
    return {"minimum": minimum, "maximum": maximum, "mean": mean, "scatter": scatter, "weight": weight,
            "n_positive": n_positive, "bad_row": call.row + columns.bad_row if columns.bad_row >= 0 else -1,
            "bad_column": columns.bad_column}


cdef void merge_columns(double *total, const double *part, int64_t D, double weight, double part_weight) noexcept:
    """Merge minimum, maximum, mean and scatter (4, D) of two sets of rows (Chan, Golub, LeVeque 1983)."""
    cdef double share = part_weight / (weight + part_weight), step
    cdef int64_t j
    for j in range(D):
        total[j] = min(total[j], part[j])
        total[D + j] = max(total[D + j], part[D + j])
        step = part[2 * D + j] - total[2 * D + j]
        total[2 * D + j] += step * share
        total[3 * D + j] += part[3 * D + j] + step * step * share * weight
