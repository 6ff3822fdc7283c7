/* measured.inc.c: rows observed with error, lanes = rows: a factor of S + E for every row and component. In double.
 *
 *     S + E = U D U',  z = inverse(U) (x - mean),  q = z' inverse(D) z            S = L L' of the component, E of the row
 *     Z = inverse(U) L,  y = Z' inverse(D) z,  inverse(L) B inverse(L') = I - Z' inverse(D) Z
 *
 * so moments are summed in units of the component, where rounding is eps of every direction, and only a block's total is
 * multiplied by L. A missing feature is a row and column of the identity in place of S + E, and a row of zeros of L.
 * A pivot of S + E is never below that of S, whatever rounding says. measured_sums.inc.c has the moments. */

#define PACKED(i, j) ((i) * ((i) + 1) / 2 + (j))
#define LANES_AT(i, j) (PACKED(i, j) * V_LANES)

/* 1 / pivots and the logarithm of the pivots' product, without overflow. */
typedef struct {
    vec mantissa, exponent;
} NAME(measured_product);

GMM_INLINE void NAME(measured_multiply)(NAME(measured_product) *product, vec d) {
    const vec m = v_mul(product->mantissa, v_mantissa(d)); /* below 4 */
    product->exponent = v_add(product->exponent, v_add(v_exponent(d), v_exponent(m)));
    product->mantissa = v_mantissa(m);
}

GMM_INLINE vec NAME(measured_log)(const NAME(measured_product) *product) {
    return v_fma(product->exponent, v_set1(0.693147180559945309), NAME(log)(product->mantissa));
}

/* R rows of column j below its pivot: u_ij = S_ij + E_ij - sum_{l < j} U_jl u_il. */
GMM_INLINE void NAME(measured_column)(const int R, int64_t i, int64_t j, const double *S, const REAL *E,
                                      const REAL *observed, const REAL *pivot_row, REAL *U) {
    vec sum[4];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        sum[r] = v_set1(S[PACKED(i + r, j)]);
        if (E) sum[r] = v_add(sum[r], v_load(E + LANES_AT(i + r, j)));
    }
    for (int64_t l = 0; l < j; ++l) {
        const vec f = v_load(pivot_row + l * V_LANES);
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[r] = v_fnma(f, v_load(U + LANES_AT(i + r, l)), sum[r]);
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        if (observed)
            sum[r] = v_mul(sum[r], v_mul(v_load(observed + (i + r) * V_LANES), v_load(observed + j * V_LANES)));
        v_store(U + LANES_AT(i + r, j), sum[r]);
    }
}

/* Factor of S + E, E NULL for none; observed NULL: all. Returns the log-determinant. */
GMM_INLINE vec NAME(measured_factor)(const int64_t D, const double *S, const double *least, const REAL *E,
                                     const REAL *observed, REAL *U) {
    const vec one = v_set1(1), zero = v_zero();
    NAME(measured_product) product = {one, zero};
    for (int64_t j = 0; j < D; ++j) {
        REAL *row = U + LANES_AT(j, 0);
        vec d = v_set1(S[PACKED(j, j)]);
        if (E) d = v_add(d, v_load(E + LANES_AT(j, j)));
        for (int64_t l = 0; l < j; ++l) {
            const vec u = v_load(row + l * V_LANES), f = v_mul(u, v_load(U + LANES_AT(l, l)));
            d = v_fnma(u, f, d);
            v_store(row + l * V_LANES, f);
        }
        d = v_max(d, v_set1(least[j]));
        if (observed) d = v_select(v_lt(zero, v_load(observed + j * V_LANES)), d, one);
        v_store(row + j * V_LANES, v_div(one, d));
        NAME(measured_multiply)(&product, d);
        int64_t i = j + 1;
        for (; i + 4 <= D; i += 4) NAME(measured_column)(4, i, j, S, E, observed, row, U);
        for (; i < D; ++i) NAME(measured_column)(1, i, j, S, E, observed, row, U);
    }
    return NAME(measured_log)(&product);
}

/* z = inverse(U) (x - mean), 0 where x is missing; returns the squared distance. */
GMM_INLINE vec NAME(measured_image)(const int64_t D, const double *mean, const REAL *U, const REAL *point,
                                    const REAL *observed, REAL *z) {
    vec square = v_zero();
    for (int64_t i = 0; i < D; ++i) {
        vec c = v_sub(v_load(point + i * V_LANES), v_set1(mean[i]));
        if (observed) c = v_mul(c, v_load(observed + i * V_LANES));
        for (int64_t l = 0; l < i; ++l)
            c = v_fnma(v_load(U + LANES_AT(i, l)), v_load(z + l * V_LANES), c);
        v_store(z + i * V_LANES, c);
        square = v_fma(v_mul(c, c), v_load(U + LANES_AT(i, i)), square);
    }
    return square;
}

/* Elements (i, a) to (i, a + R - 1), all below the diagonal but the last, of what measured_solve finds. */
GMM_INLINE void NAME(measured_solve_row)(const int R, int64_t i, int64_t a, const REAL *U, const double *L,
                                         const REAL *observed, REAL *Z) {
    vec sum[4];
    GMM_UNROLL
    for (int r = 0; r < R; ++r) {
        sum[r] = v_set1(L ? L[PACKED(i, a + r)] : (REAL)(i == a + r));
        if (observed) sum[r] = v_mul(sum[r], v_load(observed + i * V_LANES));
        GMM_UNROLL
        for (int l = r; l < R - 1; ++l)
            sum[r] = v_fnma(v_load(U + LANES_AT(i, a + l)), v_load(Z + LANES_AT(a + l, a + r)), sum[r]);
    }
    for (int64_t l = a + R - 1; l < i; ++l) {
        const vec u = v_load(U + LANES_AT(i, l));
        GMM_UNROLL
        for (int r = 0; r < R; ++r) sum[r] = v_fnma(u, v_load(Z + LANES_AT(l, a + r)), sum[r]);
    }
    GMM_UNROLL
    for (int r = 0; r < R; ++r) v_store(Z + LANES_AT(i, a + r), sum[r]);
}

/* inverse(U) L, L = identity where it is NULL; rows of missing features are zero, of the identity too. */
GMM_INLINE void NAME(measured_solve)(const int64_t D, const REAL *U, const double *L, const REAL *observed, REAL *Z) {
    for (int64_t i = 0; i < D; ++i) {
        int64_t a = 0;
        for (; a + 4 <= i + 1; a += 4) NAME(measured_solve_row)(4, i, a, U, L, observed, Z);
        for (; a <= i; ++a) NAME(measured_solve_row)(1, i, a, U, L, observed, Z);
    }
}

/* Rows with gaps under a ridge R: factor of S_oo in ridged[0], its inverse(U) in [1], inverse(U) L in [2].
 * Returns 1/2 tr(R_oo inverse(S_oo)). */
static vec NAME(measured_gaps)(const gmm_measuring *all, gmm_measuring_space *own, int64_t matrix) {
    const int64_t D = all->mixture->n_features;
    REAL *U = own->ridged[0], *H = own->ridged[1];
    const double *S = all->covariance + matrix * all->size, *L = all->root + matrix * all->size;
    NAME(measured_factor)(D, S, all->least + matrix * D, NULL, own->observed, U);
    NAME(measured_solve)(D, U, NULL, own->observed, H);
    NAME(measured_solve)(D, U, L, own->observed, own->ridged[2]);
    vec penalty = v_zero();
    for (int64_t i = 0; i < D; ++i) {
        vec square = v_zero();
        for (int64_t j = 0; j <= i; ++j) {
            const vec h = v_load(H + LANES_AT(i, j));
            square = v_fma(v_mul(h, h), v_set1(all->ridge[j]), square);
        }
        penalty = v_fma(square, v_load(U + LANES_AT(i, i)), penalty);
    }
    return v_mul(penalty, v_set1(0.5));
}

/* Factors, images and log-densities of a vector of rows under every component. */
GMM_INLINE void NAME(measured_dense)(const int64_t D, const gmm_measuring *all, gmm_measuring_space *own) {
    const int64_t K = all->mixture->n_components;
    const REAL *observed = own->has_gaps ? own->observed : NULL;
    vec log_det = v_zero(), penalty = v_zero();
    for (int64_t k = 0; k < K; ++k) {
        const int64_t matrix = all->n_matrices == 1 ? 0 : k;
        REAL *U = own->factor + matrix * all->size * V_LANES;
        if (matrix == k) {
            log_det = NAME(measured_factor)(D, all->covariance + matrix * all->size, all->least + matrix * D, own->error,
                                            observed, U);
            penalty = v_set1(all->penalty[matrix]);
            if (all->ridge && own->has_gaps)
                penalty = v_select(v_lt(v_zero(), v_load(own->gap)), NAME(measured_gaps)(all, own, matrix), penalty);
        }
        const vec square = NAME(measured_image)(D, all->mixture->mean + k * D, U, own->point, observed,
                                                own->image + k * D * V_LANES);
        const vec bits = v_fma(v_load(own->n_observed), v_set1(1.8378770664093454836), v_add(square, log_det));
        v_store(own->log_density + k * V_LANES,
                v_fnma(bits, v_set1(0.5), v_sub(v_set1(all->log_weight[k]), penalty)));
    }
}

/* The same where nothing is correlated: S + E is diagonal, and its factor its reciprocal. */
static void NAME(measured_axes)(const gmm_measuring *all, gmm_measuring_space *own) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    const vec one = v_set1(1);
    for (int64_t k = 0; k < K; ++k) {
        const double *S = all->covariance + k * D, *mean = all->mixture->mean + k * D;
        REAL *reciprocal = own->factor + k * D * V_LANES, *z = own->image + k * D * V_LANES;
        NAME(measured_product) product = {one, v_zero()};
        vec square = v_zero(), penalty = v_set1(all->penalty[k]);
        if (own->has_gaps) penalty = v_zero();
        for (int64_t j = 0; j < D; ++j) {
            vec d = v_add(v_set1(S[j]), v_load(own->error + j * V_LANES));
            vec c = v_sub(v_load(own->point + j * V_LANES), v_set1(mean[j]));
            if (own->has_gaps) {
                const vec seen = v_load(own->observed + j * V_LANES);
                d = v_select(v_lt(v_zero(), seen), d, one);
                c = v_mul(c, seen);
                penalty = v_fma(seen, v_set1(all->share[k * D + j]), penalty);
            }
            const vec r = v_div(one, d);
            v_store(reciprocal + j * V_LANES, r);
            v_store(z + j * V_LANES, c);
            square = v_fma(v_mul(c, c), r, square);
            NAME(measured_multiply)(&product, d);
        }
        const vec bits = v_fma(v_load(own->n_observed), v_set1(1.8378770664093454836),
                               v_add(square, NAME(measured_log)(&product)));
        v_store(own->log_density + k * V_LANES,
                v_fnma(bits, v_set1(0.5), v_sub(v_set1(all->log_weight[k]), penalty)));
    }
}
