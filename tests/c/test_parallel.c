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
    gmm_blocks blocks = {.block = note_block, .merge = note_merge, .context = &r, .n_blocks = N_BLOCKS,
                         .n_slots = n_slots, .ready = room((size_t)n_slots, sizeof(atomic_llong))};
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

typedef struct {
    int64_t slow;        /* blocks from which each takes 60 ms */
    int patience;        /* times asked before it says stop */
    int merges;          /* whether blocks have slots of their own */
    atomic_int begun, asked, started;
    int64_t slot[8], n_merged;
} guard;

static void guarded_block(void *context, int thread, int64_t slot, int64_t index)
{
    guard *g = context;
    struct timespec pause = {0, index >= g->slow ? 60000000 : 0};
    nanosleep(&pause, NULL);
    atomic_fetch_add(&g->begun, 1);
    if (g->merges) {
        g->slot[slot] = index;
    }
    (void)thread;
}

static void guarded_merge(void *context, int64_t slot)
{
    guard *g = context;
    CHECK(g->slot[slot] == g->n_merged);
    ++g->n_merged;
}

static int ask_guard(void *context)
{
    guard *g = context;
    return atomic_fetch_add(&g->asked, 1) >= g->patience;
}

static void stopping_case(int n_threads, int64_t slow, int patience, int merges, gmm_status expected)
{
    in_case("%d threads, slow from %d, asked %d times", n_threads, (int)slow, patience);
    guard g = {.slow = slow, .patience = patience, .merges = merges};
    atomic_llong ready[8];
    const gmm_blocks blocks = {.block = guarded_block, .merge = merges ? guarded_merge : NULL, .context = &g,
                               .n_blocks = N_BLOCKS, .n_slots = 8, .ready = ready, .watch = {ask_guard, &g}};
    CHECK(gmm_run_blocks(&blocks, n_threads) == expected);
    if (expected == GMM_OK) {
        CHECK(atomic_load(&g.begun) == N_BLOCKS && g.n_merged == (merges ? N_BLOCKS : 0));
    } else {
        CHECK(atomic_load(&g.begun) < N_BLOCKS && g.n_merged <= atomic_load(&g.begun));
        CHECK(atomic_load(&g.asked) == patience + 1);
    }
}

static void test_stopping(void)
{
    for (int n_threads = 1; n_threads <= 4; n_threads += 3) {
        stopping_case(n_threads, N_BLOCKS, 1000, 1, GMM_OK);
        stopping_case(n_threads, N_BLOCKS - 4, 1000, 1, GMM_OK);
        stopping_case(n_threads, 0, 0, 1, GMM_ESTOPPED);
        stopping_case(n_threads, 3, 2, 1, GMM_ESTOPPED);
        stopping_case(n_threads, 0, 1, 0, GMM_ESTOPPED);
    }
}

static void uneven_block(void *context, int thread, int64_t slot, int64_t index)
{
    guard *g = context;
    const long pauses[] = {60000000, 300000000, 0, 0};
    if (thread == 0) {
        atomic_store(&g->started, 1);
    }
    while (!atomic_load(&g->started)) { /* or the others were done before the caller's thread has begun */
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    nanosleep(&(struct timespec){0, pauses[thread]}, NULL);
    g->slot[slot] = index;
}

/* Two threads wait for slots, since a third is slow, while the caller's is told to stop. */
static void test_stopped_waiting(void)
{
    in_case("threads that wait for slots are stopped");
    guard g = {0};
    atomic_llong ready[8];
    gmm_blocks blocks = {.block = uneven_block, .merge = guarded_merge, .context = &g, .n_blocks = N_BLOCKS,
                         .n_slots = 8, .ready = ready, .watch = {ask_guard, &g}};
    CHECK(gmm_run_blocks(&blocks, 4) == GMM_ESTOPPED);
    CHECK(atomic_load(&g.asked) == 1);
    in_case("one block is not asked about");
    g = (guard){0};
    blocks.n_blocks = 1;
    CHECK(gmm_run_blocks(&blocks, 4) == GMM_OK);
    CHECK(g.n_merged == 1 && atomic_load(&g.asked) == 0);
}

/* One number, 2^45 times: a pass would take days. */
static void test_stopped_pass(int n_threads)
{
    in_case("a pass that is stopped, %d threads", n_threads);
    guard g = {.patience = 1};
    const double x = 3, one = 1, zero = 0;
    double n = 0, first = 0, second = 0;
    int64_t bad_row = 0;
    const gmm_rows rows = {.data = &x, .dtype = GMM_F64, .n_rows = (int64_t)1 << 45, .n_features = 1,
                           .scale = &one, .centre = &zero, .watch = {ask_guard, &g}};
    const gmm_factors factors = {.structure = GMM_DIAG, .precision = GMM_F64, .n_components = 1, .n_features = 1,
                                 .log_constant = &zero, .mean = &zero, .whitener = &one};
    gmm_statistics sums = {.n = &n, .first = &first, .second = &second};
    const size_t bytes = gmm_scratch_bytes(GMM_DIAG, GMM_F64, 1, 1, n_threads);
    void *scratch = room(bytes, 1);
    CHECK(gmm_accumulate(&rows, &factors, n_threads, scratch, bytes, &sums, &bad_row) == GMM_ESTOPPED);
    CHECK(atomic_load(&g.asked) == 2 && bad_row == -1);
    free(scratch);
}

void test_parallel(void)
{
    test_stopping();
    test_stopped_waiting();
    test_stopped_pass(1);
    test_stopped_pass(4);
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
