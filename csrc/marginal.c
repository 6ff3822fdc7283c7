/* marginal.c: factors of the observed features of a mixture, and the sums of all features from those of the observed.
 *
 * S is a covariance, o are the observed features of a row, m the missing ones. Given a component and x_o, x_m is normal
 * about mean_m + B (x_o - mean_o) with covariance C, so with A = [I; B] (Ghahramani and Jordan 1994)
 *
 *     first = A first_o,    second = A second_oo A' + n C,    B = S_mo inverse(S_oo),    C = S_mm - B S_om
 *
 * and no row needs more than its observed features. In the order [o, m] the whitener of S is [W_o 0; W_mo W_m]: W_o
 * whitens S_oo, B = -inverse(W_m) W_mo, and C = inverse(W_m) inverse(W_m)', which cannot lose its sign.
 *
 * A ridge R is noise on what is observed: second_oo + n R_oo in place of second_oo. The M-step adds n R to all
 * features, so what it adds to the missing ones is taken off here. */
#include "marginal.h"

#include "fit.h"

#include <math.h>
#include <string.h>

static int is_dense(gmm_structure structure) { return structure == GMM_FULL || structure == GMM_TIED; }

gmm_marginal gmm_take_marginal(gmm_structure structure, int64_t K, int64_t D, gmm_workspace *space) {
    const int dense = is_dense(structure);
    const int64_t n_matrices = structure == GMM_FULL ? K : 1, given = gmm_covariance_size(structure, K, D);
    const int64_t copied = gmm_covariance_size(dense ? GMM_FULL : structure, K, D);
    gmm_marginal m = {.total_scatter = structure == GMM_TIED ? gmm_take(space, D * D, sizeof(double)) : NULL,
                      .matrices_bytes = gmm_mixture_scratch_bytes(structure, K, D, 1)};
    m.order = gmm_take(space, D, sizeof *m.order);
    m.scale = gmm_take(space, D, sizeof(double));
    m.centre = gmm_take(space, D, sizeof(double));
    m.observed_ridge = gmm_take(space, D, sizeof(double));
    m.log_constant = gmm_take(space, K, sizeof(double));
    m.mean = gmm_take(space, K * D, sizeof(double));
    m.covariance = gmm_take(space, given, sizeof(double));
    m.whitener = gmm_take(space, copied, sizeof(double));
    m.sums.n = gmm_take(space, K, sizeof(double));
    m.sums.first = gmm_take(space, K * D, sizeof(double));
    m.sums.second = gmm_take(space, given, sizeof(double));
    m.matrices = gmm_take(space, (int64_t)m.matrices_bytes, 1);
    if (!dense) return m;
    m.ordered = gmm_take(space, given, sizeof(double));
    m.regression = gmm_take(space, n_matrices * D * D, sizeof(double));
    m.residual = gmm_take(space, n_matrices * D * D, sizeof(double));
    m.product = gmm_take(space, D * D, sizeof(double));
    return m;
}

/* to_i = from_order[i] of `count` vectors (D,): the observed features alone. */
static void select_features(const gmm_marginal *m, int64_t count, const double *from, double *to) {
    const int64_t D = m->mixture->n_features, o = m->n_observed;
    for (int64_t k = 0; k < count; ++k)
        for (int64_t i = 0; i < o; ++i) to[k * o + i] = from[k * D + m->order[i]];
}

/* B and C from the whitener of the features in order, by forward substitution: W_m [B, V] = [-W_mo, I], C = V V'. */
static void regress(const gmm_marginal *marginal, const double *W, double *B, double *C) {
    const int64_t D = marginal->mixture->n_features, o = marginal->n_observed, m = D - o;
    double *V = marginal->product;
    for (int64_t i = 0; i < m; ++i) {
        const double *w = W + (o + i) * D, scale = 1 / w[o + i];
        double *b = B + i * o, *v = V + i * m;
        for (int64_t c = 0; c < o; ++c) b[c] = -w[c];
        for (int64_t c = 0; c < m; ++c) v[c] = c == i;
        for (int64_t q = 0; q < i; ++q) {
            for (int64_t c = 0; c < o; ++c) b[c] -= w[o + q] * B[q * o + c];
            for (int64_t c = 0; c <= q; ++c) v[c] -= w[o + q] * V[q * m + c];
        }
        for (int64_t c = 0; c < o; ++c) b[c] *= scale;
        for (int64_t c = 0; c <= i; ++c) v[c] *= scale;
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0;
            for (int64_t c = 0; c <= j; ++c) sum += v[c] * V[j * m + c];
            C[i * m + j] = C[j * m + i] = sum;
        }
    }
}

/* Matrices with missing features: the whitener of all in order; its leading block is that of the observed. */
static gmm_status marginalise_matrices(gmm_marginal *m, const double *ridge, int adds_up, int64_t *bad) {
    const gmm_mixture *mixture = m->mixture;
    const int64_t K = mixture->n_components, D = mixture->n_features, o = m->n_observed, l = D - o;
    const int64_t n_matrices = mixture->structure == GMM_FULL ? K : 1;
    for (int64_t k = 0; k < n_matrices; ++k)
        for (int64_t i = 0; i < D; ++i) {
            const double *from = mixture->covariance + (k * D + m->order[i]) * D;
            for (int64_t j = 0; j < D; ++j) m->covariance[(k * D + i) * D + j] = from[m->order[j]];
        }
    const gmm_status status =
        gmm_whiten(n_matrices, D, m->covariance, 1, m->matrices, m->matrices_bytes, m->ordered, bad);
    if (status != GMM_OK) return status;
    for (int64_t k = 0; k < K; ++k) {
        const int64_t at = n_matrices == 1 ? 0 : k;
        const double *W = m->ordered + at * D * D;
        double *leading = m->whitener + (m->factors.structure == GMM_TIED ? 0 : k) * o * o;
        for (int64_t i = 0; i < o; ++i) memcpy(leading + i * o, W + i * D, (size_t)o * sizeof *W);
        m->log_constant[k] =
            log(mixture->weight[k]) - (double)o / 2 * GMM_LOG_TWO_PI + gmm_triangle_constant(o, leading, ridge);
        if (adds_up && at == k) regress(m, W, m->regression + at * l * o, m->residual + at * l * l);
    }
    return GMM_OK;
}

/* The mixture of the observed features, where its covariances are those of the whole with features left out. */
static gmm_status factorize_selected(gmm_marginal *m, const double *ridge, int64_t *bad) {
    const gmm_mixture *whole = m->mixture;
    const int64_t K = whole->n_components, o = m->n_observed;
    gmm_mixture selected = {whole->structure, K, o, whole->weight, m->mean, whole->covariance,
                            GMM_OWN_FORM};
    if (whole->structure == GMM_DIAG) {
        select_features(m, K, whole->covariance, m->covariance);
        selected.covariance = m->covariance;
    }
    const gmm_status status = gmm_factorize(&selected, ridge, 1, m->matrices, m->matrices_bytes, m->log_constant,
                                            m->whitener, bad);
    if (status == GMM_OK && whole->structure == GMM_TIED && m->factors.structure == GMM_FULL)
        for (int64_t k = 1; k < K; ++k)
            memcpy(m->whitener + k * o * o, m->whitener, (size_t)(o * o) * sizeof *m->whitener);
    return status;
}

gmm_status gmm_marginalise(gmm_marginal *m, const unsigned char *observed, int adds_up, int64_t *bad_component) {
    const gmm_mixture *mixture = m->mixture;
    const int64_t K = mixture->n_components, D = mixture->n_features;
    m->n_observed = 0;
    for (int64_t j = 0; j < D; ++j)
        if (observed[j]) m->order[m->n_observed++] = j;
    for (int64_t j = 0, i = m->n_observed; j < D; ++j)
        if (!observed[j]) m->order[i++] = j;
    select_features(m, K, mixture->mean, m->mean);
    if (m->ridge) select_features(m, 1, m->ridge, m->observed_ridge);
    const double *ridge = m->ridge ? m->observed_ridge : NULL;
    const int copies = mixture->structure == GMM_TIED && !adds_up;
    m->factors = (gmm_factors){.structure = copies ? GMM_FULL : mixture->structure,
                               .n_components = K,
                               .n_features = m->n_observed,
                               .log_constant = m->log_constant,
                               .mean = m->mean,
                               .whitener = m->whitener};
    if (is_dense(mixture->structure) && m->n_observed < D)
        return marginalise_matrices(m, ridge, adds_up, bad_component);
    return m->n_observed > 0 ? factorize_selected(m, ridge, bad_component) : GMM_OK;
}

/* Moments in all features of component k, or of n rows pooled: S (D, D) += [T, T B'; B T, B T B' + n (C - R_m)]. */
static void complete_matrix(const gmm_marginal *marginal, int64_t k, double n, double *S) {
    const int64_t D = marginal->mixture->n_features, o = marginal->n_observed, m = D - o, *order = marginal->order;
    const double *ridge = marginal->ridge;
    const double *B = marginal->regression + k * m * o, *C = marginal->residual + k * m * m;
    double *T = marginal->sums.second + k * o * o, *BT = marginal->product;
    for (int64_t i = 0; i < o; ++i)
        for (int64_t j = 0; j < o; ++j) S[order[i] * D + order[j]] += T[i * o + j];
    for (int64_t i = 0; ridge && i < o; ++i) T[i * o + i] += n * ridge[order[i]];
    for (int64_t i = 0; i < m; ++i) {
        double *row = BT + i * o, *to = S + order[o + i] * D;
        memset(row, 0, (size_t)o * sizeof *row);
        for (int64_t q = 0; q < o; ++q)
            for (int64_t j = 0; j < o; ++j) row[j] += B[i * o + q] * T[q * o + j];
        for (int64_t j = 0; j < o; ++j) {
            to[order[j]] += row[j];
            S[order[j] * D + order[o + i]] += row[j];
        }
        for (int64_t j = 0; j <= i; ++j) {
            double sum = n * (C[i * m + j] - (ridge && i == j ? ridge[order[o + i]] : 0));
            for (int64_t q = 0; q < o; ++q) sum += row[q] * B[j * o + q];
            to[order[o + j]] += sum;
            if (j < i) S[order[o + j] * D + order[o + i]] += sum;
        }
    }
}

static void complete_variances(const gmm_marginal *m, int64_t k, double *S) {
    const int64_t D = m->mixture->n_features, o = m->n_observed;
    const double n = m->sums.n[k];
    for (int64_t i = 0; i < o; ++i) S[m->order[i]] += m->sums.second[k * o + i];
    for (int64_t i = o; i < D; ++i) {
        const int64_t j = m->order[i];
        S[j] += n * (m->mixture->covariance[k * D + j] - (m->ridge ? m->ridge[j] : 0));
    }
}

static double completed_trace(const gmm_marginal *m, int64_t k) {
    double lacking = 0;
    for (int64_t i = m->n_observed; i < m->mixture->n_features; ++i)
        lacking += m->mixture->covariance[k] - (m->ridge ? m->ridge[m->order[i]] : 0);
    return m->sums.second[k] + m->sums.n[k] * lacking;
}

static void complete_mean(const gmm_marginal *marginal, int64_t k, double *first) {
    const int64_t D = marginal->mixture->n_features, o = marginal->n_observed, m = D - o;
    const int64_t at = marginal->mixture->structure == GMM_TIED ? 0 : k;
    const double *from = marginal->sums.first + k * o;
    for (int64_t i = 0; i < o; ++i) first[marginal->order[i]] += from[i];
    for (int64_t i = 0; marginal->regression && i < m; ++i) {
        const double *b = marginal->regression + (at * m + i) * o;
        double sum = 0;
        for (int64_t q = 0; q < o; ++q) sum += b[q] * from[q];
        first[marginal->order[o + i]] += sum;
    }
}

void gmm_complete_sums(const gmm_marginal *m, gmm_statistics *total) {
    const int64_t K = m->mixture->n_components, D = m->mixture->n_features;
    double n = 0;
    for (int64_t k = 0; k < K; ++k) {
        total->n[k] += m->sums.n[k];
        complete_mean(m, k, total->first + k * D);
        n += m->sums.n[k];
        if (m->mixture->structure == GMM_FULL) complete_matrix(m, k, m->sums.n[k], total->second + k * D * D);
        if (m->mixture->structure == GMM_DIAG) complete_variances(m, k, total->second + k * D);
        if (m->mixture->structure == GMM_SPHERICAL) total->second[k] += completed_trace(m, k);
    }
    if (m->mixture->structure == GMM_TIED) complete_matrix(m, 0, n, total->second);
    total->log_likelihood += m->sums.log_likelihood;
    total->weight += m->sums.weight;
    total->noise += m->sums.noise;
}
