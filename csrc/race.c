/* race.c: starts race, and what became of each: gmm/restarts.py once more, where the reasons stand. */
#include "fit.h"

#include <math.h>
#include <string.h>

static const double SAME_PARTITION = 0.95, SAME_OBJECTIVE = 10, SAME_PATH = 1e-9, SAME_SLOPE = 1.5, SAME_HILL = 0.5;

/* ---- the race ---- */

static int is_unfinished(const gmm_path *path, const gmm_plan *plan) {
    return path->stop == GMM_AT_LIMIT && path->n_trace <= plan->max_iter;
}

/* Whether a climb repeats the leader's, its components perhaps numbered otherwise. */
static int follows(const gmm_path *path, const gmm_path *leader) {
    if (path->n_trace > leader->n_trace) return 0;
    for (int64_t t = 0; t < path->n_trace; ++t)
        if (!(fabs(path->trace[t] - leader->trace[t]) <= SAME_PATH)) return 0;
    return 1;
}

/* Whether the leader stands on top of the hill that another, leaping climb is on: _is_below in gmm/restarts.py. */
static int is_below(gmm_fitting *fit, const gmm_path *path, const gmm_path *leader) {
    gmm_memory *memory = path->memory;
    gmm_mixture *renumbered = &fit->over_rows.onward.mixture;
    if (!memory || !memory->is_on || !memory->has_pull || leader->stop != GMM_CONVERGED) return 0;
    for (int64_t k = 0; k < leader->mixture.n_components; ++k)
        if (!(leader->mixture.weight[k] > 0)) return 0;
    if (!gmm_renumber(&memory->about.origin, &leader->mixture, fit->spare_label, renumbered) ||
        !gmm_vector_of(&memory->about, renumbered, memory->newton))
        return 0;
    const double height = gmm_objective(leader) - path->trace[memory->n_trace - 1];
    const double slope = gmm_dot(memory->about.size, memory->pull, memory->newton);
    return gmm_dot(memory->about.size, memory->newton, memory->newton) < SAME_HILL * SAME_HILL &&
           slope / SAME_SLOPE < 2 * height && 2 * height < SAME_SLOPE * slope;
}

/* Of the leader nobody has fewer degenerate components: it would not lead. */
static int may_win(gmm_fitting *fit, const gmm_path *path, const gmm_path *leader) {
    const gmm_plan *plan = fit->plan;
    if (path == leader || !is_unfinished(path, plan) || follows(path, leader)) return 0;
    return gmm_n_degenerate(path) == gmm_n_degenerate(leader) && !is_below(fit, path, leader) &&
           gmm_promise(path) > gmm_objective(leader) + plan->tol;
}

int64_t gmm_race(gmm_fitting *fit, int64_t n_started) {
    const gmm_plan *plan = fit->plan;
    for (;;) {
        gmm_path *leader = fit->start, *rival = NULL;
        for (int64_t s = 1; s < n_started; ++s)
            if (gmm_is_better(fit->start + s, leader)) leader = fit->start + s;
        if (is_unfinished(leader, plan)) {
            if (!gmm_climb_on(fit, &fit->over_rows, leader, plan->tol, plan->max_iter)) return -1;
            continue;
        }
        for (int64_t s = 0; s < n_started; ++s) {
            gmm_path *path = fit->start + s;
            if (may_win(fit, path, leader) && (!rival || gmm_promise(path) > gmm_promise(rival))) rival = path;
        }
        if (!rival) return gmm_escape(fit, leader) ? leader - fit->start : -1;
        const int64_t doubled = 2 * (rival->n_trace - 1), next = doubled > 1 ? doubled : 1;
        const int64_t until = next < plan->max_iter ? next : plan->max_iter;
        if (!gmm_climb_on(fit, &fit->over_rows, rival, plan->tol, until)) return -1;
    }
}

/* ---- the table of starts ---- */

static void label_rows(gmm_fitting *fit, const gmm_path *path, int64_t *label) {
    gmm_factors factors;
    int64_t bad;
    gmm_factors_of(fit, &path->mixture, 0, &factors);
    (void)gmm_score(&fit->rows, &factors, 1, fit->pass, fit->pass_bytes, NULL, NULL, label, &bad);
}

static double pairs(double n) { return n * (n - 1) / 2; }

/* Adjusted Rand index of two partitions of the rows: gmm/agreement.py. */
static double agreement(gmm_fitting *fit, const int64_t *label, const int64_t *other) {
    const int64_t K = fit->plan->n_components, N = fit->rows.n_rows;
    double together = 0, rows = 0, columns = 0, *counts = fit->agreeing;
    memset(counts, 0, (size_t)(K * K) * sizeof *counts);
    for (int64_t i = 0; i < N; ++i) ++counts[label[i] * K + other[i]];
    for (int64_t k = 0; k < K; ++k) {
        double row = 0, column = 0;
        for (int64_t l = 0; l < K; ++l) {
            together += pairs(counts[k * K + l]);
            row += counts[k * K + l];
            column += counts[l * K + k];
        }
        rows += pairs(row);
        columns += pairs(column);
    }
    const double every = pairs((double)N), most = (rows + columns) / 2;
    const double expected = every > 0 ? rows * columns / every : 0;
    return most == expected ? 1 : (together - expected) / (most - expected);
}

static int64_t n_floored(const gmm_path *path) {
    int64_t found = 0;
    for (int64_t k = 0; k < path->mixture.n_components; ++k) found += path->floored[k];
    return found;
}

void gmm_tabulate(gmm_fitting *fit, const gmm_group *group) {
    const gmm_path *best = fit->start + group->winner;
    if (group->n_started > 1) label_rows(fit, best, fit->label);
    for (int64_t s = 0; s < group->n_started; ++s) {
        const gmm_path *path = fit->start + s;
        double *row = group->table + s * GMM_TABLE;
        int is_near = 1;
        row[GMM_AGREEMENT] = 1;
        if (path != best) {
            label_rows(fit, path, fit->spare_label);
            row[GMM_AGREEMENT] = agreement(fit, fit->spare_label, fit->label);
            is_near = fabs(gmm_objective(path) - gmm_objective(best)) <= SAME_OBJECTIVE * fit->plan->tol ||
                      is_below(fit, path, best);
        }
        row[GMM_LOG_LIKELIHOOD] = path->statistics.log_likelihood / path->statistics.weight;
        if (group->ridge) row[GMM_LOG_LIKELIHOOD] = gmm_likelihood_of(fit, &path->mixture, 0);
        row[GMM_ITERATIONS] = (double)(path->n_trace - 1);
        row[GMM_STOPPED] = (double)path->stop;
        row[GMM_FLOORED] = (double)n_floored(path);
        row[GMM_SAME] = (row[GMM_AGREEMENT] >= SAME_PARTITION || is_near) && n_floored(path) == n_floored(best);
    }
}
