/* few.c: sums over rows whose pattern of missing values few others share.
 *
 * With c the deviation of a row from a mean, 0 where it is missing, the completed deviation minimises |W (c + E z)| over
 * what z puts in the missing places, and the minimum is the Mahalanobis distance of the observed part. Householder
 * reflections turn the missing columns of W into a triangle R and W c into y:
 *
 *     q = sum_{i >= m} y_i^2,   R z = -(y_0 .. y_m-1),   C = inverse(R'R),   log det W_o = log det W - sum log |R_ii|
 *
 * so a row costs D^2 / 2 for W c and D^2 for its moments, a pattern m^2 D, and nothing D^3. In double, whatever the
 * precision of the ordinary pass. The reflections are orthogonal: the condition of W enters once, not squared. */
#include "few.h"

#include "fit.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

#define WORST_CONDITION 1073741824.0 /* 2^30: whiteners err by its root times the unit roundoff, some 1e-11 */

int64_t gmm_few_rows(int64_t n_features) { return 4 + n_features / 4; }

gmm_few gmm_take_few(gmm_structure structure, int64_t K, int64_t D, gmm_workspace *space) {
    const int dense = structure == GMM_FULL || structure == GMM_TIED;
    const int64_t N = gmm_few_rows(D), n_matrices = structure == GMM_FULL ? K : 1;
    gmm_few few = {.missing = gmm_take(space, D, sizeof(int64_t))};
    few.deviation = gmm_take(space, N * K * D, sizeof(double));
    few.log_density = gmm_take(space, N * K, sizeof(double));
    few.weight = gmm_take(space, N, sizeof(double));
    few.row_log_density = gmm_take(space, N, sizeof(double));
    few.image = gmm_take(space, D, sizeof(double));
    few.point = gmm_take(space, N * D, sizeof(double));
    if (!dense) return few;
    few.residual = gmm_take(space, n_matrices * D * D, sizeof(double));
    few.reflector = gmm_take(space, D * D, sizeof(double));
    few.scale = gmm_take(space, D, sizeof(double));
    few.triangle = gmm_take(space, D * D, sizeof(double));
    few.inverse = gmm_take(space, D * D, sizeof(double));
    return few;
}

int gmm_few_is_safe(const gmm_mixture *mixture, const double *whitener) {
    const int64_t D = mixture->n_features, n_matrices = mixture->structure == GMM_FULL ? mixture->n_components : 1;
    if (mixture->structure != GMM_FULL && mixture->structure != GMM_TIED) return 1;
    for (int64_t k = 0; k < n_matrices; ++k)
        for (int64_t j = 0; j < D; ++j) {
            const double *W = whitener + k * D * D, variance = mixture->covariance[(k * D + j) * D + j];
            double precision = 0;
            for (int64_t i = j; i < D; ++i) precision += W[i * D + j] * W[i * D + j];
            if (!(precision * variance <= WORST_CONDITION)) return 0;
        }
    return 1;
}

/* Rows in frame coordinates, 0 where they are missing; 0 when an observed value is not finite. */
static int read_points(const gmm_few *few, const gmm_rows *rows, const int64_t *row, int64_t n,
                       const unsigned char *observed) {
    const int64_t D = rows->n_features;
    int finite = 1;
    for (int64_t i = 0; i < n; ++i) {
        const unsigned char *from = (const unsigned char *)rows->data + row[i] * rows->row_stride;
        for (int64_t j = 0; j < D; ++j) {
            const unsigned char *element = from + j * rows->column_stride;
            float single = 0;
            double x = 0;
            if (observed[j] && rows->dtype == GMM_F32) memcpy(&single, element, sizeof single);
            if (observed[j] && rows->dtype == GMM_F64) memcpy(&x, element, sizeof x);
            x += (double)single;
            finite &= isfinite(x) != 0;
            few->point[i * D + j] = observed[j] ? x * rows->scale[j] - rows->centre[j] : 0;
        }
        few->weight[i] = rows->weight ? rows->weight[row[i]] : 1;
    }
    return finite;
}

/* In four chains: one would wait for each of its sums. */
static double dot(const double *x, const double *y, int64_t n) {
    double sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int c = 0; c < 4; ++c) sum[c] += x[i + c] * y[i + c];
    for (; i < n; ++i) sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* x -= scale v (v . x) */
static void reflect(const double *v, double scale, double *x, int64_t n) {
    const double along = scale * dot(v, x, n);
    for (int64_t i = 0; i < n; ++i) x[i] -= along * v[i];
}

/* Reflections and R of the missing columns of a whitener, C; returns sum log |R_ii|. */
static double reduce_missing(const gmm_few *few, const double *W, int64_t m, double *C) {
    const int64_t D = few->mixture->n_features;
    double *V = few->reflector, *R = few->triangle, *U = few->inverse, log_det = 0;
    for (int64_t q = 0; q < m; ++q)
        for (int64_t i = 0; i < D; ++i) V[q * D + i] = i < few->missing[q] ? 0 : W[i * D + few->missing[q]];
    for (int64_t q = 0; q < m; ++q) {
        double *v = V + q * D + q;
        const double norm = sqrt(dot(v, v, D - q)), diagonal = v[0] > 0 ? -norm : norm;
        v[0] -= diagonal;
        few->scale[q] = 1 / (norm * fabs(v[0])); /* 2 / |v|^2 */
        for (int64_t p = q + 1; p < m; ++p) {
            reflect(v, few->scale[q], V + p * D + q, D - q);
            R[q * m + p] = V[p * D + q];
        }
        R[q * m + q] = diagonal;
        log_det += log(norm);
    }
    for (int64_t q = m - 1; q >= 0; --q) /* inverse of R, row by row from below */
        for (int64_t p = q; p < m; ++p) {
            double sum = p == q;
            for (int64_t l = q + 1; l <= p; ++l) sum -= R[q * m + l] * U[l * m + p];
            U[q * m + p] = sum / R[q * m + q];
        }
    for (int64_t q = 0; q < m; ++q)
        for (int64_t p = 0; p <= q; ++p) C[q * m + p] = C[p * m + q] = dot(U + q * m + q, U + p * m + q, m - q);
    return log_det;
}

/* Completes the deviation c (D,) and returns the squared distance of what was observed of it. */
static double complete(const gmm_few *few, const double *W, int64_t m, double *c) {
    const int64_t D = few->mixture->n_features;
    double *y = few->image;
    for (int64_t i = 0; i < D; ++i) y[i] = dot(W + i * D, c, i + 1);
    for (int64_t q = 0; q < m; ++q) reflect(few->reflector + q * D + q, few->scale[q], y + q, D - q);
    const double square = dot(y + m, y + m, D - m);
    for (int64_t q = 0; q < m; ++q) c[few->missing[q]] = -dot(few->inverse + q * m + q, y + q, m - q);
    return square;
}

static double scaled_square(const double *w, int64_t step, const double *c, int64_t D) {
    double square = 0;
    for (int64_t j = 0; j < D; ++j) square += (w[j * step] * c[j]) * (w[j * step] * c[j]);
    return square;
}

/* Deviations and log-densities of the rows under component k. */
static void evaluate(gmm_few *few, int64_t n, int64_t m, const unsigned char *observed, int64_t k) {
    const gmm_mixture *mixture = few->mixture;
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const int dense = mixture->structure == GMM_FULL || mixture->structure == GMM_TIED;
    const int64_t at = mixture->structure == GMM_TIED ? 0 : k;
    const double *w = few->whitener + at * (dense ? D * D : mixture->structure == GMM_DIAG ? D : 1);
    const int64_t step = mixture->structure == GMM_DIAG;
    double constant = few->log_constant[k] + (double)m / 2 * GMM_LOG_TWO_PI;
    if (dense && (at == k)) few->log_det = reduce_missing(few, w, m, few->residual + at * m * m);
    if (dense) constant -= few->log_det;
    for (int64_t q = 0; !dense && q < m; ++q) constant -= log(w[few->missing[q] * step]);
    for (int64_t i = 0; i < n; ++i) {
        double *c = few->deviation + (i * K + k) * D;
        for (int64_t j = 0; j < D; ++j) c[j] = observed[j] ? few->point[i * D + j] - mixture->mean[k * D + j] : 0;
        few->log_density[i * K + k] = constant - (dense ? complete(few, w, m, c) : scaled_square(w, step, c, D)) / 2;
    }
}

/* Adds the log priors of the rows to their log-densities. */
static void add_priors(const gmm_few *few, const double *log_prior, const int64_t *row, int64_t n) {
    const int64_t K = few->mixture->n_components;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < K; ++k) few->log_density[i * K + k] += log_prior[row[i] * K + k];
}

/* Log-densities to responsibilities times sample weight, those of noise summed; 0 when a component has none. */
static int share_out(const gmm_few *few, int64_t n, double log_noise, double *noise) {
    const int64_t K = few->mixture->n_components;
    for (int64_t i = 0; i < n; ++i) {
        double *share = few->log_density + i * K, largest = -INFINITY;
        for (int64_t k = 0; k < K; ++k) largest = share[k] > largest ? share[k] : largest;
        if (!(largest > -INFINITY)) return 0;
        if (log_noise > largest) largest = log_noise;
        const double own = log_noise > -INFINITY ? exp(log_noise - largest) : 0;
        double sum = own;
        for (int64_t k = 0; k < K; ++k) sum += share[k] = exp(share[k] - largest);
        if (!(sum < INFINITY)) return 0; /* a distance that is no number */
        for (int64_t k = 0; k < K; ++k) share[k] *= few->weight[i] / sum;
        *noise += own * (few->weight[i] / sum);
        few->row_log_density[i] = largest + log(sum);
    }
    return 1;
}

/* Adds a deviation to the moments of a component. */
static void add_deviation(gmm_structure structure, const double *c, double share, int64_t D, double *t, double *first,
                          double *second) {
    const double root = sqrt(share); /* so that matrices stay symmetric */
    for (int64_t j = 0; j < D; ++j) first[j] += share * c[j];
    for (int64_t j = 0; j < D; ++j) t[j] = root * c[j];
    if (structure == GMM_DIAG)
        for (int64_t j = 0; j < D; ++j) second[j] += t[j] * t[j];
    else if (structure == GMM_SPHERICAL)
        second[0] += dot(t, t, D);
    else
        for (int64_t i = 0; i < D; ++i)
            for (int64_t j = 0; j < D; ++j) second[i * D + j] += t[i] * t[j];
}

/* Adds n times the conditional covariance of what is missing. */
static void add_residual(const gmm_few *few, int64_t m, int64_t k, double n, double *second) {
    const gmm_mixture *mixture = few->mixture;
    const int64_t D = mixture->n_features, *missing = few->missing;
    const double *C = few->residual + (mixture->structure == GMM_TIED ? 0 : k * m * m);
    if (mixture->structure == GMM_DIAG)
        for (int64_t q = 0; q < m; ++q) second[missing[q]] += n * mixture->covariance[k * D + missing[q]];
    else if (mixture->structure == GMM_SPHERICAL)
        second[0] += n * (double)m * mixture->covariance[k];
    else
        for (int64_t q = 0; q < m; ++q)
            for (int64_t p = 0; p < m; ++p) second[missing[q] * D + missing[p]] += n * C[q * m + p];
}

int gmm_accumulate_few(gmm_few *few, const gmm_rows *rows, const int64_t *row, int64_t n, const unsigned char *observed,
                       double log_noise, gmm_statistics *total) {
    const gmm_mixture *mixture = few->mixture;
    const gmm_structure structure = mixture->structure == GMM_TIED ? GMM_FULL : mixture->structure;
    const int64_t K = mixture->n_components, D = mixture->n_features, each = gmm_covariance_size(structure, 1, D);
    int64_t m = 0;
    double noise = 0;
    for (int64_t j = 0; j < D; ++j)
        if (!observed[j]) few->missing[m++] = j;
    if (!read_points(few, rows, row, n, observed)) return 0;
    for (int64_t k = 0; k < K; ++k) evaluate(few, n, m, observed, k);
    if (rows->log_prior) add_priors(few, rows->log_prior, row, n);
    if (!share_out(few, n, log_noise, &noise)) return 0;
    total->noise += noise;
    for (int64_t k = 0; k < K; ++k) {
        double sum = 0, *second = total->second + (mixture->structure == GMM_TIED ? 0 : k) * each;
        for (int64_t i = 0; i < n; ++i) {
            const double share = few->log_density[i * K + k];
            sum += share;
            if (!(share > 0)) continue;
            add_deviation(structure, few->deviation + (i * K + k) * D, share, D, few->image, total->first + k * D, second);
        }
        total->n[k] += sum;
        add_residual(few, m, k, sum, second);
    }
    for (int64_t i = 0; i < n; ++i) {
        total->log_likelihood += few->weight[i] > 0 ? few->weight[i] * few->row_log_density[i] : 0;
        total->weight += few->weight[i];
    }
    return 1;
}
