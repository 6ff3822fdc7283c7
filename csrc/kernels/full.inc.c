/* full.inc.c: full covariances as a structure; D <= FULL_SMALL is compiled for each D.
 *
 * A component's reach q = sum_j mean_j^2 sum_i W_ij^2 says how far the frame's centre lies from its mean in units of its
 * spread. Where q <= FULL_REACH the densities and, for moderate D, the moments are evaluated about the frame's centre:
 * rounding of the second moments about the mean, in nats, is then some eps q instead of some eps D, and the moments'
 * bound holds for the densities too, whose error grows with sqrt(q) only. Farther components keep the centred forms. */

/* eps q: 1.8e-12 in double, 3e-5 in float. */
#if REAL_IS_FLOAT
#define FULL_REACH 512
#else
#define FULL_REACH 16384
#endif

/* Rows that keep the row layout and its centred copy in a first-level cache of 48 KB, while the sums of a component,
 * read and written once a tile, still cost little: 72 to 144 measured best from D = 9 to 256. */
static int64_t NAME(full_tile_rows)(int64_t n_components, int64_t n_features) {
    const int64_t group = V_ROWS * V_LANES, fitting = (int64_t)(40 * 1024 / (2 * sizeof(REAL))) / n_features;
    const int64_t rows = fitting < 72 ? 72 : fitting > 144 ? 144 : fitting;
    (void)n_components;
    if (n_features <= FULL_MONOMIAL_FEATURES) return 128;
    return (rows + group - 1) / group * group;
}

/* Factors of the components, then their flags (K), then their biases (K, D). */
static int64_t NAME(full_factor_size)(int64_t n_components, int64_t n_features) {
    return n_components * (NAME(full_factor)(n_features) + 1 + n_features);
}

/* Without log constants and whitener (moments of given responsibilities) only the means are packed. */
static void NAME(full_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    for (int64_t k = 0; k < K; ++k) {
        const double *W = factors->whitener ? factors->whitener + k * D * D : NULL;
        *packed++ = factors->log_constant ? (REAL)(factors->log_constant[k] * LOG2_E) : 0;
        for (int64_t j = 0; j < D; ++j) *packed++ = (REAL)factors->mean[k * D + j];
        for (int64_t before = 0, out = D % V_OUT; before < D; before += out, out = V_OUT) {
            if (out == 0) continue;
            for (int64_t j = 0; j < before + out; ++j)
                for (int64_t i = before > j ? before : j; i < before + out; ++i)
                    *packed++ = W ? (REAL)(W[i * D + j] * SQRT_HALF_LOG2_E) : 0;
        }
    }
    for (int64_t k = 0; k < K; ++k) packed[k] = FULL_CENTRED;
}

/* sum_j w_j m_j of n features and, added to *square, the sum of the squares; a few side by side, or it would be a chain. */
static double NAME(full_image)(int64_t n, const double *w, const double *m, double *square) {
    enum { SIDE_BY_SIDE = 8 };
    double sum[SIDE_BY_SIDE] = {0}, squares[SIDE_BY_SIDE] = {0};
    for (int64_t j = 0; j < n; j += SIDE_BY_SIDE)
        for (int64_t l = 0; l < SIDE_BY_SIDE && j + l < n; ++l) {
            const double term = w[j + l] * m[j + l];
            sum[l] += term;
            squares[l] += term * term;
        }
    for (int l = 1; l < SIDE_BY_SIDE; ++l) {
        sum[0] += sum[l];
        squares[0] += squares[l];
    }
    *square += squares[0];
    return sum[0];
}

static void NAME(full_shorten)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    REAL *flag = packed + K * NAME(full_factor)(D), *bias = flag + K;
    int64_t near = 0;
    if (!factors->whitener) return;
    for (int64_t k = 0; k < K; ++k, bias += D) {
        const double *W = factors->whitener + k * D * D, *mean = factors->mean + k * D;
        double reach = 0;
        for (int64_t i = 0; i < D; ++i)
            bias[i] = (REAL)(-NAME(full_image)(i + 1, W + i * D, mean, &reach) * SQRT_HALF_LOG2_E);
        if (!(reach <= FULL_REACH)) continue; /* nor where it is not a number */
        flag[k] = FULL_AFFINE;
        ++near;
    }
    for (int64_t k = 0; k < K && near >= FULL_MONOMIAL_COMPONENTS && D <= FULL_MONOMIAL_FEATURES; ++k)
        if (flag[k] >= FULL_AFFINE) flag[k] = FULL_MONOMIALS;
}

static void NAME(full_density)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                               REAL *density) {
    const int64_t size = NAME(full_factor)(n_features);
    const REAL *flag = packed + n_components * size, *bias = flag + n_components;
    /* the rows that take the place of these, spread over the components: a burst would stall */
    const int64_t line = (int64_t)GMM_CACHE_LINE, bytes = tile->ahead ? tile->rows * tile->ahead_step : 0;
    const int64_t share = (bytes / n_components / line + 1) * line;
    for (int64_t k = 0; k < n_components; ++k, packed += size, bias += n_features, density += tile->stride) {
        for (int64_t b = k * share; b < bytes && b < (k + 1) * share; b += line) GMM_PREFETCH(tile->ahead + b);
        if (flag[k] >= FULL_AFFINE)
            NAME(full_affine_density)(tile, n_features, packed, bias, density);
        else
            NAME(full_centred_density)(tile, n_features, packed, density);
    }
}

static int64_t NAME(full_work_size)(int64_t n_components, int64_t n_features) {
    const int64_t rows = NAME(full_tile_rows)(n_components, n_features);
    const int64_t centred = NAME(full_centred_work)(rows, n_features), monomial = NAME(monomial_work)(rows);
    return centred > monomial ? centred : monomial;
}

/* REALs of one component's sums, in either form. */
static int64_t NAME(full_sums)(int64_t n_features) {
    const int64_t centred = NAME(full_centred_size)(n_features), monomial = NAME(monomial_size)(n_features);
    return centred > monomial ? centred : monomial;
}

static int64_t NAME(full_accumulator_size)(int64_t n_components, int64_t n_features) {
    return n_components * NAME(full_sums)(n_features);
}

static void NAME(full_moments)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                               const REAL *weight, REAL *accumulator) {
    const int64_t factor = NAME(full_factor)(n_features), size = NAME(full_sums)(n_features);
    const REAL *flag = packed + n_components * factor;
    for (int64_t k = 0; k < n_components; ++k)
        if (flag[k] < FULL_MONOMIALS)
            NAME(full_centred_moments)(tile, n_features, packed + k * factor + 1, weight + k * tile->stride,
                                       accumulator + k * size);
    NAME(monomial_moments)(tile, n_components, n_features, flag, weight, accumulator, size);
}

static void NAME(full_flush)(int64_t n_components, int64_t n_features, const REAL *packed, const REAL *accumulator,
                             double *partial) {
    const int64_t factor = NAME(full_factor)(n_features), size = NAME(full_sums)(n_features);
    const REAL *flag = packed + n_components * factor;
    for (int64_t k = 0; k < n_components; ++k, packed += factor, accumulator += size, partial += factor) {
        if (flag[k] >= FULL_MONOMIALS)
            NAME(monomial_flush)(n_features, packed + 1, accumulator, partial);
        else
            NAME(full_centred_flush)(n_features, accumulator, partial);
    }
}

#define SMALL(d)                                                                                                 \
    static int NAME(small_responsibilities_##d)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, \
                                                const REAL *packed, const REAL *weight, REAL *table,             \
                                                REAL *log_density, REAL *label) {                                \
        (void)n_features;                                                                                        \
        return NAME(small_responsibilities)(d, tile, n_components, packed, weight, table, log_density, label);   \
    }                                                                                                            \
    static void NAME(small_density_##d)(const NAME(tile) *tile, int64_t n_components, int64_t n_features,       \
                                        const REAL *packed, REAL *density) {                                    \
        (void)n_features;                                                                                        \
        NAME(small_density)(d, tile, n_components, packed, density);                                             \
    }                                                                                                            \
    static void NAME(small_moments_##d)(const NAME(tile) *tile, int64_t n_components, int64_t n_features,       \
                                        const REAL *packed, const REAL *weight, REAL *accumulator) {            \
        (void)n_features;                                                                                        \
        NAME(small_moments)(d, tile, n_components, packed, weight, accumulator);                                 \
    }
SMALL(1) SMALL(2) SMALL(3) SMALL(4)
#if V_REGISTERS >= 32
SMALL(5) SMALL(6) SMALL(7) SMALL(8)
#endif
#undef SMALL

static const NAME(structure) *NAME(full)(int64_t n_features) {
#define SMALL(d)                                                                                                      \
    {.tile_rows = NAME(small_tile_rows),           .factor_size = NAME(small_factor_size),                            \
     .pack_factors = NAME(small_pack_factors),     .responsibilities = NAME(small_responsibilities_##d),              \
     .work_size = NAME(small_work_size),           .accumulator_size = NAME(small_accumulator_size),                  \
     .density = NAME(small_density_##d),                                                                              \
     .moments = NAME(small_moments_##d),           .total_size = NAME(small_factor_size),                             \
     .flush = NAME(small_flush),                   .import = NAME(small_import),                                      \
     .export = NAME(small_export)}
    static const NAME(structure) small[FULL_SMALL] = {
        SMALL(1), SMALL(2), SMALL(3), SMALL(4),
#if V_REGISTERS >= 32
        SMALL(5), SMALL(6), SMALL(7), SMALL(8),
#endif
    };
#undef SMALL
    static const NAME(structure) any = {
        .tile_rows = NAME(full_tile_rows),
        .layouts = COLUMNS_AND_ROWS,
        .can_skip = 1,
        .factor_size = NAME(full_factor_size),
        .pack_factors = NAME(full_pack_factors),
        .shorten = NAME(full_shorten),
        .density = NAME(full_density),
        .accumulator_size = NAME(full_accumulator_size),
        .work_size = NAME(full_work_size),
        .moments = NAME(full_moments),
        .total_size = NAME(small_factor_size),
        .flush = NAME(full_flush),
        .import = NAME(small_import),
        .export = NAME(small_export),
    };
    return n_features <= FULL_SMALL ? &small[n_features - 1] : &any;
}

#undef FULL_REACH
