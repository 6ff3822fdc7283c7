/* gather.h: a run of rows with the same observed features as rows of these features. */
#ifndef GMM_GATHER_H
#define GMM_GATHER_H

#include "marginal.h"

/* Whether row (n,) ascends within [0, n_rows) and n is at most GMM_RUN_ROWS. */
int gmm_rows_are_listed(const int64_t *row, int64_t n, int64_t n_rows);

/* n > 0 rows of the features that marginal->order says are observed: in place where they are whole and stand one after
 * another, else copied to data, weight and log_prior (K a row), which have room for GMM_RUN_ROWS of them. */
gmm_rows gmm_gather(const gmm_rows *rows, const int64_t *row, int64_t n, gmm_marginal *marginal, unsigned char *data,
                    double *weight, double *log_prior);

#endif
