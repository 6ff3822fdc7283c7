/* skip_rehearsal.inc.c: whether skipping may pay, asked of a few typical rows that the factors themselves give. Where
 * it may, every block of rows is asked too (block_pays): its rows need not be typical.
 *
 *     x = mean_b + u,  u = W_b^-1 z,  z_j = 1 or -1,   log2 density of b at x = constant_b - D log2(e) / 2
 *
 * a row as far from b as rows of b are, for components b spread over all of them. How many components are live there,
 * at least 2^-SKIP_BITS of b's own term, and how many no plane excludes, is what a pass will meet. A plane of k is
 * l_k(mean_b) + (l_k(mean_b + u) - l_k(mean_b - u)) / 2, so three densities of k tell both.
 * Invariant: depends on the factors alone, so neither threads nor slices decide. */

enum { NAME(TYPICAL_ROWS) = (24 + V_LANES - 1) / V_LANES * V_LANES };

/* Owner of typical row i. */
static int64_t NAME(typical_owner)(const gmm_factors *factors, int64_t i) {
    int64_t b = i * factors->n_components / NAME(TYPICAL_ROWS);
    while (!(factors->log_constant[b] > -INFINITY)) b = (b + 1) % factors->n_components;
    return b;
}

/* Row i less its owner's mean, (D). */
static void NAME(typical_offset)(const gmm_factors *factors, int64_t i, double *offset) {
    const int64_t D = factors->n_features;
    const double *W = factors->whitener + NAME(typical_owner)(factors, i) * D * D;
    for (int64_t j = 0; j < D; ++j) {
        const uint64_t hash = (uint64_t)(i * D + j + 1) * UINT64_C(0x9e3779b97f4a7c15);
        double sum = hash >> 63 ? 1 : -1;
        for (int64_t l = 0; l < j; ++l) sum -= W[j * D + l] * offset[l];
        offset[j] = sum / W[j * D + j];
    }
}

/* The typical rows: mean - u, mean, mean + u in column (3, D, TYPICAL_ROWS), and what counts as nothing. */
static void NAME(typical_rows)(const gmm_factors *factors, REAL *column, double *offset, double *least) {
    enum { N = NAME(TYPICAL_ROWS) };
    const int64_t D = factors->n_features;
    for (int64_t i = 0; i < N; ++i) {
        const int64_t b = NAME(typical_owner)(factors, i);
        NAME(typical_offset)(factors, i, offset);
        for (int64_t j = 0; j < D; ++j)
            for (int64_t side = 0; side < 3; ++side)
                column[(side * D + j) * N + i] = (REAL)(factors->mean[b * D + j] + (double)(side - 1) * offset[j]);
        least[i] = (factors->log_constant[b] - (double)D / 2) * LOG2_E - SKIP_BITS;
    }
}

/* Densities of component k. */
static void NAME(typical_densities)(const gmm_factors *factors, const REAL *packed, int64_t k, REAL *column,
                                    REAL *density) {
    enum { N = NAME(TYPICAL_ROWS) };
    const int64_t K = factors->n_components, D = factors->n_features, size = NAME(full_factor)(D);
    const REAL *flag = packed + K * size, *bias = flag + K + k * D;
    const NAME(tile) tile = {.n_rows = N, .rows = N, .stride = N, .column = column};
    if (flag[k] >= FULL_AFFINE)
        NAME(full_affine_density)(&tile, D, packed + k * size, bias, density);
    else
        NAME(full_centred_density)(&tile, D, packed + k * size, density);
}

/* What skipping costs where n_rows have so many live components and survivors, as a share of what the dense kernel does.
 * Cycles of a row, from the work of each step: four flops a lane and cycle; the rest measured at D = 16, 39 and 64
 * (csrc/README.md). */
static double NAME(skip_cost)(const gmm_factors *factors, int64_t n_rows, int64_t n_live, int64_t n_survivors) {
    const double K = (double)factors->n_components, D = (double)factors->n_features, flops = 4 * V_LANES;
    const double live = (double)n_live / (double)n_rows, survivors = (double)n_survivors / (double)n_rows;
    const double dense = K * (2 * D * D + 6 * D + 42) / (0.78 * flops);
    const double planes = 60 + 2 * D + K * 2.5 * (2 * D + 16) / flops;
    const double met = survivors * (1.2 * D * D / flops + 0.5 * D + 20), added = live * (1.6 * D * D / flops + 8);
    return (planes + met + added) / dense;
}

/* With something to spare for rows that are not quite typical. column: (3, D, TYPICAL_ROWS), offset: (D), scratch. */
static int NAME(skip_pays)(const gmm_factors *factors, const REAL *packed, REAL *column, double *offset) {
    enum { N = NAME(TYPICAL_ROWS) };
    const int64_t K = factors->n_components, D = factors->n_features;
    const double curved = D <= NAME(CURVED_FEATURES) ? 0.45 : 0; /* typical share of a component's curvature */
    double least[N];
    REAL before[N], at[N], after[N];
    int64_t n_live = 0, n_survivors = 0;
    NAME(typical_rows)(factors, column, offset, least);
    for (int64_t k = 0; k < K; ++k) {
        NAME(typical_densities)(factors, packed, k, column + 2 * D * N, after);
        for (int64_t i = 0; i < N; ++i) n_live += !((double)after[i] < least[i]);
    }
    if (!(NAME(skip_cost)(factors, N, n_live, n_live) < 0.95)) return 0;
    for (int64_t k = 0; k < K; ++k) {
        NAME(typical_densities)(factors, packed, k, column, before);
        NAME(typical_densities)(factors, packed, k, column + D * N, at);
        NAME(typical_densities)(factors, packed, k, column + 2 * D * N, after);
        for (int64_t i = 0; i < N; ++i) {
            const double l = (double)after[i], top = (double)at[i], middle = (l + (double)before[i]) / 2;
            const double plane = top + l - middle, curve = top - middle;
            n_survivors += !(l < least[i]) || !(plane - curved * curve < least[i]);
        }
    }
    return NAME(skip_cost)(factors, N, n_live, n_survivors) < 0.95;
}
