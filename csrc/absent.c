/* absent.c: rows of which nothing is observed have density 1 under every component and under noise, so they belong to
 * these as the mixing weights say, times the row's prior if it has one. */
#include "absent.h"

#include <math.h>
#include <string.h>

/* share (K + 1,) of row i, noise the last; 0 when every one is zero. */
static int share_out(const gmm_absent *a, int64_t i, double *log_density) {
    const int64_t K = a->mixture->n_components;
    double *share = a->share, largest = a->log_noise ? *a->log_noise : -INFINITY, sum = 0;
    *log_density = 0;
    share[K] = exp(largest);
    for (int64_t k = 0; k < K; ++k) share[k] = a->mixture->weight[k];
    if (!a->rows->log_prior) return 1;
    share[K] = largest;
    for (int64_t k = 0; k < K; ++k) {
        share[k] = log(share[k]) + a->rows->log_prior[a->row[i] * K + k];
        largest = share[k] > largest ? share[k] : largest;
    }
    if (!(largest > -INFINITY)) return 0;
    for (int64_t k = 0; k <= K; ++k) sum += share[k] = exp(share[k] - largest);
    for (int64_t k = 0; k <= K; ++k) share[k] /= sum;
    *log_density = largest + log(sum);
    return 1;
}

int64_t gmm_count_absent(const gmm_absent *a, gmm_statistics *sums) {
    const int64_t K = a->mixture->n_components;
    for (int64_t i = 0; i < a->n; ++i) {
        const double w = a->rows->weight ? a->rows->weight[a->row[i]] : 1;
        double log_density;
        if (!share_out(a, i, &log_density)) return i;
        for (int64_t k = 0; k < K; ++k) sums->n[k] += w * a->share[k];
        sums->noise += w * a->share[K];
        sums->log_likelihood += w * log_density;
        sums->weight += w;
    }
    return -1;
}

int64_t gmm_score_absent(const gmm_absent *a, gmm_dtype precision, double *log_density, unsigned char *posterior,
                         int64_t *label) {
    const int64_t K = a->mixture->n_components, columns = K + (a->log_noise != NULL);
    const double *share = a->share;
    for (int64_t i = 0; i < a->n; ++i) {
        int64_t largest = 0;
        if (!share_out(a, i, log_density + i)) return i;
        for (int64_t k = 1; k < K; ++k) largest = share[k] > share[largest] ? k : largest;
        label[i] = share[K] > share[largest] ? -1 : largest;
        for (int64_t k = 0; k < columns; ++k) {
            const float rounded = (float)share[k];
            if (precision == GMM_F32)
                memcpy(posterior + (size_t)(i * columns + k) * sizeof rounded, &rounded, sizeof rounded);
            else
                memcpy(posterior + (size_t)(i * columns + k) * sizeof *share, share + k, sizeof *share);
        }
    }
    return -1;
}
