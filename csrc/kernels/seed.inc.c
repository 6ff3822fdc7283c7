/* seed.inc.c: what every row's distance to the nearest seed of k-means would be with one of some candidates more.
 *
 *     distance_ic = min(closest_i, |x_i - candidate_c|^2),        potential_c = sum_i w_i distance_ic
 *
 * Distances as in distance.inc.c, a table of a tile's rows, then row by row. Rows whose distances overflow, and rows
 * that are not finite, are left to far.c. */

typedef struct {
    REAL *candidates; /* packed points */
    gmm_factors far;  /* of one candidate */
    int64_t tile_rows;
} NAME(seed_shared);

typedef struct {
    gmm_thread head;
    NAME(tile) tile;
    REAL *table; /* (C, stride): minus the squared distances */
} NAME(seed_thread);

static int64_t NAME(seed_tile_rows)(const gmm_task *task) {
    return NAME(axis_tile_rows)(task->n_features + task->n_components);
}

static void NAME(share_seed)(gmm_task *task, gmm_workspace *space) {
    const int64_t C = task->n_components, D = task->n_features;
    NAME(seed_shared) *shared = gmm_take(space, 1, sizeof *shared);
    REAL *candidates = gmm_take(space, NAME(axis_size)(C, D, 0), sizeof *candidates);
    double *unit = gmm_take(space, 2, sizeof *unit);
    task->shared = shared;
    if (!space->base) return;
    *shared = (NAME(seed_shared)){candidates, *task->factors, NAME(seed_tile_rows)(task)};
    unit[0] = 1;
    unit[1] = 0;
    shared->far.n_components = 1;
    shared->far.whitener = unit;
    shared->far.log_constant = unit + 1;
    const NAME(axis_points) points = {.K = C, .D = D, .point = task->factors->mean};
    NAME(axis_pack)(&points, candidates);
}

static gmm_thread *NAME(private_seed)(const gmm_task *task, gmm_workspace *space) {
    const int64_t rows = NAME(seed_tile_rows)(task), stride = NAME(stride)(rows);
    NAME(seed_thread) *thread = gmm_take(space, 1, sizeof *thread);
    REAL *column = gmm_take(space, task->n_features * stride, sizeof *column);
    REAL *table = gmm_take(space, task->n_components * stride, sizeof *table);
    if (!space->base) return NULL;
    *thread = (NAME(seed_thread)){.tile = {.stride = stride, .column = column}, .table = table};
    return &thread->head;
}

/* Squared distance of row i of the rows to candidate c; negative when the row is not finite. */
static double NAME(seed_far)(const gmm_task *task, int64_t i, int64_t c) {
    const NAME(seed_shared) *shared = task->shared;
    gmm_factors one = shared->far;
    double density;
    one.mean += c * task->n_features;
    return gmm_far_row(task->rows, &one, i, &density) < 0 ? -1 : -2 * density;
}

/* Adds sum_i w_i distance_ic of n rows, in chains: one would wait for each of its sums. */
static void NAME(seed_potentials)(int64_t n, int64_t C, const double *weight, const double *distance,
                                  double *potential) {
    enum { CHAINS = 4 };
    for (int64_t c = 0; c < C; ++c) {
        double sum[CHAINS] = {0};
        for (int64_t i = 0; i < n; ++i) {
            const double w = weight ? weight[i] : 1;
            sum[i % CHAINS] += w > 0 ? w * distance[i * C + c] : 0;
        }
        potential[c] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}

static void NAME(seed_tile)(const gmm_task *task, NAME(seed_thread) *thread, int64_t first) {
    const int64_t C = task->n_components, stride = thread->tile.stride;
    for (int64_t i = 0; i < thread->tile.n_rows; ++i) {
        const double closest = task->closest ? task->closest[first + i] : INFINITY;
        double *distance = task->distance + (first + i) * C;
        for (int64_t c = 0; c < C; ++c) {
            double q = -(double)thread->table[c * stride + i];
            if (!(q < INFINITY)) {
                q = NAME(seed_far)(task, first + i, c);
                if (q < 0) {
                    if (first + i < thread->head.bad_row) thread->head.bad_row = first + i;
                    break;
                }
            }
            distance[c] = q < closest ? q : closest;
        }
    }
    NAME(seed_potentials)(thread->tile.n_rows, C, task->rows->weight ? task->rows->weight + first : NULL,
                          task->distance + first * C, thread->head.partial);
}

static void NAME(seed_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(seed_shared) *shared = task->shared;
    NAME(seed_thread) *thread = (NAME(seed_thread) *)(void *)head;
    double *potential = head->partial;
    for (int64_t c = 0; c < task->n_components; ++c) potential[c] = 0;
    for (int64_t done = 0; done < n_rows; done += shared->tile_rows) {
        const int64_t rows = n_rows - done < shared->tile_rows ? n_rows - done : shared->tile_rows;
        NAME(pack)(task->rows, first + done, rows, &thread->tile);
        NAME(axis_density)(AXIS_PLAIN, &thread->tile, thread->tile.column, task->n_components, task->n_features,
                           shared->candidates, thread->table);
        NAME(seed_tile)(task, thread, first + done);
    }
}

static size_t NAME(seed_partial_bytes)(const gmm_task *task) { return (size_t)task->n_components * sizeof(double); }

static void NAME(merge_seed)(const gmm_task *task, const void *partial) {
    const double *potential = partial;
    for (int64_t c = 0; c < task->n_components; ++c) task->potential[c] += potential[c];
}

static const gmm_kernel NAME(seed) = {
    .share = NAME(share_seed),
    .private = NAME(private_seed),
    .block = NAME(seed_block),
    .partial_bytes = NAME(seed_partial_bytes),
    .merge = NAME(merge_seed),
};
