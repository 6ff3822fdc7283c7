/* full_small.inc.c: full covariances, D <= FULL_SMALL: lanes = rows, D and the triangle unrolled.
 *
 *     density  l = constant - sum_i (sum_{j <= i} W'_ij (x_j - mean_j))^2
 *     moments  n, first_j, second_ij as vectors of V_LANES partial sums
 *
 * Packed factors of a component: constant, mean (D), W' by rows (triangle).
 * Accumulator of a component: 1 + D + D(D+1)/2 vectors: n, first, second by rows of the triangle. */

#undef FULL_SMALL
#define FULL_SMALL (V_REGISTERS >= 32 ? 8 : 4) /* where the sums of a component just fit the registers */
#define TRIANGLE(d) ((d) * ((d) + 1) / 2)

/* U row vectors of one component: their log2-densities. */
GMM_INLINE void NAME(small_density_rows)(const int D, const int U, const REAL *x, int64_t stride, const REAL *factor,
                                         vec *q) {
    vec c[FULL_SMALL][4];
    GMM_UNROLL
    for (int j = 0; j < D; ++j) {
        const vec mean = v_set1(factor[1 + j]);
        GMM_UNROLL
        for (int u = 0; u < U; ++u) c[j][u] = v_sub(v_load(x + j * stride + u * V_LANES), mean);
    }
    GMM_UNROLL
    for (int u = 0; u < U; ++u) q[u] = v_set1(factor[0]);
    GMM_UNROLL
    for (int i = 0; i < D; ++i) {
        const REAL *w = factor + 1 + D + TRIANGLE(i);
        vec y[4];
        GMM_UNROLL
        for (int u = 0; u < U; ++u) y[u] = v_mul(v_set1(w[0]), c[0][u]);
        GMM_UNROLL
        for (int j = 1; j < D; ++j)
            if (j <= i) {
                GMM_UNROLL
                for (int u = 0; u < U; ++u) y[u] = v_fma(v_set1(w[j]), c[j][u], y[u]);
            }
        GMM_UNROLL
        for (int u = 0; u < U; ++u) q[u] = v_fnma(y[u], y[u], q[u]);
    }
}

/* G groups of U row vectors of every component, then their softmax. */
GMM_INLINE int NAME(small_group)(const int D, const int G, const int U, int64_t stride, int64_t n_components,
                                 const REAL *x, const REAL *packed, const REAL *weight, REAL *table,
                                 REAL *log_density, REAL *label) {
    const vec least = v_set1((REAL)-INFINITY);
    vec reference[4];
    GMM_UNROLL
    for (int u = 0; u < G * U; ++u) reference[u] = least;
    for (int64_t k = 0; k < n_components; ++k) {
        GMM_UNROLL
        for (int g = 0; g < G; ++g) {
            vec l[4];
            NAME(small_density_rows)(D, U, x + g * U * V_LANES, stride, packed + k * (1 + D + TRIANGLE(D)), l);
            GMM_UNROLL
            for (int u = 0; u < U; ++u) {
                reference[g * U + u] = v_max(reference[g * U + u], l[u]);
                v_store(table + k * stride + (g * U + u) * V_LANES, l[u]);
            }
        }
    }
    return NAME(softmax_rows)(G * U, stride, n_components, reference, table, weight, log_density, label);
}

/* Densities alone, for rows with priors of their own. */
GMM_INLINE void NAME(small_density)(const int D, const NAME(tile) *tile, int64_t n_components, const REAL *packed,
                                    REAL *density) {
    for (int64_t k = 0; k < n_components; ++k)
        for (int64_t i = 0; i < tile->rows; i += V_LANES) {
            vec l;
            NAME(small_density_rows)(D, 1, tile->column + i, tile->stride, packed + k * (1 + D + TRIANGLE(D)), &l);
            v_store(density + k * tile->stride + i, l);
        }
}

GMM_INLINE int NAME(small_responsibilities)(const int D, const NAME(tile) *tile, int64_t n_components,
                                            const REAL *packed, const REAL *weight, REAL *table, REAL *log_density,
                                            REAL *label) {
    enum { U = SOFTMAX_ROWS };
    const int unit = D * U * 2 <= V_REGISTERS ? U : U / 2; /* row vectors whose centred features fit the registers */
    int64_t i = 0;
    int strange = 0;
    for (; i + U * V_LANES <= tile->rows; i += U * V_LANES) {
        /* the rows that take the place of these, spread over the tile: a burst would stall */
        const unsigned char *ahead = tile->ahead ? tile->ahead + i * tile->ahead_step : NULL;
        for (int64_t b = 0; ahead && b < U * V_LANES * tile->ahead_step; b += (int64_t)GMM_CACHE_LINE)
            GMM_PREFETCH(ahead + b);
        strange |= NAME(small_group)(D, U / unit, unit, tile->stride, n_components, tile->column + i, packed, weight + i,
                                     table + i, log_density + i, label ? label + i : NULL);
    }
    for (; i < tile->rows; i += V_LANES)
        strange |= NAME(small_group)(D, 1, 1, tile->stride, n_components, tile->column + i, packed, weight + i,
                                     table + i, log_density + i, label ? label + i : NULL);
    return strange;
}

/* Adds rows low..high-1 of the triangle, and with_first n and first, over the whole tile. */
GMM_INLINE void NAME(small_moments_rows)(const int D, const int low, const int high, const int with_first,
                                         const NAME(tile) *tile, const REAL *mean, const REAL *weight,
                                         REAL *accumulator) {
    enum { MOST = TRIANGLE(FULL_SMALL) };
    vec n = v_zero(), first[FULL_SMALL], second[MOST];
    GMM_UNROLL
    for (int j = 0; j < D; ++j) first[j] = v_zero();
    GMM_UNROLL
    for (int s = 0; s < TRIANGLE(D); ++s) second[s] = v_zero();
    for (int64_t row = 0; row < tile->rows; row += V_LANES) {
        const vec r = v_load(weight + row);
        vec c[FULL_SMALL];
        GMM_UNROLL
        for (int j = 0; j < D; ++j) c[j] = v_sub(v_load(tile->column + j * tile->stride + row), v_set1(mean[j]));
        if (with_first) {
            n = v_add(n, r);
            GMM_UNROLL
            for (int j = 0; j < D; ++j) first[j] = v_fma(r, c[j], first[j]);
        }
        GMM_UNROLL
        for (int i = 0; i < D; ++i)
            if (i >= low && i < high) {
                const vec rc = v_mul(r, c[i]);
                GMM_UNROLL
                for (int j = 0; j < D; ++j)
                    if (j <= i) second[TRIANGLE(i) + j] = v_fma(rc, c[j], second[TRIANGLE(i) + j]);
            }
    }
    if (with_first) {
        v_store(accumulator, v_add(v_load(accumulator), n));
        GMM_UNROLL
        for (int j = 0; j < D; ++j) {
            REAL *a = accumulator + (1 + j) * V_LANES;
            v_store(a, v_add(v_load(a), first[j]));
        }
    }
    GMM_UNROLL
    for (int s = 0; s < TRIANGLE(D); ++s)
        if (s >= TRIANGLE(low) && s < TRIANGLE(high)) {
            REAL *a = accumulator + (1 + D + s) * V_LANES;
            v_store(a, v_add(v_load(a), second[s]));
        }
}

/* Split so that the accumulators of a pass fit the registers beside the centred row. */
GMM_INLINE void NAME(small_moments)(const int D, const NAME(tile) *tile, int64_t n_components, const REAL *packed,
                                    const REAL *weight, REAL *accumulator) {
    for (int64_t k = 0; k < n_components; ++k) {
        const REAL *mean = packed + k * (1 + D + TRIANGLE(D)) + 1, *r = weight + k * tile->stride;
        REAL *a = accumulator + k * (1 + D + TRIANGLE(D)) * V_LANES;
        if (V_REGISTERS >= 32) {
            const int split = D <= 5 ? D : D == 8 ? 6 : D - 1;
            NAME(small_moments_rows)(D, 0, split, D <= 5, tile, mean, r, a);
            if (D > 5) NAME(small_moments_rows)(D, split, D, 1, tile, mean, r, a);
        } else {
            const int split = D <= 3 ? D : 3;
            NAME(small_moments_rows)(D, 0, split, 1, tile, mean, r, a);
            if (D > 3) NAME(small_moments_rows)(D, split, D, 0, tile, mean, r, a);
        }
    }
}

/* Long tiles, so that adding up a tile's sums costs little, but the table of responsibilities within 128 KB. */
static int64_t NAME(small_tile_rows)(int64_t n_components, int64_t n_features) {
    const int64_t group = SOFTMAX_ROWS * V_LANES;
    const int64_t fitting = (int64_t)(128 * 1024 / sizeof(REAL)) / (n_components + n_features);
    const int64_t rows = fitting < 128 ? 128 : fitting > 256 ? 256 : fitting;
    return (rows + group - 1) / group * group;
}

static int64_t NAME(small_factor_size)(int64_t n_components, int64_t n_features) {
    return n_components * (1 + n_features + TRIANGLE(n_features));
}

/* Without log constants and whitener (moments of given responsibilities) only the means are packed. */
static void NAME(small_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t D = factors->n_features;
    const double *W = factors->whitener;
    for (int64_t k = 0; k < factors->n_components; ++k) {
        *packed++ = factors->log_constant ? (REAL)(factors->log_constant[k] * LOG2_E) : 0;
        for (int64_t j = 0; j < D; ++j) *packed++ = (REAL)factors->mean[k * D + j];
        for (int64_t i = 0; i < D; ++i)
            for (int64_t j = 0; j <= i; ++j)
                *packed++ = W ? (REAL)(W[(k * D + i) * D + j] * SQRT_HALF_LOG2_E) : 0;
    }
}

static int64_t NAME(small_accumulator_size)(int64_t n_components, int64_t n_features) {
    return NAME(small_factor_size)(n_components, n_features) * V_LANES;
}

static int64_t NAME(small_work_size)(int64_t n_components, int64_t n_features) {
    (void)n_components, (void)n_features;
    return 0;
}

static void NAME(small_flush)(int64_t n_components, int64_t n_features, const REAL *packed, const REAL *accumulator,
                              double *partial) {
    (void)packed;
    const int64_t size = NAME(small_factor_size)(n_components, n_features);
    for (int64_t s = 0; s < size; ++s) partial[s] = (double)v_sum(v_load(accumulator + s * V_LANES));
}

static void NAME(small_import)(int64_t n_components, int64_t n_features, const gmm_statistics *statistics,
                               double *total) {
    for (int64_t k = 0; k < n_components; ++k) {
        *total++ = statistics->n[k];
        for (int64_t j = 0; j < n_features; ++j) *total++ = statistics->first[k * n_features + j];
        for (int64_t i = 0; i < n_features; ++i)
            for (int64_t j = 0; j <= i; ++j) *total++ = statistics->second[(k * n_features + i) * n_features + j];
    }
}

enum { NAME(MIRRORED_SIDE) = 8 };

/* The lower triangle into the upper one, by squares: a column of many features is a cache line each. Along the rows that
 * are written, because many loads may be under way at once. */
static void NAME(mirror)(int64_t D, double *S) {
    enum { SIDE = NAME(MIRRORED_SIDE) };
    for (int64_t left = 0; left < D; left += SIDE)
        for (int64_t below = left; below < D; below += SIDE)
            for (int64_t j = left; j < left + SIDE && j < D; ++j)
                for (int64_t i = below > j ? below : j + 1; i < below + SIDE && i < D; ++i)
                    S[j * D + i] = S[i * D + j];
}

static void NAME(small_export)(int64_t n_components, int64_t n_features, const double *total,
                               gmm_statistics *statistics) {
    for (int64_t k = 0; k < n_components; ++k) {
        double *second = statistics->second + k * n_features * n_features;
        statistics->n[k] = *total++;
        for (int64_t j = 0; j < n_features; ++j) statistics->first[k * n_features + j] = *total++;
        if (n_features > NAME(MIRRORED_SIDE)) {
            for (int64_t i = 0; i < n_features; ++i)
                for (int64_t j = 0; j <= i; ++j) second[i * n_features + j] = *total++;
            NAME(mirror)(n_features, second);
            continue;
        }
        for (int64_t i = 0; i < n_features; ++i)
            for (int64_t j = 0; j <= i; ++j) second[i * n_features + j] = second[j * n_features + i] = *total++;
    }
}
