/* skip_scratch.inc.c: what a pass that skips holds, shared and per thread.
 *
 * A batch, at most a block, is as many rows as fit BATCH_BYTES in the row layout, at least a tile: its rows are packed
 * once, then taken tile by tile in the order of their owners. */

typedef struct {
    int is_on;
    NAME(owners) owners;
    double *metric, *spread; /* (D), used while sharing */
    REAL *typical;           /* (D, TYPICAL_ROWS), used while sharing */
} NAME(skip_shared);

typedef struct {
    int64_t batch_rows, row_stride;
    int64_t tile_rows;          /* a multiple of V_ROWS * V_LANES, at most the pass's */
    REAL *row;                  /* (batch_rows, row_stride) */
    REAL *owner, *log_density;  /* (batch_rows), in the order of the data */
    int32_t *order, *end;       /* (batch_rows), (K): see order_by_owner */
    NAME(live) live;
    int32_t *list;              /* (tile rows + 1), with share and work the moments' own */
    REAL *share, *work;         /* (tile rows + 1), (1 + tile rows, row_stride) */
} NAME(skip_thread);

static int64_t NAME(skip_batch_rows)(int64_t n_features, int64_t tile_rows) {
    enum { BATCH_BYTES = 512 * 1024 };
    int64_t rows = GMM_BLOCK_ROWS;
    while (rows > tile_rows && rows * n_features * (int64_t)sizeof(REAL) > BATCH_BYTES) rows /= 2;
    return rows;
}

static NAME(skip_shared) NAME(take_skip_shared)(int64_t n_components, int64_t n_features, gmm_workspace *space) {
    const NAME(owners) owners = NAME(take_owners)(n_components, n_features, space);
    double *metric = gmm_take(space, n_features, sizeof *metric), *spread = gmm_take(space, n_features, sizeof *spread);
    REAL *typical = gmm_take(space, n_features * NAME(TYPICAL_ROWS), sizeof *typical);
    return (NAME(skip_shared)){0, owners, metric, spread, typical};
}

/* Decides, and prepares. Where responsibilities are given there is nothing to skip. */
static void NAME(share_skip)(const gmm_task *task, const REAL *packed, NAME(skip_shared) *skip) {
    const gmm_factors *factors = task->factors;
    if (task->given_posterior || task->given_label || factors->skipping == GMM_SKIP_NEVER) return;
    skip->is_on = factors->skipping == GMM_SKIP_ALWAYS ||
                  NAME(skip_pays)(factors, packed, skip->typical, skip->metric);
    if (skip->is_on) NAME(pack_owners)(factors, skip->owners, skip->metric, skip->spread);
}

static NAME(skip_thread) NAME(take_skip_thread)(int64_t n_components, int64_t n_features, int64_t tile_rows,
                                                gmm_workspace *space) {
    const int64_t K = n_components, batch = NAME(skip_batch_rows)(n_features, tile_rows);
    const int64_t padded = NAME(lanes)(batch) + tile_rows, row_stride = NAME(stride)(NAME(lanes)(n_features));
    const int64_t group = V_ROWS * V_LANES;
    NAME(skip_thread) skip = {
        .batch_rows = batch, .row_stride = row_stride, .tile_rows = tile_rows / group * group};
    skip.row = gmm_take(space, padded * row_stride, sizeof(REAL));
    skip.owner = gmm_take(space, padded, sizeof(REAL));
    skip.log_density = gmm_take(space, padded, sizeof(REAL));
    skip.order = gmm_take(space, batch, sizeof(int32_t));
    skip.end = gmm_take(space, K, sizeof(int32_t));
    skip.live.live = gmm_take(space, K, sizeof(int32_t));
    skip.live.slot = gmm_take(space, K, sizeof(int32_t));
    skip.live.reference = gmm_take(space, tile_rows, sizeof(REAL));
    skip.list = gmm_take(space, tile_rows + 1, sizeof(int32_t));
    skip.share = gmm_take(space, tile_rows + 1, sizeof(REAL));
    skip.work = gmm_take(space, (1 + tile_rows) * row_stride, sizeof(REAL));
    return skip;
}

static void NAME(merge_skip)(int64_t n_components, int64_t n_features, const double *sums, double *total) {
    const int64_t size = NAME(skip_component_size)(n_features);
    for (int64_t k = 0; k < n_components; ++k, sums += size, total += size)
        for (int64_t s = 0; sums[0] > 0 && s < size; ++s) total[s] += sums[s];
}
