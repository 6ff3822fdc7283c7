/* along_features.c: forms whose axes are the features (Celeux and Govaert 1995, section 3), variances (K, D) or (K,):
 *
 *     EII  variance = sum_k n_k trace(S_k) / (D sum_k n_k)
 *     EEI  variance_j = sum_k n_k (S_k)_jj / sum_k n_k
 *     VEI  volumes and the shape in turn, each exact given the other
 *     EVI  volume = sum_k n_k |diag S_k|^(1/D) / sum_k n_k, every shape its own */
#include "forms.h"

#include <math.h>

static void spheres(gmm_forming *f) {
    double variance, floor = 0;
    gmm_pool_form(f, 1, f->covariance, NULL, &variance);
    for (int64_t j = 0; j < f->D; ++j) floor += f->floor[j];
    floor /= (double)f->D;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        f->covariance[k] = fmax(variance, floor);
        f->floored[k] = variance < floor;
    }
}

/* Whether a pooled variance is below the floor. */
static int any_below(const gmm_forming *f, const double *pooled) {
    int found = 0;
    for (int64_t j = 0; j < f->D; ++j) found |= pooled[j] < f->floor[j];
    return found;
}

static void one_ellipsoid(gmm_forming *f) {
    double *pooled = f->vector[0];
    gmm_pool_form(f, f->D, f->covariance, NULL, pooled);
    const int below = any_below(f, pooled);
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        for (int64_t j = 0; j < f->D; ++j) f->covariance[k * f->D + j] = fmax(pooled[j], f->floor[j]);
        f->floored[k] = (unsigned char)below;
    }
}

static void divide(int64_t n, double *value, double by) {
    for (int64_t i = 0; i < n; ++i) value[i] /= by;
}

/* The volumes that suit a shape best; whether one of them moved. */
static int measure_volumes(gmm_forming *f, const double *shape, double *largest) {
    int moved = 0;
    *largest = 0;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        double mean = 0;
        for (int64_t j = 0; j < f->D; ++j) mean += f->covariance[k * f->D + j] / shape[j];
        const double volume = fmax(mean / (double)f->D, f->least);
        moved |= fabs(volume - f->volume[k]) > GMM_FORM_STILL * volume;
        f->volume[k] = volume;
        *largest = fmax(*largest, volume);
    }
    return moved;
}

static void one_shape(gmm_forming *f) {
    const int64_t D = f->D;
    double *shape = f->vector[0], *pooled = f->vector[1], largest;
    gmm_pool_form(f, D, f->covariance, NULL, pooled);
    const int below = any_below(f, pooled);
    for (int64_t j = 0; j < D; ++j) shape[j] = fmax(f->previous ? f->previous[f->first * D + j] : pooled[j], f->floor[j]);
    for (int round = 0; round < GMM_MOST_FORM_ROUNDS; ++round) {
        divide(D, shape, gmm_geometric_mean(D, shape));
        if (!measure_volumes(f, shape, &largest)) break;
        gmm_pool_form(f, D, f->covariance, f->volume, shape);
        for (int64_t j = 0; j < D; ++j) shape[j] = fmax(shape[j], f->floor[j] / largest);
    }
    divide(D, shape, gmm_geometric_mean(D, shape));
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        f->floored[k] = (unsigned char)below;
        for (int64_t j = 0; j < D; ++j) {
            const double variance = f->volume[k] * shape[j];
            f->floored[k] |= variance <= f->floor[j];
            f->covariance[k * D + j] = fmax(variance, f->floor[j]);
        }
    }
}

static void one_volume(gmm_forming *f) {
    const int64_t D = f->D;
    double volume = 0;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        double *variance = f->covariance + k * D;
        for (int64_t j = 0; j < D; ++j) {
            f->floored[k] |= variance[j] < f->floor[j];
            variance[j] = fmax(variance[j], f->floor[j]);
        }
        f->volume[k] = gmm_geometric_mean(D, variance);
        volume += f->n[k] * f->volume[k];
    }
    for (int64_t at = 0; at < f->K * D; ++at)
        if (f->n[at / D] > 0) f->covariance[at] *= volume / f->total / f->volume[at / D];
}

void gmm_form_along_features(gmm_forming *f) {
    switch (f->form) {
    case GMM_EII: spheres(f); return;
    case GMM_EEI: one_ellipsoid(f); return;
    case GMM_VEI: one_shape(f); return;
    default: one_volume(f);
    }
}
