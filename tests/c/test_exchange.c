/* test_exchange.c: what a fit of few rows finds beside the mixture that has won: traps it leaves, parts that cannot be cut,
 * rows that want a closer look. What it proposes test_whole.py compares with Python's. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "fit.h"
#include "problem.h"
#include "tests.h"

enum { CLUSTERS = 4, EACH = 25, ROWS = CLUSTERS * EACH, MOST_FEATURES = 10, STEPS = 400 };

typedef struct {
    gmm_plan plan;
    gmm_rounds rounds;
    gmm_fitting fit;
    double value[ROWS * MOST_FEATURES], weight[ROWS], scale[MOST_FEATURES], centre[MOST_FEATURES],
        floor[MOST_FEATURES];
    void *scratch;
} search;

/* Two pairs of spheres; the mixture's first component has the first pair and the last two share a sphere. */
static void prepare(search *s, gmm_structure structure, int64_t d, int64_t patience, int is_weighted)
{
    const double place[CLUSTERS] = {0, 10, 200, 210};
    uint64_t state = 7;
    s->plan = (gmm_plan){structure, GMM_OWN_FORM, GMM_F64, GMM_METHOD_KMEANS, CLUSTERS, 1, 1e-6, STEPS, 10, patience};
    s->rounds = (gmm_rounds){.n_candidates = 10, .n_rounds = 1, .n_iter = {10}, .sees_all = {1}};
    gmm_workspace space = {NULL, 0};
    gmm_take_fitting(&s->plan, &s->rounds, ROWS, d, &space, &s->fit);
    s->scratch = room(space.used + GMM_CACHE_LINE, 1);
    space = (gmm_workspace){gmm_align_to_line(s->scratch), 0};
    gmm_take_fitting(&s->plan, &s->rounds, ROWS, d, &space, &s->fit);
    for (int64_t i = 0; i < ROWS; ++i) {
        s->weight[i] = 1 + (double)(i % 3);
        for (int64_t j = 0; j < d; ++j) {
            s->value[i * d + j] = normal(&state) + (j ? 0 : place[i / EACH]);
        }
    }
    for (int64_t j = 0; j < d; ++j) {
        s->scale[j] = j && structure != GMM_SPHERICAL ? 1 : 0x1p-6;
        s->centre[j] = j ? 0 : 105 * 0x1p-6;
        s->floor[j] = 0x1p-80;
    }
    gmm_fitting *fit = &s->fit;
    fit->rows = (gmm_rows){.data = s->value, .dtype = GMM_F64, .n_rows = ROWS, .n_features = d,
                           .row_stride = d * 8, .column_stride = 8, .weight = is_weighted ? s->weight : NULL,
                           .scale = s->scale, .centre = s->centre};
    fit->limits = (gmm_limits){.precision = GMM_F64, .floor = s->floor, .epsilon = 0x1p-52};
    gmm_see_distinct(fit);
    if (structure == GMM_TIED) {
        CHECK(gmm_measure_scatter(fit, &fit->rows, fit->scatter));
    }
    CHECK(gmm_measure_columns(fit));
}

static gmm_path *climbed(search *s, int is_trapped)
{
    gmm_fitting *fit = &s->fit;
    gmm_path *path = fit->start;
    for (int64_t i = 0; i < ROWS; ++i) {
        const double *x = fit->seen_value + i * fit->rows.n_features;
        const int64_t cluster = (x[0] > 5) + (x[0] > 105) + (x[0] > 205);
        const int64_t low = cluster < 2 ? 0 : cluster == 2 ? 1 : 2 + (x[1] > 0);
        fit->label[i] = is_trapped ? low : cluster;
    }
    gmm_begin_labelled(fit, &path->mixture);
    gmm_begin_anew(path);
    CHECK(gmm_climb_on(fit, &fit->over_rows, path, s->plan.tol, s->plan.max_iter));
    return path;
}

static void leave_trap(gmm_structure structure, int64_t d, int64_t patience, int is_weighted)
{
    search top, low;
    in_case("exchange, structure=%d d=%d patience=%d weighted=%d", structure, (int)d, (int)patience, is_weighted);
    prepare(&top, structure, d, patience, is_weighted);
    prepare(&low, structure, d, patience, is_weighted);
    const double highest = gmm_objective(climbed(&top, 0));
    gmm_path *path = climbed(&low, 1);
    CHECK(gmm_objective(path) < highest - 0.1);
    CHECK(gmm_race(&low.fit, 1) == 0);
    CHECK_NEAR(gmm_objective(path), highest, 1e-4);
    for (int64_t t = 1; t < path->n_trace; ++t) {
        CHECK(path->trace[t] >= path->trace[t - 1] - 1e-9);
    }
    free(top.scratch), free(low.scratch);
}

/* Components that have no rows, or rows that are all alike: they cannot be cut, and are given something better to do. */
static void no_cut(void)
{
    search s;
    in_case("exchange, parts without a cut");
    prepare(&s, GMM_DIAG, 2, STEPS, 0);
    for (int64_t i = 0; i < ROWS; ++i) {
        s.value[2 * i] = (double)(i % 3);
        s.value[2 * i + 1] = 0;
    }
    gmm_see_distinct(&s.fit);
    CHECK(s.fit.seen.n_rows == 3 && gmm_measure_columns(&s.fit));
    for (int64_t i = 0; i < 3; ++i) {
        s.fit.label[i] = i == 2;
    }
    gmm_begin_labelled(&s.fit, &s.fit.start->mixture);
    CHECK(s.fit.start->mixture.weight[2] == 0 && s.fit.start->mixture.weight[3] == 0);
    const int64_t n = gmm_exchange(&s.fit, &s.fit.start->mixture);
    CHECK(n > 0 && n <= 4);
    for (int64_t i = 0; i < 3; ++i) {
        s.fit.label[i] = 0;
        s.value[2 * i] = 0;
    }
    for (int64_t i = 0; i < ROWS; ++i) {
        s.value[2 * i] = 0;
    }
    gmm_see_distinct(&s.fit);
    CHECK(s.fit.seen.n_rows == 1 && gmm_measure_columns(&s.fit));
    gmm_begin_labelled(&s.fit, &s.fit.start->mixture);
    CHECK(gmm_exchange(&s.fit, &s.fit.start->mixture) == 0);
    free(s.scratch);
}

/* A climb from a neighbour that meets a value that is no number ends the search. */
static void no_numbers(void)
{
    search s;
    in_case("exchange, no numbers");
    prepare(&s, GMM_FULL, 2, STEPS, 0);
    gmm_path *path = climbed(&s, 1);
    s.value[0] = (double)NAN;
    s.fit.over_rows.pass.task.is_packed = 0;
    CHECK(path->stop == GMM_CONVERGED && gmm_race(&s.fit, 1) == -1);
    free(s.scratch);
}

/* Few iterations, and a rival with fewer components on the floor, which is better however low it is. */
static void ranks(int64_t max_iter)
{
    search s;
    in_case("exchange, ranks, %d iterations", (int)max_iter);
    prepare(&s, GMM_FULL, 2, STEPS, 0);
    gmm_path *path = climbed(&s, 0);
    s.plan.max_iter = max_iter;
    const double highest = gmm_objective(path);
    CHECK(gmm_escape(&s.fit, path) && gmm_objective(path) == highest);
    path->floored[0] = 1;
    path->trace[path->n_trace - 1] += 1;
    CHECK(gmm_escape(&s.fit, path) && gmm_n_degenerate(path) == 0 && gmm_objective(path) <= highest + 1e-9);
    free(s.scratch);
}

/* Two rows far from their cluster would have a component of their own if that were no spike. */
static void thin(void)
{
    search s;
    in_case("exchange, thin components");
    prepare(&s, GMM_FULL, 2, STEPS, 0);
    s.value[1] = 40, s.value[3] = 40.5;
    gmm_see_distinct(&s.fit);
    CHECK(gmm_measure_columns(&s.fit));
    gmm_path *path = climbed(&s, 0);
    const double before = gmm_objective(path);
    CHECK(gmm_escape(&s.fit, path) && gmm_n_degenerate(path) == 0 && gmm_objective(path) >= before);
    free(s.scratch);
}

void test_exchange(void)
{
    for (int structure = 0; structure < GMM_N_STRUCTURES; ++structure) {
        if (structure == GMM_FULL || structure == GMM_TIED || structure == GMM_DIAG || structure == GMM_SPHERICAL) {
            leave_trap((gmm_structure)structure, 2, STEPS, structure % 2);
            leave_trap((gmm_structure)structure, 2, 3, !(structure % 2));
        }
    }
    leave_trap(GMM_FULL, 2, 0, 0);
    leave_trap(GMM_DIAG, MOST_FEATURES, STEPS, 0);
    no_cut();
    no_numbers();
    thin();
    ranks(1);
    ranks(STEPS);
}
