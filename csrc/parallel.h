/* parallel.h: blocks on threads, merged in order. */
#ifndef GMM_PARALLEL_H
#define GMM_PARALLEL_H

#include <stdint.h>

typedef struct {
    /* Both may be called from any thread; thread < n_threads is the caller's number in this run. */
    void (*block)(void *context, int thread, int64_t index);
    void (*merge)(void *context, int thread, int64_t index); /* after block(index), in index order; or NULL */
    void *context;
} gmm_blocks;

/* Threads a run of n_blocks will use: at most n_threads, at most one per block, one where threads are not safe. */
int gmm_usable_threads(int n_threads, int64_t n_blocks);

/* Calls block for every index in [0, n_blocks). merge sees one block at a time, in order, on the thread that
 * computed it and before that thread starts another block. */
void gmm_run_blocks(const gmm_blocks *blocks, int64_t n_blocks, int n_threads);

#endif
