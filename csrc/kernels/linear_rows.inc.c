/* linear_rows.inc.c: the linear forms of linear.inc.c for many features: lanes = features.
 *
 * A row costs two multiply-adds a feature and component; putting its features into columns would cost as much again
 * with few components. So the tile keeps the rows as they come: scalar products of LINE_ROWS rows with LINE_SLOPES
 * slopes, whose lanes are added up at the rows' end; the moments are in linear_moments.inc.c.
 * Packed factors: the share of a sample weight that is negligible, constants (K,); then for every group of slopes,
 * vector by vector of the features, a vector of each; features past D are 0.
 * Invariant: the order of a scalar product does not depend on the group its row or slope stands in. */

/* A group's sums and slopes stay in registers beside a row. */
#undef LINE_SLOPES
#define LINE_SLOPES (V_REGISTERS >= 32 ? 4 : 2)
#define LINE_ROWS 4

/* Slopes in the group that starts when `left` are still to come. */
static inline int64_t NAME(line_group)(int64_t left) { return left < LINE_SLOPES ? 1 : LINE_SLOPES; }

/* Where transposing costs more than adding up the lanes. */
#define LINE_FEATURES 128

static int64_t NAME(linear_rows_factor_size)(int64_t K, int64_t D) { return 1 + K * (1 + NAME(lanes)(D)); }

static void NAME(linear_rows_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    *packed++ = factors->skipping == GMM_SKIP_NEVER ? -1 : (REAL)LINE_NEGLIGIBLE;
    for (int64_t k = 0; k < K; ++k) *packed++ = (REAL)(factors->log_constant[k] * LOG2_E);
    for (int64_t k = 0, C; k < K; k += C) {
        C = NAME(line_group)(K - k);
        for (int64_t j = 0; j < D; j += V_LANES)
            for (int64_t c = 0; c < C; ++c)
                for (int64_t l = 0; l < V_LANES; ++l)
                    *packed++ = j + l < D ? (REAL)(factors->whitener[(k + c) * D + j + l] * LOG2_E) : 0;
    }
}

/* Vectors [from, to) of R rows times those of C slopes, added to sum. is_raw: they are framed on the way, and put into
 * the tile. Per vector `reach` bytes from `ahead` on are asked for. */
GMM_INLINE void NAME(line_products)(const int C, const int R, const int is_raw, const NAME(tile) *tile, int64_t i,
                                    int64_t from, int64_t to, const REAL *slope, const unsigned char *ahead,
                                    int64_t reach, vec (*sum)[LINE_ROWS]) {
    const REAL *raw[LINE_ROWS], *scale = tile->scale, *centre = tile->centre;
    REAL *row[LINE_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        row[r] = tile->row + (i + r) * tile->row_stride;
        raw[r] = tile->raw + (i + r) * tile->raw_stride;
    }
    int64_t asked = from * reach;
    for (int64_t v = from; v < to; ++v) {
        const REAL *f = slope + v * C * V_LANES;
        vec slopes[LINE_SLOPES];
        for (; asked < (v + 1) * reach; asked += (int64_t)GMM_CACHE_LINE) GMM_PREFETCH(ahead + asked);
        GMM_UNROLL
        for (int c = 0; c < C; ++c) slopes[c] = v_load(f + c * V_LANES);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) {
            vec x = v_load((is_raw ? raw[r] : row[r]) + v * V_LANES);
            if (is_raw) {
                x = v_sub(v_mul(x, v_load(scale + v * V_LANES)), v_load(centre + v * V_LANES));
                v_store(row[r] + v * V_LANES, x);
            }
            GMM_UNROLL
            for (int c = 0; c < C; ++c) sum[c][r] = v_fma(x, slopes[c], sum[c][r]);
        }
    }
}

/* Densities of the group of C components at `constant` and `slope` for R rows from row i on. */
GMM_INLINE void NAME(line_densities)(const int C, const int R, const NAME(tile) *tile, int64_t i, int64_t n_raw,
                                     int64_t n_vectors, const REAL *constant, const REAL *slope,
                                     const unsigned char *ahead, int64_t reach, REAL *density) {
    vec sum[LINE_SLOPES][LINE_ROWS];
    REAL total[LINE_SLOPES * LINE_ROWS + V_LANES];
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[c][r] = v_zero();
    }
    NAME(line_products)(C, R, 1, tile, i, 0, n_raw, slope, ahead, reach, sum);
    NAME(line_products)(C, R, 0, tile, i, n_raw, n_vectors, slope, ahead, reach, sum);
    GMM_UNROLL
    for (int s = 0; s < C * R; s += V_LANES) {
        vec line[V_LANES];
        GMM_UNROLL
        for (int l = 0; l < V_LANES; ++l) line[l] = s + l < C * R ? sum[(s + l) % C][(s + l) / C] : v_zero();
        NAME(axis_sums)(line);
        v_store(total + s, line[0]);
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        GMM_UNROLL
        for (int c = 0; c < C; ++c) density[c * tile->stride + i + r] = constant[c] + total[r * C + c];
    }
}

GMM_INLINE void NAME(line_rows)(const int R, const NAME(tile) *tile, int64_t i, int64_t K, int64_t D,
                                const REAL *packed, REAL *density) {
    const int64_t size = NAME(lanes)(D), n_vectors = size / V_LANES;
    const int64_t bytes = tile->ahead ? R * tile->ahead_step : 0;
    const REAL *constants = packed + 1, *slopes = constants + K;
    int64_t n_raw = tile->n_raw;
    for (int64_t k = 0, C; k < K; k += C, n_raw = 0) {
        C = NAME(line_group)(K - k);
        const unsigned char *ahead = bytes ? tile->ahead + i * tile->ahead_step + bytes * k / K : NULL;
        const int64_t reach = (bytes * C + K * n_vectors - 1) / (K * n_vectors);
        if (C == LINE_SLOPES)
            NAME(line_densities)(LINE_SLOPES, R, tile, i, n_raw, n_vectors, constants + k, slopes + k * size, ahead,
                                 reach, density + k * tile->stride);
        else
            NAME(line_densities)(1, R, tile, i, n_raw, n_vectors, constants + k, slopes + k * size, ahead, reach,
                                 density + k * tile->stride);
    }
}

static void NAME(linear_rows_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed,
                                      REAL *density) {
    int64_t i = 0;
    for (; i + LINE_ROWS <= tile->rows; i += LINE_ROWS) NAME(line_rows)(LINE_ROWS, tile, i, K, D, packed, density);
    for (; i < tile->rows; ++i) NAME(line_rows)(1, tile, i, K, D, packed, density);
}

static void NAME(linear_rows_flush)(int64_t K, int64_t D, const REAL *packed, const REAL *accumulator,
                                    double *partial) {
    double *first = partial + K;
    (void)packed;
    for (int64_t k = 0; k < K; ++k, accumulator += V_LANES + NAME(lanes)(D), first += D) {
        partial[k] = (double)v_sum(v_load(accumulator));
        for (int64_t j = 0; j < D; ++j) first[j] = (double)accumulator[V_LANES + j];
    }
}

static const NAME(structure) NAME(linear_rows) = {
    .tile_rows = NAME(linear_rows_tile_rows),
    .layouts = ROWS_ONLY,
    .factor_size = NAME(linear_rows_factor_size),
    .pack_factors = NAME(linear_rows_pack_factors),
    .density = NAME(linear_rows_density),
    .accumulator_size = NAME(linear_rows_accumulator_size),
    .work_size = NAME(linear_rows_work),
    .moments = NAME(linear_rows_moments),
    .total_size = NAME(linear_total_size),
    .flush = NAME(linear_rows_flush),
    .import = NAME(linear_import),
    .export = NAME(linear_export),
};

static const NAME(structure) *NAME(linear_of)(int64_t n_features) {
    return n_features < LINE_FEATURES ? &NAME(linear) : &NAME(linear_rows);
}
