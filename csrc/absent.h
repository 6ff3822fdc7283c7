/* absent.h: rows of which nothing is observed. */
#ifndef GMM_ABSENT_H
#define GMM_ABSENT_H

#include "gmm.h"

/* Such rows of a call, n of them, and room for one of them. */
typedef struct {
    const gmm_rows *rows;
    const int64_t *row;      /* (n,) */
    int64_t n;
    const gmm_mixture *mixture;
    const double *log_noise; /* log weight of noise, or NULL */
    double *share;           /* (K + 1,) */
} gmm_absent;

/* Adds them to n, noise, log_likelihood and weight; their moments are what the mixture says of missing features.
 * Returns -1, or the number among the rows of one that nothing is left to which it could belong. */
int64_t gmm_count_absent(const gmm_absent *absent, gmm_statistics *sums);

/* log_density, label (n,), posterior (n, K), with noise (n, K + 1), of this precision; returns the same. */
int64_t gmm_score_absent(const gmm_absent *absent, gmm_dtype precision, double *log_density, unsigned char *posterior,
                         int64_t *label);

#endif
