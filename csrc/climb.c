/* climb.c: EM iterations without a caller between them, see gmm_climb in gmm.h.
 *
 * Sets of parameters and statistics take turns: the present one and the proposal, which becomes the present one unless
 * something about it is out of the ordinary; then the caller finds everything as it was before it. The loop is that of
 * gmm/em.py, leaps included. */
#include "convergence.h"
#include "fit.h"
#include "forms.h"
#include "matrices.h"

#include <float.h>
#include <math.h>
#include <string.h>

int64_t gmm_covariance_size(gmm_structure structure, int64_t K, int64_t D) {
    switch (structure) {
    case GMM_FULL: return K * D * D;
    case GMM_TIED: return D * D;
    case GMM_DIAG: return K * D;
    default: return K;
    }
}

static gmm_position take_position(gmm_structure structure, gmm_form form, int64_t K, int64_t D, gmm_workspace *space) {
    const int64_t size = gmm_covariance_size(structure, K, D);
    gmm_position at;
    at.mixture = (gmm_mixture){structure, K, D, gmm_take(space, K, sizeof(double)),
                               gmm_take(space, K * D, sizeof(double)), gmm_take(space, size, sizeof(double)), form};
    at.statistics = (gmm_statistics){gmm_take(space, K, sizeof(double)), gmm_take(space, K * D, sizeof(double)),
                                     gmm_take(space, size, sizeof(double)), 0, 0, 0};
    at.floored = gmm_take(space, K, 1);
    return at;
}

gmm_climber gmm_take_climber(const gmm_rows *rows, gmm_structure structure, gmm_form form, gmm_dtype precision,
                             int64_t n_components, int64_t n_features, int keeps_tiles, gmm_workspace *space) {
    const int64_t K = n_components, D = n_features;
    gmm_climber climber = {.matrices_bytes = gmm_mixture_scratch_bytes(structure, K, D, 1) +
                                             gmm_form_scratch_bytes(form, K, D)};
    climber.pass = gmm_stand(rows, structure, precision, K, D, keeps_tiles, space);
    climber.next = take_position(structure, form, K, D, space);
    climber.leap = take_position(structure, form, K, D, space);
    climber.onward = take_position(structure, form, K, D, space);
    climber.log_constant = gmm_take(space, K, sizeof(double));
    climber.whitener = gmm_take(space, gmm_covariance_size(structure, K, D), sizeof(double));
    climber.matrices = gmm_take(space, (int64_t)climber.matrices_bytes, 1);
    return climber;
}

size_t gmm_climb_scratch_bytes(gmm_structure structure, gmm_form form, gmm_dtype precision, int64_t n_components,
                               int64_t n_features) {
    gmm_workspace space = {NULL, 0};
    if (!gmm_form_suits(form, structure) || !gmm_scratch_bytes(structure, precision, n_components, n_features, 1) ||
        !gmm_mixture_scratch_bytes(structure, n_components, n_features, 1))
        return 0;
    gmm_take_climber(NULL, structure, form, precision, n_components, n_features, 0, &space);
    return GMM_CACHE_LINE + space.used;
}

static int factorize(const gmm_climber *climber, const gmm_mixture *mixture, const double *ridge) {
    int64_t bad;
    return gmm_factorize(mixture, ridge, 1, climber->matrices, climber->matrices_bytes, climber->log_constant,
                         climber->whitener, &bad) == GMM_OK;
}

/* Statistics of the rows under the mixture of a position; 0 when they are out of the ordinary. */
static int evaluate(gmm_climber *climber, const gmm_limits *limits, gmm_position *at) {
    const gmm_mixture *mixture = &at->mixture;
    gmm_statistics *sums = &at->statistics;
    if (!factorize(climber, mixture, limits->ridge)) return 0;
    if (mixture->structure == GMM_TIED && !gmm_tied_is_safe(mixture, climber->whitener)) return 0;
    if (!gmm_accumulate_again(&climber->pass, climber->log_constant, mixture->mean, climber->whitener, sums)) return 0;
    if (mixture->structure == GMM_TIED)
        gmm_pool(mixture->n_components, mixture->n_features, limits->total_scatter, mixture->mean, sums, sums->second);
    return 1;
}

static double objective_of(const gmm_position *at) { return at->statistics.log_likelihood / at->statistics.weight; }

/* The M-step from `here` to `next`; with arguments as those of a climb are checked to be it always ends well. */
static void maximize(const gmm_climber *climber, const gmm_limits *limits, const gmm_position *here,
                     gmm_position *next) {
    (void)gmm_maximize(&here->statistics, here->mixture.mean, here->mixture.structure == GMM_TIED, &here->mixture,
                       limits->ridge, limits->floor, limits->epsilon, 1, climber->matrices, climber->matrices_bytes,
                       &next->mixture, next->floored);
}

/* What rounding of the covariances may cost the objective, nats per row: Covariance.rounding in Python, where the
 * reasons stand. inf without factors. */
static double rounding_of(const gmm_climber *climber, const gmm_mixture *mixture) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const double share = 8;
    double noise = 0;
    if (mixture->structure == GMM_DIAG || mixture->structure == GMM_SPHERICAL) return 0;
    if (!factorize(climber, mixture, NULL)) return INFINITY;
    for (int64_t k = 0; k < K; ++k) {
        const int64_t at = mixture->structure == GMM_TIED ? 0 : k * D * D;
        for (int64_t i = 0; i < D; ++i) {
            double kappa = 0;
            for (int64_t j = 0; j <= i; ++j) {
                const double w = climber->whitener[at + i * D + j];
                kappa += w * w * mixture->covariance[at + j * D + j];
            }
            noise += mixture->weight[k] * (DBL_EPSILON * kappa) * (DBL_EPSILON * kappa);
        }
    }
    return share * noise;
}

static void copy_position(gmm_position *to, const gmm_position *from) {
    const int64_t K = from->mixture.n_components, D = from->mixture.n_features;
    const size_t size = (size_t)gmm_covariance_size(from->mixture.structure, K, D) * sizeof(double);
    gmm_copy_mixture(&from->mixture, &to->mixture);
    memcpy(to->statistics.n, from->statistics.n, (size_t)K * sizeof(double));
    memcpy(to->statistics.first, from->statistics.first, (size_t)(K * D) * sizeof(double));
    memcpy(to->statistics.second, from->statistics.second, size);
    memcpy(to->floored, from->floored, (size_t)K);
}

static void swap(gmm_position *a, gmm_position *b) {
    const gmm_position kept = *a;
    *a = *b;
    *b = kept;
}

/* Goes from the end of a path's trace to `leap` rather than to `next`, EM's own image: 1 when that is worth it. What EM
 * makes of it is then in `onward`. */
static int leap_on(gmm_climber *climber, const gmm_limits *limits, const gmm_path *path, const gmm_position *next,
                   gmm_position *leap, gmm_position *onward) {
    gmm_memory *memory = path->memory;
    const double last = path->trace[path->n_trace - 1];
    if (!gmm_leap(memory, path->trace, path->n_trace, &leap->mixture)) return 0;
    int kept = evaluate(climber, limits, leap) && objective_of(leap) >= last - gmm_rounding(last, limits->epsilon);
    if (kept) maximize(climber, limits, leap, onward);
    for (int64_t k = 0; kept && k < leap->mixture.n_components; ++k) kept &= !onward->floored[k];
    if (!kept) {
        gmm_refuse_leap(memory);
        return 0;
    }
    gmm_keep_leap(memory, objective_of(leap) - last, path->n_trace);
    memcpy(leap->floored, next->floored, (size_t)leap->mixture.n_components);
    return 1;
}

static gmm_stop after_fall(const gmm_climber *climber, const gmm_limits *limits, const gmm_path *path,
                           const gmm_position *here, const gmm_position *next) {
    const double noise = fmax(rounding_of(climber, &here->mixture), rounding_of(climber, &next->mixture));
    const int told = path->memory && path->memory->is_on && path->memory->last_leap;
    const double to_come = told ? gmm_rise_left(path->memory, 0) : 0;
    return gmm_ends_by_rounding(path->trace, path->n_trace, objective_of(next), limits->tol, noise,
                                told ? &to_come : NULL)
               ? GMM_CONVERGED
               : GMM_FELL;
}

static int has_converged(const gmm_limits *limits, const gmm_path *path) {
    const int leaps = path->memory && path->memory->is_on;
    const int64_t steady = leaps ? gmm_steady_entries(path->memory, path->n_trace) : path->n_trace;
    return gmm_has_converged(path->trace + path->n_trace - steady, steady, limits->tol, limits->epsilon);
}

void gmm_ascend(gmm_climber *climber, const gmm_limits *limits, gmm_path *path) {
    gmm_position given = {path->mixture, path->statistics, path->floored}, here = given;
    gmm_position next = climber->next, leap = climber->leap, onward = climber->onward;
    int is_proposed = 0; /* whether next is known from the last leap */
    path->stop = GMM_AT_LIMIT;
    if (path->n_trace == 0) {
        const int usual = evaluate(climber, limits, &here);
        path->trace[0] = objective_of(&here);
        path->n_trace = usual && path->trace[0] == path->trace[0];
        if (!path->n_trace) path->stop = GMM_UNUSUAL;
    }
    while (path->stop == GMM_AT_LIMIT && path->n_trace <= limits->max_iter) {
        int has_leapt = 0;
        if (!is_proposed) maximize(climber, limits, &here, &next);
        if (path->memory && path->memory->is_on) {
            gmm_remember(path->memory, path->n_trace, &here.mixture, &next.mixture, next.floored, limits->tol,
                         limits->epsilon);
            if (path->memory->converged) {
                path->stop = GMM_CONVERGED;
                break;
            }
            has_leapt = leap_on(climber, limits, path, &next, &leap, &onward);
            if (has_leapt) swap(&next, &leap);
        }
        if ((!has_leapt && !evaluate(climber, limits, &next)) || !(objective_of(&next) == objective_of(&next))) {
            path->stop = GMM_UNUSUAL;
            break;
        }
        const double objective = objective_of(&next);
        if (objective - path->trace[path->n_trace - 1] < -gmm_fall_allowance(objective, limits->epsilon)) {
            path->stop = after_fall(climber, limits, path, &here, &next);
            break;
        }
        swap(&here, &next);
        if (has_leapt) swap(&next, &onward);
        is_proposed = has_leapt;
        path->trace[path->n_trace++] = objective;
        if (has_converged(limits, path)) path->stop = GMM_CONVERGED;
    }
    if (here.floored != given.floored) copy_position(&given, &here);
    path->statistics.log_likelihood = here.statistics.log_likelihood;
    path->statistics.weight = here.statistics.weight;
}

gmm_status gmm_climb(const gmm_rows *rows, const gmm_limits *limits, gmm_mixture *mixture, gmm_statistics *statistics,
                     unsigned char *floored, double *trace, int64_t *n_trace, gmm_stop *stop, void *scratch,
                     size_t scratch_bytes) {
    if (!rows || !limits || !limits->floor || !gmm_mixture_is_valid(mixture) || !statistics || !statistics->n ||
        !statistics->first || !statistics->second || !floored || !trace || !n_trace || *n_trace < 0 || !stop || (mixture->structure == GMM_TIED && !limits->total_scatter))
        return GMM_EINVAL;
    const size_t needed = gmm_climb_scratch_bytes(mixture->structure, mixture->form, limits->precision,
                                                  mixture->n_components, mixture->n_features);
    if (!needed || !rows->data || rows->n_rows < 1 || rows->n_features != mixture->n_features || !rows->scale ||
        !rows->centre)
        return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    gmm_climber climber = gmm_take_climber(rows, mixture->structure, mixture->form, limits->precision,
                                           mixture->n_components, mixture->n_features, 0, &space);
    gmm_path path = {*mixture, *statistics, floored, trace, *n_trace, GMM_AT_LIMIT, NULL};
    gmm_ascend(&climber, limits, &path);
    *n_trace = path.n_trace;
    *stop = path.stop;
    statistics->log_likelihood = path.statistics.log_likelihood;
    statistics->weight = path.statistics.weight;
    return GMM_OK;
}
