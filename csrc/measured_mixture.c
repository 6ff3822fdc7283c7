/* measured_mixture.c: factors of a mixture seen through errors, and the way back from their units. */
#include "measured_mixture.h"

#include "matrices.h"

#include <math.h>
#include <string.h>

static int64_t packed(int64_t i, int64_t j) { return i * (i + 1) / 2 + j; }

gmm_measuring gmm_take_measuring(const gmm_mixture *mixture, int are_variances, gmm_workspace *space) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const int are_matrices = mixture->structure == GMM_FULL || mixture->structure == GMM_TIED;
    gmm_measuring all = {.mixture = mixture,
                         .is_dense = are_matrices || !are_variances,
                         .are_matrices = are_matrices,
                         .n_matrices = mixture->structure == GMM_TIED ? 1 : K};
    all.size = all.is_dense ? packed(D, 0) : D;
    all.moments = are_matrices ? all.size : D;
    all.log_weight = gmm_take(space, K, sizeof(double));
    all.covariance = gmm_take(space, all.n_matrices * all.size, sizeof(double));
    all.root = gmm_take(space, all.n_matrices * all.size, sizeof(double));
    all.least = gmm_take(space, all.n_matrices * D, sizeof(double));
    all.penalty = gmm_take(space, all.n_matrices, sizeof(double));
    all.share = gmm_take(space, K * D, sizeof(double));
    if (!are_matrices) return all;
    all.matrices_bytes = gmm_mixture_scratch_bytes(mixture->structure, K, D, 1);
    all.matrices = gmm_take(space, (int64_t)all.matrices_bytes, 1);
    all.whitener = gmm_take(space, all.n_matrices * D * D, sizeof(double));
    return all;
}

gmm_measuring_space gmm_take_measuring_space(const gmm_measuring *all, gmm_workspace *space) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    const int64_t total = K * (2 + D) + all->n_matrices * all->moments;
    const size_t vector = GMM_MOST_LANES * sizeof(double);
    gmm_measuring_space own = {.point = gmm_take(space, D, vector), .observed = gmm_take(space, D, vector)};
    own.error = gmm_take(space, all->size, vector);
    own.weight = gmm_take(space, 1, vector);
    own.n_observed = gmm_take(space, 1, vector);
    own.gap = gmm_take(space, 1, vector);
    own.factor = gmm_take(space, all->n_matrices * all->size, vector);
    own.image = gmm_take(space, K * D, vector);
    own.log_density = gmm_take(space, K, vector);
    own.noise = gmm_take(space, 1, vector);
    own.lanes = gmm_take(space, total, vector);
    own.total = gmm_take(space, total, sizeof(double));
    own.product = gmm_take(space, D * D, sizeof(double));
    if (space->base) {
        own.sums.n = own.total;
        own.sums.gaps = own.sums.n + K;
        own.sums.first = own.sums.gaps + K;
        own.sums.second = own.sums.first + K * D;
    }
    if (!all->is_dense) return own;
    own.whitened = gmm_take(space, all->size, vector);
    own.column = gmm_take(space, D, vector);
    own.y = gmm_take(space, D, vector);
    for (int r = 0; r < 3; ++r) own.ridged[r] = gmm_take(space, all->size, vector);
    return own;
}

/* ---- factors ---- */

/* Of feature j, where covariances are variances. */
static double variance_of(const gmm_mixture *mixture, int64_t k, int64_t j) {
    return mixture->covariance[mixture->structure == GMM_DIAG ? k * mixture->n_features + j : k];
}

/* L = inverse(W) of lower triangles, W dense and L packed. */
static void invert(int64_t D, const double *W, double *L) {
    for (int64_t j = 0; j < D; ++j)
        for (int64_t i = j; i < D; ++i) {
            double sum = i == j;
            for (int64_t l = j; l < i; ++l) sum -= W[i * D + l] * L[packed(l, j)];
            L[packed(i, j)] = sum / W[i * D + i];
        }
}

/* 1/2 tr(R inverse(S)) */
static double penalty_of(int64_t D, const double *W, const double *ridge) {
    double sum = 0;
    for (int64_t i = 0; ridge && i < D; ++i)
        for (int64_t j = 0; j <= i; ++j) sum += W[i * D + j] * W[i * D + j] * ridge[j];
    return sum / 2;
}

static void load_matrix(gmm_measuring *all, int64_t matrix) {
    const int64_t D = all->mixture->n_features;
    const double *W = all->whitener + matrix * D * D;
    double *S = all->covariance + matrix * all->size;
    for (int64_t i = 0; i < D; ++i) {
        for (int64_t j = 0; j <= i; ++j) S[packed(i, j)] = all->mixture->covariance[(matrix * D + i) * D + j];
        all->least[matrix * D + i] = 1 / (W[i * D + i] * W[i * D + i]);
    }
    invert(D, W, all->root + matrix * all->size);
    all->penalty[matrix] = penalty_of(D, W, all->ridge);
}

/* Variances, as such or as matrices beside dense errors. */
static void load_variances(gmm_measuring *all, int64_t k) {
    const int64_t D = all->mixture->n_features;
    double *S = all->covariance + k * all->size, *L = all->root + k * all->size;
    memset(S, 0, (size_t)all->size * sizeof *S);
    memset(L, 0, (size_t)all->size * sizeof *L);
    all->penalty[k] = 0;
    for (int64_t j = 0; j < D; ++j) {
        const double variance = variance_of(all->mixture, k, j);
        const int64_t at = all->is_dense ? packed(j, j) : j;
        S[at] = all->least[k * D + j] = variance;
        L[at] = sqrt(variance);
        all->share[k * D + j] = all->ridge ? all->ridge[j] / variance / 2 : 0;
        all->penalty[k] += all->share[k * D + j];
    }
}

gmm_status gmm_load_measuring(gmm_measuring *all, int64_t *bad_component) {
    const gmm_mixture *mixture = all->mixture;
    for (int64_t k = 0; k < mixture->n_components; ++k) all->log_weight[k] = log(mixture->weight[k]);
    if (all->are_matrices) {
        const gmm_status status = gmm_whiten(all->n_matrices, mixture->n_features, mixture->covariance, 1, all->matrices,
                                             all->matrices_bytes, all->whitener, bad_component);
        if (status != GMM_OK) return status;
    }
    for (int64_t matrix = 0; matrix < all->n_matrices; ++matrix) {
        if (all->are_matrices)
            load_matrix(all, matrix);
        else
            load_variances(all, matrix);
    }
    return GMM_OK;
}

/* ---- sums ---- */

/* second = L G L' - gaps R */
static void finish_matrix(const gmm_measuring *all, const gmm_measuring_space *own, int64_t matrix, double gaps,
                          double *second) {
    const int64_t D = all->mixture->n_features;
    const double *L = all->root + matrix * all->size, *G = own->sums.second + matrix * all->moments;
    double *product = own->product;
    for (int64_t i = 0; i < D; ++i) {
        double *row = product + i * D;
        memset(row, 0, (size_t)D * sizeof *row);
        for (int64_t b = 0; b <= i; ++b) {
            const double l = L[packed(i, b)];
            for (int64_t a = 0; a < b; ++a) row[a] += l * G[packed(b, a)];
            for (int64_t a = b; a < D; ++a) row[a] += l * G[packed(a, b)];
        }
        for (int64_t j = 0; j <= i; ++j) {
            double sum = i == j && all->ridge ? -gaps * all->ridge[i] : 0;
            for (int64_t a = 0; a <= j; ++a) sum += row[a] * L[packed(j, a)];
            second[i * D + j] = second[j * D + i] = sum;
        }
    }
}

static void finish_variances(const gmm_measuring *all, const gmm_measuring_space *own, int64_t k, double *second) {
    const int64_t D = all->mixture->n_features;
    const int is_trace = all->mixture->structure == GMM_SPHERICAL;
    if (is_trace) *second = 0;
    for (int64_t j = 0; j < D; ++j) {
        const double gaps = all->is_dense && all->ridge ? own->sums.gaps[k] * all->ridge[j] : 0;
        const double sum = variance_of(all->mixture, k, j) * own->sums.second[k * D + j] - gaps;
        second[is_trace ? 0 : j] = is_trace ? *second + sum : sum;
    }
}

void gmm_finish_measured(const gmm_measuring *all, const gmm_measuring_space *own, gmm_statistics *partial) {
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features;
    double gaps = 0;
    for (int64_t k = 0; k < K; ++k) {
        const double *L = all->root + (all->n_matrices == 1 ? 0 : k) * all->size, *y = own->sums.first + k * D;
        partial->n[k] = own->sums.n[k];
        gaps += own->sums.gaps[k];
        for (int64_t i = 0; i < D; ++i) {
            double sum = 0;
            for (int64_t j = 0; all->is_dense && j <= i; ++j) sum += L[packed(i, j)] * y[j];
            partial->first[k * D + i] = all->is_dense ? sum : L[i] * y[i];
        }
    }
    for (int64_t matrix = 0; matrix < all->n_matrices; ++matrix) {
        if (all->are_matrices)
            finish_matrix(all, own, matrix, all->mixture->structure == GMM_TIED ? gaps : own->sums.gaps[matrix],
                          partial->second + matrix * D * D);
        else
            finish_variances(all, own, matrix,
                             partial->second + (all->mixture->structure == GMM_SPHERICAL ? matrix : matrix * D));
    }
    partial->log_likelihood = own->sums.log_likelihood;
    partial->weight = own->sums.weight;
    partial->noise = own->sums.noise;
}
