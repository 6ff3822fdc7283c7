/* uncertain.h: errors of rows for the tests, and the calls with guarded scratch. */
#ifndef UNCERTAIN_H
#define UNCERTAIN_H

#include "measured.h"
#include "problem.h"

/* Variances of each row and feature between 0 and 2, exact in float; as variances, or as matrices. */
double variance_of(int64_t i, int64_t j);
gmm_errors new_errors(int64_t n, int64_t d, int are_variances, gmm_dtype dtype);
void drop_errors(gmm_errors *e);

/* The call in scratch of the promised size at an odd address between guard bytes. */
gmm_status call_measured(const gmm_rows *rows, const gmm_errors *e, const gmm_mixture *m,
                         const gmm_measured_noise *noise, const double *ridge, gmm_dtype precision, int n_threads,
                         gmm_statistics *sums, double *log_density, void *posterior, int64_t *label, int64_t *bad_row,
                         int64_t *bad_component);

#endif
