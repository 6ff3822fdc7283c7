/* scan.inc.c: ranges, means and scatter of the columns, and the first value that is not finite. Double only.
 *
 * Per tile and column, in cache: range; mean about the minimum; scatter about that mean, and the mean once more from
 * its deviations; tiles and blocks are merged by the pairwise formula of Chan, Golub and LeVeque (1983). So nothing
 * cancels however far the data is from 0, and a constant column has scatter exactly 0.
 * Values beyond 2^480 are scaled by 2^-544 while they are summed, weights by the largest of their tile: no mean
 * overflows, and scatter is infinite only when it cannot be written.
 * Rows of weight zero take part in nothing but the search for values that are not finite. */

typedef struct {
    double weight;
    int64_t n_positive;
    double *low, *high, *mean, *scatter; /* (D) each; low > high when weight is 0 */
} NAME(ranges);

/* What a block finds; behind it the columns of its ranges, (4, D). */
typedef struct {
    NAME(ranges) ranges;
    int64_t bad_row, bad_column;
} NAME(scan_partial);

typedef struct {
    gmm_rows rows; /* with the frame filled in */
    int64_t tile_rows;
} NAME(scan_shared);

typedef struct {
    gmm_thread head;
    NAME(tile) tile;
    NAME(ranges) part; /* of the tile */
    REAL *weight; /* (rows) of the tile, times 2^-exponent */
} NAME(scan_thread);

static int64_t NAME(scan_tile_rows)(int64_t D) {
    const int64_t rows = (int64_t)(128 * 1024 / sizeof(REAL)) / D;
    return NAME(lanes)(rows < 1 ? 1 : rows < GMM_BLOCK_ROWS ? rows : GMM_BLOCK_ROWS);
}

static NAME(ranges) NAME(ranges_of)(double *columns, int64_t D) {
    return (NAME(ranges)){.low = columns, .high = columns + D, .mean = columns + 2 * D, .scatter = columns + 3 * D};
}

static NAME(ranges) NAME(ranges_in)(const gmm_columns *columns) {
    return (NAME(ranges)){columns->weight,  columns->n_positive, columns->minimum,
                          columns->maximum, columns->mean,       columns->scatter};
}

static void NAME(clear_ranges)(NAME(ranges) *ranges, int64_t D) {
    ranges->weight = 0;
    ranges->n_positive = 0;
    for (int64_t j = 0; j < D; ++j) {
        ranges->low[j] = INFINITY;
        ranges->high[j] = -INFINITY;
        ranges->mean[j] = ranges->scatter[j] = 0;
    }
}

static void NAME(share_scan)(gmm_task *task, gmm_workspace *space) {
    const int64_t D = task->n_features;
    NAME(scan_shared) *shared = gmm_take(space, 1, sizeof *shared);
    double *scale = gmm_take(space, D, sizeof *scale), *centre = gmm_take(space, D, sizeof *centre);
    task->shared = shared;
    if (!space->base) return;
    *shared = (NAME(scan_shared)){*task->rows, NAME(scan_tile_rows)(D)};
    for (int64_t j = 0; j < D; ++j) {
        scale[j] = task->rows->scale ? task->rows->scale[j] : 1;
        centre[j] = task->rows->centre ? task->rows->centre[j] : 0;
    }
    shared->rows.scale = scale;
    shared->rows.centre = centre;
    NAME(ranges) total = NAME(ranges_in)(task->columns);
    NAME(clear_ranges)(&total, D);
    task->columns->weight = 0;
    task->columns->n_positive = 0;
    task->columns->bad_row = task->columns->bad_column = -1;
}

static gmm_thread *NAME(private_scan)(const gmm_task *task, gmm_workspace *space) {
    const int64_t D = task->n_features, rows = NAME(scan_tile_rows)(D), stride = NAME(stride)(rows);
    NAME(scan_thread) *thread = gmm_take(space, 1, sizeof *thread);
    REAL *column = gmm_take(space, D * stride, sizeof *column), *weight = gmm_take(space, rows, sizeof *weight);
    double *ranges = gmm_take(space, 4 * D, sizeof *ranges);
    if (!space->base) return NULL;
    *thread = (NAME(scan_thread)){
        .tile = {.stride = stride, .column = column}, .part = NAME(ranges_of)(ranges, D), .weight = weight};
    return &thread->head;
}

/* total += part, of D columns. */
static void NAME(merge_ranges)(NAME(ranges) *total, const NAME(ranges) *part, int64_t D) {
    if (!(part->weight > 0)) return;
    const double weight = total->weight + part->weight, share = part->weight / weight;
    for (int64_t j = 0; j < D; ++j) {
        /* halved: the means may stand at both ends of the range of doubles */
        const double half = 0.5 * part->mean[j] - 0.5 * total->mean[j], step = 2 * half;
        const double mean =
            fabs(step) < INFINITY ? total->mean[j] + step * share : 2 * (0.5 * total->mean[j] + half * share);
        const int first = total->weight == 0;
        total->low[j] = part->low[j] < total->low[j] ? part->low[j] : total->low[j];
        total->high[j] = part->high[j] > total->high[j] ? part->high[j] : total->high[j];
        total->mean[j] = first ? part->mean[j] : mean;
        total->scatter[j] += part->scatter[j] + (first || step == 0 ? 0 : step * step * (total->weight * share));
    }
    total->weight = weight;
    total->n_positive += part->n_positive;
}

/* Weights of the tile, scaled by a power of two below their largest; 0 past its rows. Returns the exponent. */
static int NAME(scan_weights)(const double *w, NAME(scan_thread) *thread) {
    const NAME(tile) *tile = &thread->tile;
    double largest = 0, weight = 0;
    int exponent = 0;
    for (int64_t i = 0; w && i < tile->n_rows; ++i) largest = w[i] > largest ? w[i] : largest;
    if (w && largest > 0) frexp(largest, &exponent);
    exponent = exponent < -1000 ? -1000 : exponent;
    const double shrink = ldexp(1, -exponent);
    thread->part.n_positive = 0;
    for (int64_t i = 0; i < tile->n_rows; ++i) {
        const double u = w ? w[i] * shrink : 1;
        thread->weight[i] = u;
        weight += u;
        thread->part.n_positive += u > 0;
    }
    for (int64_t i = tile->n_rows; i < tile->rows; ++i) thread->weight[i] = 0;
    thread->part.weight = weight;
    return exponent;
}

/* Sums over a column of u (x s - reference) and of its square. */
GMM_INLINE void NAME(scan_sums)(const NAME(scan_thread) *thread, const REAL *x, double s, double reference,
                                double *first, double *second) {
    const vec scale = v_set1(s), less = v_set1(-reference);
    vec a = v_zero(), b = v_zero();
    for (int64_t i = 0; i < thread->tile.rows; i += V_LANES) {
        const vec d = v_fma(v_load(x + i), scale, less), ud = v_mul(v_load(thread->weight + i), d);
        a = v_add(a, ud);
        b = v_fma(ud, d, b);
    }
    *first = v_sum(a);
    *second = v_sum(b);
}

/* Column j of the tile into thread->part. Returns 0 when it holds a value that is not finite. */
static int NAME(scan_column)(NAME(scan_thread) *thread, int64_t j, int exponent) {
    NAME(ranges) *part = &thread->part;
    const REAL *x = thread->tile.column + j * thread->tile.stride;
    const vec above = v_set1(INFINITY), below = v_set1(-INFINITY);
    vec low = above, high = below, zero = v_zero();
    for (int64_t i = 0; i < thread->tile.rows; i += V_LANES) {
        const vec xi = v_load(x + i);
        const vmask counts = v_lt(v_zero(), v_load(thread->weight + i));
        low = v_min(low, v_select(counts, xi, above));
        high = v_max(high, v_select(counts, xi, below));
        zero = v_add(zero, v_sub(xi, xi));
    }
    REAL lows[V_LANES], highs[V_LANES];
    v_store(lows, low);
    v_store(highs, high);
    double least = INFINITY, most = -INFINITY;
    for (int l = 0; l < V_LANES; ++l) {
        least = lows[l] < least ? lows[l] : least;
        most = highs[l] > most ? highs[l] : most;
    }
    part->low[j] = least;
    part->high[j] = most;
    part->mean[j] = least;
    part->scatter[j] = 0;
    if (v_not_all(v_eq(zero, v_zero()))) return 0;
    if (!(least < most)) return 1;
    enum { SHRINK = 544 };
    const int huge = fabs(least) > 0x1p480 || fabs(most) > 0x1p480;
    const double s = huge ? ldexp(1, -SHRINK) : 1;
    double first, second;
    NAME(scan_sums)(thread, x, s, least * s, &first, &second);
    const double middle = least * s + first / part->weight;
    NAME(scan_sums)(thread, x, s, middle, &first, &second);
    part->mean[j] = fmin(fmax((middle + first / part->weight) / s, least), most);
    part->scatter[j] = ldexp(second, exponent + (huge ? 2 * SHRINK : 0));
    return 1;
}

/* The first row, and in it the first column, that is not finite; there is one. */
static void NAME(scan_bad)(const NAME(scan_thread) *thread, int64_t first, int64_t D, NAME(scan_partial) *found) {
    for (int64_t i = 0;; ++i)
        for (int64_t j = 0; j < D; ++j)
            if (!isfinite(thread->tile.column[j * thread->tile.stride + i])) {
                found->bad_row = first + i;
                found->bad_column = j;
                return;
            }
}

static void NAME(scan_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(scan_shared) *shared = task->shared;
    const int64_t D = task->n_features;
    NAME(scan_thread) *thread = (NAME(scan_thread) *)(void *)head;
    NAME(scan_partial) *found = head->partial;
    *found = (NAME(scan_partial)){NAME(ranges_of)((double *)(void *)(found + 1), D), -1, -1};
    NAME(clear_ranges)(&found->ranges, D);
    for (int64_t done = 0; done < n_rows; done += shared->tile_rows) {
        const int64_t rows = n_rows - done < shared->tile_rows ? n_rows - done : shared->tile_rows, at = first + done;
        NAME(pack)(&shared->rows, at, rows, &thread->tile);
        const int exponent = NAME(scan_weights)(task->rows->weight ? task->rows->weight + at : NULL, thread);
        int finite = 1;
        for (int64_t j = 0; j < D; ++j) finite &= NAME(scan_column)(thread, j, exponent);
        if (!finite && found->bad_row < 0) NAME(scan_bad)(thread, at, D, found);
        thread->part.weight = ldexp(thread->part.weight, exponent);
        NAME(merge_ranges)(&found->ranges, &thread->part, D);
    }
    if (found->bad_row >= 0 && found->bad_row < head->bad_row) head->bad_row = found->bad_row;
}

static size_t NAME(scan_partial_bytes)(const gmm_task *task) {
    return sizeof(NAME(scan_partial)) + 4 * (size_t)task->n_features * sizeof(double);
}

static void NAME(merge_scan)(const gmm_task *task, const void *partial) {
    const NAME(scan_partial) *found = partial;
    gmm_columns *columns = task->columns;
    NAME(ranges) total = NAME(ranges_in)(columns);
    NAME(merge_ranges)(&total, &found->ranges, task->n_features);
    columns->weight = total.weight;
    columns->n_positive = total.n_positive;
    if (columns->bad_row < 0) {
        columns->bad_row = found->bad_row;
        columns->bad_column = found->bad_column;
    }
}

static const gmm_kernel NAME(scan) = {
    .share = NAME(share_scan),
    .private = NAME(private_scan),
    .block = NAME(scan_block),
    .partial_bytes = NAME(scan_partial_bytes),
    .merge = NAME(merge_scan),
};
