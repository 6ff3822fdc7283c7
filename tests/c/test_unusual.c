/* test_unusual.c: fits and starts of rows that want a closer look: values that are no numbers, tied clusters too far
 * out to be expanded, a single row, rows that are all alike. They end as GMM_UNUSUAL or in a mixture, at every step of
 * the race, and never in a fault. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "entries.h"
#include "tests.h"

static double value[N * D], weight[N];

static void prepare(arguments *a, int structure, int method)
{
    *a = *good;
    point_at_itself(a);
    memcpy(value, good->own_rows.data, sizeof value);
    for (int i = 0; i < N; ++i) {
        weight[i] = 1;
    }
    a->own_rows.data = a->own_group.rows.data = value;
    a->own_plan.structure = a->own_rehearsal.structure = a->own_next.structure = a->own_group.mixture.structure =
        (gmm_structure)structure;
    a->own_plan.method = (gmm_method)method;
}

static gmm_stop fitted(arguments *a)
{
    a->own_group.stop = GMM_AT_LIMIT;
    CHECK(fit(a) == GMM_OK);
    return a->own_group.stop;
}

static void no_numbers(int structure, int method)
{
    arguments a;
    for (int precision = 0; precision < 2; ++precision) {
        in_case("unusual, no number, structure %d, method %d, precision %d", structure, method, precision);
        prepare(&a, structure, method);
        a.own_plan.precision = a.own_rehearsal.precision = (gmm_dtype)precision;
        CHECK(fitted(&a) != GMM_UNUSUAL);
        CHECK(start(&a) == GMM_OK && a.unusual[0] == 0);
        value[N * D - 1] = (double)NAN;
        CHECK(fitted(&a) == GMM_UNUSUAL);
        CHECK(start(&a) == GMM_OK && a.unusual[0] == 1);
    }
}

/* Sums of values near the largest number are none: no column can be centred, and no start begins. */
static void overflow(int structure, int method)
{
    arguments a;
    in_case("unusual, overflow, structure %d, method %d", structure, method);
    prepare(&a, structure, method);
    for (int i = 0; i < N * D; ++i) {
        value[i] = 1.7e308;
    }
    CHECK(fitted(&a) == GMM_UNUSUAL);
    CHECK(start(&a) == GMM_OK && a.unusual[0] == 1);
}

/* Tied clusters 1000 of their standard deviations from the frame's centre: a tied pass would want copies, which is found
 * out where the variances have shrunk: in the rehearsal, in the first climb or in the race, as iterations allow. */
static void too_far(int method, int64_t short_iter, int64_t patience)
{
    arguments a;
    in_case("unusual, too far, method %d, %d iterations", method, (int)short_iter);
    prepare(&a, GMM_TIED, method);
    for (int i = 0; i < N * D; ++i) {
        value[i] += i / D % 2 ? 1000 : -1000;
    }
    a.own_plan.short_iter = short_iter;
    a.own_plan.patience = patience;
    CHECK(fitted(&a) == GMM_UNUSUAL);
}

/* The same along one feature, from rows of the data and their covariance: in the race, if the rows are of both clusters. */
static void too_far_later(void)
{
    arguments a;
    in_case("unusual, too far, later");
    prepare(&a, GMM_TIED, GMM_METHOD_DATA);
    int n_unusual = 0;
    for (int i = 0; i < N; ++i) {
        value[i * D] += i % 2 ? 1000 : -1000;
    }
    a.own_plan.short_iter = 0;
    for (uint64_t i = 0; i < 8; ++i) {
        const uint64_t seed[2] = {2 * i, 2 * i + 1};
        a.own_group.seed = seed;
        n_unusual += fitted(&a) == GMM_UNUSUAL;
    }
    CHECK(n_unusual > 0);
}

/* One row, or many that are alike, have a fit on the floor, from where a tied one, away from the frame's centre, wants
 * copies; rows of weight zero do not count. */
static void few_rows(int structure, int method)
{
    arguments a;
    in_case("unusual, few rows, structure %d, method %d", structure, method);
    prepare(&a, structure, method);
    a.own_group.rows.n_rows = 1;
    CHECK((fitted(&a) == GMM_UNUSUAL) == (structure == GMM_TIED));
    for (int i = 0; i < N * D; ++i) {
        value[i] = i % D;
    }
    a.own_group.rows.n_rows = N;
    CHECK((fitted(&a) == GMM_UNUSUAL) == (structure == GMM_TIED));
    for (int i = 1; i < N; ++i) {
        weight[i] = 0;
        value[i * D] = i;
    }
    a.own_group.rows.weight = weight;
    CHECK((fitted(&a) == GMM_UNUSUAL) == (structure == GMM_TIED));
}

/* Rows that differ in their last column alone. */
static void one_column(int structure)
{
    arguments a;
    in_case("unusual, one column, structure %d", structure);
    prepare(&a, structure, GMM_METHOD_KMEANS);
    for (int i = 0; i < N; ++i) {
        value[i * D] = 0;
    }
    CHECK(fitted(&a) != GMM_UNUSUAL);
    a.own_plan.n_starts = 1; /* which has all iterations at once */
    CHECK(fitted(&a) != GMM_UNUSUAL && a.own_group.n_started == 1);
}

static void all(void)
{
    for (int structure = 0; structure < 4; ++structure) {
        one_column(structure);
        for (int method = 0; method < 4; ++method) {
            no_numbers(structure, method);
            overflow(structure, method);
            few_rows(structure, method);
        }
    }
    too_far_later();
    for (int method = 0; method < 4; ++method) {
        for (int64_t short_iter = 0; short_iter <= LIMIT + 1; ++short_iter) {
            too_far(method, short_iter, short_iter % 2 ? 0 : LIMIT);
        }
    }
}

void test_unusual(void)
{
    with_good(all);
}
