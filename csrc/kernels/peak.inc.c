/* peak.inc.c: fused multiply-adds on registers only: the roof every kernel is measured against. */

static double NAME(peak)(int64_t repeats) {
    enum { CHAINS = V_REGISTERS >= 32 ? 24 : 12 };
    vec sum[CHAINS];
    const vec shrink = v_set1((REAL)0.5), step = v_set1((REAL)1);
    GMM_UNROLL
    for (int c = 0; c < CHAINS; ++c) sum[c] = v_set1((REAL)c);
    for (int64_t i = 0; i < repeats; ++i) {
        GMM_UNROLL
        for (int c = 0; c < CHAINS; ++c) sum[c] = v_fma(sum[c], shrink, step);
    }
    vec all = v_zero();
    GMM_UNROLL
    for (int c = 0; c < CHAINS; ++c) all = v_add(all, sum[c]);
    const volatile REAL kept = v_sum(all); /* or the loop would be removed */
    (void)kept;
    return 2.0 * CHAINS * V_LANES * (double)repeats;
}
