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

/* V_LANES lines of V_LANES REALs, transposed in registers: log2 V_LANES rounds of perfect shuffles. The first n_out
 * lines of the result are written. */
GMM_INLINE void NAME(transpose)(const REAL *source, int64_t source_stride, REAL *out, int64_t out_stride, int n_out) {
    vec line[V_LANES];
    GMM_UNROLL
    for (int l = 0; l < V_LANES; ++l) line[l] = v_load(source + l * source_stride);
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
    GMM_UNROLL
    for (int l = 0; l < V_LANES; ++l)
        if (l < n_out) v_store(out + l * out_stride, line[l]);
}

/* Row by row: V_LANES rows are read along PACK_FEATURES features at a time and transposed. step: bytes between
 * columns. */
#undef PACK_FEATURES
#define PACK_FEATURES 64
GMM_INLINE void NAME(pack_rows)(const gmm_rows *rows, const unsigned char *first, int64_t step, gmm_dtype dtype,
                                const NAME(tile) *tile) {
    REAL lines[V_LANES * PACK_FEATURES] = {0};
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        const int64_t n_rows = tile->n_rows - i < V_LANES ? tile->n_rows - i : V_LANES;
        for (int64_t r = n_rows; r < V_LANES; ++r)
            for (int64_t f = 0; f < PACK_FEATURES; ++f) lines[r * PACK_FEATURES + f] = 0;
        for (int64_t d = 0; d < rows->n_features; d += PACK_FEATURES) {
            const int64_t left = rows->n_features - d, n_here = left < PACK_FEATURES ? left : PACK_FEATURES;
            const double *scale = rows->scale + d, *centre = rows->centre + d;
            for (int64_t r = 0; r < n_rows; ++r) {
                const unsigned char *source = first + (i + r) * rows->row_stride + d * step;
                REAL *x = lines + r * PACK_FEATURES;
                for (int64_t f = 0; f < n_here; ++f)
                    x[f] = (REAL)(NAME(element)(source + f * step, dtype) * scale[f] - centre[f]);
            }
            REAL *column = tile->column + d * tile->stride + i;
            int64_t f = 0;
            for (; f + V_LANES <= n_here; f += V_LANES)
                NAME(transpose)(lines + f, PACK_FEATURES, column + f * tile->stride, tile->stride, V_LANES);
            if (f < n_here)
                NAME(transpose)(lines + f, PACK_FEATURES, column + f * tile->stride, tile->stride, (int)(n_here - f));
        }
    }
}

/* The row layout from the column layout. */
static void NAME(transpose_to_rows)(const NAME(tile) *tile, int64_t n_features) {
    REAL square[V_LANES * V_LANES] = {0};
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        int64_t d = 0;
        for (; d + V_LANES <= n_features; d += V_LANES)
            NAME(transpose)(tile->column + d * tile->stride + i, tile->stride, tile->row + i * tile->row_stride + d,
                            tile->row_stride, V_LANES);
        for (int64_t f = d; f < n_features; ++f)
            v_store(square + (f - d) * V_LANES, v_load(tile->column + f * tile->stride + i));
        if (d < n_features)
            NAME(transpose)(square, V_LANES, tile->row + i * tile->row_stride + d, tile->row_stride, V_LANES);
    }
}

/* Rows whose columns lie closer together than the rows, of enough features to fill a square, go row by row. */
GMM_INLINE void NAME(pack_dtype)(const gmm_rows *rows, const unsigned char *first, int64_t element, gmm_dtype dtype,
                                 const NAME(tile) *tile) {
    const int64_t between_rows = rows->row_stride < 0 ? -rows->row_stride : rows->row_stride;
    const int64_t between_columns = rows->column_stride < 0 ? -rows->column_stride : rows->column_stride;
    if (V_LANES > 1 && between_columns < between_rows && 2 * rows->n_features > V_LANES) {
        if (rows->column_stride == element)
            NAME(pack_rows)(rows, first, element, dtype, tile);
        else
            NAME(pack_rows)(rows, first, rows->column_stride, dtype, tile);
    } else if (rows->row_stride == element) {
        NAME(pack_columns)(rows, first, element, dtype, tile);
    } else {
        NAME(pack_columns)(rows, first, rows->row_stride, dtype, tile);
    }
}

/* Rows [first, first + n_rows) into the tile's buffers. */
static void NAME(pack)(const gmm_rows *rows, int64_t first, int64_t n_rows, NAME(tile) *tile) {
    const unsigned char *source = (const unsigned char *)rows->data + first * rows->row_stride;
    tile->n_rows = n_rows;
    tile->rows = NAME(lanes)(n_rows);
    if (rows->dtype == GMM_F32)
        NAME(pack_dtype)(rows, source, (int64_t)sizeof(float), GMM_F32, tile);
    else
        NAME(pack_dtype)(rows, source, (int64_t)sizeof(double), GMM_F64, tile);
    if (tile->row) NAME(transpose_to_rows)(tile, rows->n_features);
}

/* Sample weights of the tile in REAL, 0 past its rows. */
static void NAME(pack_weights)(const gmm_rows *rows, int64_t first, const NAME(tile) *tile, REAL *weight) {
    for (int64_t i = 0; i < tile->n_rows; ++i) weight[i] = rows->weight ? (REAL)rows->weight[first + i] : (REAL)1;
    for (int64_t i = tile->n_rows; i < tile->rows; ++i) weight[i] = 0;
}
