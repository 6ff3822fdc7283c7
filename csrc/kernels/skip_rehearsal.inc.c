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

/* V_LANES rows from `first` on, less the mean of the owner whose whitener is W: offset (D, V_LANES). */
static void NAME(typical_offsets)(int64_t D, const double *W, int64_t first, REAL *offset) {
    for (int64_t j = 0; j < D; ++j) {
        REAL sign[V_LANES];
        for (int64_t i = 0; i < V_LANES; ++i) {
            const uint64_t hash = (uint64_t)((first + i) * D + j + 1) * UINT64_C(0x9e3779b97f4a7c15);
            sign[i] = hash >> 63 ? 1 : -1;
        }
        vec sum = v_load(sign);
        for (int64_t l = 0; l < j; ++l) sum = v_fnma(v_set1((REAL)W[j * D + l]), v_load(offset + l * V_LANES), sum);
        v_store(offset + j * V_LANES, v_div(sum, v_set1((REAL)W[j * D + j])));
    }
}

/* The typical rows: mean - u, mean, mean + u in column (3, D, TYPICAL_ROWS), and what counts as nothing. */
static void NAME(typical_rows)(const gmm_factors *factors, REAL *column, REAL *offset, double *least) {
    enum { N = NAME(TYPICAL_ROWS) };
    const int64_t D = factors->n_features;
    for (int64_t from = 0, to; from < N; from = to) {
        const int64_t b = NAME(typical_owner)(factors, from);
        for (to = from + 1; to < N && to - from < V_LANES && NAME(typical_owner)(factors, to) == b; ++to) continue;
        NAME(typical_offsets)(D, factors->whitener + b * D * D, from, offset);
        for (int64_t j = 0; j < D; ++j)
            for (int64_t side = 0; side < 3; ++side)
                for (int64_t i = from; i < to; ++i)
                    column[(side * D + j) * N + i] =
                        (REAL)factors->mean[b * D + j] + (REAL)(side - 1) * offset[j * V_LANES + i - from];
        for (int64_t i = from; i < to; ++i) least[i] = (factors->log_constant[b] - (double)D / 2) * LOG2_E - SKIP_BITS;
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

/* Rows of a batch, at most a block: as many as fit BATCH_BYTES in the row layout, at least BATCH_LEAST, for sums of many
 * features are far away, and a batch reads them all. */
static int64_t NAME(skip_batch_rows)(int64_t n_features) {
    enum { BATCH_BYTES = 512 * 1024, BATCH_LEAST = 256 };
    int64_t rows = GMM_BLOCK_ROWS;
    while (rows > BATCH_LEAST && rows * n_features * (int64_t)sizeof(REAL) > BATCH_BYTES) rows /= 2;
    return rows;
}

/* What skipping costs where n_rows have so many live components and survivors, as a share of what the dense kernel does.
 * Cycles of a row, from the work of each step: four flops a lane and cycle; the rest measured at D = 16, 39 and 64
 * (csrc/README.md). Sums of all components that fit no cache (4 MB) are read and written once a batch. */
static double NAME(skip_cost)(const gmm_factors *factors, int64_t n_rows, int64_t n_live, int64_t n_survivors) {
    const double K = (double)factors->n_components, D = (double)factors->n_features, flops = 4 * V_LANES;
    const double live = (double)n_live / (double)n_rows, survivors = (double)n_survivors / (double)n_rows;
    const double dense = K * (2 * D * D + 6 * D + 42) / (0.78 * flops);
    const double planes = 60 + 2 * D + K * 2.5 * (2 * D + 16) / flops;
    const double met = survivors * (1.2 * D * D / flops + 0.5 * D + 20), added = live * (1.6 * D * D / flops + 8);
    const double sums = K * D * (D + 1) / 2, near = 1 << 19, batch = (double)NAME(skip_batch_rows)(factors->n_features);
    const double far = sums > near ? 10 * sums / batch : 0;
    return (planes + met + added + far) / dense;
}

/* With something to spare for rows that are not quite typical. column: (3, D, TYPICAL_ROWS), offset: (D, V_LANES),
 * scratch. */
static int NAME(skip_pays)(const gmm_factors *factors, const REAL *packed, REAL *column, REAL *offset) {
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
