/* test_acceleration.c: vectors of mixtures and back, what pairs say of a surface whose curvature is known. Whole leaping
 * climbs are compared with Python's in test_whole.py. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "acceleration.h"
#include "check.h"
#include "problem.h"
#include "tests.h"

enum { K = 3, D = 4, MOST = K * D * D, P = 5 };

static uint64_t state = 7;

/* Weights, means and covariances that are positive definite, about `size` from those of a standard mixture. */
static void shake(gmm_mixture *mixture, double size)
{
    const int dense = mixture->structure == GMM_FULL || mixture->structure == GMM_TIED;
    const size_t count = structure_size(mixture->structure, K, D);
    double total = 0;
    for (int k = 0; k < K; ++k) {
        total += mixture->weight[k] = exp(size * normal(&state));
    }
    for (int k = 0; k < K; ++k) {
        mixture->weight[k] /= total;
    }
    for (int i = 0; i < K * D; ++i) {
        mixture->mean[i] = i + size * normal(&state);
    }
    for (size_t at = 0; at < count && !dense; ++at) {
        mixture->covariance[at] = exp(size * normal(&state));
    }
    for (size_t at = 0; at < count && dense; at += D * D) {
        double A[D][D];
        for (int i = 0; i < D * D; ++i) {
            A[i / D][i % D] = (i / D == i % D) + size * normal(&state);
        }
        for (int i = 0; i < D; ++i) {
            for (int j = 0; j < D; ++j) {
                double sum = i == j ? 0.1 : 0;
                for (int l = 0; l < D; ++l) {
                    sum += A[i][l] * A[j][l];
                }
                mixture->covariance[at + (size_t)(i * D + j)] = sum;
            }
        }
    }
}

static void coordinates_case(gmm_structure structure)
{
    in_case("coordinates %s", structure_name(structure));
    gmm_workspace space = {NULL, 0};
    gmm_take_coordinates(structure, GMM_OWN_FORM, K, D, &space);
    void *memory = room(space.used + GMM_CACHE_LINE, 1);
    space = (gmm_workspace){gmm_align_to_line(memory), 0};
    gmm_coordinates about = gmm_take_coordinates(structure, GMM_OWN_FORM, K, D, &space);
    double numbers[3][K + K * D + MOST], vector[K + K * D + MOST];
    gmm_mixture mixture[3];
    for (int m = 0; m < 3; ++m) {
        mixture[m] = (gmm_mixture){structure, K, D, numbers[m], numbers[m] + K, numbers[m] + K + K * D,
                                   GMM_OWN_FORM};
        shake(mixture + m, 0.3);
    }
    const size_t size = structure_size(structure, K, D);
    CHECK(gmm_move_origin(&about, mixture));
    CHECK(gmm_vector_of(&about, mixture, vector));
    for (int64_t p = 0; p < about.size; ++p) {
        CHECK_NEAR(vector[p], 0, 1e-13);
    }
    CHECK(gmm_vector_of(&about, mixture + 1, vector));
    gmm_mixture_at(&about, vector, mixture + 2);
    for (size_t i = 0; i < K + K * D + size; ++i) {
        CHECK_NEAR(numbers[2][i], numbers[1][i], 1e-12);
    }
    /* one standard deviation along the first feature of component 1, in its own units */
    memset(vector, 0, sizeof vector);
    const double root = sqrt(mixture[0].weight[1]);
    vector[K + D] = 0.5 * root;
    gmm_mixture_at(&about, vector, mixture + 2);
    const double *variance = mixture[0].covariance;
    const size_t first = structure == GMM_FULL ? D * D : structure == GMM_TIED ? 0 : structure == GMM_DIAG ? D : 1;
    CHECK_NEAR(mixture[2].mean[D], mixture[0].mean[D] + 0.5 * sqrt(variance[first]), 1e-13);
    CHECK_NEAR(gmm_reach_of(&about, vector), 0.5, 1e-13);
    mixture[0].covariance[0] = structure == GMM_FULL || structure == GMM_TIED ? -1 : 1;
    CHECK(gmm_move_origin(&about, mixture) == (structure == GMM_DIAG || structure == GMM_SPHERICAL));
    free(memory);
}

/* y = B s with a diagonal B: the last pair is met by H, its slowest direction is the smallest entry of B. */
static void pairs_case(void)
{
    in_case("pairs");
    static const double B[P] = {0.9, 0.03, 0.5, 0.2, 0.7};
    gmm_workspace space = {NULL, 0};
    gmm_take_pairs(P, &space);
    void *memory = room(space.used + GMM_CACHE_LINE, 1);
    space = (gmm_workspace){gmm_align_to_line(memory), 0};
    gmm_pairs pairs = gmm_take_pairs(P, &space);
    double step[P], change[P], found[P], least = INFINITY;
    for (int n = 1; n <= GMM_PAIRS + 3; ++n) {
        for (int p = 0; p < P; ++p) {
            step[p] = normal(&state);
            change[p] = B[p] * step[p];
        }
        gmm_add_pair(&pairs, step, change);
        CHECK(pairs.n == (n < GMM_PAIRS ? n : GMM_PAIRS));
        if (n <= GMM_PAIRS) {
            least = fmin(least, gmm_dot(P, step, change) / gmm_dot(P, step, step));
            CHECK_NEAR(gmm_least_rate(&pairs), least, 1e-14);
        }
        gmm_newton_step(&pairs, change, found);
        for (int p = 0; p < P; ++p) {
            CHECK_NEAR(found[p], step[p], 1e-11);
        }
        if (n >= P) {
            CHECK_NEAR(gmm_slowest(&pairs), 0.03, 1e-9);
        } else if (n == 1) {
            CHECK_NEAR(gmm_slowest(&pairs), least, 1e-14);
        }
    }
    free(memory);
}

/* A memory forgets when a component is dead, on the floor, or without factors: there is nothing to be said then of the
 * rise to come. Refused leaps pause, twice as long each time, up to a limit. */
static void memory_case(gmm_structure structure)
{
    in_case("memory %s", structure_name(structure));
    gmm_workspace space = {NULL, 0};
    gmm_take_memory(structure, GMM_OWN_FORM, K, D, &space);
    void *scratch = room(space.used + GMM_CACHE_LINE, 1);
    space = (gmm_workspace){gmm_align_to_line(scratch), 0};
    gmm_memory memory = gmm_take_memory(structure, GMM_OWN_FORM, K, D, &space);
    const size_t size = structure_size(structure, K, D);
    const int dense = structure == GMM_FULL || structure == GMM_TIED;
    double numbers[5][K + K * D + MOST], trace[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    unsigned char floored[K] = {0};
    static const int64_t pauses[] = {2, 3, 5, 9, 17, 33, 33};
    gmm_mixture at[5];
    for (int m = 0; m < 5; ++m) {
        at[m] = (gmm_mixture){structure, K, D, numbers[m], numbers[m] + K, numbers[m] + K + K * D,
                                   GMM_OWN_FORM};
        memcpy(numbers[m], numbers[0], m ? sizeof numbers[m] : 0);
        if (m == 0) {
            shake(at, 0.3);
        }
        for (size_t i = 0; m && i < K * D; ++i) { /* towards a limit, along one line, more slowly every time */
            at[m].mean[i] += 1e-3 * (double)(i + 1) * (1 - ldexp(1, -m));
        }
    }
    gmm_begin_memory(&memory);
    CHECK(isinf(gmm_rise_left(&memory, 0)));
    for (int m = 0; m < 4; ++m) {
        CHECK(memory.pairs.n == (m > 0 ? m - 1 : 0));
        CHECK(gmm_leap(&memory, trace, m + 1, at) == (m == 3)); /* two pairs know the way */
        gmm_remember(&memory, m + 1, at + m, at + m + 1, floored, 0, 0x1p-52);
        CHECK(memory.has_pull && !memory.near);
    }
    CHECK(at[0].mean[0] > at[3].mean[0]);
    CHECK(memory.pairs.n == 3 && isfinite(gmm_rise_left(&memory, 0)));
    for (int pause = 1; pause >= 0; --pause) {
        memory.pause = pause;
        CHECK(gmm_leap(&memory, trace, 5, at) == !pause);
    }
    for (int refused = 1; refused <= 7; ++refused) {
        gmm_refuse_leap(&memory);
        CHECK(memory.pause == pauses[refused - 1]);
        CHECK(!gmm_leap(&memory, trace, 5, at));
    }
    for (int why = 0; why < (dense ? 5 : 3); ++why) {
        gmm_remember(&memory, 5, at + 3, at + 4, floored, 1e-3, 0x1p-52);
        CHECK(memory.has_pull);
        const double weight = at[4].weight[1], variance = at[4].covariance[size - 1];
        floored[2] = why == 0;
        at[4].weight[1] = why == 1 ? 0 : weight;
        at[3].weight[1] = why == 2 ? 0 : weight;
        at[4].covariance[size - 1] = why == 3 ? -1 : variance;
        at[3].covariance[size - 1] = why == 4 ? -1 : variance;
        gmm_remember(&memory, 6, at + 3, at + 4, floored, 1e-3, 0x1p-52);
        CHECK(!memory.has_pull && memory.pairs.n == 0 && isinf(gmm_rise_left(&memory, 0)));
        at[3].weight[1] = at[4].weight[1] = weight;
        at[3].covariance[size - 1] = at[4].covariance[size - 1] = variance;
        floored[2] = 0;
    }
    free(scratch);
}

void test_acceleration(void)
{
    for (int structure = 0; structure < 4; ++structure) {
        coordinates_case((gmm_structure)structure);
        memory_case((gmm_structure)structure);
    }
    pairs_case();
}
