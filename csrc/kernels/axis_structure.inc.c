/* axis_structure.inc.c: the structures whose whitener is diagonal: diagonal, spherical; and tied, once its rows are
 * whitened. They differ in what stands before the means in the packed factors (NAME(<name>_mean_at)) and in how many
 * second moments a component keeps; the rest is made here. */

static int64_t NAME(no_work)(int64_t n_components, int64_t n_features) {
    (void)n_components, (void)n_features;
    return 0;
}

static void NAME(axis_pack_means)(const gmm_factors *factors, REAL *mean) {
    for (int64_t t = 0; t < factors->n_components * factors->n_features; ++t) mean[t] = (REAL)factors->mean[t];
}

/* kind and seconds as in axis_moments.inc.c; work: the structure's work_size. */
#define AXIS_STRUCTURE(name, kind, seconds, work)                                                                  \
    static NAME(axis_shape) NAME(name##_shape)(int64_t K, int64_t D) { return NAME(axis_shape_of)(K, D, seconds); } \
    static int64_t NAME(name##_factor_size)(int64_t K, int64_t D) { return NAME(name##_mean_at)(K, D) + K * D; }   \
    static int64_t NAME(name##_total_size)(int64_t K, int64_t D) {                                                 \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        return NAME(axis_sums)(&shape);                                                                            \
    }                                                                                                              \
    static int64_t NAME(name##_accumulator_size)(int64_t K, int64_t D) {                                           \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        return NAME(axis_sums)(&shape) * shape.lanes;                                                              \
    }                                                                                                              \
    static void NAME(name##_moments)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed,             \
                                     const REAL *weight, REAL *accumulator) {                                      \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        NAME(axis_moments)(kind, &shape, tile, packed + NAME(name##_mean_at)(K, D), weight, accumulator);          \
    }                                                                                                              \
    static void NAME(name##_flush)(int64_t K, int64_t D, const REAL *packed, const REAL *accumulator,              \
                                   double *partial) {                                                              \
        (void)packed;                                                                                              \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        NAME(axis_flush)(&shape, accumulator, partial);                                                            \
    }                                                                                                              \
    static void NAME(name##_import)(int64_t K, int64_t D, const gmm_statistics *statistics, double *total) {       \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        NAME(axis_import)(&shape, statistics, total);                                                              \
    }                                                                                                              \
    static void NAME(name##_export)(int64_t K, int64_t D, const double *total, gmm_statistics *statistics) {       \
        const NAME(axis_shape) shape = NAME(name##_shape)(K, D);                                                   \
        NAME(axis_export)(&shape, total, statistics);                                                              \
    }                                                                                                              \
    static const NAME(structure) NAME(name) = {                                                                    \
        .tile_rows = NAME(name##_tile_rows),                                                                       \
        .factor_size = NAME(name##_factor_size),                                                                   \
        .pack_factors = NAME(name##_pack_factors),                                                                 \
        .density = NAME(name##_density),                                                                           \
        .accumulator_size = NAME(name##_accumulator_size),                                                         \
        .work_size = NAME(work),                                                                                   \
        .moments = NAME(name##_moments),                                                                           \
        .total_size = NAME(name##_total_size),                                                                     \
        .flush = NAME(name##_flush),                                                                               \
        .import = NAME(name##_import),                                                                             \
        .export = NAME(name##_export),                                                                             \
    };
