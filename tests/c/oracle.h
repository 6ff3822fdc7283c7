/* oracle.h: every entry point once more, written straight from gmm.h, one row at a time in long double.
 *
 * No blocks, tiles or threads: what it says is what the contract means.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "gmm.h"
#include "problem.h"

/* Sums and, beside each, the sum of absolute terms, and what rounding may add to it (rounding.h). */
typedef struct {
    double *n, *first, *second;              /* (K,), (K, D), structure's shape ((D, D) unused for tied) */
    double *first_size, *second_size;        /* sums of |terms| over all rows, responsibilities included */
    double *n_error, *first_error, *second_error;
    double log_likelihood, likelihood_size, likelihood_error, weight;
} oracle_statistics;

oracle_statistics oracle_accumulate(const problem *p);
/* posterior or label given, as in gmm_moments. */
oracle_statistics oracle_moments(const problem *p, const double *posterior, const int64_t *label);
void oracle_discard(oracle_statistics *s);

/* log_density (N,), posterior (N, K), label (N,), gap (N,): largest minus second largest component density in
 * nats (infinite for K = 1), half_square (N,) the smallest Mahalanobis distance squared, halved (linear: the size of
 * what a form adds up). */
typedef struct {
    double *log_density, *posterior, *gap, *half_square;
    int64_t *label;
} oracle_scores;

oracle_scores oracle_score(const problem *p);
void oracle_scores_discard(oracle_scores *s);

/* label, distance (N,), gap (N,) = second smallest minus smallest squared distance. */
typedef struct {
    int64_t *label;
    double *distance, *gap, *n, *sum, *sum_size;
    double inertia;
} oracle_assignment;

oracle_assignment oracle_assign(const problem *p, const double *centre, int64_t k);
void oracle_assignment_discard(oracle_assignment *a);

/* Framed row i in double, as the contract has it: value * scale - centre. */
void oracle_row(const problem *p, int64_t i, double *framed);

#endif
