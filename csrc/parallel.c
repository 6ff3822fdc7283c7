/* parallel.c: the only file that knows OpenMP; without it everything runs on the calling thread.
 *
 * Threads take blocks in order from a counter. A finished block waits in its
 * slot; whoever finds the next block in order ready, and nobody merging,
 * merges. So the order of every sum is fixed and nobody waits for a slower
 * thread as long as slots are free.
 *
 * The OpenMP pool of a parent does not exist in its forked child, and waiting
 * for it hangs; so a process that is not the one that first used the pool
 * runs serially, without any OpenMP construct. */
#include "parallel.h"

#include "gmm.h"

static void run_serially(const gmm_blocks *blocks) {
    for (int64_t i = 0; i < blocks->n_blocks; ++i) {
        blocks->block(blocks->context, 0, 0, i);
        if (blocks->merge) blocks->merge(blocks->context, 0);
    }
}

#ifdef _OPENMP

#include <omp.h>
#include <sched.h>
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

typedef struct {
    const gmm_blocks *blocks;
    atomic_llong next;   /* block nobody took yet */
    atomic_llong merged; /* blocks merged so far; written under the flag */
    atomic_flag merging;
} crew;

/* Merges what is ready, unless another thread is at it. */
static void merge_ready(crew *team) {
    const gmm_blocks *blocks = team->blocks;
    if (atomic_flag_test_and_set(&team->merging)) return;
    long long next = atomic_load(&team->merged);
    for (; next < blocks->n_blocks && atomic_load(&blocks->ready[next % blocks->n_slots]) == next; ++next) {
        blocks->merge(blocks->context, next % blocks->n_slots);
        atomic_store(&team->merged, next + 1);
    }
    atomic_flag_clear(&team->merging);
}

static void work(crew *team, int thread) {
    const gmm_blocks *blocks = team->blocks;
    for (;;) {
        const long long index = atomic_fetch_add(&team->next, 1);
        if (index >= blocks->n_blocks) return;
        if (!blocks->merge) {
            blocks->block(blocks->context, thread, 0, index);
            continue;
        }
        for (int waited = 0; atomic_load(&team->merged) + blocks->n_slots <= index; ++waited) {
            merge_ready(team);
            if (waited > 64) sched_yield(); /* the slower thread may want this processor */
        }
        blocks->block(blocks->context, thread, index % blocks->n_slots, index);
        atomic_store(&blocks->ready[index % blocks->n_slots], index);
        merge_ready(team);
    }
}

void gmm_run_blocks(const gmm_blocks *blocks, int n_threads) {
    const int usable = gmm_usable_threads(n_threads, blocks->n_blocks);
    if (usable == 1) {
        run_serially(blocks);
        return;
    }
    long nobody = 0;
    atomic_compare_exchange_strong(&pool_owner, &nobody, (long)getpid());
    crew team = {.blocks = blocks, .merging = ATOMIC_FLAG_INIT};
    atomic_init(&team.next, 0);
    atomic_init(&team.merged, 0);
    if (blocks->merge)
        for (int64_t slot = 0; slot < blocks->n_slots; ++slot) atomic_init(&blocks->ready[slot], -1);
#pragma omp parallel num_threads(usable)
    work(&team, omp_get_thread_num());
    if (blocks->merge) merge_ready(&team); /* what became ready while another thread was just leaving the merge */
}

#else

int gmm_has_openmp(void) { return 0; }

int gmm_max_threads(void) { return 1; }

int gmm_usable_threads(int n_threads, int64_t n_blocks) {
    (void)n_threads, (void)n_blocks;
    return 1;
}

void gmm_run_blocks(const gmm_blocks *blocks, int n_threads) {
    (void)n_threads;
    run_serially(blocks);
}

#endif
