/* skip_moments.inc.c: outer products of the rows that a component has a share in, straight into a block's sums.
 *
 *     s = sqrt(w r) (x - mean),   second += s s',   first += sqrt(w r) s,   n += w r
 *
 * The rows of a list are centred into lines side by side; then features in groups of SKIP_SIDE against vectors of
 * features. Sums of a component, doubles: n (LINE of them, the first counts), first (P vectors), then for every
 * feature i (rounded up to SKIP_SIDE) its products with vectors 0 .. i / V_LANES. P = vectors to hold D features.
 * Invariant: n is 0 exactly when no row was added, and nothing but n is then initialised. */

enum { NAME(SKIP_SIDE) = V_LANES < V_OUT ? V_LANES : V_OUT, NAME(SKIP_LINE) = 8 };

static int64_t NAME(skip_second_at)(int64_t i) {
    const int64_t I = i / V_LANES;
    return V_LANES * (V_LANES * (I * (I + 1) / 2) + (i - I * V_LANES) * (I + 1));
}

static int64_t NAME(skip_component_size)(int64_t n_features) {
    const int64_t side = NAME(SKIP_SIDE), features = (n_features + side - 1) / side * side;
    const int64_t size = NAME(SKIP_LINE) + NAME(lanes)(n_features) + NAME(skip_second_at)(features);
    return (size + NAME(SKIP_LINE) - 1) / NAME(SKIP_LINE) * NAME(SKIP_LINE);
}

static int64_t NAME(skip_total_size)(int64_t n_components, int64_t n_features) {
    return n_components * NAME(skip_component_size)(n_features);
}

/* Where the pair i >= j stands, from the start of a component. */
static int64_t NAME(skip_slot)(int64_t n_features, int64_t i, int64_t j) {
    return NAME(SKIP_LINE) + NAME(lanes)(n_features) + NAME(skip_second_at)(i) + j;
}

GMM_INLINE void NAME(add_vector)(double *sum, vec a) {
#if REAL_IS_FLOAT
    REAL lane[V_LANES];
    v_store(lane, a);
    for (int l = 0; l < V_LANES; ++l) sum[l] += (double)lane[l];
#else
    v_store(sum, v_add(v_load(sum), a));
#endif
}

/* Products of SKIP_SIDE features from a with V vectors from b. */
GMM_INLINE void NAME(skip_panel)(const int V, int64_t rows, int64_t stride, const REAL *a, const REAL *b, double *out,
                                 int64_t out_stride) {
    enum { S = NAME(SKIP_SIDE) };
    vec sum[S][V_ROWS];
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
        for (int v = 0; v < V; ++v) NAME(add_vector)(out + i * out_stride + v * V_LANES, sum[i][v]);
    }
}

/* Lines s of U rows from list on, one vector of features; adds to U sums of first moments. */
GMM_INLINE void NAME(centre_listed)(const int U, const REAL *batch, int64_t row_stride, const int32_t *list,
                                    const REAL *share, const REAL *root, vec mean, REAL *s, vec *first) {
    const vec most = v_set1(ROW_LIMIT), least = v_set1(-ROW_LIMIT); /* as the row layout has it elsewhere */
    GMM_UNROLL
    for (int u = 0; u < U; ++u) {
        const vec x = v_load(batch + list[u] * row_stride), c = v_sub(v_max(v_min(x, most), least), mean);
        v_store(s + u * row_stride, v_mul(v_set1(root[u]), c));
        first[u] = v_fma(v_set1(share[u]), c, first[u]);
    }
}

/* Rows `list` of the batch, the n-th with weight share[n] > 0, whose square root is root[n]. work: n_rows lines of
 * row_stride, and one of means. */
static void NAME(add_rows)(const REAL *batch, int64_t row_stride, int64_t n_rows, const int32_t *list,
                           const REAL *share, const REAL *root, int64_t n_features, const REAL *mean, REAL *work,
                           double *sums) {
    enum { CHAINS = 4 }; /* an addition takes longer than a row */
    const int64_t vectors = NAME(lanes)(n_features) / V_LANES;
    REAL *centre = work, *s = work + row_stride;
    if (sums[0] == 0) memset(sums, 0, (size_t)NAME(skip_component_size)(n_features) * sizeof *sums);
    for (int64_t j = 0; j < vectors * V_LANES; ++j) centre[j] = j < n_features ? mean[j] : 0;
    for (int64_t i = 0; i < n_rows; ++i) sums[0] += (double)share[i];
    for (int64_t v = 0; v < vectors * V_LANES; v += V_LANES) {
        vec first[CHAINS];
        int64_t i = 0;
        GMM_UNROLL
        for (int u = 0; u < CHAINS; ++u) first[u] = v_zero();
        for (; i + CHAINS <= n_rows; i += CHAINS)
            NAME(centre_listed)(CHAINS, batch + v, row_stride, list + i, share + i, root + i, v_load(centre + v),
                                s + i * row_stride + v, first);
        for (; i < n_rows; ++i)
            NAME(centre_listed)(1, batch + v, row_stride, list + i, share + i, root + i, v_load(centre + v),
                                s + i * row_stride + v, first);
        NAME(add_vector)(sums + NAME(SKIP_LINE) + v, v_add(v_add(first[0], first[1]), v_add(first[2], first[3])));
    }
    for (int64_t i = 0; i < n_features; i += NAME(SKIP_SIDE)) {
        const int64_t width = i / V_LANES + 1;
        double *out = sums + NAME(skip_slot)(n_features, i, 0);
        int64_t v = 0;
        for (; v + V_ROWS <= width; v += V_ROWS)
            NAME(skip_panel)(V_ROWS, n_rows, row_stride, s + i, s + v * V_LANES, out + v * V_LANES, width * V_LANES);
#if V_ROWS > 2
        if (width - v == 2)
            NAME(skip_panel)(2, n_rows, row_stride, s + i, s + v * V_LANES, out + v * V_LANES, width * V_LANES);
#endif
        if (width - v == 1)
            NAME(skip_panel)(1, n_rows, row_stride, s + i, s + v * V_LANES, out + v * V_LANES, width * V_LANES);
    }
}

/* A block's sums into totals in the order of full_small: n, first, the triangle of second by rows. */
static void NAME(merge_skip)(int64_t n_components, int64_t n_features, const double *sums, double *total) {
    const int64_t D = n_features, size = NAME(skip_component_size)(D);
    for (int64_t k = 0; k < n_components; ++k, sums += size, total += 1 + D + TRIANGLE(D)) {
        const double *first = sums + NAME(SKIP_LINE);
        double *row = total + 1 + D;
        if (sums[0] == 0) continue;
        total[0] += sums[0];
        for (int64_t j = 0; j < D; ++j) total[1 + j] += first[j];
        for (int64_t i = 0; i < D; row += ++i) {
            const double *second = sums + NAME(skip_slot)(D, i, 0);
            for (int64_t j = 0; j <= i; ++j) row[j] += second[j];
        }
    }
}
