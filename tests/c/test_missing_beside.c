/* test_missing_beside.c: rows with missing values beside noise and under log priors. Without correlations a row's
 * density is a product over its observed features, so the sums can be written down row by row:
 *
 *     l_k = log weight_k + log prior_k - sum_o (log(2 pi 4) + c^2 / 4) / 2,    then the softmax of these and of noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "incomplete.h"
#include "tests.h"

enum { WITH_NOISE = 1, WITH_PRIOR = 2, PATTERNS = 8 };

typedef struct {
    problem p;
    listing l;
    gmm_mixture m;
    double *prior, *log_noise; /* (N, K), (PATTERNS,) */
    /* by hand: */
    double *log_density, *posterior, n[4], *first, *square, noise, log_likelihood, weight;
} scene;

static double deviation(const scene *s, int64_t i, int64_t k, int64_t j, const recipe *r)
{
    const double x = s->p.value[i * r->d + j] * s->p.rows.scale[j] - s->p.rows.centre[j];
    return x - s->m.mean[k * r->d + j];
}

static void expect_row(scene *s, int64_t i, const recipe *r)
{
    const unsigned char *observed = s->l.observed + i % PATTERNS * r->d;
    const double w = s->p.rows.weight ? s->p.rows.weight[i] : 1;
    double *share = s->posterior + i * (r->k + 1), largest = -INFINITY, sum = 0;
    share[r->k] = s->l.runs.log_noise ? s->log_noise[i % PATTERNS] : -INFINITY;
    for (int64_t k = 0; k < r->k; ++k) {
        share[k] = log(s->m.weight[k]) + (s->prior && s->p.rows.log_prior ? s->prior[i * r->k + k] : 0);
        for (int64_t j = 0; j < r->d; ++j) {
            const double c = deviation(s, i, k, j, r);
            share[k] -= observed[j] ? (log(8 * acos(-1)) + c * c / 4) / 2 : 0;
        }
    }
    for (int64_t k = 0; k <= r->k; ++k) {
        largest = share[k] > largest ? share[k] : largest;
    }
    for (int64_t k = 0; k <= r->k; ++k) {
        sum += share[k] = exp(share[k] - largest);
    }
    s->log_density[i] = largest + log(sum);
    s->log_likelihood += w * s->log_density[i];
    s->weight += w;
    for (int64_t k = 0; k <= r->k; ++k) {
        share[k] /= sum;
    }
    s->noise += w * share[r->k];
    for (int64_t k = 0; k < r->k; ++k) {
        s->n[k] += w * share[k];
        for (int64_t j = 0; j < r->d; ++j) {
            const double c = deviation(s, i, k, j, r);
            s->first[k * r->d + j] += observed[j] ? w * share[k] * c : 0;
            s->square[k * r->d + j] += w * share[k] * (observed[j] ? c * c : 4);
        }
    }
}

static scene new_scene(const recipe *r, int with, int64_t longest)
{
    scene s = {.p = cook(r)};
    s.m = new_mixture(&s.p, r, 0);
    s.l = list_rows(r->n, r->d, PATTERNS, longest);
    s.prior = room((size_t)(r->n * r->k), 8);
    s.log_noise = room(PATTERNS, 8);
    uint64_t state = 7;
    for (int64_t i = 0; i < r->n * r->k; ++i) {
        s.prior[i] = i % r->k != i / r->k % r->k && uniform(&state) < 0.2 ? -INFINITY : -3 * uniform(&state);
    }
    for (int64_t q = 0; q < PATTERNS; ++q) { /* lengths 5, 6, 7 and the weight 0.2 */
        s.log_noise[q] = log(0.2);
        for (int64_t j = 0; j < r->d; ++j) {
            s.log_noise[q] -= s.l.observed[q * r->d + j] ? log(5 + (double)j) : 0;
        }
    }
    s.p.rows.log_prior = with & WITH_PRIOR ? s.prior : NULL;
    s.l.runs.log_noise = with & WITH_NOISE ? s.log_noise : NULL;
    s.log_density = room((size_t)r->n, 8);
    s.posterior = room((size_t)(r->n * (r->k + 1)), 8);
    s.first = room((size_t)(r->k * r->d), 8);
    s.square = room((size_t)(r->k * r->d), 8);
    for (int64_t k = 0; k < r->k; ++k) {
        s.m.weight[k] = (with & WITH_NOISE ? 0.8 : 1.0) / (double)r->k;
    }
    for (int64_t i = 0; i < r->n; ++i) {
        expect_row(&s, i, r);
    }
    return s;
}

static void drop_scene(scene *s)
{
    free(s->m.weight), free(s->m.covariance), free(s->prior), free(s->log_noise), free(s->log_density), free(s->posterior), free(s->first);
    free(s->square), drop_listing(&s->l), discard(&s->p);
}

static recipe recipe_of(int structure, int precision)
{
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.precision = r.dtype = (gmm_dtype)precision;
    r.n = 900;
    r.plain_frame = 1;
    return r;
}

/* Sums against those by hand; threads and slices change no bit; nothing missing is looked at. */
static void same_sums(int structure, int precision, int with, int64_t longest)
{
    if (is_left_out()) {
        return;
    }
    recipe r = recipe_of(structure, precision);
    in_case("missing, beside %d, runs of %d, %s", with, (int)longest, describe(&r));
    r.weighting = longest > 50 ? WEIGHT_SOME : WEIGHT_NONE;
    scene s = new_scene(&r, with, longest);
    gmm_statistics sums = new_sums(&s.m), other = new_sums(&s.m);
    int64_t bad_row, bad_component;
    CHECK(call_missing(&s.p.rows, &s.l.runs, &s.m, NULL, r.precision, 3, &sums, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_OK);
    const double allowance = (precision ? 1e-12 : 1e-5) * s.weight * 100;
    CHECK_NEAR(sums.weight, s.weight, 1e-12 * s.weight);
    CHECK_NEAR(sums.noise, s.noise, allowance);
    CHECK(!(with & WITH_NOISE) || (sums.noise > 0.02 * s.weight && sums.noise < 0.98 * s.weight));
    CHECK_NEAR(sums.log_likelihood, s.log_likelihood, allowance * 3);
    for (int64_t k = 0; k < r.k; ++k) {
        double trace = 0;
        CHECK_NEAR(sums.n[k], s.n[k], allowance);
        for (int64_t j = 0; j < r.d; ++j) {
            const double square = s.square[k * r.d + j];
            trace += square;
            CHECK_NEAR(sums.first[k * r.d + j], s.first[k * r.d + j], allowance);
            if (structure == GMM_FULL || structure == GMM_DIAG) {
                const int64_t at = structure == GMM_FULL ? (k * r.d + j) * r.d + j : k * r.d + j;
                CHECK_NEAR(sums.second[at], square, allowance);
            }
        }
        if (structure == GMM_SPHERICAL) {
            CHECK_NEAR(sums.second[k], trace, allowance * 3);
        }
    }
    for (int64_t i = 0; i < r.n; ++i) {
        for (int64_t j = 0; j < r.d; ++j) {
            s.p.value[i * r.d + j] = s.l.observed[i % PATTERNS * r.d + j] ? s.p.value[i * r.d + j] : (double)NAN;
        }
    }
    relay(&s.p, r.dtype, LAYOUT_F);
    for (int64_t done = 0, step = 2; done < s.l.runs.n_batches; done += step, step *= 2) {
        gmm_runs slice = s.l.runs;
        slice.n_batches = slice.n_batches - done < step ? slice.n_batches - done : step;
        slice.batch += done;
        CHECK(call_missing(&s.p.rows, &slice, &s.m, NULL, r.precision, 1, &other, NULL, NULL, NULL, &bad_row,
                           &bad_component) == GMM_OK);
    }
    CHECK_BYTES(sums.n, other.n, (size_t)r.k * 8);
    CHECK_BYTES(sums.first, other.first, (size_t)(r.k * r.d) * 8);
    CHECK_BYTES(sums.second, other.second, second_count(&s.m) * 8);
    CHECK(sums.log_likelihood == other.log_likelihood && sums.noise == other.noise && sums.weight == other.weight);
    drop_statistics(&sums), drop_statistics(&other), drop_scene(&s);
}

static void same_scores(int structure, int precision, int with)
{
    if (is_left_out()) {
        return;
    }
    const recipe r = recipe_of(structure, precision);
    in_case("missing, scores beside %d, %s", with, describe(&r));
    scene s = new_scene(&r, with, 50);
    const int64_t columns = r.k + (with & WITH_NOISE ? 1 : 0);
    double *density = room((size_t)r.n, 8), *shares = room((size_t)(r.n * columns), 8);
    float *single = room((size_t)(r.n * columns), sizeof *single);
    int64_t *label = room((size_t)r.n, 8), bad_row, bad_component, n_noise = 0;
    void *posterior = precision ? (void *)shares : (void *)single;
    CHECK(call_missing(&s.p.rows, &s.l.runs, &s.m, NULL, r.precision, 2, NULL, density, posterior, label, &bad_row,
                       &bad_component) == GMM_OK);
    const double allowance = precision ? 1e-11 : 1e-4;
    for (int64_t i = 0; i < r.n; ++i) {
        const double *expected = s.posterior + i * (r.k + 1);
        double largest = 0, second = 0;
        int64_t best = -1;
        CHECK_NEAR(density[i], s.log_density[i], allowance);
        for (int64_t k = 0; k < columns; ++k) {
            CHECK_NEAR(precision ? shares[i * columns + k] : (double)single[i * columns + k], expected[k], allowance);
            second = expected[k] > largest ? largest : expected[k] > second ? expected[k] : second;
            best = expected[k] > largest ? k : best;
            largest = expected[k] > largest ? expected[k] : largest;
        }
        best = best == r.k ? -1 : best;
        n_noise += best < 0;
        CHECK(label[i] == best || largest - second < 2 * allowance);
    }
    CHECK((n_noise > 0) == ((with & WITH_NOISE) != 0));
    free(density), free(shares), free(single), free(label), drop_scene(&s);
}

static void refused(int64_t longest)
{
    recipe r = recipe_of(GMM_FULL, GMM_F64);
    in_case("missing, refused beside, runs of %d", (int)longest);
    scene s = new_scene(&r, WITH_NOISE | WITH_PRIOR, longest);
    gmm_statistics sums = new_sums(&s.m);
    int64_t bad_row, bad_component;
#define TRY(status)                                                                                               \
    CHECK(call_missing(&s.p.rows, &s.l.runs, &s.m, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row, \
                       &bad_component) == (status));                                                              \
    CHECK(call_missing(&s.p.rows, &s.l.runs, &s.m, NULL, GMM_F64, 2, NULL, NULL, NULL, NULL, &bad_row, \
                       &bad_component) == (status))
    for (int64_t q = 0; q < PATTERNS; ++q) {
        const double log_noise = s.log_noise[q];
        s.log_noise[q] = (double)INFINITY;
        TRY(GMM_EINVAL);
        s.log_noise[q] = (double)NAN;
        TRY(GMM_EINVAL);
        s.log_noise[q] = -(double)INFINITY;
        TRY(GMM_OK);
        s.log_noise[q] = log_noise;
    }
    s.l.runs.log_noise = NULL; /* what nothing can have made is refused, whatever was observed of it */
    for (int64_t i = 40; i >= 33; --i) {
        for (int64_t k = 0; k < r.k; ++k) {
            s.prior[i * r.k + k] = -(double)INFINITY;
        }
        TRY(GMM_ENONFINITE);
        CHECK(bad_row == i);
    }
    gmm_mixture tied = s.m;
    tied.structure = GMM_TIED;
    s.p.rows.log_prior = NULL;
    s.l.runs.log_noise = s.log_noise;
    CHECK(call_missing(&s.p.rows, &s.l.runs, &tied, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_EINVAL);
#undef TRY
    drop_statistics(&sums), drop_scene(&s);
}

void test_missing_beside(void)
{
    for (int with = 0; with < 4; ++with) {
        for (int precision = 0; precision < 2; ++precision) {
            for (int structure = 0; structure < 4; ++structure) {
                if (structure != GMM_TIED || !(with & WITH_NOISE)) {
                    same_sums(structure, precision, with, 70);
                    same_sums(structure, precision, with, 2);
                }
                same_scores(structure, precision, with);
            }
        }
    }
    refused(50);
    refused(2);
}
