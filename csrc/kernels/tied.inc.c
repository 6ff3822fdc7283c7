/* tied.inc.c: one covariance for all components.
 *
 *     y_i = W' x_i once a row,  l_ik = constant_k - |y_i - W' mean_k|^2,  W' = W sqrt(log2(e) / 2)
 *
 * y and W' mean_k are rounded before they are subtracted: the caller offers this structure only while the whitened
 * means are moderate (2^8), and copies of a full covariance otherwise. Second moments are not kept: the pooled scatter
 * is total minus between.
 * Packed factors: points W' mean_k, W' in blocks of outputs (per feature j of a block the weights of its outputs, 0
 * above the diagonal), the means (K, D) for the first moments. */

static int64_t NAME(tied_whitener_size)(int64_t D) {
    int64_t size = 0;
    for (int64_t before = 0, group; before < D; before += group) {
        group = NAME(axis_group)(D - before);
        size += group * (before + group);
    }
    return size;
}

static int64_t NAME(tied_factor_size)(int64_t K, int64_t D) {
    return NAME(axis_size)(K, D, 0) + NAME(tied_whitener_size)(D) + K * D;
}

static int64_t NAME(tied_work)(int64_t K, int64_t D) { return D * NAME(stride)(NAME(axis_tile_rows)(K + D)); }

static void NAME(tied_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    const NAME(axis_points) points = {.K = K,
                                      .D = D,
                                      .point = factors->mean,
                                      .whitener = factors->whitener,
                                      .log_constant = factors->log_constant,
                                      .unit = SQRT_HALF_LOG2_E};
    REAL *w = NAME(axis_pack)(&points, packed);
    for (int64_t before = 0, group; before < D; before += group) {
        group = NAME(axis_group)(D - before);
        for (int64_t j = 0; j < before + group; ++j)
            for (int64_t i = before; i < before + group; ++i)
                *w++ = j <= i ? (REAL)(factors->whitener[i * D + j] * SQRT_HALF_LOG2_E) : 0;
    }
    NAME(axis_pack_means)(factors, w);
}

/* C outputs of R row vectors from their n_inputs features. */
GMM_INLINE void NAME(tied_outputs)(const int C, const int R, int64_t n_inputs, const REAL *x, int64_t stride,
                                   const REAL *w, REAL *y) {
    vec sum[V_OUT][AXIS_ROWS];
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[c][r] = v_zero();
    }
    for (int64_t j = 0; j < n_inputs; ++j, x += stride, w += C) {
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            GMM_UNROLL
            for (int r = 0; r < R; ++r) sum[c][r] = v_fma(v_set1(w[c]), v_load(x + r * V_LANES), sum[c][r]);
        }
    }
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) v_store(y + c * stride + r * V_LANES, sum[c][r]);
    }
}

GMM_INLINE void NAME(tied_rows)(const int R, int64_t D, const REAL *x, int64_t stride, const REAL *w, REAL *y) {
    for (int64_t before = 0, group; before < D; before += group, y += group * stride) {
        group = NAME(axis_group)(D - before);
        switch (group) {
#if V_OUT == 8
        case 8: NAME(tied_outputs)(8, R, before + 8, x, stride, w, y); break;
#endif
        case 4: NAME(tied_outputs)(4, R, before + 4, x, stride, w, y); break;
        case 2: NAME(tied_outputs)(2, R, before + 2, x, stride, w, y); break;
        default: NAME(tied_outputs)(1, R, before + 1, x, stride, w, y); break;
        }
        w += group * (before + group);
    }
}

static void NAME(tied_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    const REAL *w = packed + NAME(axis_size)(K, D, 0);
    int64_t i = 0;
    for (; i + AXIS_ROWS * V_LANES <= tile->rows; i += AXIS_ROWS * V_LANES)
        NAME(tied_rows)(AXIS_ROWS, D, tile->column + i, tile->stride, w, tile->work + i);
    for (; i < tile->rows; i += V_LANES) NAME(tied_rows)(1, D, tile->column + i, tile->stride, w, tile->work + i);
    NAME(axis_density)(AXIS_PLAIN, tile, tile->work, K, D, packed, density);
}

AXIS_STRUCTURE(tied, 3, tied_work)
