/* axis_structure.inc.c: the structures that work feature by feature: diagonal, spherical, tied, linear. They differ in their
 * packed factors, which the means end (not those of linear), in the density, and in the kind of their moments. */

static int64_t NAME(no_work)(int64_t n_components, int64_t n_features) {
    (void)n_components, (void)n_features;
    return 0;
}

static void NAME(axis_pack_means)(const gmm_factors *factors, REAL *mean) {
    for (int64_t t = 0; t < factors->n_components * factors->n_features; ++t) mean[t] = (REAL)factors->mean[t];
}

/* kind as in axis_moments.inc.c; work: the structure's work_size. */
#define AXIS_STRUCTURE(name, kind, work)                                                                       \
    static int64_t NAME(name##_tile_rows)(int64_t K, int64_t D) { return NAME(axis_tile_rows)(K + D); }        \
    static int64_t NAME(name##_total_size)(int64_t K, int64_t D) { return NAME(axis_total_size)(kind, K, D); } \
    static int64_t NAME(name##_accumulator_size)(int64_t K, int64_t D) {                                       \
        return NAME(axis_accumulator_size)(kind, K, D);                                                        \
    }                                                                                                          \
    static void NAME(name##_moments)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed,         \
                                     const REAL *weight, REAL *accumulator) {                                  \
        const REAL *mean = packed + NAME(name##_factor_size)(K, D) - K * D;                                    \
        NAME(axis_moments)(kind, K, D, tile, mean, weight, accumulator);                                       \
    }                                                                                                          \
    static void NAME(name##_flush)(int64_t K, int64_t D, const REAL *packed, const REAL *accumulator,          \
                                   double *partial) {                                                          \
        (void)packed;                                                                                          \
        NAME(axis_flush)(kind, K, D, accumulator, partial);                                                    \
    }                                                                                                          \
    static void NAME(name##_import)(int64_t K, int64_t D, const gmm_statistics *statistics, double *total) {   \
        NAME(axis_import)(kind, K, D, statistics, total);                                                      \
    }                                                                                                          \
    static void NAME(name##_export)(int64_t K, int64_t D, const double *total, gmm_statistics *statistics) {   \
        NAME(axis_export)(kind, K, D, total, statistics);                                                      \
    }                                                                                                          \
    static const NAME(structure) NAME(name) = {                                                                \
        .tile_rows = NAME(name##_tile_rows),                                                                   \
        .factor_size = NAME(name##_factor_size),                                                               \
        .pack_factors = NAME(name##_pack_factors),                                                             \
        .density = NAME(name##_density),                                                                       \
        .accumulator_size = NAME(name##_accumulator_size),                                                     \
        .work_size = NAME(work),                                                                               \
        .moments = NAME(name##_moments),                                                                       \
        .total_size = NAME(name##_total_size),                                                                 \
        .flush = NAME(name##_flush),                                                                           \
        .import = NAME(name##_import),                                                                         \
        .export = NAME(name##_export),                                                                         \
    };
