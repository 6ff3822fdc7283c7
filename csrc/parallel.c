/* parallel.c: the only file that knows OpenMP; without it everything runs on the calling thread.
 *
 * The OpenMP pool of a parent does not exist in its forked child, and waiting
 * for it hangs; so a process that is not the one that first used the pool
 * has one thread, and meets no OpenMP construct. */
#include "parallel.h"

#include "gmm.h"

#ifdef _OPENMP

#include <omp.h>
#include <unistd.h>

static atomic_long pool_owner; /* process that first used the pool; 0: nobody */

static int pool_is_ours(void) {
    const long owner = atomic_load(&pool_owner);
    return owner == 0 || owner == (long)getpid();
}

int gmm_has_openmp(void) { return 1; }

int gmm_max_threads(void) { return pool_is_ours() ? omp_get_max_threads() : 1; }

int gmm_usable_threads(int n_threads, int64_t n_blocks) {
    if (!pool_is_ours() || n_threads < 2 || n_blocks < 2) return 1;
    return n_blocks < n_threads ? (int)n_blocks : n_threads;
}

void gmm_run_threads(void (*work)(void *context, int thread), void *context, int n_threads) {
    long nobody = 0;
    atomic_compare_exchange_strong(&pool_owner, &nobody, (long)getpid());
#pragma omp parallel num_threads(n_threads)
    work(context, omp_get_thread_num());
}

#else

int gmm_has_openmp(void) { return 0; }

int gmm_max_threads(void) { return 1; }

int gmm_usable_threads(int n_threads, int64_t n_blocks) {
    (void)n_threads, (void)n_blocks;
    return 1;
}

void gmm_run_threads(void (*work)(void *context, int thread), void *context, int n_threads) {
    (void)n_threads;
    work(context, 0);
}

#endif
