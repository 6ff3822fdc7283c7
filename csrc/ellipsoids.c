/* ellipsoids.c: forms whose ellipsoids turn (Celeux and Govaert 1995, section 3), matrices (K, D, D):
 *
 *     VEE  volume_k = trace(inverse(C) S_k) / D and C = sum_k n_k S_k / volume_k, of determinant one, in turn
 *     EVV  volume = sum_k n_k |S_k|^(1/D) / sum_k n_k, shape and orientation each its own
 *     EEV  orientations of the S_k, and their pooled eigenvalues
 *     VEV  orientations of the S_k; volumes and shape of their eigenvalues in turn */
#include "eigen.h"
#include "forms.h"

#include <math.h>
#include <string.h>

/* Whitener of one matrix; 0 when it has none. log |S|^(1/D) goes to log_volume. */
static int whiten(const gmm_forming *f, const double *S, double *W, double *log_volume) {
    if (!f->algebra->whiten(f->D, S, W, f->space)) return 0;
    *log_volume = 0;
    for (int64_t j = 0; j < f->D; ++j) *log_volume -= 2 * log(W[j * f->D + j]) / (double)f->D;
    return 1;
}

/* trace(W S W'). */
static double squares_of(int64_t D, const double *W, const double *S) {
    double total = 0;
    for (int64_t i = 0; i < D; ++i) {
        const double *w = W + i * D;
        for (int64_t l = 0; l <= i; ++l) {
            double sum = 0;
            for (int64_t j = 0; j <= i; ++j) sum += S[l * D + j] * w[j];
            total += w[l] * sum;
        }
    }
    return total;
}

static int has_moved(gmm_forming *f, int64_t k, double volume) {
    const int moved = fabs(volume - f->volume[k]) > GMM_FORM_STILL * volume;
    f->volume[k] = volume;
    return moved;
}

static void one_matrix(gmm_forming *f) {
    const int64_t D = f->D, size = D * D;
    double *common = f->matrix[0], *W = f->matrix[1], *pooled = f->matrix[2], *squares = f->vector[0];
    double unit = 1, counted = (double)D, log_volume; /* counted: directions that have spread */
    int on_floor = 0;
    if (f->previous) memcpy(common, f->previous + f->first * size, (size_t)size * sizeof *common);
    else gmm_pool_form(f, size, f->covariance, NULL, common);
    for (int round = 0; round < GMM_MOST_FORM_ROUNDS; ++round) {
        for (int64_t at = 0; at < size; ++at) pooled[at] = common[at] *= unit; /* the floor has units */
        for (int64_t j = 0; j < D; ++j) squares[j] = common[j * D + j];
        on_floor |= f->algebra->lift(D, common, squares, f->floor, f->epsilon, NULL, f->space) != 0;
        if (!whiten(f, common, W, &log_volume)) break;
        if (on_floor) counted = squares_of(D, W, pooled);
        const double shrink = exp(-log_volume), stretch = sqrt(1 / shrink);
        for (int64_t at = 0; at < size; ++at) {
            common[at] *= shrink;
            W[at] *= stretch;
        }
        int moved = 0;
        unit = 0;
        for (int64_t k = 0; k < f->K; ++k) {
            if (!(f->n[k] > 0)) continue;
            moved |= has_moved(f, k, fmax(squares_of(D, W, f->covariance + k * size) / counted, f->least));
            unit = fmax(unit, f->volume[k]);
        }
        if (on_floor || !moved) break;
        gmm_pool_form(f, size, f->covariance, f->volume, common);
    }
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        for (int64_t at = 0; at < size; ++at) f->covariance[k * size + at] = f->volume[k] * common[at];
        f->floored[k] = (unsigned char)on_floor;
        gmm_raise_form(f, k);
    }
}

static void one_volume(gmm_forming *f) {
    const int64_t D = f->D, size = D * D;
    double *W = f->matrix[0], volume = 0, log_volume = 0;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        gmm_raise_form(f, k);
        (void)whiten(f, f->covariance + k * size, W, &log_volume); /* what was raised has a whitener */
        f->volume[k] = exp(log_volume);
        volume += f->n[k] * f->volume[k];
    }
    for (int64_t at = 0; at < f->K * size; ++at)
        if (f->n[at / size] > 0) f->covariance[at] *= volume / f->total / f->volume[at / size];
}

/* Scatters become their eigenvectors, in rows; eigenvalues, rising, go to value (K, D). */
static void decompose(gmm_forming *f) {
    for (int64_t k = 0; k < f->K; ++k)
        if (f->n[k] > 0) gmm_eigen(f->D, f->covariance + k * f->D * f->D, f->value + k * f->D, f->space);
}

/* Covariances from their axes, which take their place, and values (D,) raised to the largest floor. */
static void compose(gmm_forming *f, int64_t k, const double *value, int is_below) {
    const int64_t D = f->D;
    double *raised = f->vector[2], *turned = f->matrix[0], *axes = f->covariance + k * D * D;
    f->floored[k] = (unsigned char)is_below;
    for (int64_t j = 0; j < D; ++j) {
        raised[j] = fmax(value[j], f->least);
        f->floored[k] |= raised[j] > value[j];
    }
    gmm_turn(D, axes, raised, turned);
    memcpy(axes, turned, (size_t)(D * D) * sizeof *axes);
    gmm_raise_form(f, k);
}

static void one_set_of_values(gmm_forming *f) {
    double *pooled = f->vector[0];
    decompose(f);
    gmm_pool_form(f, f->D, f->value, NULL, pooled);
    for (int64_t k = 0; k < f->K; ++k)
        if (f->n[k] > 0) compose(f, k, pooled, 0);
}

static void one_shape(gmm_forming *f) {
    const int64_t D = f->D;
    double *shape = f->vector[0], *pooled = f->vector[1];
    int below = 0;
    decompose(f);
    gmm_pool_form(f, D, f->value, NULL, pooled);
    for (int64_t j = 0; j < D; ++j) below |= pooled[j] < f->least;
    for (int64_t at = 0; at < f->K * D; ++at) /* where a scatter is singular rounding may leave less than nothing */
        if (f->n[at / D] > 0) f->value[at] = fmax(f->value[at], f->least);
    gmm_pool_form(f, D, f->value, NULL, shape);
    if (f->previous) {
        memcpy(f->matrix[0], f->previous + f->first * D * D, (size_t)(D * D) * sizeof(double));
        gmm_eigen(D, f->matrix[0], shape, f->space);
    }
    for (int64_t j = 0; j < D; ++j) shape[j] = fmax(shape[j], f->least);
    for (int turn = 0; turn < GMM_MOST_FORM_ROUNDS; ++turn) {
        int moved = 0;
        const double size = gmm_geometric_mean(D, shape);
        for (int64_t j = 0; j < D; ++j) shape[j] /= size;
        for (int64_t k = 0; k < f->K; ++k) {
            if (!(f->n[k] > 0)) continue;
            double mean = 0;
            for (int64_t j = 0; j < D; ++j) mean += f->value[k * D + j] / shape[j];
            moved |= has_moved(f, k, fmax(mean / (double)D, f->least));
        }
        if (!moved) break;
        gmm_pool_form(f, D, f->value, f->volume, shape);
    }
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        for (int64_t j = 0; j < D; ++j) pooled[j] = f->volume[k] * shape[j];
        compose(f, k, pooled, below);
    }
}

void gmm_form_ellipsoids(gmm_forming *f) {
    switch (f->form) {
    case GMM_VEE: one_matrix(f); return;
    case GMM_EVV: one_volume(f); return;
    case GMM_EEV: one_set_of_values(f); return;
    default: one_shape(f);
    }
}
