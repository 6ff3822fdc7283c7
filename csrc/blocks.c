/* blocks.c: which thread takes which block, and who merges when.
 *
 * Threads take blocks in order from a counter. A finished block waits in its
 * slot; whoever finds the next block in order ready, and nobody merging,
 * merges. So the order of every sum is fixed and nobody waits for a slower
 * thread as long as slots are free. */
#include "parallel.h"

#include <sched.h>

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

static void work(void *context, int thread) {
    crew *team = context;
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
        for (int64_t i = 0; i < blocks->n_blocks; ++i) {
            blocks->block(blocks->context, 0, 0, i);
            if (blocks->merge) blocks->merge(blocks->context, 0);
        }
        return;
    }
    crew team = {.blocks = blocks, .merging = ATOMIC_FLAG_INIT};
    atomic_init(&team.next, 0);
    atomic_init(&team.merged, 0);
    if (blocks->merge)
        for (int64_t slot = 0; slot < blocks->n_slots; ++slot) atomic_init(&blocks->ready[slot], -1);
    gmm_run_threads(work, &team, usable);
    if (blocks->merge) merge_ready(&team); /* what became ready while another thread was just leaving the merge */
}
