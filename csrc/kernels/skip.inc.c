/* skip.inc.c: accumulate without the terms below 2^-SKIP_BITS of a row's density.
 *
 *     pack a batch --guess--> owners --sort--> tiles of rows by owner --whiten_until--> live densities
 *     --softmax--> responsibilities --lists of rows--> moments
 *
 * Each row's terms, and so its log-density, are what softmax makes of all densities, those below the threshold set to
 * zero. On where skip_rehearsal finds that it pays. */

/* Writes the row layout again where packing clamped it: here a row that is not finite, or far, must stay so. */
static void NAME(skip_unclamp)(const NAME(tile) *tile, int64_t n_features) {
    const vec most = v_set1(ROW_LIMIT), least = v_set1(-ROW_LIMIT);
    int clamped = 0;
    for (int64_t d = 0; d < n_features; ++d)
        for (int64_t i = 0; i < tile->rows; i += V_LANES) {
            const vec x = v_load(tile->column + d * tile->stride + i);
            clamped |= (int)v_not_all(v_lt(x, most)) | (int)v_not_all(v_lt(least, x));
        }
    for (int64_t i = 0; clamped && i < tile->rows; ++i)
        for (int64_t d = 0; d < n_features; ++d)
            tile->row[i * tile->row_stride + d] = tile->column[d * tile->stride + i];
}

/* Rows of the batch into the row layout, and their probable owners. */
static void NAME(skip_pack)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    NAME(tile) tile = thread->tile;
    tile.row_stride = skip->row_stride;
    for (int64_t i = 0; i < n_rows; ++i) /* packing leaves features past D alone */
        for (int64_t d = task->n_features; d < NAME(lanes)(task->n_features); ++d) skip->row[i * skip->row_stride + d] = 0;
    for (int64_t done = 0; done < n_rows; done += pass->tile_rows) {
        const int64_t here = n_rows - done < pass->tile_rows ? n_rows - done : pass->tile_rows;
        tile.row = skip->row + done * skip->row_stride;
        NAME(pack)(task->rows, first + done, here, &tile);
        NAME(skip_unclamp)(&tile, task->n_features);
        NAME(guess_owners)(&tile, pass->skip.owners, skip->owner + done);
    }
}

/* Rows order[0 .. n_rows) of the batch into the column layout, the last of them repeated to full groups of vectors. */
static void NAME(skip_gather)(const NAME(skip_thread) *skip, const int32_t *order, int64_t n_rows, int64_t n_features,
                              NAME(tile) *tile) {
    const int64_t group = V_ROWS * V_LANES;
    tile->n_rows = n_rows;
    tile->rows = (n_rows + group - 1) / group * group;
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        const REAL *row[V_LANES];
        for (int64_t l = 0; l < V_LANES; ++l)
            row[l] = skip->row + order[i + l < n_rows ? i + l : n_rows - 1] * skip->row_stride;
        for (int64_t d = 0; d < n_features; d += V_LANES) {
            vec line[V_LANES];
            REAL *column = tile->column + d * tile->stride + i;
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) line[l] = v_load(row[l] + d);
            NAME(transpose_lines)(line);
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l)
                if (l < n_features - d) v_store(column + l * tile->stride, line[l]);
        }
    }
}

/* A row that softmax could not believe: see far.c. i is its place in the tile, at its place in the data. */
static void NAME(skip_strange)(const gmm_task *task, NAME(pass_thread) *thread, int64_t i, int64_t at) {
    const NAME(tile) *tile = &thread->tile;
    NAME(live) *live = &thread->skip.live;
    double log_density = 0;
    const int64_t nearest = gmm_far_row(task->rows, task->factors, at, &log_density);
    for (int64_t c = 0; c < live->n_live; ++c) thread->density[c * tile->stride + i] = 0;
    thread->log_density[i] = (REAL)log_density;
    if (nearest >= 0)
        NAME(live_line)(tile, live, nearest, 0, thread->density)[i] = thread->weight[i];
    else if (at < thread->head.bad_row)
        thread->head.bad_row = at;
}

/* Moments of the tile's rows: order are their places in the batch. */
static void NAME(skip_moments)(const gmm_task *task, NAME(pass_thread) *thread, const int32_t *order) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t D = task->n_features, size = NAME(full_factor)(D), sums_size = NAME(skip_component_size)(D);
    for (int64_t c = 0; c < skip->live.n_live; ++c) {
        const int64_t k = skip->live.live[c];
        const REAL *r = thread->density + c * thread->tile.stride;
        const int64_t n = NAME(list_rows)(&thread->tile, r, order, skip->list, skip->share);
        if (n > 0)
            NAME(add_rows)(skip->row, skip->row_stride, n, skip->list, skip->share, D, pass->factors + k * size + 1,
                           skip->work, (double *)thread->head.partial + k * sums_size);
    }
}

/* One tile: rows at .. at + n_rows of the order; the batch starts at row `first` of the data. */
static void NAME(skip_tile)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t at,
                            int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const int64_t K = task->n_components, D = task->n_features;
    const double *w = task->rows->weight ? task->rows->weight + first : NULL;
    const int32_t *order = thread->skip.order + at;
    NAME(tile) *tile = &thread->tile;
    NAME(live) *live = &thread->skip.live;
    NAME(skip_gather)(&thread->skip, order, n_rows, D, tile);
    for (int64_t i = 0; i < n_rows; ++i) thread->weight[i] = w ? (REAL)w[order[i]] : (REAL)1;
    for (int64_t i = n_rows; i < tile->rows; ++i) thread->weight[i] = 0;
    NAME(live_densities)(tile, K, D, pass->factors, at, thread->skip.end, live, thread->density);
    const int strange = NAME(softmax)(tile->rows, tile->stride, live->n_live, thread->density, thread->weight,
                                      thread->log_density, NULL);
    for (int64_t i = 0; strange && i < n_rows; ++i)
        if (thread->log_density[i] != thread->log_density[i])
            NAME(skip_strange)(task, thread, i, first + order[i]);
    for (int64_t i = 0; i < n_rows; ++i) thread->skip.log_density[order[i]] = thread->log_density[i];
    NAME(skip_moments)(task, thread, order);
}

static void NAME(skip_block)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t K = task->n_components, size = NAME(skip_component_size)(task->n_features);
    double *sums = thread->head.partial;
    for (int64_t k = 0; k < K; ++k) sums[k * size] = 0;
    memset(sums + pass->total_size, 0, NAME(PASS_EXTRA) * sizeof *sums);
    for (int64_t done = 0; done < n_rows; done += skip->batch_rows) {
        const int64_t rows = n_rows - done < skip->batch_rows ? n_rows - done : skip->batch_rows, batch = first + done;
        NAME(skip_pack)(task, thread, batch, rows);
        NAME(order_by_owner)(rows, K, skip->owner, skip->order, skip->end);
        for (int64_t at = 0; at < rows; at += skip->tile_rows)
            NAME(skip_tile)(task, thread, batch, at, rows - at < skip->tile_rows ? rows - at : skip->tile_rows);
        NAME(pass_totals)(task, thread, batch, rows, skip->log_density);
    }
}
