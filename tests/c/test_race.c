/* test_race.c: steps of whole fits, set up by hand: which climb goes on in a race, and states that in fits are luck. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "entries.h"
#include "fit.h"
#include "tests.h"

enum { STEPS = 20 };

typedef struct {
    gmm_plan plan;
    gmm_rounds rounds;
    gmm_fitting fit;
    double value[N * D];
    void *scratch;
} race;

/* Two climbs from one mixture: the first has converged to a neighbour of it and leads by `height`; the second may leap,
 * and remembers a pull towards that neighbour. */
static void prepare(race *r, int with_memory, double height)
{
    r->plan = (gmm_plan){GMM_FULL, GMM_OWN_FORM, GMM_F64, GMM_METHOD_KMEANS, K, 2, 1e-5, STEPS, 1,
                         with_memory ? 0 : STEPS};
    r->rounds = (gmm_rounds){.n_candidates = 1, .n_rounds = 1, .n_iter = {1}};
    gmm_workspace space = {NULL, 0};
    gmm_take_fitting(&r->plan, &r->rounds, N, D, &space, &r->fit);
    r->scratch = room(space.used + GMM_CACHE_LINE, 1);
    space = (gmm_workspace){gmm_align_to_line(r->scratch), 0};
    gmm_take_fitting(&r->plan, &r->rounds, N, D, &space, &r->fit);
    memcpy(r->value, good->own_rows.data, sizeof r->value);
    r->fit.rows = good->own_rows;
    r->fit.rows.data = r->value;
    r->fit.limits = (gmm_limits){.precision = GMM_F64, .floor = good->floor, .epsilon = 0x1p-52};
    for (int s = 0; s < 2; ++s) {
        gmm_path *path = r->fit.start + s;
        gmm_copy_mixture(&good->own_mixture, &path->mixture);
        for (int k = 0; k < K; ++k) {
            path->statistics.n[k] = path->statistics.second[k * D * D] = path->statistics.second[k * D * D + 3] = N / 2.0;
        }
        path->statistics.log_likelihood = -9.0 * N;
        path->statistics.weight = N;
        path->trace[0] = s ? -11 : -10;
        path->trace[1] = path->trace[2] = s ? -9 - height : -9;
        path->n_trace = s ? 2 : 3;
        path->stop = s ? GMM_AT_LIMIT : GMM_CONVERGED;
    }
    r->fit.start[0].mixture.mean[0] += 0.1;
    gmm_memory *memory = r->fit.start[1].memory;
    CHECK((memory != NULL) == with_memory);
    if (memory) {
        gmm_begin_memory(memory);
        memory->has_pull = 1;
        memory->n_trace = 2;
        CHECK(gmm_move_origin(&memory->about, &r->fit.start[1].mixture));
        CHECK(gmm_vector_of(&memory->about, &r->fit.start[0].mixture, memory->pull));
    }
}

typedef enum {
    BELOW, NO_MEMORY, NOT_ON, NO_PULL, NOT_CONVERGED, DEAD, CROWDED, NO_FACTOR, TOO_FAR, TOO_HIGH, TOO_LOW, N_CASES
} difference;

static void change(race *r, difference what)
{
    gmm_path *leader = r->fit.start, *path = r->fit.start + 1;
    switch (what) {
    case NOT_ON: path->memory->is_on = 0; break;
    case NO_PULL: path->memory->has_pull = 0; break;
    case NOT_CONVERGED: leader->stop = GMM_FELL; break;
    case DEAD: leader->mixture.weight[0] = 1, leader->mixture.weight[1] = 0; break;
    case CROWDED: leader->mixture.mean[D] = leader->mixture.mean[D + 1] = 100; break; /* two means are nearest to one */
    case NO_FACTOR: leader->mixture.covariance[0] = -1; break;
    case TOO_FAR: leader->mixture.mean[0] += 1; break;
    default: break;
    }
}

/* On the leader's hill, which is a parabola of pull' step / 2, the second climb stays where it is. With any one
 * difference it goes on. */
static void below(difference what)
{
    race r;
    const double height = what == TOO_HIGH ? 1 : what == TOO_LOW ? 1e-6 : 0.0025; /* (0.1 sqrt(1/2))^2 / 2 */
    in_case("race, difference %d", what);
    prepare(&r, what != NO_MEMORY, height);
    change(&r, what);
    const int64_t winner = gmm_race(&r.fit, 2);
    CHECK((r.fit.start[1].n_trace > 2) == (what != BELOW));
    CHECK(what == BELOW ? winner == 0 : winner == 1);
    free(r.scratch);
}

/* A climb that would go on and cannot ends the race, whether it leads or not. */
static void no_numbers(int leads)
{
    race r;
    in_case("race, no numbers, %d", leads);
    prepare(&r, 0, 1);
    r.fit.start[0].stop = leads ? GMM_AT_LIMIT : GMM_CONVERGED;
    r.value[N * D - 1] = (double)NAN;
    CHECK(gmm_race(&r.fit, 2) == -1);
    CHECK(r.fit.start[!leads].stop == GMM_UNUSUAL);
    free(r.scratch);
}

/* Climbs that end at one height are the same, unless components of only one of them rest on the floor. */
static void floored(void)
{
    race r;
    double table[2 * GMM_TABLE];
    in_case("race, floored");
    prepare(&r, 0, 0);
    const gmm_group group = {.table = table, .n_started = 2, .winner = 0};
    gmm_tabulate(&r.fit, &group);
    CHECK(table[GMM_SAME] == 1 && table[GMM_TABLE + GMM_SAME] == 1 && table[GMM_TABLE + GMM_FLOORED] == 0);
    r.fit.start[1].floored[1] = 1;
    gmm_tabulate(&r.fit, &group);
    CHECK(table[GMM_SAME] == 1 && table[GMM_TABLE + GMM_SAME] == 0 && table[GMM_TABLE + GMM_FLOORED] == 1);
    free(r.scratch);
}

/* A slow climb meets a value that is no number after any number of steps: where it leaps, and where it does not. */
static void no_numbers_midway(void)
{
    for (int64_t steps = 1; steps < STEPS; ++steps) {
        race r;
        in_case("race, no numbers after %d steps", (int)steps);
        prepare(&r, 1, 1);
        for (int i = 0; i < N * D; ++i) {
            r.value[i] -= i / D % 2 ? 2.2 : -2.2; /* what were two clusters overlap */
        }
        gmm_path *path = r.fit.start;
        path->n_trace = 0;
        path->stop = GMM_AT_LIMIT;
        gmm_begin_memory(path->memory);
        CHECK(gmm_climb_on(&r.fit, &r.fit.over_rows, path, 0, steps) && path->n_trace == steps + 1);
        r.value[0] = (double)NAN;
        r.fit.over_rows.pass.task.is_packed = 0;
        CHECK(!gmm_climb_on(&r.fit, &r.fit.over_rows, path, 0, STEPS) && path->stop == GMM_UNUSUAL);
        CHECK(path->n_trace == steps + 1);
        free(r.scratch);
    }
}

/* A centre that loses its rows begins anew at the row farthest from the others. */
static void lost_centre(void)
{
    race r;
    in_case("race, lost centre");
    prepare(&r, 0, 1);
    gmm_see_distinct(&r.fit);
    CHECK(gmm_measure_columns(&r.fit));
    gmm_standardise(&r.fit, GMM_SPREAD_SD);
    for (int j = 0; j < D; ++j) {
        r.fit.centre[j] = 0;
        r.fit.centre[D + j] = 1e3;
    }
    gmm_lloyd(&r.fit);
    int64_t second = 0;
    for (int64_t i = 0; i < N; ++i) {
        second += r.fit.label[i];
    }
    CHECK(second == N / 2);
    free(r.scratch);
}

static void all(void)
{
    floored();
    no_numbers_midway();
    lost_centre();
    for (int what = 0; what < N_CASES; ++what) {
        below((difference)what);
    }
    no_numbers(0);
    no_numbers(1);
}

void test_race(void)
{
    with_good(all);
}
