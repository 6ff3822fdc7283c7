/* floor.inc.c: the numerical floor of one covariance: conditional variances that rounding cannot tell from zero are
 * raised.
 *
 * Write S = C diag(d) C' with C unit lower triangular. d_j is the variance of feature j given the features before it,
 * and the log-likelihood is a sum of regressions of each feature on those before, so with d_j >= b_j for a constant b_j
 * the maximiser is d_j = max(d_j, b_j): a closed form (landing.inc.c is about bounds that change). Two bounds:
 *
 * - floor_j, the variance that rounding of the input makes;
 * - noise sum_i u_ji^2 M_i, what sums cannot resolve, with u_j row j of inverse(C) and M_i the size of the squares that
 *   were summed: d_j = u_j S u_j' is then rounding, and the feature depends on others. Its variance becomes a constant,
 *   LEVEL noise in float64 and noise in float32, times 16 or, if that is more, the next power of two of
 *   sum_i u_ji^2 S_ii. It nearly always is 16: so the level is the same for every component, and what components share
 *   cancels from their density ratios and adds a constant to the log-likelihood.
 *
 * A raised feature takes no part in the regressions of those after it: its residual is rounding. Levels are powers of
 * two, which lets whiten.inc.c recognise a raised d_j behind the rounding of the dense matrix. */

#define NOISE_F64 0x1p-48 /* 16 eps, times sqrt(D): the error of sums over many rows, relative to sqrt(S_ii S_jj) */
#define NOISE_F32 32.0    /* units roundoff of float32 tiles */
#define LEVEL 0x1p4       /* a raised d_j is this far above what the dense matrix, which is double, cannot hold */
#define SPREAD 4.0        /* log2 of the sum_i u_ji^2 S_ii from which on the level follows it */
#define CLEAR_SHARE 0x1p-20 /* above this share of M_j, and ... */
#define CLEAR_NOISE 0x1p6   /* ... this many times the noise, no d_j is near the noise */

static double NAME(noise_of)(int64_t D, double epsilon) {
    const double noise = NOISE_F64 * sqrt((double)D);
    return epsilon > DBL_EPSILON ? fmax(noise, NOISE_F32 * epsilon) : noise;
}

/* Factorises column by column, raising each d_j that is too small as it appears. Row j of C here is column j above. */
static int NAME(raise)(int64_t D, double *S, const double *squares, const double *floor, double epsilon,
                       double *space) {
    const int64_t stride = TRIANGLE_STRIDE(D);
    const double noise = NAME(noise_of)(D, epsilon), level = fmax(LEVEL * NAME(noise_of)(D, 0), noise);
    double *C = space, *U = C + D * stride, *d = U + D * stride, *levels = d + stride, *constant = levels + stride;
    int floored = 0;
    memset(C, 0, (size_t)(2 * D * stride) * sizeof *C);
    for (int64_t j = 0; j < D; ++j) /* then its covariances are rounding of larger sums */
        constant[j] = S[j * D + j] < floor[j] && S[j * D + j] < noise * squares[j];
    for (int64_t j = 0; j < D; ++j) {
        double *column = C + j * stride, *u = U + j * stride, noisy = 0, spread = 0;
        for (int64_t i = j + 1; i < D; ++i) column[i] = constant[i] != 0 || constant[j] != 0 ? 0 : S[j * D + i];
        column[j] = S[j * D + j];
        for (int64_t q = 0; q < j; ++q) {
            const double c = C[q * stride + j], f = c * d[q];
            for (int64_t i = j; i < D; ++i) column[i] -= f * C[q * stride + i];
            for (int64_t i = 0; i <= q; ++i) u[i] -= c * U[q * stride + i];
        }
        u[j] = 1;
        for (int64_t i = 0; i <= j; ++i) {
            noisy += u[i] * u[i] * squares[i];
            spread += u[i] * u[i] * S[i * D + i];
        }
        const double pivot = column[j];
        const int null = pivot < noise * noisy && S[j * D + j] >= floor[j], low = null || pivot < floor[j];
        const double steps = fmax(ceil(log2(fmax(spread, 1.0))), SPREAD);
        const double raised = null ? fmax(exp2(ceil(log2(level)) + steps), floor[j]) : floor[j];
        levels[j] = low ? fmax(raised, pivot) : pivot;
        d[j] = low ? 0 : pivot;
        for (int64_t i = j + 1; i < D; ++i) column[i] = low ? 0 : column[i] / pivot;
        column[j] = 1;
        floored |= levels[j] > d[j];
    }
    if (!floored) return 0;
    memset(S, 0, (size_t)(D * D) * sizeof *S);
    for (int64_t q = 0; q < D; ++q)
        for (int64_t i = q; i < D; ++i) {
            const double f = C[q * stride + i] * levels[q];
            for (int64_t l = q; l <= i; ++l) S[i * D + l] += f * C[q * stride + l];
        }
    for (int64_t i = 0; i < D; ++i)
        for (int64_t l = 0; l < i; ++l) S[l * D + i] = S[i * D + l];
    return 1;
}

/* Whether a bound may be active, found without forming conditional variances one by one. */
static int NAME(is_suspect)(int64_t D, const double *S, const double *squares, const double *floor, double epsilon,
                            double *space) {
    const int64_t stride = TRIANGLE_STRIDE(D);
    const double clear = fmax(CLEAR_SHARE, CLEAR_NOISE * NAME(noise_of)(D, epsilon));
    double *reciprocal = space + 2 * D * stride;
    if (D <= SMALL_MATRICES) return SMALL_MATRIX(D, NAME(small_suspect), S, squares, floor, clear);
    NAME(load_triangle)(D, stride, S, space);
    int suspect = !NAME(cholesky)(D, stride, space, reciprocal);
    for (int64_t j = 0; !suspect && j < D; ++j) {
        const double root = space[j * stride + j];
        suspect = root * root < fmax(floor[j], clear * squares[j]);
    }
    return suspect;
}

#undef NOISE_F64
#undef NOISE_F32
#undef LEVEL
#undef SPREAD
#undef CLEAR_SHARE
#undef CLEAR_NOISE
