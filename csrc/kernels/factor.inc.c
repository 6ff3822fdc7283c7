/* factor.inc.c: covariances of few factors and independent noise as a structure.
 *
 * Sums in double: n (K,), first (K, D), second (K, 1 + q, D). */

static void NAME(factor_flush)(int64_t K, int64_t D, const REAL *packed, const REAL *accumulator, double *partial) {
    const REAL *own = packed + NAME(axis_size)(K, D, 1);
    const int64_t q = (int64_t)own[1], width = NAME(lanes)(D);
    double *first = partial + K, *second = first + K * D;
    own += FACTOR_HEAD;
    for (int64_t k = 0; k < K; ++k, own += NAME(factor_component)(D, q), accumulator += NAME(factor_accumulator)(D, q)) {
        const REAL *sums = accumulator + V_LANES, *scale = own + 2;
        partial[k] = (double)v_sum(v_load(accumulator));
        for (int64_t j = 0; j < D; ++j) *first++ = (double)sums[j];
        for (int64_t j = 0; j < D; ++j) *second++ = (double)sums[width + j];
        for (int64_t a = 0; a < q; ++a)
            for (int64_t j = 0; j < D; ++j) *second++ = (double)sums[(2 + a) * width + j] * (double)scale[a];
    }
}

static void NAME(factor_import)(int64_t K, int64_t D, const gmm_statistics *statistics, double *total) {
    const int64_t seconds = K * (1 + statistics->n_factors) * D;
    for (int64_t k = 0; k < K; ++k) *total++ = statistics->n[k];
    for (int64_t t = 0; t < K * D; ++t) *total++ = statistics->first[t];
    for (int64_t t = 0; t < seconds; ++t) *total++ = statistics->second[t];
}

static void NAME(factor_export)(int64_t K, int64_t D, const double *total, gmm_statistics *statistics) {
    const int64_t seconds = K * (1 + statistics->n_factors) * D;
    for (int64_t k = 0; k < K; ++k) statistics->n[k] = *total++;
    for (int64_t t = 0; t < K * D; ++t) statistics->first[t] = *total++;
    for (int64_t t = 0; t < seconds; ++t) statistics->second[t] = *total++;
}

static const NAME(structure) NAME(factor) = {
    .sizes = NAME(factor_sizes),
    .layouts = COLUMNS_AND_ROWS,
    .needs_products = 1,
    .pack_factors = NAME(factor_pack_factors),
    .density = NAME(factor_density),
    .moments = NAME(factor_moments),
    .flush = NAME(factor_flush),
    .import = NAME(factor_import),
    .export = NAME(factor_export),
};
