/* test_skip.c: accumulate without the terms below 2^-58 of a row's density, against the oracle, which has them all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

/* A problem whose means, and the rows about them, are `apart` times as far out. */
static problem cook_apart(const recipe *r, double apart)
{
    problem p = cook(r);
    for (int64_t i = 0; i < r->k * r->d; ++i) {
        p.mean[i] *= apart;
    }
    for (int64_t i = 0; i < r->n; ++i) {
        int64_t near = (i * 7 + i / 5) % r->k;
        for (int64_t j = 0; j < r->d; ++j) {
            double framed = p.mean[near * r->d + j] + cos((double)(i * r->d + j) * 1.7) * 1.4;
            double x = (framed + p.centre[j]) / p.scale[j];
            p.value[i * r->d + j] = r->dtype == GMM_F32 ? (double)(float)x : x;
        }
    }
    relay(&p, r->dtype, r->layout);
    p.factors.skipping = r->structure == GMM_LINEAR ? GMM_SKIP_AUTO : GMM_SKIP_ALWAYS;
    return p;
}

/* Rounding of the terms; beyond it, 2^-58 of every row's weight may be missing from a component. */
static void compare(const problem *p, const gmm_statistics *s)
{
    oracle_statistics o = oracle_accumulate(p);
    const gmm_factors *f = &p->factors;
    double missing = 0x1p-58 * o.weight, reach = 5;
    int64_t k = f->n_components, d = f->n_features;
    for (int64_t j = 0; j < k * d; ++j) {
        reach = fabs(f->mean[j]) > reach ? fabs(f->mean[j]) : reach;
    }
    double eps = f->precision == GMM_F32 ? 1e-5 * reach : 2e-13; /* a float row errs by eps of its size */
    for (int64_t c = 0; c < k; ++c) {
        CHECK_NEAR(s->n[c], o.n[c], eps * o.n[c] + missing);
        for (int64_t j = 0; j < d; ++j) {
            CHECK_NEAR(s->first[c * d + j], o.first[c * d + j], eps * o.first_size[c * d + j] + missing * reach);
        }
        for (int64_t j = c * d * d; s->second && j < (c + 1) * d * d; ++j) {
            CHECK_NEAR(s->second[j], o.second[j], eps * o.second_size[j] + missing * reach * reach);
        }
    }
    CHECK_NEAR(s->log_likelihood, o.log_likelihood, eps * (o.likelihood_size + o.weight));
    CHECK_NEAR(s->weight, o.weight, 1e-14 * o.weight);
    oracle_discard(&o);
}

static void skip_case(const recipe *r, double apart)
{
    if (is_left_out()) {
        return;
    }
    in_case("skip, %g apart, %s", apart, describe(r));
    problem p = cook_apart(r, apart);
    gmm_statistics s = new_statistics(&p.factors);
    int64_t bad_row = 7;
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    CHECK(bad_row == -1);
    compare(&p, &s);
    drop_statistics(&s);
    discard(&p);
}

/* D on both sides of blocks and vectors; means overlapping, mixed, far apart. */
static void sweep(void)
{
    static const int64_t ds[] = {9, 10, 11, 12, 13, 14, 15, 16, 17, 23, 33, 40, 65};
    static const int64_t ks[] = {3, 1, 8, 2, 17, 5, 40, 4, 7, 9, 2, 12, 3};
    static const int64_t ns[] = {100, 1, 33, 1025, 64, 7, 250, 97, 1200, 48, 130, 96, 31};
    static const double aparts[] = {0, 1, 4, 12, 60};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; ++i) {
        for (size_t a = 0; a < 5; ++a) {
            recipe r = plain_recipe();
            r.precision = (gmm_dtype)((i + a) % 2);
            r.dtype = r.precision == GMM_F32 ? GMM_F32 : GMM_F64;
            r.layout = (layout)((i + 2 * a) % N_LAYOUTS);
            r.weighting = a % 3 == 1 ? WEIGHT_NONE : a == 4 && i % 5 == 0 ? WEIGHT_ZERO : WEIGHT_SOME;
            r.d = ds[i];
            r.k = ks[(i + a) % 13];
            r.n = ns[i];
            r.seed = i + 1;
            r.dead = r.k > 1 && i % 3 == 0 ? (int)(r.k - 1) / 2 : -1;
            skip_case(&r, aparts[a]);
        }
    }
}

/* Linear forms of many features: tiles whose rows all count everywhere, some do, each in one component. */
static void linear(void)
{
    static const double aparts[] = {0, 0.3, 1.2};
    for (int i = 0; i < 24; ++i) {
        recipe r = plain_recipe();
        r.structure = GMM_LINEAR;
        r.precision = r.dtype = (gmm_dtype)(i % 2);
        r.layout = (layout)(i % N_LAYOUTS);
        r.weighting = i % 7 == 3 ? WEIGHT_NONE : WEIGHT_SOME;
        r.d = (int64_t[]){128, 131, 280, 150}[i % 4];
        r.k = (int64_t[]){8, 1, 5, 13, 2}[i % 5];
        r.n = (int64_t[]){300, 129, 1}[i / 3 % 3];
        r.seed = (uint64_t)i + 50;
        r.dead = r.k > 2 && i % 3 == 0 ? 1 : -1;
        skip_case(&r, aparts[i % 3]);
    }
}

/* Rows whose every density underflows belong to the nearest component, wherever they stand among others. */
static void far_rows(void)
{
    for (int precision = 0; precision < 2; ++precision) {
        recipe r = plain_recipe();
        r.d = 11;
        r.k = 5;
        r.n = 200;
        r.plain_frame = 1;
        r.weighting = WEIGHT_NONE;
        r.precision = (gmm_dtype)precision;
        problem p = cook_apart(&r, 12);
        double huge = precision == GMM_F32 ? 1e25 : 1e200;
        for (int64_t i = 3; i < r.n; i += 50) {
            p.value[i * r.d + i % r.d] = huge;
        }
        relay(&p, r.dtype, r.layout);
        gmm_statistics skipped = new_statistics(&p.factors), dense = new_statistics(&p.factors);
        int64_t bad_row;
        in_case("skip, far rows, %s", describe(&r));
        CHECK(call_accumulate(&p.rows, &p.factors, 2, &skipped, &bad_row) == GMM_OK);
        p.factors.skipping = GMM_SKIP_NEVER;
        CHECK(call_accumulate(&p.rows, &p.factors, 2, &dense, &bad_row) == GMM_OK);
        double all = 0;
        for (int64_t c = 0; c < r.k; ++c) {
            all += skipped.n[c];
            CHECK_NEAR(skipped.n[c], dense.n[c], 1e-3);
        }
        CHECK_NEAR(all, (double)r.n, 1e-3);
        drop_statistics(&skipped);
        drop_statistics(&dense);
        discard(&p);
    }
}

static void nonfinite_rows(void)
{
    recipe r = plain_recipe();
    r.d = 11;
    r.n = 3000;
    problem p = cook_apart(&r, 12);
    p.value[2077 * r.d + 4] = (double)NAN;
    p.value[1500 * r.d] = (double)INFINITY;
    relay(&p, r.dtype, r.layout);
    gmm_statistics s = new_statistics(&p.factors);
    int64_t bad_row = -1;
    in_case("skip, rows that are not finite");
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_ENONFINITE);
    CHECK(bad_row == 1500);
    drop_statistics(&s);
    discard(&p);
}

/* A component 1e25 times as narrow as the others, so that in float the curvature of none can be measured: nothing is left
 * out that counts. */
static void narrow_component(void)
{
    recipe r = plain_recipe();
    r.precision = r.dtype = GMM_F32;
    r.d = 11, r.k = 3, r.n = 300;
    in_case("skip, narrow component, %s", describe(&r));
    problem p = cook_apart(&r, 12);
    gmm_statistics s[2];
    int64_t bad_row;
    for (int64_t i = 0; i < r.d * r.d; ++i) {
        p.whitener[r.d * r.d + i] *= 1e25;
    }
    for (int always = 0; always < 2; ++always) {
        s[always] = new_statistics(&p.factors);
        p.factors.skipping = always ? GMM_SKIP_ALWAYS : GMM_SKIP_NEVER;
        CHECK(call_accumulate(&p.rows, &p.factors, 1, &s[always], &bad_row) == GMM_OK);
    }
    for (int64_t k = 0; k < r.k; ++k) {
        CHECK_NEAR(s[1].n[k], s[0].n[k], 1e-4 * s[0].weight);
    }
    CHECK_NEAR(s[1].log_likelihood, s[0].log_likelihood, 1e-5 * fabs(s[0].log_likelihood));
    drop_statistics(&s[0]), drop_statistics(&s[1]);
    discard(&p);
}

/* Left to itself it is on for components far apart and off for overlapping ones: the same bits as when told to. */
static void choice(void)
{
    for (int overlapping = 0; overlapping < 2; ++overlapping) {
        recipe r = plain_recipe();
        r.d = 24;
        r.k = 12;
        r.n = 1100;
        problem p = cook_apart(&r, overlapping ? 0.5 : 40);
        gmm_statistics s[3];
        for (int skipping = 0; skipping < 3; ++skipping) {
            int64_t bad_row;
            s[skipping] = new_statistics(&p.factors);
            p.factors.skipping = (gmm_skipping)skipping;
            CHECK(call_accumulate(&p.rows, &p.factors, 1, &s[skipping], &bad_row) == GMM_OK);
        }
        in_case("skip, choice for %s components", overlapping ? "overlapping" : "separated");
        const gmm_statistics *expected = &s[overlapping ? GMM_SKIP_NEVER : GMM_SKIP_ALWAYS];
        CHECK_BYTES(s[GMM_SKIP_AUTO].second, expected->second, (size_t)(r.k * r.d * r.d) * 8);
        /* the two ways round differently somewhere */
        CHECK(memcmp(s[GMM_SKIP_NEVER].second, s[GMM_SKIP_ALWAYS].second, (size_t)(r.k * r.d * r.d) * 8) != 0);
        for (int skipping = 0; skipping < 3; ++skipping) {
            drop_statistics(&s[skipping]);
        }
        discard(&p);
    }
}

/* Batches shorter than a block; features whose curvature is not measured; more near others than bits in a word; planes
 * that do not fit, so that nothing is skipped. */
static void sizes(void)
{
    static const int64_t of[][3] = {{1100, 100, 3}, {40, 9, 80}, {20, 9, 500}}; /* N, D, K */
    for (int i = 0; i < 6; ++i) {
        recipe r = plain_recipe();
        r.precision = r.dtype = i % 2 ? GMM_F32 : GMM_F64;
        r.n = of[i / 2][0], r.d = of[i / 2][1], r.k = of[i / 2][2];
        skip_case(&r, i / 2 == 0 ? 12 : i / 2 == 1 ? 0 : 1);
    }
}

/* Left to itself where curvature is not measured: as when told to. Of 520 features no cache holds the sums. */
static void many_features(int64_t d, int64_t n)
{
    recipe r = plain_recipe();
    r.d = d, r.k = 4, r.n = n;
    in_case("skip, many features, %s", describe(&r));
    problem p = cook_apart(&r, 40);
    gmm_statistics s = new_statistics(&p.factors);
    int64_t bad_row;
    p.factors.skipping = GMM_SKIP_AUTO;
    CHECK(call_accumulate(&p.rows, &p.factors, 1, &s, &bad_row) == GMM_OK);
    compare(&p, &s);
    drop_statistics(&s);
    discard(&p);
}

void test_skip(void)
{
    many_features(100, 300);
    many_features(520, 40);
    sizes();
    sweep();
    linear();
    far_rows();
    nonfinite_rows();
    narrow_component();
    choice();
}
