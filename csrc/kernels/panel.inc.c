/* panel.inc.c: moments with lanes = features: a few vectors of every row of a tile times the responsibilities of a few
 * components, all sums in registers. */

/* V vectors a row, rows `step` REALs apart, times the responsibilities of S components. */
GMM_INLINE void NAME(panel_sums)(const int S, const int V, int64_t rows, const REAL *panel, int64_t step,
                                 const REAL *const *weight, REAL *const *sums, int64_t at) {
    vec sum[V_OUT][V_ROWS];
    const REAL *r[V_OUT];
    GMM_UNROLL
    for (int s = 0; s < S; ++s) {
        r[s] = weight[s];
        GMM_UNROLL
        for (int v = 0; v < V; ++v) sum[s][v] = v_zero();
    }
    for (int64_t row = 0; row < rows; ++row, panel += step) {
        vec x[V_ROWS];
        GMM_UNROLL
        for (int v = 0; v < V; ++v) x[v] = v_load(panel + v * V_LANES);
        GMM_UNROLL
        for (int s = 0; s < S; ++s) {
            const vec share = v_set1(r[s][row]);
            GMM_UNROLL
            for (int v = 0; v < V; ++v) sum[s][v] = v_fma(share, x[v], sum[s][v]);
        }
    }
    GMM_UNROLL
    for (int s = 0; s < S; ++s) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) {
            REAL *out = sums[s] + at + v * V_LANES;
            v_store(out, v_add(v_load(out), sum[s][v]));
        }
    }
}

/* The same for 1 to V_OUT components. */
GMM_INLINE void NAME(panel_group)(const int V, int64_t n_components, int64_t rows, const REAL *panel, int64_t step,
                                  const REAL *const *weight, REAL *const *sums, int64_t at) {
    switch (n_components) {
    case 1: NAME(panel_sums)(1, V, rows, panel, step, weight, sums, at); break;
    case 2: NAME(panel_sums)(2, V, rows, panel, step, weight, sums, at); break;
    case 3: NAME(panel_sums)(3, V, rows, panel, step, weight, sums, at); break;
#if V_OUT == 8
    case 4: NAME(panel_sums)(4, V, rows, panel, step, weight, sums, at); break;
    case 5: NAME(panel_sums)(5, V, rows, panel, step, weight, sums, at); break;
    case 6: NAME(panel_sums)(6, V, rows, panel, step, weight, sums, at); break;
    case 7: NAME(panel_sums)(7, V, rows, panel, step, weight, sums, at); break;
#endif
    default: NAME(panel_sums)(V_OUT, V, rows, panel, step, weight, sums, at);
    }
}
