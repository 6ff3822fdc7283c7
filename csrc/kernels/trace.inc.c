/* trace.inc.c: sum_ij P_ij T_ij and sum_ij |P_ij T_ij| of an inverse covariance P = W'W and a symmetric T. In double.
 *
 * Row i of P only up to its diagonal, in panels of V_OUT rows: V_OUT by V_ROWS vectors of P stay in registers while the
 * rows of W run past that reach both, a third of the products of W'W. T is taken twice left of a panel's own columns,
 * once in them and not at all beyond, so P's padding does not matter. */

/* R vectors of panel `first`, columns from c on, added to sums[0] and, absolute, to sums[1]. */
GMM_INLINE void NAME(trace_block)(const int R, int64_t first, int64_t c, int64_t D, int64_t stride, const REAL *W,
                                  const REAL *T, vec *sums) {
    vec p[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int o = 0; o < V_OUT; ++o) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) p[o][r] = v_zero();
    }
    for (int64_t q = c > first ? c : first; q < D; ++q) {
        const REAL *row = W + q * stride;
        vec w[V_ROWS];
        GMM_UNROLL
        for (int r = 0; r < R; ++r) w[r] = v_load(row + c + r * V_LANES);
        GMM_UNROLL
        for (int o = 0; o < V_OUT; ++o) {
            GMM_UNROLL
            for (int r = 0; r < R; ++r) p[o][r] = v_fma(v_set1(row[first + o]), w[r], p[o][r]);
        }
    }
    GMM_UNROLL
    for (int o = 0; o < V_OUT; ++o) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) {
            if (first + o >= D) continue;
            const vec product = v_mul(p[o][r], v_load(T + (first + o) * stride + c + r * V_LANES));
            sums[0] = v_add(sums[0], product);
            sums[1] = v_add(sums[1], v_max(product, v_sub(v_zero(), product)));
        }
    }
}

/* W lower triangular (what is above the diagonal is not read), T (D, D). */
static void NAME(trace)(int64_t D, const double *W, const double *T, double *space, double *sum, double *size) {
    const int64_t stride = TRIANGLE_STRIDE(D);
    double *padded = space, *counted = space + D * stride;
    vec sums[2] = {v_zero(), v_zero()};
    memset(space, 0, (size_t)(2 * D * stride) * sizeof *space);
    for (int64_t i = 0; i < D; ++i) {
        const int64_t before = i / V_OUT * V_OUT, last = before + V_OUT < D ? before + V_OUT : D;
        memcpy(padded + i * stride, W + i * D, (size_t)(i + 1) * sizeof *W);
        for (int64_t j = 0; j < last; ++j) counted[i * stride + j] = (j < before ? 2 : 1) * T[i * D + j];
    }
    for (int64_t first = 0; first < D; first += V_OUT) {
        int64_t c = 0;
        for (; c + V_ROWS * V_LANES <= first + V_OUT; c += V_ROWS * V_LANES)
            NAME(trace_block)(V_ROWS, first, c, D, stride, padded, counted, sums);
        for (; c < first + V_OUT; c += V_LANES) NAME(trace_block)(1, first, c, D, stride, padded, counted, sums);
    }
    *sum = v_sum(sums[0]);
    *size = v_sum(sums[1]);
}
