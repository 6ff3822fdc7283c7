/* test_measured_beside.c: rows with errors beside noise and under log priors, where these leave nothing to compute. */
#include <math.h>
#include <stdlib.h>

#include "call.h"
#include "check.h"
#include "incomplete.h"
#include "tests.h"
#include "uncertain.h"

/* Log priors of 0 and -inf decide; noise of nearly no density is none, of much takes all, with gaps less its
 * lengths. */
static void beside(int structure, int with_gaps)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.n = 203;
    r.d = 2;
    r.k = 2;
    in_case("measured, beside, gaps=%d, %s", with_gaps, describe(&r));
    problem p = cook(&r);
    double *prior = room((size_t)(r.n * r.k), 8), *density = room((size_t)r.n, 8), even = 0, total = 0, gaps = 0;
    double *posterior = room((size_t)(r.n * 3), 8);
    int64_t *label = room((size_t)r.n, 8), bad_row, bad_component;
    for (int64_t i = 0; i < r.n; ++i) {
        prior[i * 2 + (i % 2 == 0)] = -(double)INFINITY;
        even += i % 2 == 0 ? p.rows.weight[i] : 0;
        total += p.rows.weight[i];
        if (with_gaps && i % 3 == 0) {
            p.value[2 * i + 1] = (double)NAN;
            gaps += p.rows.weight[i];
        }
    }
    relay(&p, GMM_F64, LAYOUT_C);
    gmm_mixture m = new_mixture(&p, &r, 0.25);
    gmm_errors e = new_errors(r.n, r.d, 1, GMM_F64);
    const double length[2] = {3, 5};
    gmm_measured_noise none = {-1e4, -1e4, length}, all = {1e4, 1e4, length};
    gmm_statistics sums = new_sums(&m), noisy = new_sums(&m);
    p.rows.log_prior = prior;
    CHECK(call_measured(&p.rows, &e, &m, &none, NULL, GMM_F64, 2, &sums, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_OK);
    CHECK_NEAR(sums.n[0], even, 1e-12 * total);
    CHECK_NEAR(sums.n[1], total - even, 1e-12 * total);
    CHECK(sums.noise == 0);
    CHECK(call_measured(&p.rows, &e, &m, &all, NULL, GMM_F64, 2, &noisy, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_OK);
    CHECK(noisy.n[0] == 0 && noisy.n[1] == 0);
    CHECK_NEAR(noisy.noise, total, 1e-12 * total);
    CHECK_NEAR(noisy.log_likelihood, 1e4 * total - 3 * gaps, 1e-9 * total);
    CHECK(call_measured(&p.rows, &e, &m, &all, NULL, GMM_F64, 2, NULL, density, posterior, label, &bad_row,
                        &bad_component) == GMM_OK);
    for (int64_t i = 0; i < r.n; ++i) {
        CHECK_NEAR(density[i], with_gaps && i % 3 == 0 ? 1e4 - 3 : 1e4, 1e-9);
        CHECK(label[i] == -1 && posterior[3 * i] == 0 && posterior[3 * i + 1] == 0 && posterior[3 * i + 2] == 1);
    }
    prior[2 * 77] = prior[2 * 77 + 1] = -(double)INFINITY;
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 2, &noisy, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_ENONFINITE);
    CHECK(bad_row == 77);
    all.log_whole = (double)INFINITY;
    CHECK(call_measured(&p.rows, &e, &m, &all, NULL, GMM_F64, 2, &noisy, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_EINVAL);
    all.log_whole = 0;
    all.log_weight = (double)INFINITY;
    CHECK(call_measured(&p.rows, &e, &m, &all, NULL, GMM_F64, 2, &noisy, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_EINVAL);
    all.log_weight = 0;
    all.log_length = NULL;
    CHECK(call_measured(&p.rows, &e, &m, &all, NULL, GMM_F64, 2, NULL, density, NULL, NULL, &bad_row, &bad_component) ==
          GMM_EINVAL);
    p.rows.log_prior = NULL;
    free(prior), free(density), free(posterior), free(label), drop_errors(&e);
    drop_statistics(&sums), drop_statistics(&noisy), free(m.weight), free(m.covariance);
    discard(&p);
}

/* Rows and lanes past the last that are so far from every mean that densities underflow, under log priors; of rows that may
 * belong to a dead component only the first with a weight is named. */
static void far_priors(void)
{
    recipe r = plain_recipe();
    r.n = 29, r.d = 2, r.k = 2;
    in_case("measured, far priors, %s", describe(&r));
    problem p = cook(&r);
    double *prior = room((size_t)(r.n * r.k), 8);
    int64_t *label = room((size_t)r.n, 8), bad_row, bad_component;
    for (int64_t i = 0; i < r.k * r.d; ++i) {
        p.mean[i] = 1e200; /* the lanes are at 0 */
    }
    for (int64_t i = 0; i < r.n * r.d; ++i) {
        p.value[i] = -1e200;
    }
    for (int64_t i = 0; i < r.n; ++i) {
        p.weight[i] = 1;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    gmm_mixture m = new_mixture(&p, &r, 0);
    gmm_errors e = new_errors(r.n, r.d, 1, GMM_F64);
    p.rows.log_prior = prior;
    m.weight[0] = 0, m.weight[1] = 1;
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 1, NULL, NULL, NULL, label, &bad_row, &bad_component) ==
          GMM_OK);
    for (int64_t i = 0; i < r.n; ++i) {
        CHECK(label[i] == 1);
    }
    prior[2 * 16 + 1] = prior[2 * 17 + 1] = prior[2 * 18 + 1] = -(double)INFINITY;
    p.weight[16] = 0;
    gmm_statistics sums = new_sums(&m);
    CHECK(call_measured(&p.rows, &e, &m, NULL, NULL, GMM_F64, 1, &sums, NULL, NULL, NULL, &bad_row, &bad_component) ==
          GMM_ENONFINITE);
    CHECK(bad_row == 17);
    p.rows.log_prior = NULL;
    free(prior), free(label), drop_errors(&e), drop_statistics(&sums), free(m.weight), free(m.covariance);
    discard(&p);
}

void test_measured_beside(void)
{
    far_priors();
    for (int structure = 0; structure < 4; ++structure) {
        beside(structure, 0);
        beside(structure, 1);
    }
}
