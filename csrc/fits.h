/* fits.h: the contract of whole fits of few rows and of starts of many, beside gmm.h, whose conventions hold here. */
#ifndef GMM_FITS_H
#define GMM_FITS_H

#include "gmm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a start of few rows begins: the methods of gmm/initialization.py. */
typedef enum {
    GMM_METHOD_KMEANS = 0, /* rehearsed */
    GMM_METHOD_SEEDS = 1,
    GMM_METHOD_RANDOM = 2,
    GMM_METHOD_DATA = 3,
    GMM_METHOD_GIVEN = 4, /* the group's mixture, for one start; the only one for a form */
    GMM_METHOD_AROUND = 5 /* the same, then its neighbours, as after GMM_METHOD_KMEANS */
} gmm_method;

/* What many fits have in common. */
typedef struct {
    gmm_structure structure;
    gmm_form form;
    gmm_dtype precision;
    gmm_method method;
    int64_t n_components, n_starts;
    double tol;
    int64_t max_iter, short_iter; /* iterations at most; of each start before they are compared */
    int64_t patience;             /* iterations after which slow climbs leap; max_iter or more: never */
} gmm_plan;

/* Columns of gmm_group.table. */
enum { GMM_LOG_LIKELIHOOD = 0, GMM_AGREEMENT, GMM_ITERATIONS, GMM_STOPPED, GMM_FLOORED, GMM_SAME, GMM_TABLE };

/* A group of rows and what became of it; all arrays are the caller's. */
typedef struct {
    gmm_rows rows;               /* finite, at least one of positive weight; no priors */
    const double *ridge, *floor; /* (D,) variances as for gmm_maximize; ridge may be NULL */
    const uint64_t *seed;        /* (n_starts,) */
    gmm_mixture mixture;         /* out: the likeliest; in: where GMM_METHOD_GIVEN begins */
    unsigned char *floored;      /* (K,) out: components that rest on the floor */
    double *trace;               /* (max_iter + 1,) out: its objectives, n_trace of them */
    double *table;               /* (n_starts, GMM_TABLE) out: n_started rows, what became of each start: nats per unit
                                    of sample weight without penalties, adjusted Rand index between its labels and the
                                    likeliest's, iterations, gmm_stop, components on the floor, 1 if it is the same */
    double log_likelihood;       /* out: its, by the kernel of prediction, nats per unit of sample weight */
    int64_t n_trace, n_started, winner; /* out */
    gmm_stop stop;               /* out; GMM_UNUSUAL: something came up that wants a closer look, nothing else is set */
} gmm_group;

/* Whole fits of few rows, the starts included, groups spread over threads, each group on one: the race of
 * gmm/restarts.py from the starts of gmm/rehearsal.py, with the same draws. A group's bits depend neither on the others
 * nor on n_threads. All have the same
 * n_features; scratch for the largest n_rows. No Ctrl-C is answered. */
size_t gmm_fit_scratch_bytes(const gmm_plan *plan, int64_t n_rows, int64_t n_features, int n_threads);
gmm_status gmm_fit(const gmm_plan *plan, int64_t n_groups, gmm_group *groups, int n_threads, void *scratch,
                   size_t scratch_bytes);

/* How a start of many rows is rehearsed: candidates of several kinds climb on a sketch of the rows, in round r for
 * n_iter[r] iterations, the better half of them also in the next. Sketch r: the rows i of positive weight with
 * gmm_hash(seed, i) <= last[r], see csrc/draws.h; UINT64_MAX makes it all of them. Where two rounds see the same rows
 * climbs are carried on. */
typedef struct {
    gmm_structure structure;
    gmm_dtype precision;
    int64_t n_components;
    int64_t n_candidates;  /* in the first round */
    int64_t n_rounds;      /* at most GMM_MOST_ROUNDS */
    const int64_t *n_iter; /* (n_rounds,) */
    const uint64_t *last;  /* (n_rounds,) never falling */
    int64_t most_rows;     /* room for the rows of the last; a start whose sketch has more is unusual */
} gmm_rehearsal;

enum { GMM_MOST_ROUNDS = 16 };

/* Mixtures that starts by "kmeans" begin with on all rows, one for each seed: gmm/rehearsal.py. Starts are spread over
 * threads, each on one, and do not depend on each other. unusual (n_starts,): 1 where something came up that wants a
 * closer look, and begun is unspecified. ridge (D,) or NULL, floor (D,): variances. No Ctrl-C is answered. */
size_t gmm_start_scratch_bytes(const gmm_rehearsal *rehearsal, int64_t n_features, int n_threads);
gmm_status gmm_start(const gmm_rehearsal *rehearsal, const gmm_rows *rows, const double *ridge, const double *floor,
                     int64_t n_starts, const uint64_t *seed, int n_threads, void *scratch, size_t scratch_bytes,
                     gmm_mixture *begun, unsigned char *unusual);

/* Ward's tree of points (N, D), at most 1e150 in size, of positive weight (N,), or NULL for ones: a row of each of the two clusters that merge
 * (N - 1, 2), the one whose first row comes first before the other, and what that adds to the sum of squares (N - 1,), in
 * the order in which they were found; sorted by cost, earlier ones first on ties, they are the tree's order. */
size_t gmm_ward_scratch_bytes(int64_t n_rows, int64_t n_features);
gmm_status gmm_ward(int64_t n_rows, int64_t n_features, const double *point, const double *weight, void *scratch,
                    size_t scratch_bytes, int64_t *pair, double *cost);

#ifdef __cplusplus
}
#endif
#endif
