/* linear_moments.inc.c: the moments of linear_rows.inc.c, first_k = sum_i r_ik x_i with lanes = features.
 *
 * With many features nearly all responsibilities are negligible. Those of at most 2^-58 of the row's sample weight
 * count as 0, unless factors say never to skip. A tile of few others goes by lists, for every component the rows that
 * count in it; a tile of many by panels of all its rows. Which way, and so the order of its sums, depends on the tile's
 * rows; what counts as 0 depends on the row and component alone.
 * Accumulator of a component: n (V_LANES), first (D, rounded up). */

#define LINE_TILE_ROWS 128
#define LINE_NEGLIGIBLE 0x1p-58
#undef LINE_VECTORS
#define LINE_VECTORS (V_REGISTERS >= 32 ? 16 : 8) /* of features, whose sums stay in registers */

/* A tile that leaves room in a second-level cache for the next one, an even share of a block. */
static int64_t NAME(linear_rows_tile_rows)(int64_t K, int64_t D) {
    int64_t rows = LINE_TILE_ROWS;
    while (rows > V_LANES && rows * (K + D) * (int64_t)sizeof(REAL) > 288 * 1024) rows /= 2;
    return rows;
}

/* Responsibilities that count (K, stride), and for every component the length of its list and the list, in bytes. */
static int64_t NAME(linear_rows_work)(int64_t K, int64_t D) {
    const int64_t stride = NAME(stride)(NAME(linear_rows_tile_rows)(K, D));
    return K * (stride + (LINE_TILE_ROWS + (int64_t)sizeof(REAL)) / (int64_t)sizeof(REAL));
}

static int64_t NAME(linear_rows_accumulator_size)(int64_t K, int64_t D) { return K * (V_LANES + NAME(lanes)(D)); }

/* Sums of a tile's responsibilities over its components, times `negligible`. */
static void NAME(line_limits)(const NAME(tile) *tile, int64_t K, REAL negligible, const REAL *weight, REAL *limit) {
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        vec sum = v_zero();
        for (int64_t k = 0; k < K; ++k) sum = v_add(sum, v_load(weight + k * tile->stride + i));
        v_store(limit + i, v_mul(sum, v_set1(negligible)));
    }
}

/* A component's r -> kept, 0 where r does not exceed the row's limit; added to n (V_LANES). Lists the other rows and
 * returns their number. */
static int64_t NAME(line_list)(int64_t rows, const REAL *r, const REAL *limit, REAL *kept, REAL *n,
                               unsigned char *list) {
    vec sum = v_load(n);
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i += V_LANES) {
        const vec ri = v_load(r + i);
        const vmask counts = v_lt(v_load(limit + i), ri);
        const vec ki = v_select(counts, ri, v_zero());
        v_store(kept + i, ki);
        sum = v_add(sum, ki);
        for (unsigned bits = v_bits(counts); bits; bits &= bits - 1)
            list[count++] = (unsigned char)(i + gmm_lowest_bit(bits));
    }
    v_store(n, sum);
    return count;
}

/* V vectors from x on of the listed rows times r, added to sums. */
GMM_INLINE void NAME(line_listed)(const int V, const REAL *x, int64_t stride, const REAL *r,
                                  const unsigned char *list, int64_t count, REAL *sums) {
    vec sum[LINE_VECTORS];
    GMM_UNROLL
    for (int v = 0; v < V; ++v) sum[v] = v_load(sums + v * V_LANES);
    for (int64_t l = 0; l < count; ++l) {
        const REAL *row = x + list[l] * stride;
        const vec share = v_set1(r[list[l]]);
        GMM_UNROLL
        for (int v = 0; v < V; ++v) sum[v] = v_fma(share, v_load(row + v * V_LANES), sum[v]);
    }
    GMM_UNROLL
    for (int v = 0; v < V; ++v) v_store(sums + v * V_LANES, sum[v]);
}

/* All rows with all components, in groups of nearly equal size; kept and sums (K, ...) as for linear_rows_moments. */
static void NAME(line_panels)(const NAME(tile) *tile, int64_t K, int64_t width, const REAL *kept, REAL *accumulator) {
    const int64_t size = V_LANES + width, groups = (K + V_OUT - 1) / V_OUT, each = (K + groups - 1) / groups;
    for (int64_t k = 0, held; k < K; k += held) {
        const REAL *r[V_OUT];
        REAL *sums[V_OUT];
        held = K - k < each ? K - k : each;
        for (int64_t c = 0; c < held; ++c) {
            r[c] = kept + (k + c) * tile->stride;
            sums[c] = accumulator + (k + c) * size;
        }
        int64_t j = 0;
        for (; j + V_ROWS * V_LANES <= width; j += V_ROWS * V_LANES)
            NAME(panel_group)(V_ROWS, held, tile->rows, tile->row + j, tile->row_stride, r, sums, V_LANES + j);
        for (; j < width; j += V_LANES)
            NAME(panel_group)(1, held, tile->rows, tile->row + j, tile->row_stride, r, sums, V_LANES + j);
    }
}

static void NAME(linear_rows_moments)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed,
                                      const REAL *weight, REAL *accumulator) {
    const int64_t width = NAME(lanes)(D), size = V_LANES + width;
    REAL limit[LINE_TILE_ROWS], *kept = tile->work;
    unsigned char *lists = (unsigned char *)(kept + K * tile->stride);
    int64_t listed = 0;
    NAME(line_limits)(tile, K, packed[0], weight, limit);
    for (int64_t k = 0; k < K; ++k) {
        unsigned char *list = lists + k * (LINE_TILE_ROWS + 1);
        const int64_t count = NAME(line_list)(tile->rows, weight + k * tile->stride, limit, kept + k * tile->stride,
                                              accumulator + k * size, list + 1);
        list[0] = (unsigned char)count;
        listed += count;
    }
    if (2 * listed > K * tile->rows) {
        NAME(line_panels)(tile, K, width, kept, accumulator);
        return;
    }
    for (int64_t k = 0; k < K; ++k) {
        const unsigned char *list = lists + k * (LINE_TILE_ROWS + 1);
        const REAL *r = kept + k * tile->stride;
        REAL *first = accumulator + k * size + V_LANES;
        int64_t j = 0;
        for (; j + LINE_VECTORS * V_LANES <= width; j += LINE_VECTORS * V_LANES)
            NAME(line_listed)(LINE_VECTORS, tile->row + j, tile->row_stride, r, list + 1, list[0], first + j);
        for (; j < width; j += V_LANES)
            NAME(line_listed)(1, tile->row + j, tile->row_stride, r, list + 1, list[0], first + j);
    }
}
