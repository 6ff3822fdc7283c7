/* incomplete.h: rows with missing values for the tests: patterns, a mixture, and the calls with guarded scratch. */
#ifndef INCOMPLETE_H
#define INCOMPLETE_H

#include "problem.h"

/* Rows of which row i holds pattern i % n_patterns, in runs of at most `longest` rows, in batches of three runs.
 * Pattern p lacks the features whose bits are set in p. */
typedef struct {
    gmm_runs runs;
    int64_t n_runs, *batch, *row, *first, *pattern;
    unsigned char *observed;
} listing;

listing list_rows(int64_t n, int64_t d, int64_t n_patterns, int64_t longest);
void drop_listing(listing *l);

size_t second_count(const gmm_mixture *m);
gmm_statistics new_sums(const gmm_mixture *m);

/* Equal components at the problem's means with variances of 4, and this correlation where the structure has any. */
gmm_mixture new_mixture(const problem *p, const recipe *r, double correlation);

/* The call in scratch of the promised size at an odd address between guard bytes. */
gmm_status call_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *m, const double *ridge,
                        gmm_dtype precision, int n_threads, gmm_statistics *sums, double *log_density, void *posterior,
                        int64_t *label, int64_t *bad_row, int64_t *bad_component);

#endif
