/* test_measured.c: passes over rows observed with error: closed forms in two features, kinds of errors and structures
 * against each other, bits for any number of threads and slices, memory, and what is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "incomplete.h"
#include "tests.h"
#include "uncertain.h"

/* One component, two features with the covariance [4 2; 2 4]; every third row lacks the second. Sums by hand. */
static void closed_form(int with_ridge, gmm_dtype dtype)
{
    recipe r = plain_recipe();
    r.n = 301;
    r.d = 2;
    r.k = 1;
    in_case("measured, closed form, ridge=%d, dtype %d", with_ridge, (int)dtype);
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.5);
    gmm_errors e = new_errors(r.n, 2, 1, dtype);
    const double ridge[2] = {0.5, 0.25}, R0 = with_ridge ? ridge[0] : 0, R1 = with_ridge ? ridge[1] : 0;
    double n = 0, first[2] = {0}, second[3] = {0}, log_likelihood = 0;
    for (int64_t i = 0; i < r.n; ++i) {
        const int both = i % 3 != 0;
        const double w = p.rows.weight[i], s0 = p.rows.scale[0], s1 = p.rows.scale[1];
        const double c0 = p.value[2 * i] * s0 - p.rows.centre[0] - m.mean[0];
        const double c1 = both ? p.value[2 * i + 1] * s1 - p.rows.centre[1] - m.mean[1] : 0;
        const double a = 4 + variance_of(i, 0) * s0 * s0, d = 4 + variance_of(i, 1) * s1 * s1;
        const double det = both ? a * d - 4 : a, P00 = both ? d / det : 1 / a, P01 = both ? -2 / det : 0;
        const double P11 = both ? a / det : 0;
        const double y0 = P00 * c0 + P01 * c1, y1 = P01 * c0 + P11 * c1;
        const double b0 = 4 * y0 + 2 * y1, b1 = 2 * y0 + 4 * y1;
        const double B00 = 4 - (16 * P00 + 16 * P01 + 4 * P11), B11 = 4 - (4 * P00 + 16 * P01 + 16 * P11);
        const double B01 = 2 - (8 * P00 + 20 * P01 + 8 * P11);
        const double penalty = both ? (R0 + R1) / 3 : R0 / 4; /* inverse [4 2; 2 4] has 1/3 on the diagonal */
        n += w;
        first[0] += w * b0;
        first[1] += w * b1;
        second[0] += w * (b0 * b0 + B00);
        second[1] += w * (b0 * b1 + B01 + (both ? 0 : R0 / 2));
        second[2] += w * (b1 * b1 + B11 + (both ? 0 : R0 / 4 - R1));
        const double square = c0 * y0 + c1 * y1;
        log_likelihood -= w * ((both ? 2 : 1) * log(2 * acos(-1)) + log(det) + square + penalty) / 2;
        if (!both) {
            p.value[2 * i + 1] = (double)NAN;
        }
    }
    relay(&p, GMM_F64, LAYOUT_STRIDED);
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
    CHECK(call_measured(&p.rows, &e, &m, NULL, with_ridge ? ridge : NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row,
                        &bad_component) == GMM_OK);
    CHECK(bad_row == -1 && bad_component == -1);
    CHECK_NEAR(sums.n[0], n, 1e-12 * n);
    CHECK_NEAR(sums.weight, n, 1e-12 * n);
    CHECK_NEAR(sums.first[0], first[0], 1e-11 * n);
    CHECK_NEAR(sums.first[1], first[1], 1e-11 * n);
    CHECK_NEAR(sums.second[0], second[0], 1e-11 * n);
    CHECK_NEAR(sums.second[1], second[1], 1e-11 * n);
    CHECK(sums.second[1] == sums.second[2]);
    CHECK_NEAR(sums.second[3], second[2], 1e-11 * n);
    CHECK_NEAR(sums.log_likelihood, log_likelihood, 1e-11 * n);
    drop_statistics(&sums), drop_errors(&e), free(m.weight), free(m.covariance);
    discard(&p);
}

/* Threads and slices change no bit; variances and diagonal matrices agree, and without correlations all structures do. */
static void same_sums(int structure, int64_t d, int with_gaps)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.n = 2900;
    r.d = d;
    r.k = 3;
    r.layout = (layout)(structure % N_LAYOUTS);
    in_case("measured, gaps=%d, %s", with_gaps, describe(&r));
    problem p = cook(&r);
    for (int64_t i = 0; with_gaps && i < r.n * d; i += 3 + i % 5) {
        p.value[i] = (double)NAN;
    }
    relay(&p, GMM_F64, r.layout);
    gmm_mixture m = new_mixture(&p, &r, 0), full = new_mixture(&p, &(recipe){.k = r.k, .d = d}, 0);
    gmm_errors variances = new_errors(r.n, d, 1, GMM_F64), matrices = new_errors(r.n, d, 0, GMM_F32);
    gmm_statistics sums = new_sums(&m), other = new_sums(&m), again = new_sums(&m), dense = new_sums(&full);
    double *variance = room((size_t)d, 8), *ridge = with_gaps || d % 2 ? variance : NULL;
    for (int64_t j = 0; j < d; ++j) {
        variance[j] = 0.125;
    }
    int64_t bad_row, bad_component;
    CHECK(call_measured(&p.rows, &variances, &m, NULL, ridge, GMM_F64, 3, &sums, NULL, NULL, NULL, &bad_row,
                        &bad_component) == GMM_OK);
    for (int64_t done = 0, step = GMM_BLOCK_ROWS; done < r.n; done += step) {
        const gmm_rows slice = slice_rows(&p.rows, done, r.n - done < step ? r.n - done : step);
        gmm_errors part = variances;
        part.data = (const char *)variances.data + done * variances.row_stride;
        CHECK(call_measured(&slice, &part, &m, NULL, ridge, GMM_F64, 1, &other, NULL, NULL, NULL, &bad_row,
                            &bad_component) ==
              GMM_OK);
    }
    CHECK_BYTES(sums.n, other.n, (size_t)r.k * 8);
    CHECK_BYTES(sums.first, other.first, (size_t)(r.k * d) * 8);
    CHECK_BYTES(sums.second, other.second, second_count(&m) * 8);
    CHECK(sums.log_likelihood == other.log_likelihood && sums.weight == other.weight);
    CHECK(call_measured(&p.rows, &matrices, &full, NULL, ridge, GMM_F64, 2, &dense, NULL, NULL, NULL, &bad_row,
                        &bad_component) == GMM_OK);
    CHECK(call_measured(&p.rows, &matrices, &m, NULL, ridge, GMM_F64, 2, &again, NULL, NULL, NULL, &bad_row,
                        &bad_component) ==
          GMM_OK);
    const double allowance = 1e-12 * sums.weight * 100;
    CHECK_NEAR(sums.log_likelihood, again.log_likelihood, allowance * (double)d);
    for (size_t i = 0; i < second_count(&m); ++i) {
        CHECK_NEAR(sums.second[i], again.second[i], allowance * (double)d);
    }
    for (int64_t i = 0; i < r.k * d; ++i) {
        CHECK_NEAR(sums.first[i], again.first[i], allowance);
    }
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
    free(variance), drop_errors(&variances), drop_errors(&matrices);
    drop_statistics(&sums), drop_statistics(&other), drop_statistics(&again), drop_statistics(&dense);
    free(m.weight), free(m.covariance), free(full.weight), free(full.covariance);
    discard(&p);
}

/* Without errors scores are those of gmm_score; far rows have an owner; the error of all rows has stride 0. */
static void same_scores(int precision, int are_variances)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.precision = (gmm_dtype)precision;
    r.n = 501;
    r.structure = GMM_DIAG;
    in_case("measured, scores, precision %d, variances %d", precision, are_variances);
    problem p = cook(&r);
    p.value[30] = 1e250;
    relay(&p, GMM_F64, LAYOUT_C);
    gmm_mixture m = new_mixture(&p, &r, 0);
    const double zero[9] = {0};
    const gmm_errors e = {zero, GMM_F64, are_variances, 0, {are_variances ? 8 : 24, 8}};
    const size_t size = precision ? 8 : 4;
    double *density = room((size_t)r.n, 8), *expected = room((size_t)r.n, 8), constant[4], whitener[12];
    unsigned char *posterior = room((size_t)(r.n * r.k), 8), *shares = room((size_t)(r.n * r.k), 8);
    int64_t *label = room((size_t)r.n, 8), *labels = room((size_t)r.n, 8), bad, bad_component;
    char scratch[128];
    CHECK(gmm_factorize(&m, NULL, 1, scratch, sizeof scratch, constant, whitener, &bad) == GMM_OK);
    const gmm_factors f = {.structure = GMM_DIAG, .precision = GMM_F64, .n_components = r.k, .n_features = r.d,
                           .log_constant = constant, .mean = m.mean, .whitener = whitener};
    CHECK(call_score(&p.rows, &f, 2, expected, shares, labels, &bad) == GMM_OK);
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, r.precision, 2, NULL, density, posterior, label, &bad,
                        &bad_component) ==
          GMM_OK);
    for (int64_t i = 0; i < r.n; ++i) {
        CHECK_NEAR(density[i], expected[i], 1e-12 * (1 + fabs(expected[i])));
        CHECK(label[i] == labels[i]);
        for (int64_t k = 0; k < r.k; ++k) {
            double mine = 0, theirs;
            float single;
            memcpy(&single, posterior + (size_t)(i * r.k + k) * size, 4);
            memcpy(&mine, posterior + (size_t)(i * r.k + k) * size, size);
            memcpy(&theirs, shares + (i * r.k + k) * 8, 8);
            CHECK_NEAR(precision ? mine : (double)single, theirs, precision ? 1e-11 : 1e-6);
        }
    }
    CHECK(isinf(density[10]));
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, r.precision, 2, NULL, NULL, NULL, NULL, &bad,
                        &bad_component) == GMM_OK);
    free(density), free(expected), free(posterior), free(shares), free(label), free(labels);
    free(m.weight), free(m.covariance);
    discard(&p);
}

static void refused_calls(void)
{
    recipe r = plain_recipe();
    in_case("measured, refused");
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.3);
    gmm_errors e = new_errors(r.n, r.d, 0, GMM_F64);
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
#define TRY(status)                                                                                                   \
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row, &bad_component) == \
          (status));                                                                                                  \
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 2, NULL, NULL, NULL, NULL, &bad_row, &bad_component) ==  \
          (status))
    TRY(GMM_OK);
    p.rows.n_features -= 1;
    TRY(GMM_EINVAL);
    p.rows.n_features += 1;
    e.dtype = (gmm_dtype)7;
    TRY(GMM_EINVAL);
    e.dtype = GMM_F64;
    const void *data = e.data;
    e.data = NULL;
    TRY(GMM_EINVAL);
    e.data = data;
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, (gmm_dtype)7, 2, NULL, NULL, NULL, NULL, &bad_row,
                        &bad_component) ==
          GMM_EINVAL);
    char scratch[8];
    CHECK(gmm_accumulate_measured(&p.rows, &e, &m, NULL, NULL, 1, scratch, 8, &sums, &bad_row,
                                  &bad_component) == GMM_ESCRATCH);
    CHECK(gmm_accumulate_measured(&p.rows, &e, &m, NULL, NULL, 1, scratch, 8, NULL, &bad_row,
                                  &bad_component) == GMM_EINVAL);
    CHECK(gmm_accumulate_measured(&p.rows, &e, &m, NULL, NULL, 1, scratch, 8, &sums, NULL,
                                  &bad_component) == GMM_EINVAL);
    CHECK(gmm_accumulate_measured(&p.rows, &e, &m, NULL, NULL, 0, scratch, 8, &sums, &bad_row,
                                  &bad_component) == GMM_EINVAL);
    CHECK(gmm_accumulate_measured(&p.rows, NULL, &m, NULL, NULL, 1, scratch, 8, &sums, &bad_row,
                                  &bad_component) == GMM_EINVAL);
    CHECK(gmm_measured_scratch_bytes(GMM_LINEAR, 1, 1, 1, 1) == 0);
    CHECK(gmm_measured_scratch_bytes(GMM_FULL, 0, 1, 1, 1) == 0);
    CHECK(gmm_measured_scratch_bytes(GMM_FULL, 1, 1 << 27, 1, 1) == 0);
    CHECK(gmm_measured_scratch_bytes(GMM_DIAG, INT64_MAX / 2, INT64_MAX / 2, 1, 1) == 0);
    double *value = (double *)(uintptr_t)e.data;
    value[41 * r.d * r.d] = (double)INFINITY; /* in a later block of lanes than the row that is */
    p.value[57 * r.d + 1] = -(double)INFINITY;
    relay(&p, GMM_F64, LAYOUT_C);
    TRY(GMM_ENONFINITE);
    CHECK(bad_row == 41);
    value[41 * r.d * r.d] = 1;
    TRY(GMM_ENONFINITE);
    CHECK(bad_row == 57);
    p.value[57 * r.d + 1] = (double)NAN; /* what belongs to a missing value is not read */
    relay(&p, GMM_F64, LAYOUT_C);
    value[(57 * r.d + 1) * r.d] = value[(57 * r.d + 1) * r.d + 1] = value[(57 * r.d + 2) * r.d + 1] = (double)NAN;
    TRY(GMM_OK);
    CHECK(isfinite(sums.second[0]));
    m.covariance[2 * r.d * r.d] = -1;
    TRY(GMM_ESINGULAR);
    CHECK(bad_row == -1 && bad_component == 2);
    p.rows.n_rows = 0;
    p.rows.data = e.data = NULL;
    m.covariance[2 * r.d * r.d] = 4;
    TRY(GMM_OK);
#undef TRY
    e.data = data;
    drop_statistics(&sums), drop_errors(&e), free(m.weight), free(m.covariance);
    discard(&p);
}

/* Of bad rows in many blocks the first is named, in whatever order threads meet them. */
static void bad_blocks(void)
{
    recipe r = plain_recipe();
    r.d = 64, r.k = 8, r.n = 300;
    in_case("measured, bad rows, %s", describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.1);
    gmm_errors e = new_errors(r.n, r.d, 1, GMM_F64);
    gmm_statistics sums = new_sums(&m);
    int64_t bad_row, bad_component;
    CHECK(gmm_measured_block_rows(r.k, r.d) == 64);
    for (int64_t i = 70; i < r.n; i += 50) {
        p.value[i * r.d + 5] = (double)INFINITY;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    for (int n_threads = 1; n_threads < 4; ++n_threads) {
        CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, n_threads, &sums, NULL, NULL, NULL, &bad_row,
                            &bad_component) == GMM_ENONFINITE);
        CHECK(bad_row == 70);
    }
    drop_statistics(&sums), drop_errors(&e), free(m.weight), free(m.covariance);
    discard(&p);
}

/* Where every density underflows a row belongs to the living component it is nearest to, in its units: the widest, or
 * of a common covariance the first. */
static void far_rows(int structure, int are_variances)
{
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.n = 11, r.k = 4, r.d = 2;
    in_case("measured, far rows, variances %d, %s", are_variances, describe(&r));
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0);
    gmm_errors e = new_errors(r.n, r.d, are_variances, GMM_F64);
    double *density = room((size_t)r.n, 8), *posterior = room((size_t)(r.n * r.k), 8);
    int64_t *label = room((size_t)r.n, 8), bad_row, bad_component;
    const size_t each = second_count(&m) / (size_t)r.k;
    const double width[4] = {90, 1, 9, 4};
    for (size_t i = 0; structure != GMM_TIED && i < second_count(&m); ++i) {
        m.covariance[i] *= width[i / each];
    }
    m.weight[0] = 0;
    for (int64_t i = 0; i < r.n * r.d; ++i) {
        p.value[i] = 1e200;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 2, NULL, density, posterior, NULL, &bad_row,
                        &bad_component) == GMM_OK);
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 2, NULL, density, posterior, label, &bad_row,
                        &bad_component) == GMM_OK);
    for (int64_t i = 0; i < r.n; ++i) {
        const int64_t nearest = structure == GMM_TIED ? 1 : 2;
        CHECK(isinf(density[i]) && label[i] == nearest && posterior[i * r.k + nearest] == 1);
    }
    free(density), free(posterior), free(label), free(m.weight), free(m.covariance), drop_errors(&e);
    discard(&p);
}

/* Rows in single precision are the same rows in double. */
static void narrow_rows(void)
{
    recipe r = plain_recipe();
    r.dtype = GMM_F32;
    in_case("measured, narrow rows");
    problem p = cook(&r);
    gmm_mixture m = new_mixture(&p, &r, 0.3);
    gmm_errors e = new_errors(r.n, r.d, 1, GMM_F32);
    double *density[2];
    int64_t bad_row, bad_component;
    for (int wide = 0; wide < 2; ++wide) {
        density[wide] = room((size_t)r.n, 8);
        relay(&p, wide ? GMM_F64 : GMM_F32, LAYOUT_STRIDED);
        CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 1, NULL, density[wide], NULL, NULL, &bad_row,
                            &bad_component) == GMM_OK);
    }
    CHECK_BYTES(density[0], density[1], (size_t)r.n * 8);
    free(density[0]), free(density[1]), free(m.weight), free(m.covariance), drop_errors(&e);
    discard(&p);
}

void test_measured(void)
{
    narrow_rows();
    bad_blocks();
    CHECK(gmm_measured_block_rows(1, 1) == GMM_BLOCK_ROWS && gmm_measured_block_rows(8, 40) == 256);
    CHECK(gmm_measured_block_rows(1000, 1000) == 64);
    for (int structure = 0; structure < 4; ++structure) {
        far_rows(structure, 0);
        far_rows(structure, 1);
    }
    for (int with_ridge = 0; with_ridge < 2; ++with_ridge) {
        closed_form(with_ridge, GMM_F32);
        closed_form(with_ridge, GMM_F64);
    }
    for (int structure = 0; structure < 4; ++structure) {
        for (int with_gaps = 0; with_gaps < 2; ++with_gaps) {
            same_sums(structure, 1, with_gaps);
            same_sums(structure, 2, with_gaps);
            same_sums(structure, 3, with_gaps);
            same_sums(structure, 4, with_gaps);
            same_sums(structure, 5, with_gaps);
            same_sums(structure, 11, with_gaps);
        }
    }
    same_scores(0, 0);
    same_scores(1, 0);
    same_scores(1, 1);
    refused_calls();
}
