/* oracle.c: the contract of gmm.h in its plainest form. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>

#include "rounding.h"

typedef long double wide;

static double weight_of(const problem *p, int64_t i)
{
    return p->rows.weight ? p->rows.weight[i] : 1;
}

void oracle_row(const problem *p, int64_t i, double *framed)
{
    int64_t d = p->rows.n_features;
    for (int64_t j = 0; j < d; ++j) {
        framed[j] = p->value[i * d + j] * p->rows.scale[j] - p->rows.centre[j];
    }
}

/* u . (x - mean), and sum_j (u_j / w_j)^2, of direction a > 0 of component k. */
static wide along(const gmm_factors *f, const double *x, int64_t k, int64_t a, wide *lambda)
{
    int64_t d = f->n_features;
    const double *w = f->whitener + k * (1 + f->n_factors) * d, *u = w + a * d, *mean = f->mean + k * d;
    wide z = 0;
    *lambda = 0;
    for (int64_t j = 0; j < d; ++j) {
        z += (wide)u[j] * ((wide)x[j] - (wide)mean[j]);
        *lambda += ((wide)u[j] / (wide)w[j]) * ((wide)u[j] / (wide)w[j]);
    }
    return z;
}

/* |W_k (x - mean_k)|^2 / 2, or a linear form with its sign changed */
static wide half_square(const gmm_factors *f, const double *x, int64_t k)
{
    int64_t d = f->n_features;
    const double *mean = f->mean + k * d;
    wide sum = 0;
    for (int64_t j = 0; f->structure == GMM_LINEAR && j < d; ++j) {
        sum -= (wide)f->whitener[k * d + j] * (wide)x[j];
    }
    for (int64_t i = 0; f->structure != GMM_LINEAR && i < d; ++i) {
        wide y = 0;
        if (f->structure == GMM_FULL || f->structure == GMM_TIED) {
            const double *w = f->whitener + (f->structure == GMM_FULL ? k * d * d : 0) + i * d;
            for (int64_t j = 0; j <= i; ++j) {
                y += (wide)w[j] * ((wide)x[j] - (wide)mean[j]);
            }
        } else {
            const int64_t at = f->structure == GMM_FACTOR ? k * (1 + f->n_factors) * d + i
                               : f->structure == GMM_DIAG ? k * d + i
                                                          : k;
            y = (wide)f->whitener[at] * ((wide)x[i] - (wide)mean[i]);
        }
        sum += y * y;
    }
    for (int64_t a = 1; f->structure == GMM_FACTOR && a <= f->n_factors; ++a) {
        wide lambda, z = along(f, x, k, a, &lambda);
        sum -= z * z / (1 + lambda);
    }
    return f->structure == GMM_LINEAR ? sum : sum / 2;
}

/* Size of what a linear form adds up, of the component where it is largest. */
static double terms_size(const gmm_factors *f, const double *x)
{
    double largest = 0;
    for (int64_t k = 0; k < f->n_components; ++k) {
        double size = 0;
        for (int64_t j = 0; j < f->n_features; ++j) {
            size += fabs(f->whitener[k * f->n_features + j] * x[j]);
        }
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* Component log densities (K,) and responsibilities (K,) of a row; returns the log density. */
static wide row_densities(const gmm_factors *f, const double *x, wide *density, wide *posterior)
{
    int64_t k = f->n_components;
    wide largest = -INFINITY, sum = 0;
    for (int64_t c = 0; c < k; ++c) {
        density[c] = (wide)f->log_constant[c] - half_square(f, x, c);
        largest = density[c] > largest ? density[c] : largest;
    }
    for (int64_t c = 0; c < k; ++c) {
        sum += posterior[c] = expl(density[c] - largest);
    }
    for (int64_t c = 0; c < k; ++c) {
        posterior[c] /= sum;
    }
    return largest + logl(sum);
}

static oracle_statistics empty_statistics(const problem *p)
{
    int64_t k = p->factors.n_components, d = p->factors.n_features;
    size_t second = structure_size(p->factors.structure, k, d);
    return (oracle_statistics){.n = room((size_t)k, 8), .first = room((size_t)(k * d), 8), .second = room(second, 8),
                               .first_size = room((size_t)(k * d), 8), .second_size = room(second, 8),
                               .n_error = room((size_t)k, 8), .first_error = room((size_t)(k * d), 8),
                               .second_error = room(second, 8)};
}

/* wr: weight times responsibility, known to a share of `error`. A kernel may add up products of rows, not of deviations,
 * so what its own rounding is a share of are sizes |x| + |mean|; a deviation errs by 3 roundoffs of that at most. */
static void add_row(const problem *p, oracle_statistics *s, const double *x, int64_t k, double wr, double error)
{
    const gmm_factors *f = &p->factors;
    int64_t d = f->n_features;
    const double *mean = f->mean + k * d;
    const double chain = sum_rounding(f->precision, p->rows.n_rows * (f->structure == GMM_SPHERICAL ? d : 1));
    const double once = chain + 4 * roundoff(f->precision), twice = chain + 8 * roundoff(f->precision);
    s->n[k] += wr;
    s->n_error[k] += wr * (error + chain);
    for (int64_t i = 0; i < d; ++i) {
        double c = f->structure == GMM_LINEAR ? x[i] : x[i] - mean[i], size = fabs(x[i]) + fabs(mean[i]);
        s->first[k * d + i] += wr * c;
        s->first_size[k * d + i] += wr * fabs(c);
        s->first_error[k * d + i] += wr * (error * fabs(c) + once * size);
        if (f->structure == GMM_FULL) {
            for (int64_t j = 0; j < d; ++j) {
                const double product = c * (x[j] - mean[j]);
                s->second[(k * d + i) * d + j] += wr * product;
                s->second_size[(k * d + i) * d + j] += wr * fabs(product);
                s->second_error[(k * d + i) * d + j] +=
                    wr * (error * fabs(product) + twice * size * (fabs(x[j]) + fabs(mean[j])));
            }
        } else if (f->structure != GMM_TIED && f->structure != GMM_LINEAR) {
            int64_t at = f->structure == GMM_FACTOR ? k * (1 + f->n_factors) * d + i
                         : f->structure == GMM_DIAG ? k * d + i
                                                    : k;
            s->second[at] += wr * c * c;
            s->second_size[at] += wr * c * c;
            s->second_error[at] += wr * (error * c * c + twice * size * size);
        }
    }
    for (int64_t a = 1; f->structure == GMM_FACTOR && a <= f->n_factors; ++a) {
        const int64_t at = (k * (1 + f->n_factors) + a) * d;
        wide lambda, z = along(f, x, k, a, &lambda);
        const double product = sum_rounding(f->precision, d) + 6 * roundoff(f->precision);
        double size = 0;
        for (int64_t j = 0; j < d; ++j) {
            size += fabs(f->whitener[at + j]) * (fabs(x[j]) + fabs(mean[j]));
        }
        for (int64_t j = 0; j < d; ++j) {
            const double term = (double)z * (x[j] - mean[j]);
            s->second[at + j] += wr * term;
            s->second_size[at + j] += wr * fabs(term);
            s->second_error[at + j] += wr * (error * fabs(term) + (twice + product) * size * (fabs(x[j]) + fabs(mean[j])));
        }
    }
}

/* A responsibility exp(l_k) / sum_c exp(l_c) errs, relatively, as l_k and the mean of the l_c do, and by its exponential,
 * sum, quotient and weight. Adds the row's share to the error of the log-likelihood. */
static void add_densities(const problem *p, oracle_statistics *s, const double *x, double w, double log_density,
                          const wide *density, const wide *posterior)
{
    const gmm_factors *f = &p->factors;
    const int64_t n = f->n_components;
    const double u = roundoff(f->precision);
    double *nats = room((size_t)n, sizeof *nats), mean = 0;
    for (int64_t k = 0; k < n; ++k) {
        nats[k] = density_rounding(f, x, k);
        mean += (double)posterior[k] * nats[k];
    }
    for (int64_t k = 0; k < n; ++k) {
        const double below = posterior[k] > 0 ? log_density - (double)density[k] : 0;
        const double own = 8 * u + 2 * u * below + sum_rounding(f->precision, n);
        add_row(p, s, x, k, w * (double)posterior[k], nats[k] + mean + own);
    }
    s->likelihood_error += w * (mean + 4 * u * (fabs(log_density) + 1) + sum_rounding(f->precision, n));
    free(nats);
}

oracle_statistics oracle_accumulate(const problem *p)
{
    const gmm_factors *f = &p->factors;
    oracle_statistics s = empty_statistics(p);
    double *x = room((size_t)f->n_features, sizeof *x);
    wide *density = room((size_t)f->n_components, sizeof *density);
    wide *posterior = room((size_t)f->n_components, sizeof *posterior);
    for (int64_t i = 0; i < p->rows.n_rows; ++i) {
        double w = weight_of(p, i);
        if (w > 0) {
            oracle_row(p, i, x);
            double log_density = (double)row_densities(f, x, density, posterior);
            s.log_likelihood += w * log_density;
            s.likelihood_size += w * fabs(log_density);
            s.weight += w;
            add_densities(p, &s, x, w, log_density, density, posterior);
        }
    }
    free(x);
    free(density);
    free(posterior);
    return s;
}

oracle_statistics oracle_moments(const problem *p, const double *posterior, const int64_t *label)
{
    const gmm_factors *f = &p->factors;
    oracle_statistics s = empty_statistics(p);
    double *x = room((size_t)f->n_features, sizeof *x);
    for (int64_t i = 0; i < p->rows.n_rows; ++i) {
        double w = weight_of(p, i);
        oracle_row(p, i, x);
        s.weight += w;
        for (int64_t k = 0; k < f->n_components; ++k) {
            double r = posterior ? posterior[i * f->n_components + k] : label[i] == k;
            if (w * r > 0) {
                add_row(p, &s, x, k, w * r, 4 * roundoff(f->precision));
            }
        }
    }
    free(x);
    return s;
}

void oracle_discard(oracle_statistics *s)
{
    free(s->n);
    free(s->first);
    free(s->second);
    free(s->first_size);
    free(s->second_size);
    free(s->n_error);
    free(s->first_error);
    free(s->second_error);
}

oracle_scores oracle_score(const problem *p)
{
    const gmm_factors *f = &p->factors;
    int64_t n = p->rows.n_rows, k = f->n_components;
    oracle_scores s = {.log_density = room((size_t)n, 8), .posterior = room((size_t)(n * k), 8),
                       .gap = room((size_t)n, 8), .half_square = room((size_t)n, 8), .label = room((size_t)n, 8)};
    double *x = room((size_t)f->n_features, sizeof *x);
    wide *density = room((size_t)k, sizeof *density), *posterior = room((size_t)k, sizeof *posterior);
    for (int64_t i = 0; i < n; ++i) {
        oracle_row(p, i, x);
        s.log_density[i] = (double)row_densities(f, x, density, posterior);
        wide best = -INFINITY, next = -INFINITY, nearest = INFINITY;
        for (int64_t c = 0; c < k; ++c) {
            s.posterior[i * k + c] = (double)posterior[c];
            if (density[c] > best) {
                next = best;
                best = density[c];
                s.label[i] = c;
            } else if (density[c] > next) {
                next = density[c];
            }
            wide q = half_square(f, x, c);
            nearest = q < nearest && f->log_constant[c] > -INFINITY ? q : nearest;
        }
        s.gap[i] = (double)(best - next);
        s.half_square[i] = f->structure == GMM_LINEAR ? terms_size(f, x) : (double)nearest;
    }
    free(x);
    free(density);
    free(posterior);
    return s;
}

void oracle_scores_discard(oracle_scores *s)
{
    free(s->log_density);
    free(s->posterior);
    free(s->gap);
    free(s->half_square);
    free(s->label);
}

oracle_assignment oracle_assign(const problem *p, const double *centre, int64_t k)
{
    int64_t n = p->rows.n_rows, d = p->rows.n_features;
    oracle_assignment a = {.label = room((size_t)n, 8), .distance = room((size_t)n, 8), .gap = room((size_t)n, 8),
                           .n = room((size_t)k, 8), .sum = room((size_t)(k * d), 8),
                           .sum_size = room((size_t)(k * d), 8)};
    double *x = room((size_t)d, sizeof *x);
    for (int64_t i = 0; i < n; ++i) {
        wide best = INFINITY, next = INFINITY;
        oracle_row(p, i, x);
        for (int64_t c = 0; c < k; ++c) {
            wide q = 0;
            for (int64_t j = 0; j < d; ++j) {
                wide t = (wide)x[j] - (wide)centre[c * d + j];
                q += t * t;
            }
            if (q < best) {
                next = best;
                best = q;
                a.label[i] = c;
            } else if (q < next) {
                next = q;
            }
        }
        double w = weight_of(p, i);
        const double *own = centre + a.label[i] * d;
        a.distance[i] = (double)best;
        a.gap[i] = (double)(next - best);
        a.inertia += w * (double)best;
        a.n[a.label[i]] += w;
        for (int64_t j = 0; j < d; ++j) {
            a.sum[a.label[i] * d + j] += w * (x[j] - own[j]);
            a.sum_size[a.label[i] * d + j] += w * fabs(x[j] - own[j]);
        }
    }
    free(x);
    return a;
}

void oracle_assignment_discard(oracle_assignment *a)
{
    free(a->label);
    free(a->distance);
    free(a->gap);
    free(a->n);
    free(a->sum);
    free(a->sum_size);
}
