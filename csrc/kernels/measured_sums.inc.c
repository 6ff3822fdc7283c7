/* measured_sums.inc.c: responsibilities of rows observed with error, their moments, and a block of rows. */

/* y = Z' inverse(D) z of component k. */
GMM_INLINE void NAME(measured_mean)(const int64_t D, const REAL *U, const REAL *Z, const REAL *z, REAL *y) {
    for (int64_t a = 0; a < D; ++a) {
        vec sum = v_zero();
        for (int64_t i = a; i < D; ++i)
            sum = v_fma(v_load(Z + LANES_AT(i, a)), v_mul(v_load(U + LANES_AT(i, i)), v_load(z + i * V_LANES)), sum);
        v_store(y + a * V_LANES, sum);
    }
}

/* to[a] += x, or (a, b) of a triangle. */
GMM_INLINE void NAME(measured_add)(REAL *to, vec x) { v_store(to, v_add(v_load(to), x)); }

/* Sums of R_j N_j N_j' over the observed features, N = Z' inverse(D) H: what a ridge adds to rows with gaps, in units of
 * L. `share` are responsibilities, 0 for rows without. */
static void NAME(measured_ridge)(const gmm_measuring *all, const gmm_measuring_space *own, vec share, REAL *second) {
    const int64_t D = all->mixture->n_features;
    const REAL *U = own->ridged[0], *H = own->ridged[1], *Z = own->ridged[2];
    for (int64_t j = 0; j < D; ++j) {
        const vec f = v_mul(share, v_set1(all->ridge[j]));
        for (int64_t a = 0; a < D; ++a) {
            vec sum = v_zero();
            for (int64_t i = a > j ? a : j; i < D; ++i)
                sum = v_fma(v_mul(v_load(Z + LANES_AT(i, a)), v_load(U + LANES_AT(i, i))), v_load(H + LANES_AT(i, j)), sum);
            v_store(own->column + a * V_LANES, sum);
        }
        for (int64_t a = 0; a < D; ++a) {
            const vec x = v_mul(f, v_load(own->column + a * V_LANES));
            for (int64_t b = all->are_matrices ? 0 : a; b <= a; ++b)
                NAME(measured_add)(second + (all->are_matrices ? LANES_AT(a, b) : a * V_LANES),
                                   v_mul(x, v_load(own->column + b * V_LANES)));
        }
    }
}

/* Elements (a, b) to (a, b + R - 1) of total (I - Z' inverse(D) Z), `to` the first; column is inverse(D) Z of a. */
GMM_INLINE void NAME(measured_spread_row)(const int R, const int64_t D, int64_t a, int64_t b, const REAL *column,
                                          const REAL *Z, vec total, REAL *to) {
    vec sum[4];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) sum[r] = v_set1((REAL)(a == b + r));
    for (int64_t i = a; i < D; ++i) {
        const vec x = v_load(column + i * V_LANES);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[r] = v_fnma(x, v_load(Z + LANES_AT(i, b + r)), sum[r]);
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(to + r * V_LANES, v_fma(total, sum[r], v_load(to + r * V_LANES)));
}

/* second += total (I - Z' inverse(D) Z) */
GMM_INLINE void NAME(measured_spread)(const int64_t D, const int are_matrices, const REAL *U, const REAL *Z, vec total,
                                      REAL *column, REAL *second) {
    for (int64_t a = 0; a < D; ++a) {
        for (int64_t i = a; i < D; ++i)
            v_store(column + i * V_LANES, v_mul(v_load(Z + LANES_AT(i, a)), v_load(U + LANES_AT(i, i))));
        if (!are_matrices) {
            NAME(measured_spread_row)(1, D, a, a, column, Z, total, second + a * V_LANES);
            continue;
        }
        int64_t b = 0;
        for (; b + 4 <= a + 1; b += 4) NAME(measured_spread_row)(4, D, a, b, column, Z, total, second + LANES_AT(a, b));
        for (; b <= a; ++b) NAME(measured_spread_row)(1, D, a, b, column, Z, total, second + LANES_AT(a, b));
    }
}

/* Moments of a vector of rows whose responsibilities are known. */
GMM_INLINE void NAME(measured_moments)(const int64_t D, const gmm_measuring *all, gmm_measuring_space *own, REAL *first,
                                       REAL *second) {
    const int64_t K = all->mixture->n_components, each = K / all->n_matrices;
    const REAL *observed = own->has_gaps ? own->observed : NULL;
    for (int64_t matrix = 0; matrix < all->n_matrices; ++matrix) {
        const REAL *U = own->factor + matrix * all->size * V_LANES;
        REAL *to = second + matrix * all->moments * V_LANES, *Z = own->whitened;
        NAME(measured_solve)(D, U, all->root + matrix * all->size, observed, Z);
        vec total = v_zero();
        for (int64_t k = matrix * each; k < (matrix + 1) * each; ++k) {
            const vec r = v_load(own->log_density + k * V_LANES);
            NAME(measured_mean)(D, U, Z, own->image + k * D * V_LANES, own->y);
            total = v_add(total, r);
            for (int64_t a = 0; a < D; ++a) {
                const vec x = v_mul(r, v_load(own->y + a * V_LANES));
                NAME(measured_add)(first + (k * D + a) * V_LANES, x);
                for (int64_t b = all->are_matrices ? 0 : a; b <= a; ++b) {
                    REAL *at = to + (all->are_matrices ? LANES_AT(a, b) : a * V_LANES);
                    v_store(at, v_fma(x, v_load(own->y + b * V_LANES), v_load(at)));
                }
            }
        }
        NAME(measured_spread)(D, all->are_matrices, U, Z, total, own->column, to);
        if (!all->ridge || !own->has_gaps) continue;
        NAME(measured_gaps)(all, own, matrix);
        NAME(measured_ridge)(all, own, v_mul(total, v_load(own->gap)), to);
    }
}

/* The same where nothing is correlated: y = sqrt(S) c / (S + E), and B / S is E / (S + E), or 1 of a missing feature. */
static void NAME(measured_axes_moments)(const gmm_measuring *all, const gmm_measuring_space *own, REAL *first,
                                        REAL *second) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    for (int64_t k = 0; k < K; ++k) {
        const vec r = v_load(own->log_density + k * V_LANES);
        for (int64_t j = 0; j < D; ++j) {
            const int64_t at = k * D + j;
            const vec reciprocal = v_load(own->factor + at * V_LANES);
            const vec y = v_mul(v_mul(v_load(own->image + at * V_LANES), reciprocal), v_set1(all->root[at]));
            vec spread = v_mul(v_load(own->error + j * V_LANES), reciprocal);
            if (own->has_gaps)
                spread = v_select(v_lt(v_zero(), v_load(own->observed + j * V_LANES)), spread,
                                  v_set1(1 - 2 * all->share[at]));
            NAME(measured_add)(first + at * V_LANES, v_mul(r, y));
            NAME(measured_add)(second + at * V_LANES, v_mul(r, v_fma(y, y, spread)));
        }
    }
}

/* Adds the log priors of n rows from `row` on. */
static void NAME(measured_prior)(const gmm_measuring *all, gmm_measuring_space *own, int64_t row, int64_t n) {
    const int64_t K = all->mixture->n_components;
    const double *prior = all->rows->log_prior + row * K;
    for (int64_t lane = 0; lane < n; ++lane)
        for (int64_t k = 0; k < K; ++k) own->log_density[k * V_LANES + lane] += prior[lane * K + k];
}

/* Log of the weight times the density of noise. */
static void NAME(measured_noise)(const gmm_measuring *all, gmm_measuring_space *own) {
    const int64_t D = all->mixture->n_features;
    for (int64_t lane = 0; lane < V_LANES; ++lane) {
        double sum = all->noise ? all->noise->log_whole : -INFINITY;
        if (all->noise && own->gap[lane] > 0) {
            sum = all->noise->log_weight;
            for (int64_t j = 0; j < D; ++j) sum -= own->observed[j * V_LANES + lane] * all->noise->log_length[j];
        }
        own->noise[lane] = sum;
    }
}

/* A row so far out that every density underflows belongs to the component of smallest distance, lowest k on ties; to
 * none, -1, where its log prior (K,) allows none that lives. */
static int64_t NAME(measured_far)(const gmm_measuring *all, gmm_measuring_space *own, const double *prior,
                                  int64_t lane) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    const double shrink = ldexp(1, -600);
    int64_t nearest = -1;
    double least = 0;
    for (int64_t k = 0; k < K; ++k) {
        if (!(all->log_weight[k] + (prior ? prior[k] : 0) > -INFINITY)) continue;
        const REAL *U = own->factor + (all->n_matrices == 1 ? 0 : k) * all->size * V_LANES;
        double square = 0;
        for (int64_t j = 0; j < D; ++j) {
            const double z = own->image[(k * D + j) * V_LANES + lane] * shrink;
            square += z * z * U[(all->is_dense ? LANES_AT(j, j) : j * V_LANES) + lane];
        }
        if (nearest < 0 || square < least) {
            nearest = k;
            least = square;
        }
    }
    for (int64_t k = 0; k < K; ++k) own->log_density[k * V_LANES + lane] = k == nearest;
    return nearest;
}

/* Log-densities of components, and of noise, to posteriors; density (lanes) gets those of the rows, label, unless NULL,
 * the likeliest. Of the n rows from `row` on the first that no component may have, or -1. */
static int64_t NAME(measured_softmax)(const gmm_measuring *all, gmm_measuring_space *own, int64_t row, int64_t n,
                                      REAL *density, int64_t *label) {
    const int64_t K = all->mixture->n_components;
    REAL *table = own->log_density;
    vec reference = v_load(table), sum = v_zero();
    for (int64_t k = 1; k < K; ++k) reference = v_max(reference, v_load(table + k * V_LANES));
    REAL largest[GMM_MOST_LANES];
    v_store(largest, reference);
    for (int64_t lane = 0; label && lane < V_LANES; ++lane) {
        label[lane] = 0;
        while (label[lane] < K - 1 && table[label[lane] * V_LANES + lane] < largest[lane]) ++label[lane];
    }
    const vec noise = v_load(own->noise);
    reference = v_max(reference, noise);
    v_store(density, reference);
    const vmask good = v_lt(v_set1(-1e300), reference);
    for (int64_t k = 0; k < K; ++k) {
        const vec term = NAME(exp2)(v_mul(v_sub(v_load(table + k * V_LANES), reference), v_set1(LOG2_E)));
        v_store(table + k * V_LANES, term);
        sum = v_add(sum, term);
    }
    const vec noisy = NAME(exp2)(v_mul(v_sub(noise, reference), v_set1(LOG2_E)));
    sum = v_add(sum, noisy);
    const vec share = v_div(v_set1(1), sum);
    v_store(own->noise, v_mul(noisy, share));
    for (int64_t k = 0; k < K; ++k) v_store(table + k * V_LANES, v_mul(v_load(table + k * V_LANES), share));
    v_store(density, v_add(reference, NAME(log)(v_select(good, sum, v_set1(1)))));
    int64_t bad = -1;
    for (int64_t lane = 0; v_not_all(good) && lane < V_LANES; ++lane) {
        if (density[lane] > -1e300) continue;
        const double *prior = all->rows->log_prior && lane < n ? all->rows->log_prior + (row + lane) * K : NULL;
        const int64_t nearest = NAME(measured_far)(all, own, prior, lane);
        density[lane] = -INFINITY;
        own->noise[lane] = 0;
        if (nearest < 0 && bad < 0 && own->weight[lane] > 0) bad = row + lane;
        if (label) label[lane] = nearest < 0 ? 0 : nearest;
    }
    for (int64_t lane = 0; label && lane < n; ++lane)
        if (own->noise[lane] > table[label[lane] * V_LANES + lane]) label[lane] = -1;
    return bad;
}

static void NAME(measured_write)(const gmm_measuring *all, const gmm_measuring_space *own,
                                 const gmm_measured_scores *scores, int64_t row, int64_t n, const REAL *density,
                                 const int64_t *label) {
    const int64_t K = all->mixture->n_components, columns = K + (all->noise != NULL);
    for (int64_t lane = 0; lane < n; ++lane) {
        const int64_t i = row + lane;
        if (scores->log_density) scores->log_density[i] = density[lane];
        if (scores->label) scores->label[i] = label[lane];
        for (int64_t k = 0; scores->posterior && k < columns; ++k) {
            const double share = k < K ? own->log_density[k * V_LANES + lane] : own->noise[lane];
            const float rounded = (float)share;
            if (scores->precision == GMM_F32)
                memcpy(scores->posterior + (size_t)(i * columns + k) * sizeof rounded, &rounded, sizeof rounded);
            else
                memcpy(scores->posterior + (size_t)(i * columns + k) * sizeof share, &share, sizeof share);
        }
    }
}

/* Returns the first row that no component may have, or -1. */
GMM_INLINE int64_t NAME(measured_vector)(const int64_t D, const gmm_measuring *all, gmm_measuring_space *own,
                                         const gmm_measured_scores *scores, int64_t row, int64_t n) {
    const int64_t K = all->mixture->n_components, features = all->mixture->n_features;
    REAL density[GMM_MOST_LANES];
    int64_t label[GMM_MOST_LANES];
    if (all->is_dense)
        NAME(measured_dense)(D, all, own);
    else
        NAME(measured_axes)(all, own);
    if (all->rows->log_prior) NAME(measured_prior)(all, own, row, n);
    NAME(measured_noise)(all, own);
    const int64_t bad = NAME(measured_softmax)(all, own, row, n, density, scores ? label : NULL);
    if (scores) {
        NAME(measured_write)(all, own, scores, row, n, density, label);
        return bad;
    }
    REAL *sums = own->lanes, *gaps = sums + K * V_LANES, *first = gaps + K * V_LANES;
    REAL *second = first + K * features * V_LANES;
    const vec weight = v_load(own->weight), gap = v_load(own->gap);
    for (int64_t k = 0; k < K; ++k) {
        REAL *r = own->log_density + k * V_LANES;
        v_store(r, v_mul(v_load(r), weight));
        NAME(measured_add)(sums + k * V_LANES, v_load(r));
        NAME(measured_add)(gaps + k * V_LANES, v_mul(v_load(r), gap));
    }
    if (all->is_dense)
        NAME(measured_moments)(D, all, own, first, second);
    else
        NAME(measured_axes_moments)(all, own, first, second);
    for (int64_t lane = 0; lane < n; ++lane) {
        own->sums.weight += own->weight[lane];
        own->sums.noise += own->weight[lane] * own->noise[lane];
        own->sums.log_likelihood += own->weight[lane] > 0 ? own->weight[lane] * density[lane] : 0;
    }
    return bad;
}

/* Rows [first, first + n): scores, or, where these are NULL, sums. Returns the first row that is not finite, or -1. */
static int64_t NAME(measure)(const gmm_measuring *all, gmm_measuring_space *own, const gmm_measured_scores *scores,
                             int64_t first, int64_t n) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    const int64_t size = K * (2 + D) + all->n_matrices * all->moments;
    if (!scores) memset(own->lanes, 0, (size_t)(size * V_LANES) * sizeof(double));
    own->sums.log_likelihood = own->sums.weight = own->sums.noise = 0;
    for (int64_t row = first; row < first + n; row += V_LANES) {
        const int64_t left = first + n - row, here = left < V_LANES ? left : V_LANES;
        int64_t bad = gmm_pack_measured(all, own, row, here, V_LANES);
        if (bad >= 0) return bad;
        switch (D) { /* compiled in, few features are 5% to 15% faster; 6 to 8 were 8% for as much code again */
        case 1: bad = NAME(measured_vector)(1, all, own, scores, row, here); break;
        case 2: bad = NAME(measured_vector)(2, all, own, scores, row, here); break;
        case 3: bad = NAME(measured_vector)(3, all, own, scores, row, here); break;
        case 4: bad = NAME(measured_vector)(4, all, own, scores, row, here); break;
        case 5: bad = NAME(measured_vector)(5, all, own, scores, row, here); break;
        default: bad = NAME(measured_vector)(D, all, own, scores, row, here);
        }
        if (bad >= 0) return bad;
    }
    for (int64_t i = 0; !scores && i < size; ++i) own->total[i] = v_sum(v_load(own->lanes + i * V_LANES));
    return -1;
}
