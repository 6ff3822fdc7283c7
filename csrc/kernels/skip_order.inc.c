/* skip_order.inc.c: which component probably owns a row, and rows in the order of their owners.
 *
 *     owner_i = argmax_k  a_k . x_i + b_k,   a_kj = p_j mean_kj,   b_k = -sum_j p_j mean_kj^2 / 2
 *
 * the nearest mean, over the few features that tell means apart best, in the metric p = mean over k of the diagonal of
 * the inverse covariance. Rows of one owner leave the other components early together.
 * Packed in groups of V_OUT components: b (V_OUT), then per feature a (V_OUT); missing components have b = -inf.
 * Invariant: a guess decides speed, never a result. */

enum { NAME(OWNER_FEATURES) = 8 };

typedef struct {
    int64_t n_features, n_components; /* features looked at; K rounded up to V_OUT */
    int32_t *feature;
    REAL *packed;
} NAME(owners);

static NAME(owners) NAME(take_owners)(int64_t n_components, int64_t n_features, gmm_workspace *space) {
    const int64_t most = NAME(OWNER_FEATURES) + n_features / 4, features = n_features < most ? n_features : most;
    const int64_t components = (n_components + V_OUT - 1) / V_OUT * V_OUT;
    int32_t *feature = gmm_take(space, features, sizeof *feature);
    REAL *packed = gmm_take(space, components * (1 + features), sizeof *packed);
    return (NAME(owners)){features, components, feature, packed};
}

/* metric, spread: (D) doubles of scratch. */
static void NAME(pack_owners)(const gmm_factors *factors, NAME(owners) owners, double *metric, double *spread) {
    const int64_t K = factors->n_components, D = factors->n_features, G = owners.n_features;
    for (int64_t j = 0; j < D; ++j) metric[j] = 0;
    for (int64_t k = 0; k < K; ++k)
        for (int64_t i = 0; i < D; ++i) {
            const double *w = factors->whitener + (k * D + i) * D;
            for (int64_t j = 0; j <= i; ++j) metric[j] += w[j] * w[j] / (double)K;
        }
    for (int64_t j = 0; j < D; ++j) {
        double sum = 0, squares = 0;
        for (int64_t k = 0; k < K; ++k) sum += factors->mean[k * D + j];
        for (int64_t k = 0; k < K; ++k) {
            const double away = factors->mean[k * D + j] - sum / (double)K;
            squares += away * away;
        }
        spread[j] = metric[j] * squares;
    }
    for (int64_t g = 0; g < G; ++g) {
        int64_t widest = 0;
        for (int64_t j = 1; j < D; ++j)
            if (spread[j] > spread[widest]) widest = j;
        owners.feature[g] = (int32_t)widest;
        spread[widest] = -1;
    }
    REAL *out = owners.packed;
    for (int64_t k = 0; k < owners.n_components; k += V_OUT) {
        REAL *constant = out;
        for (int64_t c = 0; c < V_OUT; ++c, ++out)
            *out = k + c < K && factors->log_constant[k + c] > -INFINITY ? 0 : (REAL)-INFINITY;
        for (int64_t g = 0; g < G; ++g)
            for (int64_t c = 0; c < V_OUT; ++c, ++out) {
                const double p = metric[owners.feature[g]];
                const double mean = k + c < K ? factors->mean[(k + c) * D + owners.feature[g]] : 0;
                *out = (REAL)(p * mean);
                constant[c] = (REAL)((double)constant[c] - p * mean * mean / 2);
            }
    }
}

/* R row vectors from x, in the column layout. */
GMM_INLINE void NAME(guess_rows)(const int R, const NAME(owners) owners, const REAL *x, int64_t stride, REAL *owner) {
    const int64_t G = owners.n_features;
    const REAL *p = owners.packed;
    vec most[V_ROWS], index[V_ROWS];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        most[r] = v_set1((REAL)-INFINITY);
        index[r] = v_zero();
    }
    for (int64_t k = 0; k < owners.n_components; k += V_OUT) {
        vec sum[V_OUT][V_ROWS];
        GMM_UNROLL
        for (int c = 0; c < V_OUT; ++c) {
            GMM_UNROLL
            for (int r = 0; r < R; ++r) sum[c][r] = v_set1(p[c]);
        }
        p += V_OUT;
        for (int64_t g = 0; g < G; ++g, p += V_OUT) {
            const REAL *from = x + owners.feature[g] * stride;
            vec xg[V_ROWS];
            GMM_UNROLL
            for (int r = 0; r < R; ++r) xg[r] = v_load(from + r * V_LANES);
            GMM_UNROLL
            for (int c = 0; c < V_OUT; ++c) {
                const vec a = v_set1(p[c]);
                GMM_UNROLL
                for (int r = 0; r < R; ++r) sum[c][r] = v_fma(a, xg[r], sum[c][r]);
            }
        }
        GMM_UNROLL
        for (int c = 0; c < V_OUT; ++c) {
            GMM_UNROLL
            for (int r = 0; r < R; ++r) {
                const vmask more = v_lt(most[r], sum[c][r]);
                most[r] = v_select(more, sum[c][r], most[r]);
                index[r] = v_select(more, v_set1((REAL)(k + c)), index[r]);
            }
        }
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(owner + r * V_LANES, index[r]);
}

/* Rows that will be packed next, asked for a few at a time while others are worked on: a burst would stall. */
typedef struct {
    const unsigned char *next, *end;
    int64_t share; /* bytes for one row worked on */
} NAME(skip_ahead);

GMM_INLINE void NAME(ask_ahead)(NAME(skip_ahead) *ahead, int64_t n_rows) {
    const unsigned char *next = ahead->next, *end = ahead->end;
    if (end - next > n_rows * ahead->share) end = next + n_rows * ahead->share;
    for (; next < end; next += GMM_CACHE_LINE) GMM_PREFETCH(next);
    ahead->next = next;
}

/* owner: room for tile->rows. */
static void NAME(guess_owners)(const NAME(tile) *tile, const NAME(owners) owners, REAL *owner) {
    int64_t i = 0;
    for (; i + V_ROWS * V_LANES <= tile->rows; i += V_ROWS * V_LANES)
        NAME(guess_rows)(V_ROWS, owners, tile->column + i, tile->stride, owner + i);
    for (; i < tile->rows; i += V_LANES) NAME(guess_rows)(1, owners, tile->column + i, tile->stride, owner + i);
}

/* order: (n_rows) rows by owner, otherwise in order; end: (K) where each owner's rows end in it. */
static void NAME(order_by_owner)(int64_t n_rows, int64_t n_components, const REAL *owner, int32_t *order,
                                 int32_t *end) {
    int32_t before = 0;
    for (int64_t k = 0; k < n_components; ++k) end[k] = 0;
    for (int64_t i = 0; i < n_rows; ++i) ++end[(int64_t)owner[i]];
    for (int64_t k = 0; k < n_components; ++k) {
        const int32_t count = end[k];
        end[k] = before;
        before += count;
    }
    for (int64_t i = 0; i < n_rows; ++i) order[end[(int64_t)owner[i]]++] = (int32_t)i;
}
