/* call.c: guarded scratch around every entry point. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "factor.h"

enum { GUARD = 64, ODD = 3, MARK = 0xA5 };

typedef struct {
    unsigned char *memory, *scratch;
    size_t size;
} guarded;

static guarded guard(gmm_structure structure, gmm_dtype precision, int64_t k, int64_t d, int n_threads)
{
    size_t size = structure == GMM_FACTOR ? gmm_factor_scratch_bytes(precision, k, d, factor_count(d), n_threads)
                                          : gmm_scratch_bytes(structure, precision, k, d, n_threads);
    guarded g = {.memory = room(size + 2 * GUARD, 1), .size = size};
    g.scratch = g.memory + GUARD - ODD;
    memset(g.memory, MARK, size + 2 * GUARD);
    return g;
}

static void unguard(guarded *g)
{
    int intact = 1;
    for (size_t i = 0; i < GUARD - ODD; ++i) {
        intact &= g->memory[i] == MARK;
    }
    for (size_t i = GUARD - ODD + g->size; i < g->size + 2 * GUARD; ++i) {
        intact &= g->memory[i] == MARK;
    }
    CHECK(intact);
    free(g->memory);
}

gmm_statistics new_statistics(const gmm_factors *f)
{
    size_t second = structure_size(f->structure, f->n_components, f->n_features);
    return (gmm_statistics){.n = room((size_t)f->n_components, 8),
                            .first = room((size_t)(f->n_components * f->n_features), 8),
                            .n_factors = f->n_factors,
                            .second = f->structure == GMM_TIED || f->structure == GMM_LINEAR ? NULL : room(second, 8)};
}

void drop_statistics(gmm_statistics *s)
{
    free(s->n);
    free(s->first);
    free(s->second);
}

gmm_status call_accumulate(const gmm_rows *rows, const gmm_factors *f, int n_threads, gmm_statistics *s,
                           int64_t *bad_row)
{
    guarded g = guard(f->structure, f->precision, f->n_components, f->n_features, n_threads);
    gmm_status status = gmm_accumulate(rows, f, n_threads, g.scratch, g.size, s, bad_row);
    unguard(&g);
    return status;
}

gmm_status call_moments(const gmm_rows *rows, const gmm_factors *f, const double *posterior, const int64_t *label,
                        int n_threads, gmm_statistics *s, int64_t *bad_row)
{
    guarded g = guard(f->structure, f->precision, f->n_components, f->n_features, n_threads);
    gmm_status status = gmm_moments(rows, f, posterior, label, n_threads, g.scratch, g.size, s, bad_row);
    unguard(&g);
    return status;
}

gmm_status call_score(const gmm_rows *rows, const gmm_factors *f, int n_threads, double *log_density,
                      void *posterior, int64_t *label, int64_t *bad_row)
{
    guarded g = guard(f->structure, f->precision, f->n_components, f->n_features, n_threads);
    gmm_status status = gmm_score(rows, f, n_threads, g.scratch, g.size, log_density, posterior, label, bad_row);
    unguard(&g);
    return status;
}

assignment new_assignment(int64_t n, int64_t k, int64_t d)
{
    return (assignment){.label = room((size_t)n, 8), .distance = room((size_t)n, 8), .n = room((size_t)k, 8),
                        .sum = room((size_t)(k * d), 8)};
}

void drop_assignment(assignment *a)
{
    free(a->label);
    free(a->distance);
    free(a->n);
    free(a->sum);
}

gmm_status call_assign(const gmm_rows *rows, gmm_dtype precision, int64_t k, const double *centre, int n_threads,
                       assignment *a, int64_t *bad_row)
{
    guarded g = guard(GMM_SPHERICAL, precision, k, rows->n_features, n_threads);
    gmm_status status = gmm_assign(rows, precision, k, centre, n_threads, g.scratch, g.size, a->label, a->distance,
                                   a->n, a->sum, &a->inertia, bad_row);
    unguard(&g);
    return status;
}

gmm_status call_seed(const gmm_rows *rows, gmm_dtype precision, int64_t c, const double *candidate,
                     const double *closest, int n_threads, double *distance, double *potential, int64_t *bad_row)
{
    guarded g = guard(GMM_SPHERICAL, precision, c, rows->n_features, n_threads);
    gmm_status status = gmm_seed(rows, precision, c, candidate, closest, n_threads, g.scratch, g.size, distance,
                                 potential, bad_row);
    unguard(&g);
    return status;
}

gmm_columns new_columns(int64_t d)
{
    return (gmm_columns){.minimum = room((size_t)d, 8), .maximum = room((size_t)d, 8), .mean = room((size_t)d, 8),
                         .scatter = room((size_t)d, 8)};
}

void drop_columns(gmm_columns *c)
{
    free(c->minimum);
    free(c->maximum);
    free(c->mean);
    free(c->scatter);
}

gmm_status call_scan(const gmm_rows *rows, int n_threads, gmm_columns *c)
{
    guarded g = guard(GMM_SPHERICAL, GMM_F64, 1, rows->n_features, n_threads);
    gmm_status status = gmm_scan(rows, n_threads, g.scratch, g.size, c);
    unguard(&g);
    return status;
}

gmm_rows slice_rows(const gmm_rows *rows, int64_t first, int64_t n)
{
    gmm_rows part = *rows;
    part.data = (const char *)rows->data + first * rows->row_stride;
    part.n_rows = n;
    part.weight = rows->weight ? rows->weight + first : NULL;
    return part;
}
