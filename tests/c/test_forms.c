/* test_forms.c: eigenvectors against their definition; forms against closed formulas and as their own solution. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "eigen.h"
#include "gmm.h"
#include "problem.h"
#include "tests.h"

enum { K = 4, DEAD = 1, GUARD = 64, MARK = 0x5A };

/* A A' / m of m normal vectors. */
static void fill_scatter(int64_t d, int64_t m, uint64_t *seed, double *S)
{
    double *x = room((size_t)d, 8);
    memset(S, 0, (size_t)(d * d) * sizeof *S);
    for (int64_t row = 0; row < m; ++row) {
        for (int64_t j = 0; j < d; ++j) {
            x[j] = normal(seed) * (1 + (double)(j % 3));
        }
        for (int64_t i = 0; i < d * d; ++i) {
            S[i] += x[i / d] * x[i % d] / (double)m;
        }
    }
    free(x);
}

static void check_eigen(int64_t d, const double *S, double size)
{
    double *Q = room((size_t)(d * d), 8), *value = room((size_t)d, 8), *space = room((size_t)gmm_eigen_space(d), 8);
    double residual = 0, skew = 0;
    int rising = 1;
    memcpy(Q, S, (size_t)(d * d) * sizeof *Q);
    gmm_eigen(d, Q, value, space);
    for (int64_t a = 0; a < d; ++a) {
        for (int64_t i = 0; i < d; ++i) {
            double image = 0;
            for (int64_t j = 0; j < d; ++j) {
                image += S[i * d + j] * Q[a * d + j];
            }
            residual = fmax(residual, fabs(image - value[a] * Q[a * d + i]));
        }
        for (int64_t b = 0; b < d; ++b) {
            double product = 0;
            for (int64_t j = 0; j < d; ++j) {
                product += Q[a * d + j] * Q[b * d + j];
            }
            skew = fmax(skew, fabs(product - (a == b)));
        }
        rising &= a == 0 || value[a] >= value[a - 1];
    }
    CHECK_NEAR(residual, 0, 1e-14 * size * (double)(d + 3));
    CHECK_NEAR(skew, 0, 1e-14 * (double)(d + 3));
    CHECK(rising);
    free(Q);
    free(value);
    free(space);
}

static void eigen_cases(void)
{
    const int64_t sizes[] = {1, 2, 3, 4, 7, 20, 33, 70};
    uint64_t seed = 5;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
        const int64_t d = sizes[s];
        double *S = room((size_t)(d * d), 8);
        in_case("eigen D=%d", (int)d);
        fill_scatter(d, 2 * d, &seed, S);
        check_eigen(d, S, 40);
        in_case("eigen of rank one, D=%d", (int)d);
        fill_scatter(d, 1, &seed, S);
        check_eigen(d, S, 40 * (double)d);
        in_case("eigen of a multiple of the identity and a chain, D=%d", (int)d);
        memset(S, 0, (size_t)(d * d) * sizeof *S);
        check_eigen(d, S, 1);
        for (int64_t i = 0; i < d; ++i) {
            S[i * d + i] = 3;
        }
        check_eigen(d, S, 3);
        for (int64_t i = 0; i + 1 < d; i += 2) {
            S[i * d + i + 1] = S[(i + 1) * d + i] = -1;
        }
        check_eigen(d, S, 4);
        free(S);
    }
}

/* What is no number comes to an end; it makes no covariance of one matrix. */
static void no_numbers(void)
{
    double S[9], value[3], *space = room((size_t)gmm_eigen_space(3), 8), n[K] = {4, 0, 5, 6}, floor[3] = {0};
    in_case("forms of what is no number");
    for (int i = 0; i < 9; ++i) {
        S[i] = NAN;
    }
    gmm_eigen(3, S, value, space);
    CHECK(!(value[0] <= 0) && !(value[0] >= 0));
    free(space);
    double *covariance = room(9 * K, 8);
    unsigned char floored[K], *scratch = room(gmm_form_scratch_bytes(GMM_VEE, K, 3), 1);
    for (int i = 0; i < 9 * K; ++i) {
        covariance[i] = NAN;
    }
    CHECK(gmm_constrain(GMM_VEE, K, 3, n, NULL, floor, 0x1p-52, scratch, gmm_form_scratch_bytes(GMM_VEE, K, 3),
                        covariance, floored) == GMM_OK);
    free(covariance), free(scratch);
}

/* Axes whose best order is the opposite of the previous one turn by a right angle. */
static void right_angle(void)
{
    in_case("form with axes in another order");
    double n[K] = {4, 5, 6, 7}, floor[2] = {0}, previous[4 * K], covariance[4 * K];
    unsigned char floored[K], *scratch = room(gmm_form_scratch_bytes(GMM_VVE, K, 2), 1);
    for (int k = 0; k < K; ++k) {
        const double before[4] = {1, 0, 0, 4.0 + k}, now[4] = {9.0 + k, 0, 0, 2};
        memcpy(previous + 4 * k, before, sizeof before);
        memcpy(covariance + 4 * k, now, sizeof now);
    }
    CHECK(gmm_constrain(GMM_VVE, K, 2, n, previous, floor, 0x1p-52, scratch, gmm_form_scratch_bytes(GMM_VVE, K, 2),
                        covariance, floored) == GMM_OK);
    for (int k = 0; k < K; ++k) {
        CHECK_NEAR(covariance[4 * k], 9.0 + k, 1e-13);
        CHECK_NEAR(covariance[4 * k + 3], 2, 1e-13);
    }
    free(scratch);
}

static size_t size_of(gmm_form form, int64_t d)
{
    const gmm_structure structure = gmm_structure_of_form(form);
    return (size_t)(structure == GMM_FULL ? K * d * d : structure == GMM_DIAG ? K * d : K);
}

/* Scatters of the shape of a form; the dead component holds a mark. */
static double *new_scatters(gmm_form form, int64_t d, uint64_t seed)
{
    const size_t size = size_of(form, d), each = size / K;
    double *S = room(size, 8), *one = room((size_t)(d * d), 8);
    for (size_t k = 0; k < K; ++k) {
        fill_scatter(d, 2 * d + 3, &seed, one);
        for (size_t i = 0; i < each; ++i) {
            S[k * each + i] = k == DEAD ? -7 : each == (size_t)(d * d) ? one[i] : one[i * (size_t)d + i];
        }
    }
    free(one);
    return S;
}

/* gmm_constrain in scratch of just the size asked for, at an odd address. */
static void constrain(gmm_form form, int64_t d, const double *n, const double *previous, const double *floor,
                      double *covariance, unsigned char *floored)
{
    const size_t size = gmm_form_scratch_bytes(form, K, d);
    unsigned char *memory = room(size + 2 * GUARD, 1);
    int intact = 1;
    memset(memory, MARK, size + 2 * GUARD);
    CHECK(gmm_constrain(form, K, d, n, previous, floor, 0x1p-52, memory + GUARD - 5, size, covariance, floored) ==
          GMM_OK);
    for (size_t i = 0; i < size + 2 * GUARD; ++i) {
        intact &= (i >= GUARD - 5 && i < GUARD - 5 + size) || memory[i] == MARK;
    }
    CHECK(intact);
    free(memory);
}

static void form_case(gmm_form form, int64_t d)
{
    const size_t size = size_of(form, d), each = size / K;
    double n[K] = {12, 0, 30, 7.5}, *S = new_scatters(form, d, 9), *floor = room((size_t)d, 8);
    double *found = room(size, 8), *again = room(size, 8);
    unsigned char floored[K];
    in_case("form %d D=%d", (int)form, (int)d);
    memcpy(found, S, size * sizeof *S);
    constrain(form, d, n, NULL, floor, found, floored);
    for (size_t i = 0; i < each; ++i) {
        CHECK(found[DEAD * each + i] == -7);
    }
    CHECK(!floored[0] && !floored[DEAD] && !floored[2] && !floored[3]);
    double *other = new_scatters(form, d, 11), worst = 0;
    constrain(form, d, n, NULL, floor, other, floored);
    memcpy(again, found, size * sizeof *S);
    constrain(form, d, n, other, floor, again, floored); /* its own solution, wherever the step begins */
    for (size_t i = 0; i < size; ++i) {
        worst = fmax(worst, fabs(again[i] - found[i]));
    }
    CHECK_NEAR(worst, 0, 1e-9);
    if (form == GMM_EII || form == GMM_EEI) { /* pooled */
        for (size_t i = 0; i < each; ++i) {
            const double pooled = (n[0] * S[i] + n[2] * S[2 * each + i] + n[3] * S[3 * each + i]) / 49.5;
            CHECK_NEAR(found[i], pooled, 1e-14 * pooled);
            CHECK(found[i] == found[2 * each + i] && found[i] == found[3 * each + i]);
        }
    }
    memset(S, 0, size * sizeof *S); /* of rows that are all alike the floor is what is left */
    for (int64_t j = 0; j < d; ++j) {
        floor[j] = 1e-20;
    }
    constrain(form, d, n, NULL, floor, S, floored);
    CHECK(floored[0] && !floored[DEAD] && floored[2] && floored[3]);
    CHECK(S[0] > 0 && S[3 * each] > 0);
    free(S);
    free(floor);
    free(found);
    free(again);
    free(other);
}

/* The M-step of a form whose previous covariances say nothing, and mixtures that may not be. */
static void first_step(void)
{
    in_case("first M-step of a form");
    double n[2] = {3, 4}, first[4] = {0}, second[8] = {3, 0, 0, 6, 8, 0, 0, 4}, zeros[8] = {0}, mean[4] = {0};
    double weight[2], next_mean[4], found[8], floor[2] = {0};
    unsigned char floored[2], scratch[1 << 14];
    gmm_statistics sums = {.n = n, .first = first, .second = second};
    gmm_mixture before = {GMM_FULL, 2, 2, n, mean, zeros, GMM_VVE};
    gmm_mixture next = {GMM_FULL, 2, 2, weight, next_mean, found, GMM_VVE};
    CHECK(gmm_maximize(&sums, mean, 0, &before, NULL, floor, 0x1p-52, 1, scratch, sizeof scratch, &next, floored) ==
          GMM_OK);
    CHECK_NEAR(found[0], 1, 1e-14);
    CHECK_NEAR(found[7], 1, 1e-14);
    before.form = GMM_EVV;
    CHECK(gmm_maximize(&sums, mean, 0, &before, NULL, floor, 0x1p-52, 1, scratch, sizeof scratch, &next, floored) ==
          GMM_EINVAL);
    before.form = next.form = GMM_VEI;
    CHECK(gmm_maximize(&sums, mean, 0, &before, NULL, floor, 0x1p-52, 1, scratch, sizeof scratch, &next, floored) ==
          GMM_EINVAL);
}

static void refusals(void)
{
    double n[K] = {1, 1, 1, 1}, none[K] = {0}, floor[2] = {0}, covariance[4 * K] = {0};
    unsigned char floored[K], scratch[1 << 14];
    in_case("form refused");
    CHECK(gmm_form_scratch_bytes(GMM_OWN_FORM, K, 2) == 0 && gmm_form_scratch_bytes((gmm_form)99, K, 2) == 0);
    CHECK(gmm_climb_scratch_bytes(GMM_FULL, (gmm_form)99, GMM_F64, K, 2) == 0);
    CHECK(gmm_climb_scratch_bytes(GMM_FULL, GMM_VVE, GMM_F64, K, 2) > 0);
    for (int bad = 0; bad < 8; ++bad) {
        const gmm_form form = bad == 0 ? GMM_OWN_FORM : bad == 1 ? (gmm_form)99 : GMM_VVE;
        CHECK(gmm_constrain(form, bad == 2 ? 0 : K, bad == 3 ? 0 : 2, bad == 4 ? NULL : n, NULL,
                            bad == 5 ? NULL : floor, 0x1p-52, scratch, sizeof scratch, bad == 6 ? NULL : covariance,
                            bad == 7 ? NULL : floored) == GMM_EINVAL);
    }
    CHECK(gmm_constrain(GMM_VVE, K, 2, n, NULL, floor, 0x1p-52, scratch, 8, covariance, floored) == GMM_ESCRATCH);
    CHECK(gmm_constrain(GMM_VVE, K, 2, n, NULL, floor, 0x1p-52, NULL, 1 << 14, covariance, floored) == GMM_ESCRATCH);
    CHECK(gmm_constrain(GMM_VVE, K, 2, none, NULL, floor, 0x1p-52, scratch, sizeof scratch, covariance, floored) ==
          GMM_OK);
    CHECK(covariance[0] == 0);
}

void test_forms(void)
{
    eigen_cases();
    for (int form = GMM_OWN_FORM + 1; form < GMM_N_FORMS; ++form) {
        form_case((gmm_form)form, 1);
        form_case((gmm_form)form, 2);
        form_case((gmm_form)form, 5);
    }
    no_numbers();
    right_angle();
    first_step();
    refusals();
}
