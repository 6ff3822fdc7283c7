/* escape.c: a climb that has ended low goes on from a neighbour of its mixture: gmm/escape.py once more, where the reasons
 * stand. */
#include "fit.h"

static const double CLEARLY = 10, WORTH = 1e-3;
enum { SHORT = 5 };

int gmm_has_neighbours(const gmm_plan *plan) {
    const int looks_on = plan->method == GMM_METHOD_KMEANS || plan->method == GMM_METHOD_AROUND;
    return looks_on && plan->n_starts > 0 && plan->n_components >= GMM_FEWEST_EXCHANGED;
}

/* Whether a climb has fewer degenerate components, or an objective that is higher by more than so much. */
static int passes(const gmm_path *rival, const gmm_path *best, double objective, double by) {
    const int64_t degenerate = gmm_n_degenerate(rival), leading = gmm_n_degenerate(best);
    return degenerate < leading || (degenerate == leading && objective > gmm_objective(best) + by);
}

/* Climbs from a neighbour as long as it promises more than the best has, and takes its place when it has more. */
static int judge(gmm_fitting *fit, const gmm_mixture *neighbour, gmm_path *best, int *is_new) {
    const gmm_plan *plan = fit->plan;
    gmm_path *path = fit->start + plan->n_starts;
    int64_t until = plan->max_iter < SHORT ? plan->max_iter : SHORT;
    int leads;
    gmm_begin_anew(path);
    gmm_copy_mixture(neighbour, &path->mixture);
    do {
        if (!gmm_climb_on(fit, &fit->over_rows, path, plan->tol, until)) return 0;
        const int64_t doubled = 2 * (path->n_trace - 1), next = doubled > 1 ? doubled : 1;
        until = next < plan->max_iter ? next : plan->max_iter;
        leads = passes(path, best, gmm_objective(path), CLEARLY * plan->tol);
    } while (path->stop == GMM_AT_LIMIT && path->n_trace <= plan->max_iter &&
             (leads || passes(path, best, gmm_promise(path), WORTH)));
    if (leads) {
        const gmm_path left = *best;
        *best = *path;
        *path = left;
        *is_new = 1;
    }
    return 1;
}

int gmm_escape(gmm_fitting *fit, gmm_path *best) {
    int is_new = gmm_has_neighbours(fit->plan) && best->stop == GMM_CONVERGED;
    while (is_new) {
        const int64_t n = gmm_exchange(fit, &best->mixture);
        is_new = 0;
        for (int64_t c = 0; c < n; ++c)
            if (!judge(fit, &fit->tried[c].mixture, best, &is_new)) return 0;
    }
    return 1;
}
