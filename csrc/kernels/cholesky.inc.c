/* cholesky.inc.c: S = U'U with U upper triangular, and W = inverse(U'), so that W'W = inverse(S). In double.
 *
 * Forward substitution turns [S | I] into [U | W]: row i of both is row i less sum_{j < i} U_ji row j, over U_ii.
 * Rows go in panels of V_OUT, columns in groups of V_ROWS vectors: V_OUT * V_ROWS sums stay in registers while the rows
 * before the panel run past, and then take the panel's own triangle. The first panel has the odd rows.
 * Rows are `stride` apart, at least D + V_LANES: the last group of columns reads and writes past the row's end. */

#define TRIANGLE_STRIDE(D) NAME(stride)(NAME(lanes)((D) + V_LANES))

/* Panel rows [before, before + V_OUT), R vectors of columns at `column` (of row 0), rows `from` to `before` known.
 * factor: U + before. With `reciprocal` also the panel's own triangle, else only what comes before the panel. */
GMM_INLINE void NAME(eliminate)(const int R, int64_t from, int64_t before, int64_t stride, const REAL *factor,
                                const REAL *reciprocal, REAL *column) {
    REAL *panel = column + before * stride;
    const REAL *own = factor + before * stride;
    vec sum[V_OUT][V_ROWS];
    GMM_UNROLL
    for (int o = 0; o < V_OUT; ++o) {
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[o][r] = v_load(panel + o * stride + r * V_LANES);
    }
    for (int64_t j = from; j < before; ++j) {
        vec x[V_ROWS];
        GMM_UNROLL
        for (int r = 0; r < R; ++r) x[r] = v_load(column + j * stride + r * V_LANES);
        GMM_UNROLL
        for (int o = 0; o < V_OUT; ++o) {
            const vec f = v_set1(factor[j * stride + o]);
            GMM_UNROLL
            for (int r = 0; r < R; ++r) sum[o][r] = v_fnma(f, x[r], sum[o][r]);
        }
    }
    GMM_UNROLL
    for (int o = 0; o < V_OUT; ++o) {
        if (reciprocal) {
            GMM_UNROLL
            for (int q = 0; q < o; ++q) {
                const vec f = v_set1(own[q * stride + o]);
                GMM_UNROLL
                for (int r = 0; r < R; ++r) sum[o][r] = v_fnma(f, sum[q][r], sum[o][r]);
            }
            GMM_UNROLL
            for (int r = 0; r < R; ++r) sum[o][r] = v_mul(sum[o][r], v_set1(reciprocal[o]));
        }
        GMM_UNROLL
        for (int r = 0; r < R; ++r) v_store(panel + o * stride + r * V_LANES, sum[o][r]);
    }
}

/* Columns [first, last) of a panel; rows before a group's first column are skipped when they are zero there. */
static void NAME(eliminate_columns)(int64_t first, int64_t last, int zero_above, int64_t before, int64_t stride,
                                    const REAL *factor, const REAL *reciprocal, REAL *matrix) {
    int64_t c = first;
    for (; c + V_ROWS * V_LANES <= last; c += V_ROWS * V_LANES)
        NAME(eliminate)(V_ROWS, zero_above && c < before ? c : zero_above ? before : 0, before, stride, factor,
                        reciprocal, matrix + c);
    for (; c < last; c += V_LANES)
        NAME(eliminate)(1, zero_above && c < before ? c : zero_above ? before : 0, before, stride, factor, reciprocal,
                        matrix + c);
}

/* Factor of a panel's diagonal block; 0 when a pivot is not positive. */
static int NAME(pivots)(int64_t out, int64_t stride, REAL *block, REAL *reciprocal) {
    for (int64_t o = 0; o < out; ++o) {
        REAL *row = block + o * stride;
        if (!(row[o] > 0) || !(row[o] < (REAL)INFINITY)) return 0;
        row[o] = sqrt(row[o]);
        reciprocal[o] = 1 / row[o];
        for (int64_t i = o + 1; i < out; ++i) row[i] *= reciprocal[o];
        for (int64_t q = o + 1; q < out; ++q)
            for (int64_t i = q; i < out; ++i) block[q * stride + i] -= row[q] * row[i];
    }
    return 1;
}

/* The first panel, of `out` rows, in columns [first, last). */
static void NAME(eliminate_first)(int64_t out, int64_t first, int64_t last, int64_t stride, const REAL *U,
                                  const REAL *reciprocal, REAL *matrix) {
    for (int64_t o = 0; o < out; ++o) {
        REAL *row = matrix + o * stride;
        for (int64_t q = 0; q < o; ++q) {
            const REAL f = U[q * stride + o], *other = matrix + q * stride;
            for (int64_t c = first; c < last; ++c) row[c] -= f * other[c];
        }
        for (int64_t c = first; c < last; ++c) row[c] *= reciprocal[o];
    }
}

static int64_t NAME(first_panel)(int64_t D) { return D % V_OUT ? D % V_OUT : V_OUT; }

/* In: the upper triangle of S in U, anything finite below it. Out: U, and 1 / U_jj. 0 when S is not positive definite;
 * U is then unspecified. */
static int NAME(cholesky)(int64_t D, int64_t stride, REAL *U, REAL *reciprocal) {
    const int64_t odd = NAME(first_panel)(D);
    if (!NAME(pivots)(odd, stride, U, reciprocal)) return 0;
    NAME(eliminate_first)(odd, odd, D, stride, U, reciprocal, U);
    for (int64_t before = odd; before < D; before += V_OUT) {
        NAME(eliminate_columns)(before, before + V_OUT, 0, before, stride, U + before, NULL, U);
        if (!NAME(pivots)(V_OUT, stride, U + before * stride + before, reciprocal + before)) return 0;
        NAME(eliminate_columns)(before + V_OUT, D, 0, before, stride, U + before, reciprocal + before, U);
    }
    return 1;
}

/* W of a factor: lower triangular, zero above. */
static void NAME(invert)(int64_t D, int64_t stride, const REAL *U, const REAL *reciprocal, REAL *W) {
    const int64_t odd = NAME(first_panel)(D);
    memset(W, 0, (size_t)(D * stride) * sizeof *W);
    for (int64_t j = 0; j < D; ++j) W[j * stride + j] = 1;
    NAME(eliminate_first)(odd, 0, odd, stride, U, reciprocal, W);
    for (int64_t before = odd; before < D; before += V_OUT)
        NAME(eliminate_columns)(0, before + V_OUT, 1, before, stride, U + before, reciprocal + before, W);
}
