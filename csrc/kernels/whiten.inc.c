/* whiten.inc.c: the whitener of one covariance, W'W = inverse(S).
 *
 * A raised variance of floor.inc.c is a power of two, d_j = W_jj^-2, which the dense S holds only to about
 * D eps sum_i u_i^2 S_ii with u = W_j / W_jj; without the last step here the log-determinant would carry that rounding
 * from one iteration to the next. */

/* doubles */
static int64_t NAME(triangle_space)(int64_t D) { return 2 * D * TRIANGLE_STRIDE(D) + 4 * TRIANGLE_STRIDE(D); }

/* Sets every large W_jj^-2 that is a power of two, up to its rounding, to just that. */
static void NAME(settle)(int64_t D, const double *S, double *W) {
    const double small_pivot = 1.0 / (1 << 10);
    for (int64_t j = 0; j < D; ++j) {
        double *row = W + j * D;
        const double d = 1 / (row[j] * row[j]), variance = S[j * D + j];
        if (!(d < small_pivot * variance)) continue;
        const double power = exp2(nearbyint(log2(d)));
        double spread = 0;
        for (int64_t i = 0; i <= j; ++i) spread += row[i] * row[i] * S[i * D + i];
        if (fabs(d - power) > 8 * (double)D * DBL_EPSILON * spread * d) continue;
        const double scale = sqrt(d / power);
        for (int64_t i = 0; i < j; ++i) row[i] *= scale;
        row[j] = 1 / sqrt(power);
    }
}

static void NAME(load_triangle)(int64_t D, int64_t stride, const double *S, double *U) {
    for (int64_t j = 0; j < D; ++j) {
        memset(U + j * stride, 0, (size_t)stride * sizeof *U);
        memcpy(U + j * stride + j, S + j * D + j, (size_t)(D - j) * sizeof *U);
    }
}

/* S, W (D, D). 0 when S is not positive definite. */
static int NAME(whiten)(int64_t D, const double *S, double *W, double *space) {
    const int64_t stride = TRIANGLE_STRIDE(D);
    double *U = space, *inverse = U + D * stride, *reciprocal = inverse + D * stride;
    if (D <= SMALL_MATRICES) {
        if (!SMALL_MATRIX(D, NAME(small_whiten), S, W)) return 0;
        NAME(settle)(D, S, W);
        return 1;
    }
    NAME(load_triangle)(D, stride, S, U);
    if (!NAME(cholesky)(D, stride, U, reciprocal)) return 0;
    NAME(invert)(D, stride, U, reciprocal, inverse);
    for (int64_t i = 0; i < D; ++i) memcpy(W + i * D, inverse + i * stride, (size_t)D * sizeof *W);
    NAME(settle)(D, S, W);
    return 1;
}
