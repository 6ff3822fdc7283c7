/* test_accumulate.c: sums of gmm_accumulate and gmm_moments against the oracle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

/* Terms below exp(-600) in double and exp(-70) in float are dropped. */
static double dropped(gmm_dtype precision)
{
    return precision == GMM_F32 ? 1e-28 : 1e-250;
}

static void compare(const gmm_statistics *s, const oracle_statistics *o, const gmm_factors *f, int with_likelihood)
{
    double least = dropped(f->precision);
    int64_t k = f->n_components, d = f->n_features;
    for (int64_t c = 0; c < k; ++c) {
        CHECK_NEAR(s->n[c], o->n[c], o->n_error[c] + least);
    }
    for (int64_t i = 0; i < k * d; ++i) {
        CHECK_NEAR(s->first[i], o->first[i], o->first_error[i] + least);
    }
    for (size_t i = 0; s->second && i < structure_size(f->structure, k, d); ++i) {
        CHECK_NEAR(s->second[i], o->second[i], o->second_error[i] + least);
    }
    if (with_likelihood) {
        CHECK_NEAR(s->log_likelihood, o->log_likelihood, o->likelihood_error);
    }
    CHECK_NEAR(s->weight, o->weight, 1e-14 * o->weight);
}

static void check_symmetric(const gmm_statistics *s, const gmm_factors *f)
{
    int64_t d = f->n_features;
    for (int64_t c = 0; f->structure == GMM_FULL && c < f->n_components; ++c) {
        const double *m = s->second + c * d * d;
        for (int64_t i = 0; i < d; ++i) {
            for (int64_t j = 0; j < i; ++j) {
                CHECK(m[i * d + j] == m[j * d + i]);
            }
        }
    }
}

static void accumulate_case(const recipe *r)
{
    if (is_left_out()) {
        return;
    }
    in_case("accumulate %s", describe(r));
    problem p = cook(r);
    p.factors.skipping = GMM_SKIP_NEVER; /* test_skip.c is about the rest */
    gmm_statistics s = new_statistics(&p.factors);
    oracle_statistics o = oracle_accumulate(&p);
    int64_t bad_row = 7;
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    CHECK(bad_row == -1);
    compare(&s, &o, &p.factors, 1);
    check_symmetric(&s, &p.factors);
    if (r->dead >= 0) {
        CHECK(s.n[r->dead] == 0 && s.first[r->dead * r->d] == 0);
    }
    oracle_discard(&o);
    drop_statistics(&s);
    discard(&p);
}

static void moments_case(const recipe *r)
{
    if (is_left_out()) {
        return;
    }
    problem p = cook(r);
    static const char *const givens[] = {"responsibilities", "labels", "nothing"};
    for (int given = 0; given < (r->k == 1 ? 3 : 2); ++given) {
        in_case("moments from %s, %s", givens[given], describe(r));
        if (given == 2) { /* every row belongs to the one component, which is what the oracle is told */
            memset(p.label, 0, (size_t)r->n * sizeof *p.label);
        }
        const double *posterior = given == 0 ? p.posterior : NULL;
        const int64_t *label = given == 0 ? NULL : p.label;
        gmm_factors f = p.factors; /* only sizes, precision, structure and mean are read */
        f.log_constant = NULL;
        f.whitener = f.structure == GMM_FACTOR ? p.whitener : NULL;
        gmm_statistics s = new_statistics(&f);
        s.log_likelihood = 5;
        oracle_statistics o = oracle_moments(&p, posterior, label);
        int64_t bad_row = 7;
        CHECK(call_moments(&p.rows, &f, posterior, given == 2 ? NULL : label, 2, &s, &bad_row) == GMM_OK);
        CHECK(bad_row == -1);
        CHECK(s.log_likelihood == 5);
        compare(&s, &o, &f, 0);
        check_symmetric(&s, &f);
        oracle_discard(&o);
        drop_statistics(&s);
    }
    discard(&p);
}

/* Every D on both sides of the unrolled kernels and micro-tiles, with K and N that leave every remainder. */
static void sweep(void (*one)(const recipe *), int with_tied)
{
    static const int64_t ds[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 23, 14, 33, 64};
    static const int64_t ks[] = {3, 1, 8, 2, 17, 4, 5, 7, 1, 9, 2, 3, 6, 1, 4, 3, 2};
    static const int64_t ns[] = {100, 1, 33, 1025, 64, 7, 250, 97, 129, 48, 500, 96, 31, 200, 65, 100, 90};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; ++i) {
        for (int structure = 0; structure < 6; ++structure) {
            for (int precision = 0; precision < 2; ++precision) {
                if ((structure == GMM_TIED || structure == GMM_LINEAR) && !with_tied) {
                    continue;
                }
                recipe r = plain_recipe();
                r.structure = (gmm_structure)structure;
                r.precision = (gmm_dtype)precision;
                r.dtype = (gmm_dtype)((i + (size_t)structure) % 2);
                r.layout = (layout)((i + (size_t)precision) % N_LAYOUTS);
                r.weighting = i % 4 == 2 ? WEIGHT_NONE : WEIGHT_SOME;
                r.d = ds[i];
                r.k = ks[(i + (size_t)structure) % 17];
                r.n = ns[i];
                r.seed = i + 1;
                r.dead = r.k > 1 && i % 3 == 0 ? (int)r.k - 1 : -1;
                one(&r);
            }
        }
    }
}

/* Linear forms with lanes = features. */
static void many_features(void)
{
    for (int i = 0; i < 30; ++i) {
        recipe r = plain_recipe();
        r.structure = GMM_LINEAR;
        r.precision = (gmm_dtype)(i % 2);
        r.dtype = (gmm_dtype)(i / 2 % 2);
        r.layout = (layout)(i % N_LAYOUTS);
        r.weighting = i % 4 == 2 ? WEIGHT_NONE : WEIGHT_SOME;
        r.d = (int64_t[]){128, 131, 200}[i % 3];
        r.k = (int64_t[]){1, 6, 9, 2}[i % 4];
        r.n = (int64_t[]){150, 40, 1}[i / 4 % 3];
        r.seed = (uint64_t)i + 1;
        r.dead = r.k > 1 && i % 3 == 0 ? (int)r.k - 1 : -1;
        accumulate_case(&r);
    }
}

/* Groups of every number of factors, with and without a vector of features that is not whole. */
static void many_factors(void (*one)(const recipe *))
{
    for (int64_t d = 18; d < 42; ++d) {
        for (int precision = 0; precision < 2; ++precision) {
            recipe r = plain_recipe();
            r.structure = GMM_FACTOR;
            r.precision = (gmm_dtype)precision;
            r.d = d;
            r.n = 20 + 11 * (d % 13);
            one(&r);
        }
    }
    recipe many = plain_recipe(); /* 120 of them: sums in float that the size of the constant rounds */
    many.structure = GMM_FACTOR;
    many.precision = GMM_F32;
    many.d = 300;
    many.k = 32;
    many.n = 20;
    one(&many);
}

static void layouts(void (*one)(const recipe *))
{
    for (int where = 0; where < N_LAYOUTS; ++where) {
        for (int dtype = 0; dtype < 2; ++dtype) {
            recipe r = plain_recipe();
            r.layout = (layout)where;
            r.dtype = (gmm_dtype)dtype;
            r.n = 130;
            one(&r);
            r.structure = GMM_DIAG;
            r.d = 11;
            one(&r);
        }
    }
}

/* Sums are added to what is there; rows of weight zero, and no rows at all, add exactly nothing. */
static void test_additions(void)
{
    for (int structure = 0; structure < 6; ++structure) {
        recipe r = plain_recipe();
        r.structure = (gmm_structure)structure;
        r.weighting = WEIGHT_ZERO;
        r.n = 50;
        in_case("additions %s", describe(&r));
        problem p = cook(&r);
        gmm_statistics s = new_statistics(&p.factors);
        size_t size = structure == GMM_TIED || structure == GMM_LINEAR ? 0 : structure_size(r.structure, r.k, r.d);
        s.n[1] = 3;
        s.first[2] = -4;
        s.log_likelihood = 6;
        s.weight = 7;
        for (size_t i = 0; i < size; ++i) {
            s.second[i] = 5;
        }
        int64_t bad_row;
        for (int empty = 0; empty < 2; ++empty) {
            gmm_rows rows = slice_rows(&p.rows, 0, empty ? 0 : r.n);
            rows.data = empty ? NULL : rows.data;
            CHECK(call_accumulate(&rows, &p.factors, 1, &s, &bad_row) == GMM_OK);
            CHECK(s.n[0] == 0 && s.n[1] == 3 && s.first[2] == -4 && s.first[0] == 0);
            CHECK(s.log_likelihood == 6 && s.weight == 7);
            for (size_t i = 0; i < size; ++i) {
                CHECK(s.second[i] == 5);
            }
        }
        drop_statistics(&s);
        discard(&p);
    }
}

/* So many components that their responsibilities for a few rows are more than a cache holds. */
static void crowd(void)
{
    recipe r = plain_recipe();
    r.structure = GMM_LINEAR;
    r.d = 130, r.k = 4600, r.n = 3;
    accumulate_case(&r);
}

/* More components than the vector accumulators of the axis kernels keep in cache. */
static void test_many_components(void (*one)(const recipe *))
{
    for (int structure = 0; structure < 6; ++structure) {
        recipe r = plain_recipe();
        r.structure = (gmm_structure)structure;
        r.k = structure == GMM_FULL ? 70 : structure == GMM_FACTOR ? 600 : 301;
        r.d = 13;
        r.n = 40;
        one(&r);
        r.d = structure == GMM_LINEAR ? 130 : 2; /* where tiles are shorter the more components there are */
        r.k = 100;
        one(&r);
        r.k = 260;
        one(&r);
        r.precision = GMM_F32;
        one(&r);
    }
}

/* Sums of so many features are far from any cache. */
static void wide(void (*one)(const recipe *))
{
    for (int precision = 0; precision < 2; ++precision) {
        recipe r = plain_recipe();
        r.precision = (gmm_dtype)precision;
        r.d = 259;
        r.k = 2;
        r.n = 40;
        one(&r);
        r.d = 517;
        r.k = 1;
        one(&r);
    }
}

void test_accumulate(void)
{
    sweep(accumulate_case, 1);
    wide(accumulate_case);
    many_features();
    many_factors(accumulate_case);
    layouts(accumulate_case);
    test_many_components(accumulate_case);
    crowd();
    test_additions();
}

void test_moments(void)
{
    sweep(moments_case, 0);
    many_factors(moments_case);
    wide(moments_case);
    layouts(moments_case);
}
