/* few.h: rows of a pattern that only a few share, without factors of their own for what is observed. */
#ifndef GMM_FEW_H
#define GMM_FEW_H

#include "gmm.h"
#include "workspace.h"

/* A thread's scratch; N is gmm_few_rows(D), m the missing features. */
typedef struct {
    const gmm_mixture *mixture;
    const double *log_constant, *whitener; /* of the mixture, as gmm_factorize gives them without a ridge */
    int64_t *missing;                      /* (m,) */
    double *deviation;                     /* (N, K, D) completed row less mean */
    double *log_density;                   /* (N, K), then responsibilities times sample weight */
    double *weight, *row_log_density;      /* (N,) */
    double *residual;                      /* (K or 1, m, m) conditional covariances, of matrices */
    double *reflector, *scale;             /* (m, D), (m,): I - scale v v' */
    double *triangle, *inverse;            /* (m, m) R, upper triangular, and its inverse */
    double *image, *point;                 /* (D,), (N, D) */
    double log_det;                        /* sum log |R_ii| */
} gmm_few;

gmm_few gmm_take_few(gmm_structure structure, int64_t n_components, int64_t n_features, gmm_workspace *space);

/* Up to how many rows that is less work than factors. */
int64_t gmm_few_rows(int64_t n_features);

/* Whether factors of all features say enough of some: whiteners that are nearly singular, as those of covariances on the
 * numerical floor, do not. */
int gmm_few_is_safe(const gmm_mixture *mixture, const double *whitener);

/* Adds n <= gmm_few_rows rows, observed (D,) not all zero, to total; second moments of a tied mixture are pooled.
 * log_noise: of these features, -inf for none. 0, and nothing is added, when a row is not finite or too far out for its
 * density under the components to be a number. */
int gmm_accumulate_few(gmm_few *few, const gmm_rows *rows, const int64_t *row, int64_t n, const unsigned char *observed,
                       double log_noise, gmm_statistics *total);

#endif
