/* coordinates.c: free coordinates in which a step of length s changes rows about s^2 / 2 nats. Twin:
 * gmm/covariances/coordinates.py, where the formulas and their reasons stand.
 *
 * A vector holds, in this order, logs of weights (K,), means in standard deviations (K, D), and of the covariances
 * logs of diagonals (n, D) and what is below them by rows (n, D (D - 1) / 2), or halves of logs of variances. */
#include "coordinates.h"

#include "fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

static int has_matrices(const gmm_mixture *mixture) {
    return mixture->structure == GMM_FULL || mixture->structure == GMM_TIED;
}

static int64_t n_matrices(const gmm_mixture *mixture) {
    return mixture->structure == GMM_FULL ? mixture->n_components : 1;
}

/* Numbers that say how a covariance, or all variances, are spread. */
static int64_t covariance_size(const gmm_mixture *mixture) {
    return gmm_covariance_size(mixture->structure, mixture->n_components, mixture->n_features);
}

static int64_t n_coordinates(const gmm_mixture *mixture) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    return K + K * D + (has_matrices(mixture) ? n_matrices(mixture) * D * (D + 1) / 2 : covariance_size(mixture));
}

gmm_coordinates gmm_take_coordinates(gmm_structure structure, gmm_form form, int64_t n_components,
                                     int64_t n_features, gmm_workspace *space) {
    const int64_t K = n_components, D = n_features, size = gmm_covariance_size(structure, K, D);
    const size_t own_bytes = gmm_mixture_scratch_bytes(structure, K, D, 1);
    const size_t form_bytes = gmm_form_scratch_bytes(form, K, D);
    gmm_coordinates c = {.matrices_bytes = own_bytes > form_bytes ? own_bytes : form_bytes};
    c.origin = (gmm_mixture){structure, K, D, gmm_take(space, K, sizeof(double)),
                             gmm_take(space, K * D, sizeof(double)), gmm_take(space, size, sizeof(double)), form};
    c.size = n_coordinates(&c.origin);
    c.scale = gmm_take(space, c.size, sizeof(double));
    c.whitener = gmm_take(space, size, sizeof(double));
    c.root = gmm_take(space, size, sizeof(double));
    c.other = gmm_take(space, size, sizeof(double));
    c.spare = gmm_take(space, 2 * D * D, sizeof(double));
    c.no_floor = gmm_take(space, form ? D : 0, sizeof(double));
    c.floored = gmm_take(space, form ? K : 0, 1);
    if (space->base && form) memset(c.no_floor, 0, (size_t)D * sizeof(double));
    c.matrices = gmm_take(space, (int64_t)c.matrices_bytes, 1);
    return c;
}

void gmm_copy_mixture(const gmm_mixture *from, gmm_mixture *to) {
    const int64_t K = from->n_components, D = from->n_features;
    memcpy(to->weight, from->weight, (size_t)K * sizeof(double));
    memcpy(to->mean, from->mean, (size_t)(K * D) * sizeof(double));
    memcpy(to->covariance, from->covariance, (size_t)covariance_size(from) * sizeof(double));
}

static int64_t nearest_mean(const gmm_mixture *mixture, const double *point) {
    const int64_t D = mixture->n_features;
    double least = INFINITY;
    int64_t nearest = 0;
    for (int64_t k = 0; k < mixture->n_components; ++k) {
        double distance = 0;
        for (int64_t j = 0; j < D; ++j) {
            const double step = mixture->mean[k * D + j] - point[j];
            distance += step * step;
        }
        if (distance < least) {
            least = distance;
            nearest = k;
        }
    }
    return nearest;
}

int gmm_renumber(const gmm_mixture *like, const gmm_mixture *mixture, int64_t *order, gmm_mixture *renumbered) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const int64_t each = mixture->structure == GMM_TIED ? 0 : covariance_size(mixture) / K;
    gmm_copy_mixture(mixture, renumbered); /* and so what all components share */
    for (int64_t k = 0; k < K; ++k) {
        const int64_t from = order[k] = nearest_mean(mixture, like->mean + k * D);
        for (int64_t l = 0; l < k; ++l)
            if (order[l] == from) return 0;
        renumbered->weight[k] = mixture->weight[from];
        memcpy(renumbered->mean + k * D, mixture->mean + from * D, (size_t)D * sizeof(double));
        memcpy(renumbered->covariance + k * each, mixture->covariance + from * each, (size_t)each * sizeof(double));
    }
    return 1;
}

/* product = A B, or A B' where `transposed`; (D, D) all. */
static void multiply(int64_t D, const double *A, const double *B, int transposed, double *product) {
    for (int64_t i = 0; i < D; ++i)
        for (int64_t j = 0; j < D; ++j) {
            double sum = 0;
            for (int64_t l = 0; l < D; ++l) sum += A[i * D + l] * (transposed ? B[j * D + l] : B[l * D + j]);
            product[i * D + j] = sum;
        }
}

static int whiten(const gmm_coordinates *about, const gmm_mixture *mixture, double *whitener) {
    int64_t bad;
    return gmm_whiten(n_matrices(mixture), mixture->n_features, mixture->covariance, 1, about->matrices,
                      about->matrices_bytes, whitener, &bad) == GMM_OK;
}

static void measure_scale(gmm_coordinates *about) {
    const gmm_mixture *origin = &about->origin;
    const int64_t K = origin->n_components, D = origin->n_features;
    double *scale = about->scale;
    for (int64_t k = 0; k < K; ++k) *scale++ = sqrt(origin->weight[k]);
    for (int64_t at = 0; at < K * D; ++at) *scale++ = sqrt(origin->weight[at / D]);
    if (!has_matrices(origin)) {
        const int64_t size = covariance_size(origin), each = size / K;
        const double unit = sqrt(2 * (double)D / (double)each);
        for (int64_t at = 0; at < size; ++at) *scale++ = sqrt(origin->weight[at / each]) * unit;
        return;
    }
    for (int part = 0; part < 2; ++part) /* the diagonals, then what is below them */
        for (int64_t m = 0; m < n_matrices(origin); ++m) {
            const double root = origin->structure == GMM_TIED ? 1 : sqrt(origin->weight[m]);
            const int64_t n = part ? D * (D - 1) / 2 : D;
            for (int64_t i = 0; i < n; ++i) *scale++ = part ? root : sqrt(2.0) * root;
        }
}

int gmm_move_origin(gmm_coordinates *about, const gmm_mixture *origin) {
    const int64_t D = origin->n_features, size = covariance_size(origin);
    gmm_copy_mixture(origin, &about->origin);
    measure_scale(about);
    if (!has_matrices(origin)) {
        for (int64_t at = 0; at < size; ++at) about->root[at] = sqrt(origin->covariance[at]);
        return 1;
    }
    if (!whiten(about, origin, about->whitener)) return 0;
    for (int64_t at = 0; at < size; at += D * D) /* L = S inverse(L)' */
        multiply(D, origin->covariance + at, about->whitener + at, 1, about->root + at);
    return 1;
}

/* Standard deviation of feature j in component k, of variances. */
static double deviation(const gmm_coordinates *about, int64_t k, int64_t j) {
    return about->origin.structure == GMM_DIAG ? about->root[k * about->origin.n_features + j] : about->root[k];
}

static const double *matrix_of(const gmm_coordinates *about, const double *matrices, int64_t k) {
    const int64_t D = about->origin.n_features;
    return about->origin.structure == GMM_TIED ? matrices : matrices + k * D * D;
}

static int logarithms(const gmm_coordinates *about, const gmm_mixture *mixture, double *natural) {
    const gmm_mixture *origin = &about->origin;
    const int64_t D = origin->n_features, size = covariance_size(origin), n = n_matrices(origin);
    if (!has_matrices(origin)) {
        for (int64_t at = 0; at < size; ++at) natural[at] = log(mixture->covariance[at] / origin->covariance[at]) / 2;
        return 1;
    }
    if (!whiten(about, mixture, about->other)) return 0;
    double *root = about->spare, *C = root + D * D, *below = natural + n * D;
    for (int64_t m = 0; m < n; ++m) {
        multiply(D, mixture->covariance + m * D * D, about->other + m * D * D, 1, root);
        multiply(D, about->whitener + m * D * D, root, 0, C);
        for (int64_t i = 0; i < D; ++i) {
            *natural++ = log(C[i * D + i]);
            for (int64_t j = 0; j < i; ++j) *below++ = C[i * D + j];
        }
    }
    return 1;
}

int gmm_vector_of(const gmm_coordinates *about, const gmm_mixture *mixture, double *vector) {
    const gmm_mixture *origin = &about->origin;
    const int64_t K = origin->n_components, D = origin->n_features;
    for (int64_t k = 0; k < K; ++k) {
        const double *mean = mixture->mean + k * D, *from = origin->mean + k * D;
        double *y = vector + K + k * D;
        vector[k] = log(mixture->weight[k] / origin->weight[k]);
        for (int64_t i = 0; i < D && !has_matrices(origin); ++i) y[i] = (mean[i] - from[i]) / deviation(about, k, i);
        for (int64_t i = 0; i < D && has_matrices(origin); ++i) {
            const double *w = matrix_of(about, about->whitener, k) + i * D;
            y[i] = 0;
            for (int64_t j = 0; j <= i; ++j) y[i] += w[j] * (mean[j] - from[j]);
        }
    }
    if (!logarithms(about, mixture, vector + K + K * D)) return 0;
    for (int64_t p = 0; p < about->size; ++p) vector[p] *= about->scale[p];
    return 1;
}

static void exponentials(const gmm_coordinates *about, const double *vector, const double *scale, double *covariance) {
    const gmm_mixture *origin = &about->origin;
    const int64_t D = origin->n_features, size = covariance_size(origin), n = n_matrices(origin);
    if (!has_matrices(origin)) {
        for (int64_t at = 0; at < size; ++at) covariance[at] = origin->covariance[at] * exp(2 * vector[at] / scale[at]);
        return;
    }
    double *C = about->spare, *root = C + D * D;
    int64_t below = n * D;
    for (int64_t m = 0; m < n; ++m) {
        memset(C, 0, (size_t)(D * D) * sizeof *C);
        for (int64_t i = 0; i < D; ++i) {
            C[i * D + i] = exp(vector[m * D + i] / scale[m * D + i]);
            for (int64_t j = 0; j < i; ++j, ++below) C[i * D + j] = vector[below] / scale[below];
        }
        multiply(D, about->root + m * D * D, C, 0, root);
        multiply(D, root, root, 1, covariance + m * D * D);
    }
}

void gmm_mixture_at(const gmm_coordinates *about, const double *vector, gmm_mixture *found) {
    const gmm_mixture *origin = &about->origin;
    const int64_t K = origin->n_components, D = origin->n_features;
    const double *scale = about->scale;
    double largest = -INFINITY, total = 0;
    for (int64_t k = 0; k < K; ++k) largest = fmax(largest, vector[k] / scale[k]);
    for (int64_t k = 0; k < K; ++k) total += found->weight[k] = origin->weight[k] * exp(vector[k] / scale[k] - largest);
    for (int64_t k = 0; k < K; ++k) {
        const double *step = vector + K + k * D;
        found->weight[k] /= total;
        for (int64_t i = 0; i < D; ++i) {
            double moved = has_matrices(origin) ? 0 : deviation(about, k, i) * step[i];
            for (int64_t j = 0; j <= i && has_matrices(origin); ++j)
                moved += matrix_of(about, about->root, k)[i * D + j] * step[j];
            found->mean[k * D + i] = origin->mean[k * D + i] + moved / scale[k]; /* a component's means share theirs */
        }
    }
    exponentials(about, vector + K + K * D, scale + K + K * D, found->covariance);
    if (origin->form)
        (void)gmm_constrain(origin->form, K, D, found->weight, origin->covariance, about->no_floor, DBL_EPSILON,
                            about->matrices, about->matrices_bytes, found->covariance, about->floored);
}

double gmm_reach_of(const gmm_coordinates *about, const double *vector) {
    double reach = 0;
    for (int64_t p = 0; p < about->size; ++p) reach = fmax(reach, fabs(vector[p] / about->scale[p]));
    return reach;
}
