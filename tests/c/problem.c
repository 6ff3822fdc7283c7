/* problem.c: mixtures with means a few standard deviations apart, and rows drawn near them.
 *
 * Invariant: p->value holds the stored values exactly, so an oracle that reads it sees what a kernel sees.
 */
#include "problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *room(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
double uniform(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(1 - uniform(state)));
    return radius * cos(6.283185307179586 * uniform(state));
}

recipe plain_recipe(void)
{
    return (recipe){.structure = GMM_FULL, .dtype = GMM_F64, .precision = GMM_F64, .n = 100, .d = 3, .k = 4,
                    .layout = LAYOUT_C, .weighting = WEIGHT_SOME, .plain_frame = 0, .dead = -1, .seed = 1};
}

size_t structure_size(gmm_structure structure, int64_t k, int64_t d)
{
    size_t components = (size_t)k, features = (size_t)d;
    switch (structure) {
    case GMM_FULL: return components * features * features;
    case GMM_TIED: return features * features;
    case GMM_LINEAR:
    case GMM_DIAG: return components * features;
    case GMM_SPHERICAL: return components;
    case GMM_FACTOR: return components * (size_t)(1 + factor_count(d)) * features;
    }
    return 0;
}

int64_t factor_count(int64_t d)
{
    return d < 2 ? d : (2 * d + 4) / 5;
}

const char *structure_name(gmm_structure structure)
{
    static const char *const names[] = {"full", "tied", "diag", "spherical", "linear", "factor"};
    return names[structure];
}

const char *layout_name(layout where)
{
    static const char *const names[] = {"C", "F", "strided", "negative", "misaligned"};
    return names[where];
}

const char *describe(const recipe *r)
{
    static char text[200];
    snprintf(text, sizeof text, "%s %s/%s N=%lld D=%lld K=%lld %s weights=%d dead=%d seed=%llu",
             structure_name(r->structure), r->dtype == GMM_F32 ? "f32" : "f64", r->precision == GMM_F32 ? "f32" : "f64",
             (long long)r->n, (long long)r->d, (long long)r->k, layout_name(r->layout), (int)r->weighting, r->dead,
             (unsigned long long)r->seed);
    return text;
}

void relay(problem *p, gmm_dtype dtype, layout where)
{
    gmm_rows *rows = &p->rows;
    int64_t n = rows->n_rows, d = rows->n_features, element = dtype == GMM_F32 ? 4 : 8;
    int64_t row_stride = d * element, column_stride = element, start = 0;
    switch (where) {
    case LAYOUT_F:
        row_stride = element;
        column_stride = n * element;
        break;
    case LAYOUT_STRIDED:
        column_stride = 3 * element;
        row_stride = d * column_stride + element;
        break;
    case LAYOUT_NEGATIVE:
        row_stride = -row_stride;
        column_stride = -column_stride;
        start = (n * d - 1) * element;
        break;
    case LAYOUT_MISALIGNED:
        start = 1;
        break;
    case LAYOUT_C:
    case N_LAYOUTS:
        break;
    }
    free(p->storage);
    p->storage = room((size_t)((n + 1) * (3 * d + 1) + 2), (size_t)element);
    char *first = (char *)p->storage + start;
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            double value = p->value[i * d + j];
            float narrow = (float)value;
            memcpy(first + i * row_stride + j * column_stride, dtype == GMM_F32 ? (void *)&narrow : (void *)&value,
                   (size_t)element);
        }
    }
    rows->data = first;
    rows->dtype = dtype;
    rows->row_stride = row_stride;
    rows->column_stride = column_stride;
}

/* Directions that are orthogonal in units of the noise, by Gram and Schmidt; every third component has strong signals,
 * and a factor without any. */
static void cook_directions(double *w, int64_t c, int64_t d, uint64_t *state)
{
    const int64_t q = factor_count(d);
    for (int64_t a = 1; a <= q; ++a) {
        double *u = w + a * d, size = 0;
        for (int64_t j = 0; j < d; ++j) {
            u[j] = normal(state);
        }
        for (int again = 0; again < 2; ++again) {
            for (int64_t b = 1; b < a; ++b) {
                double along = 0;
                for (int64_t j = 0; j < d; ++j) {
                    along += u[j] * w[b * d + j];
                }
                for (int64_t j = 0; j < d; ++j) {
                    u[j] -= along * w[b * d + j];
                }
            }
        }
        for (int64_t j = 0; j < d; ++j) {
            size += u[j] * u[j];
        }
        for (int64_t j = 0; j < d; ++j) {
            u[j] /= sqrt(size);
        }
    }
    for (int64_t a = 1; a <= q; ++a) {
        const double theta = c % 3 != 2 ? 0.5 + 4 * uniform(state) : a == 2 ? 0 : 400 + 100 * (double)a;
        for (int64_t j = 0; j < d; ++j) {
            w[a * d + j] *= theta * w[j];
        }
    }
}

static void cook_whitener(problem *p, uint64_t *state)
{
    int64_t k = p->factors.n_components, d = p->factors.n_features;
    gmm_structure structure = p->factors.structure;
    size_t size = structure_size(structure, k, d);
    p->whitener = room(size, sizeof(double));
    for (size_t i = 0; i < size; ++i) {
        if (structure == GMM_LINEAR) { /* slopes */
            p->whitener[i] = p->mean[i] * (0.5 + uniform(state));
        } else if (structure == GMM_FULL || structure == GMM_TIED) {
            int64_t row = (int64_t)i / d % d, column = (int64_t)i % d;
            /* the strict upper triangle is not read: NaN there would show that it was */
            p->whitener[i] = column > row    ? (double)NAN
                             : column == row ? 0.5 + uniform(state)
                                             : normal(state) / (double)(d + 1);
        } else {
            p->whitener[i] = 0.5 + uniform(state);
        }
    }
    for (int64_t c = 0; structure == GMM_FACTOR && c < k; ++c) {
        cook_directions(p->whitener + c * (1 + factor_count(d)) * d, c, d, state);
    }
}

static void cook_given(problem *p, uint64_t *state)
{
    int64_t n = p->rows.n_rows, k = p->factors.n_components;
    p->posterior = room((size_t)(n * k), sizeof(double));
    p->label = room((size_t)n, sizeof(int64_t));
    for (int64_t i = 0; i < n; ++i) {
        double sum = 0;
        for (int64_t c = 0; c < k; ++c) {
            double u = uniform(state);
            sum += p->posterior[i * k + c] = c % 3 == i % 3 && k > 3 ? 0 : 0.01 + u;
        }
        for (int64_t c = 0; c < k; ++c) {
            p->posterior[i * k + c] /= sum;
        }
        p->label[i] = (int64_t)(uniform(state) * (double)(k + 1)) - 1;
    }
}

static void cook_values(problem *p, const recipe *r, uint64_t *state)
{
    for (int64_t i = 0; i < r->n; ++i) {
        int64_t near = (int64_t)(uniform(state) * (double)r->k);
        p->weight[i] = r->weighting == WEIGHT_ZERO || i % 7 == 3 ? 0 : 2 - 2 * uniform(state);
        for (int64_t j = 0; j < r->d; ++j) {
            double framed = p->mean[near * r->d + j] + normal(state);
            double x = (framed + p->centre[j]) / p->scale[j];
            p->value[i * r->d + j] = r->dtype == GMM_F32 ? (double)(float)x : x;
        }
    }
}

problem cook(const recipe *r)
{
    uint64_t state = r->seed * 1000003u + 17u;
    problem p = {.rows = {.n_rows = r->n, .n_features = r->d}};
    p.factors = (gmm_factors){.structure = r->structure, .precision = r->precision, .n_components = r->k,
                              .n_features = r->d, .n_factors = factor_count(r->d)};
    p.scale = room((size_t)r->d, sizeof(double));
    p.centre = room((size_t)r->d, sizeof(double));
    for (int64_t j = 0; j < r->d; ++j) {
        p.scale[j] = r->plain_frame ? 1 : ldexp(1, (int)(j % 5) - 2);
        p.centre[j] = r->plain_frame ? 0 : 4 * uniform(&state) - 2;
    }
    p.mean = room((size_t)(r->k * r->d), sizeof(double));
    p.log_constant = room((size_t)r->k, sizeof(double));
    for (int64_t c = 0; c < r->k; ++c) {
        p.log_constant[c] = c == r->dead ? -INFINITY : -(double)r->d - 2 * uniform(&state);
        for (int64_t j = 0; j < r->d; ++j) {
            p.mean[c * r->d + j] = 2 * normal(&state) / sqrt((double)r->d) + 0.3 * normal(&state);
        }
    }
    cook_whitener(&p, &state);
    p.value = room((size_t)(r->n * r->d), sizeof(double));
    p.weight = room((size_t)r->n, sizeof(double));
    cook_values(&p, r, &state);
    cook_given(&p, &state);
    p.rows.weight = r->weighting == WEIGHT_NONE ? NULL : p.weight;
    p.rows.scale = p.scale;
    p.rows.centre = p.centre;
    p.factors.log_constant = p.log_constant;
    p.factors.mean = p.mean;
    p.factors.whitener = p.whitener;
    relay(&p, r->dtype, r->layout);
    return p;
}

void discard(problem *p)
{
    void *parts[] = {p->value,    p->posterior, p->label,  p->mean,   p->log_constant,
                     p->whitener, p->weight,    p->scale,  p->centre, p->storage};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
        free(parts[i]);
    }
}
