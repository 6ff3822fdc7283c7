/* fit.c: whole fits of few rows, see gmm_fit in gmm.h. */
#include "fit.h"
#include "parallel.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* gmm/rehearsal.py: `plan` of few rows. */
static gmm_rounds rounds_of(int64_t n_components) {
    const int64_t n_candidates = n_components > 3 ? 10 : n_components == 3 ? 4 : 5;
    return (gmm_rounds){.n_candidates = n_candidates, .n_rounds = n_components > 3 ? 4 : n_components == 3 ? 2 : 3,
                        .n_iter = {10, 5, 3, 3}, .sees_all = {1, 1, 1, 1}};
}

/* ---- scratch ---- */

static gmm_path take_path(const gmm_plan *plan, int64_t D, int64_t longest, gmm_workspace *space) {
    const int64_t K = plan->n_components, size = gmm_covariance_size(plan->structure, K, D);
    gmm_path path = {.stop = GMM_AT_LIMIT};
    path.mixture = (gmm_mixture){plan->structure, K, D, gmm_take(space, K, sizeof(double)),
                                 gmm_take(space, K * D, sizeof(double)), gmm_take(space, size, sizeof(double)), plan->form};
    path.statistics.n = gmm_take(space, K, sizeof(double));
    path.statistics.first = gmm_take(space, K * D, sizeof(double));
    path.statistics.second = gmm_take(space, size, sizeof(double));
    path.floored = gmm_take(space, K, 1);
    path.trace = gmm_take(space, longest + 1, sizeof(double));
    return path;
}

/* Of the passes of a fit: its own, of moments in any shape, of seeding, of a total scatter. */
static size_t most_pass_bytes(const gmm_plan *plan, int64_t D) {
    const int64_t K = plan->n_components, C = 2 + (int64_t)log((double)K), most = K > C ? K : C;
    size_t found = gmm_scratch_bytes(GMM_FULL, GMM_F64, 1, D, 1);
    for (int structure = 0; structure < GMM_N_STRUCTURES; ++structure) {
        const size_t bytes = gmm_scratch_bytes((gmm_structure)structure, plan->precision, most, D, 1);
        if (bytes > found) found = bytes;
    }
    return found;
}

void gmm_take_fitting(const gmm_plan *plan, const gmm_rounds *rounds, int64_t N, int64_t D, gmm_workspace *space,
                      gmm_fitting *fitting) {
    const int64_t K = plan->n_components, C = 2 + (int64_t)log((double)K), each = 2 * (D + 1);
    const int64_t labels = N > K * each ? N : K * each, size = K * D * D;
    gmm_fitting fit = {.plan = plan, .rounds = *rounds, .rows.n_rows = N};
    double **const doubles[] = {
        &fit.scatter, &fit.seen_scatter, &fit.seen_value, &fit.seen_weight, &fit.drawn_value, &fit.column_mean,
        &fit.column_variance, &fit.total.n, &fit.total.first, &fit.total.second, &fit.view_scale, &fit.view_centre,
        &fit.centre, &fit.candidate, &fit.sum, &fit.n, &fit.potential, &fit.closest, &fit.cumulative, &fit.distance,
        &fit.sums.n, &fit.sums.first, &fit.sums.second, &fit.mean, &fit.count, &fit.pooled, &fit.unused, &fit.agreeing,
        &fit.log_constant, &fit.whitener};
    const int64_t sizes[] = {D * D, D * D, N * D, N, K * each * D, D, D, 1, D, D * D, D, D, K * D, (K > C ? K : C) * D,
                             K * D, K, C, N, N, N * C, K, K * D, size, K * D, K, D * D, size, K * K, K, size};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) *doubles[i] = gmm_take(space, sizes[i], sizeof(double));
    fit.sorted = gmm_take(space, 2 * N, sizeof *fit.sorted);
    fit.label = gmm_take(space, labels, sizeof *fit.label);
    fit.spare_label = gmm_take(space, labels, sizeof *fit.spare_label);
    fit.floored = gmm_take(space, K, 1);
    const int looks_on = gmm_has_neighbours(plan);
    fit.exchanging = gmm_take_exchanging(N, looks_on ? K : 0, D, space);
    fit.start = gmm_take(space, plan->n_starts + looks_on, sizeof *fit.start);
    fit.tried = gmm_take(space, rounds->n_candidates, sizeof *fit.tried);
    for (int64_t s = 0; s < plan->n_starts + looks_on; ++s) {
        gmm_path path = take_path(plan, D, plan->max_iter, space);
        gmm_memory *memory = NULL;
        if (plan->patience < plan->max_iter) {
            memory = gmm_take(space, 1, sizeof *memory);
            const gmm_memory empty = gmm_take_memory(plan->structure, plan->form, K, D, space);
            if (space->base) *memory = empty;
        }
        path.memory = memory;
        if (space->base) fit.start[s] = path;
    }
    for (int64_t c = 0; c < rounds->n_candidates; ++c) {
        const gmm_path path = take_path(plan, D, gmm_longest_rehearsal(rounds), space);
        if (space->base) fit.tried[c] = path;
    }
    fit.pass_bytes = most_pass_bytes(plan, D);
    fit.matrices_bytes = gmm_mixture_scratch_bytes(GMM_FULL, K, D, 1) + gmm_form_scratch_bytes(plan->form, K, D);
    fit.pass = gmm_take(space, (int64_t)fit.pass_bytes, 1);
    fit.matrices = gmm_take(space, (int64_t)fit.matrices_bytes, 1);
    *fitting = fit;
    fitting->over_rows = gmm_take_climber(&fitting->rows, plan->structure, plan->form, plan->precision, K, D, 1, space);
    fitting->seen.n_rows = N;
    fitting->over_seen = gmm_take_climber(&fitting->seen, plan->structure, plan->form, plan->precision, K, D, 1, space);
}

size_t gmm_fit_scratch_bytes(const gmm_plan *plan, int64_t n_rows, int64_t n_features, int n_threads) {
    gmm_workspace space = {NULL, 0};
    gmm_fitting fit;
    if (!plan || n_rows < 1 || n_threads < 1 || plan->n_starts < 1 || plan->max_iter < 0 || plan->short_iter < 0 ||
        plan->patience < 0 || (unsigned)plan->method > GMM_METHOD_AROUND ||
        (plan->method != GMM_METHOD_GIVEN && plan->form != GMM_OWN_FORM) ||
        (plan->method >= GMM_METHOD_GIVEN && plan->n_starts != 1) ||
        plan->max_iter > (int64_t)1 << 30 || plan->n_starts > (int64_t)1 << 20 || n_rows > (int64_t)1 << 40 ||
        !gmm_climb_scratch_bytes(plan->structure, plan->form, plan->precision, plan->n_components, n_features))
        return 0;
    const gmm_rounds rounds = rounds_of(plan->n_components);
    gmm_take_fitting(plan, &rounds, n_rows, n_features, &space, &fit);
    return GMM_CACHE_LINE + space.used * (size_t)n_threads;
}

/* ---- one pass of a mixture ---- */

void gmm_factors_of(gmm_fitting *fit, const gmm_mixture *mixture, int centred, gmm_factors *factors) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    int64_t bad;
    (void)gmm_factorize(mixture, NULL, 1, fit->matrices, fit->matrices_bytes, fit->log_constant, fit->whitener, &bad);
    *factors = (gmm_factors){.structure = mixture->structure, .precision = fit->plan->precision, .n_components = K,
                             .n_features = D, .log_constant = fit->log_constant, .mean = mixture->mean,
                             .whitener = fit->whitener};
    if (mixture->structure != GMM_TIED || !centred) return;
    for (int64_t k = 1; k < K; ++k) memcpy(fit->whitener + k * D * D, fit->whitener, (size_t)(D * D) * sizeof(double));
    factors->structure = GMM_FULL;
}

double gmm_likelihood_of(gmm_fitting *fit, const gmm_mixture *mixture, int centred) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    gmm_statistics *sums = &fit->sums;
    gmm_factors factors;
    int64_t bad;
    gmm_factors_of(fit, mixture, centred, &factors);
    memset(sums->n, 0, (size_t)K * sizeof(double));
    memset(sums->first, 0, (size_t)(K * D) * sizeof(double));
    const int64_t size = gmm_covariance_size(gmm_moments_structure(mixture->structure), K, D);
    memset(sums->second, 0, (size_t)size * sizeof(double));
    sums->log_likelihood = sums->weight = 0;
    (void)gmm_accumulate(&fit->rows, &factors, 1, fit->pass, fit->pass_bytes, sums, &bad);
    return sums->log_likelihood / sums->weight;
}

int gmm_measure_scatter(gmm_fitting *fit, const gmm_rows *rows, double *scatter) {
    const int64_t D = rows->n_features;
    double zero = 0, n = 0;
    int64_t bad;
    memset(fit->mean, 0, (size_t)D * sizeof(double));
    memset(fit->whitener, 0, (size_t)(D * D) * sizeof(double));
    memset(fit->sums.first, 0, (size_t)D * sizeof(double));
    memset(scatter, 0, (size_t)(D * D) * sizeof(double));
    for (int64_t j = 0; j < D; ++j) fit->whitener[j * D + j] = 1;
    const gmm_factors one = {.structure = GMM_FULL, .precision = GMM_F64, .n_components = 1, .n_features = D,
                             .log_constant = &zero, .mean = fit->mean, .whitener = fit->whitener};
    gmm_statistics sums = {.n = &n, .first = fit->sums.first, .second = scatter};
    return gmm_accumulate(rows, &one, 1, fit->pass, fit->pass_bytes, &sums, &bad) == GMM_OK;
}

/* ---- one fit ---- */

static int fit_rows(gmm_fitting *fit, gmm_group *group) {
    const gmm_plan *plan = fit->plan;
    const int64_t K = plan->n_components, D = group->rows.n_features;
    fit->rows = group->rows;
    fit->limits = (gmm_limits){.precision = plan->precision, .ridge = group->ridge, .floor = group->floor,
                               .epsilon = plan->precision == GMM_F64 ? DBL_EPSILON : FLT_EPSILON};
    memset(fit->unused, 0, (size_t)gmm_covariance_size(plan->structure, K, D) * sizeof(double));
    const int is_given = plan->method >= GMM_METHOD_GIVEN, is_seen = plan->method != GMM_METHOD_GIVEN;
    if (is_seen) gmm_see_distinct(fit);
    for (int64_t r = 0; r < fit->rounds.n_rounds; ++r) fit->rounds.n_rows[r] = fit->seen.n_rows;
    if (plan->structure == GMM_TIED) {
        if (!gmm_measure_scatter(fit, &fit->rows, fit->scatter)) return 0;
        if (is_seen) (void)gmm_measure_scatter(fit, &fit->seen, fit->seen_scatter); /* the same values, once each */
    }
    if (is_seen && !gmm_measure_columns(fit)) return 0;
    group->n_started = K == 1 ? 1 : plan->n_starts;
    const int64_t first = plan->n_starts == 1 || plan->short_iter > plan->max_iter ? plan->max_iter : plan->short_iter;
    for (int64_t s = 0; s < group->n_started; ++s) {
        gmm_path *path = fit->start + s;
        gmm_begin_anew(path);
        if (is_given) gmm_copy_mixture(&group->mixture, &path->mixture);
        if ((!is_given && !gmm_rehearse(fit, group->seed[s], &path->mixture)) ||
            !gmm_climb_on(fit, &fit->over_rows, path, plan->tol, first))
            return 0;
    }
    group->winner = gmm_race(fit, group->n_started);
    if (group->winner < 0) return 0;
    gmm_tabulate(fit, group);
    const gmm_path *best = fit->start + group->winner;
    memcpy(group->mixture.weight, best->mixture.weight, (size_t)K * sizeof(double));
    memcpy(group->mixture.mean, best->mixture.mean, (size_t)(K * D) * sizeof(double));
    memcpy(group->mixture.covariance, best->mixture.covariance,
           (size_t)gmm_covariance_size(plan->structure, K, D) * sizeof(double));
    memcpy(group->floored, best->floored, (size_t)K);
    memcpy(group->trace, best->trace, (size_t)best->n_trace * sizeof(double));
    group->n_trace = best->n_trace;
    group->stop = best->stop;
    group->log_likelihood = group->table[group->winner * GMM_TABLE + GMM_LOG_LIKELIHOOD];
    if (plan->structure == GMM_TIED) group->log_likelihood = gmm_likelihood_of(fit, &best->mixture, 1);
    return 1;
}

typedef struct {
    const gmm_plan *plan;
    gmm_group *groups;
    unsigned char *scratch;
    size_t bytes; /* of scratch for each thread */
} fitting_all;

static void fit_block(void *context, int thread, int64_t slot, int64_t index) {
    const fitting_all *all = context;
    gmm_group *group = all->groups + index;
    gmm_workspace space = {all->scratch + (size_t)thread * all->bytes, 0};
    const gmm_rounds rounds = rounds_of(all->plan->n_components);
    gmm_fitting fit;
    gmm_take_fitting(all->plan, &rounds, group->rows.n_rows, group->rows.n_features, &space, &fit);
    (void)slot;
    if (!fit_rows(&fit, group)) group->stop = GMM_UNUSUAL;
}

gmm_status gmm_fit(const gmm_plan *plan, int64_t n_groups, gmm_group *groups, int n_threads, void *scratch,
                   size_t scratch_bytes) {
    int64_t N = 1, D = 1;
    if (!plan || n_groups < 0 || !groups || n_threads < 1) return GMM_EINVAL;
    for (int64_t g = 0; g < n_groups; ++g) {
        const gmm_group *group = groups + g;
        if (!group->rows.data || group->rows.n_rows < 1 || !group->rows.scale || !group->rows.centre || !group->floor ||
            !group->seed || !group->floored || !group->trace || !group->table || !group->mixture.weight ||
            !group->mixture.mean || !group->mixture.covariance)
            return GMM_EINVAL;
        N = group->rows.n_rows > N ? group->rows.n_rows : N;
        D = g ? D : group->rows.n_features;
        if (group->rows.n_features != D) return GMM_EINVAL;
    }
    const int usable = gmm_usable_threads(n_threads, n_groups);
    const size_t needed = gmm_fit_scratch_bytes(plan, N, D, usable);
    if (!needed) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    fitting_all all = {plan, groups, gmm_align_to_line(scratch), (needed - GMM_CACHE_LINE) / (size_t)usable};
    const gmm_blocks blocks = {.block = fit_block, .context = &all, .n_blocks = n_groups};
    gmm_run_blocks(&blocks, usable);
    return GMM_OK;
}
