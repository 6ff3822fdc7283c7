# Part of _native.pyx: one look at the columns of the rows.

def scan(X, sample_weight, int n_threads):
    import numpy as np

    cdef Call call = Call()
    cdef gmm_status status
    call.read_rows(X, sample_weight)
    cdef int64_t D = call.rows.n_features
    found = np.empty((4, D))
    cdef double *total = call.total(found, "found", 4, D)
    cdef gmm_columns columns
    columns.minimum, columns.maximum, columns.mean, columns.scatter = total, total + D, total + 2 * D, total + 3 * D
    columns.bad_row = columns.bad_column = -1
    call.factors.n_components, call.factors.n_features = 1, D
    call.factors.structure, call.factors.precision = GMM_DIAG, GMM_F64
    call.begin(n_threads)
    with nogil:
        status = gmm_scan(&call.rows, call.n_threads, call.scratch, call.scratch_bytes, &columns)
    if status != GMM_ENONFINITE:
        call.check(status)
    minimum, maximum, mean, scatter = found
    return {"minimum": minimum, "maximum": maximum, "mean": mean, "scatter": scatter, "weight": columns.weight,
            "n_positive": columns.n_positive, "bad_row": columns.bad_row, "bad_column": columns.bad_column}
