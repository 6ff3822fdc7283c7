/* climb.c: EM iterations without a caller between them, see gmm_climb in gmm.h.
 *
 * Two sets of parameters and statistics take turns: the present one and the proposal, which becomes the present one
 * unless something about it is out of the ordinary; then the caller finds everything as it was before it. */
#include "convergence.h"
#include "fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct {
    gmm_mixture mixture;
    gmm_statistics statistics;
    unsigned char *floored;
} position;

int64_t gmm_covariance_size(gmm_structure structure, int64_t K, int64_t D) {
    switch (structure) {
    case GMM_FULL: return K * D * D;
    case GMM_TIED: return D * D;
    case GMM_DIAG: return K * D;
    default: return K;
    }
}

typedef struct {
    position next;
    double *log_constant, *whitener;
    unsigned char *pass, *matrices;
    size_t pass_bytes, matrices_bytes;
} room;

static room layout(gmm_structure structure, gmm_dtype precision, int64_t K, int64_t D, gmm_workspace *space) {
    const int64_t size = gmm_covariance_size(structure, K, D);
    room r = {.pass_bytes = gmm_scratch_bytes(structure, precision, K, D, 1),
              .matrices_bytes = gmm_mixture_scratch_bytes(structure, K, D, 1)};
    r.next.mixture = (gmm_mixture){structure, K, D, gmm_take(space, K, sizeof(double)),
                                   gmm_take(space, K * D, sizeof(double)), gmm_take(space, size, sizeof(double))};
    r.next.statistics.n = gmm_take(space, K, sizeof(double));
    r.next.statistics.first = gmm_take(space, K * D, sizeof(double));
    r.next.statistics.second = gmm_take(space, size, sizeof(double));
    r.next.floored = gmm_take(space, K, 1);
    r.log_constant = gmm_take(space, K, sizeof(double));
    r.whitener = gmm_take(space, size, sizeof(double));
    r.pass = gmm_take(space, (int64_t)r.pass_bytes, 1);
    r.matrices = gmm_take(space, (int64_t)r.matrices_bytes, 1);
    return r;
}

size_t gmm_climb_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components, int64_t n_features) {
    gmm_workspace space = {NULL, 0};
    if (!gmm_scratch_bytes(structure, precision, n_components, n_features, 1) ||
        !gmm_mixture_scratch_bytes(structure, n_components, n_features, 1))
        return 0;
    layout(structure, precision, n_components, n_features, &space);
    return GMM_CACHE_LINE + space.used;
}

/* Statistics of the rows under the mixture of a position; 0 when they are out of the ordinary. */
static int evaluate(const gmm_rows *rows, const gmm_limits *limits, position *at, const room *r) {
    const gmm_mixture *mixture = &at->mixture;
    const int64_t K = mixture->n_components, D = mixture->n_features;
    gmm_statistics *sums = &at->statistics;
    int64_t bad;
    if (gmm_factorize(mixture, limits->ridge, 1, r->matrices, r->matrices_bytes, r->log_constant, r->whitener, &bad) !=
        GMM_OK)
        return 0;
    if (mixture->structure == GMM_TIED && !gmm_tied_is_safe(mixture, r->whitener)) return 0;
    const gmm_factors factors = {.structure = mixture->structure, .precision = limits->precision, .n_components = K,
                                 .n_features = D, .log_constant = r->log_constant, .mean = mixture->mean,
                                 .whitener = r->whitener};
    memset(sums->n, 0, (size_t)K * sizeof(double));
    memset(sums->first, 0, (size_t)(K * D) * sizeof(double));
    memset(sums->second, 0, (size_t)gmm_covariance_size(mixture->structure, K, D) * sizeof(double));
    sums->log_likelihood = sums->weight = 0;
    if (gmm_accumulate(rows, &factors, 1, r->pass, r->pass_bytes, sums, &bad) != GMM_OK) return 0;
    if (mixture->structure == GMM_TIED) gmm_pool(K, D, limits->total_scatter, mixture->mean, sums, sums->second);
    return 1;
}

/* One iteration from `here` to `next`; 0 when it is out of the ordinary. */
static int iterate(const gmm_rows *rows, const gmm_limits *limits, const position *here, position *next,
                   const room *r) {
    return gmm_maximize(&here->statistics, here->mixture.mean, here->mixture.structure == GMM_TIED, &here->mixture,
                        limits->ridge, limits->floor, limits->epsilon, 1, r->matrices, r->matrices_bytes,
                        &next->mixture, next->floored) == GMM_OK &&
           evaluate(rows, limits, next, r);
}

/* What rounding of the covariances may cost the objective, nats per row: Covariance.rounding in Python, where the
 * reasons stand. inf without factors. */
static double rounding_of(const gmm_mixture *mixture, const room *r) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const double share = 8;
    double noise = 0;
    int64_t bad;
    if (mixture->structure == GMM_DIAG || mixture->structure == GMM_SPHERICAL) return 0;
    if (gmm_factorize(mixture, NULL, 1, r->matrices, r->matrices_bytes, r->log_constant, r->whitener, &bad) != GMM_OK)
        return INFINITY;
    for (int64_t k = 0; k < K; ++k) {
        const int64_t at = mixture->structure == GMM_TIED ? 0 : k * D * D;
        for (int64_t i = 0; i < D; ++i) {
            double kappa = 0;
            for (int64_t j = 0; j <= i; ++j) {
                const double w = r->whitener[at + i * D + j];
                kappa += w * w * mixture->covariance[at + j * D + j];
            }
            noise += mixture->weight[k] * (DBL_EPSILON * kappa) * (DBL_EPSILON * kappa);
        }
    }
    return share * noise;
}

static void copy_position(position *to, const position *from) {
    const int64_t K = from->mixture.n_components, D = from->mixture.n_features;
    const size_t k = (size_t)K * sizeof(double), kd = k * (size_t)D;
    const size_t size = (size_t)gmm_covariance_size(from->mixture.structure, K, D) * sizeof(double);
    memcpy(to->mixture.weight, from->mixture.weight, k);
    memcpy(to->mixture.mean, from->mixture.mean, kd);
    memcpy(to->mixture.covariance, from->mixture.covariance, size);
    memcpy(to->statistics.n, from->statistics.n, k);
    memcpy(to->statistics.first, from->statistics.first, kd);
    memcpy(to->statistics.second, from->statistics.second, size);
    memcpy(to->floored, from->floored, (size_t)K);
    to->statistics.log_likelihood = from->statistics.log_likelihood;
    to->statistics.weight = from->statistics.weight;
}

gmm_status gmm_climb(const gmm_rows *rows, const gmm_limits *limits, gmm_mixture *mixture, gmm_statistics *statistics,
                     unsigned char *floored, double *trace, int64_t *n_trace, gmm_stop *stop, void *scratch,
                     size_t scratch_bytes) {
    if (!rows || !limits || !limits->floor || !mixture || !statistics || !floored || !trace || !n_trace ||
        *n_trace < 0 || !stop || (mixture->structure == GMM_TIED && !limits->total_scatter))
        return GMM_EINVAL;
    const size_t needed = gmm_climb_scratch_bytes(mixture->structure, limits->precision, mixture->n_components,
                                                  mixture->n_features);
    if (!needed) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    room r = layout(mixture->structure, limits->precision, mixture->n_components, mixture->n_features, &space);
    const position given = {*mixture, *statistics, floored};
    position here = given, next = r.next;
    *stop = GMM_AT_LIMIT;
    if (*n_trace == 0) {
        const int usual = evaluate(rows, limits, &here, &r);
        trace[0] = here.statistics.log_likelihood / here.statistics.weight;
        *n_trace = usual && trace[0] == trace[0];
        if (!*n_trace) *stop = GMM_UNUSUAL;
    }
    while (*stop == GMM_AT_LIMIT && *n_trace <= limits->max_iter) {
        if (!iterate(rows, limits, &here, &next, &r)) {
            *stop = GMM_UNUSUAL;
            break;
        }
        const double objective = next.statistics.log_likelihood / next.statistics.weight;
        if (objective - trace[*n_trace - 1] < -gmm_fall_allowance(objective, limits->epsilon)) {
            const double noise = fmax(rounding_of(&here.mixture, &r), rounding_of(&next.mixture, &r));
            *stop = gmm_ends_by_rounding(trace, *n_trace, objective, limits->tol, noise) ? GMM_CONVERGED : GMM_FELL;
            break;
        }
        if (!(objective == objective)) {
            *stop = GMM_UNUSUAL;
            break;
        }
        const position spare = here;
        here = next;
        next = spare;
        trace[(*n_trace)++] = objective;
        if (gmm_has_converged(trace, *n_trace, limits->tol, limits->epsilon)) {
            *stop = GMM_CONVERGED;
            break;
        }
    }
    position end = given;
    if (here.floored != given.floored) copy_position(&end, &here);
    statistics->log_likelihood = here.statistics.log_likelihood;
    statistics->weight = here.statistics.weight;
    return GMM_OK;
}
