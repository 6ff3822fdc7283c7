/* call.h: the entry points with scratch of exactly the promised size at an odd address, between guard bytes.
 *
 * Every call checks that the guards are untouched, so each test of values is a test of memory too.
 */
#ifndef CALL_H
#define CALL_H

#include "problem.h"

/* Fresh zeros in the shapes of the problem's structure; second is NULL for tied. */
gmm_statistics new_statistics(const gmm_factors *f);
void drop_statistics(gmm_statistics *s);

gmm_status call_accumulate(const gmm_rows *rows, const gmm_factors *f, int n_threads, gmm_statistics *s,
                           int64_t *bad_row);
gmm_status call_moments(const gmm_rows *rows, const gmm_factors *f, const double *posterior, const int64_t *label,
                        int n_threads, gmm_statistics *s, int64_t *bad_row);
gmm_status call_score(const gmm_rows *rows, const gmm_factors *f, int n_threads, double *log_density,
                      void *posterior, int64_t *label, int64_t *bad_row);

typedef struct {
    int64_t *label;
    double *distance, *n, *sum, inertia;
} assignment;

assignment new_assignment(int64_t n, int64_t k, int64_t d);
void drop_assignment(assignment *a);
gmm_status call_assign(const gmm_rows *rows, gmm_dtype precision, int64_t k, const double *centre, int n_threads,
                       assignment *a, int64_t *bad_row);

/* distance (n, c), potential (c) */
gmm_status call_seed(const gmm_rows *rows, gmm_dtype precision, int64_t c, const double *candidate,
                     const double *closest, int n_threads, double *distance, double *potential, int64_t *bad_row);

gmm_columns new_columns(int64_t d);
void drop_columns(gmm_columns *c);
gmm_status call_scan(const gmm_rows *rows, int n_threads, gmm_columns *c);

/* The rows [first, first + n) of rows. */
gmm_rows slice_rows(const gmm_rows *rows, int64_t first, int64_t n);

#endif
