/* skip_rehearsal.inc.c: whether skipping pays, asked of a few typical rows that the factors themselves give.
 *
 *     x = mean_b + W_b^-1 z,   z_j = 1 or -1,   log2 density of b at x = constant_b - D log2(e) / 2
 *
 * a row as far from b as rows of b are, for components b spread over all of them. The share of components that are
 * live there, at least 2^-SKIP_BITS of b's own term, is the share of the moments' work that skipping leaves.
 * Invariant: depends on the factors alone, so neither rows nor threads nor slices decide which kernel runs. */

enum {
    NAME(TYPICAL_LEAST) = 24,
    NAME(TYPICAL_GROUP) = V_ROWS * V_LANES,
    NAME(TYPICAL_ROWS) =
        (NAME(TYPICAL_LEAST) + NAME(TYPICAL_GROUP) - 1) / NAME(TYPICAL_GROUP) * NAME(TYPICAL_GROUP)
};

/* Largest live share at which skipping was no slower than dense on every shape measured. Whole vectors must agree to
 * leave, so twice as many lanes pay less often. */
#define SKIP_PAYS (REAL_IS_FLOAT ? 0.08 : 0.35)

/* Row i from component b into column layout; offset: (D) doubles of scratch. */
static void NAME(typical_row)(const gmm_factors *factors, int64_t b, int64_t i, double *offset, REAL *column) {
    const int64_t D = factors->n_features;
    const double *W = factors->whitener + b * D * D;
    for (int64_t j = 0; j < D; ++j) {
        const uint64_t hash = (uint64_t)(i * D + j + 1) * UINT64_C(0x9e3779b97f4a7c15);
        double sum = hash >> 63 ? 1 : -1;
        for (int64_t l = 0; l < j; ++l) sum -= W[j * D + l] * offset[l];
        offset[j] = sum / W[j * D + j];
        column[j * NAME(TYPICAL_ROWS) + i] = (REAL)(factors->mean[b * D + j] + offset[j]);
    }
}

/* column: (D, TYPICAL_ROWS) and offset: (D) are scratch. */
static int NAME(skip_pays)(const gmm_factors *factors, const REAL *packed, REAL *column, double *offset) {
    enum { N = NAME(TYPICAL_ROWS), GROUP = NAME(TYPICAL_GROUP) };
    const int64_t K = factors->n_components, D = factors->n_features, size = NAME(full_factor)(D);
    const REAL *flag = packed + K * size, *bias = flag + K;
    REAL reference[N], density[GROUP];
    int64_t live = 0;
    for (int64_t i = 0; i < N; ++i) {
        int64_t b = i * K / N;
        while (!(factors->log_constant[b] > -INFINITY)) b = (b + 1) % K;
        NAME(typical_row)(factors, b, i, offset, column);
        reference[i] = (REAL)((factors->log_constant[b] - (double)D / 2) * LOG2_E);
    }
    for (int64_t k = 0; k < K; ++k)
        for (int64_t i = 0; i < N; i += GROUP) {
            if (!NAME(whiten_until)(D, column + i, N, packed + k * size, flag[k], bias + k * D, reference + i, density)) continue;
            for (int64_t l = 0; l < GROUP; ++l) live += !(density[l] < reference[i + l] - SKIP_BITS);
        }
    return (double)live <= SKIP_PAYS * (double)(N * K);
}

#undef SKIP_PAYS
