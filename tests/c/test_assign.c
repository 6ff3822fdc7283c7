/* test_assign.c: nearest centres, distances and sums, and candidates for a seed, against the oracle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

static void compare(const assignment *a, const oracle_assignment *o, const recipe *r)
{
    double unit = r->precision == GMM_F32 ? 6e-8 : 1.1e-16;
    for (int64_t i = 0; i < r->n; ++i) {
        /* rows and centres of up to about 10 are rounded before they are subtracted */
        double allowed = unit * ((double)r->d + 10) * (10 + o->distance[i]);
        CHECK_NEAR(a->distance[i], o->distance[i], allowed);
        CHECK(o->gap[i] < 2 * allowed || a->label[i] == o->label[i]);
    }
    CHECK_NEAR(a->inertia, o->inertia, unit * ((double)r->d + 20) * (10 * (double)r->n + o->inertia));
    for (int64_t k = 0; k < r->k; ++k) {
        CHECK_NEAR(a->n[k], o->n[k], 1e-14 * o->n[k]);
        for (int64_t j = 0; j < r->d; ++j) {
            CHECK_NEAR(a->sum[k * r->d + j], o->sum[k * r->d + j], unit * 20 * (o->n[k] + o->sum_size[k * r->d + j]));
        }
    }
}

static void assign_case(const recipe *r)
{
    if (is_left_out()) {
        return;
    }
    in_case("assign %s", describe(r));
    problem p = cook(r);
    assignment a = new_assignment(r->n, r->k, r->d);
    oracle_assignment o = oracle_assign(&p, p.mean, r->k);
    int64_t bad_row = 7;
    CHECK(call_assign(&p.rows, r->precision, r->k, p.mean, 2, &a, &bad_row) == GMM_OK);
    CHECK(bad_row == -1);
    compare(&a, &o, r);
    double inertia = a.inertia;
    CHECK(call_assign(&p.rows, r->precision, r->k, p.mean, 1, &a, &bad_row) == GMM_OK);
    CHECK(a.inertia == inertia + inertia); /* added, and the same bits */
    for (int64_t k = 0; k < r->k; ++k) {
        CHECK_NEAR(a.n[k], 2 * o.n[k], 1e-14 * o.n[k]);
    }
    oracle_assignment_discard(&o);
    drop_assignment(&a);
    discard(&p);
}

/* The candidates one by one: the oracle's only centre, and the nearer of it and what was closest before. */
static void seed_case(const recipe *r)
{
    if (is_left_out()) {
        return;
    }
    in_case("seed %s", describe(r));
    problem p = cook(r);
    double *distance = room((size_t)(r->n * r->k), 8), *potential = room((size_t)r->k, 8);
    double *closest = room((size_t)r->n, 8), *again = room((size_t)(r->n * r->k), 8);
    double unit = r->precision == GMM_F32 ? 6e-8 : 1.1e-16;
    int64_t bad_row = 7;
    CHECK(call_seed(&p.rows, r->precision, r->k, p.mean, NULL, 2, distance, potential, &bad_row) == GMM_OK);
    CHECK(bad_row == -1);
    for (int64_t c = 0; c < r->k; ++c) {
        oracle_assignment o = oracle_assign(&p, p.mean + c * r->d, 1);
        for (int64_t i = 0; i < r->n; ++i) {
            CHECK_NEAR(distance[i * r->k + c], o.distance[i], unit * ((double)r->d + 10) * (10 + o.distance[i]));
        }
        CHECK_NEAR(potential[c], o.inertia, unit * ((double)r->d + 20) * (10 * (double)r->n + o.inertia));
        oracle_assignment_discard(&o);
    }
    for (int64_t i = 0; i < r->n; ++i) {
        closest[i] = i % 2 ? distance[i * r->k] / 2 : INFINITY;
    }
    double first = potential[0], nearer = 0;
    CHECK(call_seed(&p.rows, r->precision, r->k, p.mean, closest, 1, again, potential, &bad_row) == GMM_OK);
    for (int64_t i = 0; i < r->n; ++i) {
        for (int64_t c = 0; c < r->k; ++c) {
            double before = distance[i * r->k + c];
            CHECK(again[i * r->k + c] == (before < closest[i] ? before : closest[i]));
        }
        nearer += (p.rows.weight ? p.rows.weight[i] : 1) * again[i * r->k];
    }
    CHECK_NEAR(potential[0] - first, nearer, 1e-12 * (first + nearer));
    free(distance);
    free(potential);
    free(closest);
    free(again);
    discard(&p);
}

/* Equal centres, and rows half way between two: the lowest k. */
static void test_ties(void)
{
    recipe r = plain_recipe();
    r.d = 2;
    r.k = 19;
    r.plain_frame = 1;
    problem p = cook(&r);
    in_case("assign: ties");
    for (int64_t k = 0; k < r.k; ++k) {
        p.mean[2 * k] = k % 2 ? 1 : -1;
        p.mean[2 * k + 1] = 0;
    }
    for (int64_t i = 0; i < r.n; ++i) {
        p.value[2 * i] = (double)(i % 3) - 1;
        p.value[2 * i + 1] = (double)i;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    assignment a = new_assignment(r.n, r.k, r.d);
    int64_t bad_row;
    CHECK(call_assign(&p.rows, GMM_F64, r.k, p.mean, 1, &a, &bad_row) == GMM_OK);
    for (int64_t i = 0; i < r.n; ++i) {
        CHECK(a.label[i] == (i % 3 == 2));
        CHECK(a.distance[i] == (double)(i * i) + (i % 3 == 1));
    }
    drop_assignment(&a);
    discard(&p);
}

/* Squares that overflow: the label is still the nearest centre, the distance infinite only where it must be. */
static void test_far(void)
{
    for (int precision = 0; precision < 2; ++precision) {
        recipe r = plain_recipe();
        r.k = 3;
        r.n = 9;
        r.plain_frame = 1;
        problem p = cook(&r);
        in_case("assign: far rows in %s", precision ? "f64" : "f32");
        p.value[4 * r.d] = 1e200;
        p.value[5 * r.d] = 3e25;
        for (int64_t k = 0; k < r.k; ++k) {
            p.mean[k * r.d] = k == 1 ? 9e199 : 1;
        }
        relay(&p, GMM_F64, LAYOUT_C);
        p.mean[2 * r.d] = precision ? 1e25 : 1;
        p.weight[4] = p.weight[5] = 0;
        assignment a = new_assignment(r.n, r.k, r.d);
        int64_t bad_row;
        CHECK(call_assign(&p.rows, (gmm_dtype)precision, r.k, p.mean, 1, &a, &bad_row) == GMM_OK);
        CHECK(a.label[4] == 1 && isinf(a.distance[4]));
        CHECK_NEAR(a.distance[5], precision ? 4e50 : 9e50, 1e36);
        CHECK(isfinite(a.inertia));
        for (int64_t t = 0; t < r.k * r.d; ++t) {
            CHECK(isfinite(a.sum[t]));
        }
        double *distance = room((size_t)(r.n * r.k), 8), potential[3] = {0};
        CHECK(call_seed(&p.rows, (gmm_dtype)precision, r.k, p.mean, NULL, 1, distance, potential, &bad_row) == GMM_OK);
        CHECK(isinf(distance[4 * r.k]) && isfinite(potential[0]));
        CHECK_NEAR(distance[5 * r.k], 9e50, 1e36);
        CHECK_NEAR(distance[5 * r.k + 2], precision ? 4e50 : 9e50, 1e36);
        free(distance);
        drop_assignment(&a);
        discard(&p);
    }
}

/* Every output may be left out, and what is left has the same bits. */
static void test_outputs_apart(void)
{
    recipe r = plain_recipe();
    problem p = cook(&r);
    in_case("assign: outputs apart");
    assignment all = new_assignment(r.n, r.k, r.d);
    int64_t bad_row;
    CHECK(call_assign(&p.rows, GMM_F64, r.k, p.mean, 1, &all, &bad_row) == GMM_OK);
    for (int kept = 0; kept < 4; ++kept) {
        assignment one = new_assignment(r.n, r.k, r.d);
        assignment some = {kept == 0 ? one.label : NULL, kept == 1 ? one.distance : NULL, kept == 2 ? one.n : NULL,
                           kept == 3 ? one.sum : NULL, 0};
        CHECK(call_assign(&p.rows, GMM_F64, r.k, p.mean, 1, &some, &bad_row) == GMM_OK);
        CHECK(some.inertia == all.inertia);
        CHECK(kept != 0 || memcmp(one.label, all.label, (size_t)r.n * 8) == 0);
        CHECK(kept != 1 || memcmp(one.distance, all.distance, (size_t)r.n * 8) == 0);
        CHECK(kept != 2 || memcmp(one.n, all.n, (size_t)r.k * 8) == 0);
        CHECK(kept != 3 || memcmp(one.sum, all.sum, (size_t)(r.k * r.d) * 8) == 0);
        drop_assignment(&one);
    }
    drop_assignment(&all);
    discard(&p);
}

void test_assign(void)
{
    static const int64_t sizes[][3] = {{1, 1, 1},   {3, 1, 5},    {100, 2, 3},  {1030, 3, 7}, {500, 5, 8}, {97, 8, 9},
                                       {64, 17, 16}, {40, 33, 31}, {2100, 2, 40}, {30, 300, 6}, {20, 1000, 3},
                                       {1500, 4, 1300}, {50, 40, 700}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        for (int precision = 0; precision < 2; ++precision) {
            recipe r = plain_recipe();
            r.structure = GMM_SPHERICAL;
            r.precision = (gmm_dtype)precision;
            r.dtype = (gmm_dtype)(i % 2);
            r.layout = (layout)(i % N_LAYOUTS);
            r.weighting = i % 3 ? WEIGHT_SOME : WEIGHT_NONE;
            r.n = sizes[i][0];
            r.d = sizes[i][1];
            r.k = sizes[i][2];
            r.seed = i;
            assign_case(&r);
            seed_case(&r);
        }
    }
    test_ties();
    test_far();
    test_outputs_apart();
}
