/* entries.h: every entry point that takes more than plain rows, with one set of good arguments to spoil. */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "fits.h"
#include "incomplete.h"
#include "measured.h"

enum { N = 24, D = 2, K = 2, ROUNDS = 2, LIMIT = 12 };

/* All that any of the calls takes. Each copy points at itself, so one thing can be spoilt without the others. */
typedef struct {
    gmm_rows own_rows, *rows;
    gmm_mixture own_mixture, own_next, *mixture, *next;
    gmm_statistics own_sums, *sums;
    gmm_limits own_limits, *limits;
    gmm_errors own_errors, *errors;
    gmm_runs own_runs, *runs;
    gmm_plan own_plan, *plan;
    gmm_group own_group, *group;
    gmm_rehearsal own_rehearsal, *rehearsal;
    double *floor, *about, *constant, *whitener, *scatter, *slope, *number, *trace;
    unsigned char *floored, *unusual;
    uint64_t *seed;
    int64_t *bad, *bad_component, own_n_trace, *n_trace, n_matrices, n_features, n_groups, n_starts;
    gmm_stop *stop;
    gmm_dtype precision;
    int n_threads;
    void *scratch;
    size_t scratch_bytes;
} arguments;

extern const arguments *good; /* what with_good made */

void point_at_itself(arguments *a);

/* Calls run() while `good` holds N rows, two clusters of them, and a mixture to match. */
void with_good(void (*run)(void));

typedef gmm_status entry(arguments *a);

entry whiten, lift, factorize, expand, expand_into, maximize, climb, fit, start;
entry accumulate_missing, score_missing, accumulate_measured, score_measured;

#endif
