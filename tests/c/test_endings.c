/* test_endings.c: how a climb ends when it does not reach its limit: the mixture has no factors or wants others, rows
 * are no numbers, or the objective falls, by more than rounding explains or by less. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "entries.h"
#include "fit.h"
#include "tests.h"

static double total_scatter[D * D];

static void measure(const double *x)
{
    memset(total_scatter, 0, sizeof total_scatter);
    for (int i = 0; i < N * D * D; ++i) {
        total_scatter[i % (D * D)] += x[i / (D * D) * D + i / D % D] * x[i / (D * D) * D + i % D];
    }
}

/* Climbs, and says why it stopped. */
static gmm_stop ending_of(arguments *a)
{
    *a->stop = GMM_AT_LIMIT;
    CHECK(climb(a) == GMM_OK);
    return *a->stop;
}

/* A climb to begin from the mixture and the statistics that `with_good` offers, in any structure with variances of 1. */
static void prepare(arguments *a, int structure)
{
    *a = *good;
    point_at_itself(a);
    a->own_mixture.structure = (gmm_structure)structure;
    for (int k = 0; k < K; ++k) {
        a->own_mixture.weight[k] = 0.5;
        a->own_sums.n[k] = N / 2.0;
        for (int j = 0; j < D; ++j) {
            a->own_mixture.mean[k * D + j] = k ? 3 : -3;
            a->own_sums.first[k * D + j] = 0;
        }
    }
    for (int i = 0; i < K * D * D; ++i) {
        a->own_mixture.covariance[i] = structure >= GMM_DIAG || i % (D * D) % (D + 1) == 0;
        a->own_sums.second[i] = N / 2.0 * a->own_mixture.covariance[i];
    }
    measure(a->own_rows.data);
    a->own_limits.total_scatter = total_scatter;
}

#define ENDS(structure, why, change)                             \
    do {                                                         \
        arguments a;                                             \
        prepare(&a, structure);                                  \
        in_case("ending, structure %d: %s", structure, #change); \
        change;                                                  \
        CHECK(ending_of(&a) == (why));                           \
    } while (0)

static double told(arguments *a, double objective)
{
    a->own_n_trace = 1;
    return a->trace[0] = objective;
}

static void unusual(int structure)
{
    static double nothing[N], broken[N * D];
    memcpy(broken, good->own_rows.data, sizeof broken);
    broken[N * D - 1] = (double)NAN;
    ENDS(structure, GMM_AT_LIMIT, (void)a);
    ENDS(structure, GMM_UNUSUAL, a.own_rows.weight = nothing);
    arguments weightless;
    prepare(&weightless, structure);
    weightless.own_rows.weight = nothing;
    told(&weightless, 0);
    CHECK(ending_of(&weightless) == GMM_UNUSUAL && weightless.own_n_trace == 1);
    ENDS(structure, GMM_UNUSUAL, a.own_rows.data = broken);
    ENDS(structure, GMM_UNUSUAL, (told(&a, 0), a.own_rows.data = broken));
    ENDS(structure, GMM_UNUSUAL, a.own_mixture.covariance[0] = structure >= GMM_DIAG ? 0 : -1);
    ENDS(structure, GMM_UNUSUAL, a.own_mixture.weight[0] = a.own_mixture.weight[1] = 0);
}

/* Told of a higher objective than rows can have, a climb believes that it fell, and leaves all as it was. */
static void falls(int structure)
{
    arguments a;
    prepare(&a, structure);
    in_case("ending, structure %d, falls", structure);
    told(&a, 1e9);
    CHECK(ending_of(&a) == GMM_FELL && a.own_n_trace == 1 && a.trace[0] == 1e9);
    CHECK(a.own_mixture.weight[0] == 0.5 && a.own_mixture.mean[0] == -3 && a.own_mixture.covariance[0] == 1);
}

/* The same of a climb that may leap, and has before: what it remembers does not say that the end is near. */
static void falls_while_leaping(int structure)
{
    for (int64_t last_leap = -1; last_leap < 2; ++last_leap) { /* -1: it may not */
        arguments a;
        gmm_workspace space = {NULL, 0};
        void *scratch = NULL;
        in_case("ending, structure %d, falls after leap %d", structure, (int)last_leap);
        prepare(&a, structure);
        for (int measured = 0; measured < 2; ++measured) {
            gmm_climber climber = gmm_take_climber(a.rows, a.own_mixture.structure, GMM_OWN_FORM, GMM_F64, K, D, 0, &space);
            gmm_memory memory = gmm_take_memory(a.own_mixture.structure, GMM_OWN_FORM, K, D, &space);
            if (!measured) {
                scratch = room(space.used + GMM_CACHE_LINE, 1);
                space = (gmm_workspace){gmm_align_to_line(scratch), 0};
                continue;
            }
            gmm_begin_memory(&memory);
            memory.is_on = last_leap >= 0;
            memory.last_leap = last_leap;
            told(&a, 1e9);
            gmm_path path = {a.own_mixture, a.own_sums, a.floored, a.trace, 1, GMM_AT_LIMIT, &memory};
            gmm_ascend(&climber, &a.own_limits, &path);
            CHECK(path.stop == GMM_FELL && path.n_trace == 1);
        }
        free(scratch);
    }
}

/* What a covariance without factors may have lost by rounding has no bound: a small fall is the end of a climb then. */
static void falls_a_little(void)
{
    arguments a;
    in_case("ending by rounding");
    prepare(&a, GMM_FULL);
    a.own_limits.max_iter = 1;
    told(&a, -1e9);
    CHECK(ending_of(&a) == GMM_AT_LIMIT && a.own_n_trace == 2);
    const double objective = a.trace[1];
    for (int large = 0; large < 2; ++large) {
        prepare(&a, GMM_FULL);
        a.own_mixture.covariance[0] = -1;
        told(&a, objective + (large ? 2e-6 : 5e-7)); /* of 1e-6 that are not worth keeping */
        CHECK(ending_of(&a) == (large ? GMM_FELL : GMM_CONVERGED));
        CHECK(a.own_n_trace == 1 && a.own_mixture.covariance[0] == -1);
    }
}

/* Clusters farther from the frame's centre than a tied pass may expand: at once, or when the variances shrink. */
static void wants_copies(void)
{
    static double far[N * D];
    ENDS(GMM_TIED, GMM_UNUSUAL, a.own_mixture.mean[0] += 1000);
    arguments a;
    in_case("ending, tied, shrinking");
    prepare(&a, GMM_TIED);
    for (int i = 0; i < N * D; ++i) {
        far[i] = ((const double *)a.own_rows.data)[i] + (i / D % 2 ? 1000 : -1000);
    }
    a.own_rows.data = far;
    measure(far);
    a.own_mixture.covariance[0] = a.own_mixture.covariance[D + 1] = 1e5;
    for (int i = 0; i < K * D; ++i) {
        a.own_mixture.mean[i] = i < D ? -1000 : 1000;
    }
    CHECK(ending_of(&a) == GMM_UNUSUAL && a.own_n_trace == 1);
}

static void ends(void)
{
    for (int structure = 0; structure < 4; ++structure) {
        unusual(structure);
        falls(structure);
        falls_while_leaping(structure);
    }
    falls_a_little();
    wants_copies();
}

void test_endings(void)
{
    with_good(ends);
}
