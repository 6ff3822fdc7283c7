/* full_density.inc.c: full covariances, any D: whitening of the centred tile by triangular blocks.
 *
 *     l = constant - |W' (x - mean)|^2
 *
 * Outputs in blocks of V_OUT (the first block takes D % V_OUT), rows in groups of V_ROWS vectors: a block keeps
 * V_OUT * V_ROWS sums in registers, runs over the features before it, then over its own triangle, exactly.
 * Packed factors of a component: constant, mean (D), then per block, in the order it is read, for every feature j
 * the outputs i >= j of the block. */

/* Feature j's share of OUT outputs, of which the first `skip` do not depend on it. */
GMM_INLINE void NAME(whiten_feature)(const int OUT, const int R, const int skip, const REAL *x, REAL mean,
                                     const REAL *w, vec (*y)[V_ROWS]) {
    vec c[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) c[r] = v_sub(v_load(x + r * V_LANES), v_set1(mean));
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i)
        if (i >= skip) {
            const vec wi = v_set1(w[i - skip]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) y[i][r] = v_fma(wi, c[r], y[i][r]);
        }
}

/* One block: outputs [before, before + OUT). Subtracts their squares from q; returns the end of its weights. */
GMM_INLINE const REAL *NAME(whiten_block)(const int OUT, const int R, int64_t before, const REAL *x, int64_t stride,
                                          const REAL *mean, const REAL *w, vec *q) {
    vec y[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) y[i][r] = v_zero();
    }
    for (int64_t j = 0; j < before; ++j, w += OUT) NAME(whiten_feature)(OUT, R, 0, x + j * stride, mean[j], w, y);
    GMM_UNROLL
    for (int j = 0; j < OUT; ++j) {
        NAME(whiten_feature)(OUT, R, j, x + (before + j) * stride, mean[before + j], w, y);
        w += OUT - j;
    }
    GMM_UNROLL
    for (int i = 0; i < OUT; ++i) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) q[r] = v_fnma(y[i][r], y[i][r], q[r]);
    }
    return w;
}

/* R row vectors of one component. */
GMM_INLINE void NAME(whiten_rows)(const int R, int64_t n_features, const REAL *x, int64_t stride, const REAL *factor,
                                  REAL *density) {
    const REAL *mean = factor + 1, *w = mean + n_features;
    const int64_t odd = n_features % V_OUT;
    vec q[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) q[r] = v_set1(factor[0]);
    switch (odd) {
    case 1: w = NAME(whiten_block)(1, R, 0, x, stride, mean, w, q); break;
    case 2: w = NAME(whiten_block)(2, R, 0, x, stride, mean, w, q); break;
    case 3: w = NAME(whiten_block)(3, R, 0, x, stride, mean, w, q); break;
#if V_OUT == 8
    case 4: w = NAME(whiten_block)(4, R, 0, x, stride, mean, w, q); break;
    case 5: w = NAME(whiten_block)(5, R, 0, x, stride, mean, w, q); break;
    case 6: w = NAME(whiten_block)(6, R, 0, x, stride, mean, w, q); break;
    case 7: w = NAME(whiten_block)(7, R, 0, x, stride, mean, w, q); break;
#endif
    default: break;
    }
    for (int64_t before = odd; before < n_features; before += V_OUT)
        w = NAME(whiten_block)(V_OUT, R, before, x, stride, mean, w, q);
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(density + r * V_LANES, q[r]);
}

static int64_t NAME(full_factor_size)(int64_t n_components, int64_t n_features) {
    return n_components * (1 + n_features + TRIANGLE(n_features));
}

static void NAME(full_density)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                               REAL *density) {
    const int64_t size = NAME(full_factor_size)(1, n_features), group = V_ROWS * V_LANES;
    for (int64_t k = 0; k < n_components; ++k) {
        const REAL *factor = packed + k * size;
        REAL *l = density + k * tile->stride;
        int64_t i = 0;
        for (; i + group <= tile->rows; i += group)
            NAME(whiten_rows)(V_ROWS, n_features, tile->column + i, tile->stride, factor, l + i);
        for (; i < tile->rows; i += V_LANES)
            NAME(whiten_rows)(1, n_features, tile->column + i, tile->stride, factor, l + i);
    }
}

/* Without log constants and whitener (moments of given responsibilities) only the means are packed. */
static void NAME(full_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t D = factors->n_features;
    for (int64_t k = 0; k < factors->n_components; ++k) {
        const double *W = factors->whitener ? factors->whitener + k * D * D : NULL;
        *packed++ = factors->log_constant ? (REAL)(factors->log_constant[k] * LOG2_E) : 0;
        for (int64_t j = 0; j < D; ++j) *packed++ = (REAL)factors->mean[k * D + j];
        for (int64_t before = 0, out = D % V_OUT; before < D; before += out, out = V_OUT) {
            if (out == 0) continue;
            for (int64_t j = 0; j < before + out; ++j)
                for (int64_t i = before > j ? before : j; i < before + out; ++i)
                    *packed++ = W ? (REAL)(W[i * D + j] * SQRT_HALF_LOG2_E) : 0;
        }
    }
}
