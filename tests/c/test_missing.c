/* test_missing.c: passes over rows with missing values: closed forms in two features, structures against each other,
 * bits for any number of threads and slices, no look at a missing value, memory, and what is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "gather.h"
#include "incomplete.h"
#include "tests.h"

/* One component, two features of which the second is missing in every other row: sums by hand. */
static void closed_form(int with_ridge, int64_t longest)
{
    recipe r = plain_recipe();
    r.n = 301;
    r.d = 2;
    r.k = 1;
    in_case("missing, closed form, ridge=%d, runs of %d", with_ridge, (int)longest);
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.5);
    listing l = list_rows(r.n, 2, 4, longest);
    memset(l.observed, 1, 8);
    l.observed[3] = l.observed[7] = 0;
    const double ridge[2] = {0.5, 0.25}, R0 = with_ridge ? ridge[0] : 0, R1 = with_ridge ? ridge[1] : 0;
    double n = 0, first = 0, cross = 0, second = 0, log_likelihood = 0;
    for (int64_t i = 0; i < r.n; ++i) {
        const double w = p.rows.weight[i];
        const double c = p.value[2 * i] * p.rows.scale[0] - p.rows.centre[0] - m.mean[0];
        const double e = p.value[2 * i + 1] * p.rows.scale[1] - p.rows.centre[1] - m.mean[1];
        const int both = i % 2 == 0;
        const double square = both ? (c * c - c * e + e * e) / 3 : c * c / 4; /* S = [4 2; 2 4] */
        const double log_det = both ? log(12) : log(4), penalty = both ? (R0 + R1) / 3 : R0 / 4;
        n += w;
        first += w * (both ? e : c / 2);
        cross += w * (both ? c * e : c * c / 2 + R0 / 2);
        second += w * (both ? e * e : c * c / 4 + 3 + R0 / 4 - R1);
        log_likelihood -= w * ((both ? 2 : 1) * log(2 * acos(-1)) + log_det + square + penalty) / 2;
    }
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
    CHECK(call_missing(&p.rows, &l.runs, &m, with_ridge ? ridge : NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_OK);
    CHECK_NEAR(sums.n[0], n, 1e-12 * n);
    CHECK_NEAR(sums.first[1], first, 1e-11 * n);
    CHECK_NEAR(sums.second[1], cross, 1e-11 * n);
    CHECK(sums.second[1] == sums.second[2]);
    CHECK_NEAR(sums.second[3], second, 1e-11 * n);
    CHECK_NEAR(sums.log_likelihood, log_likelihood, 1e-11 * n);
    drop_statistics(&sums), drop_listing(&l), free(m.weight), free(m.covariance);
    discard(&p);
}

/* Threads, slices, layouts and what stands in the place of missing values change no bit; without correlations all
 * structures agree. */
static void same_sums(int structure, int precision, int64_t d, int64_t longest)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.precision = r.dtype = (gmm_dtype)precision;
    r.n = 2900;
    r.d = d;
    r.k = 3;
    r.layout = (layout)(structure % N_LAYOUTS);
    in_case("missing, runs of %d, %s", (int)longest, describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0), full = new_mixture(&p, &(recipe){.k = r.k, .d = d}, 0);
    listing l = list_rows(r.n, d, d < 5 ? 2 << (d - 1) : 37, longest);
    gmm_statistics sums = new_sums(&m), other = new_sums(&m), dense = new_sums(&full);
    double *ridge = room((size_t)d, 8), *ridges = longest < 5 ? NULL : ridge; /* none: runs of few rows */
    for (int64_t j = 0; j < d; ++j) {
        ridge[j] = 0.125;
    }
    int64_t bad_row, bad_component;
    CHECK(call_missing(&p.rows, &l.runs, &m, ridges, r.precision, 3, &sums, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_OK);
    CHECK(bad_row == -1 && bad_component == -1);
    for (int64_t i = 0; i < r.n; ++i) {
        const unsigned char *observed = l.observed + i % (d < 5 ? 2 << (d - 1) : 37) * d;
        for (int64_t j = 0; j < d; ++j) {
            p.value[i * d + j] = observed[j] ? p.value[i * d + j] : (double)NAN;
        }
    }
    relay(&p, r.dtype, LAYOUT_C);
    for (int64_t done = 0, step = 3; done < l.runs.n_batches; done += step, step *= 2) {
        gmm_runs slice = l.runs;
        slice.n_batches = l.runs.n_batches - done < step ? l.runs.n_batches - done : step;
        slice.batch += done;
        CHECK(call_missing(&p.rows, &slice, &m, ridges, r.precision, 1, &other, NULL, NULL, NULL, &bad_row,
                           &bad_component) == GMM_OK);
    }
    CHECK_BYTES(sums.n, other.n, (size_t)r.k * 8);
    CHECK_BYTES(sums.first, other.first, (size_t)(r.k * d) * 8);
    CHECK_BYTES(sums.second, other.second, second_count(&m) * 8);
    CHECK(sums.log_likelihood == other.log_likelihood && sums.weight == other.weight);
    CHECK(call_missing(&p.rows, &l.runs, &full, ridges, r.precision, 2, &dense, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_OK);
    const double allowance = (precision ? 1e-12 : 1e-5) * sums.weight * 100;
    CHECK_NEAR(sums.log_likelihood, dense.log_likelihood, allowance * (double)d);
    for (int64_t j = 0; structure == GMM_TIED && j < d * d; ++j) {
        double pooled = 0;
        for (int64_t k = 0; k < r.k; ++k) {
            pooled += dense.second[k * d * d + j];
        }
        CHECK_NEAR(sums.second[j], pooled, allowance);
    }
    for (int64_t k = 0; k < r.k; ++k) {
        double trace = 0;
        CHECK_NEAR(sums.n[k], dense.n[k], allowance);
        for (int64_t j = 0; j < d; ++j) {
            const double square = dense.second[(k * d + j) * d + j];
            trace += square;
            CHECK_NEAR(sums.first[k * d + j], dense.first[k * d + j], allowance);
            if (structure == GMM_DIAG) {
                CHECK_NEAR(sums.second[k * d + j], square, allowance);
            }
        }
        if (structure == GMM_SPHERICAL) {
            CHECK_NEAR(sums.second[k], trace, allowance * (double)d);
        }
    }
    free(ridge), drop_listing(&l);
    drop_statistics(&sums), drop_statistics(&other), drop_statistics(&dense);
    free(m.weight), free(m.covariance), free(full.weight), free(full.covariance);
    discard(&p);
}

/* Whole rows have the bits of gmm_score; rows without a value the mixing weights. */
static void same_scores(int precision)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.precision = (gmm_dtype)precision;
    r.n = 500;
    in_case("missing, scores, precision %d", precision);
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.3);
    m.weight[2] = 0.5;
    m.weight[0] = m.weight[1] = m.weight[3] = 0.5 / 3;
    listing l = list_rows(r.n, r.d, 8, 1000);
    const size_t size = precision ? 8 : 4;
    double *density = room((size_t)r.n, 8), *expected = room((size_t)r.n, 8), constant[4], *whitener = room(36, 8);
    unsigned char *posterior = room((size_t)(r.n * r.k), 8), *shares = room((size_t)(r.n * r.k), 8);
    int64_t *label = room((size_t)r.n, 8), *labels = room((size_t)r.n, 8), bad, bad_component;
    const size_t scratch_bytes = gmm_mixture_scratch_bytes(GMM_FULL, r.k, r.d, 1);
    void *scratch = room(scratch_bytes, 1);
    CHECK(gmm_factorize(&m, NULL, 1, scratch, scratch_bytes, constant, whitener, &bad) == GMM_OK);
    const gmm_factors f = {.structure = GMM_FULL, .precision = r.precision, .n_components = r.k, .n_features = r.d,
                           .log_constant = constant, .mean = m.mean, .whitener = whitener};
    CHECK(call_score(&p.rows, &f, 2, expected, shares, labels, &bad) == GMM_OK);
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, r.precision, 2, NULL, density, posterior, label, &bad,
                       &bad_component) == GMM_OK);
    for (int64_t i = 0; i < r.n; i += 8) {
        const size_t at = (size_t)(i * r.k) * size;
        CHECK(density[i] == expected[i] && label[i] == labels[i]);
        CHECK_BYTES(posterior + at, shares + at, (size_t)r.k * size);
    }
    for (int64_t i = 7; i < r.n; i += 8) {
        double half = 0;
        float single = 0;
        memcpy(&single, posterior + (size_t)(i * r.k + 2) * size, 4);
        memcpy(&half, posterior + (size_t)(i * r.k + 2) * size, size);
        CHECK(density[i] == 0 && label[i] == 2 && (precision ? half == 0.5 : single == 0.5F));
    }
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, r.precision, 2, NULL, NULL, NULL, NULL, &bad, &bad_component) ==
          GMM_OK);
    free(density), free(expected), free(whitener), free(posterior), free(shares), free(label), free(labels);
    free(scratch), free(m.weight), free(m.covariance), drop_listing(&l);
    discard(&p);
}

/* Features that nearly depend on each other, and rows that follow them: patterns of few rows keep the digits of many. */
static void nearly_singular(int structure)
{
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.n = 300;
    r.k = 1;
    r.plain_frame = 1;
    in_case("missing, nearly singular, %s", describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 1 - 1e-13);
    for (int64_t j = 0; j < r.d; ++j) {
        p.mean[j] = 0;
    }
    for (int64_t i = 0; i < r.n * r.d; ++i) {
        p.value[i] = p.value[i / r.d * r.d];
    }
    relay(&p, r.dtype, LAYOUT_C);
    double log_likelihood[2];
    for (int few = 0; few < 2; ++few) {
        listing l = list_rows(r.n, r.d, 8, few ? 2 : 100);
        gmm_statistics sums = new_sums(&m);
        int64_t bad_row, bad_component;
        CHECK(call_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row,
                           &bad_component) == GMM_OK);
        log_likelihood[few] = sums.log_likelihood;
        drop_statistics(&sums), drop_listing(&l);
    }
    CHECK_NEAR(log_likelihood[1], log_likelihood[0], 1e-12 * fabs(log_likelihood[0]));
    free(m.weight), free(m.covariance);
    discard(&p);
}

static void listed_rows(void)
{
    static int64_t row[GMM_RUN_ROWS + 1];
    in_case("missing, lists of rows");
    for (int64_t i = 0; i <= GMM_RUN_ROWS; ++i) {
        row[i] = i;
    }
    CHECK(gmm_rows_are_listed(row, 0, 0) && gmm_rows_are_listed(row, GMM_RUN_ROWS, GMM_RUN_ROWS));
    CHECK(!gmm_rows_are_listed(row, -1, 9) && !gmm_rows_are_listed(row, GMM_RUN_ROWS + 1, INT64_MAX));
    CHECK(!gmm_rows_are_listed(row, 9, 8));
    row[7] = 9;
    CHECK(!gmm_rows_are_listed(row, 9, 99));
}

static void refused_calls(int structure, int64_t longest)
{
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    in_case("missing, refused, runs of %d, %s", (int)longest, describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.3);
    listing l = list_rows(r.n, r.d, 8, longest);
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
    const gmm_runs runs = l.runs;
#define TRY(status)                                                                                               \
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row, &bad_component) == \
          (status));                                                                                              \
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 2, NULL, NULL, NULL, NULL, &bad_row, &bad_component) ==  \
          (status))
    l.runs.row = NULL;
    TRY(GMM_EINVAL);
    l.runs = runs;
    l.row[1] = l.row[0];
    TRY(GMM_EINVAL);
    l.row[1] = l.row[0] + 8;
    l.first[1] -= longest + 1; /* fewer rows than none */
    TRY(GMM_EINVAL);
    l.first[1] += longest + 1;
    l.first[1] -= longest; /* and none */
    TRY(GMM_OK);
    l.first[1] += longest;
    l.row[0] = -1;
    TRY(GMM_EINVAL);
    l.row[0] = 0;
    l.row[l.first[l.n_runs] - 1] = r.n;
    TRY(GMM_EINVAL);
    l.row[l.first[l.n_runs] - 1] = r.n - 1;
    p.rows.n_features -= 1;
    TRY(GMM_EINVAL);
    p.rows.n_features += 1;
    char scratch[8];
    CHECK(gmm_accumulate_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 1, scratch, 8, &sums, &bad_row,
                                 &bad_component) == GMM_ESCRATCH);
    CHECK(gmm_accumulate_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 1, scratch, 8, NULL, &bad_row,
                                 &bad_component) == GMM_EINVAL);
    CHECK(gmm_accumulate_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 0, scratch, 8, &sums, &bad_row,
                                 &bad_component) == GMM_EINVAL);
    CHECK(gmm_missing_scratch_bytes(GMM_LINEAR, GMM_F64, 1, 1, 1) == 0);
    for (int64_t i = 0; i < r.n; ++i) {
        p.value[i * r.d + 1] = i == 41 || i == 32 ? (double)INFINITY : p.value[i * r.d + 1];
    }
    relay(&p, GMM_F64, LAYOUT_C);
    TRY(GMM_ENONFINITE);
    CHECK(bad_row == 32);
    for (int64_t i = 0; i < r.n; ++i) {
        p.value[i * r.d + 1] = 0;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    TRY(GMM_OK);
    const int64_t bad = structure == GMM_FULL ? 2 : 0;
    m.covariance[bad * r.d * r.d] = -1;
    TRY(GMM_ESINGULAR);
    CHECK(bad_row == -1 && bad_component == bad);
    const double none[8] = {0};
    CHECK(call_missing(&p.rows, &l.runs, &m, none, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_ESINGULAR);
    CHECK(bad_row == -1 && bad_component == bad);
#undef TRY
    drop_statistics(&sums), drop_listing(&l), free(m.weight), free(m.covariance);
    discard(&p);
}

/* A run of whole rows that stand one after another has the bits of gmm_accumulate. */
static void whole_rows(int structure, int with_weight)
{
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.n = 1300; /* a block and a bit */
    r.weighting = with_weight ? WEIGHT_SOME : WEIGHT_NONE;
    in_case("missing, nothing, %s", describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.3);
    listing l = list_rows(r.n, r.d, 1, 4096);
    gmm_statistics sums = new_sums(&m), expected = new_sums(&m);
    double constant[4], *whitener = room(36, 8);
    const size_t size = gmm_mixture_scratch_bytes(r.structure, r.k, r.d, 1);
    void *scratch = room(size, 1);
    int64_t bad_row, bad_component;
    CHECK(gmm_factorize(&m, NULL, 1, scratch, size, constant, whitener, &bad_component) == GMM_OK);
    const gmm_factors f = {.structure = r.structure, .precision = r.precision, .n_components = r.k, .n_features = r.d,
                           .log_constant = constant, .mean = m.mean, .whitener = whitener};
    CHECK(call_accumulate(&p.rows, &f, 1, &expected, &bad_row) == GMM_OK);
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, r.precision, 2, &sums, NULL, NULL, NULL, &bad_row,
                       &bad_component) == GMM_OK);
    CHECK_BYTES(sums.n, expected.n, (size_t)r.k * 8);
    CHECK_BYTES(sums.first, expected.first, (size_t)(r.k * r.d) * 8);
    CHECK_BYTES(sums.second, expected.second, second_count(&m) * 8);
    CHECK(sums.log_likelihood == expected.log_likelihood && sums.weight == expected.weight);
    free(scratch), free(whitener), free(m.weight), free(m.covariance);
    drop_statistics(&sums), drop_statistics(&expected), drop_listing(&l);
    discard(&p);
}

/* Rows so far out that what they are whitened to is no number under one component, and so their sum, belong to the other,
 * which is wide. */
static void overflowing_rows(void)
{
    recipe r = plain_recipe();
    r.n = 6, r.k = 2;
    r.weighting = WEIGHT_NONE;
    r.plain_frame = 1;
    in_case("missing, overflowing rows");
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.9);
    listing l = list_rows(r.n, r.d, 8, 4096);
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
    for (int64_t i = 0; i < r.d * r.d; ++i) {
        m.covariance[i] *= 1e-20; /* of the first component */
        m.covariance[r.d * r.d + i] = i % (r.d + 1) ? 0 : 1e300;
    }
    for (int64_t i = 0; i < r.n * r.d; ++i) {
        p.value[i] = 1e300;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    CHECK(call_missing(&p.rows, &l.runs, &m, NULL, GMM_F64, 1, &sums, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_OK);
    CHECK(sums.n[0] == 0 && sums.n[1] == (double)r.n); /* their squares are beyond any number */
    free(m.weight), free(m.covariance), drop_statistics(&sums), drop_listing(&l);
    discard(&p);
}

void test_missing(void)
{
    overflowing_rows();
    closed_form(0, 100);
    closed_form(0, 2);
    closed_form(1, 100);
    nearly_singular(GMM_FULL);
    nearly_singular(GMM_TIED);
    for (int structure = 0; structure < 4; ++structure) {
        for (int precision = 0; precision < 2; ++precision) {
            same_sums(structure, precision, 1, 70);
            same_sums(structure, precision, 3, 70);
            same_sums(structure, precision, 11, 70);
            same_sums(structure, precision, 3, 2);
            same_sums(structure, precision, 11, 3);
        }
    }
    same_scores(0);
    same_scores(1);
    listed_rows();
    refused_calls(GMM_FULL, 10);
    refused_calls(GMM_FULL, 2);
    refused_calls(GMM_TIED, 10);
    for (int with_weight = 0; with_weight < 2; ++with_weight) {
        whole_rows(GMM_FULL, with_weight);
        whole_rows(GMM_DIAG, with_weight);
    }
}
