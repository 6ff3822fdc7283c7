/* test_parallel.c: blocks on threads: every block once, merged in order, its slot untouched until then. */
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "parallel.h"
#include "problem.h"
#include "tests.h"

enum { N_BLOCKS = 100 };

typedef struct {
    int64_t slow, n_slots;
    int64_t *slot;                 /* (n_slots,) what the last block left there */
    atomic_int done[N_BLOCKS];
    int64_t merged[2 * N_BLOCKS], n_merged;
    atomic_int merging, overlaps;
} record;

static void note_block(void *context, int thread, int64_t slot, int64_t index)
{
    record *r = context;
    struct timespec pause = {0, index == r->slow ? 20000000 : 0};
    nanosleep(&pause, NULL); /* one block late: the others run out of slots and wait for it */
    atomic_fetch_add(&r->done[index], 1);
    if (r->slot) {
        r->slot[slot] = index;
    }
    (void)thread;
}

static void note_merge(void *context, int64_t slot)
{
    record *r = context;
    atomic_fetch_add(&r->overlaps, atomic_fetch_add(&r->merging, 1));
    r->merged[r->n_merged++] = r->slot[slot];
    atomic_fetch_sub(&r->merging, 1);
}

static void merging_case(int64_t slow, int64_t n_slots, int n_threads)
{
    in_case("block %d slow, %d slots, %d threads", (int)slow, (int)n_slots, n_threads);
    record r = {.slow = slow, .n_slots = n_slots, .slot = room((size_t)n_slots, sizeof(int64_t))};
    gmm_blocks blocks = {note_block, note_merge, &r, N_BLOCKS, n_slots, room((size_t)n_slots, sizeof(atomic_llong))};
    gmm_run_blocks(&blocks, n_threads);
    CHECK(r.n_merged == N_BLOCKS);
    for (int64_t i = 0; i < N_BLOCKS; ++i) {
        CHECK(r.merged[i] == i);
        CHECK(atomic_load(&r.done[i]) == 1);
    }
    CHECK(atomic_load(&r.overlaps) == 0);
    free(blocks.ready);
    free(r.slot);
}

void test_parallel(void)
{
    for (int n_threads = 1; n_threads < 9; n_threads += 2) {
        merging_case(0, 3 * n_threads, n_threads);
        merging_case(N_BLOCKS / 2, 2 * n_threads, n_threads);
        merging_case(N_BLOCKS - 1, N_BLOCKS + 5, n_threads);
    }
    in_case("blocks without merge");
    record r = {.slow = 7};
    gmm_blocks blocks = {.block = note_block, .context = &r, .n_blocks = N_BLOCKS};
    gmm_run_blocks(&blocks, 2);
    for (int64_t i = 0; i < N_BLOCKS; ++i) {
        CHECK(atomic_load(&r.done[i]) == 1);
    }
    CHECK(gmm_usable_threads(4, 1) == 1 && gmm_usable_threads(1, 9) == 1);
    CHECK(gmm_usable_threads(4, 3) <= 3);
}
