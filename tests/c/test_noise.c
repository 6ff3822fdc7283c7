/* test_noise.c: noise and priors of rows in accumulate and score, from the oracle's densities without either:
 *
 *     component densities  l_k = log p + log r_k + log prior_k,    then the softmax of these and of the noise. */
#include <math.h>
#include <stdlib.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

typedef struct {
    double *log_density, *posterior, *noise; /* (N,), (N, K), (N,) */
} expectation;

static expectation expect(const problem *p, const oracle_scores *o)
{
    int64_t n = p->rows.n_rows, k = p->factors.n_components;
    expectation e = {room((size_t)n, 8), room((size_t)(n * k), 8), room((size_t)n, 8)};
    long double *l = room((size_t)k, sizeof *l), c = p->factors.log_noise ? *p->factors.log_noise : -INFINITY;
    for (int64_t i = 0; i < n; ++i) {
        long double largest = c, sum = 0;
        for (int64_t j = 0; j < k; ++j) {
            l[j] = (long double)o->log_density[i] + logl((long double)o->posterior[i * k + j]);
            l[j] += p->rows.log_prior ? (long double)p->rows.log_prior[i * k + j] : 0;
            largest = l[j] > largest ? l[j] : largest;
        }
        for (int64_t j = 0; j < k; ++j) {
            sum += expl(l[j] - largest);
        }
        sum += expl(c - largest);
        for (int64_t j = 0; j < k; ++j) {
            e.posterior[i * k + j] = (double)(expl(l[j] - largest) / sum);
        }
        e.noise[i] = (double)(expl(c - largest) / sum);
        e.log_density[i] = (double)(largest + logl(sum));
    }
    free(l);
    return e;
}

static void compare_sums(const problem *p, const expectation *e)
{
    const gmm_factors *f = &p->factors;
    double eps = f->precision == GMM_F32 ? 2e-5 : 1e-12, likelihood = 0, size = 0, noise = 0;
    gmm_statistics s = new_statistics(f);
    oracle_statistics o = oracle_moments(p, e->posterior, NULL);
    int64_t bad_row;
    CHECK(call_accumulate(&p->rows, f, 2, &s, &bad_row) == GMM_OK);
    for (int64_t i = 0; i < p->rows.n_rows; ++i) {
        double w = p->rows.weight ? p->rows.weight[i] : 1;
        likelihood += w * e->log_density[i];
        size += w * fabs(e->log_density[i]);
        noise += w * e->noise[i];
    }
    for (int64_t c = 0; c < f->n_components; ++c) {
        CHECK_NEAR(s.n[c], o.n[c], eps * o.weight);
    }
    for (int64_t i = 0; i < f->n_components * f->n_features; ++i) {
        CHECK_NEAR(s.first[i], o.first[i], eps * (o.first_size[i] + o.weight));
    }
    for (size_t i = 0; s.second && i < structure_size(f->structure, f->n_components, f->n_features); ++i) {
        CHECK_NEAR(s.second[i], o.second[i], eps * (o.second_size[i] + o.weight));
    }
    CHECK_NEAR(s.log_likelihood, likelihood, eps * (size + o.weight));
    CHECK_NEAR(s.noise, noise, eps * o.weight);
    CHECK_NEAR(s.weight, o.weight, 1e-14 * o.weight);
    oracle_discard(&o);
    drop_statistics(&s);
}

static void compare_scores(const problem *p, const expectation *e)
{
    const gmm_factors *f = &p->factors;
    int64_t n = p->rows.n_rows, k = f->n_components, columns = k + (f->log_noise != NULL), bad_row;
    double *log_density = room((size_t)n, 8), *given = room((size_t)(n * columns), 8), eps;
    int64_t *label = room((size_t)n, 8);
    CHECK(call_score(&p->rows, f, 2, log_density, given, label, &bad_row) == GMM_OK);
    for (int64_t i = 0; i < n; ++i) {
        eps = (f->precision == GMM_F32 ? 1e-5 : 1e-13) * (1 + fabs(e->log_density[i]));
        CHECK_NEAR(log_density[i], e->log_density[i], 10 * eps);
        double best = -1;
        for (int64_t j = 0; j < columns; ++j) {
            double found = f->precision == GMM_F32 ? (double)((float *)(void *)given)[i * columns + j]
                                                   : given[i * columns + j];
            double expected = j < k ? e->posterior[i * k + j] : e->noise[i];
            CHECK_NEAR(found, expected, 10 * eps);
            best = expected > best ? expected : best;
        }
        CHECK_NEAR(label[i] < 0 ? e->noise[i] : e->posterior[i * k + label[i]], best, 20 * eps);
    }
    free(log_density);
    free(given);
    free(label);
}

static void noise_case(const recipe *r, int with_noise, int with_prior, gmm_skipping skipping)
{
    if (is_left_out()) {
        return;
    }
    in_case("noise %d, prior %d, %s", with_noise, with_prior, describe(r));
    problem p = cook(r);
    oracle_scores o = oracle_score(&p);
    double log_noise = o.log_density[r->n / 2], *prior = room((size_t)(r->n * r->k), 8);
    for (int64_t i = 0; i < r->n * r->k; ++i) { /* never all of a row -inf, nor all that are alive */
        prior[i] = r->k > 2 && i % r->k == 2 && i % 3 == 0 ? -INFINITY : -4 * p.posterior[i];
    }
    p.factors.log_noise = with_noise ? &log_noise : NULL;
    p.factors.skipping = skipping;
    p.rows.log_prior = with_prior ? prior : NULL;
    expectation e = expect(&p, &o);
    compare_sums(&p, &e);
    compare_scores(&p, &e);
    free(e.log_density);
    free(e.posterior);
    free(e.noise);
    free(prior);
    oracle_scores_discard(&o);
    discard(&p);
}

static void test_bad_noise(void)
{
    recipe r = plain_recipe();
    static const double bad[] = {INFINITY, (double)NAN};
    in_case("bad noise");
    for (int i = 0; i < 3; ++i) {
        double log_noise = i < 2 ? bad[i] : -1;
        r.structure = i < 2 ? GMM_FULL : GMM_LINEAR;
        problem p = cook(&r);
        gmm_statistics s = new_statistics(&p.factors);
        int64_t bad_row;
        p.factors.log_noise = &log_noise;
        CHECK(call_accumulate(&p.rows, &p.factors, 1, &s, &bad_row) == GMM_EINVAL);
        CHECK(call_score(&p.rows, &p.factors, 1, NULL, NULL, NULL, &bad_row) == GMM_EINVAL);
        drop_statistics(&s);
        discard(&p);
    }
}

/* Noise of weight zero is none: the bits of a mixture without it, whether terms are skipped or not. */
static void test_no_noise(void)
{
    for (int skipping = GMM_SKIP_NEVER; skipping <= GMM_SKIP_ALWAYS; ++skipping) {
        for (int precision = 0; precision < 2; ++precision) {
            recipe r = plain_recipe();
            r.precision = (gmm_dtype)precision;
            r.d = 19;
            r.n = 300;
            in_case("noise of weight zero, %s", describe(&r));
            problem p = cook(&r);
            double nothing = -INFINITY, *with = room((size_t)r.n, 8), *without = room((size_t)r.n, 8);
            p.factors.skipping = (gmm_skipping)skipping;
            gmm_statistics a = new_statistics(&p.factors), b = new_statistics(&p.factors);
            int64_t bad_row;
            CHECK(call_accumulate(&p.rows, &p.factors, 2, &a, &bad_row) == GMM_OK);
            CHECK(call_score(&p.rows, &p.factors, 2, without, NULL, NULL, &bad_row) == GMM_OK);
            p.factors.log_noise = &nothing;
            CHECK(call_accumulate(&p.rows, &p.factors, 2, &b, &bad_row) == GMM_OK);
            CHECK(call_score(&p.rows, &p.factors, 2, with, NULL, NULL, &bad_row) == GMM_OK);
            CHECK(b.noise == 0);
            CHECK_BYTES(a.n, b.n, (size_t)r.k * 8);
            CHECK_BYTES(a.second, b.second, (size_t)(r.k * r.d * r.d) * 8);
            CHECK_BYTES(with, without, (size_t)r.n * 8);
            drop_statistics(&a);
            drop_statistics(&b);
            free(with);
            free(without);
            discard(&p);
        }
    }
}

void test_noise(void)
{
    static const int64_t ds[] = {1, 2, 3, 4, 5, 8, 9, 17, 40};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; ++i) {
        for (int structure = 0; structure < 4; ++structure) {
            for (int precision = 0; precision < 2; ++precision) {
                recipe r = plain_recipe();
                r.structure = (gmm_structure)structure;
                r.precision = (gmm_dtype)precision;
                r.layout = (layout)(i % N_LAYOUTS);
                r.d = ds[i];
                r.k = (int64_t)(1 + (i * 5 + (size_t)structure) % 7);
                r.n = (int64_t)(5 + (i * 137) % 300);
                r.dead = r.k > 4 ? 1 : -1;
                r.seed = 300 + i;
                noise_case(&r, 1, 0, GMM_SKIP_AUTO);
                noise_case(&r, 0, 1, GMM_SKIP_AUTO);
                noise_case(&r, 1, 1, GMM_SKIP_AUTO);
                noise_case(&r, 1, 0, GMM_SKIP_ALWAYS);
            }
        }
    }
    test_bad_noise();
    test_no_noise();
}
