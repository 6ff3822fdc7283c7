/* test_arguments.c: everything outside the contract is refused, and nothing is written; rows that are not finite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "factor.h"
#include "tests.h"

/* Every gmm_* call with the pieces of a good one, to be spoilt one at a time. */
typedef struct {
    gmm_rows rows;
    gmm_factors factors;
    gmm_statistics statistics;
    const double *posterior, *centre;
    const int64_t *label;
    int64_t *bad_row;
    int n_threads;
    void *scratch;
    size_t scratch_bytes;
    double *inertia;
    gmm_columns columns;
} arguments;

enum { ACCUMULATE, MOMENTS, SCORE, ASSIGN, SCAN, N_ENTRIES };

static gmm_status entry(int which, arguments *a)
{
    double log_density[64];
    switch (which) {
    case ACCUMULATE:
        return gmm_accumulate(&a->rows, &a->factors, a->n_threads, a->scratch, a->scratch_bytes, &a->statistics,
                              a->bad_row);
    case MOMENTS:
        return gmm_moments(&a->rows, &a->factors, a->posterior, a->label, a->n_threads, a->scratch, a->scratch_bytes,
                           &a->statistics, a->bad_row);
    case SCORE:
        return gmm_score(&a->rows, &a->factors, a->n_threads, a->scratch, a->scratch_bytes, log_density, NULL, NULL,
                         a->bad_row);
    case ASSIGN:
        return gmm_assign(&a->rows, a->factors.precision, a->factors.n_components, a->centre, a->n_threads, a->scratch,
                          a->scratch_bytes, NULL, NULL, NULL, NULL, a->inertia, a->bad_row);
    default: return gmm_scan(&a->rows, a->n_threads, a->scratch, a->scratch_bytes, &a->columns);
    }
}

static const arguments *good;

static void refused(int which, arguments a, gmm_status status, const char *why)
{
    in_case("entry %d: %s", which, why);
    CHECK(entry(which, &a) == status);
    for (int64_t i = 0; i < a.factors.n_components && i < 4; ++i) {
        CHECK(good->statistics.n[i] == 0);
    }
}

#define REFUSED(which, change)                         \
    do {                                               \
        arguments a = *good;                           \
        change;                                        \
        refused(which, a, GMM_EINVAL, #change);        \
    } while (0)

static void refuse_rows(int which)
{
    REFUSED(which, a.rows.n_rows = -1);
    REFUSED(which, a.rows.n_features = 0);
    REFUSED(which, a.rows.data = NULL);
    REFUSED(which, a.rows.dtype = (gmm_dtype)2);
    REFUSED(which, a.n_threads = 0);
    if (which != SCAN) { /* scan takes NULL for no frame */
        REFUSED(which, a.rows.scale = NULL);
        REFUSED(which, a.rows.centre = NULL);
        REFUSED(which, a.bad_row = NULL);
        REFUSED(which, a.factors.precision = (gmm_dtype)2);
        REFUSED(which, a.factors.n_components = 0);
        REFUSED(which, a.factors.n_components = INT64_MAX / 8);
    }
}

static void refuse_factors(int which)
{
    REFUSED(which, a.factors.structure = (gmm_structure)6);
    REFUSED(which, a.factors.n_features += 1);
    REFUSED(which, a.factors.mean = NULL);
    if (which != MOMENTS) {
        double constants[4] = {0, 0, 0, (double)NAN}, off[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
        REFUSED(which, a.factors.log_constant = NULL);
        REFUSED(which, a.factors.whitener = NULL);
        REFUSED(which, a.factors.log_constant = constants);
        constants[3] = INFINITY;
        REFUSED(which, a.factors.log_constant = constants);
        REFUSED(which, a.factors.log_constant = off);
    }
    if (which != SCORE) {
        REFUSED(which, a.statistics.n = NULL);
        REFUSED(which, a.statistics.first = NULL);
        REFUSED(which, a.statistics.second = NULL);
    }
}

static void refuse_skipping(void)
{
    REFUSED(ACCUMULATE, a.factors.skipping = (gmm_skipping)3);
}

static void refuse_null_structs(void)
{
    arguments a = *good;
    double x;
    in_case("NULL structs");
    CHECK(gmm_accumulate(NULL, &a.factors, 1, a.scratch, a.scratch_bytes, &a.statistics, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_accumulate(&a.rows, NULL, 1, a.scratch, a.scratch_bytes, &a.statistics, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_accumulate(&a.rows, &a.factors, 1, a.scratch, a.scratch_bytes, NULL, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_moments(NULL, &a.factors, a.posterior, NULL, 1, a.scratch, a.scratch_bytes, &a.statistics, a.bad_row) ==
          GMM_EINVAL);
    CHECK(gmm_score(NULL, &a.factors, 1, a.scratch, a.scratch_bytes, &x, NULL, NULL, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_assign(NULL, GMM_F64, 4, a.centre, 1, a.scratch, a.scratch_bytes, NULL, NULL, NULL, NULL, &x,
                     a.bad_row) == GMM_EINVAL);
    CHECK(gmm_seed(NULL, GMM_F64, 4, a.centre, NULL, 1, a.scratch, a.scratch_bytes, &x, &x, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_seed(&a.rows, GMM_F64, 4, NULL, NULL, 1, a.scratch, a.scratch_bytes, &x, &x, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_seed(&a.rows, GMM_F64, 4, a.centre, NULL, 1, a.scratch, 0, NULL, &x, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_seed(&a.rows, GMM_F64, 4, a.centre, NULL, 1, a.scratch, 0, &x, NULL, a.bad_row) == GMM_EINVAL);
    CHECK(gmm_seed(&a.rows, GMM_F64, 4, a.centre, NULL, 1, a.scratch, 0, &x, &x, NULL) == GMM_EINVAL);
    CHECK(gmm_seed(&a.rows, GMM_F64, 4, a.centre, NULL, 1, a.scratch, 0, &x, &x, a.bad_row) == GMM_ESCRATCH);
    CHECK(gmm_scan(NULL, 1, a.scratch, a.scratch_bytes, &a.columns) == GMM_EINVAL);
    CHECK(gmm_scan(&a.rows, 1, a.scratch, a.scratch_bytes, NULL) == GMM_EINVAL);
}

static void with_arguments(void (*run)(void))
{
    recipe r = plain_recipe();
    r.n = 40;
    problem p = cook(&r);
    int64_t bad_row = -5;
    double inertia = 0;
    arguments a = {p.rows, p.factors, new_statistics(&p.factors), p.posterior, p.mean, NULL, &bad_row, 2, NULL, 0,
                   &inertia, new_columns(r.d)};
    a.scratch_bytes = gmm_scratch_bytes(r.structure, r.precision, r.k, r.d, a.n_threads);
    a.scratch = room(a.scratch_bytes, 1);
    good = &a;
    run();
    free(a.scratch);
    drop_statistics(&a.statistics);
    drop_columns(&a.columns);
    discard(&p);
}

static void refuse_all(void)
{
    for (int which = 0; which < N_ENTRIES; ++which) {
        refuse_rows(which);
    }
    for (int which = ACCUMULATE; which <= SCORE; ++which) {
        refuse_factors(which);
    }
    int64_t label[40] = {0};
    REFUSED(MOMENTS, a.label = label); /* both given */
    label[39] = -2;
    REFUSED(MOMENTS, (a.posterior = NULL, a.label = label));
    label[39] = good->factors.n_components;
    REFUSED(MOMENTS, (a.posterior = NULL, a.label = label));
    REFUSED(MOMENTS, a.posterior = NULL);
    REFUSED(MOMENTS, a.factors.structure = GMM_TIED);
    REFUSED(MOMENTS, a.factors.structure = GMM_LINEAR);
    REFUSED(MOMENTS, (a.factors.structure = GMM_FACTOR, a.factors.n_factors = a.statistics.n_factors = 1,
                      a.factors.whitener = NULL));
    REFUSED(SCORE, (a.factors.structure = GMM_FACTOR, a.factors.n_factors = 0));
    REFUSED(SCORE, (a.factors.structure = GMM_FACTOR, a.factors.n_factors = a.factors.n_features + 1));
    REFUSED(ACCUMULATE, (a.factors.structure = GMM_FACTOR, a.factors.n_factors = 2, a.statistics.n_factors = 1));
    arguments none = *good;
    none.rows.n_rows = 0;
    none.rows.data = NULL;
    refused(SCAN, none, GMM_OK, "no rows");
    REFUSED(ASSIGN, a.centre = NULL);
    REFUSED(ASSIGN, a.inertia = NULL);
    REFUSED(SCAN, a.columns.minimum = NULL);
    REFUSED(SCAN, a.columns.maximum = NULL);
    REFUSED(SCAN, a.columns.mean = NULL);
    REFUSED(SCAN, a.columns.scatter = NULL);
    refuse_skipping();
    refuse_null_structs();
}

static void refuse_scratch(void)
{
    for (int which = 0; which < N_ENTRIES; ++which) {
        arguments a = *good;
        a.scratch = NULL;
        refused(which, a, GMM_ESCRATCH, "no scratch");
        a = *good;
        a.scratch_bytes = 100;
        refused(which, a, GMM_ESCRATCH, "scratch too small");
        CHECK(entry(which, &(arguments){.rows = good->rows,
                                        .factors = good->factors,
                                        .statistics = good->statistics,
                                        .posterior = good->posterior,
                                        .centre = good->centre,
                                        .bad_row = good->bad_row,
                                        .n_threads = good->n_threads,
                                        .scratch = good->scratch,
                                        .scratch_bytes = good->scratch_bytes,
                                        .inertia = good->inertia,
                                        .columns = good->columns}) == GMM_OK);
        memset(good->statistics.n, 0, 4 * sizeof(double));
    }
}

void test_arguments(void)
{
    with_arguments(refuse_all);
}

void test_scratch(void)
{
    with_arguments(refuse_scratch);
    in_case("scratch of invalid sizes");
    CHECK(gmm_scratch_bytes((gmm_structure)9, GMM_F64, 2, 2, 1) == 0);
    CHECK(gmm_scratch_bytes(GMM_FACTOR, GMM_F64, 2, 2, 1) == 0);
    CHECK(gmm_factor_scratch_bytes(GMM_F64, 2, 2, 0, 1) == 0);
    CHECK(gmm_factor_scratch_bytes(GMM_F64, 2, 2, 3, 1) == 0);
    CHECK(gmm_factor_scratch_bytes(GMM_F64, 2, 2, 2, 1) > 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, (gmm_dtype)-1, 2, 2, 1) == 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, 0, 2, 1) == 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, 2, 0, 1) == 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, 2, 2, 0) == 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, INT64_MAX, INT64_MAX, 1) == 0);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, 2, 2, 1) > 0);
}

/* A value that is not finite is reported by its row, the first of them, even at weight zero and in any block. */
static void nonfinite_case(int structure, int precision, int64_t first, int64_t second, double value)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.precision = (gmm_dtype)precision;
    r.d = precision ? 4 : 10;
    r.n = 2500;
    problem p = cook(&r);
    int64_t k = r.k, bad_row;
    p.weight[first] = 0;
    p.value[first * r.d + 2] = value;
    p.value[first * r.d + 3] = (double)INFINITY;
    p.value[second * r.d + 1] = (double)NAN;
    relay(&p, GMM_F64, LAYOUT_F);
    in_case("%g in rows %d and %d, %s", value, (int)first, (int)second, describe(&r));
    gmm_statistics s = new_statistics(&p.factors);
    double *log_density = room((size_t)r.n, 8);
    assignment a = new_assignment(r.n, k, r.d);
    gmm_columns c = new_columns(r.d);
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_ENONFINITE && bad_row == first);
    if (structure != GMM_TIED && structure != GMM_LINEAR) {
        CHECK(call_moments(&p.rows, &p.factors, p.posterior, NULL, 2, &s, &bad_row) == GMM_ENONFINITE);
        CHECK(bad_row == first);
    }
    CHECK(call_score(&p.rows, &p.factors, 2, log_density, NULL, NULL, &bad_row) == GMM_ENONFINITE && bad_row == first);
    CHECK(call_assign(&p.rows, r.precision, k, p.mean, 2, &a, &bad_row) == GMM_ENONFINITE && bad_row == first);
    double *distance = room((size_t)(r.n * k), 8), *potential = room((size_t)k, 8);
    CHECK(call_seed(&p.rows, r.precision, k, p.mean, NULL, 2, distance, potential, &bad_row) == GMM_ENONFINITE);
    CHECK(bad_row == first);
    free(distance);
    free(potential);
    CHECK(call_scan(&p.rows, 2, &c) == GMM_ENONFINITE && c.bad_row == first);
    CHECK(c.bad_column == (first == second ? 1 : 2));
    drop_statistics(&s);
    drop_assignment(&a);
    drop_columns(&c);
    free(log_density);
    discard(&p);
}

void test_nonfinite(void)
{
    for (int structure = 0; structure < 6; ++structure) {
        for (int precision = 0; precision < 2; ++precision) {
            nonfinite_case(structure, precision, 5, 6, (double)NAN);
            nonfinite_case(structure, precision, 1023, 1024, (double)INFINITY);
            nonfinite_case(structure, precision, 2499, 2499, -(double)INFINITY);
        }
    }
}
