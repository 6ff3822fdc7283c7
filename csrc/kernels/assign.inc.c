/* assign.inc.c: the nearest centre of every row, and sums of the rows about it: one step of k-means.
 *
 * Distances as in distance.inc.c, the least of them kept in registers while a chunk of the centres, small enough for the
 * cache, is compared with a group of rows. A block meets at most GMM_BLOCK_ROWS centres, so its sums are kept in that
 * many slots and merging costs what was met, not K.
 * Rows whose distances overflow, and rows that are not finite, are left to far.c. */

typedef struct {
    REAL *centres; /* packed points */
    gmm_factors far;
    int64_t tile_rows, chunk;
} NAME(assign_shared);

typedef struct {
    gmm_thread head;
    NAME(tile) tile;
    REAL *least, *nearest; /* (rows): squared distance, index of the centre */
    REAL *weight;          /* (rows): sample weights of a tile whose sums are made in lanes */
    int32_t *slot;         /* (K): where a centre's sums are in the partial, or -1; all -1 between blocks */
} NAME(assign_thread);

/* A block's sums; behind it centre (slots) int64_t, n (slots) and sum (slots, D) double. */
typedef struct {
    int64_t n_used;
    double inertia;
} NAME(assign_partial);

typedef struct {
    NAME(assign_partial) *head;
    int64_t *centre;
    double *n, *sum;
} NAME(assign_sums);

static int64_t NAME(assign_slots)(int64_t K) { return K < GMM_BLOCK_ROWS ? K : GMM_BLOCK_ROWS; }

static NAME(assign_sums) NAME(assign_sums_at)(const gmm_task *task, const void *partial) {
    const int64_t slots = NAME(assign_slots)(task->n_components);
    NAME(assign_partial) *head = (NAME(assign_partial) *)(uintptr_t)partial;
    int64_t *centre = (int64_t *)(void *)(head + 1);
    double *n = (double *)(void *)(centre + slots);
    return (NAME(assign_sums)){head, centre, n, n + slots};
}

static size_t NAME(assign_partial_bytes)(const gmm_task *task) {
    const size_t slots = (size_t)NAME(assign_slots)(task->n_components);
    return sizeof(NAME(assign_partial)) + slots * (sizeof(int64_t) + (1 + (size_t)task->n_features) * sizeof(double));
}

static void NAME(share_assign)(gmm_task *task, gmm_workspace *space) {
    const int64_t K = task->n_components, D = task->n_features;
    NAME(assign_shared) *shared = gmm_take(space, 1, sizeof *shared);
    REAL *centres = gmm_take(space, NAME(axis_size)(K, D, 0), sizeof *centres);
    double *ones = gmm_take(space, K, sizeof *ones), *zeros = gmm_take(space, K, sizeof *zeros);
    task->shared = shared;
    if (!space->base) return;
    const int64_t chunk = (int64_t)(192 * 1024 / sizeof(REAL)) / (D + 2) / V_OUT * V_OUT;
    *shared = (NAME(assign_shared)){centres, *task->factors, NAME(axis_tile_rows)(D), chunk < V_OUT ? V_OUT : chunk};
    for (int64_t k = 0; k < K; ++k) {
        ones[k] = 1;
        zeros[k] = 0;
    }
    shared->far.whitener = ones;
    shared->far.log_constant = zeros;
    const NAME(axis_points) points = {.K = K, .D = D, .point = task->factors->mean};
    NAME(axis_pack)(&points, centres);
}

static gmm_thread *NAME(private_assign)(const gmm_task *task, gmm_workspace *space) {
    const int64_t K = task->n_components, D = task->n_features;
    const int64_t rows = NAME(axis_tile_rows)(D), stride = NAME(stride)(rows);
    NAME(assign_thread) *thread = gmm_take(space, 1, sizeof *thread);
    REAL *column = gmm_take(space, D * stride, sizeof *column), *least = gmm_take(space, 3 * rows, sizeof *least);
    int32_t *slot = gmm_take(space, K, sizeof *slot);
    if (!space->base) return NULL;
    *thread = (NAME(assign_thread)){
        .tile = {.stride = stride, .column = column}, .least = least, .nearest = least + rows,
        .weight = least + 2 * rows, .slot = slot};
    for (int64_t k = 0; k < K; ++k) slot[k] = -1;
    return &thread->head;
}

/* C centres, the first of them number k, against R row vectors. */
GMM_INLINE void NAME(nearest_group)(const int C, const int R, int64_t k, int64_t D, const REAL *x, int64_t stride,
                                    const REAL *group, vec *least, vec *nearest) {
    vec q[V_OUT][AXIS_ROWS];
    NAME(distances)(C, R, AXIS_PLAIN, D, x, stride, group, NULL, 0, q);
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        const vec index = v_set1((REAL)(k + c));
        GMM_UNROLL
        for (int r = 0; r < R; ++r) {
            const vmask nearer = v_lt(q[c][r], least[r]); /* false for NaN, and for ties: the lowest k stays */
            least[r] = v_select(nearer, q[c][r], least[r]);
            nearest[r] = v_select(nearer, index, nearest[r]);
        }
    }
}

/* Centres [from, to), from a multiple of V_OUT, against R row vectors of the tile from row i on. */
GMM_INLINE void NAME(nearest_rows)(const int R, int64_t from, int64_t to, int64_t K, int64_t D, int64_t i,
                                   const NAME(assign_thread) *thread, const REAL *centres) {
    const REAL *x = thread->tile.column + i, *group = centres + NAME(axis_size)(from, D, 0);
    const int64_t stride = thread->tile.stride;
    vec least[AXIS_ROWS], nearest[AXIS_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        least[r] = from ? v_load(thread->least + i + r * V_LANES) : v_set1((REAL)INFINITY);
        nearest[r] = from ? v_load(thread->nearest + i + r * V_LANES) : v_zero();
    }
    for (int64_t k = from, size; k < to; k += size, group += NAME(axis_size)(size, D, 0)) {
        size = NAME(axis_group)(K - k);
        switch (size) {
#if V_OUT == 8
        case 8: NAME(nearest_group)(8, R, k, D, x, stride, group, least, nearest); break;
#endif
        case 4: NAME(nearest_group)(4, R, k, D, x, stride, group, least, nearest); break;
        case 2: NAME(nearest_group)(2, R, k, D, x, stride, group, least, nearest); break;
        default: NAME(nearest_group)(1, R, k, D, x, stride, group, least, nearest); break;
        }
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        v_store(thread->least + i + r * V_LANES, least[r]);
        v_store(thread->nearest + i + r * V_LANES, nearest[r]);
    }
}

static void NAME(nearest)(const gmm_task *task, const NAME(assign_thread) *thread) {
    const NAME(assign_shared) *shared = task->shared;
    const int64_t K = task->n_components, D = task->n_features, rows = thread->tile.rows;
    for (int64_t from = 0; from < K; from += shared->chunk) {
        const int64_t to = K - from < shared->chunk ? K : from + shared->chunk;
        int64_t i = 0;
        for (; i + AXIS_ROWS * V_LANES <= rows; i += AXIS_ROWS * V_LANES)
            NAME(nearest_rows)(AXIS_ROWS, from, to, K, D, i, thread, shared->centres);
        for (; i < rows; i += V_LANES) NAME(nearest_rows)(1, from, to, K, D, i, thread, shared->centres);
    }
}

/* Where the sums of centre k are. */
static int32_t NAME(assign_slot)(const gmm_task *task, NAME(assign_thread) *thread, const NAME(assign_sums) *sums,
                                 int64_t k) {
    const int64_t D = task->n_features;
    int32_t slot = thread->slot[k];
    if (slot < 0) {
        slot = thread->slot[k] = (int32_t)sums->head->n_used;
        sums->centre[sums->head->n_used++] = k;
        sums->n[slot] = 0;
        for (int64_t j = 0; j < D; ++j) sums->sum[slot * D + j] = 0;
    }
    return slot;
}

/* Adds row i of the tile, weighted, to the sums of centre k. */
static void NAME(assign_row)(const gmm_task *task, NAME(assign_thread) *thread, const NAME(assign_sums) *sums,
                             int64_t i, int64_t k, double weight) {
    const int64_t D = task->n_features;
    const int32_t slot = NAME(assign_slot)(task, thread, sums, k);
    sums->n[slot] += weight;
    if (!task->sum) return;
    const double *centre = task->factors->mean + k * D;
    const REAL *x = thread->tile.column + i;
    double *sum = sums->sum + slot * D;
    for (int64_t j = 0; j < D; ++j) sum[j] += weight * ((double)x[j * thread->tile.stride] - centre[j]);
}

/* Whether the sums of all centres are made in lanes, of doubles: rows one by one wait for each other in memory. */
static int NAME(assigns_lanes)(const gmm_task *task) {
    return !REAL_IS_FLOAT && V_LANES > 1 && task->n_components * (task->n_features + 1) <= 8 * V_LANES;
}

/* Adds a tile of finite rows to the sums. */
static void NAME(assign_lanes)(const gmm_task *task, NAME(assign_thread) *thread, const NAME(assign_sums) *sums,
                               int64_t first) {
    const int64_t D = task->n_features, rows = thread->tile.rows;
    vec inertia = v_zero();
    NAME(pack_weights)(task->rows, first, &thread->tile, thread->weight);
    for (int64_t i = 0; i < rows; i += V_LANES)
        inertia = v_fma(v_load(thread->weight + i), v_load(thread->least + i), inertia);
    sums->head->inertia += (double)v_sum(inertia);
    for (int64_t k = 0; k < task->n_components && (task->n || task->sum); ++k) {
        const int32_t slot = NAME(assign_slot)(task, thread, sums, k);
        const vec index = v_set1((REAL)k);
        for (int64_t j = -1; j < (task->sum ? D : 0); ++j) { /* -1: the rows themselves */
            const REAL *x = thread->tile.column + (j < 0 ? 0 : j) * thread->tile.stride;
            const vec centre = v_set1((REAL)(j < 0 ? 0 : task->factors->mean[k * D + j]));
            vec sum = v_zero();
            for (int64_t i = 0; i < rows; i += V_LANES) {
                const vmask owned = v_eq(v_load(thread->nearest + i), index);
                const vec weight = v_select(owned, v_load(thread->weight + i), v_zero());
                sum = j < 0 ? v_add(sum, weight) : v_fma(weight, v_sub(v_load(x + i), centre), sum);
            }
            *(j < 0 ? sums->n + slot : sums->sum + slot * D + j) += (double)v_sum(sum);
        }
    }
}

/* Adds the tile row by row, those whose distances overflow too. */
static void NAME(assign_rows)(const gmm_task *task, NAME(assign_thread) *thread, const NAME(assign_sums) *sums,
                              int64_t first) {
    const NAME(assign_shared) *shared = task->shared;
    for (int64_t i = 0; i < thread->tile.n_rows; ++i) {
        const double weight = task->rows->weight ? task->rows->weight[first + i] : 1;
        int64_t k = (int64_t)thread->nearest[i];
        double distance = (double)thread->least[i];
        if (!(distance < INFINITY)) {
            k = gmm_far_row(task->rows, &shared->far, first + i, &distance);
            if (k < 0) {
                if (first + i < thread->head.bad_row) thread->head.bad_row = first + i;
                continue;
            }
            distance *= -2;
        }
        if (task->label) task->label[first + i] = k;
        if (task->distance) task->distance[first + i] = distance;
        if (!(weight > 0)) continue;
        sums->head->inertia += weight * distance;
        if (task->n || task->sum) NAME(assign_row)(task, thread, sums, i, k, weight);
    }
}

static void NAME(assign_tile)(const gmm_task *task, NAME(assign_thread) *thread, int64_t first) {
    const NAME(assign_sums) sums = NAME(assign_sums_at)(task, thread->head.partial);
    const int64_t n_rows = thread->tile.n_rows;
    int in_lanes = NAME(assigns_lanes)(task);
    for (int64_t i = 0; in_lanes && i < thread->tile.rows; i += V_LANES)
        in_lanes = !v_not_all(v_lt(v_load(thread->least + i), v_set1((REAL)INFINITY)));
    if (!in_lanes) {
        NAME(assign_rows)(task, thread, &sums, first);
        return;
    }
    for (int64_t i = 0; task->label && i < n_rows; ++i) task->label[first + i] = (int64_t)thread->nearest[i];
    for (int64_t i = 0; task->distance && i < n_rows; ++i) task->distance[first + i] = (double)thread->least[i];
    NAME(assign_lanes)(task, thread, &sums, first);
}

static void NAME(assign_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(assign_shared) *shared = task->shared;
    NAME(assign_thread) *thread = (NAME(assign_thread) *)(void *)head;
    const NAME(assign_sums) sums = NAME(assign_sums_at)(task, head->partial);
    *sums.head = (NAME(assign_partial)){0, 0};
    for (int64_t done = 0; done < n_rows; done += shared->tile_rows) {
        const int64_t rows = n_rows - done < shared->tile_rows ? n_rows - done : shared->tile_rows;
        NAME(pack)(task->rows, first + done, rows, &thread->tile);
        NAME(nearest)(task, thread);
        NAME(assign_tile)(task, thread, first + done);
    }
    for (int64_t slot = 0; slot < sums.head->n_used; ++slot) thread->slot[sums.centre[slot]] = -1;
}

static void NAME(merge_assign)(const gmm_task *task, const void *partial) {
    const int64_t D = task->n_features;
    const NAME(assign_sums) sums = NAME(assign_sums_at)(task, partial);
    *task->inertia += sums.head->inertia;
    for (int64_t slot = 0; slot < sums.head->n_used; ++slot) {
        const int64_t k = sums.centre[slot];
        if (task->n) task->n[k] += sums.n[slot];
        for (int64_t j = 0; task->sum && j < D; ++j) task->sum[k * D + j] += sums.sum[slot * D + j];
    }
}

static const gmm_kernel NAME(assign) = {
    .share = NAME(share_assign),
    .private = NAME(private_assign),
    .block = NAME(assign_block),
    .partial_bytes = NAME(assign_partial_bytes),
    .merge = NAME(merge_assign),
};
