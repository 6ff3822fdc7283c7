/* factor_density.inc.c: densities of factor_pack.inc.c, lanes = rows.
 *
 * Products z first, groups of factors by groups of row vectors in registers, their squares added to what a diagonal
 * covariance has; a component of much signal goes over the features once more.
 * Invariant: a row's sums run over features and factors in order, whatever group of rows it stands in. */

/* Products of C factors with R row vectors, and their squares added to `square`. group: mean and weights by feature. */
GMM_INLINE void NAME(factor_products)(const int C, const int R, int64_t D, const REAL *x, int64_t stride,
                                      const REAL *group, REAL *z, vec *square) {
    vec sum[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[c][r] = v_zero();
    }
    for (int64_t j = 0; j < D; ++j, x += stride, group += 1 + C) {
        const vec mean = v_set1(group[0]);
        vec d[V_ROWS];
        GMM_UNROLL
        for (int r = 0; r < R; ++r) d[r] = v_sub(v_load(x + r * V_LANES), mean);
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            const vec u = v_set1(group[1 + c]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) sum[c][r] = v_fma(u, d[r], sum[c][r]);
        }
    }
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) {
            v_store(z + c * stride + r * V_LANES, sum[c][r]);
            square[r] = v_fma(sum[c][r], sum[c][r], square[r]);
        }
    }
}

/* What the factors leave of F features, squared, taken from q. */
GMM_INLINE void NAME(factor_rest)(const int F, const int R, int64_t n_factors, const REAL *x, int64_t stride,
                                  const REAL *group, const REAL *z, vec *q) {
    vec y[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int f = 0; f < F; ++f) {
        const vec mean = v_set1(group[f]), w = v_set1(group[F + f]);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) y[f][r] = v_mul(w, v_sub(v_load(x + f * stride + r * V_LANES), mean));
    }
    group += 2 * F;
    for (int64_t a = 0; a < n_factors; ++a, z += stride, group += F) {
        vec za[V_ROWS];
        GMM_UNROLL
        for (int r = 0; r < R; ++r) za[r] = v_load(z + r * V_LANES);
        GMM_UNROLL
        for (int f = 0; f < F; ++f) {
            const vec u = v_set1(group[f]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) y[f][r] = v_fnma(u, za[r], y[f][r]);
        }
    }
    GMM_UNROLL
    for (int f = 0; f < F; ++f) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) q[r] = v_fnma(y[f][r], y[f][r], q[r]);
    }
}

/* The second form: what is left of the constant. */
GMM_INLINE void NAME(factor_residual)(const int R, int64_t D, int64_t n_factors, const REAL *x, int64_t stride,
                                      REAL constant, const REAL *inverse, const REAL *group, const REAL *z,
                                      REAL *density) {
    vec q[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) q[r] = v_set1(constant);
    for (int64_t a = 0; a < n_factors; ++a) {
        const vec share = v_set1(inverse[a]);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) {
            const vec za = v_load(z + a * stride + r * V_LANES);
            q[r] = v_fnma(v_mul(za, share), za, q[r]);
        }
    }
    int64_t j = 0;
    for (; j + V_OUT <= D; j += V_OUT, group += (2 + n_factors) * V_OUT)
        NAME(factor_rest)(V_OUT, R, n_factors, x + j * stride, stride, group, z, q);
    for (; j < D; ++j, group += 2 + n_factors)
        NAME(factor_rest)(1, R, n_factors, x + j * stride, stride, group, z, q);
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(density + r * V_LANES, q[r]);
}

/* A component's R row vectors from x on: z (q, stride) out, density constant - |y|^2 in, log2-density out. */
GMM_INLINE void NAME(factor_rows)(const int R, int64_t D, int64_t q, const REAL *x, int64_t stride, const REAL *own,
                                  REAL *z, REAL *density) {
    const REAL *scale = own + 2, *inverse = scale + q, *group = inverse + q + NAME(lanes)(D);
    vec square[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) square[r] = v_load(density + r * V_LANES);
    for (int64_t from = 0, held; from < q; from += held, group += D * (1 + held)) {
        REAL *out = z + from * stride;
        held = NAME(factor_held)(q, q - from);
        switch (held) {
        case 1: NAME(factor_products)(1, R, D, x, stride, group, out, square); break;
        case 2: NAME(factor_products)(2, R, D, x, stride, group, out, square); break;
        case 3: NAME(factor_products)(3, R, D, x, stride, group, out, square); break;
#if V_OUT == 8
        case 4: NAME(factor_products)(4, R, D, x, stride, group, out, square); break;
        case 5: NAME(factor_products)(5, R, D, x, stride, group, out, square); break;
        case 6: NAME(factor_products)(6, R, D, x, stride, group, out, square); break;
        case 7: NAME(factor_products)(7, R, D, x, stride, group, out, square); break;
#endif
        default: NAME(factor_products)(V_OUT, R, D, x, stride, group, out, square); break;
        }
    }
    if (own[1] > 0) {
        NAME(factor_residual)(R, D, q, x, stride, own[0], inverse, group, z, density);
        return;
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(density + r * V_LANES, square[r]);
}

/* The products stay in tile->work for the moments. */
static void NAME(factor_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    const int64_t q = tile->n_factors, stride = tile->stride, size = NAME(factor_component)(D, q);
    const REAL *own = packed + NAME(axis_size)(K, D, 1) + FACTOR_HEAD;
    NAME(axis_density)(AXIS_SCALED, tile, tile->column, K, D, packed, density);
    for (int64_t k = 0; k < K; ++k, own += size, density += stride) {
        REAL *z = tile->work + k * q * stride;
        int64_t i = 0;
        for (; i + V_ROWS * V_LANES <= tile->rows; i += V_ROWS * V_LANES)
            NAME(factor_rows)(V_ROWS, D, q, tile->column + i, stride, own, z + i, density + i);
        for (; i < tile->rows; i += V_LANES)
            NAME(factor_rows)(1, D, q, tile->column + i, stride, own, z + i, density + i);
    }
}
