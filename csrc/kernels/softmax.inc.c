/* softmax.inc.c: log2-densities of a tile -> responsibilities times sample weight, and the rows' log-densities.
 *
 *     reference_i = max_k l_ik,  s_i = sum_k 2^(l_ik - reference_i),  r_ik = 2^(l_ik - reference_i) w_i / s_i
 *     log density_i = reference_i log 2 + log s_i     (nats)
 *
 * Invariant: the largest term is exactly 1, so s_i >= 1 or no number; such a row, or one whose reference is not a moderate
 * number, is far out or not finite, and is reported instead of being believed. */

#if REAL_IS_FLOAT
#define REFERENCE_LIMIT 1e38f
#else
#define REFERENCE_LIMIT 1e307
#endif

/* Row vectors handled together: a chain of maximum, exponential, sum and quotient is long, several hide its latency. */
#define SOFTMAX_ROWS (V_REGISTERS >= 32 ? 4 : 2)

/* Log-densities (nats) of a row vector from its references and sums of terms; NaN where they are not to be believed.
 * Returns 1 when there is such a row. */
GMM_INLINE int NAME(row_log_densities)(vec reference, vec sum, REAL *log_density) {
    const vec limit = v_set1(-REFERENCE_LIMIT), one = v_set1((REAL)1), ln2 = v_set1((REAL)0.693147180559945309);
    /* every comparison is false for NaN */
    const vmask good = v_lt(v_zero(), v_select(v_lt(limit, reference), sum, v_zero()));
    const vec log_row = v_fma(reference, ln2, NAME(log)(v_select(good, sum, one)));
    v_store(log_density, v_select(good, log_row, v_set1((REAL)NAN)));
    return v_not_all(good);
}

/* U row vectors whose maxima are known. table: (K, stride) log2-densities in, responsibilities out. label, unless NULL:
 * the lowest k whose density is the reference. Returns 1 when some row must be looked at: its log_density is NaN. */
GMM_INLINE int NAME(softmax_rows)(const int U, int64_t stride, int64_t n_components, const vec *reference, REAL *table,
                                  const REAL *weight, REAL *log_density, REAL *label) {
    vec sum[4], share[4];
    int strange = 0;
    if (label) {
        vec largest[4];
        GMM_UNROLL
        for (int u = 0; u < U; ++u) largest[u] = v_zero();
        for (int64_t k = n_components - 1; k > 0; --k) {
            const vec index = v_set1((REAL)k);
            GMM_UNROLL
            for (int u = 0; u < U; ++u) {
                const vec l = v_load(table + k * stride + u * V_LANES);
                largest[u] = v_select(v_eq(l, reference[u]), index, largest[u]);
            }
        }
        GMM_UNROLL
        for (int u = 0; u < U; ++u) {
            const vmask zeroth = v_eq(v_load(table + u * V_LANES), reference[u]);
            v_store(label + u * V_LANES, v_select(zeroth, v_zero(), largest[u]));
        }
    }
    GMM_UNROLL
    for (int u = 0; u < U; ++u) sum[u] = v_zero();
    for (int64_t k = 0; k < n_components; ++k) {
        REAL *l = table + k * stride;
        vec term[4];
        GMM_UNROLL
        for (int u = 0; u < U; ++u) term[u] = NAME(exp2)(v_sub(v_load(l + u * V_LANES), reference[u]));
        GMM_UNROLL
        for (int u = 0; u < U; ++u) {
            sum[u] = v_add(sum[u], term[u]);
            v_store(l + u * V_LANES, term[u]);
        }
    }
    GMM_UNROLL
    for (int u = 0; u < U; ++u) share[u] = v_div(v_load(weight + u * V_LANES), sum[u]);
    for (int64_t k = 0; k < n_components; ++k) {
        REAL *r = table + k * stride;
        GMM_UNROLL
        for (int u = 0; u < U; ++u) v_store(r + u * V_LANES, v_mul(v_load(r + u * V_LANES), share[u]));
    }
    GMM_UNROLL
    for (int u = 0; u < U; ++u) strange |= NAME(row_log_densities)(reference[u], sum[u], log_density + u * V_LANES);
    return strange;
}

/* Any tile: table (K, stride), weight and log_density and label (rows). */
GMM_INLINE int NAME(softmax_group)(const int U, int64_t stride, int64_t n_components, REAL *table, const REAL *weight,
                                   REAL *log_density, REAL *label) {
    vec reference[4];
    GMM_UNROLL
    for (int u = 0; u < U; ++u) reference[u] = v_load(table + u * V_LANES);
    for (int64_t k = 1; k < n_components; ++k) {
        GMM_UNROLL
        for (int u = 0; u < U; ++u) reference[u] = v_max(reference[u], v_load(table + k * stride + u * V_LANES));
    }
    return NAME(softmax_rows)(U, stride, n_components, reference, table, weight, log_density, label);
}

static int NAME(softmax)(int64_t rows, int64_t stride, int64_t n_components, REAL *table, const REAL *weight,
                         REAL *log_density, REAL *label) {
    const int64_t group = SOFTMAX_ROWS * V_LANES;
    int64_t i = 0;
    int strange = 0;
    for (; i + group <= rows; i += group)
        strange |= NAME(softmax_group)(SOFTMAX_ROWS, stride, n_components, table + i, weight + i, log_density + i,
                                       label ? label + i : NULL);
    for (; i < rows; i += V_LANES)
        strange |= NAME(softmax_group)(1, stride, n_components, table + i, weight + i, log_density + i,
                                       label ? label + i : NULL);
    return strange;
}

#undef REFERENCE_LIMIT
