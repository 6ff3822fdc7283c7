/* diag.inc.c: diagonal covariances.
 *
 *     l_ik = constant_k - sum_j (w_kj (x_ij - mean_kj))^2,  w = sqrt(log2(e) / 2) / sd
 *
 * Packed factors: points with a factor per feature, then the means again (K, D) for the moments. */

static int64_t NAME(diag_factor_size)(int64_t K, int64_t D) { return NAME(axis_size)(K, D, 1) + K * D; }

static void NAME(diag_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    const NAME(axis_points) points = {.K = K,
                                      .D = D,
                                      .point = factors->mean,
                                      .factor = factors->whitener,
                                      .log_constant = factors->log_constant};
    if (factors->whitener) NAME(axis_pack)(&points, packed);
    NAME(axis_pack_means)(factors, packed + NAME(axis_size)(K, D, 1));
}

static void NAME(diag_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    NAME(axis_density)(AXIS_SCALED, tile, tile->column, K, D, packed, density);
}

AXIS_STRUCTURE(diag, 2, no_work)
