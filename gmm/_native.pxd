# The C contract of csrc/gmm.h as Cython sees it. Shapes, units and aliasing stand there.
from libc.stdint cimport int64_t, uint64_t


cdef extern from "gmm.h" nogil:
    const int GMM_BLOCK_ROWS

    ctypedef enum gmm_status:
        GMM_OK
        GMM_EINVAL
        GMM_ESCRATCH
        GMM_ENONFINITE
        GMM_ESINGULAR
        GMM_ESTOPPED

    ctypedef enum gmm_dtype:
        GMM_F32
        GMM_F64

    ctypedef enum gmm_structure:
        GMM_FULL
        GMM_TIED
        GMM_LINEAR
        GMM_DIAG
        GMM_SPHERICAL
        GMM_FACTOR

    ctypedef enum gmm_skipping:
        GMM_SKIP_AUTO
        GMM_SKIP_NEVER
        GMM_SKIP_ALWAYS

    ctypedef struct gmm_watch:
        int (*stop)(void *context)
        void *context

    ctypedef struct gmm_rows:
        const void *data
        gmm_dtype dtype
        int64_t n_rows, n_features
        int64_t row_stride, column_stride
        const double *weight
        const double *log_prior
        const double *scale
        const double *centre
        gmm_watch watch

    ctypedef struct gmm_factors:
        gmm_structure structure
        gmm_dtype precision
        int64_t n_components, n_features, n_factors
        const double *log_constant
        const double *mean
        const double *whitener
        gmm_skipping skipping
        const double *log_noise

    ctypedef struct gmm_statistics:
        double *n
        double *first
        double *second
        double log_likelihood
        double weight
        double noise
        int64_t n_factors

    ctypedef enum gmm_form:
        GMM_OWN_FORM
        GMM_N_FORMS

    ctypedef struct gmm_mixture:
        gmm_structure structure
        int64_t n_components, n_features
        double *weight
        double *mean
        double *covariance
        gmm_form form

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
    gmm_status gmm_seed(const gmm_rows *rows, gmm_dtype precision, int64_t n_candidates, const double *candidate,
                        const double *closest, int n_threads, void *scratch, size_t scratch_bytes, double *distance,
                        double *potential, int64_t *bad_row)
    gmm_status gmm_scan(const gmm_rows *rows, int n_threads, void *scratch, size_t scratch_bytes,
                        gmm_columns *columns)
    size_t gmm_mixture_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features, int n_threads)
    gmm_status gmm_factorize(const gmm_mixture *mixture, const double *ridge, int n_threads, void *scratch,
                             size_t scratch_bytes, double *log_constant, double *whitener, int64_t *bad_component)
    int gmm_tied_is_safe(const gmm_mixture *mixture, const double *whitener)
    gmm_status gmm_expand(int64_t n_components, int64_t n_features, const double *log_constant, const double *mean,
                          const double *whitener, const double *scatter, double radius, void *scratch,
                          size_t scratch_bytes, double *constant, double *slope, double *common, double *reach,
                          double *common_size)
    void gmm_pool(int64_t n_components, int64_t n_features, const double *total, const double *mean,
                  const gmm_statistics *statistics, double *second)
    gmm_status gmm_maximize(const gmm_statistics *statistics, const double *about, int is_pooled,
                            const gmm_mixture *previous, const double *ridge, const double *floor, double epsilon,
                            int n_threads, void *scratch, size_t scratch_bytes, gmm_mixture *next,
                            unsigned char *floored)
    gmm_structure gmm_structure_of_form(gmm_form form)
    size_t gmm_form_scratch_bytes(gmm_form form, int64_t n_components, int64_t n_features)
    gmm_status gmm_constrain(gmm_form form, int64_t n_components, int64_t n_features, const double *n,
                             const double *previous, const double *floor, double epsilon, void *scratch,
                             size_t scratch_bytes, double *covariance, unsigned char *floored)
    gmm_status gmm_whiten(int64_t n_matrices, int64_t n_features, const double *covariance, int n_threads,
                          void *scratch, size_t scratch_bytes, double *whitener, int64_t *bad_matrix)
    gmm_status gmm_lift(int64_t n_matrices, int64_t n_features, double *covariance, const double *squares,
                        const double *floor, double epsilon, int n_threads, void *scratch, size_t scratch_bytes,
                        unsigned char *floored)

    ctypedef struct gmm_runs:
        int64_t n_batches
        const int64_t *batch
        const int64_t *row
        const int64_t *first
        const int64_t *pattern
        const unsigned char *observed
        const double *log_noise

    const int GMM_RUN_ROWS

    size_t gmm_missing_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components,
                                     int64_t n_features, int n_threads)
    gmm_status gmm_accumulate_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                                      const double *ridge, gmm_dtype precision, int n_threads, void *scratch,
                                      size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row,
                                      int64_t *bad_component)
    gmm_status gmm_score_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                                 gmm_dtype precision, int n_threads, void *scratch, size_t scratch_bytes,
                                 double *log_density, void *posterior, int64_t *label, int64_t *bad_row,
                                 int64_t *bad_component)

    ctypedef struct gmm_limits:
        gmm_dtype precision
        const double *ridge
        const double *floor
        const double *total_scatter
        double epsilon, tol
        int64_t max_iter

    ctypedef enum gmm_stop:
        GMM_AT_LIMIT
        GMM_CONVERGED
        GMM_UNUSUAL
        GMM_FELL

    size_t gmm_climb_scratch_bytes(gmm_structure structure, gmm_form form, gmm_dtype precision, int64_t n_components,
                                   int64_t n_features)
    gmm_status gmm_climb(const gmm_rows *rows, const gmm_limits *limits, gmm_mixture *mixture,
                         gmm_statistics *statistics, unsigned char *floored, double *trace, int64_t *n_trace,
                         gmm_stop *stop, void *scratch, size_t scratch_bytes)

    int gmm_has_converged(const double *trace, int64_t n_trace, double tol, double epsilon)
    const char *gmm_isa()
    const char *const *gmm_isas()
    int gmm_has_openmp()
    int gmm_max_threads()
    double gmm_peak_flops(gmm_dtype precision, int n_threads)
    const char *gmm_status_message(gmm_status status)


cdef extern from "fits.h" nogil:
    ctypedef enum gmm_method:
        GMM_METHOD_KMEANS

    ctypedef struct gmm_plan:
        gmm_structure structure
        gmm_form form
        gmm_dtype precision
        gmm_method method
        int64_t n_components, n_starts
        double tol
        int64_t max_iter, short_iter, patience

    const int GMM_TABLE

    ctypedef struct gmm_group:
        gmm_rows rows
        const double *ridge
        const double *floor
        const uint64_t *seed
        gmm_mixture mixture
        unsigned char *floored
        double *trace
        double *table
        double log_likelihood
        int64_t n_trace, n_started, winner
        gmm_stop stop

    size_t gmm_fit_scratch_bytes(const gmm_plan *plan, int64_t n_rows, int64_t n_features, int n_threads)
    gmm_status gmm_fit(const gmm_plan *plan, int64_t n_groups, gmm_group *groups, int n_threads, void *scratch,
                       size_t scratch_bytes)

    ctypedef struct gmm_rehearsal:
        gmm_structure structure
        gmm_dtype precision
        int64_t n_components, n_candidates, n_rounds
        const int64_t *n_iter
        const uint64_t *last
        int64_t most_rows

    size_t gmm_start_scratch_bytes(const gmm_rehearsal *rehearsal, int64_t n_features, int n_threads)
    gmm_status gmm_start(const gmm_rehearsal *rehearsal, const gmm_rows *rows, const double *ridge,
                         const double *floor, int64_t n_starts, const uint64_t *seed, int n_threads, void *scratch,
                         size_t scratch_bytes, gmm_mixture *begun, unsigned char *unusual)
    size_t gmm_ward_scratch_bytes(int64_t n_rows, int64_t n_features)
    gmm_status gmm_ward(int64_t n_rows, int64_t n_features, const double *point, const double *weight, void *scratch,
                        size_t scratch_bytes, int64_t *pair, double *cost)


cdef extern from "measured.h" nogil:
    ctypedef struct gmm_errors:
        const void *data
        gmm_dtype dtype
        int are_variances
        int64_t row_stride
        int64_t stride[2]

    ctypedef struct gmm_measured_noise:
        double log_whole, log_weight
        const double *log_length

    int64_t gmm_measured_block_rows(int64_t n_components, int64_t n_features)
    size_t gmm_measured_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features,
                                      int are_variances, int n_threads)
    gmm_status gmm_accumulate_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                                       const gmm_measured_noise *noise, const double *ridge, int n_threads,
                                       void *scratch, size_t scratch_bytes, gmm_statistics *statistics,
                                       int64_t *bad_row, int64_t *bad_component)
    gmm_status gmm_score_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                                  const gmm_measured_noise *noise, gmm_dtype precision, int n_threads,
                                  void *scratch, size_t scratch_bytes, double *log_density, void *posterior,
                                  int64_t *label, int64_t *bad_row, int64_t *bad_component)


cdef extern from "factor.h" nogil:
    size_t gmm_factor_scratch_bytes(gmm_dtype precision, int64_t n_components, int64_t n_features, int64_t n_factors,
                                    int n_threads)
