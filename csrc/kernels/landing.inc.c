/* landing.inc.c: a covariance is raised only where that does not cost likelihood.
 *
 * The maximiser of floor.inc.c keeps EM monotone while its bounds are constant; a level that follows the regressions is
 * not when they change, and a feature that lands on the floor takes its regressions with it. Of rows with scatter S
 * about their mean, the expected log-likelihood of a covariance with whitener W is -n/2 times
 *
 *     cost(W) = sum_j -2 log W_jj + W_j S W_j'
 *
 * and any covariance that costs no more than the previous one keeps EM monotone (generalised EM: Dempster, Laird, Rubin
 * 1977). So of the raised and the previous covariance the cheaper one is taken. W_j S W_j' below what the sums resolve
 * is rounding of zero, and counts as that: rows that follow a dependency contribute nothing to it. */

/* S, squares as for lift; INFINITY when `covariance` is not positive definite. W (D, D): scratch. */
static double NAME(cost)(int64_t D, const double *covariance, const double *S, const double *squares, double noise,
                         double *W, double *space) {
    double cost = 0;
    if (!NAME(whiten)(D, covariance, W, space)) return INFINITY;
    for (int64_t j = 0; j < D; ++j) {
        const double *w = W + j * D;
        double square = 0, resolved = 0;
        for (int64_t i = 0; i <= j; ++i) {
            double along = 0;
            for (int64_t l = 0; l <= j; ++l) along += S[i * D + l] * w[l];
            square += w[i] * along;
            resolved += w[i] * w[i] * squares[i];
        }
        cost += (fabs(square) < noise * resolved ? 0 : square) - 2 * log(w[j]);
    }
    return cost;
}

/* doubles */
static int64_t NAME(algebra_space)(int64_t D) { return NAME(triangle_space)(D) + 2 * D * D; }

/* S (D, D), exactly symmetric, may be singular or indefinite by rounding; positive definite afterwards, and unchanged
 * when no bound is active. squares, floor (D,): M and the smallest variances. epsilon: unit roundoff of what made S.
 * previous (D, D) may be taken instead of a raised S; NULL: there is none. 1 when S had to be raised. */
static int NAME(lift)(int64_t D, double *S, const double *squares, const double *floor, double epsilon,
                      const double *previous, double *space) {
    double *scatter = space + NAME(triangle_space)(D), *W = scatter + D * D;
    const size_t bytes = (size_t)(D * D) * sizeof *S;
    if (!NAME(is_suspect)(D, S, squares, floor, epsilon, space)) return 0;
    memcpy(scatter, S, bytes);
    if (!NAME(raise)(D, S, squares, floor, epsilon, space)) return 0;
    if (!previous) return 1;
    const double noise = NAME(noise_of)(D, epsilon);
    const double staying = NAME(cost)(D, previous, scatter, squares, noise, W, space);
    if (staying < NAME(cost)(D, S, scatter, squares, noise, W, space)) memcpy(S, previous, bytes);
    return 1;
}
