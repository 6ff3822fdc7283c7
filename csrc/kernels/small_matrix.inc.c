/* small_matrix.inc.c: cholesky.inc.c for as many features as its first panel has, D compiled in: the same operations in
 * the same order, so the same bits, but in registers and without a panel's strides.
 *
 * Called by SMALL_MATRIX(D, f, ...), which is f(D, ...) with a constant D up to SMALL_MATRICES. */

#define SMALL_MATRICES (V_OUT < 4 ? V_OUT : 4)
#define SMALL_MATRIX(D, f, ...) \
    ((D) == 1 ? f(1, __VA_ARGS__) : (D) == 2 ? f(2, __VA_ARGS__) : (D) == 3 ? f(3, __VA_ARGS__) : f(4, __VA_ARGS__))

/* S (D, D), of which the upper triangle is read; U and 1 / U_jj. 0 when S is not positive definite. */
GMM_INLINE int NAME(small_cholesky)(const int D, const double *S, double (*U)[4], double *reciprocal) {
    GMM_UNROLL
    for (int i = 0; i < D; ++i) {
        GMM_UNROLL
        for (int j = i; j < D; ++j) U[i][j] = S[i * D + j];
    }
    GMM_UNROLL
    for (int o = 0; o < D; ++o) {
        if (!(U[o][o] > 0) || !(U[o][o] < (double)INFINITY)) return 0;
        U[o][o] = sqrt(U[o][o]);
        reciprocal[o] = 1 / U[o][o];
        GMM_UNROLL
        for (int i = o + 1; i < D; ++i) U[o][i] *= reciprocal[o];
        GMM_UNROLL
        for (int q = o + 1; q < D; ++q) {
            GMM_UNROLL
            for (int i = q; i < D; ++i) U[q][i] -= U[o][q] * U[o][i];
        }
    }
    return 1;
}

/* W (D, D) with W'W = inverse(S), lower triangular, zero above. */
GMM_INLINE int NAME(small_whiten)(const int D, const double *S, double *W) {
    double U[4][4], reciprocal[4];
    if (!NAME(small_cholesky)(D, S, U, reciprocal)) return 0;
    GMM_UNROLL
    for (int o = 0; o < D; ++o) {
        double row[4] = {0};
        row[o] = 1;
        GMM_UNROLL
        for (int q = 0; q < o; ++q) {
            GMM_UNROLL
            for (int c = 0; c <= q; ++c) row[c] -= U[q][o] * W[q * D + c];
        }
        GMM_UNROLL
        for (int c = 0; c < D; ++c) W[o * D + c] = row[c] * reciprocal[o];
    }
    return 1;
}

/* Whether a squared U_jj is below its bound: is_suspect in floor.inc.c. */
GMM_INLINE int NAME(small_suspect)(const int D, const double *S, const double *squares, const double *floor,
                                   double clear) {
    double U[4][4], reciprocal[4];
    int suspect = 0;
    if (!NAME(small_cholesky)(D, S, U, reciprocal)) return 1;
    GMM_UNROLL
    for (int j = 0; j < D; ++j) {
        const double d = U[j][j] * U[j][j];
        suspect |= d < floor[j] || d < clear * squares[j];
    }
    return suspect;
}
