/* spherical.inc.c: one variance per component.
 *
 *     l_ik = constant_k - w_k^2 sum_j (x_ij - mean_kj)^2,  w = sqrt(log2(e) / 2) / sd
 *
 * Packed factors: points, then the means again (K, D) for the moments. */

static int64_t NAME(spherical_factor_size)(int64_t K, int64_t D) { return NAME(axis_size)(K, D, 0) + K * D; }

static void NAME(spherical_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const int64_t K = factors->n_components, D = factors->n_features;
    const NAME(axis_points) points = {.K = K,
                                      .D = D,
                                      .point = factors->mean,
                                      .log_constant = factors->log_constant,
                                      .inverse_sd = factors->whitener};
    NAME(axis_pack)(&points, packed);
    NAME(axis_pack_means)(factors, packed + NAME(axis_size)(K, D, 0));
}

static void NAME(spherical_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    NAME(axis_density)(AXIS_PLAIN, tile, tile->column, K, D, packed, density);
}

AXIS_STRUCTURE(spherical, 1, no_work)
