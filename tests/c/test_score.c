/* test_score.c: log-densities, posteriors and labels against the oracle, and rows far from every component. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

typedef struct {
    double *log_density;
    void *posterior;
    int64_t *label;
} scores;

static scores new_scores(int64_t n, int64_t k)
{
    return (scores){room((size_t)n, 8), room((size_t)(n * k), 8), room((size_t)n, 8)};
}

static void drop_scores(scores *s)
{
    free(s->log_density);
    free(s->posterior);
    free(s->label);
}

static double posterior_at(const scores *s, gmm_dtype precision, int64_t i)
{
    return precision == GMM_F32 ? (double)((float *)s->posterior)[i] : ((double *)s->posterior)[i];
}

/* Error of a log-density of squared distance 2 h: a few roundings of each of D squares; in float the row is rounded
 * before it is centred, which counts with its size over a standard deviation. */
static double rounding(gmm_dtype precision, int64_t d, double half_square)
{
    double unit = precision == GMM_F32 ? 6e-8 : 1.1e-16;
    return unit * (40 + 8 * (double)d + (precision == GMM_F32 ? 40 : 16) * half_square);
}

static void score_case(const recipe *r)
{
    if (is_left_out()) {
        return;
    }
    in_case("score %s", describe(r));
    problem p = cook(r);
    scores s = new_scores(r->n, r->k);
    oracle_scores o = oracle_score(&p);
    int64_t bad_row = 7;
    CHECK(call_score(&p.rows, &p.factors, 2, s.log_density, s.posterior, s.label, &bad_row) == GMM_OK);
    CHECK(bad_row == -1);
    for (int64_t i = 0; i < r->n; ++i) {
        double allowed = rounding(r->precision, r->d, o.half_square[i]), sum = 0;
        CHECK_NEAR(s.log_density[i], o.log_density[i], allowed + rounding(r->precision, 0, fabs(o.log_density[i])));
        for (int64_t k = 0; k < r->k; ++k) {
            double posterior = posterior_at(&s, r->precision, i * r->k + k);
            CHECK_NEAR(posterior, o.posterior[i * r->k + k], 4 * allowed);
            CHECK(posterior >= 0);
            CHECK(k != r->dead || posterior == 0);
            sum += posterior;
        }
        CHECK_NEAR(sum, 1, r->precision == GMM_F32 ? 1e-6 : 1e-14);
        CHECK(o.gap[i] < 4 * allowed || s.label[i] == o.label[i]);
    }
    oracle_scores_discard(&o);
    drop_scores(&s);
    discard(&p);
}

/* Each output alone gives the bits it gives with the others; none at all is allowed. */
static void test_outputs_apart(void)
{
    recipe r = plain_recipe();
    problem p = cook(&r);
    scores all = new_scores(r.n, r.k), one = new_scores(r.n, r.k);
    int64_t bad_row;
    in_case("outputs apart");
    CHECK(call_score(&p.rows, &p.factors, 1, all.log_density, all.posterior, all.label, &bad_row) == GMM_OK);
    CHECK(call_score(&p.rows, &p.factors, 1, one.log_density, NULL, NULL, &bad_row) == GMM_OK);
    CHECK(call_score(&p.rows, &p.factors, 1, NULL, one.posterior, NULL, &bad_row) == GMM_OK);
    CHECK(call_score(&p.rows, &p.factors, 1, NULL, NULL, one.label, &bad_row) == GMM_OK);
    CHECK(call_score(&p.rows, &p.factors, 1, NULL, NULL, NULL, &bad_row) == GMM_OK);
    CHECK_BYTES(all.log_density, one.log_density, (size_t)r.n * 8);
    CHECK_BYTES(all.posterior, one.posterior, (size_t)(r.n * r.k) * 8);
    CHECK_BYTES(all.label, one.label, (size_t)r.n * 8);
    drop_scores(&all);
    drop_scores(&one);
    discard(&p);
}

/* Ties go to the lowest component. */
static void test_ties(void)
{
    for (int structure = 0; structure < 6; ++structure) {
        recipe r = plain_recipe();
        r.structure = (gmm_structure)structure;
        r.d = 5;
        problem p = cook(&r);
        in_case("ties %s", describe(&r));
        size_t each = structure_size(r.structure, r.k, r.d) / (size_t)r.k;
        for (int64_t k = 1; k < r.k; ++k) {
            p.log_constant[k] = p.log_constant[0];
            memcpy(p.mean + k * r.d, p.mean, (size_t)r.d * 8);
            if (structure != GMM_TIED) {
                memcpy(p.whitener + (size_t)k * each, p.whitener, each * 8);
            }
        }
        scores s = new_scores(r.n, r.k);
        int64_t bad_row;
        CHECK(call_score(&p.rows, &p.factors, 1, s.log_density, s.posterior, s.label, &bad_row) == GMM_OK);
        for (int64_t i = 0; i < r.n; ++i) {
            CHECK(s.label[i] == 0);
            CHECK(posterior_at(&s, r.precision, i * r.k) == 0.25);
        }
        drop_scores(&s);
        discard(&p);
    }
}

void test_score(void)
{
    static const int64_t ds[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31, 40, 65, 130};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; ++i) {
        for (int structure = 0; structure < 6; ++structure) {
            for (int precision = 0; precision < 2; ++precision) {
                recipe r = plain_recipe();
                r.structure = (gmm_structure)structure;
                r.precision = (gmm_dtype)precision;
                r.dtype = (gmm_dtype)(i % 2);
                r.layout = (layout)(i % N_LAYOUTS);
                r.d = ds[i];
                r.k = (int64_t)(1 + (i * 5 + (size_t)structure) % 11);
                r.n = (int64_t)(1 + (i * 37) % 150);
                r.dead = r.k > 2 && i % 2 ? 1 : -1;
                r.seed = 100 + i;
                score_case(&r);
            }
        }
    }
    for (int64_t odd = 0; odd < 8; ++odd) { /* so many features that weights are read once for all rows of a tile */
        recipe r = plain_recipe();
        r.precision = (gmm_dtype)(odd % 2);
        r.d = 512 + odd;
        r.k = 2;
        r.n = 45;
        score_case(&r);
    }
    test_outputs_apart();
    test_ties();
}

/* One far coordinate in one row: the posterior is one-hot at the component of least Mahalanobis distance
 * (linear: of the largest form), the log-density is what long double says (-inf where the precision cannot hold it), and no other row changes a bit. */
static void far_case(const recipe *r, double far)
{
    if (is_left_out()) {
        return;
    }
    in_case("far %g, %s", far, describe(r));
    problem p = cook(r);
    int64_t at = r->n / 2, bad_row, size = r->precision == GMM_F32 ? 4 : 8;
    scores near = new_scores(r->n, r->k), s = new_scores(r->n, r->k);
    CHECK(call_score(&p.rows, &p.factors, 1, near.log_density, near.posterior, near.label, &bad_row) == GMM_OK);
    p.value[at * r->d] = r->dtype == GMM_F32 ? (double)(float)far : far;
    p.value[at * r->d + r->d - 1] = -p.value[at * r->d];
    relay(&p, r->dtype, r->layout);
    oracle_scores o = oracle_score(&p);
    CHECK(call_score(&p.rows, &p.factors, 1, s.log_density, s.posterior, s.label, &bad_row) == GMM_OK);
    double sum = 0;
    for (int64_t k = 0; k < r->k; ++k) {
        sum += posterior_at(&s, r->precision, at * r->k + k);
    }
    CHECK_NEAR(sum, 1, r->precision == GMM_F32 ? 1e-6 : 1e-14);
    if (r->structure != GMM_TIED) { /* equal whiteners: far rows are equally far from all means in double */
        CHECK(s.label[at] == o.label[at]);
        CHECK(posterior_at(&s, r->precision, at * r->k + o.label[at]) == 1);
    }
    if (r->precision == GMM_F32 && fabs(o.log_density[at]) > FLT_MAX) { /* overflows in float */
        CHECK(isinf(s.log_density[at]) && (s.log_density[at] < 0) == (o.log_density[at] < 0));
    } else {
        double relative = r->precision == GMM_F32 ? 1e-5 : 1e-13;
        CHECK_NEAR(s.log_density[at], o.log_density[at], fabs(o.log_density[at]) * relative);
    }
    for (int64_t i = 0; i < r->n; ++i) {
        if (i != at) {
            size_t row = (size_t)(i * r->k * size);
            CHECK(s.log_density[i] == near.log_density[i] && s.label[i] == near.label[i]);
            CHECK_BYTES((char *)s.posterior + row, (char *)near.posterior + row, (size_t)(r->k * size));
        }
    }
    oracle_scores_discard(&o);
    drop_scores(&near);
    drop_scores(&s);
    discard(&p);
}

void test_far_rows(void)
{
    static const double fars[] = {1e6, -1e18, 1e100, 1e160, -1e300, 1.7e308};
    for (size_t f = 0; f < sizeof fars / sizeof *fars; ++f) {
        for (int structure = 0; structure < 6; ++structure) {
            for (int64_t d = 2; d < 12; d += 9) {
                recipe r = plain_recipe();
                r.structure = (gmm_structure)structure;
                r.n = 40;
                r.d = d;
                r.dead = 2;
                r.plain_frame = fabs(fars[f]) > 1e307;
                far_case(&r, fars[f]);
                r.precision = GMM_F32;
                far_case(&r, fars[f]);
                r.dtype = GMM_F32;
                r.layout = LAYOUT_STRIDED;
                far_case(&r, fars[f] > 0 ? 1e30 : -1e20);
            }
        }
    }
}
