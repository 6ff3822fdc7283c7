/* skip_density.inc.c: log2-densities of a tile whose rows stand in the order of their owners, components left early.
 *
 *     leave component k when  constant_k - sum over the outputs so far of y^2  <  reference_i - SKIP_BITS
 *
 * for all rows i of V_ROWS vectors, reference_i the largest log2-density of the row so far: its owner's first, so the
 * rest is known to be below 2^-SKIP_BITS of the row's density. What remains stands in a table of live components:
 * live (n_live) their numbers, slot (K) their line in the table or -1.
 * Invariant: a term is kept when, and only when, it is at least 2^-SKIP_BITS of the row's largest: a matter of the row
 * and the component, not of the rows beside it. */

#define SKIP_BITS 58

typedef struct {
    int64_t n_live;
    int32_t *live, *slot;
    REAL *reference; /* (rows) */
} NAME(live);

/* V_ROWS row vectors of one component. Returns 0 when every row left; else density holds the log2-densities. What is
 * not a number stays. */
GMM_INLINE int NAME(whiten_until_as)(const int CENTRED, int64_t n_features, const REAL *x, int64_t stride,
                                     const REAL *factor, const REAL *offset, const REAL *reference, REAL *density) {
    const REAL *w = factor + 1 + n_features;
    const int64_t odd = n_features % V_OUT;
    vec q[V_ROWS], cut[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < V_ROWS; ++r) {
        q[r] = v_set1(factor[0]);
        cut[r] = v_sub(v_load(reference + r * V_LANES), v_set1((REAL)SKIP_BITS));
    }
    switch (odd) {
    case 1: w = NAME(whiten_block)(1, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
    case 2: w = NAME(whiten_block)(2, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
    case 3: w = NAME(whiten_block)(3, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
#if V_OUT == 8
    case 4: w = NAME(whiten_block)(4, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
    case 5: w = NAME(whiten_block)(5, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
    case 6: w = NAME(whiten_block)(6, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
    case 7: w = NAME(whiten_block)(7, V_ROWS, CENTRED, 0, x, stride, offset, w, q); break;
#endif
    default: break;
    }
    for (int64_t before = odd;; before += V_OUT) {
        int stays = 0;
        GMM_UNROLL
        for (int r = 0; r < V_ROWS; ++r) stays |= v_not_all(v_lt(q[r], cut[r]));
        if (!stays) return 0;
        if (before == n_features) break;
        w = NAME(whiten_block)(V_OUT, V_ROWS, CENTRED, before, x, stride, offset, w, q);
    }
    GMM_UNROLL
    for (int r = 0; r < V_ROWS; ++r) v_store(density + r * V_LANES, q[r]);
    return 1;
}

/* In the form of the dense kernel (full.inc.c): about the mean, or with the bias (D) where the flag says so. */
static int NAME(whiten_until)(int64_t n_features, const REAL *x, int64_t stride, const REAL *factor, REAL flag,
                              const REAL *bias, const REAL *reference, REAL *density) {
    if (flag >= FULL_AFFINE)
        return NAME(whiten_until_as)(0, n_features, x, stride, factor, bias, reference, density);
    return NAME(whiten_until_as)(1, n_features, x, stride, factor, factor + 1, reference, density);
}

/* Line of component k in the table, opened with `value` when there is none. */
static REAL *NAME(live_line)(const NAME(tile) *tile, NAME(live) *live, int64_t k, REAL value, REAL *table) {
    const int is_new = live->slot[k] < 0;
    if (is_new) {
        live->slot[k] = (int32_t)live->n_live;
        live->live[live->n_live++] = (int32_t)k;
    }
    REAL *line = table + live->slot[k] * tile->stride;
    for (int64_t i = 0; is_new && i < tile->rows; ++i) line[i] = value;
    return line;
}

/* Component k and the V_ROWS vectors from row i on. */
static void NAME(live_density)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, int64_t k,
                               const REAL *packed, int64_t i, NAME(live) *live, REAL *table) {
    const int64_t size = NAME(full_factor)(n_features);
    const REAL *flag = packed + n_components * size, *bias = flag + n_components + k * n_features;
    REAL density[V_ROWS * V_LANES], *reference = live->reference + i;
    if (!NAME(whiten_until)(n_features, tile->column + i, tile->stride, packed + k * size, flag[k], bias, reference,
                            density))
        return;
    REAL *line = NAME(live_line)(tile, live, k, (REAL)-INFINITY, table) + i;
    GMM_UNROLL
    for (int r = 0; r < V_ROWS; ++r) {
        const vec l = v_load(density + r * V_LANES);
        v_store(line + r * V_LANES, l);
        v_store(reference + r * V_LANES, v_max(v_load(reference + r * V_LANES), l));
    }
}

/* tile->rows is a multiple of V_ROWS * V_LANES; the tile's rows are number `at` and on of the order, which continues
 * past its end as its last row does. end: see order_by_owner. First every group of vectors meets the owners of its
 * rows, then the rest. Fills table with what is left: log2-densities, -inf for what is not. */
static void NAME(live_densities)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                                 int64_t at, const int32_t *end, NAME(live) *live, REAL *table) {
    const int64_t group = V_ROWS * V_LANES;
    live->n_live = 0;
    for (int64_t k = 0; k < n_components; ++k) live->slot[k] = -1;
    for (int64_t i = 0; i < tile->rows; ++i) live->reference[i] = (REAL)-INFINITY;
    for (int owned = 1; owned >= 0; --owned)
        for (int64_t k = 0, begin = -at, after; k < n_components; ++k, begin = after) {
            after = end[k] - at;
            const int here = begin < after && after > 0 && begin < tile->n_rows;
            if (owned && !here) continue;
            for (int64_t i = 0; i < tile->rows; i += group)
                if ((here && begin < i + group && after > i) == owned)
                    NAME(live_density)(tile, n_components, n_features, k, packed, i, live, table);
        }
    const vec bits = v_set1((REAL)SKIP_BITS), gone = v_set1((REAL)-INFINITY);
    for (int64_t c = 0; c < live->n_live; ++c)
        for (int64_t i = 0; i < tile->rows; i += V_LANES) {
            REAL *at_row = table + c * tile->stride + i;
            const vec l = v_load(at_row), cut = v_sub(v_load(live->reference + i), bits);
            v_store(at_row, v_select(v_lt(l, cut), gone, l));
        }
}
