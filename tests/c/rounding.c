/* rounding.c: the squares of the coefficients a_t of rounding.h, one operation at a time.
 *
 *     l = c - sum_i y_i^2 / 2,  y_i = sum_j W_ij (x_j - m_j)  or  sum_j W_ij x_j - (W m)_i
 *
 * Kernels take the second way where it is safe, so every operation of both counts. Sums are taken in the order of the
 * formula; chains that run beside each other have shorter partial sums. */
#include "rounding.h"

#include <math.h>
#include <stdlib.h>

#include "problem.h"

static double squared(double x)
{
    return x * x;
}

double roundoff(gmm_dtype precision)
{
    return precision == GMM_F32 ? 0x1p-24 : 0x1p-52;
}

double sum_rounding(gmm_dtype precision, int64_t n)
{
    return sqrt((double)n) * roundoff(precision);
}

/* y_i and, added to pull (D,), what y_i^2 / 2 changes with x. Returns the squares of its coefficients in y_i. */
static double image(const double *x, const double *mean, const double *w, int64_t n, double *y, double *pull)
{
    double squares = 0, centred = 0, affine = 0;
    for (int64_t j = 0; j < n; ++j) {
        affine -= w[j] * mean[j];
    }
    squares += squared(affine);
    for (int64_t j = 0; j < n; ++j) {
        const double term = w[j] * (x[j] - mean[j]), other = w[j] * x[j];
        centred += term;
        affine += other;
        squares += 2 * squared(term) + squared(centred) + 2 * squared(other) + squared(affine); /* 2: w, product */
    }
    for (int64_t j = 0; j < n; ++j) {
        pull[j] += centred * w[j];
    }
    *y = centred;
    return squares;
}

static double form_squares(const gmm_factors *f, const double *x, int64_t k)
{
    double squares = 0, sum = 0;
    for (int64_t j = 0; j < f->n_features; ++j) {
        const double term = f->whitener[k * f->n_features + j] * x[j];
        sum += term;
        squares += 3 * squared(term) + squared(sum); /* 3: slope, x, product */
    }
    return squares + 2 * squared(f->log_constant[k]) + squared(f->log_constant[k] + sum);
}

/* What the factors take off: v_a^2 / 2 with v_a = u_a . (x - m) / sqrt(1 + lambda_a). The form by residuals errs less. */
static double explained(const gmm_factors *f, const double *x, int64_t k, double *half, double *pull)
{
    const int64_t d = f->n_features;
    const double *w = f->whitener + k * (1 + f->n_factors) * d, *mean = f->mean + k * d;
    double *scaled = room((size_t)d, sizeof *scaled), *own = room((size_t)d, sizeof *own), squares = 0;
    for (int64_t a = 1; a <= f->n_factors; ++a) {
        double lambda = 0, v;
        for (int64_t j = 0; j < d; ++j) {
            lambda += squared(w[a * d + j] / w[j]);
        }
        for (int64_t j = 0; j < d; ++j) {
            scaled[j] = w[a * d + j] / sqrt(1 + lambda);
            own[j] = 0;
        }
        const double parts = image(x, mean, scaled, d, &v, own);
        for (int64_t j = 0; j < d; ++j) {
            pull[j] -= own[j];
        }
        *half -= v * v / 2;
        squares += v * v * parts + squared(v * v / 2) + squared(*half);
    }
    free(scaled);
    free(own);
    return squares;
}

double density_rounding(const gmm_factors *f, const double *x, int64_t k)
{
    const int64_t d = f->n_features;
    if (!(f->log_constant[k] > -INFINITY)) {
        return 0;
    }
    if (f->structure == GMM_LINEAR) {
        return roundoff(f->precision) * sqrt(form_squares(f, x, k));
    }
    const int is_dense = f->structure == GMM_FULL || f->structure == GMM_TIED;
    const double *mean = f->mean + k * d;
    double *pull = room((size_t)d, sizeof *pull), squares = 2 * squared(f->log_constant[k]), half = 0;
    for (int64_t i = 0; i < d; ++i) {
        double y, own;
        if (is_dense) {
            own = image(x, mean, f->whitener + (f->structure == GMM_FULL ? k * d * d : 0) + i * d, i + 1, &y, pull);
        } else {
            const int64_t step = f->structure == GMM_FACTOR ? (1 + f->n_factors) * d : d;
            const double w = f->whitener[f->structure == GMM_SPHERICAL ? k : k * step + i];
            y = w * (x[i] - mean[i]);
            own = 2 * y * y;
            pull[i] = y * w;
        }
        half += y * y / 2;
        squares += y * y * own + squared(y * y / 2) + squared(half);
    }
    squares += f->structure == GMM_FACTOR ? explained(f, x, k, &half, pull) : 0;
    for (int64_t j = 0; j < d; ++j) {
        squares += squared(pull[j]) * (squared(x[j]) + squared(mean[j]) + squared(x[j] - mean[j]));
    }
    squares += squared(f->log_constant[k] - half);
    free(pull);
    return roundoff(f->precision) * sqrt(squares);
}
