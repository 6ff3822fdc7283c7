/* pack.inc.c: rows as the user holds them -> a tile in frame coordinates.
 *
 *     x' = x * scale - centre, evaluated in double, then rounded to REAL
 *
 * NaN and infinities pass through: they make the row's density not a number, which softmax notices.
 * Invariant: a row's bits do not depend on its neighbours, its place in the tile, or the layout of the data. */

GMM_INLINE double NAME(element)(const unsigned char *p, gmm_dtype dtype) {
    if (dtype == GMM_F32) {
        float x;
        memcpy(&x, p, sizeof x);
        return (double)x;
    }
    double x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Column by column; step: bytes between rows. */
GMM_INLINE void NAME(pack_columns)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                   const NAME(tile) *tile) {
    for (int64_t d = 0; d < rows->n_features; ++d) {
        const unsigned char *source = first + d * rows->column_stride;
        const double scale = rows->scale[d], centre = rows->centre[d];
        REAL *x = tile->column + d * tile->stride;
        for (int64_t i = 0; i < tile->n_rows; ++i) x[i] = (REAL)(NAME(element)(source + i * step, dtype) * scale - centre);
        for (int64_t i = tile->n_rows; i < tile->rows; ++i) x[i] = 0;
    }
}

/* V_LANES vectors become their own transpose: log2 V_LANES rounds of perfect shuffles. */
GMM_INLINE void NAME(transpose_lines)(vec *line) {
    (void)line;
#if V_LANES > 1
    GMM_UNROLL
    for (int round = 1; round < V_LANES; round *= 2) {
        vec zipped[V_LANES];
        GMM_UNROLL
        for (int l = 0; l < V_LANES / 2; ++l) {
            zipped[2 * l] = v_zip_low(line[l], line[l + V_LANES / 2]);
            zipped[2 * l + 1] = v_zip_high(line[l], line[l + V_LANES / 2]);
        }
        GMM_UNROLL
        for (int l = 0; l < V_LANES; ++l) line[l] = zipped[l];
    }
#endif
}

/* V_LANES lines of V_LANES REALs, transposed in registers; the first n_out lines of the result are written. */
GMM_INLINE void NAME(transpose)(const REAL *source, int64_t source_stride, REAL *out, int64_t out_stride, int n_out) {
    vec line[V_LANES];
    GMM_UNROLL
    for (int l = 0; l < V_LANES; ++l) line[l] = v_load(source + l * source_stride);
    NAME(transpose_lines)(line);
    GMM_UNROLL
    for (int l = 0; l < V_LANES; ++l)
        if (l < n_out) v_store(out + l * out_stride, line[l]);
}

/* |x| in the row layout: rows of responsibility 0 must add 0 to a sum of products, not infinity times 0. */
#undef ROW_LIMIT
#if REAL_IS_FLOAT
#define ROW_LIMIT 0x1p60f
#else
#define ROW_LIMIT 0x1p500
#endif

/* n features of one row. Eight at a time, the last eight overlapping those before, because a loop for the rest would
 * take longer than the row. */
GMM_INLINE void NAME(frame_row)(const unsigned char *source, int64_t step, gmm_dtype dtype, const double *scale,
                                const double *centre, int64_t n, REAL *x) {
    enum { RUN = 8 };
    int64_t f = 0;
    while (n >= RUN && f < n) {
        double framed[RUN]; /* all read before any is written: x could be anywhere */
        for (int u = 0; u < RUN; ++u)
            framed[u] = NAME(element)(source + (f + u) * step, dtype) * scale[f + u] - centre[f + u];
        for (int u = 0; u < RUN; ++u) x[f + u] = (REAL)framed[u];
        f = f + RUN < n && f + 2 * RUN > n ? n - RUN : f + RUN;
    }
    for (; f < n; ++f) x[f] = (REAL)(NAME(element)(source + f * step, dtype) * scale[f] - centre[f]);
}

/* n_rows rows from `first` on, n features each, zeros up to `rows`. step: bytes between columns. */
GMM_INLINE void NAME(frame_rows)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                 int64_t feature, int64_t n, int64_t n_rows, int64_t all_rows, REAL *x,
                                 int64_t stride) {
    for (int64_t r = 0; r < n_rows; ++r)
        NAME(frame_row)(first + r * rows->row_stride + feature * step, step, dtype, rows->scale + feature,
                        rows->centre + feature, n, x + r * stride);
    for (int64_t r = n_rows; r < all_rows; ++r)
        for (int64_t f = 0; f < n; ++f) x[r * stride + f] = 0;
}

#if !REAL_IS_FLOAT && V_LANES > 1
/* V_LANES rows of adjacent doubles, V_LANES features at a time, without a stop in memory. The last features are taken
 * together with some that were taken already. At least V_LANES features. */
GMM_INLINE void NAME(pack_squares)(const gmm_rows *rows, const unsigned char *source, REAL *column, int64_t stride) {
    for (int64_t next = 0, D = rows->n_features; next < D; next += V_LANES) {
        const int64_t d = next + V_LANES <= D ? next : D - V_LANES;
        const vec scale = v_load(rows->scale + d), centre = v_load(rows->centre + d);
        vec line[V_LANES];
        GMM_UNROLL
        for (int l = 0; l < V_LANES; ++l) {
            const unsigned char *x = source + l * rows->row_stride + d * (int64_t)sizeof(double);
            line[l] = v_sub(v_mul(v_load((const double *)(const void *)x), scale), centre);
        }
        NAME(transpose_lines)(line);
        GMM_UNROLL
        for (int l = 0; l < V_LANES; ++l) v_store(column + (d + l) * stride, line[l]);
    }
}
#endif

/* Row by row, V_LANES rows of PACK_FEATURES features at a time, and transposed. */
#undef PACK_FEATURES
#define PACK_FEATURES 64
GMM_INLINE void NAME(pack_rows)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                const NAME(tile) *tile) {
    REAL lines[V_LANES * PACK_FEATURES] = {0};
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        const int64_t n_rows = tile->n_rows - i < V_LANES ? tile->n_rows - i : V_LANES;
#if !REAL_IS_FLOAT && V_LANES > 1
        if (dtype == GMM_F64 && step == (int64_t)sizeof(double) && n_rows == V_LANES && rows->n_features >= V_LANES) {
            NAME(pack_squares)(rows, first + i * rows->row_stride, tile->column + i, tile->stride);
            continue;
        }
#endif
        for (int64_t d = 0; d < rows->n_features; d += PACK_FEATURES) {
            const int64_t left = rows->n_features - d, n_here = left < PACK_FEATURES ? left : PACK_FEATURES;
            NAME(frame_rows)(rows, first + i * rows->row_stride, step, dtype, d, n_here, n_rows, V_LANES, lines,
                             PACK_FEATURES);
            REAL *column = tile->column + d * tile->stride + i;
            int64_t f = 0;
            for (; f + V_LANES <= n_here; f += V_LANES)
                NAME(transpose)(lines + f, PACK_FEATURES, column + f * tile->stride, tile->stride, V_LANES);
            if (f < n_here)
                NAME(transpose)(lines + f, PACK_FEATURES, column + f * tile->stride, tile->stride, (int)(n_here - f));
        }
    }
}

/* The same with the row layout, which is made first, and of the whole tile: a load must not meet a store of another
 * width that is still under way. */
GMM_INLINE void NAME(pack_both)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                const NAME(tile) *tile) {
    const int64_t D = rows->n_features, stride = tile->row_stride;
    const vec most = v_set1(ROW_LIMIT), least = v_set1(-ROW_LIMIT);
    NAME(frame_rows)(rows, first, step, dtype, 0, D, tile->n_rows, tile->rows, tile->row, stride);
    for (int64_t i = 0; i < tile->rows; i += V_LANES)
        for (int64_t d = 0; d < D; d += V_LANES) {
            REAL *x = tile->row + i * stride + d, *column = tile->column + d * tile->stride + i;
            if (d + V_LANES <= D)
                NAME(transpose)(x, stride, column, tile->stride, V_LANES);
            else
                NAME(transpose)(x, stride, column, tile->stride, (int)(D - d));
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) v_store(x + l * stride, v_max(v_min(v_load(x + l * stride), most), least));
        }
}

/* Rows only. Adjacent doubles of a full tile are left for the density to frame, up to the last whole vector. */
GMM_INLINE void NAME(frame_tile)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                 NAME(tile) *tile) {
    int64_t whole = 0;
#if !REAL_IS_FLOAT && V_LANES > 1
    if (dtype == GMM_F64 && step == (int64_t)sizeof(double) && tile->n_rows == tile->rows &&
        rows->row_stride % (int64_t)sizeof(double) == 0) {
        whole = rows->n_features / V_LANES * V_LANES;
        tile->raw = (const double *)(const void *)first;
        tile->raw_stride = rows->row_stride / (int64_t)sizeof(double);
        tile->scale = rows->scale;
        tile->centre = rows->centre;
    }
#endif
    tile->n_raw = whole / V_LANES;
    NAME(frame_rows)(rows, first, step, dtype, whole, rows->n_features - whole, tile->n_rows, tile->rows,
                     tile->row + whole, tile->row_stride);
}

/* The row layout from the column layout; cut: at ROW_LIMIT. */
GMM_INLINE void NAME(transpose_to_rows)(const int cut, const NAME(tile) *tile, int64_t n_features) {
    const vec most = v_set1(ROW_LIMIT), least = v_set1(-ROW_LIMIT);
    for (int64_t i = 0; i < tile->rows; i += V_LANES)
        for (int64_t d = 0; d < n_features; d += V_LANES) {
            const REAL *column = tile->column + d * tile->stride + i;
            REAL *row = tile->row + i * tile->row_stride + d;
            vec line[V_LANES];
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) {
                line[l] = d + l < n_features ? v_load(column + l * tile->stride) : v_zero();
                if (cut) line[l] = v_max(v_min(line[l], most), least);
            }
            NAME(transpose_lines)(line);
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) v_store(row + l * tile->row_stride, line[l]);
        }
}

/* Rows whose columns lie closer together than the rows, of enough features to fill a square, go row by row. */
GMM_INLINE void NAME(pack_dtype)(const gmm_rows *rows, const unsigned char *first, int64_t element, gmm_dtype dtype,
                                 NAME(tile) *tile) {
    const int64_t between_rows = rows->row_stride < 0 ? -rows->row_stride : rows->row_stride;
    const int64_t between_columns = rows->column_stride < 0 ? -rows->column_stride : rows->column_stride;
    const int by_rows = V_LANES > 1 && between_columns < between_rows && 2 * rows->n_features > V_LANES;
    if (tile->layouts == ROWS_ONLY && by_rows) {
        if (rows->column_stride == element)
            NAME(frame_tile)(rows, first, element, dtype, tile);
        else
            NAME(frame_tile)(rows, first, rows->column_stride, dtype, tile);
    } else if (by_rows) {
        if (tile->row && rows->column_stride == element)
            NAME(pack_both)(rows, first, element, dtype, tile);
        else if (tile->row)
            NAME(pack_both)(rows, first, rows->column_stride, dtype, tile);
        else if (rows->column_stride == element)
            NAME(pack_rows)(rows, first, element, dtype, tile);
        else
            NAME(pack_rows)(rows, first, rows->column_stride, dtype, tile);
    } else if (rows->row_stride == element) {
        NAME(pack_columns)(rows, first, element, dtype, tile);
    } else {
        NAME(pack_columns)(rows, first, rows->row_stride, dtype, tile);
    }
    if (by_rows || tile->layouts == COLUMNS) return;
    if (tile->layouts == ROWS_ONLY)
        NAME(transpose_to_rows)(0, tile, rows->n_features);
    else
        NAME(transpose_to_rows)(1, tile, rows->n_features);
}

/* Rows [first, first + n_rows) into the tile's buffers. */
static void NAME(pack)(const gmm_rows *rows, int64_t first, int64_t n_rows, NAME(tile) *tile) {
    const unsigned char *source = (const unsigned char *)rows->data + first * rows->row_stride;
    tile->n_rows = n_rows;
    tile->rows = NAME(lanes)(n_rows);
    tile->n_raw = 0;
    if (rows->dtype == GMM_F32)
        NAME(pack_dtype)(rows, source, (int64_t)sizeof(float), GMM_F32, tile);
    else
        NAME(pack_dtype)(rows, source, (int64_t)sizeof(double), GMM_F64, tile);
}

/* Sample weights of the tile in REAL, 0 past its rows. */
static void NAME(pack_weights)(const gmm_rows *rows, int64_t first, const NAME(tile) *tile, REAL *weight) {
    for (int64_t i = 0; i < tile->n_rows; ++i) weight[i] = rows->weight ? (REAL)rows->weight[first + i] : (REAL)1;
    for (int64_t i = tile->n_rows; i < tile->rows; ++i) weight[i] = 0;
}
