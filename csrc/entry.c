/* entry.c: the entry points of gmm.h: argument checks, scratch, blocks, merge in order. */
#include "dispatch.h"
#include "factor.h"
#include "parallel.h"

#include <math.h>

/* ---- sizes ---- */

static int sizes_are_valid(gmm_structure structure, gmm_dtype precision, int64_t K, int64_t D, int n_threads) {
    if ((unsigned)structure >= GMM_N_STRUCTURES || (unsigned)precision >= GMM_N_DTYPES) return 0;
    if (K < 1 || D < 1 || n_threads < 1) return 0;
    /* every piece of scratch is a few times K D^2 numbers a thread: keep the sum far inside a size_t */
    return (double)K * ((double)D * (double)D + 4096.0) * 64.0 * ((double)n_threads + 1.0) < (double)(SIZE_MAX / 4);
}

/* Slots for blocks that wait for their turn: two a thread, more while they are small. */
static int64_t slots_needed(int n_threads, size_t partial_bytes) {
    const size_t room = (size_t)1 << 18, each = partial_bytes * 2 > room ? 2 : room / partial_bytes;
    return (int64_t)(each < 64 ? each : 64) * n_threads;
}

static size_t partial_bytes_of(const gmm_task *task, const gmm_kernel *kernel) {
    return kernel->partial_bytes ? gmm_round_to_line(kernel->partial_bytes(task)) : 0;
}

static size_t bytes_needed(gmm_task *task, const gmm_kernel *kernel, int n_threads) {
    gmm_workspace shared = {NULL, 0}, private = {NULL, 0};
    const size_t partial_bytes = partial_bytes_of(task, kernel);
    gmm_take(&shared, n_threads, sizeof(gmm_thread *));
    if (partial_bytes) {
        const int64_t n_slots = slots_needed(n_threads, partial_bytes);
        gmm_take(&shared, n_slots, sizeof(atomic_llong));
        gmm_take(&shared, n_slots, partial_bytes);
    }
    kernel->share(task, &shared);
    kernel->private(task, &private);
    return GMM_CACHE_LINE + shared.used + private.used * (size_t)n_threads;
}

static size_t most_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components, int64_t n_features,
                         int64_t n_factors, int n_threads) {
    if (!sizes_are_valid(structure, precision, n_components, n_features, n_threads)) return 0;
    size_t most = 0;
    for (int operation = 0; operation < GMM_N_OPERATIONS; ++operation) {
        const gmm_kernel *kernel = gmm_find_kernel((gmm_operation)operation, precision);
        gmm_task task = {
            .structure = structure, .n_components = n_components, .n_features = n_features, .n_factors = n_factors};
        const size_t bytes = kernel ? bytes_needed(&task, kernel, n_threads) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

size_t gmm_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components, int64_t n_features,
                         int n_threads) {
    return structure == GMM_FACTOR ? 0 : most_bytes(structure, precision, n_components, n_features, 0, n_threads);
}

size_t gmm_factor_scratch_bytes(gmm_dtype precision, int64_t n_components, int64_t n_features, int64_t n_factors,
                                int n_threads) {
    if (n_factors < 1 || n_factors > n_features) return 0;
    return most_bytes(GMM_FACTOR, precision, n_components, n_features, n_factors, n_threads);
}

/* ---- running a kernel ---- */

typedef struct {
    const gmm_task *task;
    gmm_thread **threads;
    unsigned char *partials; /* (n_slots, partial_bytes) */
    size_t partial_bytes;
} gmm_run;

static void run_block(void *context, int thread, int64_t slot, int64_t index) {
    const gmm_run *run = context;
    const int64_t first = index * GMM_BLOCK_ROWS, left = run->task->rows->n_rows - first;
    run->threads[thread]->partial = run->partials + (size_t)slot * run->partial_bytes;
    run->task->kernel->block(run->task, run->threads[thread], first, left < GMM_BLOCK_ROWS ? left : GMM_BLOCK_ROWS);
}

static void run_merge(void *context, int64_t slot) {
    const gmm_run *run = context;
    run->task->kernel->merge(run->task, run->partials + (size_t)slot * run->partial_bytes);
}

static gmm_status run(gmm_task *task, gmm_operation operation, gmm_dtype precision, int n_threads, void *scratch,
                      size_t scratch_bytes, int64_t *bad_row) {
    if (!sizes_are_valid(task->structure, precision, task->n_components, task->n_features, n_threads))
        return GMM_EINVAL;
    task->kernel = gmm_find_kernel(operation, precision);
    if (!task->kernel) return GMM_EINVAL;
    const int64_t n_blocks = (task->rows->n_rows + GMM_BLOCK_ROWS - 1) / GMM_BLOCK_ROWS;
    const int usable = gmm_usable_threads(n_threads, n_blocks);
    if (!scratch || scratch_bytes < bytes_needed(task, task->kernel, usable)) return GMM_ESCRATCH;
    task->n_threads = usable;

    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    gmm_thread **threads = gmm_take(&space, usable, sizeof *threads);
    gmm_run context = {task, threads, space.base, partial_bytes_of(task, task->kernel)};
    gmm_blocks blocks = {.block = run_block, .context = &context, .n_blocks = n_blocks, .watch = task->rows->watch};
    if (context.partial_bytes) {
        blocks.merge = run_merge;
        blocks.n_slots = slots_needed(usable, context.partial_bytes);
        blocks.ready = gmm_take(&space, blocks.n_slots, sizeof *blocks.ready);
        context.partials = gmm_take(&space, blocks.n_slots, context.partial_bytes);
    }
    task->kernel->share(task, &space);
    if (task->kernel->load) task->kernel->load(task);
    for (int t = 0; t < usable; ++t) {
        threads[t] = task->kernel->private(task, &space);
        threads[t]->bad_row = INT64_MAX;
    }
    const gmm_status status = gmm_run_blocks(&blocks, usable);

    int64_t bad = INT64_MAX;
    for (int t = 0; t < usable; ++t)
        if (threads[t]->bad_row < bad) bad = threads[t]->bad_row;
    if (bad_row) *bad_row = bad == INT64_MAX ? -1 : bad;
    if (bad != INT64_MAX) return GMM_ENONFINITE;
    if (status != GMM_OK) return status;
    if (task->kernel->finish) task->kernel->finish(task);
    return GMM_OK;
}

/* ---- argument checks ---- */

static int rows_are_valid(const gmm_rows *rows) {
    return rows && rows->n_rows >= 0 && rows->n_features >= 1 && (rows->data || rows->n_rows == 0) &&
           (unsigned)rows->dtype < GMM_N_DTYPES && rows->scale && rows->centre;
}

static int n_factors_fit(const gmm_factors *factors) {
    return factors->structure != GMM_FACTOR || (factors->n_factors >= 1 && factors->n_factors <= factors->n_features);
}

/* The sizes come first: nothing of the (K,) constants is read before K is known to be possible. */
static int factors_fit(const gmm_factors *factors, const gmm_rows *rows) {
    return factors && factors->n_features == rows->n_features && factors->mean && n_factors_fit(factors) &&
           sizes_are_valid(factors->structure, factors->precision, factors->n_components, factors->n_features, 1);
}

/* Every constant a number or -inf, at least one of them a number. */
static int densities_are_valid(const gmm_factors *factors) {
    if (!factors->log_constant || !factors->whitener) return 0;
    int finite = 0;
    for (int64_t k = 0; k < factors->n_components; ++k) {
        if (!(factors->log_constant[k] < INFINITY)) return 0;
        finite |= factors->log_constant[k] > -INFINITY;
    }
    return finite;
}

static int noise_is_valid(const gmm_factors *factors) {
    return !factors->log_noise || (factors->structure != GMM_LINEAR && *factors->log_noise < INFINITY);
}

static int labels_are_valid(const int64_t *label, int64_t n_rows, int64_t n_components) {
    int64_t n_bad = 0;
    for (int64_t i = 0; label && i < n_rows; ++i) n_bad += label[i] < -1 || label[i] >= n_components;
    return n_bad == 0;
}

static int statistics_are_valid(const gmm_statistics *statistics, const gmm_factors *factors) {
    const int has_second = factors->structure != GMM_TIED && factors->structure != GMM_LINEAR;
    return statistics && statistics->n && statistics->first && (statistics->second || !has_second) &&
           (factors->structure != GMM_FACTOR || statistics->n_factors == factors->n_factors);
}

static gmm_task task_of(const gmm_rows *rows, const gmm_factors *factors) {
    return (gmm_task){
        .structure = factors->structure,
        .n_components = factors->n_components,
        .n_features = factors->n_features,
        .n_factors = factors->structure == GMM_FACTOR ? factors->n_factors : 0,
        .rows = rows,
        .factors = factors,
        .has_noise = factors->log_noise != NULL,
    };
}

/* ---- entry points ---- */

gmm_status gmm_accumulate(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                          size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row) {
    if (!rows_are_valid(rows) || !factors_fit(factors, rows) || !densities_are_valid(factors) || !bad_row ||
        !noise_is_valid(factors) || !statistics_are_valid(statistics, factors) ||
        (unsigned)factors->skipping > GMM_SKIP_ALWAYS)
        return GMM_EINVAL;
    gmm_task task = task_of(rows, factors);
    task.statistics = statistics;
    return run(&task, GMM_ACCUMULATE, factors->precision, n_threads, scratch, scratch_bytes, bad_row);
}

gmm_status gmm_moments(const gmm_rows *rows, const gmm_factors *factors, const double *posterior,
                       const int64_t *label, int n_threads, void *scratch, size_t scratch_bytes,
                       gmm_statistics *statistics, int64_t *bad_row) {
    const int given = (posterior != NULL) + (label != NULL);
    if (!rows_are_valid(rows) || !factors_fit(factors, rows) || !bad_row || factors->structure == GMM_TIED ||
        factors->structure == GMM_LINEAR || (factors->structure == GMM_FACTOR && !factors->whitener) || given > 1 || (given == 0 && factors->n_components > 1) ||
        !statistics_are_valid(statistics, factors) ||
        !labels_are_valid(label, rows->n_rows, factors->n_components))
        return GMM_EINVAL;
    gmm_factors dense = *factors; /* there are no densities to tell what could be left out */
    dense.skipping = GMM_SKIP_NEVER;
    gmm_task task = task_of(rows, &dense);
    task.given_posterior = posterior;
    task.given_label = label;
    task.statistics = statistics;
    return run(&task, GMM_MOMENTS, factors->precision, n_threads, scratch, scratch_bytes, bad_row);
}

gmm_status gmm_score(const gmm_rows *rows, const gmm_factors *factors, int n_threads, void *scratch,
                     size_t scratch_bytes, double *log_density, void *posterior, int64_t *label, int64_t *bad_row) {
    if (!rows_are_valid(rows) || !factors_fit(factors, rows) || !densities_are_valid(factors) ||
        !noise_is_valid(factors) || !bad_row)
        return GMM_EINVAL;
    gmm_task task = task_of(rows, factors);
    task.log_density = log_density;
    task.posterior = posterior;
    task.label = label;
    return run(&task, GMM_SCORE, factors->precision, n_threads, scratch, scratch_bytes, bad_row);
}

static gmm_factors points_of(const gmm_rows *rows, gmm_dtype precision, int64_t n_points, const double *point) {
    return (gmm_factors){.structure = GMM_SPHERICAL,
                         .precision = precision,
                         .n_components = n_points,
                         .n_features = rows->n_features,
                         .mean = point};
}

gmm_status gmm_assign(const gmm_rows *rows, gmm_dtype precision, int64_t n_components, const double *centre,
                      int n_threads, void *scratch, size_t scratch_bytes, int64_t *label, double *distance,
                      double *n, double *sum, double *inertia, int64_t *bad_row) {
    if (!rows_are_valid(rows) || !centre || !inertia || !bad_row) return GMM_EINVAL;
    const gmm_factors centres = points_of(rows, precision, n_components, centre);
    gmm_task task = task_of(rows, &centres);
    task.label = label;
    task.distance = distance;
    task.n = n;
    task.sum = sum;
    task.inertia = inertia;
    return run(&task, GMM_ASSIGN, precision, n_threads, scratch, scratch_bytes, bad_row);
}

gmm_status gmm_seed(const gmm_rows *rows, gmm_dtype precision, int64_t n_candidates, const double *candidate,
                    const double *closest, int n_threads, void *scratch, size_t scratch_bytes, double *distance,
                    double *potential, int64_t *bad_row) {
    if (!rows_are_valid(rows) || !candidate || !distance || !potential || !bad_row) return GMM_EINVAL;
    const gmm_factors candidates = points_of(rows, precision, n_candidates, candidate);
    gmm_task task = task_of(rows, &candidates);
    task.closest = closest;
    task.distance = distance;
    task.potential = potential;
    return run(&task, GMM_SEED, precision, n_threads, scratch, scratch_bytes, bad_row);
}

/* Always in double: the scan decides what the frame, and so everything after it, is made of. */
gmm_status gmm_scan(const gmm_rows *rows, int n_threads, void *scratch, size_t scratch_bytes, gmm_columns *columns) {
    if (!rows || rows->n_rows < 0 || rows->n_features < 1 || (!rows->data && rows->n_rows > 0) ||
        (unsigned)rows->dtype >= GMM_N_DTYPES || !columns || !columns->minimum || !columns->maximum ||
        !columns->mean || !columns->scatter)
        return GMM_EINVAL;
    gmm_task task = {
        .structure = GMM_DIAG, .n_components = 1, .n_features = rows->n_features, .rows = rows, .columns = columns};
    return run(&task, GMM_SCAN, GMM_F64, n_threads, scratch, scratch_bytes, NULL);
}

/* ---- the roof ---- */

enum { PEAK_BLOCKS = 256, PEAK_SLOTS = 64 };

typedef struct {
    double (*peak)(int64_t repeats);
    double rate[PEAK_SLOTS], best; /* flop/s of one thread: of blocks that wait to be merged, and of the fastest */
} gmm_peak;

static void peak_block(void *context, int thread, int64_t slot, int64_t index) {
    gmm_peak *peak = context;
    (void)thread, (void)index;
    const double start = gmm_seconds(), flops = peak->peak(1 << 15), seconds = gmm_seconds() - start;
    peak->rate[slot] = flops * seconds / (seconds * seconds + 1e-30); /* of a clock that stood still: 0 */
}

static void peak_merge(void *context, int64_t slot) {
    gmm_peak *peak = context;
    peak->best = fmax(peak->best, peak->rate[slot]);
}

/* All threads at work, the fastest of many short blocks: other processes use the machine too. */
double gmm_peak_flops(gmm_dtype precision, int n_threads) {
    const gmm_isa_row *isa = gmm_active_isa();
    if (!isa || (unsigned)precision >= GMM_N_DTYPES || n_threads < 1) return 0;
    gmm_peak peak = {.peak = isa->peak[precision]};
    atomic_llong ready[PEAK_SLOTS];
    const int threads = gmm_usable_threads(n_threads, n_threads);
    const gmm_blocks blocks = {.block = peak_block, .merge = peak_merge, .context = &peak,
                               .n_blocks = (int64_t)threads * PEAK_BLOCKS, .n_slots = PEAK_SLOTS, .ready = ready};
    gmm_run_blocks(&blocks, threads);
    return peak.best * threads;
}

const char *gmm_status_message(gmm_status status) {
    switch (status) {
    case GMM_OK: return "success";
    case GMM_EINVAL: return "an argument is outside its contract, or GMM_ISA names no instruction set of this machine";
    case GMM_ESCRATCH: return "scratch is smaller than gmm_scratch_bytes() asks for";
    case GMM_ENONFINITE: return "a row holds a NaN or an infinity";
    case GMM_ESINGULAR: return "a covariance is not positive definite";
    case GMM_ESTOPPED: return "stopped by the caller";
    }
    return "unknown status";
}
