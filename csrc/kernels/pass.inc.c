/* pass.inc.c: what accumulate, moments and score share: scratch, and a tile's way to responsibilities.
 *
 * Shared scratch: packed factors, totals. A thread's: one tile, its (K, stride) table of densities, the accumulators
 * of a block. Totals and partials end in extra slots: log-likelihood, weight, weight of noise, and of a partial whether
 * its sums are in the order of skip_moments. */

enum {
    NAME(PASS_LOG_LIKELIHOOD) = 0,
    NAME(PASS_WEIGHT) = 1,
    NAME(PASS_NOISE) = 2,
    NAME(PASS_SKIPPED) = 3,
    NAME(PASS_EXTRA) = 4
};

typedef struct {
    const NAME(structure) *structure;
    REAL *factors;
    double *total;
    int64_t total_size, extra_at, tile_rows; /* doubles of totals; where the extra slots start; rows of a tile */
    NAME(skip_shared) skip;
} NAME(pass);

typedef struct {
    gmm_thread head;
    NAME(tile) tile;
    REAL *density, *weight, *log_density, *label, *noise, *accumulator;
    REAL *columns, *weights; /* of all tiles that it holds */
    NAME(skip_thread) skip;
} NAME(pass_thread);

/* Where the extra slots start: room for the sums of a block in either order. */
static int64_t NAME(pass_extra_at)(const gmm_task *task, const NAME(structure) *structure, int64_t total) {
    const int64_t skip = structure->can_skip ? NAME(skip_total_size)(task->n_components, task->n_features) : 0;
    return total > skip ? total : skip;
}

/* with_sums: 0 for score, which adds nothing up. */
static void NAME(share_pass)(gmm_task *task, gmm_workspace *space, int with_sums) {
    const int64_t K = task->n_components, D = task->n_features;
    const NAME(structure) *structure = NAME(structure_of)(task->structure, D);
    NAME(pass) *pass = gmm_take(space, 1, sizeof *pass);
    const NAME(sizes) sizes = NAME(sizes_of)(structure, K, D, task->n_factors);
    REAL *factors = gmm_take(space, sizes.factors, sizeof *factors);
    const int64_t extra_at = NAME(pass_extra_at)(task, structure, sizes.total);
    double *total = with_sums ? gmm_take(space, extra_at + NAME(PASS_EXTRA), sizeof *total) : NULL;
    NAME(skip_shared) skip = {0};
    if (with_sums && structure->can_skip) skip = NAME(take_skip_shared)(K, D, space);
    task->shared = pass;
    if (space->base)
        *pass = (NAME(pass)){structure, factors, total, sizes.total, extra_at, sizes.tile_rows, skip};
}

static void NAME(load_pass)(gmm_task *task, int with_sums) {
    const int64_t K = task->n_components, D = task->n_features;
    NAME(pass) *pass = task->shared;
    const NAME(structure) *structure = pass->structure;
    structure->pack_factors(task->factors, pass->factors);
    if (with_sums && structure->shorten) structure->shorten(task->factors, pass->factors);
    pass->skip.is_on = 0;
    if (with_sums && structure->can_skip) NAME(share_skip)(task, pass->factors, &pass->skip);
    if (!with_sums) return;
    structure->import(K, D, task->statistics, pass->total);
    pass->total[pass->extra_at + NAME(PASS_LOG_LIKELIHOOD)] = task->statistics->log_likelihood;
    pass->total[pass->extra_at + NAME(PASS_WEIGHT)] = task->statistics->weight;
    pass->total[pass->extra_at + NAME(PASS_NOISE)] = task->statistics->noise;
}

/* Whether tiles stay. Those laid out by rows do not: where terms may be left out they are another pass's scratch. */
static int NAME(keeps_tiles)(const gmm_task *task, const NAME(structure) *structure) {
    return task->keeps_tiles && !structure->layouts;
}

/* Tiles of the first n_rows rows. */
static int64_t NAME(tiles_before)(int64_t n_rows, int64_t tile_rows) {
    const int64_t each = (GMM_BLOCK_ROWS + tile_rows - 1) / tile_rows;
    return n_rows / GMM_BLOCK_ROWS * each + (n_rows % GMM_BLOCK_ROWS + tile_rows - 1) / tile_rows;
}

static gmm_thread *NAME(private_pass)(const gmm_task *task, gmm_workspace *space, int with_sums) {
    const int64_t K = task->n_components, D = task->n_features;
    const NAME(structure) *structure = NAME(structure_of)(task->structure, D);
    const NAME(sizes) sizes = NAME(sizes_of)(structure, K, D, task->n_factors);
    const int64_t rows = sizes.tile_rows, stride = NAME(stride)(rows);
    const int64_t row_stride = structure->layouts ? NAME(stride)(NAME(lanes)(D)) : 0;
    const int64_t tiles = NAME(keeps_tiles)(task, structure) ? NAME(tiles_before)(task->rows->n_rows, rows) : 1;
    NAME(pass_thread) *thread = gmm_take(space, 1, sizeof *thread);
    REAL *column = gmm_take(space, tiles * D * stride, sizeof *column);
    REAL *row = row_stride ? gmm_take(space, rows * row_stride, sizeof *row) : NULL;
    REAL *work = gmm_take(space, sizes.work, sizeof *work);
    REAL *density = gmm_take(space, K * stride, sizeof *density);
    REAL *weight = gmm_take(space, tiles * rows, sizeof *weight);
    REAL *log_density = gmm_take(space, rows, sizeof *log_density);
    REAL *label = gmm_take(space, rows, sizeof *label);
    REAL *noise = gmm_take(space, rows, sizeof *noise);
    REAL *accumulator = with_sums ? gmm_take(space, sizes.accumulator, sizeof *accumulator) : NULL;
    NAME(skip_thread) skip = {0};
    if (with_sums && structure->can_skip) skip = NAME(take_skip_thread)(K, D, rows, space);
    if (!space->base) return NULL;
    if (row) memset(row, 0, (size_t)(rows * row_stride) * sizeof *row); /* features past D stay 0 */
    *thread = (NAME(pass_thread)){
        .tile = {.stride = stride,
                 .row_stride = row_stride,
                 .column = column,
                 .row = row,
                 .layouts = structure->layouts,
                 .n_factors = task->n_factors,
                 .work = work},
        .density = density,
        .weight = weight,
        .log_density = log_density,
        .label = label,
        .noise = noise,
        .accumulator = accumulator,
        .columns = column,
        .weights = weight,
        .skip = skip,
    };
    return &thread->head;
}

/* Packs the tile that starts at row `done` of a block, and notes where the next one will be read. Data by columns
 * is left to the hardware's own prefetcher. Returns the rows packed. */
static int64_t NAME(pass_pack)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t done,
                               int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const gmm_rows *rows = task->rows;
    const int64_t here = n_rows - done < pass->tile_rows ? n_rows - done : pass->tile_rows;
    const int64_t bytes = rows->n_features * (int64_t)(rows->dtype == GMM_F32 ? sizeof(float) : sizeof(double));
    const int in_rows = rows->row_stride >= bytes && rows->row_stride < 2 * bytes && done + here < n_rows;
    NAME(pack)(rows, first + done, here, &thread->tile);
    thread->tile.ahead =
        in_rows ? (const unsigned char *)rows->data + (first + done + here) * rows->row_stride : NULL;
    thread->tile.ahead_step = rows->row_stride;
    return here;
}

/* The same with sample weights; a tile that was kept is there. */
static void NAME(pass_weighted)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t done,
                                int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    NAME(tile) *tile = &thread->tile;
    const int keeps = NAME(keeps_tiles)(task, pass->structure);
    if (keeps) {
        const int64_t index = NAME(tiles_before)(first, pass->tile_rows) + done / pass->tile_rows;
        tile->column = thread->columns + index * task->n_features * tile->stride;
        thread->weight = thread->weights + index * pass->tile_rows;
    }
    if (keeps && task->is_packed) {
        tile->n_rows = n_rows - done < pass->tile_rows ? n_rows - done : pass->tile_rows;
        tile->rows = NAME(lanes)(tile->n_rows);
        return;
    }
    NAME(pass_pack)(task, thread, first, done, n_rows);
    NAME(pack_weights)(task->rows, first + done, tile, thread->weight);
}

/* Row i of the tile, which has no share in any component, adds nothing: 0 times infinity would. */
static void NAME(clear_row)(const NAME(tile) *tile, int64_t n_features, int64_t i) {
    for (int64_t d = 0; d < n_features; ++d) tile->column[d * tile->stride + i] = 0;
    for (int64_t d = 0; tile->row && d < n_features; ++d) tile->row[i * tile->row_stride + d] = 0;
}

/* Turns the packed tile, whose first row is row `first` of the call, into responsibilities times thread->weight,
 * log-densities and, unless NULL, labels; far rows and bad rows looked after. */
static void NAME(pass_responsibilities)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, REAL *label) {
    const NAME(pass) *pass = task->shared;
    const NAME(structure) *structure = pass->structure;
    const NAME(tile) *tile = &thread->tile;
    const int64_t K = task->n_components, D = task->n_features;
    int strange;
    if (structure->responsibilities && !task->rows->log_prior) {
        strange = structure->responsibilities(tile, K, D, pass->factors, thread->weight, thread->density,
                                              thread->log_density, label);
    } else {
        structure->density(tile, K, D, pass->factors, thread->density);
        if (task->rows->log_prior) NAME(add_prior)(task->rows->log_prior + first * K, K, tile, thread->density);
        strange = NAME(softmax)(tile->rows, tile->stride, K, thread->density, thread->weight, thread->log_density, label);
    }
    for (int64_t i = 0; strange && i < tile->rows; ++i) {
        if (thread->log_density[i] == thread->log_density[i]) continue;
        double log_density = 0;
        const int64_t nearest =
            i < tile->n_rows ? gmm_far_row(task->rows, task->factors, first + i, &log_density) : 0;
        if (nearest < 0 && first + i < thread->head.bad_row) thread->head.bad_row = first + i;
        for (int64_t k = 0; k < K; ++k) thread->density[k * tile->stride + i] = k == nearest ? thread->weight[i] : 0;
        thread->log_density[i] = (REAL)log_density;
        if (label) label[i] = (REAL)nearest;
        if (task->has_noise || !(thread->weight[i] > 0)) NAME(clear_row)(tile, D, i); /* noise will have all of it */
    }
    if (task->has_noise)
        NAME(pass_noise)(*task->factors->log_noise, K, tile, thread->density, thread->log_density, label,
                         thread->noise);
}

/* Adds sum w log density (l), sum w and, unless NULL, sum w noise of n_rows rows from row `first` on to the partial
 * sums, in 8 chains of doubles. */
static void NAME(pass_totals)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows,
                              const REAL *l, const REAL *noise) {
    enum { CHAINS = 8 };
    const NAME(pass) *pass = task->shared;
    const double *w = task->rows->weight ? task->rows->weight + first : NULL;
    double *extra = (double *)thread->head.partial + pass->extra_at;
    double likelihood[CHAINS] = {0}, weight[CHAINS] = {0};
    int64_t i = 0;
    for (; !w && i + CHAINS <= n_rows; i += CHAINS)
        for (int c = 0; c < CHAINS; ++c) likelihood[c] += (double)l[i + c];
    weight[0] = (double)i;
    for (; i < n_rows; ++i) {
        const double wi = w ? w[i] : 1;
        likelihood[i % CHAINS] += wi > 0 ? wi * (double)l[i] : 0; /* the log-density of an absent row may be -inf */
        weight[i % CHAINS] += wi;
    }
    for (int c = 0; c < CHAINS; ++c) {
        extra[NAME(PASS_LOG_LIKELIHOOD)] += likelihood[c];
        extra[NAME(PASS_WEIGHT)] += weight[c];
    }
    double noisy[CHAINS] = {0};
    for (i = 0; noise && i < n_rows; ++i) noisy[i % CHAINS] += (w ? w[i] : 1) * (double)noise[i];
    for (int c = 0; noise && c < CHAINS; ++c) extra[NAME(PASS_NOISE)] += noisy[c];
}

static size_t NAME(pass_partial_bytes)(const gmm_task *task) {
    const NAME(structure) *structure = NAME(structure_of)(task->structure, task->n_features);
    const NAME(sizes) sizes = NAME(sizes_of)(structure, task->n_components, task->n_features, task->n_factors);
    return (size_t)(NAME(pass_extra_at)(task, structure, sizes.total) + NAME(PASS_EXTRA)) * sizeof(double);
}

static void NAME(merge_pass)(const gmm_task *task, const void *partial) {
    const NAME(pass) *pass = task->shared;
    const double *sums = partial, *extra = sums + pass->extra_at;
    double *total = pass->total;
    if (extra[NAME(PASS_SKIPPED)] > 0)
        NAME(merge_skip)(task->n_components, task->n_features, sums, total);
    else
        for (int64_t s = 0; s < pass->total_size; ++s) total[s] += sums[s];
    total[pass->extra_at + NAME(PASS_LOG_LIKELIHOOD)] += extra[NAME(PASS_LOG_LIKELIHOOD)];
    total[pass->extra_at + NAME(PASS_WEIGHT)] += extra[NAME(PASS_WEIGHT)];
    total[pass->extra_at + NAME(PASS_NOISE)] += extra[NAME(PASS_NOISE)];
}

/* Before the first tile of a block. */
static void NAME(start_sums)(const gmm_task *task, NAME(pass_thread) *thread) {
    const NAME(pass) *pass = task->shared;
    const NAME(sizes) sizes =
        NAME(sizes_of)(pass->structure, task->n_components, task->n_features, task->n_factors);
    memset(thread->accumulator, 0, (size_t)sizes.accumulator * sizeof(REAL));
    memset((double *)thread->head.partial + pass->extra_at, 0, NAME(PASS_EXTRA) * sizeof(double));
}

/* After its last. */
static void NAME(flush_sums)(const gmm_task *task, const NAME(pass_thread) *thread) {
    const NAME(pass) *pass = task->shared;
    pass->structure->flush(task->n_components, task->n_features, pass->factors, thread->accumulator,
                           thread->head.partial);
}

static void NAME(finish_pass)(const gmm_task *task) {
    const NAME(pass) *pass = task->shared;
    pass->structure->export(task->n_components, task->n_features, pass->total, task->statistics);
    task->statistics->log_likelihood = pass->total[pass->extra_at + NAME(PASS_LOG_LIKELIHOOD)];
    task->statistics->weight = pass->total[pass->extra_at + NAME(PASS_WEIGHT)];
    task->statistics->noise = pass->total[pass->extra_at + NAME(PASS_NOISE)];
}
