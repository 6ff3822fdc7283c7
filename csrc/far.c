/* far.c: rows whose density underflows in every component: 1e300 against clusters near 0.
 *
 * Squares of such numbers overflow, so the row is divided by 2^e, e the exponent of its largest coordinate:
 *     |W (x' - mean)|^2 = 4^e |W (x' 2^-e - mean 2^-e)|^2
 * and distances are compared without the factor 4^e, the forms of GMM_LINEAR without 2^e. One row at a time, plain
 * doubles: rare, exact order matters.
 * Invariant: depends on the row and the factors only, not on ISA or precision. */
#include "kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double element(const gmm_rows *rows, int64_t i, int64_t j) {
    const unsigned char *p = (const unsigned char *)rows->data + i * rows->row_stride + j * rows->column_stride;
    if (rows->dtype == GMM_F32) {
        float x;
        memcpy(&x, p, sizeof x);
        return (double)x;
    }
    double x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* x * scale * 2^-shift without overflow on the way. */
static double scaled(double x, double scale, int shift) {
    int ex, es;
    const double fx = frexp(x, &ex), fs = frexp(scale, &es);
    return ldexp(fx * fs, ex + es - shift);
}

/* Squared Mahalanobis distance to component k, times 4^-shift. */
static double distance(const gmm_rows *rows, const gmm_factors *factors, int64_t i, int64_t k, int shift) {
    const int64_t D = factors->n_features;
    double sum = 0;
    for (int64_t a = 0; a < D; ++a) {
        /* output a of the whitener: features b0..a with weights w */
        const int dense = factors->structure == GMM_FULL || factors->structure == GMM_TIED;
        const double *w = factors->whitener;
        if (factors->structure == GMM_FULL) w += (k * D + a) * D;
        if (factors->structure == GMM_TIED) w += a * D;
        if (factors->structure == GMM_DIAG) w += k * D;
        if (factors->structure == GMM_SPHERICAL) w += k - a;
        double y = 0;
        for (int64_t b = dense ? 0 : a; b <= a; ++b)
            y += w[b] * (scaled(element(rows, i, b), rows->scale[b], shift) -
                         ldexp(rows->centre[b] + factors->mean[k * D + b], -shift));
        sum += y * y;
    }
    return sum;
}

/* The same for GMM_FACTOR: |w c|^2 - sum_a (u_a . c)^2 / (1 + lambda_a), to some eps lambda of itself. */
static double factor_distance(const gmm_rows *rows, const gmm_factors *factors, int64_t i, int64_t k, int shift) {
    const int64_t D = factors->n_features, q = factors->n_factors;
    const double *w = factors->whitener + k * (1 + q) * D;
    double sum = 0;
    for (int64_t a = 0; a <= q; ++a) {
        const double *u = w + a * D;
        double z = 0, lambda = 0;
        for (int64_t j = 0; j < D; ++j) {
            const double c = scaled(element(rows, i, j), rows->scale[j], shift) -
                             ldexp(rows->centre[j] + factors->mean[k * D + j], -shift);
            lambda += (u[j] / w[j]) * (u[j] / w[j]);
            z += a ? u[j] * c : (u[j] * c) * (u[j] * c);
        }
        sum += a ? -z * z / (1 + lambda) : z;
    }
    return sum;
}

/* slope_k . x', times 2^-shift: what the components of GMM_LINEAR differ by. */
static double linear_form(const gmm_rows *rows, const gmm_factors *factors, int64_t i, int64_t k, int shift) {
    const double *slope = factors->whitener + k * factors->n_features;
    double sum = 0;
    for (int64_t j = 0; j < factors->n_features; ++j)
        sum += slope[j] * (scaled(element(rows, i, j), rows->scale[j], shift) - ldexp(rows->centre[j], -shift));
    return sum;
}

/* What the density of component k at row i is multiplied by, its logarithm. */
static double constant_of(const gmm_rows *rows, const gmm_factors *factors, int64_t i, int64_t k) {
    return factors->log_constant[k] + (rows->log_prior ? rows->log_prior[i * factors->n_components + k] : 0);
}

int64_t gmm_far_row(const gmm_rows *rows, const gmm_factors *factors, int64_t i, double *log_density) {
    int shift = 0;
    for (int64_t j = 0; j < factors->n_features; ++j) {
        const double x = element(rows, i, j);
        int ex, es;
        if (!isfinite(x)) return -1;
        frexp(x, &ex);
        frexp(rows->scale[j], &es);
        if (x != 0 && ex + es > shift) shift = ex + es;
    }
    const int linear = factors->structure == GMM_LINEAR;
    int64_t nearest = -1;
    double least = 0;
    for (int64_t k = 0; k < factors->n_components; ++k) {
        if (!(constant_of(rows, factors, i, k) > -INFINITY)) continue;
        const double d = linear                              ? -linear_form(rows, factors, i, k, shift)
                         : factors->structure == GMM_FACTOR ? factor_distance(rows, factors, i, k, shift)
                                                            : distance(rows, factors, i, k, shift);
        if (nearest < 0 || d < least) {
            nearest = k;
            least = d;
        }
    }
    if (nearest < 0) return -1;
    *log_density = constant_of(rows, factors, i, nearest) - ldexp(least, linear ? shift : 2 * shift - 1);
    return nearest;
}
