/* start.c: starts of a fit of many rows, see gmm_start in gmm.h: rehearsed as in gmm/rehearsal.py, where the reasons
 * stand, each on one thread and on sketches of its own. */
#include "fit.h"
#include "parallel.h"

#include <float.h>
#include <string.h>

typedef struct {
    const gmm_rehearsal *rehearsal;
    const gmm_rows *rows;
    gmm_plan plan;
    gmm_rounds rounds;
    gmm_limits limits;
    const uint64_t *seed;
    gmm_mixture *begun;
    unsigned char *unusual, *scratch;
    size_t bytes; /* of scratch for each thread */
} starting;

static gmm_plan plan_of(const gmm_rehearsal *rehearsal) {
    return (gmm_plan){.structure = rehearsal->structure, .precision = rehearsal->precision,
                      .method = GMM_METHOD_KMEANS, .n_components = rehearsal->n_components};
}

static gmm_rounds rounds_of(const gmm_rehearsal *rehearsal) {
    gmm_rounds rounds = {.n_candidates = rehearsal->n_candidates, .n_rounds = rehearsal->n_rounds};
    for (int64_t r = 0; r < rounds.n_rounds; ++r) {
        rounds.n_iter[r] = rehearsal->n_iter[r];
        rounds.sees_all[r] = rehearsal->last[r] == UINT64_MAX;
    }
    return rounds;
}

/* Whether rounds can be run as they are written. */
static int are_rounds(const gmm_rehearsal *rehearsal) {
    const int64_t most = (int64_t)1 << 30, n_rounds = rehearsal->n_rounds;
    if (rehearsal->n_candidates < 1 || rehearsal->n_candidates > most || rehearsal->most_rows < 1 ||
        rehearsal->most_rows > most || n_rounds < 1 || n_rounds > GMM_MOST_ROUNDS || !rehearsal->n_iter ||
        !rehearsal->last)
        return 0;
    for (int64_t r = 0; r < n_rounds; ++r)
        if (rehearsal->n_iter[r] < 0 || rehearsal->n_iter[r] > most ||
            (r && rehearsal->last[r] < rehearsal->last[r - 1]))
            return 0;
    return 1;
}

size_t gmm_start_scratch_bytes(const gmm_rehearsal *rehearsal, int64_t n_features, int n_threads) {
    gmm_workspace space = {NULL, 0};
    if (!rehearsal || n_threads < 1 || !are_rounds(rehearsal) ||
        !gmm_climb_scratch_bytes(rehearsal->structure, GMM_OWN_FORM, rehearsal->precision, rehearsal->n_components,
                                 n_features))
        return 0;
    const gmm_plan plan = plan_of(rehearsal);
    const gmm_rounds rounds = rounds_of(rehearsal);
    gmm_fitting fit;
    gmm_take_fitting(&plan, &rounds, rehearsal->most_rows, n_features, &space, &fit);
    return GMM_CACHE_LINE + space.used * (size_t)n_threads;
}

static int start(const starting *all, gmm_fitting *fit, int64_t index) {
    const gmm_mixture *begun = all->begun + index;
    const int64_t size = gmm_covariance_size(begun->structure, begun->n_components, begun->n_features);
    fit->rows = *all->rows;
    fit->limits = all->limits;
    memset(fit->unused, 0, (size_t)size * sizeof(double));
    if (!gmm_see_sketches(fit, all->rehearsal, all->seed[index])) return 0;
    if (begun->structure == GMM_TIED && !gmm_measure_scatter(fit, &fit->seen, fit->seen_scatter)) return 0;
    return gmm_measure_columns(fit) && gmm_rehearse(fit, all->seed[index], all->begun + index);
}

static void start_block(void *context, int thread, int64_t slot, int64_t index) {
    const starting *all = context;
    gmm_workspace space = {all->scratch + (size_t)thread * all->bytes, 0};
    gmm_fitting fit;
    gmm_take_fitting(&all->plan, &all->rounds, all->rehearsal->most_rows, all->rows->n_features, &space, &fit);
    (void)slot;
    all->unusual[index] = !start(all, &fit, index);
}

gmm_status gmm_start(const gmm_rehearsal *rehearsal, const gmm_rows *rows, const double *ridge, const double *floor,
                     int64_t n_starts, const uint64_t *seed, int n_threads, void *scratch, size_t scratch_bytes,
                     gmm_mixture *begun, unsigned char *unusual) {
    if (!rehearsal || !rows || !rows->data || rows->n_rows < 1 || !rows->scale || !rows->centre || !floor ||
        n_starts < 0 || !seed || !begun || !unusual || n_threads < 1)
        return GMM_EINVAL;
    for (int64_t s = 0; s < n_starts; ++s)
        if (begun[s].structure != rehearsal->structure || begun[s].form != GMM_OWN_FORM || begun[s].n_components != rehearsal->n_components ||
            begun[s].n_features != rows->n_features || !begun[s].weight || !begun[s].mean || !begun[s].covariance)
            return GMM_EINVAL;
    const int usable = gmm_usable_threads(n_threads, n_starts);
    const size_t needed = gmm_start_scratch_bytes(rehearsal, rows->n_features, usable);
    if (!needed) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    const double epsilon = rehearsal->precision == GMM_F64 ? DBL_EPSILON : FLT_EPSILON;
    starting all = {
        .rehearsal = rehearsal, .rows = rows, .plan = plan_of(rehearsal), .rounds = rounds_of(rehearsal),
        .limits = {.precision = rehearsal->precision, .ridge = ridge, .floor = floor, .epsilon = epsilon},
        .seed = seed, .begun = begun, .unusual = unusual, .scratch = gmm_align_to_line(scratch),
        .bytes = (needed - GMM_CACHE_LINE) / (size_t)usable};
    const gmm_blocks blocks = {.block = start_block, .context = &all, .n_blocks = n_starts};
    gmm_run_blocks(&blocks, usable);
    return GMM_OK;
}
