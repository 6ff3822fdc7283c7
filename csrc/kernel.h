/* kernel.h: what an entry point and a compiled kernel agree on.
 *
 * A kernel is one operation (accumulate, moments, score, assign, scan, seed) for one
 * precision and one ISA, cut into the steps below. entry.c drives every kernel
 * the same way:
 *
 *     share   once       take shared scratch
 *     load    once       pack factors, import totals
 *     private per thread take a thread's own scratch
 *     block   per block of GMM_BLOCK_ROWS rows, any thread, any order; its sums go to thread->partial
 *     merge   per block, in the order of the blocks, one at a time, whichever thread is free
 *     finish  once       export totals
 *
 * Invariant: block writes only the thread's scratch, its partial and per-row
 * outputs of its own rows, so nothing but merge decides the order of a sum. */
#ifndef GMM_KERNEL_H
#define GMM_KERNEL_H

#include "gmm.h"
#include "workspace.h"

typedef enum {
    GMM_ACCUMULATE = 0,
    GMM_MOMENTS = 1,
    GMM_SCORE = 2,
    GMM_ASSIGN = 3,
    GMM_SCAN = 4,
    GMM_SEED = 5,
    GMM_N_OPERATIONS = 6
} gmm_operation;

enum { GMM_N_STRUCTURES = 6, GMM_N_DTYPES = 2 };

/* Without optimisation nothing is inlined or unrolled, so that a debugger, and what counts branches, sees one copy. */
#if defined(__GNUC__) && defined(__OPTIMIZE__)
#define GMM_INLINE static inline __attribute__((always_inline))
#else
#define GMM_INLINE static inline
#endif

/* Before a loop of constant length whose body must end up in registers. */
#if defined(__clang__)
#define GMM_UNROLL _Pragma("clang loop unroll(full)")
#pragma clang diagnostic ignored "-Wpass-failed" /* in a copy that was not inlined the length is not constant */
#elif defined(__GNUC__) && defined(__OPTIMIZE__)
#define GMM_UNROLL _Pragma("GCC unroll 64")
#else
#define GMM_UNROLL
#endif

/* Asks for the cache line at p; any address will do. */
#if defined(__GNUC__)
#define GMM_PREFETCH(p) __builtin_prefetch(p, 0, 2)
#else
#define GMM_PREFETCH(p) ((void)(p))
#endif

/* Number of the lowest bit that is set; bits != 0. */
static inline int gmm_lowest_bit(uint64_t bits) {
#if defined(__GNUC__)
    return __builtin_ctzll(bits);
#else
    int n = 0;
    for (; !(bits & 1); bits >>= 1) ++n;
    return n;
#endif
}

struct gmm_kernel;

/* One call of an entry point. Fields an operation does not use are NULL. */
typedef struct gmm_task {
    const struct gmm_kernel *kernel;
    gmm_structure structure;
    int64_t n_components, n_features, n_factors; /* K, D, q of GMM_FACTOR */
    int n_threads;                    /* at work: a thread's next block is likely that many further on */
    const gmm_rows *rows;
    const gmm_factors *factors; /* assign, seed: mean holds the centres or candidates */
    int has_noise;              /* accumulate, score: factors->log_noise is given */
    const double *given_posterior;
    const int64_t *given_label;
    gmm_statistics *statistics;
    double *log_density;
    void *posterior;
    int64_t *label;
    double *distance, *n, *sum, *inertia; /* assign; distance of seed: (N, C) */
    const double *closest;                /* seed */
    double *potential;
    gmm_columns *columns;
    int keeps_tiles, is_packed; /* 1: tiles of all rows stay for the next pass; 1: from an earlier one they are there */
    void *shared;               /* the kernel's own, set by share() */
} gmm_task;

/* The head of every kernel's per-thread state. */
typedef struct {
    int64_t bad_row; /* smallest non-finite row this thread met, or INT64_MAX */
    void *partial;   /* where the block at hand leaves its sums: partial_bytes(), not initialised */
} gmm_thread;

typedef struct gmm_kernel {
    /* Takes shared scratch, sets task->shared. When space->base is NULL it only measures: structure,
     * n_components, n_features, n_factors, keeps_tiles and, where that is set, rows->n_rows are then all that may be read. */
    void (*share)(gmm_task *task, gmm_workspace *space);
    void (*load)(gmm_task *task); /* NULL: share did it */
    /* A thread's state, starting with a gmm_thread, which the caller fills; NULL when measuring. */
    gmm_thread *(*private)(const gmm_task *task, gmm_workspace *space);
    void (*block)(const gmm_task *task, gmm_thread *thread, int64_t first_row, int64_t n_rows);
    size_t (*partial_bytes)(const gmm_task *task); /* of a block's sums; NULL: nothing to add up, no merge, no finish */
    void (*merge)(const gmm_task *task, const void *partial);
    void (*finish)(const gmm_task *task);
} gmm_kernel;

/* What is done to one covariance matrix (D, D), in double. space: `space(D)` doubles, the thread's own. */
typedef struct {
    int64_t (*space)(int64_t n_features);
    /* W with W'W = inverse(S); 0 when S is not positive definite. */
    int (*whiten)(int64_t n_features, const double *covariance, double *whitener, double *space);
    /* The numerical floor, see kernels/landing.inc.c; 1 when it was active. */
    int (*lift)(int64_t n_features, double *covariance, const double *squares, const double *floor, double epsilon,
                const double *previous, double *space);
    /* sum_ij P_ij T_ij and sum_ij |P_ij T_ij| of P = W'W and a symmetric T. */
    void (*trace)(int64_t n_features, const double *whitener, const double *T, double *space, double *sum, double *size);
} gmm_algebra;

struct gmm_measuring;
struct gmm_measuring_space;
struct gmm_measured_scores;

/* A row of the dispatch table: one ISA. */
typedef struct {
    const char *name;
    unsigned needs; /* bits of gmm_cpu_features() without which it does not run */
    const gmm_kernel *kernel[GMM_N_OPERATIONS][GMM_N_DTYPES];
    gmm_algebra algebra;
    /* A block of rows observed with error, see kernels/measured_sums.inc.c. */
    int64_t (*measure)(const struct gmm_measuring *all, struct gmm_measuring_space *own,
                       const struct gmm_measured_scores *scores, int64_t first, int64_t n);
    /* Runs on registers only; returns the floating-point operations done (2 per fused multiply-add). */
    double (*peak[GMM_N_DTYPES])(int64_t repeats);
} gmm_isa_row;

/* A finite row so far out that its density underflows in every component (kernels meet it as a reference that is
 * not a moderate number). Works in doubles scaled by the row's own size.
 * Returns the component of smallest Mahalanobis distance (linear: of the largest form), lowest k on ties, among those
 * with log_constant > -inf and log_prior > -inf, and its log-density (-inf when that overflows); or -1 when row i holds
 * a NaN or an infinity, or there is no such component. */
int64_t gmm_far_row(const gmm_rows *rows, const gmm_factors *factors, int64_t i, double *log_density);

#endif
