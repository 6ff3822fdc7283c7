/* moments.inc.c: sufficient statistics from given responsibilities or labels: accumulate without the densities. */

static int NAME(is_finite_row)(const gmm_rows *rows, int64_t i) {
    const unsigned char *at = (const unsigned char *)rows->data + i * rows->row_stride;
    for (int64_t j = 0; j < rows->n_features; ++j)
        if (!isfinite(NAME(element)(at + j * rows->column_stride, rows->dtype))) return 0;
    return 1;
}

/* Looks for rows of the tile that hold a NaN or an infinity: x - x is 0 for numbers only. Of weight zero, and merely
 * beyond REAL, they add nothing; else they are bad. at: the first of the tile in the data. */
static void NAME(look_after_rows)(const gmm_task *task, NAME(pass_thread) *thread, int64_t at) {
    const NAME(tile) *tile = &thread->tile;
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        vec zero = v_zero();
        for (int64_t j = 0; j < task->n_features; ++j) {
            const vec x = v_load(tile->column + j * tile->stride + i);
            zero = v_add(zero, v_sub(x, x));
        }
        if (!v_not_all(v_eq(zero, v_zero()))) continue; /* the usual case */
        REAL lane[V_LANES];
        v_store(lane, zero);
        for (int64_t l = 0; l < V_LANES; ++l) {
            const int64_t row = at + i + l;
            if (lane[l] == 0) continue; /* not for NaN */
            if (!(thread->weight[i + l] > 0) && NAME(is_finite_row)(task->rows, row))
                NAME(clear_row)(tile, task->n_features, i + l);
            else if (row < thread->head.bad_row)
                thread->head.bad_row = row;
        }
    }
}

/* (N, K) row-major or labels, or neither for one component -> (K, stride) responsibility times sample weight. */
static void NAME(given_weights)(const gmm_task *task, const NAME(pass_thread) *thread, int64_t first) {
    const NAME(tile) *tile = &thread->tile;
    const int64_t K = task->n_components;
    if (!task->given_posterior && !task->given_label) {
        memcpy(thread->density, thread->weight, (size_t)tile->rows * sizeof(REAL));
        return;
    }
    for (int64_t k = 0; k < K; ++k) {
        REAL *r = thread->density + k * tile->stride;
        for (int64_t i = 0; i < tile->rows; ++i) r[i] = 0;
        for (int64_t i = 0; task->given_posterior && i < tile->n_rows; ++i)
            r[i] = (REAL)task->given_posterior[(first + i) * K + k] * thread->weight[i];
    }
    for (int64_t i = 0; task->given_label && i < tile->n_rows; ++i) {
        const int64_t k = task->given_label[first + i];
        if (k >= 0) thread->density[k * tile->stride + i] = thread->weight[i];
    }
}

static void NAME(moments_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const NAME(structure) *structure = pass->structure;
    const int64_t K = task->n_components, D = task->n_features;
    NAME(pass_thread) *thread = (NAME(pass_thread) *)(void *)head;
    NAME(start_sums)(task, thread);
    for (int64_t done = 0; done < n_rows; done += pass->tile_rows) {
        const int64_t rows = n_rows - done < pass->tile_rows ? n_rows - done : pass->tile_rows, at = first + done;
        NAME(pack)(task->rows, at, rows, &thread->tile);
        NAME(pack_weights)(task->rows, at, &thread->tile, thread->weight);
        NAME(look_after_rows)(task, thread, at);
        for (int64_t i = 0; i < thread->tile.rows; ++i) thread->log_density[i] = 0;
        NAME(pass_totals)(task, thread, at, thread->tile.n_rows, thread->log_density, NULL);
        if (structure->needs_products)
            structure->density(&thread->tile, K, D, pass->factors, thread->density);
        NAME(given_weights)(task, thread, at);
        structure->moments(&thread->tile, K, D, pass->factors, thread->density, thread->accumulator);
    }
    NAME(flush_sums)(task, thread);
}

static const gmm_kernel NAME(moments) = {
    .share = NAME(share_accumulate),
    .load = NAME(load_accumulate),
    .private = NAME(private_accumulate),
    .block = NAME(moments_block),
    .partial_bytes = NAME(pass_partial_bytes),
    .merge = NAME(merge_pass),
    .finish = NAME(finish_pass),
};
