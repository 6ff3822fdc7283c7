/* skip_curvature.inc.c: how much every component curves at least, and at most; products of small matrices.
 *
 *     least_k |V v|^2 <= |W_k v|^2 <= most_k |V v|^2   for all v
 *
 * so |W_k v|^2 >= least_k / most_b |W_b v|^2: see skip_planes. V is the mean of the W_k. With A = W_k V^-1, B = A'A,
 * c = trace B / D and E = B / c - 1, eigenvalues of B lie within c (1 +- r), r = (trace E^8)^(1/8), which takes products
 * only. Beyond CURVED_FEATURES that would take too long, and least is 0.
 * Matrices here are (D, side), side = matrix_side(D), zeros past column D. */

enum { NAME(CURVED_FEATURES) = 96, NAME(CURVATURE_MATRICES) = 3 };

static int64_t NAME(matrix_side)(int64_t count) {
    const int64_t side = V_ROWS * V_LANES;
    return (count + side - 1) / side * side;
}

GMM_INLINE void NAME(clear_block)(vec (*sum)[V_ROWS]) {
    GMM_UNROLL
    for (int r = 0; r < V_OUT; ++r) {
        GMM_UNROLL
        for (int v = 0; v < V_ROWS; ++v) sum[r][v] = v_zero();
    }
}

/* The first n rows of a block. */
GMM_INLINE void NAME(store_block)(int64_t n, int64_t side, vec (*sum)[V_ROWS], REAL *out) {
    GMM_UNROLL
    for (int r = 0; r < V_OUT; ++r) {
        GMM_UNROLL
        for (int v = 0; v < V_ROWS; ++v)
            if (r < n) v_store(out + r * side + v * V_LANES, sum[r][v]);
    }
}

/* Adds to V_OUT rows of a product, V_ROWS vectors each: over j from .. to, f_r[j * step] times row j of in. */
#define PRODUCT_SUM(f, step, from, to, in)                                                    \
    for (int64_t j = from; j < to; ++j) {                                                     \
        vec x[V_ROWS];                                                                        \
        GMM_UNROLL                                                                            \
        for (int v = 0; v < V_ROWS; ++v) x[v] = v_load((in) + j * side + v * V_LANES);        \
        GMM_UNROLL                                                                            \
        for (int r = 0; r < V_OUT; ++r) {                                                     \
            const vec fr = v_set1((REAL)f[r][j * step]);                                      \
            GMM_UNROLL                                                                        \
            for (int v = 0; v < V_ROWS; ++v) sum[r][v] = v_fma(fr, x[v], sum[r][v]);          \
        }                                                                                     \
    }

/* out = W in (transposed: W' in) for a lower triangular W (D, D), of which nothing above the diagonal is read; in, out
 * (D, side), any side of matrix_side. Where V_OUT rows meet the diagonal a square of W is copied, with zeros. */
GMM_INLINE void NAME(triangle_times)(const int transposed, int64_t D, int64_t side, const double *W, const REAL *in,
                                     REAL *out) {
    const int64_t by_row = transposed ? 1 : D, by_column = transposed ? D : 1;
    for (int64_t i = 0; i < D; i += V_OUT) {
        const int64_t last = i + V_OUT < D ? i + V_OUT : D, from = transposed ? last : 0, to = transposed ? D : i;
        double square[V_OUT][V_OUT] = {{0}};
        for (int64_t r = i; r < last; ++r)
            for (int64_t j = i; j <= r; ++j)
                square[transposed ? j - i : r - i][transposed ? r - i : j - i] = W[r * D + j];
        for (int64_t b = 0; b < side; b += V_ROWS * V_LANES) {
            const double *w[V_OUT];
            vec sum[V_OUT][V_ROWS];
            for (int64_t r = 0; r < V_OUT; ++r) w[r] = square[r];
            NAME(clear_block)(sum);
            PRODUCT_SUM(w, 1, 0, last - i, in + i * side + b)
            for (int64_t r = 0; r < V_OUT; ++r) w[r] = W + (i + r < D ? i + r : D - 1) * by_row;
            PRODUCT_SUM(w, by_column, from, to, in + b)
            NAME(store_block)(last - i, side, sum, out + i * side + b);
        }
    }
}

/* out = A'A. */
static void NAME(gram)(int64_t D, int64_t side, const REAL *in, REAL *out) {
    for (int64_t i = 0; i < D; i += V_OUT)
        for (int64_t b = 0; b < side; b += V_ROWS * V_LANES) {
            const REAL *a[V_OUT];
            vec sum[V_OUT][V_ROWS];
            for (int64_t r = 0; r < V_OUT; ++r) a[r] = in + (i + r < D ? i + r : D - 1);
            NAME(clear_block)(sum);
            PRODUCT_SUM(a, side, 0, D, in + b)
            NAME(store_block)(D - i, side, sum, out + i * side + b);
        }
}

#undef PRODUCT_SUM

/* V^-1 in double, then in REAL. */
static void NAME(mean_unwhitener)(const gmm_factors *factors, double *V, double *inverse, REAL *out) {
    const int64_t K = factors->n_components, D = factors->n_features, side = NAME(matrix_side)(D);
    memset(inverse, 0, (size_t)(D * D) * sizeof *inverse);
    for (int64_t i = 0; i < D; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0;
            for (int64_t k = 0; k < K; ++k) sum += factors->whitener[(k * D + i) * D + j];
            V[i * D + j] = sum / (double)K;
        }
    for (int64_t i = 0; i < D; ++i) {
        double *row = inverse + i * D;
        for (int64_t q = 0; q < i; ++q)
            for (int64_t j = 0; j <= q; ++j) row[j] -= V[i * D + q] * inverse[q * D + j];
        row[i] = 1;
        for (int64_t j = 0; j <= i; ++j) row[j] /= V[i * D + i];
        for (int64_t j = 0; j < side; ++j) out[i * side + j] = j <= i ? (REAL)row[j] : 0;
    }
}

/* Bounds of one component; A, B: scratch. */
static void NAME(component_curvature)(int64_t D, const double *W, const REAL *inverse, REAL *A, REAL *B,
                                      double *least, double *most) {
    const double safety = 1.0 / 64; /* rounding, far above that of any W that keeps densities meaningful */
    const int64_t side = NAME(matrix_side)(D);
    double trace = 0, power = 0;
    NAME(triangle_times)(0, D, side, W, inverse, A);
    NAME(gram)(D, side, A, B);
    for (int64_t i = 0; i < D; ++i) trace += (double)B[i * side + i];
    const double c = trace / (double)D;
    for (int64_t s = 0; s < D * side; ++s) B[s] /= (REAL)c;
    for (int64_t i = 0; i < D; ++i) B[i * side + i] -= 1;
    NAME(gram)(D, side, B, A);
    NAME(gram)(D, side, A, B);
    for (int64_t s = 0; s < D * side; ++s) power += (double)B[s] * (double)B[s];
    const double r = sqrt(sqrt(sqrt(power))) + safety;
    *least = r < 1 ? c * (1 - r) : 0; /* also when r is not a number */
    *most = r < INFINITY ? c * (1 + r) : INFINITY;
}

/* least, most: (K); matrices: CURVATURE_MATRICES, rough: two (D, D) of doubles; all scratch. */
static void NAME(curvatures)(const gmm_factors *factors, REAL *matrices, double *rough, double *least, double *most) {
    const int64_t K = factors->n_components, D = factors->n_features, size = D * NAME(matrix_side)(D);
    for (int64_t k = 0; k < K; ++k) {
        least[k] = 0;
        most[k] = 1;
    }
    if (D > NAME(CURVED_FEATURES)) return;
    NAME(mean_unwhitener)(factors, rough, rough + D * D, matrices);
    for (int64_t k = 0; k < K; ++k)
        if (factors->log_constant[k] > -INFINITY)
            NAME(component_curvature)(D, factors->whitener + k * D * D, matrices, matrices + size, matrices + 2 * size,
                                      least + k, most + k);
}
