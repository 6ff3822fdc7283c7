/* test_mixtures.c: whiteners, factors, the floor and the M-step against their definitions; guarded scratch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "problem.h"
#include "tests.h"

enum { GUARD = 64, MARK = 0x5A };

typedef struct {
    unsigned char *memory, *scratch;
    size_t size;
} guarded;

static guarded guard(gmm_structure structure, int64_t k, int64_t d, int n_threads)
{
    size_t size = gmm_mixture_scratch_bytes(structure, k, d, n_threads);
    guarded g = {.memory = room(size + 2 * GUARD, 1), .size = size};
    g.scratch = g.memory + GUARD - 5;
    memset(g.memory, MARK, size + 2 * GUARD);
    return g;
}

static void unguard(guarded *g)
{
    int intact = 1;
    for (size_t i = 0; i < GUARD - 5; ++i) {
        intact &= g->memory[i] == MARK;
    }
    for (size_t i = GUARD - 5 + g->size; i < g->size + 2 * GUARD; ++i) {
        intact &= g->memory[i] == MARK;
    }
    CHECK(intact);
    free(g->memory);
}

/* (K, D, D) matrices A A' / m of m normal vectors each: of full rank when m > D. */
static double *scatter(int64_t k, int64_t d, int64_t m, uint64_t seed)
{
    double *S = room((size_t)(k * d * d), 8), *x = room((size_t)d, 8);
    for (int64_t c = 0; c < k; ++c) {
        for (int64_t row = 0; row < m; ++row) {
            for (int64_t j = 0; j < d; ++j) {
                x[j] = normal(&seed) * (1 + (double)(j % 3));
            }
            for (int64_t i = 0; i < d * d; ++i) {
                S[c * d * d + i] += x[i / d] * x[i % d] / (double)m;
            }
        }
    }
    free(x);
    return S;
}

/* W S W' = I, and zeros above the diagonal. */
static void check_whitener(int64_t d, const double *S, const double *W)
{
    double worst = 0, above = 0;
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j <= i; ++j) {
            long double sum = 0;
            for (int64_t a = 0; a <= i; ++a) {
                for (int64_t b = 0; b <= j; ++b) {
                    sum += (long double)W[i * d + a] * S[a * d + b] * W[j * d + b];
                }
            }
            worst = fmax(worst, fabs((double)(sum - (i == j))));
        }
        for (int64_t j = i + 1; j < d; ++j) {
            above = fmax(above, fabs(W[i * d + j]));
        }
    }
    CHECK_NEAR(worst, 0, 1e-11);
    CHECK(above == 0);
}

static void matrices_case(int64_t k, int64_t d)
{
    if (is_left_out()) {
        return;
    }
    in_case("matrices K=%d D=%d", (int)k, (int)d);
    size_t size = (size_t)(k * d * d);
    double *S = scatter(k, d, 2 * d + 8, (uint64_t)d), *W = room(size, 8), *again = room(size, 8);
    double *weight = room((size_t)k, 8), *mean = room((size_t)(k * d), 8), *constant = room((size_t)k, 8);
    double *ridge = room((size_t)d, 8);
    int64_t bad = 7;
    guarded g = guard(GMM_FULL, k, d, 1);
    CHECK(gmm_whiten(k, d, S, 1, g.scratch, g.size, W, &bad) == GMM_OK && bad == -1);
    unguard(&g);
    for (int64_t c = 0; c < k; ++c) {
        check_whitener(d, S + c * d * d, W + c * d * d);
        weight[c] = 1.0 / (double)(c + 2);
    }
    for (int64_t j = 0; j < d; ++j) {
        ridge[j] = 0.1 * (double)(j + 1);
    }
    gmm_mixture m = {GMM_FULL, k, d, weight, mean, S, GMM_OWN_FORM};
    g = guard(GMM_FULL, k, d, 3);
    CHECK(gmm_factorize(&m, ridge, 3, g.scratch, g.size, constant, again, &bad) == GMM_OK);
    CHECK_BYTES(W, again, size * sizeof *W);
    for (int64_t c = 0; c < k; ++c) {
        long double expected = logl(weight[c]) - (long double)d / 2 * 1.8378770664093454836L;
        for (int64_t i = 0; i < d; ++i) {
            expected += logl(W[c * d * d + i * d + i]);
            for (int64_t j = 0; j <= i; ++j) {
                expected -= ridge[j] * (long double)W[c * d * d + i * d + j] * W[c * d * d + i * d + j] / 2;
            }
        }
        CHECK_NEAR(constant[c], expected, 1e-12 * fmax(1, fabs((double)expected)) * (double)d);
    }
    S[(k / 2) * d * d + (d - 1) * (d + 1)] = -1;
    CHECK(gmm_factorize(&m, NULL, 3, g.scratch, g.size, constant, again, &bad) == GMM_ESINGULAR && bad == k / 2);
    CHECK(gmm_factorize(&m, NULL, 3, g.scratch, 8, constant, again, &bad) == GMM_ESCRATCH);
    unguard(&g);
    free(S), free(W), free(again), free(weight), free(mean), free(constant), free(ridge);
}

/* Full rank is left alone; less is raised to something that has a factor; threads change no bit. */
static void floor_case(int64_t d, int64_t rank)
{
    if (is_left_out()) {
        return;
    }
    in_case("floor D=%d rank=%d", (int)d, (int)rank);
    const int64_t k = 5;
    const size_t size = (size_t)(k * d * d);
    double *S = scatter(k, d, rank, 3), *before = room(size, 8), *squares = room((size_t)(k * d), 8), *W = room(size, 8);
    double *floor = room((size_t)d, 8);
    unsigned char floored[5], other[5];
    int64_t bad;
    memcpy(before, S, size * sizeof *S);
    for (int64_t i = 0; i < k * d; ++i) {
        squares[i] = S[(i / d) * d * d + (i % d) * (d + 1)];
    }
    for (int64_t j = 0; j < d; ++j) {
        floor[j] = 0x1p-98;
    }
    guarded g = guard(GMM_FULL, k, d, 3);
    CHECK(gmm_lift(k, d, S, squares, floor, 0x1p-52, 1, g.scratch, g.size, floored) == GMM_OK);
    for (int64_t c = 0; c < k; ++c) {
        CHECK(floored[c] == (rank < d));
    }
    if (rank > d) {
        CHECK_BYTES(S, before, size * sizeof *S);
    }
    CHECK(gmm_whiten(k, d, S, 1, g.scratch, g.size, W, &bad) == GMM_OK);
    CHECK(gmm_lift(k, d, before, squares, floor, 0x1p-52, 3, g.scratch, g.size, other) == GMM_OK);
    CHECK_BYTES(S, before, size * sizeof *S);
    CHECK_BYTES(floored, other, sizeof floored);
    CHECK(gmm_lift(k, d, S, squares, floor, 0x1p-52, 3, g.scratch, 8, other) == GMM_ESCRATCH);
    CHECK(gmm_lift(k, d, S, NULL, floor, 0x1p-52, 3, g.scratch, g.size, other) == GMM_EINVAL);
    unguard(&g);
    free(S), free(before), free(squares), free(floor), free(W);
}

/* The first matrix without a whitener is named, whichever thread meets it. */
static void no_pivot(int64_t d)
{
    in_case("no pivot D=%d", (int)d);
    const int64_t k = 40, size = d * d;
    const double bad[] = {0, -1, (double)NAN, (double)INFINITY};
    double *S = room((size_t)(k * size), 8), *W = room((size_t)(k * size), 8);
    guarded g = guard(GMM_FULL, k, d, 3);
    int64_t found;
    for (int64_t i = 0; i < k * d; ++i) {
        S[i / d * size + i % d * (d + 1)] = 1;
    }
    for (int i = 0; i < 4; ++i) {
        S[7 * size] = S[31 * size] = bad[i];
        CHECK(gmm_whiten(k, d, S, 3, g.scratch, g.size, W, &found) == GMM_ESINGULAR && found == 7);
        S[7 * size] = 1;
        CHECK(gmm_whiten(k, d, S, 3, g.scratch, g.size, W, &found) == GMM_ESINGULAR && found == 31);
        S[31 * size] = 1;
        S[8 * size - 1] = bad[i]; /* the last pivot */
        CHECK(gmm_whiten(k, d, S, 3, g.scratch, g.size, W, &found) == GMM_ESINGULAR && found == 7);
        S[8 * size - 1] = 1;
        CHECK(gmm_whiten(k, d, S, 3, g.scratch, g.size, W, &found) == GMM_OK && found == -1);
    }
    unguard(&g);
    free(S), free(W);
}

void test_matrices(void)
{
    no_pivot(1);
    no_pivot(3);
    no_pivot(9);
    no_pivot(70);
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 23, 31, 40, 65};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        matrices_case(1 + (int64_t)i % 4, sizes[i]);
        floor_case(sizes[i], sizes[i] + 20);
        if (sizes[i] > 1) {
            floor_case(sizes[i], sizes[i] / 2);
        }
    }
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, 2, INT64_MAX / 2, 1) == 0);
    CHECK(gmm_mixture_scratch_bytes((gmm_structure)9, 2, 2, 1) == 0);
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, 0, 2, 1) == 0);
}

/* Two rows per component on either side of its mean give back weights, means and variances known by hand. */
static void maximize_case(int structure, int with_ridge)
{
    if (is_left_out()) {
        return;
    }
    enum { K = 3, D = 2 };
    in_case("maximize %s ridge=%d", structure_name((gmm_structure)structure), with_ridge);
    const double about[K * D] = {0, 0, 1, 1, -1, 2}, d[D] = {0.5, -0.25}, spread[D] = {2, 1}, ridge[D] = {0.25, 0.25};
    double n[K] = {2, 4, 0}, first[K * D] = {0}, second[K * D * D] = {0}, floor[D] = {0x1p-98, 0x1p-98};
    for (int k = 0; k < K; ++k) {
        for (int i = 0; i < D; ++i) {
            const double own = n[k] * (d[i] * d[i] + spread[i] * spread[i]);
            first[k * D + i] = n[k] * d[i];
            for (int j = 0; j < D && (structure == GMM_FULL || structure == GMM_TIED); ++j) {
                second[(k * D + i) * D + j] = n[k] * (d[i] * d[j] + spread[i] * spread[j] * (i == j ? 1 : 0.5));
            }
            if (structure == GMM_DIAG) {
                second[k * D + i] = own;
            }
            if (structure == GMM_SPHERICAL) {
                second[k] += own;
            }
        }
    }
    double old_weight[K] = {0}, old_mean[K * D] = {9, 9, 9, 9, 7, 8}, old_covariance[K * D * D] = {0};
    double weight[K], mean[K * D], covariance[K * D * D];
    unsigned char floored[K];
    for (int i = 0; i < K * D * D; ++i) {
        old_covariance[i] = 0.5 + i;
    }
    gmm_mixture previous = {(gmm_structure)structure, K, D, old_weight, old_mean, old_covariance, GMM_OWN_FORM};
    gmm_mixture next = {(gmm_structure)structure, K, D, weight, mean, covariance, GMM_OWN_FORM};
    gmm_statistics s = {.n = n, .first = first, .second = second};
    guarded g = guard((gmm_structure)structure, K, D, 2);
    CHECK(gmm_maximize(&s, about, 0, &previous, with_ridge ? ridge : NULL, floor, 0x1p-52, 2, g.scratch, g.size, &next,
                       floored) == GMM_OK);
    unguard(&g);
    const double r = with_ridge ? 0.25 : 0;
    for (int k = 0; k < K; ++k) {
        CHECK(floored[k] == 0);
        CHECK_NEAR(weight[k], n[k] / 6, 1e-15);
        for (int j = 0; j < D; ++j) {
            CHECK_NEAR(mean[k * D + j], k < 2 ? about[k * D + j] + d[j] : old_mean[k * D + j], 1e-15);
        }
    }
    const int at = structure == GMM_FULL ? D * D : structure == GMM_DIAG ? D : structure == GMM_SPHERICAL;
    for (int k = 0; k < (structure == GMM_TIED ? 1 : 2); ++k) {
        CHECK_NEAR(covariance[k * at], structure == GMM_SPHERICAL ? 2.5 + r : 4 + r, 1e-14);
        if (structure == GMM_DIAG) {
            CHECK_NEAR(covariance[k * at + 1], 1 + r, 1e-14);
        }
        if (structure == GMM_FULL || structure == GMM_TIED) {
            CHECK_NEAR(covariance[k * at + 1], 1, 1e-14);
            CHECK_NEAR(covariance[k * at + 2], 1, 1e-14);
            CHECK_NEAR(covariance[k * at + 3], 1 + r, 1e-14);
        }
    }
    if (structure != GMM_TIED) {
        CHECK_BYTES(covariance + 2 * at, old_covariance + 2 * at, (size_t)at * sizeof *covariance);
    }
    CHECK(gmm_maximize(&s, about, 0, &previous, NULL, NULL, 0x1p-52, 1, NULL, 0, &next, floored) == GMM_EINVAL);
    CHECK(gmm_maximize(&s, about, 0, &previous, NULL, floor, 0x1p-52, 1, NULL, 0, &next, floored) == GMM_ESCRATCH);
}

/* A feature that repeats another: of the raised and the previous covariance the likelier one is taken. */
static void landing_case(int structure)
{
    in_case("landing %s", structure_name((gmm_structure)structure));
    const double about[2] = {0, 0}, floor[2] = {0x1p-98, 0x1p-98};
    double n[1] = {8}, first[2] = {0, 0}, second[4] = {8, 8, 8, 8}, weight[1] = {1}, mean[2] = {0, 0}, covariance[4];
    double before[3][4] = {{1, 0, 0, 1}, {1, 1, 1, 1 + 0x1p-45}, {0, 0, 0, 0}};
    unsigned char floored[1];
    gmm_statistics s = {.n = n, .first = first, .second = second};
    guarded g = guard((gmm_structure)structure, 1, 2, 1);
    for (int i = 0; i < 3; ++i) {
        gmm_mixture previous = {(gmm_structure)structure, 1, 2, weight, mean, before[i], GMM_OWN_FORM};
        gmm_mixture next = {(gmm_structure)structure, 1, 2, weight, mean, covariance, GMM_OWN_FORM};
        CHECK(gmm_maximize(&s, about, 0, &previous, NULL, floor, 0x1p-52, 1, g.scratch, g.size, &next, floored) ==
              GMM_OK);
        CHECK(floored[0] == 1);
        CHECK(covariance[0] == 1 && covariance[1] == 1 && covariance[2] == 1);
        CHECK(i == 1 ? covariance[3] == 1 + 0x1p-45 : covariance[3] > 1 + 0x1p-45 && covariance[3] < 1 + 0x1p-30);
    }
    unguard(&g);
}

/* Rows about the frame's centre, pooled, are rows about their means. */
static void pool_case(void)
{
    in_case("pool");
    const double x[4][2] = {{1, 2}, {3, 5}, {-2, 0}, {-3, 1}}, mean[4] = {2, 3, -2, 1};
    double total[4] = {0}, n[2] = {2, 2}, first[4] = {0}, expected[4] = {0}, second[4];
    for (int i = 0; i < 4; ++i) {
        const double *m = mean + i / 2 * 2, c[2] = {x[i][0] - m[0], x[i][1] - m[1]};
        for (int a = 0; a < 4; ++a) {
            total[a] += x[i][a / 2] * x[i][a % 2];
            expected[a] += c[a / 2] * c[a % 2];
        }
        first[i / 2 * 2] += c[0];
        first[i / 2 * 2 + 1] += c[1];
    }
    gmm_statistics s = {.n = n, .first = first};
    gmm_pool(2, 2, total, mean, &s, second);
    for (int a = 0; a < 4; ++a) {
        CHECK_NEAR(second[a], expected[a], 1e-13);
    }
    double weight[2] = {0.5, 0.5}, covariance[4] = {1, 0, 0, 1}, whitener[4] = {1, 0, 0, 1}, near[4] = {200, 0, 0, 1};
    gmm_mixture m = {GMM_TIED, 2, 2, weight, near, covariance, GMM_OWN_FORM};
    CHECK(gmm_tied_is_safe(&m, whitener) == 1);
    near[1] = 200; /* each feature is near enough, both together are not */
    CHECK(gmm_tied_is_safe(&m, whitener) == 0);
    near[1] = 0;
    near[3] = -300;
    CHECK(gmm_tied_is_safe(&m, whitener) == 0);
}

/* Linear forms of every width, against loops; scratch beside the guards. */
static void expand_case(int64_t d)
{
    if (is_left_out()) {
        return;
    }
    in_case("expand, D=%d", (int)d);
    enum { K = 3 };
    double *W = scatter(1, d, d + 5, 3), *T = scatter(1, d, d + 5, 4), *mean = room((size_t)(K * d), 8);
    double *slope = room((size_t)(K * d), 8), radius = 2.5;
    double constant[K], log_constant[K] = {-1, -2, -3}, common = 0, size = 0, reach = 0, sum = 0, absolute = 0;
    double form[K] = {0}, largest = 0;
    uint64_t seed = 5;
    for (int64_t t = 0; t < K * d; ++t) {
        mean[t] = normal(&seed);
    }
    guarded g = guard(GMM_TIED, K, d, 1);
    CHECK(gmm_expand(K, d, log_constant, mean, W, T, radius, g.scratch, g.size, constant, slope, &common, &reach,
                     &size) == GMM_OK);
    CHECK(gmm_expand(K, d, log_constant, mean, W, T, radius, g.scratch, 0, constant, slope, &common, &reach, &size) ==
          GMM_ESCRATCH);
    CHECK(gmm_expand(K, d, log_constant, mean, W, NULL, radius, g.scratch, g.size, constant, slope, &common, &reach,
                     &size) == GMM_EINVAL);
    unguard(&g);
    for (int64_t t = 0; t < K * d; ++t) {
        form[t / d] += fabs(slope[t]) * (radius + fabs(mean[t]) / 2);
    }
    for (int k = 0; k < K; ++k) {
        largest = fmax(largest, form[k]);
    }
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            double p = 0;
            for (int64_t q = i > j ? i : j; q < d; ++q) {
                p += W[q * d + i] * W[q * d + j];
            }
            sum += p * T[i * d + j] / 2;
            absolute += fabs(p * T[i * d + j]) / 2;
            for (int k = 0; k < K; ++k) {
                slope[k * d + i] -= p * mean[k * d + j];
                if (i == j) {
                    largest = fmax(largest, p * fmax(T[i * d + i], mean[k * d + j] * mean[k * d + j]));
                }
            }
        }
    }
    for (int64_t i = 0; i < d; ++i) {
        for (int k = 0; k < K; ++k) {
            CHECK_NEAR(slope[k * d + i], 0, 1e-12 * absolute);
        }
    }
    CHECK_NEAR(common, sum, 1e-13 * absolute);
    CHECK_NEAR(size, absolute, 1e-13 * absolute);
    CHECK_NEAR(reach, largest, 1e-12 * largest);
    free(W), free(T), free(mean), free(slope);
}

void test_maximize(void)
{
    for (int64_t d = 1; d < 34; ++d) {
        expand_case(d);
    }

    for (int structure = 0; structure < 4; ++structure) {
        maximize_case(structure, 0);
        maximize_case(structure, 1);
        if (structure == GMM_FULL || structure == GMM_TIED) {
            landing_case(structure);
        }
    }
    pool_case();
}
