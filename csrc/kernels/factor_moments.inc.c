/* factor_moments.inc.c: moments of factor_pack.inc.c, lanes = features, of the rows that count in a component.
 *
 *     first = sum r c,  squares = sum r c^2,  a row for each factor: sum r z c          c = x - mean
 *
 * Only listed rows cost anything, and with many features nearly every row counts in one component alone. */

/* V vectors of features of the listed rows: sums of r c and r c^2. */
GMM_INLINE void NAME(factor_squares)(const int V, const unsigned char *list, int64_t count, const REAL *x,
                                     int64_t stride, const REAL *mean, const REAL *r, REAL *first, REAL *second) {
    vec a[V_ROWS], b[V_ROWS], m[V_ROWS];
    GMM_UNROLL
    for (int v = 0; v < V; ++v) {
        a[v] = v_load(first + v * V_LANES);
        b[v] = v_load(second + v * V_LANES);
        m[v] = v_load(mean + v * V_LANES);
    }
    for (int64_t l = 0; l < count; ++l) {
        const REAL *row = x + list[l] * stride;
        const vec share = v_set1(r[list[l]]);
        GMM_UNROLL
        for (int v = 0; v < V; ++v) {
            const vec d = v_sub(v_load(row + v * V_LANES), m[v]), rd = v_mul(share, d);
            a[v] = v_add(a[v], rd);
            b[v] = v_fma(rd, d, b[v]);
        }
    }
    GMM_UNROLL
    for (int v = 0; v < V; ++v) {
        v_store(first + v * V_LANES, a[v]);
        v_store(second + v * V_LANES, b[v]);
    }
}

/* The same rows and features times S factors' r z. */
GMM_INLINE void NAME(factor_panel)(const int S, const int V, const unsigned char *list, int64_t count, const REAL *x,
                                   int64_t stride, const REAL *mean, const REAL *rz, int64_t z_stride, REAL *sums,
                                   int64_t width) {
    vec sum[V_OUT][V_ROWS], m[V_ROWS];
    GMM_UNROLL
    for (int v = 0; v < V; ++v) m[v] = v_load(mean + v * V_LANES);
    GMM_UNROLL
    for (int s = 0; s < S; ++s) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) sum[s][v] = v_load(sums + s * width + v * V_LANES);
    }
    for (int64_t l = 0; l < count; ++l) {
        const REAL *row = x + list[l] * stride, *share = rz + list[l];
        vec d[V_ROWS];
        GMM_UNROLL
        for (int v = 0; v < V; ++v) d[v] = v_sub(v_load(row + v * V_LANES), m[v]);
        GMM_UNROLL
        for (int s = 0; s < S; ++s) {
            const vec zs = v_set1(share[s * z_stride]);
            GMM_UNROLL
            for (int v = 0; v < V; ++v) sum[s][v] = v_fma(zs, d[v], sum[s][v]);
        }
    }
    GMM_UNROLL
    for (int s = 0; s < S; ++s) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) v_store(sums + s * width + v * V_LANES, sum[s][v]);
    }
}

/* V vectors of features of a component's listed rows: all of its sums. r: responsibilities, z: times responsibilities. */
GMM_INLINE void NAME(factor_sums)(const int V, const NAME(tile) *tile, const unsigned char *list, int64_t count,
                                  int64_t j, const REAL *mean, const REAL *r, const REAL *z, REAL *first,
                                  int64_t width) {
    const int64_t q = tile->n_factors, stride = tile->row_stride, step = tile->stride;
    const REAL *x = tile->row + j, *m = mean + j;
    NAME(factor_squares)(V, list, count, x, stride, m, r, first + j, first + width + j);
    for (int64_t from = 0, held; from < q; from += held) {
        const REAL *rz = z + from * step;
        REAL *out = first + (2 + from) * width + j;
        held = NAME(factor_held)(q, q - from);
        switch (held) {
        case 1: NAME(factor_panel)(1, V, list, count, x, stride, m, rz, step, out, width); break;
        case 2: NAME(factor_panel)(2, V, list, count, x, stride, m, rz, step, out, width); break;
        case 3: NAME(factor_panel)(3, V, list, count, x, stride, m, rz, step, out, width); break;
#if V_OUT == 8
        case 4: NAME(factor_panel)(4, V, list, count, x, stride, m, rz, step, out, width); break;
        case 5: NAME(factor_panel)(5, V, list, count, x, stride, m, rz, step, out, width); break;
        case 6: NAME(factor_panel)(6, V, list, count, x, stride, m, rz, step, out, width); break;
        case 7: NAME(factor_panel)(7, V, list, count, x, stride, m, rz, step, out, width); break;
#endif
        default: NAME(factor_panel)(V_OUT, V, list, count, x, stride, m, rz, step, out, width); break;
        }
    }
}

/* Accumulator of a component: n (V_LANES), first, squares, then a row for each factor (D, rounded up). Responsibilities
 * that do not exceed the share packed count as 0, as in linear_moments.inc.c. */
static void NAME(factor_moments)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, const REAL *weight,
                                 REAL *accumulator) {
    const int64_t q = tile->n_factors, width = NAME(lanes)(D), step = tile->stride;
    const REAL *own = packed + NAME(axis_size)(K, D, 1);
    REAL limit[LINE_TILE_ROWS], *kept = tile->work + K * q * step;
    unsigned char list[LINE_TILE_ROWS];
    NAME(line_limits)(tile, K, own[0], weight, limit);
    own += FACTOR_HEAD;
    for (int64_t k = 0; k < K; ++k, own += NAME(factor_component)(D, q), accumulator += NAME(factor_accumulator)(D, q)) {
        const REAL *mean = own + 2 + 2 * q;
        REAL *z = tile->work + k * q * step;
        const int64_t count = NAME(line_list)(tile->rows, weight + k * step, limit, kept, accumulator, list);
        for (int64_t a = 0; a < q; ++a)
            for (int64_t i = 0; i < tile->rows; i += V_LANES) { /* the products of a row without a share may be infinite */
                const vec r = v_load(kept + i), rz = v_mul(r, v_load(z + a * step + i));
                v_store(z + a * step + i, v_select(v_lt(v_zero(), r), rz, v_zero()));
            }
        int64_t j = 0;
        for (; count && j + V_ROWS * V_LANES <= width; j += V_ROWS * V_LANES)
            NAME(factor_sums)(V_ROWS, tile, list, count, j, mean, kept, z, accumulator + V_LANES, width);
        for (; count && j < width; j += V_LANES)
            NAME(factor_sums)(1, tile, list, count, j, mean, kept, z, accumulator + V_LANES, width);
    }
}
