/* factorize.c: factors of a mixture: whiteners and log constants, a matrix at a time on any thread. */
#include "dispatch.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

#define FARTHEST 65536.0 /* 2^16 */

typedef struct {
    const gmm_algebra *algebra;
    int64_t D;
    const double *covariance;
    double *whitener;
    double *space; /* of thread 0 */
    int64_t space_size;
} whitening;

static void whiten_block(void *context, int thread, int64_t slot, int64_t k) {
    whitening *all = context;
    const int64_t size = all->D * all->D;
    double *W = all->whitener + k * size;
    (void)slot;
    if (!all->algebra->whiten(all->D, all->covariance + k * size, W, all->space + thread * all->space_size))
        W[0] = 0; /* which no whitener has there */
}

gmm_status gmm_whiten(int64_t n_matrices, int64_t n_features, const double *covariance, int n_threads, void *scratch,
                      size_t scratch_bytes, double *whitener, int64_t *bad_matrix) {
    const gmm_isa_row *isa = gmm_active_isa();
    if (!isa || n_matrices < 1 || n_features < 1 || n_threads < 1 || !covariance || !whitener || !bad_matrix)
        return GMM_EINVAL;
    if (!scratch || scratch_bytes < gmm_matrix_scratch(isa, n_matrices, n_features, n_threads)) return GMM_ESCRATCH;
    whitening all = {.algebra = &isa->algebra,
                     .D = n_features,
                     .covariance = covariance,
                     .whitener = whitener,
                     .space = (double *)(void *)gmm_align_to_line(scratch),
                     .space_size = isa->algebra.space(n_features)};
    const gmm_blocks blocks = {.block = whiten_block, .context = &all, .n_blocks = n_matrices};
    gmm_run_blocks(&blocks, gmm_matrix_threads(n_matrices, n_features, n_threads));
    int64_t k = 0;
    while (k < n_matrices && whitener[k * n_features * n_features] > 0) ++k;
    *bad_matrix = k < n_matrices ? k : -1;
    return k < n_matrices ? GMM_ESINGULAR : GMM_OK;
}

static double squares_of(const double *x, int64_t n, const double *weight) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += x[j] * x[j] * weight[j];
    return sum;
}

double gmm_triangle_constant(int64_t D, const double *W, const double *ridge) {
    double log_det = 0, penalty = 0;
    for (int64_t i = 0; i < D; ++i) {
        log_det += log(W[i * D + i]);
        if (ridge) penalty += squares_of(W + i * D, i + 1, ridge);
    }
    return log_det - penalty / 2;
}

static double diagonal_constant(int64_t D, const double *W, const double *ridge) {
    double log_det = 0;
    for (int64_t j = 0; j < D; ++j) log_det += log(W[j]);
    return ridge ? log_det - squares_of(W, D, ridge) / 2 : log_det;
}

gmm_status gmm_factorize(const gmm_mixture *mixture, const double *ridge, int n_threads, void *scratch,
                         size_t scratch_bytes, double *log_constant, double *whitener, int64_t *bad_component) {
    if (!gmm_mixture_is_valid(mixture) || !log_constant || !whitener || !bad_component) return GMM_EINVAL;
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const gmm_structure structure = mixture->structure;
    double trace = 0; /* of a ridge */
    *bad_component = -1;
    if (structure == GMM_FULL || structure == GMM_TIED) {
        const int64_t n = structure == GMM_FULL ? K : 1;
        const gmm_status status = gmm_whiten(n, D, mixture->covariance, n_threads, scratch, scratch_bytes, whitener,
                                             bad_component);
        if (status != GMM_OK) return status;
    } else {
        const int64_t n = structure == GMM_DIAG ? K * D : K;
        for (int64_t i = 0; i < n; ++i) whitener[i] = 1 / sqrt(mixture->covariance[i]);
        for (int64_t j = 0; ridge && j < D; ++j) trace += ridge[j];
    }
    const double shared = structure == GMM_TIED ? gmm_triangle_constant(D, whitener, ridge) : 0;
    for (int64_t k = 0; k < K; ++k) {
        double constant = shared;
        if (structure == GMM_FULL) constant = gmm_triangle_constant(D, whitener + k * D * D, ridge);
        if (structure == GMM_DIAG) constant = diagonal_constant(D, whitener + k * D, ridge);
        if (structure == GMM_SPHERICAL)
            constant = (double)D * log(whitener[k]) - whitener[k] * whitener[k] * (trace / 2);
        log_constant[k] = log(mixture->weight[k]) - (double)D / 2 * GMM_LOG_TWO_PI + constant;
    }
    return GMM_OK;
}

/* sum_j w_j x_j, in four chains: one would wait for each of its sums. */
static double whitened(const double *w, const double *x, int64_t n) {
    double y[4] = {0};
    int64_t j = 0;
    for (; j + 4 <= n; j += 4)
        for (int c = 0; c < 4; ++c) y[c] += w[j + c] * x[j + c];
    for (; j < n; ++j) y[0] += w[j] * x[j];
    return (y[0] + y[1]) + (y[2] + y[3]);
}

int gmm_tied_is_safe(const gmm_mixture *mixture, const double *whitener) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    enum { COLUMNS = 8 }; /* that share a run over the rows */
    for (int64_t first = 0; first < D; first += COLUMNS) {
        const int64_t n_columns = D - first < COLUMNS ? D - first : COLUMNS;
        double precision[COLUMNS] = {0};
        for (int64_t i = first; i < D; ++i)
            for (int64_t c = 0; c < n_columns && first + c <= i; ++c)
                precision[c] += whitener[i * D + first + c] * whitener[i * D + first + c];
        for (int64_t c = 0, j = first; c < n_columns; ++c, ++j) {
            double farthest = 0;
            for (int64_t k = 0; k < K; ++k)
                farthest = fmax(farthest, mixture->mean[k * D + j] * mixture->mean[k * D + j]);
            if (!(precision[c] * (mixture->covariance[j * D + j] + farthest) <= FARTHEST)) return 0;
        }
    }
    for (int64_t k = 0; k < K; ++k) {
        double distance = 0;
        for (int64_t i = 0; i < D; ++i) {
            const double y = whitened(whitener + i * D, mixture->mean + k * D, i + 1);
            distance += y * y;
        }
        if (!(distance <= FARTHEST)) return 0;
    }
    return 1;
}

/* The largest of sum_j |slope_kj| (radius + |mean_kj| / 2) and P_jj max(T_jj, mean_kj^2). */
static double expanded_reach(int64_t K, int64_t D, const double *mean, const double *slope, const double *precision,
                             const double *scatter, double radius) {
    double reach = 0;
    for (int64_t j = 0; j < D; ++j) reach = fmax(reach, precision[j] * scatter[j * D + j]);
    for (int64_t k = 0; k < K; ++k) {
        double form = 0;
        for (int64_t j = 0; j < D; ++j) {
            const double m = fabs(mean[k * D + j]);
            form += fabs(slope[k * D + j]) * (radius + m / 2);
            reach = fmax(reach, precision[j] * (m * m));
        }
        reach = fmax(reach, form);
    }
    return reach;
}

gmm_status gmm_expand(int64_t n_components, int64_t n_features, const double *log_constant, const double *mean,
                      const double *whitener, const double *scatter, double radius, void *scratch,
                      size_t scratch_bytes, double *constant, double *slope, double *common, double *reach,
                      double *common_size) {
    const gmm_isa_row *isa = gmm_active_isa();
    const int64_t K = n_components, D = n_features;
    if (!isa || K < 1 || D < 1 || !log_constant || !mean || !whitener || !scatter || !constant || !slope || !common ||
        !reach || !common_size)
        return GMM_EINVAL;
    if (!scratch || scratch_bytes < gmm_matrix_scratch(isa, 1, D, 1)) return GMM_ESCRATCH;
    double *space = (double *)(void *)gmm_align_to_line(scratch), *precision = space; /* D of them, until the trace */
    memset(slope, 0, (size_t)(K * D) * sizeof *slope);
    memset(precision, 0, (size_t)D * sizeof *precision);
    for (int64_t i = 0; i < D; ++i) {
        const double *w = whitener + i * D;
        for (int64_t j = 0; j <= i; ++j) precision[j] += w[j] * w[j];
        for (int64_t k = 0; k < K; ++k) {
            const double y = whitened(w, mean + k * D, i + 1);
            for (int64_t j = 0; j <= i; ++j) slope[k * D + j] += y * w[j];
        }
    }
    for (int64_t k = 0; k < K; ++k) constant[k] = log_constant[k] - whitened(mean + k * D, slope + k * D, D) / 2;
    *reach = expanded_reach(K, D, mean, slope, precision, scatter, radius);
    isa->algebra.trace(D, whitener, scatter, space, common, common_size);
    *common /= 2;
    *common_size /= 2;
    return GMM_OK;
}
