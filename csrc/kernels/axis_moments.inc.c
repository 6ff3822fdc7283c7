/* axis_moments.inc.c: sums of r, r c and r c^2, c = x - mean_k, feature by feature, for every structure but full.
 *
 * Lanes = rows. A block of 2 components and AXIS_FEATURES features keeps its sums in registers while it runs over the
 * tile. They are then added to accumulators of `lanes` REALs each: V_LANES, so that no tile pays for a horizontal
 * sum, unless that table would leave the cache: then 1.
 * Accumulators: n (K, lanes), first (K, D, lanes), second (K, D or 1 or 0, lanes). */

#undef AXIS_FEATURES
#if V_REGISTERS >= 32
#define AXIS_FEATURES 4
#else
#define AXIS_FEATURES 2
#endif

/* How many second moments a component keeps: 0 (tied), 1 (spherical), D (diagonal). */
typedef struct {
    int64_t K, D, seconds, lanes;
} NAME(axis_shape);

static NAME(axis_shape) NAME(axis_shape_of)(int64_t n_components, int64_t n_features, int64_t seconds) {
    const int64_t sums = n_components * (1 + n_features + seconds);
    const int cached = sums <= (int64_t)(128 * 1024 / sizeof(REAL)) / V_LANES;
    return (NAME(axis_shape)){n_components, n_features, seconds, cached ? V_LANES : 1};
}

static int64_t NAME(axis_sums)(const NAME(axis_shape) *s) { return s->K * (1 + s->D + s->seconds); }

GMM_INLINE void NAME(axis_spill)(vec sum, REAL *slot, int64_t lanes) {
    if (lanes == V_LANES)
        v_store(slot, v_add(v_load(slot), sum));
    else
        *slot += v_sum(sum);
}

/* Components [0, C) and features [0, F) from the given pointers on. */
GMM_INLINE void NAME(axis_block)(const int C, const int F, const int kind, const NAME(axis_shape) *s, int64_t rows,
                                 int64_t stride, const REAL *x, const REAL *weight, const REAL *mean, REAL *first,
                                 REAL *second) {
    vec a[2][AXIS_FEATURES], b[2][AXIS_FEATURES], m[2][AXIS_FEATURES];
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int f = 0; f < F; ++f) {
            a[c][f] = b[c][f] = v_zero();
            m[c][f] = v_set1(mean[c * s->D + f]);
        }
    }
    for (int64_t i = 0; i < rows; i += V_LANES) {
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            const vec r = v_load(weight + c * stride + i);
            GMM_UNROLL
            for (int f = 0; f < F; ++f) {
                const vec d = v_sub(v_load(x + f * stride + i), m[c][f]);
                if (kind == 0) {
                    a[c][f] = v_fma(r, d, a[c][f]);
                } else { /* (r d) d, so that a row far out and of responsibility 0 adds 0 */
                    const vec rd = v_mul(r, d);
                    a[c][f] = v_add(a[c][f], rd);
                    b[c][kind == 1 ? f % 2 : f] = v_fma(rd, d, b[c][kind == 1 ? f % 2 : f]);
                }
            }
        }
    }
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int f = 0; f < F; ++f) {
            NAME(axis_spill)(a[c][f], first + (c * s->D + f) * s->lanes, s->lanes);
            if (kind == 2) NAME(axis_spill)(b[c][f], second + (c * s->D + f) * s->lanes, s->lanes);
        }
        if (kind == 1) NAME(axis_spill)(F > 1 ? v_add(b[c][0], b[c][1]) : b[c][0], second + c * s->lanes, s->lanes);
    }
}

/* All components for F features. kind: 0, 1, 2 as seconds is 0, 1, D. */
GMM_INLINE void NAME(axis_columns)(const int F, const int kind, const NAME(axis_shape) *s, int64_t rows,
                                   int64_t stride, const REAL *x, const REAL *weight, const REAL *mean, REAL *first,
                                   REAL *second) {
    const int64_t per_component = kind == 2 ? s->D : 1;
    int64_t k = 0;
    for (; k + 2 <= s->K; k += 2)
        NAME(axis_block)(2, F, kind, s, rows, stride, x, weight + k * stride, mean + k * s->D,
                         first + k * s->D * s->lanes, second + k * per_component * s->lanes);
    if (k < s->K)
        NAME(axis_block)(1, F, kind, s, rows, stride, x, weight + k * stride, mean + k * s->D,
                         first + k * s->D * s->lanes, second + k * per_component * s->lanes);
}

/* weight: (K, tile->stride) responsibility times sample weight; mean (K, D). */
GMM_INLINE void NAME(axis_moments)(const int kind, const NAME(axis_shape) *s, const NAME(tile) *tile, const REAL *mean,
                                   const REAL *weight, REAL *accumulator) {
    const int64_t step = tile->stride, rows = tile->rows, per_feature = kind == 2 ? s->lanes : 0;
    REAL *first = accumulator + s->K * s->lanes, *second = first + s->K * s->D * s->lanes;
    for (int64_t k = 0; k < s->K; ++k) {
        vec n = v_zero();
        for (int64_t i = 0; i < rows; i += V_LANES) n = v_add(n, v_load(weight + k * step + i));
        NAME(axis_spill)(n, accumulator + k * s->lanes, s->lanes);
    }
    int64_t j = 0;
    for (; j + AXIS_FEATURES <= s->D; j += AXIS_FEATURES)
        NAME(axis_columns)(AXIS_FEATURES, kind, s, rows, step, tile->column + j * step, weight, mean + j,
                           first + j * s->lanes, second + j * per_feature);
#if AXIS_FEATURES > 2
    for (; j + 2 <= s->D; j += 2)
        NAME(axis_columns)(2, kind, s, rows, step, tile->column + j * step, weight, mean + j, first + j * s->lanes,
                           second + j * per_feature);
#endif
    if (j < s->D)
        NAME(axis_columns)(1, kind, s, rows, step, tile->column + j * step, weight, mean + j, first + j * s->lanes,
                           second + j * per_feature);
}

static void NAME(axis_flush)(const NAME(axis_shape) *s, const REAL *accumulator, double *partial) {
    for (int64_t slot = 0; slot < NAME(axis_sums)(s); ++slot)
        partial[slot] = s->lanes == V_LANES ? (double)v_sum(v_load(accumulator + slot * V_LANES)) : (double)accumulator[slot];
}

static void NAME(axis_import)(const NAME(axis_shape) *s, const gmm_statistics *statistics, double *total) {
    for (int64_t k = 0; k < s->K; ++k) *total++ = statistics->n[k];
    for (int64_t t = 0; t < s->K * s->D; ++t) *total++ = statistics->first[t];
    for (int64_t t = 0; t < s->K * s->seconds; ++t) *total++ = statistics->second[t];
}

static void NAME(axis_export)(const NAME(axis_shape) *s, const double *total, gmm_statistics *statistics) {
    for (int64_t k = 0; k < s->K; ++k) statistics->n[k] = *total++;
    for (int64_t t = 0; t < s->K * s->D; ++t) statistics->first[t] = *total++;
    for (int64_t t = 0; t < s->K * s->seconds; ++t) statistics->second[t] = *total++;
}
