/* full_density.inc.c: full covariances, any D: whitening of the tile by triangular blocks.
 *
 *     l = constant - |W' (x - mean)|^2 = constant - |W' x + bias|^2,  bias = -W' mean
 *
 * The first form is used for any mean, the second saves the subtractions where a mean is near (full.inc.c).
 * Outputs in blocks of V_OUT (the first block takes D % V_OUT), rows in groups of V_ROWS vectors: a block keeps
 * V_OUT * V_ROWS sums in registers, runs over the features before it, then over its own triangle, exactly.
 * Packed factors of a component: constant, mean (D), then per block, in the order it is read, for every feature j
 * the outputs i >= j of the block. */

/* Feature j's share of OUT outputs, of which the first `skip` do not depend on it. */
GMM_INLINE void NAME(whiten_feature)(const int OUT, const int R, const int CENTRED, const int skip, const REAL *x,
                                     const REAL *mean, const REAL *w, vec (*y)[V_ROWS]) {
    vec c[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) c[r] = CENTRED ? v_sub(v_load(x + r * V_LANES), v_set1(*mean)) : v_load(x + r * V_LANES);
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i)
        if (i >= skip) {
            const vec wi = v_set1(w[i - skip]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) y[i][r] = v_fma(wi, c[r], y[i][r]);
        }
}

/* One block: outputs [before, before + OUT). Subtracts their squares from q; returns the end of its weights.
 * offset: the mean when CENTRED, else the bias. */
GMM_INLINE const REAL *NAME(whiten_block)(const int OUT, const int R, const int CENTRED, int64_t before, const REAL *x,
                                          int64_t stride, const REAL *offset, const REAL *w, vec *q) {
    vec y[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) y[i][r] = CENTRED ? v_zero() : v_set1(offset[before + i]);
    }
    for (int64_t j = 0; j < before; ++j, w += OUT)
        NAME(whiten_feature)(OUT, R, CENTRED, 0, x + j * stride, offset + j, w, y);
    GMM_UNROLL
    for (int j = 0; j < OUT; ++j) {
        NAME(whiten_feature)(OUT, R, CENTRED, j, x + (before + j) * stride, offset + before + j, w, y);
        w += OUT - j;
    }
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) q[r] = v_fnma(y[i][r], y[i][r], q[r]);
    }
    return w;
}

/* R row vectors of one component: constant, offset (D), weights. */
GMM_INLINE void NAME(whiten_rows)(const int R, const int CENTRED, int64_t n_features, const REAL *x, int64_t stride,
                                  REAL constant, const REAL *offset, const REAL *w, REAL *density) {
    const int64_t odd = n_features % V_OUT;
    vec q[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) q[r] = v_set1(constant);
    switch (odd) {
    case 1: w = NAME(whiten_block)(1, R, CENTRED, 0, x, stride, offset, w, q); break;
    case 2: w = NAME(whiten_block)(2, R, CENTRED, 0, x, stride, offset, w, q); break;
    case 3: w = NAME(whiten_block)(3, R, CENTRED, 0, x, stride, offset, w, q); break;
#if V_OUT == 8
    case 4: w = NAME(whiten_block)(4, R, CENTRED, 0, x, stride, offset, w, q); break;
    case 5: w = NAME(whiten_block)(5, R, CENTRED, 0, x, stride, offset, w, q); break;
    case 6: w = NAME(whiten_block)(6, R, CENTRED, 0, x, stride, offset, w, q); break;
    case 7: w = NAME(whiten_block)(7, R, CENTRED, 0, x, stride, offset, w, q); break;
#endif
    default: break;
    }
    for (int64_t before = odd; before < n_features; before += V_OUT)
        w = NAME(whiten_block)(V_OUT, R, CENTRED, before, x, stride, offset, w, q);
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(density + r * V_LANES, q[r]);
}

/* From as many features on a component's sums, its weights are not in a near cache when the next rows come. */
#undef FULL_FAR_SUMS
#undef FULL_FAR_WEIGHTS
#define FULL_FAR_SUMS 256
#define FULL_FAR_WEIGHTS 512

/* One block for all rows of the tile; density holds what the blocks before left of q. Returns the end of its weights. */
GMM_INLINE const REAL *NAME(whiten_tile_block)(const int OUT, const int CENTRED, const NAME(tile) *tile, int64_t before,
                                               const REAL *offset, const REAL *w, REAL *density) {
    const int64_t group = V_ROWS * V_LANES, stride = tile->stride;
    const REAL *end = w;
    int64_t i = 0;
    for (; i + group <= tile->rows; i += group) {
        vec q[V_ROWS];
        GMM_UNROLL
        for (int r = 0; r < V_ROWS; ++r) q[r] = v_load(density + i + r * V_LANES);
        end = NAME(whiten_block)(OUT, V_ROWS, CENTRED, before, tile->column + i, stride, offset, w, q);
        GMM_UNROLL
        for (int r = 0; r < V_ROWS; ++r) v_store(density + i + r * V_LANES, q[r]);
    }
    for (; i < tile->rows; i += V_LANES) {
        vec q[1] = {v_load(density + i)};
        end = NAME(whiten_block)(OUT, 1, CENTRED, before, tile->column + i, stride, offset, w, q);
        v_store(density + i, q[0]);
    }
    return end;
}

/* The same as whiten_tile, to the bit, block by block. */
GMM_INLINE void NAME(whiten_tile_many)(const int CENTRED, const NAME(tile) *tile, int64_t n_features, REAL constant,
                                       const REAL *offset, const REAL *w, REAL *density) {
    const int64_t odd = n_features % V_OUT;
    for (int64_t i = 0; i < tile->rows; ++i) density[i] = constant;
    switch (odd) {
    case 1: w = NAME(whiten_tile_block)(1, CENTRED, tile, 0, offset, w, density); break;
    case 2: w = NAME(whiten_tile_block)(2, CENTRED, tile, 0, offset, w, density); break;
    case 3: w = NAME(whiten_tile_block)(3, CENTRED, tile, 0, offset, w, density); break;
#if V_OUT == 8
    case 4: w = NAME(whiten_tile_block)(4, CENTRED, tile, 0, offset, w, density); break;
    case 5: w = NAME(whiten_tile_block)(5, CENTRED, tile, 0, offset, w, density); break;
    case 6: w = NAME(whiten_tile_block)(6, CENTRED, tile, 0, offset, w, density); break;
    case 7: w = NAME(whiten_tile_block)(7, CENTRED, tile, 0, offset, w, density); break;
#endif
    default: break;
    }
    for (int64_t before = odd; before < n_features; before += V_OUT)
        w = NAME(whiten_tile_block)(V_OUT, CENTRED, tile, before, offset, w, density);
}

/* All rows of the tile, for one component. */
GMM_INLINE void NAME(whiten_tile)(const int CENTRED, const NAME(tile) *tile, int64_t n_features, REAL constant,
                                  const REAL *offset, const REAL *w, REAL *density) {
    const int64_t vectors = tile->rows / V_LANES, stride = tile->stride;
    const REAL *x = tile->column;
    if (n_features >= FULL_FAR_WEIGHTS) {
        NAME(whiten_tile_many)(CENTRED, tile, n_features, constant, offset, w, density);
        return;
    }
    for (int64_t i = 0, here; i < vectors; i += here, x += here * V_LANES, density += here * V_LANES) {
        const int64_t left = vectors - i;
        here = left == V_ROWS || left > V_ROWS + 1 ? V_ROWS : left > 1 ? 2 : 1;
        if (here == V_ROWS)
            NAME(whiten_rows)(V_ROWS, CENTRED, n_features, x, stride, constant, offset, w, density);
        else if (here == 2)
            NAME(whiten_rows)(2, CENTRED, n_features, x, stride, constant, offset, w, density);
        else
            NAME(whiten_rows)(1, CENTRED, n_features, x, stride, constant, offset, w, density);
    }
}

/* REALs of one component's packed factors. */
static int64_t NAME(full_factor)(int64_t n_features) { return 1 + n_features + TRIANGLE(n_features); }

/* factor: of one component. */
static void NAME(full_centred_density)(const NAME(tile) *tile, int64_t n_features, const REAL *factor, REAL *density) {
    NAME(whiten_tile)(1, tile, n_features, factor[0], factor + 1, factor + 1 + n_features, density);
}

static void NAME(full_affine_density)(const NAME(tile) *tile, int64_t n_features, const REAL *factor, const REAL *bias,
                                      REAL *density) {
    NAME(whiten_tile)(0, tile, n_features, factor[0], bias, factor + 1 + n_features, density);
}
