/* test_determinism.c: the same bits for any number of threads, and for calls over consecutive slices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "tests.h"

typedef struct {
    gmm_statistics accumulated, given;
    double *log_density;
    void *posterior;
    int64_t *label;
    assignment nearest;
} results;

static results new_results(const problem *p)
{
    int64_t n = p->rows.n_rows, k = p->factors.n_components, d = p->factors.n_features;
    return (results){new_statistics(&p->factors), new_statistics(&p->factors), room((size_t)n, 8),
                     room((size_t)(n * k), 8), room((size_t)n, 8), new_assignment(n, k, d)};
}

static void drop_results(results *r)
{
    drop_statistics(&r->accumulated);
    drop_statistics(&r->given);
    free(r->log_density);
    free(r->posterior);
    free(r->label);
    drop_assignment(&r->nearest);
}

/* Adds rows [first, first + n) to the results. */
static void run(const problem *p, int64_t first, int64_t n, int n_threads, results *r)
{
    const gmm_factors *f = &p->factors;
    int64_t k = f->n_components, bad_row, size = f->precision == GMM_F32 ? 4 : 8;
    gmm_rows rows = slice_rows(&p->rows, first, n);
    CHECK(call_accumulate(&rows, f, n_threads, &r->accumulated, &bad_row) == GMM_OK);
    if (f->structure != GMM_TIED && f->structure != GMM_LINEAR) {
        CHECK(call_moments(&rows, f, p->posterior + first * k, NULL, n_threads, &r->given, &bad_row) == GMM_OK);
    }
    CHECK(call_score(&rows, f, n_threads, r->log_density + first, (char *)r->posterior + first * k * size,
                     r->label + first, &bad_row) == GMM_OK);
    assignment part = r->nearest;
    part.label += first;
    part.distance += first;
    CHECK(call_assign(&rows, f->precision, k, f->mean, n_threads, &part, &bad_row) == GMM_OK);
    r->nearest.inertia = part.inertia;
}

static void same_statistics(const gmm_statistics *a, const gmm_statistics *b, const gmm_factors *f)
{
    int64_t k = f->n_components, d = f->n_features;
    CHECK_BYTES(a->n, b->n, (size_t)k * 8);
    CHECK_BYTES(a->first, b->first, (size_t)(k * d) * 8);
    CHECK(!a->second || memcmp(a->second, b->second, structure_size(f->structure, k, d) * 8) == 0);
    CHECK_BYTES(&a->log_likelihood, &b->log_likelihood, 8);
    CHECK_BYTES(&a->weight, &b->weight, 8);
}

static void same(const problem *p, const results *a, const results *b)
{
    int64_t n = p->rows.n_rows, k = p->factors.n_components, d = p->factors.n_features;
    same_statistics(&a->accumulated, &b->accumulated, &p->factors);
    same_statistics(&a->given, &b->given, &p->factors);
    CHECK_BYTES(a->log_density, b->log_density, (size_t)n * 8);
    CHECK_BYTES(a->posterior, b->posterior, (size_t)(n * k) * 8);
    CHECK_BYTES(a->label, b->label, (size_t)n * 8);
    CHECK_BYTES(a->nearest.label, b->nearest.label, (size_t)n * 8);
    CHECK_BYTES(a->nearest.distance, b->nearest.distance, (size_t)n * 8);
    CHECK_BYTES(a->nearest.n, b->nearest.n, (size_t)k * 8);
    CHECK_BYTES(a->nearest.sum, b->nearest.sum, (size_t)(k * d) * 8);
    CHECK_BYTES(&a->nearest.inertia, &b->nearest.inertia, 8);
}

static void each_case(void (*one)(const problem *, const results *))
{
    for (int structure = 0; structure < 6; ++structure) {
        for (int i = 0; i < 8; ++i) {
            if (is_left_out()) {
                continue;
            }
            recipe r = plain_recipe();
            r.structure = (gmm_structure)structure;
            r.precision = (gmm_dtype)(i % 2);
            r.d = structure == GMM_LINEAR && i / 2 == 2 ? 130 : (int64_t[]){2, 11, 19, 13}[i / 2];
            r.k = 5;
            r.n = 9 * GMM_BLOCK_ROWS + 77;
            problem p = cook(&r);
            p.factors.skipping = i < 6 ? GMM_SKIP_AUTO : GMM_SKIP_ALWAYS;
            results expected = new_results(&p);
            in_case("%s", describe(&r));
            run(&p, 0, r.n, 1, &expected);
            one(&p, &expected);
            drop_results(&expected);
            discard(&p);
        }
    }
}

static void threads_case(const problem *p, const results *expected)
{
    static const int threads[] = {2, 3, 8};
    for (size_t t = 0; t < 3; ++t) {
        results got = new_results(p);
        run(p, 0, p->rows.n_rows, threads[t], &got);
        same(p, expected, &got);
        drop_results(&got);
    }
}

static void slices_case(const problem *p, const results *expected)
{
    static const int64_t blocks[] = {1, 3, 5};
    results got = new_results(p);
    for (int64_t first = 0, step = 0, t = 0; first < p->rows.n_rows; first += step, ++t) {
        int64_t left = p->rows.n_rows - first;
        step = blocks[t % 3] * GMM_BLOCK_ROWS;
        step = step < left ? step : left;
        run(p, first, step, 1 + (int)t % 3, &got);
    }
    same(p, expected, &got);
    drop_results(&got);
}

/* A row alone, in a batch at another place, in another layout: the same bits. */
static void rows_case(const problem *p, const results *expected)
{
    int64_t k = p->factors.n_components, size = p->factors.precision == GMM_F32 ? 4 : 8, bad_row;
    static const int64_t starts[] = {0, 1, 500, 4099};
    double *log_density = room(200, 8);
    char *posterior = room((size_t)(200 * k), 8);
    for (size_t s = 0; s < 4; ++s) {
        for (int64_t n = 1; n < 200; n *= 6) {
            gmm_rows rows = slice_rows(&p->rows, starts[s], n);
            CHECK(call_score(&rows, &p->factors, 1, log_density, posterior, NULL, &bad_row) == GMM_OK);
            CHECK_BYTES(log_density, expected->log_density + starts[s], (size_t)n * 8);
            CHECK_BYTES(posterior, (char *)expected->posterior + starts[s] * k * size, (size_t)(n * k * size));
        }
    }
    free(log_density);
    free(posterior);
}

/* Layouts of the same values: the same bits. */
static void layouts_case(const problem *p, const results *expected)
{
    problem other = *p;
    other.storage = NULL;
    for (int where = LAYOUT_F; where < N_LAYOUTS; ++where) {
        relay(&other, p->rows.dtype, (layout)where);
        results got = new_results(&other);
        run(&other, 0, p->rows.n_rows, 2, &got);
        same(&other, expected, &got);
        drop_results(&got);
    }
    free(other.storage);
}

static void scan_is_deterministic(void)
{
    recipe r = plain_recipe();
    r.n = 9 * GMM_BLOCK_ROWS + 77;
    problem p = cook(&r);
    gmm_columns one = new_columns(r.d), many = new_columns(r.d);
    in_case("scan, threads");
    CHECK(call_scan(&p.rows, 1, &one) == GMM_OK);
    CHECK(call_scan(&p.rows, 3, &many) == GMM_OK);
    CHECK_BYTES(one.mean, many.mean, (size_t)r.d * 8);
    CHECK_BYTES(one.scatter, many.scatter, (size_t)r.d * 8);
    CHECK_BYTES(one.minimum, many.minimum, (size_t)r.d * 8);
    CHECK_BYTES(one.maximum, many.maximum, (size_t)r.d * 8);
    drop_columns(&one);
    drop_columns(&many);
    discard(&p);
}

void test_determinism(void)
{
    each_case(threads_case);
    each_case(layouts_case);
    scan_is_deterministic();
}

void test_slices(void)
{
    each_case(slices_case);
    each_case(rows_case);
}
