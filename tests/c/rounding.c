/* rounding.c: the squares of the coefficients a_t of rounding.h, one operation at a time.
 *
 *     l = c - sum_i y_i^2 / 2,  y_i = sum_j W_ij (x_j - m_j)  or  sum_j W_ij x_j - (W m)_i
 *
 * of factor analysers with a diagonal W, and plus sum_a z_a^2 / 2 (1 + lambda_a).
 *
 * Kernels take the second way where it is safe, so every operation of both counts. Sums are taken in the order of the
 * formula; chains that run beside each other have shorter partial sums. Those of factor analysers begin with c, for the
 * squares of the z_a come upon it (first form), or those of the y_i less what factors explain, each of them rounded once
 * a factor (second form: `kernels/factor_pack.inc.c`). */
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

/* Of one factor, z = u . (x - mean), which takes z^2 / 2 (1 + lambda) from half the squared distance. */
static double factor_squares(const gmm_factors *f, const double *x, int64_t k, int64_t a, double *half, double *pull)
{
    const int64_t d = f->n_features;
    const double *w = f->whitener + k * (1 + f->n_factors) * d, *u = w + a * d, *mean = f->mean + k * d;
    double z = 0, lambda = 0, own = 0;
    for (int64_t j = 0; j < d; ++j) {
        const double term = u[j] * (x[j] - mean[j]);
        z += term;
        own += 2 * squared(term) + squared(z); /* 2: u, product */
        lambda += squared(u[j] / w[j]);
    }
    const double share = 1 / (1 + lambda), taken = z * z * share / 2;
    for (int64_t j = 0; j < d; ++j) {
        pull[j] -= z * share * u[j];
    }
    *half -= taken;
    return squared(z * share) * own + 2 * squared(taken) + squared(*half); /* 2: scale, square */
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
    const double constant = f->log_constant[k], begun = f->structure == GMM_FACTOR ? -constant : 0;
    double *pull = room((size_t)d, sizeof *pull), squares = 2 * squared(constant), half = begun;
    for (int64_t i = 0; i < d; ++i) {
        double y, own;
        if (is_dense) {
            own = image(x, mean, f->whitener + (f->structure == GMM_FULL ? k * d * d : 0) + i * d, i + 1, &y, pull);
        } else {
            const int64_t at = f->structure == GMM_FACTOR ? k * (1 + f->n_factors) * d + i
                               : f->structure == GMM_DIAG ? k * d + i
                                                          : k;
            const double w = f->whitener[at];
            y = w * (x[i] - mean[i]);
            own = (2 + (f->structure == GMM_FACTOR ? (double)f->n_factors : 0)) * y * y;
            pull[i] = y * w;
        }
        half += y * y / 2;
        squares += y * y * own + squared(y * y / 2) + squared(half);
    }
    for (int64_t a = 1; f->structure == GMM_FACTOR && a <= f->n_factors; ++a) {
        squares += factor_squares(f, x, k, a, &half, pull);
    }
    for (int64_t j = 0; j < d; ++j) {
        squares += squared(pull[j]) * (squared(x[j]) + squared(mean[j]) + squared(x[j] - mean[j]));
    }
    squares += squared(constant + begun - half);
    free(pull);
    return roundoff(f->precision) * sqrt(squares);
}
