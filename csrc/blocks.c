/* blocks.c: which thread takes which block, and who merges when.
 *
 * Threads take blocks in order from a counter. A finished block waits in its
 * slot; whoever finds the next block in order ready, and nobody merging,
 * merges. So the order of every sum is fixed and nobody waits for a slower
 * thread as long as slots are free.
 *
 * The caller's thread looks at the clock after `pace` blocks, which is doubled
 * while that was soon, so that short blocks are not slowed down by it. */
#include "parallel.h"

#include <sched.h>
#include <time.h>

static const double SECONDS_SOON = 0.02, SECONDS_BETWEEN = 0.05;

typedef struct {
    gmm_watch watch;
    double since;      /* when the clock was last looked at */
    int64_t pace, left; /* blocks between two looks; before the next */
} lookout;

double gmm_seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static lookout begin_lookout(const gmm_blocks *blocks) {
    const int is_watched = blocks->watch.stop && blocks->n_blocks > 1;
    return (lookout){.watch = blocks->watch, .since = is_watched ? gmm_seconds() : 0, .pace = 1, .left = is_watched};
}

/* After a block: whether to stop. */
static int is_stopped(lookout *out) {
    if (!out->left || --out->left) return 0;
    const double now = gmm_seconds(), seconds = now - out->since;
    const int soon = seconds < SECONDS_SOON, late = seconds > SECONDS_BETWEEN;
    out->since = now;
    out->pace = soon ? 2 * out->pace : late && out->pace > 1 ? out->pace / 2 : out->pace;
    out->left = out->pace;
    return !soon && out->watch.stop(out->watch.context);
}

typedef struct {
    const gmm_blocks *blocks;
    lookout out;
    atomic_int stopped;
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
    while (!atomic_load(&team->stopped)) {
        const long long index = atomic_fetch_add(&team->next, 1);
        if (index >= blocks->n_blocks) return;
        for (int waited = 0; blocks->merge && atomic_load(&team->merged) + blocks->n_slots <= index; ++waited) {
            if (atomic_load(&team->stopped)) return; /* a block before this one may never be done */
            merge_ready(team);
            if (waited > 64) sched_yield(); /* the slower thread may want this processor */
        }
        blocks->block(blocks->context, thread, blocks->merge ? index % blocks->n_slots : 0, index);
        if (blocks->merge) {
            atomic_store(&blocks->ready[index % blocks->n_slots], index);
            merge_ready(team);
        }
        if (thread == 0 && is_stopped(&team->out)) atomic_store(&team->stopped, 1);
    }
}

static gmm_status run_alone(const gmm_blocks *blocks) {
    lookout out = begin_lookout(blocks);
    for (int64_t i = 0; i < blocks->n_blocks; ++i) {
        blocks->block(blocks->context, 0, 0, i);
        if (blocks->merge) blocks->merge(blocks->context, 0);
        if (is_stopped(&out)) return GMM_ESTOPPED;
    }
    return GMM_OK;
}

gmm_status gmm_run_blocks(const gmm_blocks *blocks, int n_threads) {
    const int usable = gmm_usable_threads(n_threads, blocks->n_blocks);
    if (usable == 1) return run_alone(blocks);
    crew team = {.blocks = blocks, .out = begin_lookout(blocks), .merging = ATOMIC_FLAG_INIT};
    atomic_init(&team.stopped, 0);
    atomic_init(&team.next, 0);
    atomic_init(&team.merged, 0);
    if (blocks->merge)
        for (int64_t slot = 0; slot < blocks->n_slots; ++slot) atomic_init(&blocks->ready[slot], -1);
    gmm_run_threads(work, &team, usable);
    if (atomic_load(&team.stopped)) return GMM_ESTOPPED;
    if (blocks->merge) merge_ready(&team); /* what became ready while another thread was just leaving the merge */
    return GMM_OK;
}
