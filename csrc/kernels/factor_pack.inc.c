/* factor_pack.inc.c: covariances of few factors and independent noise, see factor.h: what of them is packed.
 *
 *     y = w (x - mean),  z_a = u_a . (x - mean),  lambda_a = |u_a / w|^2
 *     l = constant - |y|^2 + sum_a z_a^2 / (1 + lambda_a)                                          (Woodbury)
 *       = constant - |y - sum_a (u_a / w) z_a / lambda_a|^2 - sum_a z_a^2 / (lambda_a (1 + lambda_a))
 *                  + sum_b z_b^2 / (1 + lambda_b)                a: lambda_a > FACTOR_WEAK,  b: the others
 *
 * The first form loses digits where the signal is far above the noise: relative to |x - mean|^2 in the covariance's own
 * units its error is some eps lambda. So a component whose largest lambda exceeds FACTOR_SIGNAL takes the second, which
 * costs as many multiply-adds again as the products z. Which one depends on the factors alone.
 * Packed factors: what a diagonal covariance has, for y; the share of a sample weight that is negligible, and q; and of
 * every component: constant, 1 where it takes the second form, for each factor what turns the packed product into z and
 * 1 / lambda, or -1 of a weak one, the mean (D, rounded up), then per group of factors and feature the mean and the
 * group's weights, then per group of features means, w, and for each factor the weights of the second form. */

/* eps lambda: 1.5e-11 in double, 1e-4 in float. */
#if REAL_IS_FLOAT
#define FACTOR_SIGNAL 1024
#else
#define FACTOR_SIGNAL 65536
#endif

/* Directions are orthogonal up to eps sqrt(lambda_b / lambda_a) only: what the second form takes out along a weak one,
 * it may take out of a strong one once more. Weak ones keep the first form, which loses a bit of them at most. */
#define FACTOR_WEAK 1
#define FACTOR_HEAD 2

/* Factors in the group that starts when `left` of q are still to come: groups of nearly equal size. */
static inline int64_t NAME(factor_held)(int64_t q, int64_t left) {
    const int64_t groups = (q + V_OUT - 1) / V_OUT, each = (q + groups - 1) / groups;
    return left < each ? left : each;
}

static int64_t NAME(factor_groups)(int64_t q) {
    int64_t groups = 0;
    for (int64_t left = q; left > 0; left -= NAME(factor_held)(q, left)) ++groups;
    return groups;
}

static int64_t NAME(factor_component)(int64_t D, int64_t q) {
    return 2 + 2 * q + NAME(lanes)(D) + D * (NAME(factor_groups)(q) + q) + D * (2 + q);
}

static int64_t NAME(factor_accumulator)(int64_t D, int64_t q) { return V_LANES + (2 + q) * NAME(lanes)(D); }

/* A tile of which both layouts and the products leave room in a second-level cache. */
static int64_t NAME(factor_tile_rows)(int64_t K, int64_t D, int64_t q) {
    const int64_t group = V_ROWS * V_LANES, room = (int64_t)(640 * 1024 / sizeof(REAL)) / (2 * D + K * (q + 1));
    const int64_t rows = room < group ? group : room > LINE_TILE_ROWS ? LINE_TILE_ROWS : room;
    return rows / group * group;
}

static NAME(sizes) NAME(factor_sizes)(int64_t K, int64_t D, int64_t q) {
    const int64_t rows = NAME(factor_tile_rows)(K, D, q), stride = NAME(stride)(rows);
    return (NAME(sizes)){.tile_rows = rows,
                         .factors = NAME(axis_size)(K, D, 1) + FACTOR_HEAD + K * NAME(factor_component)(D, q),
                         .work = (K * q + 1) * stride,
                         .accumulator = K * NAME(factor_accumulator)(D, q),
                         .total = K * (1 + (2 + q) * D)};
}

static double NAME(factor_signal)(const double *w, const double *u, int64_t D) {
    double sum = 0;
    for (int64_t j = 0; j < D; ++j) sum += (u[j] / w[j]) * (u[j] / w[j]);
    return sum;
}

static void NAME(factor_pack_component)(const gmm_factors *factors, int64_t k, REAL *packed) {
    const int64_t D = factors->n_features, q = factors->n_factors, padded = NAME(lanes)(D);
    const double *w = factors->whitener + k * (1 + q) * D, *u = w + D, *mean = factors->mean + k * D;
    REAL *scale = packed + 2, *inverse = scale + q, *centre = inverse + q, *group = centre + padded;
    packed[0] = factors->log_constant ? (REAL)(factors->log_constant[k] * LOG2_E) : 0;
    packed[1] = 0;
    for (int64_t j = 0; j < padded; ++j) centre[j] = j < D ? (REAL)mean[j] : 0;
    for (int64_t from = 0, held; from < q; from += held) {
        held = NAME(factor_held)(q, q - from);
        for (int64_t j = 0; j < D; ++j) group[j * (1 + held)] = (REAL)mean[j];
        for (int64_t a = 0; a < held; ++a) {
            const double lambda = NAME(factor_signal)(w, u + (from + a) * D, D), root = sqrt(1 + lambda);
            scale[from + a] = (REAL)(root / SQRT_HALF_LOG2_E);
            inverse[from + a] = lambda > FACTOR_WEAK ? (REAL)(1 / lambda) : -1;
            if (lambda > FACTOR_SIGNAL) packed[1] = 1;
            for (int64_t j = 0; j < D; ++j)
                group[j * (1 + held) + 1 + a] = (REAL)(u[(from + a) * D + j] * (SQRT_HALF_LOG2_E / root));
        }
        group += D * (1 + held);
    }
    for (int64_t j = 0, F; packed[1] > 0 && j < D; j += F) {
        F = D - j < V_OUT ? 1 : V_OUT;
        for (int64_t f = 0; f < F; ++f) group[f] = (REAL)mean[j + f];
        for (int64_t f = 0; f < F; ++f) group[F + f] = (REAL)(w[j + f] * SQRT_HALF_LOG2_E);
        for (int64_t a = 0; a < q; ++a) {
            const double share = /* sqrt(1 + lambda) / lambda */
                inverse[a] > 0 ? (double)scale[a] * SQRT_HALF_LOG2_E * (double)inverse[a] : 0;
            for (int64_t f = 0; f < F; ++f) group[(2 + a) * F + f] = (REAL)(u[a * D + j + f] / w[j + f] * share);
        }
        group += (2 + q) * F;
    }
}

static void NAME(factor_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features, q = factors->n_factors;
    const NAME(axis_points) points = {.K = K,
                                      .D = D,
                                      .point = factors->mean,
                                      .factor = factors->whitener,
                                      .factor_step = (1 + q) * D,
                                      .log_constant = factors->log_constant};
    NAME(axis_pack)(&points, packed);
    packed += NAME(axis_size)(K, D, 1);
    *packed++ = factors->skipping == GMM_SKIP_NEVER ? 0 : (REAL)LINE_NEGLIGIBLE;
    *packed++ = (REAL)q;
    for (int64_t k = 0; k < K; ++k) NAME(factor_pack_component)(factors, k, packed + k * NAME(factor_component)(D, q));
}

#undef FACTOR_SIGNAL
