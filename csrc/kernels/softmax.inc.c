/* softmax.inc.c: log2-densities of a tile -> responsibilities times sample weight, and the rows' log-densities.
 *
 *     reference_i = max_k l_ik,  s_i = sum_k 2^(l_ik - reference_i),  r_ik = 2^(l_ik - reference_i) w_i / s_i
 *     log density_i = reference_i log 2 + log s_i     (nats)
 *
 * Invariant: the largest term is exactly 1, so s_i >= 1; a row where that fails, or whose reference is not a moderate
 * number, is far out or not finite, and is reported instead of being believed. */

#if REAL_IS_FLOAT
#define REFERENCE_LIMIT 1e38f
#else
#define REFERENCE_LIMIT 1e307
#endif

/* density: (K, stride) log2-densities in, responsibilities out. log_density: (rows) out.
 * Returns 1 when some row of the tile must be looked at: its log_density is then NaN. */
static int NAME(softmax)(int64_t rows, int64_t stride, int64_t n_components, REAL *density, const REAL *weight,
                         REAL *log_density) {
    const vec limit = v_set1(-REFERENCE_LIMIT), one = v_set1((REAL)1), ln2 = v_set1((REAL)0.693147180559945309);
    int strange = 0;
    for (int64_t i = 0; i < rows; i += V_LANES) {
        vec reference = v_load(density + i);
        for (int64_t k = 1; k < n_components; ++k) reference = v_max(reference, v_load(density + k * stride + i));
        vec sum = v_zero();
        for (int64_t k = 0; k < n_components; ++k) {
            REAL *l = density + k * stride + i;
            const vec term = NAME(exp2)(v_sub(v_load(l), reference));
            sum = v_add(sum, term);
            v_store(l, term);
        }
        const vec share = v_div(v_load(weight + i), sum);
        for (int64_t k = 0; k < n_components; ++k) {
            REAL *l = density + k * stride + i;
            v_store(l, v_mul(v_load(l), share));
        }
        /* both comparisons are false for NaN */
        const vec sane = v_select(v_lt(limit, reference), v_select(v_lt(sum, one), v_zero(), sum), v_zero());
        const vmask good = v_lt(v_zero(), sane);
        strange |= v_not_all(good);
        const vec log_row = v_fma(reference, ln2, NAME(log)(v_select(good, sum, one)));
        v_store(log_density + i, v_select(good, log_row, v_set1((REAL)NAN)));
    }
    return strange;
}

#undef REFERENCE_LIMIT
