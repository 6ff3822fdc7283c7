/* full_moments.inc.c: full covariances, any D: weighted outer products of the centred rows, lanes = features.
 *
 *     s = sqrt(w r) (x - mean),   second += s s',   first += sqrt(w r) s,   n += w r
 *
 * Features come in vectors I of V_LANES. The block (I, J < I) is V_LANES x V_LANES products s_i * vector J. The
 * diagonal block (I, I) holds every unordered pair once as s_I times s_I rotated by 0 .. V_LANES / 2.
 * Accumulator of a component: n (V_LANES), first (P vectors), then for every I: the rotations, then for every j of
 * I in turn its products with vectors 0 .. I - 1. P = vectors to hold D features. */

enum { NAME(FULL_ROTATIONS) = V_LANES / 2 + 1, NAME(FULL_SIDE) = V_LANES < V_OUT ? V_LANES : V_OUT };

GMM_INLINE int64_t NAME(full_second_at)(int64_t I) {
    return I * NAME(FULL_ROTATIONS) * V_LANES + V_LANES * V_LANES * (I * (I - 1) / 2);
}

/* One vector of features: s, first moments and the diagonal block. Two rows at a time where there are registers, each
 * with sums of its own, because an addition takes longer than a row. */
GMM_INLINE void NAME(full_diagonal)(const NAME(tile) *tile, const REAL *x, const REAL *mean, const REAL *root, REAL *s,
                                    int64_t s_stride, REAL *first, REAL *second) {
    enum { N = NAME(FULL_ROTATIONS), STEP = V_LANES % 2 == 0 && 3 * N + 5 < V_REGISTERS ? 2 : 1 };
    const int64_t stride = tile->row_stride;
    const vec m = v_load(mean);
    vec sum[STEP][N], one[STEP];
    GMM_UNROLL
    for (int u = 0; u < STEP; ++u) {
        one[u] = v_zero();
        GMM_UNROLL
        for (int n = 0; n < N; ++n) sum[u][n] = v_zero();
    }
    for (int64_t i = 0; i < tile->rows; i += STEP) {
        GMM_UNROLL
        for (int u = 0; u < STEP; ++u) {
            const vec q = v_set1(root[i + u]), a = v_mul(q, v_sub(v_load(x + (i + u) * stride), m));
            v_store(s + (i + u) * s_stride, a);
            one[u] = v_fma(q, a, one[u]);
            sum[u][0] = v_fma(a, a, sum[u][0]);
            GMM_UNROLL
            for (int n = 1; n < N; ++n) sum[u][n] = v_fma(a, v_rotate(a, n), sum[u][n]);
        }
    }
    GMM_UNROLL
    for (int u = 0; u < STEP; ++u) {
        v_store(first, v_add(v_load(first), one[u]));
        GMM_UNROLL
        for (int n = 0; n < N; ++n) v_store(second + n * V_LANES, v_add(v_load(second + n * V_LANES), sum[u][n]));
    }
}

/* Products of S features from a with V vectors from b. */
GMM_INLINE void NAME(full_panel)(const int S, const int V, int64_t rows, int64_t stride, const REAL *a, const REAL *b,
                                 REAL *second, int64_t second_stride) {
    vec sum[NAME(FULL_SIDE)][V_ROWS];
    if (second_stride >= FULL_FAR_SUMS) { /* sums of many features are far away when they are added to */
        GMM_UNROLL
        for (int i = 0; i < S; ++i) {
            GMM_UNROLL
            for (int v = 0; v < V; ++v) GMM_PREFETCH(second + i * second_stride + v * V_LANES);
        }
    }
    GMM_UNROLL
    for (int i = 0; i < S; ++i) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) sum[i][v] = v_zero();
    }
    for (int64_t row = 0; row < rows; ++row, a += stride, b += stride) {
        vec x[V_ROWS];
        GMM_UNROLL
        for (int v = 0; v < V; ++v) x[v] = v_load(b + v * V_LANES);
        GMM_UNROLL
        for (int i = 0; i < S; ++i) {
            const vec y = v_set1(a[i]);
            GMM_UNROLL
            for (int v = 0; v < V; ++v) sum[i][v] = v_fma(y, x[v], sum[i][v]);
        }
    }
    GMM_UNROLL
    for (int i = 0; i < S; ++i) {
        GMM_UNROLL
        for (int v = 0; v < V; ++v) {
            REAL *out = second + i * second_stride + v * V_LANES;
            v_store(out, v_add(v_load(out), sum[i][v]));
        }
    }
}

/* Vectors of features that stand side by side in s: panels of a tile's rows, which meet in a first-level cache. */
enum { NAME(FULL_PANEL) = V_ROWS * V_LANES };

/* Products of the features of vector I, `features` of them, with vectors J .. J + V - 1. a: vector I, b: vector J. */
GMM_INLINE void NAME(full_side)(const int V, int64_t I, int64_t J, int64_t features, int64_t rows, const REAL *a,
                                const REAL *b, REAL *side) {
    for (int64_t i = 0; i < features; i += NAME(FULL_SIDE)) {
        REAL *out = side + i * I * V_LANES + J * V_LANES;
        if (features - i <= NAME(FULL_SIDE) / 2)
            NAME(full_panel)(NAME(FULL_SIDE) / 2, V, rows, NAME(FULL_PANEL), a + i, b, out, I * V_LANES);
        else
            NAME(full_panel)(NAME(FULL_SIDE), V, rows, NAME(FULL_PANEL), a + i, b, out, I * V_LANES);
    }
}

/* Every vector with all those before it, a pair of panels at a time. */
static void NAME(full_sides)(int64_t n_features, int64_t rows, const REAL *s, REAL *second) {
    const int64_t vectors = NAME(lanes)(n_features) / V_LANES, size = rows * NAME(FULL_PANEL);
    for (int64_t A = 0; A < vectors; A += V_ROWS)
        for (int64_t J = 0; J <= A; J += V_ROWS)
            for (int64_t I = A; I < A + V_ROWS && I < vectors; ++I) {
                const int64_t left = n_features - I * V_LANES, features = left < V_LANES ? left : V_LANES;
                const REAL *a = s + A / V_ROWS * size + (I - A) * V_LANES, *b = s + J / V_ROWS * size;
                REAL *side = second + NAME(full_second_at)(I) + NAME(FULL_ROTATIONS) * V_LANES;
                if (J < A)
                    NAME(full_side)(V_ROWS, I, J, features, rows, a, b, side);
                else if (I - A == 1)
                    NAME(full_side)(1, I, J, features, rows, a, b, side);
                else if (I - A == 2)
                    NAME(full_side)(2, I, J, features, rows, a, b, side);
            }
}

static int64_t NAME(full_centred_size)(int64_t n_features) {
    const int64_t vectors = NAME(lanes)(n_features) / V_LANES;
    return V_LANES + vectors * V_LANES + NAME(full_second_at)(vectors);
}

/* One component: centre: its mean, r: its responsibilities times weight, accumulator: its own. */
static void NAME(full_centred_moments)(const NAME(tile) *tile, int64_t n_features, const REAL *centre, const REAL *r,
                                       REAL *accumulator) {
    const int64_t vectors = NAME(lanes)(n_features) / V_LANES;
    REAL *root = tile->work, *mean = root + NAME(lanes)(tile->rows), *s = mean + vectors * V_LANES;
    REAL *first = accumulator + V_LANES, *second = first + vectors * V_LANES;
    vec sum = v_load(accumulator);
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        sum = v_add(sum, v_load(r + i));
        v_store(root + i, v_sqrt(v_load(r + i)));
    }
    v_store(accumulator, sum);
    for (int64_t j = 0; j < vectors * V_LANES; ++j) mean[j] = j < n_features ? centre[j] : 0;
    for (int64_t I = 0; I < vectors; ++I) {
        const int64_t v = I * V_LANES;
        REAL *panel = s + I / V_ROWS * tile->rows * NAME(FULL_PANEL) + I % V_ROWS * V_LANES;
        NAME(full_diagonal)(tile, tile->row + v, mean + v, root, panel, NAME(FULL_PANEL), first + v,
                            second + NAME(full_second_at)(I));
    }
    NAME(full_sides)(n_features, tile->rows, s, second);
}

static int64_t NAME(full_centred_work)(int64_t rows, int64_t n_features) {
    const int64_t padded = NAME(lanes)(n_features);
    return NAME(lanes)(rows) + padded + rows * (padded + NAME(FULL_PANEL));
}

/* One component's sums -> n, first, the triangle of second by rows, in double. */
static void NAME(full_centred_flush)(int64_t D, const REAL *accumulator, double *partial) {
    const int64_t vectors = NAME(lanes)(D) / V_LANES;
    double *first = partial + 1, *second = first + D;
    const REAL *in = accumulator + V_LANES;
    partial[0] = (double)v_sum(v_load(accumulator));
    for (int64_t j = 0; j < D; ++j) first[j] = (double)in[j];
    in += vectors * V_LANES;
    for (int64_t I = 0; I < vectors; ++I) {
        const int64_t before = I * V_LANES, features = D - before < V_LANES ? D - before : V_LANES;
        for (int64_t n = 0; n < NAME(FULL_ROTATIONS); ++n)
            for (int64_t l = 0; l < V_LANES; ++l) {
                const int64_t other = (l + n) % V_LANES, i = before + (l > other ? l : other);
                if (i < D) second[TRIANGLE(i) + before + (l > other ? other : l)] = (double)in[n * V_LANES + l];
            }
        in += NAME(FULL_ROTATIONS) * V_LANES;
        for (int64_t i = 0; i < V_LANES; ++i, in += before)
            for (int64_t j = 0; i < features && j < before; ++j)
                second[TRIANGLE(before + i) + j] = (double)in[j];
    }
}
