/* measured.h: the contract of passes over rows that are observed with error, beside gmm.h.
 *
 * Row x = v + e, e ~ N(0, E) with E known for every row; the mixture is that of the v (Bovy, Hogg, Roweis 2011). NaN is
 * a value that was not observed. Over the observed features o of a row, S and mean those of component k, T = S_oo + E_oo:
 *
 *     log density = log weight + log N(x_o; mean_o, T) - 1/2 sum_{j in o} ridge_j (inverse(S_oo))_jj
 *     b = S_:o inverse(T) (x_o - mean_o),   B = S - S_:o inverse(T) S_o:       moments of v less mean, given x_o and k
 */
#ifndef GMM_MEASURED_H
#define GMM_MEASURED_H

#include "gmm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Variances (N, D) or covariances (N, D, D) of the errors, in the square of the rows' units; never copied whole. Of a
 * matrix the lower triangle is read. They are taken to be positive semidefinite. */
typedef struct {
    const void *data;   /* element (i, j) at data + i * row_stride + j * stride[0], (i, j, l) + l * stride[1] */
    gmm_dtype dtype;    /* of the elements */
    int are_variances;  /* 1: (N, D); 0: (N, D, D) */
    int64_t row_stride; /* bytes; 0: the same error for every row */
    int64_t stride[2];
} gmm_errors;

/* Noise beside the components, of the same density whatever a row's error: evenly spread over all of space stays so.
 * Log of weight times density at rows of which all is observed, and what it is made of at the others. */
typedef struct {
    double log_whole;         /* -INFINITY: no noise */
    double log_weight;        /* of a row with gaps, less the log_length of what is observed */
    const double *log_length; /* (D,) */
} gmm_measured_noise;

/* Rows that one thread sums at a time, at most GMM_BLOCK_ROWS, a power of two: a call equals calls over consecutive
 * slices whose lengths (but the last) are multiples of it. */
int64_t gmm_measured_block_rows(int64_t n_components, int64_t n_features);

/* Bytes of scratch of the two calls below, at most; 0 for invalid sizes. */
size_t gmm_measured_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features,
                                  int are_variances, int n_threads);

/* gmm_accumulate of such rows: sums of b and b b' + B in place of c and c c', of GMM_TIED pooled, (D, D). mixture:
 * weights, means and covariances, of which no more than sizes are checked. ridge (D,) variances or NULL: noise on the
 * v_o, so that gmm_maximize with this ridge is the M-step. noise or NULL. Arithmetic in double. rows->log_prior as for
 * gmm_accumulate; a row of positive weight that it leaves no component is a bad_row.
 * GMM_ENONFINITE: bad_row is a row with an infinity, or an error of observed features that is not finite.
 * GMM_ESINGULAR: the covariance of bad_component has no factor. Neither NULL. */
gmm_status gmm_accumulate_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                                   const gmm_measured_noise *noise, const double *ridge, int n_threads, void *scratch,
                                   size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row,
                                   int64_t *bad_component);

/* gmm_score of such rows, posteriors (N, K), with noise (N, K + 1), in `precision`; the
 * label -1 is noise. A row's bits do not depend on the others. A row of which
 * nothing is observed has log-density 0 and the mixing weights as posterior. */
gmm_status gmm_score_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                              const gmm_measured_noise *noise, gmm_dtype precision, int n_threads, void *scratch,
                              size_t scratch_bytes, double *log_density, void *posterior, int64_t *label,
                              int64_t *bad_row, int64_t *bad_component);

#ifdef __cplusplus
}
#endif
#endif
