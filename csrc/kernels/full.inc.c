/* full.inc.c: full covariances as a structure; D <= FULL_SMALL is compiled for each D. */

/* Rows that keep the row layout and its centred copy in a first-level cache of 48 KB, while the sums of a component,
 * read and written once a tile, still cost little: 72 to 144 measured best from D = 9 to 256. */
static int64_t NAME(full_tile_rows)(int64_t n_components, int64_t n_features) {
    const int64_t group = V_ROWS * V_LANES, fitting = (int64_t)(40 * 1024 / (2 * sizeof(REAL))) / n_features;
    const int64_t rows = fitting < 72 ? 72 : fitting > 144 ? 144 : fitting;
    (void)n_components;
    return (rows + group - 1) / group * group;
}

static int64_t NAME(full_work_size)(int64_t n_components, int64_t n_features) {
    const int64_t rows = NAME(full_tile_rows)(n_components, n_features), padded = NAME(lanes)(n_features);
    return NAME(lanes)(rows) + padded + rows * NAME(stride)(padded);
}

static int64_t NAME(full_accumulator_size)(int64_t n_components, int64_t n_features) {
    return n_components * NAME(full_component_size)(n_features);
}

static void NAME(full_flush)(int64_t n_components, int64_t n_features, const REAL *accumulator, double *partial) {
    const int64_t size = NAME(full_component_size)(n_features);
    for (int64_t k = 0; k < n_components; ++k, accumulator += size, partial += size) {
        for (int64_t s = 1; s < size; ++s) partial[s] = (double)accumulator[s];
        partial[0] = (double)v_sum(v_load(accumulator));
        for (int64_t lane = 1; lane < V_LANES; ++lane) partial[lane] = 0;
    }
}

/* Where the pair i >= j stands, from the start of a component. */
static int64_t NAME(full_slot)(int64_t n_features, int64_t i, int64_t j) {
    const int64_t I = i / V_LANES, J = j / V_LANES, a = i % V_LANES, b = j % V_LANES;
    const int64_t block = V_LANES + NAME(lanes)(n_features) + NAME(full_second_at)(I);
    if (I > J) return block + (NAME(FULL_ROTATIONS) + a * I + J) * V_LANES + b;
    const int64_t apart = a - b; /* lane b times lane b + apart, or the other way round when that is nearer */
    return apart < NAME(FULL_ROTATIONS) ? block + apart * V_LANES + b : block + (V_LANES - apart) * V_LANES + a;
}

static void NAME(full_import)(int64_t n_components, int64_t n_features, const gmm_statistics *statistics,
                              double *total) {
    const int64_t D = n_features, size = NAME(full_component_size)(D);
    memset(total, 0, (size_t)(n_components * size) * sizeof *total);
    for (int64_t k = 0; k < n_components; ++k, total += size) {
        total[0] = statistics->n[k];
        for (int64_t j = 0; j < D; ++j) total[V_LANES + j] = statistics->first[k * D + j];
        for (int64_t i = 0; i < D; ++i)
            for (int64_t j = 0; j <= i; ++j) total[NAME(full_slot)(D, i, j)] = statistics->second[(k * D + i) * D + j];
    }
}

static void NAME(full_export)(int64_t n_components, int64_t n_features, const double *total,
                              gmm_statistics *statistics) {
    const int64_t D = n_features, size = NAME(full_component_size)(D);
    for (int64_t k = 0; k < n_components; ++k, total += size) {
        double *second = statistics->second + k * D * D;
        statistics->n[k] = total[0];
        for (int64_t j = 0; j < D; ++j) statistics->first[k * D + j] = total[V_LANES + j];
        for (int64_t i = 0; i < D; ++i)
            for (int64_t j = 0; j <= i; ++j) second[i * D + j] = second[j * D + i] = total[NAME(full_slot)(D, i, j)];
    }
}

#define SMALL(d)                                                                                                 \
    static int NAME(small_responsibilities_##d)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, \
                                                const REAL *packed, const REAL *weight, REAL *table,             \
                                                REAL *log_density, REAL *label) {                                \
        (void)n_features;                                                                                        \
        return NAME(small_responsibilities)(d, tile, n_components, packed, weight, table, log_density, label);   \
    }                                                                                                            \
    static void NAME(small_moments_##d)(const NAME(tile) *tile, int64_t n_components, int64_t n_features,       \
                                        const REAL *packed, const REAL *weight, REAL *accumulator) {            \
        (void)n_features;                                                                                        \
        NAME(small_moments)(d, tile, n_components, packed, weight, accumulator);                                 \
    }
SMALL(1) SMALL(2) SMALL(3) SMALL(4) SMALL(5) SMALL(6) SMALL(7) SMALL(8)
#undef SMALL

static const NAME(structure) *NAME(full)(int64_t n_features) {
#define SMALL(d)                                                                                                      \
    {.tile_rows = NAME(small_tile_rows),           .factor_size = NAME(small_factor_size),                            \
     .pack_factors = NAME(small_pack_factors),     .responsibilities = NAME(small_responsibilities_##d),              \
     .work_size = NAME(small_work_size),           .accumulator_size = NAME(small_accumulator_size),                  \
     .moments = NAME(small_moments_##d),           .total_size = NAME(small_factor_size),                             \
     .flush = NAME(small_flush),                   .import = NAME(small_import),                                      \
     .export = NAME(small_export)}
    static const NAME(structure) small[FULL_SMALL] = {SMALL(1), SMALL(2), SMALL(3), SMALL(4),
                                                      SMALL(5), SMALL(6), SMALL(7), SMALL(8)};
#undef SMALL
    static const NAME(structure) any = {
        .tile_rows = NAME(full_tile_rows),
        .row_major = 1,
        .factor_size = NAME(full_factor_size),
        .pack_factors = NAME(full_pack_factors),
        .density = NAME(full_density),
        .accumulator_size = NAME(full_accumulator_size),
        .work_size = NAME(full_work_size),
        .moments = NAME(full_moments),
        .total_size = NAME(full_accumulator_size),
        .flush = NAME(full_flush),
        .import = NAME(full_import),
        .export = NAME(full_export),
    };
    return n_features <= FULL_SMALL ? &small[n_features - 1] : &any;
}
