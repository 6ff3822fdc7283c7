/* distance.inc.c: a tile's rows against K points, feature by feature: what diagonal, spherical and tied densities and
 * k-means have in common.
 *
 *     AXIS_PLAIN    q_ik = sum_j (x_ij - m_kj)^2
 *     AXIS_SCALED   q_ik = sum_j (f_kj (x_ij - m_kj))^2
 *     AXIS_LINEAR   q_ik = constant_k + sum_j x_ij m_kj
 *
 * Points in groups of up to V_OUT, rows in groups of AXIS_ROWS vectors: a group keeps its sums in registers and runs
 * once over the features. Packed group of c points: constant (c), square (c), then per feature m (c) and f (c).
 * Invariant: a row's sum runs over the features in order, whatever group of rows or points it stands in. */

#define AXIS_PLAIN 0
#define AXIS_SCALED 1
#define AXIS_LINEAR 2

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

/* What axis_pack packs, all in double: points (K, D) times unit, turned by whitener (D, D) if that is given; factor
 * (K, D) or NULL for none; log_constant (K,) or NULL for 0; inverse_sd (K,) or NULL for a square of 1. Factors, squares
 * and constants are for log2-densities. */
typedef struct {
    int64_t K, D;
    const double *point, *whitener, *factor, *log_constant, *inverse_sd;
    int64_t factor_step; /* doubles from a point's factors to the next's; 0 stands for D */
    double unit; /* 0 stands for 1 */
} NAME(axis_points);

static double NAME(axis_coordinate)(const NAME(axis_points) *p, int64_t k, int64_t j) {
    const double *point = p->point + k * p->D, unit = p->unit != 0 ? p->unit : 1;
    if (!p->whitener) return point[j] * unit;
    double y = 0;
    for (int64_t i = 0; i <= j; ++i) y += p->whitener[j * p->D + i] * unit * point[i];
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
                *packed++ = (REAL)(p->factor[(k + c) * (p->factor_step ? p->factor_step : p->D) + j] * SQRT_HALF_LOG2_E);
        }
    }
    return packed;
}

/* C points and R row vectors from x on. Per feature `reach` bytes from ahead on are asked for. */
GMM_INLINE void NAME(distances)(const int C, const int R, const int form, int64_t n_features, const REAL *x,
                                int64_t stride, const REAL *group, const unsigned char *ahead, int64_t reach,
                                vec (*q)[AXIS_ROWS]) {
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) q[c][r] = form == AXIS_LINEAR ? v_set1(group[c]) : v_zero();
    }
    const REAL *p = group + 2 * C;
    for (int64_t j = 0; j < n_features; ++j, x += stride, p += C * (form == AXIS_SCALED ? 2 : 1)) {
        vec xj[AXIS_ROWS];
        for (int64_t b = 0; b < reach; b += (int64_t)GMM_CACHE_LINE) GMM_PREFETCH(ahead + j * reach + b);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) xj[r] = v_load(x + r * V_LANES);
        GMM_UNROLL
        for (int c = 0; c < C; ++c) {
            const vec point = v_set1(p[c]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) {
                if (form == AXIS_LINEAR) {
                    q[c][r] = v_fma(xj[r], point, q[c][r]);
                } else {
                    vec y = v_sub(xj[r], point);
                    if (form == AXIS_SCALED) y = v_mul(y, v_set1(p[C + c]));
                    q[c][r] = v_fma(y, y, q[c][r]);
                }
            }
        }
    }
}

/* The group of C points that starts with point k: log2-densities of R row vectors from row i on, constant - square q or
 * the linear form itself. Meanwhile its share of the next tile's rows is asked for. */
GMM_INLINE void NAME(axis_group_density)(const int C, const int R, const int form, const NAME(tile) *tile,
                                         const REAL *x, int64_t i, int64_t k, int64_t n_points, int64_t n_features,
                                         const REAL *group, REAL *density) {
    const int64_t stride = tile->stride, bytes = tile->ahead ? R * V_LANES * tile->ahead_step : 0;
    const int64_t reach = (bytes * C + n_points * n_features - 1) / (n_points * n_features);
    vec q[V_OUT][AXIS_ROWS];
    NAME(distances)(C, R, form, n_features, x + i, stride, group,
                    tile->ahead + (bytes ? i * tile->ahead_step + bytes * k / n_points : 0), reach, q);
    GMM_UNROLL
    for (int c = 0; c < C; ++c) {
        const vec constant = v_set1(group[c]), square = v_set1(group[C + c]);
        GMM_UNROLL
        for (int r = 0; r < R; ++r)
            v_store(density + (k + c) * stride + i + r * V_LANES,
                    form == AXIS_LINEAR ? q[c][r] : v_fnma(square, q[c][r], constant));
    }
}

GMM_INLINE void NAME(axis_rows_density)(const int R, const int form, const NAME(tile) *tile, const REAL *x,
                                        int64_t i, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    for (int64_t k = 0, group; k < K; packed += NAME(axis_size)(group, D, form == AXIS_SCALED), k += group) {
        group = NAME(axis_group)(K - k);
        switch (group) {
#if V_OUT == 8
        case 8: NAME(axis_group_density)(8, R, form, tile, x, i, k, K, D, packed, density); break;
#endif
        case 4: NAME(axis_group_density)(4, R, form, tile, x, i, k, K, D, packed, density); break;
        case 2: NAME(axis_group_density)(2, R, form, tile, x, i, k, K, D, packed, density); break;
        default: NAME(axis_group_density)(1, R, form, tile, x, i, k, K, D, packed, density); break;
        }
    }
}

/* x: the tile's columns, or others in their place. */
GMM_INLINE void NAME(axis_density)(const int form, const NAME(tile) *tile, const REAL *x, int64_t K, int64_t D,
                                   const REAL *packed, REAL *density) {
    int64_t i = 0;
    for (; i + AXIS_ROWS * V_LANES <= tile->rows; i += AXIS_ROWS * V_LANES)
        NAME(axis_rows_density)(AXIS_ROWS, form, tile, x, i, K, D, packed, density);
    for (; i < tile->rows; i += V_LANES) NAME(axis_rows_density)(1, form, tile, x, i, K, D, packed, density);
}

/* Rows of a tile of which every row takes `width` REALs: as many as half of a usual second-level cache holds, but no
 * more than AXIS_TILE_ROWS, since the next tile is read meanwhile, and an even share of a block, so that no tile is a
 * short rest. */
#define AXIS_TILE_ROWS 192
static int64_t NAME(axis_tile_rows)(int64_t width) {
    const int64_t room = (int64_t)(512 * 1024 / sizeof(REAL)) / width, group = AXIS_ROWS * V_LANES;
    const int64_t fitting = room < AXIS_TILE_ROWS ? room : AXIS_TILE_ROWS;
    const int64_t most = fitting < group ? group : fitting, tiles = (GMM_BLOCK_ROWS + most - 1) / most;
    const int64_t rows = (GMM_BLOCK_ROWS + tiles - 1) / tiles;
    return (rows + group - 1) / group * group;
}
