/* gmm.h: the contract of the compiled core.
 *
 * What it does: one pass over rows (given factors, what a kernel needs of a
 * mixture, it accumulates sufficient statistics, scores rows, or assigns rows
 * to centres), and the rest of an EM iteration: factors of a mixture, the
 * mixture that maximises the likelihood of given statistics, and for few rows
 * the whole climb.
 *
 * Letters: N rows, D features, K components. Matrices are row-major unless a
 * stride is given. All sizes are int64_t. No function allocates, prints,
 * keeps state between calls (the table of kernels and the thread pool apart)
 * or touches Python. Nothing is written through a const pointer; outputs must
 * not overlap inputs.
 *
 * Units: nats. Coordinates: the frame's, x' = x * scale - centre, applied row
 * by row while a tile is packed; a log-density in user units is the one given
 * here plus sum_j log(scale_j), which is the caller's to add.
 *
 * Determinism: rows are cut into blocks of GMM_BLOCK_ROWS counted from the
 * first row of the call; each block is summed by one thread and blocks are
 * merged in order. So results are the same bits for any n_threads, and a call
 * over N rows equals calls over consecutive slices whose lengths (but the
 * last) are multiples of GMM_BLOCK_ROWS, accumulating into the same totals.
 */
#ifndef GMM_H
#define GMM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GMM_BLOCK_ROWS 1024

typedef enum {
    GMM_OK = 0,
    GMM_EINVAL = 1,     /* an argument is outside its contract */
    GMM_ESCRATCH = 2,   /* scratch_bytes is smaller than gmm_scratch_bytes() says */
    GMM_ENONFINITE = 3, /* a row is NaN or infinite; its index was written to bad_row */
    GMM_ESINGULAR = 4,  /* a covariance is not positive definite; its component was written to bad_component */
    GMM_ESTOPPED = 5    /* gmm_rows.watch asked for it; what would have been written is unspecified */
} gmm_status;

typedef enum { GMM_F32 = 0, GMM_F64 = 1 } gmm_dtype;

/* Which triangular factor the Mahalanobis distance uses, and its shape.
 * Also the shape of the second moments. */
typedef enum {
    GMM_FULL = 0,      /* whitener (K, D, D), second (K, D, D) */
    GMM_TIED = 1,      /* whitener (D, D),    second not written: see gmm_accumulate */
    GMM_DIAG = 2,      /* whitener (K, D),    second (K, D) */
    GMM_SPHERICAL = 3, /* whitener (K,),      second (K,) */
    GMM_LINEAR = 4,    /* whitener (K, D) = slopes, second not written: for one pass only, see gmm_factors */
    GMM_FACTOR = 5     /* whitener (K, 1 + q, D), second (K, 1 + q, D): for passes over rows, see factor.h */
} gmm_structure;

/* What components share beyond the structure: mclust's codes, whose letters are those of volume, shape and orientation
 * (E equal, V varying, I along the features). Shapes are those of GMM_SPHERICAL (EII), GMM_DIAG (EEI VEI EVI) and
 * GMM_FULL; the four codes that are not listed share nothing, or all (GMM_TIED). */
typedef enum {
    GMM_OWN_FORM = 0, /* nothing */
    GMM_EII, GMM_EEI, GMM_VEI, GMM_EVI, GMM_VEE, GMM_EVE, GMM_VVE, GMM_EEV, GMM_VEV, GMM_EVV,
    GMM_N_FORMS
} gmm_form;

/* Whether gmm_accumulate leaves components out of a row's sums whose density there is below 2^-58 of the largest.
 * GMM_FULL with more than 8 features only (4 on avx2 and scalar); GMM_LINEAR with 128 or more, and GMM_FACTOR, whose
 * moments leave them out unless forbidden; the other structures and calls never do. */
typedef enum {
    GMM_SKIP_AUTO = 0,   /* in blocks of rows where it is faster, if the factors promise that there are any */
    GMM_SKIP_NEVER = 1,
    GMM_SKIP_ALWAYS = 2
} gmm_skipping;

/* Who may end a call early: `stop`, unless NULL, is asked between blocks of rows, some twenty times a second and only on
 * the thread that called. Not 0: no block begins any more, and the call returns GMM_ESTOPPED once those begun are done. */
typedef struct {
    int (*stop)(void *context);
    void *context;
} gmm_watch;

/* Rows as the user holds them; never copied whole. */
typedef struct {
    const void *data;    /* element (i, j) at data + i * row_stride + j * column_stride; any alignment */
    gmm_dtype dtype;     /* of the elements */
    int64_t n_rows, n_features;
    int64_t row_stride, column_stride;  /* bytes, may be zero or negative */
    const double *weight;               /* (N,) sample weights >= 0, or NULL for ones */
    const double *log_prior;            /* (N, K) row-major, K that of the factors: added to the log densities of a
                                           row's components in gmm_accumulate and gmm_score; numbers or -inf, in
                                           every row one that is finite where log_constant is. NULL for zeros */
    const double *scale, *centre;       /* (D,) the frame: x' = x * scale - centre, evaluated in double */
    gmm_watch watch;                    /* heeded by calls that have n_threads */
} gmm_rows;

/* A mixture, ready for a kernel. log density of component k at x':
 *     log_constant[k] - |whitener_k (x' - mean_k)|^2 / 2
 * or, GMM_LINEAR, one covariance S for all components with the square expanded:
 *     log_constant[k] + whitener_k . x'          whitener_k = S^-1 mean_k
 * where the caller put -mean_k . whitener_k / 2 into log_constant[k] and adds
 * -x' S^-1 x' / 2, the same for all components, to the row's log density.
 * log_constant holds log weight + log normaliser + any additive constant
 * (noise, ridge, Bayes); -inf switches a component off. */
typedef struct {
    gmm_structure structure;
    gmm_dtype precision;          /* of the arithmetic on tiles; sums over blocks are double in any case */
    int64_t n_components, n_features, n_factors; /* n_factors: q of GMM_FACTOR, 1 to D, otherwise not read */
    const double *log_constant;   /* (K,) */
    const double *mean;           /* (K, D); not NULL, but not read for GMM_LINEAR */
    const double *whitener;       /* lower triangular W with W'W = inverse covariance (the strict upper triangle is
                                     not read); 1/sd for GMM_DIAG and GMM_SPHERICAL; slopes for GMM_LINEAR */
    gmm_skipping skipping;
    const double *log_noise;      /* one number: log density of noise times its weight, the same for every row, or -inf.
                                     NULL: no noise. Not for GMM_LINEAR, whose log densities lack what they share */
} gmm_factors;

/* Sufficient statistics; every call ADDS to what is there. w_i is the sample
 * weight, r_ik the responsibility, c = x' - mean_k, for GMM_LINEAR c = x'. */
typedef struct {
    double *n;              /* (K,)    sum_i w r */
    double *first;          /* (K, D)  sum_i w r c */
    double *second;         /* sum_i w r c c' in the structure's shape (full: both triangles; diagonal: the
                               diagonal; spherical: the trace). May be NULL for GMM_TIED and GMM_LINEAR, which do
                               not write it: the pooled scatter is total minus between (without noise, which takes its
                               share of the total), see Statistics in Python */
    double log_likelihood;  /* sum_i w_i log (exp log_noise + sum_k exp(log density)), nats, frame coordinates */
    double weight;          /* sum_i w_i */
    double noise;           /* sum_i w_i times the responsibility of noise, 1 - sum_k r_ik */
    int64_t n_factors;      /* that of the factors, for GMM_FACTOR */
} gmm_statistics;

/* A mixture in frame coordinates. Results of gmm_maximize are written through these pointers. */
typedef struct {
    gmm_structure structure;
    int64_t n_components, n_features;
    double *weight;      /* (K,) mixing weights; 0 for a dead component */
    double *mean;        /* (K, D) */
    double *covariance;  /* symmetric (K, D, D), tied (D, D); variances (K, D) diagonal, (K,) spherical */
    gmm_form form;       /* one of the structure's shape, or none */
} gmm_mixture;

/* What gmm_scan finds of each column of x' = x * scale - centre (for the scan either may be NULL: 1 and 0), over
 * rows of positive weight; without such rows minimum is inf, maximum -inf, the rest 0. */
typedef struct {
    double *minimum, *maximum;  /* (D,) */
    double *mean, *scatter;     /* (D,) weighted mean, weighted sum of squares about it: overwritten, not added. The
                                   mean never overflows; scatter is inf where it cannot be written, and may have
                                   underflowed where it is below 1e-290 */
    double weight;              /* sum_i w_i */
    int64_t n_positive;         /* rows with w_i > 0 */
    int64_t bad_row, bad_column;/* first NaN or infinity in row order (any weight), or -1, -1 */
} gmm_columns;

/* Bytes of scratch that any of the calls below needs, at most, for these
 * sizes and this number of threads; independent of N. 0 for invalid sizes. */
size_t gmm_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components, int64_t n_features,
                         int n_threads);

/* E-step and sufficient statistics in one pass; no N x K array.
 * scratch: any alignment, scratch_bytes >= gmm_scratch_bytes(...). bad_row: not NULL.
 * Rows of weight zero contribute nothing, but must be finite.
 * On GMM_ENONFINITE the statistics are unspecified. */
gmm_status gmm_accumulate(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                          size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row);

/* Same sums with responsibilities given instead of computed: posterior (N, K)
 * row-major double, or label (N,) in [0, K), -1 for a row that belongs to
 * none (any other label is GMM_EINVAL); exactly one of the two is not NULL,
 * or neither when K = 1 and every row belongs to it. Of factors only
 * structure, precision, sizes and mean are read (FULL, DIAG, SPHERICAL), and
 * the whitener of FACTOR.
 * log_likelihood is left alone. */
gmm_status gmm_moments(const gmm_rows *rows, const gmm_factors *factors, const double *posterior,
                       const int64_t *label, int n_threads, void *scratch, size_t scratch_bytes,
                       gmm_statistics *statistics, int64_t *bad_row);

/* Log-densities of the mixture (N,), posteriors (N, K) row-major in
 * factors->precision, labels (N,) = the largest component density, lowest k
 * on ties. With noise posteriors are (N, K + 1), noise the last, and a label
 * is -1 where noise is likelier than any component. Any output may be NULL. A row's bits do not depend on the other
 * rows. Rows so far out that every density underflows get the posterior and
 * label of the smallest Mahalanobis distance (linear: of the largest form)
 * and log-density -inf where the distance overflows. sample weights are ignored. */
gmm_status gmm_score(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                     size_t scratch_bytes, double *log_density, void *posterior, int64_t *label, int64_t *bad_row);

/* Nearest centre by Euclidean distance in frame coordinates (k-means). centre
 * (K, D). Outputs, each may be NULL: label (N,) lowest k on ties; distance
 * (N,) squared; n (K,) += w; sum (K, D) += w (x' - centre_label); inertia
 * += w distance (never NULL). precision is that of the tile arithmetic. */
gmm_status gmm_assign(const gmm_rows *rows, gmm_dtype precision, int64_t n_components, const double *centre,
                      int n_threads, void *scratch, size_t scratch_bytes, int64_t *label, double *distance,
                      double *n, double *sum, double *inertia, int64_t *bad_row);

/* One more seed of k-means, each of some candidates (C, D) in frame coordinates tried: distance (N, C) row-major =
 * min(closest, squared distance to the candidate), potential (C,) += w distance. closest (N,) is the squared distance
 * to the nearest seed so far, NULL before the first. precision is that of the tile arithmetic. */
gmm_status gmm_seed(const gmm_rows *rows, gmm_dtype precision, int64_t n_candidates, const double *candidate,
                    const double *closest, int n_threads, void *scratch, size_t scratch_bytes, double *distance,
                    double *potential, int64_t *bad_row);

/* Column ranges, means and scatter in one pass, and the first non-finite value. Always in double. On GMM_ENONFINITE
 * bad_row and bad_column are set and the rest is unspecified. */
gmm_status gmm_scan(const gmm_rows *rows, int n_threads, void *scratch, size_t scratch_bytes, gmm_columns *columns);

/* Bytes of scratch that any of the calls below on mixtures and matrices needs, at most; 0 for invalid sizes. They use
 * at most one thread for each matrix, and bits do not depend on how many. */
size_t gmm_mixture_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features, int n_threads);

/* Log constants (K,) and whiteners in the structure's shape (zeros above the diagonal):
 *     log weight - D/2 log(2 pi) + log det W - 1/2 sum_j ridge_j (W'W)_jj,    W'W = inverse covariance
 * ridge (D,) variances, or NULL. On GMM_ESINGULAR bad_component (not NULL) is the first one without a factor, and the
 * outputs are unspecified. Variances are taken to be positive. */
gmm_status gmm_factorize(const gmm_mixture *mixture, const double *ridge, int n_threads, void *scratch,
                         size_t scratch_bytes, double *log_constant, double *whitener, int64_t *bad_component);

/* Whether GMM_TIED may be asked to whiten rows once and subtract whitened means, and its scatter be total minus
 * between: for all k and j, |W mean_k|^2 and (W'W)_jj (covariance_jj + max_k mean_kj^2) at most 2^16, an error of
 * 1e-11 nats. Otherwise the factors must be K copies, as GMM_FULL. */
int gmm_tied_is_safe(const gmm_mixture *mixture, const double *whitener);

/* A tied mixture as GMM_LINEAR, P = W'W the inverse covariance and T the total scatter (D, D) per unit of sample weight:
 *     slope_k = P mean_k    constant_k = log_constant_k - mean_k . slope_k / 2
 *     common = tr(P T) / 2, what the forms leave out of the log-likelihood per unit of sample weight
 *     common_size = sum_ij |P_ij T_ij| / 2
 * and reach, the size of what cancels, of rows within radius: the largest of sum_j |slope_kj| (radius + |mean_kj| / 2)
 * and P_jj max(T_jj, mean_kj^2). scratch: gmm_mixture_scratch_bytes for one thread. */
gmm_status gmm_expand(int64_t n_components, int64_t n_features, const double *log_constant, const double *mean,
                      const double *whitener, const double *scatter, double radius, void *scratch,
                      size_t scratch_bytes, double *constant, double *slope, double *common, double *reach,
                      double *common_size);

/* Pooled scatter of a tied mixture, second (D, D), from the total scatter about the frame's centre and from the sums n
 * and first about mean: total - sum_k (first_k mean_k' + mean_k first_k' + n_k mean_k mean_k'). */
void gmm_pool(int64_t n_components, int64_t n_features, const double *total, const double *mean,
              const gmm_statistics *statistics, double *second);

/* The M-step, with d_k = first_k / n_k:
 *     weight_k = n_k / sum n    mean_k = about_k + d_k    S_k = second_k / n_k - d_k d_k' + diag(ridge)
 * and the covariances of the structure and form closest to the S_k in likelihood, raised to the floor where
 * rounding made it singular, or the one in `previous` where that is likelier than the raised (see
 * csrc/kernels/floor.inc.c and landing.inc.c). A component with n_k = 0 keeps mean and covariance of
 * `previous` and gets weight 0. about (K, D): what the moments are about. second: in the structure's shape; tied: (K,
 * D, D) when `is_pooled` is 0, else (D, D), a difference of sums about the frame's centre, as gmm_pool leaves it.
 * ridge (D,) or NULL, floor (D,): variances. epsilon: unit roundoff of the arithmetic that made the sums. next: must
 * not overlap anything else. floored (K,): 1 for components that rest on the floor. Iterations inside a form begin with
 * `previous`, unless it is all zeros. Scratch: gmm_mixture_scratch_bytes + gmm_form_scratch_bytes. */
gmm_status gmm_maximize(const gmm_statistics *statistics, const double *about, int is_pooled,
                        const gmm_mixture *previous, const double *ridge, const double *floor, double epsilon,
                        int n_threads, void *scratch, size_t scratch_bytes, gmm_mixture *next,
                        unsigned char *floored);

/* Structure whose shape a form's covariances have. */
gmm_structure gmm_structure_of_form(gmm_form form);

/* Covariances (K, ...) of a form from scatters of its shape, in place; n, previous, floor, epsilon and floored as for
 * gmm_maximize, previous may be NULL. The bytes of scratch that this takes; 0 for GMM_OWN_FORM. */
size_t gmm_form_scratch_bytes(gmm_form form, int64_t n_components, int64_t n_features);
gmm_status gmm_constrain(gmm_form form, int64_t n_components, int64_t n_features, const double *n,
                         const double *previous, const double *floor, double epsilon, void *scratch,
                         size_t scratch_bytes, double *covariance, unsigned char *floored);

/* The same for matrices (K, D, D) of their own: whiteners; and the floor, in place, with the squares (K, D) that were
 * summed. Scratch as for GMM_FULL. */
gmm_status gmm_whiten(int64_t n_matrices, int64_t n_features, const double *covariance, int n_threads, void *scratch,
                      size_t scratch_bytes, double *whitener, int64_t *bad_matrix);
gmm_status gmm_lift(int64_t n_matrices, int64_t n_features, double *covariance, const double *squares,
                    const double *floor, double epsilon, int n_threads, void *scratch, size_t scratch_bytes,
                    unsigned char *floored);

/* Which values of some rows are missing (NaN): batches of runs, a run of rows with the same pattern. */
typedef struct {
    int64_t n_batches;
    const int64_t *batch;          /* (n_batches + 1,) where each batch begins among the runs */
    const int64_t *row;            /* numbers of rows, run after run, ascending within a run */
    const int64_t *first;          /* (n_runs + 1,) where each run begins in `row`; at most GMM_RUN_ROWS rows each */
    const int64_t *pattern;        /* (n_runs,) */
    const unsigned char *observed; /* (n_patterns, D) 1 for a feature that is observed, 0 for one that is missing */
    const double *log_noise;       /* (n_patterns,) log density of noise at the observed features (of none: 0) plus the
                                      log of its weight, or -inf. NULL: no noise. Not for sums of GMM_TIED */
} gmm_runs;

#define GMM_RUN_ROWS 4096

/* gmm_accumulate and gmm_score of rows with missing values: a row has the density of its observed features, 1 when
 * there are none, and its moments are expectations given these. rows->log_prior as for gmm_accumulate. mixture: weights, means and covariances, of which no
 * more than sizes are checked; ridge (D,) variances or NULL, as for gmm_factorize; the penalty of a row is that of its
 * observed features, and second moments are such that gmm_maximize with this ridge is the M-step. Sums of GMM_TIED are
 * for a mixture that gmm_tied_is_safe (others are K copies, GMM_FULL); second is pooled, (D, D). A batch is summed by
 * one thread and batches are merged in order, so bits do not depend on n_threads and a call equals calls over
 * consecutive batches. Rows outside the runs are not touched.
 * GMM_ENONFINITE: bad_row is a row whose observed values are not finite. GMM_ESINGULAR: bad_component. Neither NULL. */
size_t gmm_missing_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components,
                                 int64_t n_features, int n_threads);
gmm_status gmm_accumulate_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                                  const double *ridge, gmm_dtype precision, int n_threads, void *scratch,
                                  size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row,
                                  int64_t *bad_component);
gmm_status gmm_score_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                             gmm_dtype precision, int n_threads, void *scratch, size_t scratch_bytes,
                             double *log_density, void *posterior, int64_t *label, int64_t *bad_row,
                             int64_t *bad_component);

/* What a climb goes by; variances and epsilon as for gmm_maximize. */
typedef struct {
    gmm_dtype precision;
    const double *ridge;          /* (D,) or NULL */
    const double *floor;          /* (D,) */
    const double *total_scatter;  /* (D, D) about the frame's centre, for GMM_TIED; NULL otherwise */
    double epsilon, tol;          /* nats per unit of sample weight; tol 0 never stops */
    int64_t max_iter;             /* iterations in all, those already in the trace included */
} gmm_limits;

typedef enum {
    GMM_AT_LIMIT = 0,
    GMM_CONVERGED = 1,  /* by the rule of csrc/convergence.c */
    GMM_UNUSUAL = 2,    /* in the next iteration the objective is no number, a covariance has no factors, or tied
                           factors want K copies: gmm_maximize and the others say which */
    GMM_FELL = 3        /* the next iteration would let the objective fall by more than rounding explains */
} gmm_stop;

/* EM iterations on one thread: gmm_maximize, gmm_factorize, gmm_accumulate, as often as it takes; the same bits as
 * these calls. In: a mixture, the statistics of the rows under it (about its means; tied ones pooled), and n_trace
 * objectives so far, log_likelihood / weight of these statistics the last; or n_trace = 0 and no statistics yet. Out:
 * the same of where it stopped, with which components rested on the floor in the last M-step (left alone when there was
 * none). n_trace = 0 says that the mixture given is GMM_UNUSUAL itself, and its statistics are unspecified.
 * trace has room for max_iter + 1. Meant for few rows: no Ctrl-C is answered. */
size_t gmm_climb_scratch_bytes(gmm_structure structure, gmm_form form, gmm_dtype precision, int64_t n_components,
                               int64_t n_features);
gmm_status gmm_climb(const gmm_rows *rows, const gmm_limits *limits, gmm_mixture *mixture, gmm_statistics *statistics,
                     unsigned char *floored, double *trace, int64_t *n_trace, gmm_stop *stop, void *scratch,
                     size_t scratch_bytes);

/* Whether a climb with these objectives may stop. */
int gmm_has_converged(const double *trace, int64_t n_trace, double tol, double epsilon);

/* What this process runs: "scalar", "avx2", "avx512" or "neon" (GMM_ISA
 * overrides; an unknown or unsupported name gives NULL and every call above
 * answers GMM_EINVAL). */
const char *gmm_isa(void);

/* Names of the ISAs compiled in and supported by this CPU, best first, NULL-terminated. */
const char *const *gmm_isas(void);

/* 1 when built with OpenMP; threads this process would use by default (OMP_NUM_THREADS, omp_set_num_threads and
 * affinity honoured; 1 in a child forked after the pool was used). */
int gmm_has_openmp(void);
int gmm_max_threads(void);

/* FMA operations per second x 2 (flop/s) of n_threads threads on registers only, in this ISA: the roofline's roof. */
double gmm_peak_flops(gmm_dtype precision, int n_threads);

const char *gmm_status_message(gmm_status status);

#ifdef __cplusplus
}
#endif
#endif
