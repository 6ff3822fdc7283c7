/* noise.inc.c: a density that is the same for every row, beside those of the components; and priors of rows.
 *
 *     log p' = log(e^c + p),   share of the components p / p',   responsibility of noise e^c / p'
 *
 * c is the log density of noise, its weight included, p the density that the components have together. So noise needs
 * nothing of the structures: it takes its share when theirs are known.
 * Invariant: a row so far out that p underflows is noise. */

/* Log-densities of a row vector (nats) without noise -> with it, and the responsibilities of noise; returns the share
 * that is left to the components. */
GMM_INLINE vec NAME(noise_share)(vec c, REAL *log_density, REAL *noise) {
    const vec log2_e = v_set1((REAL)LOG2_E), p = v_load(log_density), largest = v_max(p, c);
    const vec rest = NAME(exp2)(v_mul(v_sub(p, largest), log2_e)), own = NAME(exp2)(v_mul(v_sub(c, largest), log2_e));
    const vec sum = v_add(rest, own);
    v_store(log_density, v_add(largest, NAME(log)(sum)));
    v_store(noise, v_div(own, sum));
    return v_div(rest, sum);
}

/* Far below every log density, but no infinity: there must be something to compare. */
static vec NAME(noise_constant)(double log_noise) { return v_set1((REAL)(log_noise > -1e38 ? log_noise : -1e38)); }

/* rows, a multiple of V_LANES: share is multiplied by what is left to the components. */
static void NAME(noise_shares)(double log_noise, int64_t rows, REAL *log_density, REAL *share, REAL *noise) {
    const vec c = NAME(noise_constant)(log_noise);
    if (!(log_noise > -INFINITY)) {
        memset(noise, 0, (size_t)rows * sizeof *noise);
        return;
    }
    for (int64_t i = 0; i < rows; i += V_LANES) {
        const vec left = NAME(noise_share)(c, log_density + i, noise + i);
        v_store(share + i, v_mul(v_load(share + i), left));
    }
}

/* The same of a tile with its responsibilities (K, stride). label, unless NULL: -1 where noise is likelier than the
 * component it names; a row that is not finite has -1 already. */
static void NAME(pass_noise)(double log_noise, int64_t n_components, const NAME(tile) *tile, REAL *table,
                             REAL *log_density, REAL *label, REAL *noise) {
    const vec c = NAME(noise_constant)(log_noise);
    if (!(log_noise > -INFINITY)) {
        memset(noise, 0, (size_t)tile->rows * sizeof *noise);
        return;
    }
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        const vec left = NAME(noise_share)(c, log_density + i, noise + i);
        for (int64_t k = 0; k < n_components; ++k) {
            REAL *r = table + k * tile->stride + i;
            v_store(r, v_mul(v_load(r), left));
        }
    }
    for (int64_t i = 0; label && i < tile->n_rows; ++i)
        if (label[i] >= 0 && noise[i] > table[(int64_t)label[i] * tile->stride + i]) label[i] = -1;
}

/* Adds the log priors (N, K) of the tile's rows, in nats, to its log2-densities. */
static void NAME(add_prior)(const double *log_prior, int64_t n_components, const NAME(tile) *tile, REAL *density) {
    for (int64_t k = 0; k < n_components; ++k)
        for (int64_t i = 0; i < tile->n_rows; ++i)
            density[k * tile->stride + i] += (REAL)(log_prior[i * n_components + k] * LOG2_E);
}
