/* parallel.h: blocks on threads, merged in order. */
#ifndef GMM_PARALLEL_H
#define GMM_PARALLEL_H

#include "gmm.h"

#include <stdatomic.h>
#include <stdint.h>

/* A block's sums live in slot index % n_slots from block() to merge(), so a thread that is held up holds up nobody
 * until the others are n_slots blocks ahead of it. */
typedef struct {
    /* Called from any thread; thread < n_threads is the caller's number in this run. */
    void (*block)(void *context, int thread, int64_t slot, int64_t index);
    void (*merge)(void *context, int64_t slot); /* one at a time, in index order; NULL: nothing to merge, no slots */
    void *context;
    int64_t n_blocks, n_slots;
    atomic_llong *ready; /* (n_slots,) scratch; may be NULL without merge */
    gmm_watch watch;
} gmm_blocks;

/* Threads a run of n_blocks will use: at most n_threads, at most one per block, one where threads are not safe. */
int gmm_usable_threads(int n_threads, int64_t n_blocks);

/* Calls block for every index in [0, n_blocks), and merge for every index in order. Returns GMM_OK, or GMM_ESTOPPED when
 * the watch had it stopped: then some blocks were not begun, and others not merged. */
gmm_status gmm_run_blocks(const gmm_blocks *blocks, int n_threads);

/* Wall-clock time. */
double gmm_seconds(void);

/* Calls work once on each of at most n_threads threads, numbered from 0 (the caller's), and waits for them all.
 * n_threads is what gmm_usable_threads has granted. */
void gmm_run_threads(void (*work)(void *context, int thread), void *context, int n_threads);

#endif
