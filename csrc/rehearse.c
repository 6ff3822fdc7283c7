/* rehearse.c: one start: several kinds of beginning climb a little on few rows or a sketch of many, the likeliest goes
 * on. Twin: gmm/rehearsal.py, where the reasons stand. */
#include "convergence.h"
#include "fit.h"

#include <math.h>
#include <string.h>

static const double TOL = 1e-4, TOL_OF_FEW = 1e-3, SAME_END = 1e-9;
enum { N_KINDS = 5 };

double gmm_objective(const gmm_path *path) { return path->trace[path->n_trace - 1]; }

double gmm_promise(const gmm_path *path) {
    const int leaps = path->memory && path->memory->is_on && path->memory->last_leap;
    return gmm_objective(path) +
           (leaps ? gmm_rise_left(path->memory, 0) : gmm_gain_to_come(path->trace, path->n_trace));
}

int64_t gmm_n_degenerate(const gmm_path *path) {
    const gmm_mixture *mixture = &path->mixture;
    const double needed = (double)gmm_rows_needed(mixture->structure, mixture->n_features);
    int64_t found = 0;
    for (int64_t k = 0; k < mixture->n_components; ++k)
        found += path->floored[k] || (mixture->structure != GMM_TIED && path->statistics.n[k] <= needed);
    return found;
}

int gmm_is_better(const gmm_path *path, const gmm_path *other) {
    const int64_t degenerate = gmm_n_degenerate(path), others = gmm_n_degenerate(other);
    if (degenerate != others) return degenerate < others;
    return rint(gmm_objective(path) / SAME_END) > rint(gmm_objective(other) / SAME_END);
}

int gmm_climb_on(gmm_fitting *fit, gmm_climber *over, gmm_path *path, double tol, int64_t max_iter) {
    const int64_t patience = fit->plan->patience;
    if (path->n_trace && path->stop != GMM_AT_LIMIT) return 1;
    fit->limits.tol = tol;
    fit->limits.max_iter = max_iter;
    fit->limits.total_scatter = over == &fit->over_seen ? fit->seen_scatter : fit->scatter;
    if (path->memory && !path->memory->is_on) {
        if (path->n_trace <= patience) fit->limits.max_iter = max_iter < patience ? max_iter : patience;
        else gmm_begin_memory(path->memory);
    }
    gmm_ascend(over, &fit->limits, path);
    return path->stop != GMM_UNUSUAL;
}

/* Whether a climb begins where an earlier one did, its components perhaps numbered otherwise. */
static int is_repeated(const gmm_path *tried, int64_t n_tried) {
    for (int64_t c = 0; c < n_tried; ++c)
        if (fabs(tried[c].trace[0] - tried[n_tried].trace[0]) <= SAME_END) return 1;
    return 0;
}

/* By rising merit; equal ones stay in order. */
static void rank(gmm_path *field, int64_t n) {
    for (int64_t i = 1; i < n; ++i) {
        const gmm_path moving = field[i];
        int64_t to = i;
        for (; to > 0 && gmm_is_better(field + to - 1, &moving); --to) field[to] = field[to - 1];
        field[to] = moving;
    }
}

static double tol_of(const gmm_rounds *rounds) { return rounds->sees_all[0] ? TOL_OF_FEW : TOL; }

int64_t gmm_longest_rehearsal(const gmm_rounds *rounds) {
    int64_t longest = 0;
    for (int64_t r = 0; r < rounds->n_rounds; ++r) longest += rounds->n_iter[r];
    return longest;
}

/* The first n_rows of the sketch become what is seen; 0 when something is out of the ordinary. */
static int see(gmm_fitting *fit, int64_t n_rows) {
    fit->seen.n_rows = n_rows;
    fit->over_seen.pass.task.is_packed = 0;
    return fit->plan->structure != GMM_TIED || gmm_measure_scatter(fit, &fit->seen, fit->seen_scatter);
}

void gmm_begin_anew(gmm_path *path) {
    path->n_trace = 0;
    if (path->memory) path->memory->is_on = 0;
    path->stop = GMM_AT_LIMIT;
    memset(path->floored, 0, (size_t)path->mixture.n_components);
}

/* The candidates that the rehearsal's seed draws, each different one once; their number, or 0. */
static int64_t candidates(gmm_fitting *fit, gmm_draws *draws) {
    static const gmm_kind in_turn[2][N_KINDS] = {
        {GMM_BEGIN_KMEANS, GMM_BEGIN_RANGE, GMM_BEGIN_DATA, GMM_BEGIN_SEEDS, GMM_BEGIN_RANDOM},
        {GMM_BEGIN_KMEANS, GMM_BEGIN_DATA, GMM_BEGIN_SEEDS, GMM_BEGIN_RANDOM},
    };
    const int common = fit->plan->structure == GMM_SPHERICAL, n_kinds = N_KINDS - common;
    const int skipped = fit->rounds.n_candidates < n_kinds; /* the second, which is most like the first */
    int64_t n = 0;
    for (int64_t turn = 0; turn < fit->rounds.n_candidates; ++turn) {
        gmm_path *path = fit->tried + n;
        gmm_begin_anew(path);
        gmm_begin(fit, in_turn[common][(turn + (skipped && turn > 0)) % n_kinds], draws, &path->mixture);
        if (!gmm_climb_on(fit, &fit->over_seen, path, tol_of(&fit->rounds), 0)) return 0;
        n += !is_repeated(fit->tried, n);
    }
    return n;
}

int gmm_rehearse(gmm_fitting *fit, uint64_t seed, gmm_mixture *begun) {
    static const gmm_kind alone[] = {
        [GMM_METHOD_KMEANS] = GMM_BEGIN_KMEANS,
        [GMM_METHOD_SEEDS] = GMM_BEGIN_SEEDS,
        [GMM_METHOD_RANDOM] = GMM_BEGIN_RANDOM,
        [GMM_METHOD_DATA] = GMM_BEGIN_DATA,
    };
    const gmm_rounds *rounds = &fit->rounds;
    gmm_draws draws = gmm_draws_of(seed);
    if (fit->plan->method != GMM_METHOD_KMEANS || begun->n_components == 1) {
        gmm_begin(fit, alone[fit->plan->method], &draws, begun);
        return 1;
    }
    gmm_path *field = fit->tried;
    int64_t n = candidates(fit, &draws), until = 0;
    if (!n) return 0;
    for (int64_t r = 0; r < rounds->n_rounds && !(r && n == 1 && rounds->sees_all[r]); ++r) {
        until += rounds->n_iter[r];
        if (r && rounds->n_rows[r] != rounds->n_rows[r - 1]) {
            until = rounds->n_iter[r];
            if (!see(fit, rounds->n_rows[r])) return 0;
            for (int64_t c = 0; c < n; ++c) gmm_begin_anew(field + c);
        }
        for (int64_t c = 0; c < n; ++c)
            if (!gmm_climb_on(fit, &fit->over_seen, field + c, tol_of(rounds), until)) return 0;
        rank(field, n);
        field += n / 2;
        n -= n / 2;
    }
    gmm_copy_mixture(&field[n - 1].mixture, begun); /* of several the likeliest, as ranked last */
    return 1;
}
