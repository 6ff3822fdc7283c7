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

static void NAME(transpose_to_rows)(const NAME(tile) *tile, int64_t n_features) {
    for (int64_t i = 0; i < tile->rows; ++i) {
        REAL *x = tile->row + i * tile->row_stride;
        for (int64_t d = 0; d < n_features; ++d) x[d] = tile->column[d * tile->stride + i];
        for (int64_t d = n_features; d < tile->row_stride; ++d) x[d] = 0;
    }
}

/* Rows [first, first + n_rows) into the tile's buffers. */
static void NAME(pack)(const gmm_rows *rows, int64_t first, int64_t n_rows, NAME(tile) *tile) {
    const unsigned char *source = (const unsigned char *)rows->data + first * rows->row_stride;
    tile->n_rows = n_rows;
    tile->rows = NAME(lanes)(n_rows);
    if (rows->dtype == GMM_F32) {
        if (rows->row_stride == (int64_t)sizeof(float))
            NAME(pack_columns)(rows, source, (int64_t)sizeof(float), GMM_F32, tile);
        else
            NAME(pack_columns)(rows, source, rows->row_stride, GMM_F32, tile);
    } else {
        if (rows->row_stride == (int64_t)sizeof(double))
            NAME(pack_columns)(rows, source, (int64_t)sizeof(double), GMM_F64, tile);
        else
            NAME(pack_columns)(rows, source, rows->row_stride, GMM_F64, tile);
    }
    if (tile->row) NAME(transpose_to_rows)(tile, rows->n_features);
}

/* Sample weights of the tile in REAL, 0 past its rows. */
static void NAME(pack_weights)(const gmm_rows *rows, int64_t first, const NAME(tile) *tile, REAL *weight) {
    for (int64_t i = 0; i < tile->n_rows; ++i) weight[i] = rows->weight ? (REAL)rows->weight[first + i] : (REAL)1;
    for (int64_t i = tile->n_rows; i < tile->rows; ++i) weight[i] = 0;
}
