/* test_refused.c: what the entry points of mixtures, climbs, fits, starts, and of rows with missing values or errors do
 * not take: every pointer NULL, every size outside its range, scratch that is none or too small. test_arguments.c has
 * the passes over plain rows. */
#include "check.h"
#include "entries.h"
#include "tests.h"

static void answers(entry *call, arguments *a, gmm_status status, const char *name, const char *change)
{
    in_case("%s: %s", name, change);
    CHECK(call(a) == status);
}

#define ANSWERS(entry, status, change)                     \
    do {                                                   \
        arguments a = *good;                               \
        point_at_itself(&a);                               \
        change;                                            \
        answers(entry, &a, status, #entry, #change);       \
    } while (0)

#define REFUSED(entry, change) ANSWERS(entry, GMM_EINVAL, change)

static void refuse_scratch(void)
{
    entry *const entries[] = {whiten, lift, factorize, expand, expand_into, maximize, climb, fit, start,
                              accumulate_missing, score_missing, accumulate_measured, score_measured};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; ++i) {
        ANSWERS(entries[i], GMM_OK, (void)i); /* so that what is refused is refused for the change alone */
        ANSWERS(entries[i], GMM_ESCRATCH, a.scratch = NULL);
        ANSWERS(entries[i], GMM_ESCRATCH, a.scratch_bytes = 7);
    }
}

/* A mixture, by whichever pointer it is handed in. */
#define REFUSED_MIXTURE(entry, which)                                   \
    do {                                                                \
        REFUSED(entry, a.which = NULL);                                 \
        REFUSED(entry, a.own_##which.structure = GMM_LINEAR);           \
        REFUSED(entry, a.own_##which.n_components = 0);                 \
        REFUSED(entry, a.own_##which.n_features = 0);                   \
        REFUSED(entry, a.own_##which.weight = NULL);                    \
        REFUSED(entry, a.own_##which.mean = NULL);                      \
        REFUSED(entry, a.own_##which.covariance = NULL);                \
    } while (0)

static void refuse_matrices(void)
{
    REFUSED(whiten, a.n_matrices = 0);
    REFUSED(whiten, a.n_features = 0);
    REFUSED(whiten, a.n_threads = 0);
    REFUSED(whiten, a.scatter = NULL);
    REFUSED(whiten, a.whitener = NULL);
    REFUSED(whiten, a.bad = NULL);
    REFUSED(lift, a.n_matrices = 0);
    REFUSED(lift, a.n_features = 0);
    REFUSED(lift, a.n_threads = 0);
    REFUSED(lift, a.scatter = NULL);
    REFUSED(lift, a.about = NULL);
    REFUSED(lift, a.floor = NULL);
    REFUSED(lift, a.floored = NULL);
    REFUSED_MIXTURE(factorize, mixture);
    REFUSED(factorize, a.n_threads = 0);
    REFUSED(factorize, a.constant = NULL);
    REFUSED(factorize, a.whitener = NULL);
    REFUSED(factorize, a.bad = NULL);
    REFUSED(expand, a.n_matrices = 0);
    REFUSED(expand, a.n_features = 0);
    REFUSED(expand, a.constant = NULL);
    REFUSED(expand, a.about = NULL);
    REFUSED(expand, a.whitener = NULL);
    REFUSED(expand, a.scatter = NULL);
    REFUSED(expand, a.trace = NULL);
    REFUSED(expand, a.slope = NULL);
    REFUSED(expand, a.number = NULL);
    REFUSED(expand_into, a.number = NULL);
    REFUSED(expand_into, a.floor = NULL);
    in_case("scratch of mixtures of invalid sizes");
    CHECK(gmm_mixture_scratch_bytes(GMM_LINEAR, K, D, 1) == 0);
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, 0, D, 1) == 0);
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, K, 0, 1) == 0);
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, K, D, 0) == 0);
}

static void refuse_sums_of(entry *call)
{
    REFUSED(call, a.sums = NULL);
    REFUSED(call, a.own_sums.n = NULL);
    REFUSED(call, a.own_sums.first = NULL);
    REFUSED(call, a.own_sums.second = NULL);
}

static void refuse_maximize(void)
{
    REFUSED_MIXTURE(maximize, mixture);
    REFUSED_MIXTURE(maximize, next);
    refuse_sums_of(maximize);
    REFUSED(maximize, a.about = NULL);
    REFUSED(maximize, a.floor = NULL);
    REFUSED(maximize, a.floored = NULL);
    REFUSED(maximize, a.n_threads = 0);
    REFUSED(maximize, a.own_next.structure = GMM_DIAG);
    REFUSED(maximize, a.own_next.n_components += 1);
    REFUSED(maximize, a.own_next.n_features += 1);
}

static void refuse_climb(void)
{
    REFUSED(climb, a.rows = NULL);
    REFUSED(climb, a.limits = NULL);
    REFUSED(climb, a.own_limits.floor = NULL);
    REFUSED(climb, a.own_limits.precision = (gmm_dtype)2);
    REFUSED_MIXTURE(climb, mixture);
    refuse_sums_of(climb);
    REFUSED(climb, a.floored = NULL);
    REFUSED(climb, a.trace = NULL);
    REFUSED(climb, a.n_trace = NULL);
    REFUSED(climb, a.own_n_trace = -1);
    REFUSED(climb, a.stop = NULL);
    REFUSED(climb, a.own_mixture.structure = GMM_TIED); /* without a total scatter */
    REFUSED(climb, a.own_rows.data = NULL);
    REFUSED(climb, a.own_rows.n_rows = 0);
    REFUSED(climb, a.own_rows.n_features += 1);
    REFUSED(climb, a.own_rows.scale = NULL);
    REFUSED(climb, a.own_rows.centre = NULL);
}

static void refuse_fit(void)
{
    REFUSED(fit, a.plan = NULL);
    REFUSED(fit, a.n_groups = -1);
    REFUSED(fit, a.group = NULL);
    REFUSED(fit, a.n_threads = 0);
    REFUSED(fit, a.own_plan.n_starts = 0);
    REFUSED(fit, a.own_plan.n_starts = INT64_MAX);
    REFUSED(fit, a.own_plan.n_components = 0);
    REFUSED(fit, a.own_plan.max_iter = -1);
    REFUSED(fit, a.own_plan.max_iter = INT64_MAX);
    REFUSED(fit, a.own_plan.short_iter = -1);
    REFUSED(fit, a.own_plan.patience = -1);
    REFUSED(fit, a.own_plan.method = (gmm_method)4);
    REFUSED(fit, a.own_group.rows.data = NULL);
    REFUSED(fit, a.own_group.rows.n_rows = 0);
    REFUSED(fit, a.own_group.rows.n_rows = INT64_MAX);
    REFUSED(fit, a.own_group.rows.scale = NULL);
    REFUSED(fit, a.own_group.rows.centre = NULL);
    REFUSED(fit, a.own_group.floor = NULL);
    REFUSED(fit, a.own_group.seed = NULL);
    REFUSED(fit, a.own_group.floored = NULL);
    REFUSED(fit, a.own_group.trace = NULL);
    REFUSED(fit, a.own_group.table = NULL);
    REFUSED(fit, a.own_group.mixture.weight = NULL);
    REFUSED(fit, a.own_group.mixture.mean = NULL);
    REFUSED(fit, a.own_group.mixture.covariance = NULL);
    in_case("scratch of fits of invalid sizes");
    CHECK(gmm_fit_scratch_bytes(&good->own_plan, 0, D, 1) == 0);
    CHECK(gmm_fit_scratch_bytes(&good->own_plan, N, 0, 1) == 0);
    CHECK(gmm_fit_scratch_bytes(&good->own_plan, N, D, 0) == 0);
    CHECK(gmm_fit_scratch_bytes(NULL, N, D, 1) == 0);
}

static void refuse_start(void)
{
    const int64_t too_long[ROUNDS] = {1, INT64_MAX};
    REFUSED(start, a.rehearsal = NULL);
    REFUSED(start, a.rows = NULL);
    REFUSED(start, a.own_rows.data = NULL);
    REFUSED(start, a.own_rows.n_rows = 0);
    REFUSED(start, a.own_rows.scale = NULL);
    REFUSED(start, a.own_rows.centre = NULL);
    REFUSED(start, a.floor = NULL);
    REFUSED(start, a.n_starts = -1);
    REFUSED(start, a.seed = NULL);
    REFUSED(start, a.next = NULL);
    REFUSED(start, a.unusual = NULL);
    REFUSED(start, a.n_threads = 0);
    REFUSED(start, a.own_next.structure = GMM_DIAG);
    REFUSED(start, a.own_next.n_components += 1);
    REFUSED(start, a.own_next.n_features += 1);
    REFUSED(start, a.own_next.weight = NULL);
    REFUSED(start, a.own_next.mean = NULL);
    REFUSED(start, a.own_next.covariance = NULL);
    REFUSED(start, a.own_rehearsal.n_candidates = INT64_MAX);
    REFUSED(start, a.own_rehearsal.most_rows = INT64_MAX);
    REFUSED(start, a.own_rehearsal.n_iter = NULL);
    REFUSED(start, a.own_rehearsal.n_iter = too_long);
    in_case("scratch of starts of invalid sizes");
    CHECK(gmm_start_scratch_bytes(&good->own_rehearsal, 0, 1) == 0);
    CHECK(gmm_start_scratch_bytes(&good->own_rehearsal, D, 0) == 0);
    CHECK(gmm_start_scratch_bytes(NULL, D, 1) == 0);
}

static void refuse_rows_of(entry *call)
{
    REFUSED_MIXTURE(call, mixture);
    REFUSED(call, a.rows = NULL);
    REFUSED(call, a.own_rows.n_features += 1);
    REFUSED(call, a.own_rows.data = NULL);
    REFUSED(call, a.own_rows.dtype = (gmm_dtype)2);
    REFUSED(call, a.own_rows.scale = NULL);
    REFUSED(call, a.own_rows.centre = NULL);
    REFUSED(call, a.n_threads = 0);
    REFUSED(call, a.bad = NULL);
    REFUSED(call, a.bad_component = NULL);
}

static void refuse_runs_of(entry *call)
{
    REFUSED(call, a.runs = NULL);
    REFUSED(call, a.own_runs.n_batches = -1);
    REFUSED(call, a.own_runs.batch = NULL);
    REFUSED(call, a.own_runs.row = NULL);
    REFUSED(call, a.own_runs.first = NULL);
    REFUSED(call, a.own_runs.pattern = NULL);
    REFUSED(call, a.own_runs.observed = NULL);
    REFUSED(call, a.precision = (gmm_dtype)2);
    ANSWERS(call, GMM_OK, (a.own_runs.n_batches = 0, a.own_runs.batch = NULL)); /* no rows, no lists */
    ANSWERS(call, GMM_OK, (a.own_runs.n_batches = 0, a.own_rows.n_rows = 0, a.own_rows.data = NULL));
}

static void refuse_errors_of(entry *call)
{
    REFUSED(call, a.errors = NULL);
    REFUSED(call, a.own_errors.data = NULL);
    REFUSED(call, a.own_errors.dtype = (gmm_dtype)2);
    REFUSED(call, a.own_rows.n_rows = -1);
}

static void refuse_all(void)
{
    entry *const of_rows[] = {accumulate_missing, score_missing, accumulate_measured, score_measured};
    refuse_scratch();
    refuse_matrices();
    refuse_maximize();
    refuse_climb();
    refuse_fit();
    refuse_start();
    for (int i = 0; i < 4; ++i) {
        refuse_rows_of(of_rows[i]);
        (i < 2 ? refuse_runs_of : refuse_errors_of)(of_rows[i]);
    }
    refuse_sums_of(accumulate_missing);
    refuse_sums_of(accumulate_measured);
    REFUSED(score_measured, a.precision = (gmm_dtype)2);
}

void test_refused(void)
{
    with_good(refuse_all);
}
