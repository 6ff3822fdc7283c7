/* tile.inc.c: a tile: a few rows of the data in frame coordinates, in REAL, laid out for the kernels.
 *
 * Two layouts, both of the same rows:
 *     column  (D, stride)          lanes = rows      for whitening and everything per row
 *     row     (rows, row_stride)   lanes = features  for outer products, cut at ROW_LIMIT; only when the structure asks
 * A structure that wants rows only (many features, little to do with each) gets them as they are, and no columns.
 * Invariant: rows past n_rows (up to rows, a multiple of V_LANES) and features past D hold 0, so kernels never test
 * for the end; strides are an odd number of cache lines, so no two features share all their cache sets. */

#undef COLUMNS
#undef COLUMNS_AND_ROWS
#undef ROWS_ONLY
#define COLUMNS 0
#define COLUMNS_AND_ROWS 1
#define ROWS_ONLY 2

typedef struct {
    int64_t n_rows;  /* rows of data */
    int64_t rows;    /* n_rows rounded up to V_LANES */
    int64_t stride, row_stride;
    REAL *column, *row; /* row: NULL unless asked for */
    int layouts;        /* what the structure asks for */
    /* ROWS_ONLY: the first n_raw vectors of each row are still to be framed, by whoever reads them first; from `raw` to
     * `row`, as x * scale - centre. */
    int64_t n_raw, raw_stride;
    const REAL *raw, *scale, *centre;
    /* Rows the next tile will be packed from, for a kernel that has time to ask for them; NULL: none. */
    const unsigned char *ahead;
    int64_t ahead_step; /* bytes between those rows */
    int64_t n_factors;  /* of a structure that has any */
    REAL *work;         /* the structure's own, work_size() REALs */
} NAME(tile);

GMM_INLINE int64_t NAME(lanes)(int64_t count) { return (count + V_LANES - 1) / V_LANES * V_LANES; }

/* REALs from one line to the next for lines of count REALs. */
static inline int64_t NAME(stride)(int64_t count) {
    const int64_t line = (int64_t)(GMM_CACHE_LINE / sizeof(REAL)), lines = (count + line - 1) / line;
    return (lines | 1) * line;
}
