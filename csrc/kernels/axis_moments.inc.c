/* axis_moments.inc.c: sums of r, r c and r c^2, feature by feature, for every structure but full.
 *
 *     kind 0 (linear)      first = sum r x
 *     kind 1 (spherical)   first = sum r c,   second = sum r |c|^2        c = x - mean_k
 *     kind 2 (diagonal)    first = sum r c,   second = sum r c_j^2
 *     kind 3 (tied)        first = sum r c
 *
 * Lanes = rows. A block of a few components and features keeps its sums in registers while it runs over the tile; at
 * the end of the tile V_LANES of these vectors are added up to one, a lane each, as a matrix is transposed.
 * Accumulator: n (K, V_LANES); for kind 1 second (K, V_LANES); then the sums of block after block: for every group of
 * features, for every group of components, first (components, features) and, for kind 2, second likewise. */

/* A block's components and features, by kind: its sums and means fit the registers beside the features of a row. */
#undef AXIS_COMPONENTS
#undef AXIS_FEATURES
#define AXIS_COMPONENTS(kind) ((kind) == 0 ? 4 : 2)
#define AXIS_FEATURES (V_REGISTERS >= 32 ? 4 : 2)
#undef AXIS_SUMS
#define AXIS_SUMS 16 /* of a block, at most */

/* Sums of V_LANES vectors in the lanes of the first: a matrix is transposed and its rows added up. */
GMM_INLINE void NAME(axis_sums)(vec *line) {
    (void)line;
#if V_LANES > 1
    GMM_UNROLL
    for (int half = V_LANES / 2; half > 0; half /= 2) {
        GMM_UNROLL
        for (int l = 0; l < half; ++l)
            line[l] = v_add(v_zip_low(line[l], line[l + half]), v_zip_high(line[l], line[l + half]));
    }
#endif
}

/* Sums of n vectors, V_LANES of them at a time, are added to adjacent numbers at out; up to V_LANES - 1 numbers behind
 * the n may get a 0 added. */
GMM_INLINE void NAME(axis_spill)(const int n, const vec *sum, REAL *out) {
    GMM_UNROLL
    for (int first = 0; first < n; first += V_LANES) {
        vec line[V_LANES];
        GMM_UNROLL
        for (int l = 0; l < V_LANES; ++l) line[l] = first + l < n ? sum[first + l] : v_zero();
        NAME(axis_sums)(line);
        v_store(out + first, v_add(v_load(out + first), line[0]));
    }
}

GMM_INLINE void NAME(axis_add)(vec sum, REAL *slot) { v_store(slot, v_add(v_load(slot), sum)); }

/* C components and F features from the given pointers on; mean (C, D); second (C, V_LANES) for kind 1. */
GMM_INLINE void NAME(axis_block)(const int C, const int F, const int kind, int64_t D, int64_t rows, int64_t stride,
                                 const REAL *x, const REAL *weight, const REAL *mean, REAL *sums, REAL *second) {
    vec a[AXIS_SUMS], m[AXIS_SUMS], *b = a + C * F;
    GMM_UNROLL
    for (int s = 0; s < AXIS_SUMS; ++s) a[s] = v_zero();
    GMM_UNROLL
    for (int s = 0; s < C * F; ++s) m[s] = kind == 0 ? v_zero() : v_set1(mean[s / F * D + s % F]);
    for (int64_t i = 0; i < rows; i += V_LANES) {
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            const vec r = v_load(weight + c * stride + i);
            GMM_UNROLL
            for (int f = 0; f < F; ++f) {
                const int s = c * F + f, t = kind == 1 ? c * 2 + f % 2 : s;
                const vec xf = v_load(x + f * stride + i);
                if (kind == 0) {
                    a[s] = v_fma(r, xf, a[s]);
                } else if (kind == 3) {
                    a[s] = v_fma(r, v_sub(xf, m[s]), a[s]);
                } else { /* (r d) d, so that a row far out and of responsibility 0 adds 0 */
                    const vec d = v_sub(xf, m[s]), rd = v_mul(r, d);
                    a[s] = v_add(a[s], rd);
                    b[t] = v_fma(rd, d, b[t]);
                }
            }
        }
    }
    NAME(axis_spill)(kind == 2 ? 2 * C * F : C * F, a, sums);
    GMM_UNROLL
    for (int c = 0; kind == 1 && c < C; ++c) NAME(axis_add)(v_add(b[2 * c], b[2 * c + 1]), second + c * V_LANES);
}

/* Components [k, K) for F features. */
GMM_INLINE void NAME(axis_columns)(const int F, const int kind, int64_t k, int64_t K, int64_t D, int64_t rows,
                                   int64_t stride, const REAL *x, const REAL *weight, const REAL *mean, REAL *sums,
                                   REAL *second) {
    const int C = AXIS_COMPONENTS(kind), each = kind == 2 ? 2 * F : F;
    for (; k + C <= K; k += C)
        NAME(axis_block)(C, F, kind, D, rows, stride, x, weight + k * stride, mean + k * D, sums + k * each,
                         second + k * V_LANES);
    for (; k < K; ++k)
        NAME(axis_block)(1, F, kind, D, rows, stride, x, weight + k * stride, mean + k * D, sums + k * each,
                         second + k * V_LANES);
}

/* Responsibilities of C components added up. */
GMM_INLINE void NAME(axis_mass)(const int C, int64_t rows, int64_t stride, const REAL *weight, REAL *n) {
    vec sum[4];
    GMM_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = v_zero();
    for (int64_t i = 0; i < rows; i += V_LANES) {
        GMM_UNROLL
        for (int c = 0; c < C; ++c) sum[c] = v_add(sum[c], v_load(weight + c * stride + i));
    }
    GMM_UNROLL
    for (int c = 0; c < C; ++c) NAME(axis_add)(sum[c], n + c * V_LANES);
}

/* Components whose responsibilities stay in a first-level cache while all features run by. */
#define AXIS_CHUNK 16

/* weight: (K, tile->stride) responsibility times sample weight; mean (K, D), not read for kind 0. */
GMM_INLINE void NAME(axis_moments)(const int kind, int64_t K, int64_t D, const NAME(tile) *tile, const REAL *mean,
                                   const REAL *weight, REAL *accumulator) {
    const int64_t step = tile->stride, rows = tile->rows, each = kind == 2 ? 2 * K : K;
    REAL *second = accumulator + K * V_LANES, *sums = kind == 1 ? second + K * V_LANES : second;
    int64_t k = 0;
    for (; k + 4 <= K; k += 4) NAME(axis_mass)(4, rows, step, weight + k * step, accumulator + k * V_LANES);
    for (; k < K; ++k) NAME(axis_mass)(1, rows, step, weight + k * step, accumulator + k * V_LANES);
    for (int64_t from = 0; from < K; from += AXIS_CHUNK) {
        const int64_t to = K - from < AXIS_CHUNK ? K : from + AXIS_CHUNK;
        for (int64_t j = 0; j < D; j += AXIS_FEATURES) {
            const REAL *x = tile->column + j * step, *m = mean + j;
            REAL *out = sums + j * each;
            switch (D - j) {
            case 1: NAME(axis_columns)(1, kind, from, to, D, rows, step, x, weight, m, out, second); break;
#if V_REGISTERS >= 32
            case 2: NAME(axis_columns)(2, kind, from, to, D, rows, step, x, weight, m, out, second); break;
            case 3: NAME(axis_columns)(3, kind, from, to, D, rows, step, x, weight, m, out, second); break;
#endif
            default: NAME(axis_columns)(AXIS_FEATURES, kind, from, to, D, rows, step, x, weight, m, out, second); break;
            }
        }
    }
}

static int64_t NAME(axis_accumulator_size)(int kind, int64_t K, int64_t D) {
    return (kind == 1 ? 2 : 1) * K * V_LANES + (kind == 2 ? 2 : 1) * K * D + V_LANES;
}

/* Second moments of a component. */
static int64_t NAME(axis_seconds)(int kind, int64_t D) { return kind == 1 ? 1 : kind == 2 ? D : 0; }

/* Sums in double: n (K,), first (K, D), second (K, axis_seconds), as statistics hold them. */
static int64_t NAME(axis_total_size)(int kind, int64_t K, int64_t D) { return K * (1 + D + NAME(axis_seconds)(kind, D)); }

static void NAME(axis_flush)(int kind, int64_t K, int64_t D, const REAL *accumulator, double *partial) {
    const REAL *sums = accumulator + (kind == 1 ? 2 : 1) * K * V_LANES;
    double *first = partial + K, *second = first + K * D;
    for (int64_t k = 0; k < K; ++k) {
        partial[k] = (double)v_sum(v_load(accumulator + k * V_LANES));
        if (kind == 1) second[k] = (double)v_sum(v_load(accumulator + (K + k) * V_LANES));
    }
    for (int64_t j = 0; j < D; j += AXIS_FEATURES) {
        const int64_t F = D - j < AXIS_FEATURES ? D - j : AXIS_FEATURES;
        for (int64_t k = 0, C; k < K; k += C) {
            C = k + AXIS_COMPONENTS(kind) <= K ? AXIS_COMPONENTS(kind) : 1;
            for (int half = 0; half < (kind == 2 ? 2 : 1); ++half)
                for (int64_t c = 0; c < C; ++c)
                    for (int64_t f = 0; f < F; ++f) (half ? second : first)[(k + c) * D + j + f] = (double)*sums++;
        }
    }
}

static void NAME(axis_import)(int kind, int64_t K, int64_t D, const gmm_statistics *statistics, double *total) {
    const int64_t seconds = NAME(axis_seconds)(kind, D);
    for (int64_t k = 0; k < K; ++k) *total++ = statistics->n[k];
    for (int64_t t = 0; t < K * D; ++t) *total++ = statistics->first[t];
    for (int64_t t = 0; t < K * seconds; ++t) *total++ = statistics->second[t];
}

static void NAME(axis_export)(int kind, int64_t K, int64_t D, const double *total, gmm_statistics *statistics) {
    const int64_t seconds = NAME(axis_seconds)(kind, D);
    for (int64_t k = 0; k < K; ++k) statistics->n[k] = *total++;
    for (int64_t t = 0; t < K * D; ++t) statistics->first[t] = *total++;
    for (int64_t t = 0; t < K * seconds; ++t) statistics->second[t] = *total++;
}
