/* linear.inc.c: one covariance for all components, the square expanded and what all components share of it left out.
 *
 *     l_ik = constant_k + sum_j slope_kj x_ij,       first_kj = sum_i r_ik x_ij
 *
 * Two products of matrices. Whoever expands the square sees to it that no digits are lost (gmm/expansion.py). Second
 * moments are not kept: the pooled scatter is total minus between.
 * Packed factors: the slopes as points. */

static int64_t NAME(linear_factor_size)(int64_t K, int64_t D) { return NAME(axis_size)(K, D, 0); }

static void NAME(linear_pack_factors)(const gmm_factors *factors, REAL *packed) {
    const NAME(axis_points) points = {.K = factors->n_components,
                                      .D = factors->n_features,
                                      .point = factors->whitener,
                                      .log_constant = factors->log_constant,
                                      .unit = LOG2_E};
    NAME(axis_pack)(&points, packed);
}

static void NAME(linear_density)(const NAME(tile) *tile, int64_t K, int64_t D, const REAL *packed, REAL *density) {
    NAME(axis_density)(AXIS_LINEAR, tile, tile->column, K, D, packed, density);
}

AXIS_STRUCTURE(linear, 0, no_work)
