# The C contract of csrc/gmm.h as Cython sees it. Shapes, units and aliasing stand there.
from libc.stdint cimport int64_t


cdef extern from "gmm.h" nogil:
    const int GMM_BLOCK_ROWS

    ctypedef enum gmm_status:
        GMM_OK
        GMM_EINVAL
        GMM_ESCRATCH
        GMM_ENONFINITE

    ctypedef enum gmm_dtype:
        GMM_F32
        GMM_F64

    ctypedef enum gmm_structure:
        GMM_FULL
        GMM_TIED
        GMM_DIAG
        GMM_SPHERICAL

    ctypedef struct gmm_rows:
        const void *data
        gmm_dtype dtype
        int64_t n_rows, n_features
        int64_t row_stride, column_stride
        const double *weight
        const double *scale
        const double *centre

    ctypedef struct gmm_factors:
        gmm_structure structure
        gmm_dtype precision
        int64_t n_components, n_features
        const double *log_constant
        const double *mean
        const double *whitener

    ctypedef struct gmm_statistics:
        double *n
        double *first
        double *second
        double log_likelihood
        double weight

    ctypedef struct gmm_columns:
        double *minimum
        double *maximum
        double *mean
        double *scatter
        double weight
        int64_t n_positive
        int64_t bad_row, bad_column

    size_t gmm_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components, int64_t n_features,
                             int n_threads)
    gmm_status gmm_accumulate(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                              size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row)
    gmm_status gmm_moments(const gmm_rows *rows, const gmm_factors *factors, const double *posterior,
                           const int64_t *label, int n_threads, void *scratch, size_t scratch_bytes,
                           gmm_statistics *statistics, int64_t *bad_row)
    gmm_status gmm_score(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                         size_t scratch_bytes, double *log_density, void *posterior, int64_t *label, int64_t *bad_row)
    gmm_status gmm_assign(const gmm_rows *rows, gmm_dtype precision, int64_t n_components, const double *centre,
                          int n_threads, void *scratch, size_t scratch_bytes, int64_t *label, double *distance,
                          double *n, double *sum, double *inertia, int64_t *bad_row)
    gmm_status gmm_scan(const gmm_rows *rows, int n_threads, void *scratch, size_t scratch_bytes,
                        gmm_columns *columns)
    const char *gmm_isa()
    const char *const *gmm_isas()
    int gmm_has_openmp()
    int gmm_max_threads()
    double gmm_peak_flops(gmm_dtype precision, int n_threads)
    const char *gmm_status_message(gmm_status status)
