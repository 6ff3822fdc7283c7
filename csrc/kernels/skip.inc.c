/* skip.inc.c: accumulate without the terms below 2^-SKIP_BITS of a row's density.
 *
 *     pack a batch --guess--> owners --densities of the owners--> references --tangent planes--> lists of rows
 *     --densities of the lists--> terms --softmax--> responsibilities --> moments
 *
 * Each row's terms, and so its log-density, are what softmax makes of all densities, those below the threshold set to
 * zero. On in a call where skip_rehearsal finds that it may pay, in a block where block_pays finds that it does. */

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

/* Notes that rows [first, first + n_rows) of data are next, for ask_ahead to ask for while n_now rows are worked on.
 * Data by columns is left to the hardware's own prefetcher. */
static void NAME(look_ahead)(const gmm_rows *rows, int64_t first, int64_t n_rows, int64_t n_now,
                             NAME(skip_ahead) *ahead) {
    const int64_t bytes = rows->n_features * (int64_t)(rows->dtype == GMM_F32 ? sizeof(float) : sizeof(double));
    const int in_rows = rows->row_stride >= bytes && rows->row_stride < 2 * bytes && first < rows->n_rows;
    const int64_t left = in_rows ? rows->n_rows - first : 0, n = left < n_rows ? left : n_rows;
    ahead->next = (const unsigned char *)rows->data + (in_rows ? first * rows->row_stride : 0);
    ahead->end = ahead->next + n * rows->row_stride;
    ahead->share = n * rows->row_stride / (2 * n_now) + 1; /* two steps of the work ask */
}

/* Rows of the batch into the row layout, and their probable owners. */
static void NAME(skip_pack)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t step = V_ROWS * V_LANES < pass->tile_rows ? V_ROWS * V_LANES : pass->tile_rows;
    NAME(tile) tile = thread->tile;
    const int64_t D = task->n_features;
    tile.row_stride = skip->row_stride;
    for (int64_t i = 0; i < n_rows; ++i) /* packing leaves features past D alone */
        for (int64_t d = D; d < NAME(lanes)(D); ++d) skip->row[i * skip->row_stride + d] = 0;
    for (int64_t done = 0; done < n_rows; done += step) {
        const int64_t left = n_rows - done, here = left < step ? left : step;
        tile.row = skip->row + done * skip->row_stride;
        NAME(pack)(task->rows, first + done, here, &tile);
        NAME(skip_unclamp)(&tile, task->n_features);
        NAME(guess_owners)(&tile, pass->skip.owners, skip->owner + done);
    }
}

/* Rows in the order of their owners, their densities there, and lists of rows for every component: first those it owns,
 * then others in which its term may count. Returns the entries in all lists. */
static int64_t NAME(skip_lists)(const gmm_task *task, NAME(pass_thread) *thread, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    NAME(skip_thread) *skip = &thread->skip;
    const int64_t K = task->n_components, D = task->n_features, size = NAME(planes_size)(K, D);
    int64_t n_entries = 0;
    NAME(order_by_owner)(n_rows, K, skip->owner, skip->order, skip->end);
    for (int64_t k = 0, begin = 0; k < K; begin = skip->end[k++]) {
        const int64_t n = skip->end[k] - begin;
        int32_t *list = skip->lists + k * skip->list_stride;
        REAL *density = skip->table + k * skip->list_stride;
        memcpy(list, skip->order + begin, (size_t)n * sizeof *list);
        skip->n_listed[k] = (int32_t)n;
        NAME(list_densities)(skip->row, skip->row_stride, n, list, k, K, D, pass->factors, pass->tile_rows,
                             &thread->tile, density, pass->skip.planes + k * size + NAME(planes_scale)(K, D),
                             skip->cut + begin, skip->depth + begin, &skip->ahead);
        for (int64_t i = 0; i < n; ++i) skip->reference[list[i]] = density[i];
    }
    for (int64_t b = 0, begin = 0; b < K; begin = skip->end[b++])
        NAME(list_survivors)(skip->row, skip->row_stride, skip->end[b] - begin, skip->order + begin,
                             pass->factors + b * NAME(full_factor)(D) + 1, K, D, pass->skip.planes + b * size,
                             pass->skip.radius + b * NAME(lanes)(K), pass->skip.seated + b * NAME(lanes)(K),
                             skip->cut + begin, skip->depth + begin, skip->centred, skip->lists, skip->list_stride,
                             skip->n_listed, &skip->ahead);
    for (int64_t k = 0; k < K; ++k) n_entries += skip->n_listed[k];
    return n_entries;
}

/* Densities of the lists, then terms, and their sums by rows. */
static void NAME(skip_terms)(const gmm_task *task, NAME(pass_thread) *thread, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    NAME(skip_thread) *skip = &thread->skip;
    const int64_t K = task->n_components, D = task->n_features;
    for (int64_t k = 0, begin = 0; k < K; begin = skip->end[k++]) {
        const int64_t owned = skip->end[k] - begin, n = skip->n_listed[k] - owned;
        const int32_t *list = skip->lists + k * skip->list_stride + owned;
        REAL *density = skip->table + k * skip->list_stride + owned;
        NAME(list_densities)(skip->row, skip->row_stride, n, list, k, K, D, pass->factors, pass->tile_rows,
                             &thread->tile, density, NULL, NULL, NULL, &skip->ahead);
        for (int64_t i = 0; i < n; ++i) {
            REAL *reference = skip->reference + list[i];
            *reference = *reference < density[i] ? density[i] : *reference;
        }
    }
    for (int64_t i = 0; i < n_rows; ++i) skip->sum[i] = 0;
    for (int64_t k = 0; k < K; ++k)
        NAME(entry_terms)(skip->n_listed[k], skip->lists + k * skip->list_stride, skip->reference,
                          skip->table + k * skip->list_stride, skip->sum);
}

/* A row that its densities leave without a share: see far.c. `at`: its place in the data. */
static void NAME(skip_strange)(const gmm_task *task, NAME(pass_thread) *thread, int64_t i, int64_t at) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t D = task->n_features;
    const int32_t row = (int32_t)i;
    const REAL root = (REAL)sqrt((double)skip->weight[i]);
    double log_density = 0;
    const int64_t nearest = gmm_far_row(task->rows, task->factors, at, &log_density);
    skip->log_density[i] = (REAL)log_density;
    if (nearest < 0 && at < thread->head.bad_row) thread->head.bad_row = at;
    if (nearest >= 0 && skip->weight[i] > 0 && !task->has_noise) /* so far out noise has all of it */
        NAME(add_rows)(skip->row, skip->row_stride, 1, &row, skip->weight + i, &root, D,
                       pass->factors + nearest * NAME(full_factor)(D) + 1, skip->work,
                       (double *)thread->head.partial + nearest * NAME(skip_component_size)(D));
}

/* Sums of terms -> log-densities, and in place of the sums what makes of a term a responsibility times weight, with
 * noise in place of the references its responsibilities. The batch starts at row `first` of the data. */
static void NAME(skip_rows)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    NAME(skip_thread) *skip = &thread->skip;
    const double *w = task->rows->weight ? task->rows->weight + first : NULL;
    const int64_t padded = NAME(lanes)(n_rows);
    int strange = 0;
    for (int64_t i = 0; i < padded; ++i) skip->weight[i] = i < n_rows ? (w ? (REAL)w[i] : (REAL)1) : 0;
    for (int64_t i = n_rows; i < padded; ++i) skip->reference[i] = skip->sum[i] = 1;
    for (int64_t i = 0; i < padded; i += V_LANES) {
        vec sum = v_load(skip->sum + i);
        strange |= NAME(row_log_densities)(v_load(skip->reference + i), sum, skip->log_density + i);
        v_store(skip->sum + i, v_div(v_load(skip->weight + i), sum));
    }
    for (int64_t i = 0; strange && i < n_rows; ++i)
        if (skip->log_density[i] != skip->log_density[i]) {
            skip->sum[i] = 0;
            NAME(skip_strange)(task, thread, i, first + i);
        }
    if (task->has_noise)
        NAME(noise_shares)(*task->factors->log_noise, padded, skip->log_density, skip->sum, skip->reference);
}

static void NAME(skip_moments)(const gmm_task *task, NAME(pass_thread) *thread) {
    const NAME(pass) *pass = task->shared;
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t D = task->n_features, size = NAME(full_factor)(D), sums_size = NAME(skip_component_size)(D);
    for (int64_t k = 0; k < task->n_components; ++k) {
        const int64_t n = NAME(entry_shares)(skip->n_listed[k], skip->lists + k * skip->list_stride,
                                             skip->table + k * skip->list_stride, skip->sum, skip->kept, skip->share);
        for (int64_t i = 0; i < n; i += V_LANES) v_store(skip->root + i, v_sqrt(v_load(skip->share + i)));
        for (int64_t i = 0; i < n; i += pass->tile_rows)
            NAME(add_rows)(skip->row, skip->row_stride, n - i < pass->tile_rows ? n - i : pass->tile_rows,
                           skip->kept + i, skip->share + i, skip->root + i, D, pass->factors + k * size + 1, skip->work,
                           (double *)thread->head.partial + k * sums_size);
    }
}

/* Whether skipping pays in the block at row `first`, by its first rows: they need not be typical of the mixture. */
static int NAME(block_pays)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    const NAME(skip_thread) *skip = &thread->skip;
    const int64_t few = n_rows / 128, n = few < 4 ? (n_rows < 4 ? n_rows : 4) : few;
    int64_t n_live = 0;
    NAME(skip_pack)(task, thread, first, n);
    const int64_t n_survivors = NAME(skip_lists)(task, thread, n);
    if (!(NAME(skip_cost)(task->factors, n, n, n_survivors) < 1)) return 0; /* at least, and then at most */
    if (NAME(skip_cost)(task->factors, n, n_survivors, n_survivors) < 1) return 1;
    NAME(skip_terms)(task, thread, n);
    for (int64_t k = 0; k < task->n_components; ++k)
        for (int64_t i = 0; i < skip->n_listed[k]; ++i) n_live += skip->table[k * skip->list_stride + i] > 0;
    return NAME(skip_cost)(task->factors, n, n_live, n_survivors) < 1;
}

static void NAME(skip_block)(const gmm_task *task, NAME(pass_thread) *thread, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    NAME(skip_thread) *skip = &thread->skip;
    const int64_t K = task->n_components, size = NAME(skip_component_size)(task->n_features);
    double *sums = thread->head.partial;
    for (int64_t k = 0; k < K; ++k) sums[k * size] = 0;
    memset(sums + pass->extra_at, 0, NAME(PASS_EXTRA) * sizeof *sums);
    sums[pass->extra_at + NAME(PASS_SKIPPED)] = 1;
    for (int64_t done = 0; done < n_rows; done += skip->batch_rows) {
        const int64_t rows = n_rows - done < skip->batch_rows ? n_rows - done : skip->batch_rows, batch = first + done;
        NAME(skip_pack)(task, thread, batch, rows);
        NAME(look_ahead)(task->rows, done + rows < n_rows ? batch + rows : first + task->n_threads * GMM_BLOCK_ROWS,
                         skip->batch_rows, rows, &skip->ahead);
        NAME(skip_lists)(task, thread, rows);
        NAME(skip_terms)(task, thread, rows);
        NAME(skip_rows)(task, thread, batch, rows);
        NAME(skip_moments)(task, thread);
        NAME(pass_totals)(task, thread, batch, rows, skip->log_density, task->has_noise ? skip->reference : NULL);
    }
}
