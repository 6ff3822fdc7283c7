/* distance.inc.c: squared distances of a tile's rows to K points, feature by feature: what diagonal, spherical and tied
 * densities and k-means have in common.
 *
 *     q_ik = sum_j (f_kj (x_ij - m_kj))^2        f = 1 unless the points carry a factor per feature
 *
 * Points in groups of up to V_OUT, rows in groups of AXIS_ROWS vectors: a group keeps its sums in registers and runs
 * once over the features. Packed group of c points: constant (c), square (c), then per feature m (c) and f (c).
 * Invariant: a row's sum runs over the features in order, whatever group of rows or points it stands in. */

#undef AXIS_ROWS
#if V_REGISTERS >= 32
#define AXIS_ROWS 3
#else
#define AXIS_ROWS 2
#endif

/* Points in the group that starts when `left` are still to come. */
static inline int64_t NAME(axis_group)(int64_t left) {
    int64_t group = V_OUT;
    while (group > left) group /= 2;
    return group;
}

/* REALs of n points, and so where point n starts when a group starts there. */
static inline int64_t NAME(axis_size)(int64_t n_points, int64_t n_features, int with_factors) {
    return n_points * (2 + n_features * (1 + with_factors));
}

/* What axis_pack packs, all in double: points (K, D), turned by W' = whitener sqrt(log2(e) / 2) when that is given;
 * factor (K, D) or NULL for none; log_constant (K,) or NULL for 0; inverse_sd (K,) or NULL for a square of 1. Factors
 * and squares, as the constants, are for log2-densities. */
typedef struct {
    int64_t K, D;
    const double *point, *whitener, *factor, *log_constant, *inverse_sd;
} NAME(axis_points);

static double NAME(axis_coordinate)(const NAME(axis_points) *p, int64_t k, int64_t j) {
    const double *point = p->point + k * p->D;
    if (!p->whitener) return point[j];
    double y = 0;
    for (int64_t i = 0; i <= j; ++i) y += p->whitener[j * p->D + i] * SQRT_HALF_LOG2_E * point[i];
    return y;
}

static REAL *NAME(axis_pack)(const NAME(axis_points) *p, REAL *packed) {
    for (int64_t k = 0, group; k < p->K; k += group) {
        group = NAME(axis_group)(p->K - k);
        for (int64_t c = 0; c < group; ++c) *packed++ = p->log_constant ? (REAL)(p->log_constant[k + c] * LOG2_E) : 0;
        for (int64_t c = 0; c < group; ++c) {
            const double w = p->inverse_sd ? p->inverse_sd[k + c] * SQRT_HALF_LOG2_E : 1;
            *packed++ = (REAL)(w * w);
        }
        for (int64_t j = 0; j < p->D; ++j) {
            for (int64_t c = 0; c < group; ++c) *packed++ = (REAL)NAME(axis_coordinate)(p, k + c, j);
            for (int64_t c = 0; p->factor && c < group; ++c)
                *packed++ = (REAL)(p->factor[(k + c) * p->D + j] * SQRT_HALF_LOG2_E);
        }
    }
    return packed;
}

/* C points and R row vectors from x on. */
GMM_INLINE void NAME(distances)(const int C, const int R, const int with_factors, int64_t n_features, const REAL *x,
                                int64_t stride, const REAL *group, vec (*q)[AXIS_ROWS]) {
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) q[c][r] = v_zero();
    }
    const REAL *p = group + 2 * C;
    for (int64_t j = 0; j < n_features; ++j, x += stride, p += C * (1 + with_factors)) {
        vec xj[AXIS_ROWS];
        GMM_UNROLL
        for (int r = 0; r < R; ++r) xj[r] = v_load(x + r * V_LANES);
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            const vec point = v_set1(p[c]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) {
                vec y = v_sub(xj[r], point);
                if (with_factors) y = v_mul(y, v_set1(p[C + c]));
                q[c][r] = v_fma(y, y, q[c][r]);
            }
        }
    }
}

/* A group's log2-densities, constant - square q, into its rows of the (K, stride) table. */
GMM_INLINE void NAME(axis_group_density)(const int C, const int R, const int with_factors, int64_t n_features,
                                         const REAL *x, int64_t x_stride, const REAL *group, REAL *density,
                                         int64_t stride) {
    vec q[V_OUT][AXIS_ROWS];
    NAME(distances)(C, R, with_factors, n_features, x, x_stride, group, q);
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        const vec constant = v_set1(group[c]), square = v_set1(group[C + c]);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) v_store(density + c * stride + r * V_LANES, v_fnma(square, q[c][r], constant));
    }
}

GMM_INLINE void NAME(axis_rows_density)(const int R, const int with_factors, int64_t n_points, int64_t n_features,
                                        const REAL *x, int64_t x_stride, const REAL *packed, REAL *density,
                                        int64_t stride) {
    for (int64_t k = 0; k < n_points;) {
        const int64_t group = NAME(axis_group)(n_points - k);
        REAL *l = density + k * stride;
        switch (group) {
#if V_OUT == 8
        case 8: NAME(axis_group_density)(8, R, with_factors, n_features, x, x_stride, packed, l, stride); break;
#endif
        case 4: NAME(axis_group_density)(4, R, with_factors, n_features, x, x_stride, packed, l, stride); break;
        case 2: NAME(axis_group_density)(2, R, with_factors, n_features, x, x_stride, packed, l, stride); break;
        default: NAME(axis_group_density)(1, R, with_factors, n_features, x, x_stride, packed, l, stride); break;
        }
        packed += NAME(axis_size)(group, n_features, with_factors);
        k += group;
    }
}

/* x: (D, x_stride) columns of `rows` rows, a multiple of V_LANES. */
GMM_INLINE void NAME(axis_density)(const int with_factors, int64_t rows, int64_t n_points, int64_t n_features,
                                   const REAL *x, int64_t x_stride, const REAL *packed, REAL *density,
                                   int64_t stride) {
    int64_t i = 0;
    for (; i + AXIS_ROWS * V_LANES <= rows; i += AXIS_ROWS * V_LANES)
        NAME(axis_rows_density)(AXIS_ROWS, with_factors, n_points, n_features, x + i, x_stride, packed, density + i, stride);
    for (; i < rows; i += V_LANES)
        NAME(axis_rows_density)(1, with_factors, n_points, n_features, x + i, x_stride, packed, density + i, stride);
}

/* Rows of a tile of which every row takes `width` REALs: half of a usual second-level cache, and an even share of a
 * block, so that no tile is a short rest. */
static int64_t NAME(axis_tile_rows)(int64_t width) {
    const int64_t room = (int64_t)(384 * 1024 / sizeof(REAL)) / width, group = AXIS_ROWS * V_LANES;
    const int64_t most = room < group ? group : room, tiles = (GMM_BLOCK_ROWS + most - 1) / most;
    const int64_t rows = (GMM_BLOCK_ROWS + tiles - 1) / tiles;
    return (rows + group - 1) / group * group;
}
