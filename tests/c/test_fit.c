/* test_fit.c: whole fits of many groups: the bytes of one alone, whatever the threads and the layout of the rows;
 * traces that do not fall; scratch of the promised size. What they find test_whole.py compares with Python's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fits.h"
#include "problem.h"
#include "tests.h"

enum { GROUPS = 5, STARTS = 3, STEPS = 25, MARK = 0x3C, GUARD = 64 };

static const uint64_t SEEDS[STARTS] = {1, 2, UINT64_MAX};

typedef struct {
    gmm_plan plan;
    problem problems[GROUPS];
    gmm_group groups[GROUPS];
    double *floor, *ridge;
    int64_t most_rows;
} job;

static size_t result_size(const gmm_plan *plan, int64_t d)
{
    return structure_size(plan->structure, plan->n_components, d);
}

static job prepare(gmm_structure structure, gmm_dtype precision, gmm_method method, int64_t k, int64_t d,
                   int with_ridge, int few_values)
{
    job j = {.plan = {structure, GMM_OWN_FORM, precision, method, k, STARTS, 1e-5, STEPS, 4, 6}};
    j.floor = room((size_t)d, 8), j.ridge = room((size_t)d, 8);
    for (int64_t i = 0; i < d; ++i) {
        j.floor[i] = 0x1p-80;
        j.ridge[i] = 0.125;
    }
    for (int g = 0; g < GROUPS; ++g) {
        recipe r = plain_recipe();
        r.structure = structure, r.precision = precision, r.d = d, r.k = k, r.n = 40 + 90 * g, r.seed = (uint64_t)g;
        r.weighting = g % 2 ? WEIGHT_SOME : WEIGHT_NONE;
        r.plain_frame = structure == GMM_SPHERICAL;
        r.dtype = g % 2 ? GMM_F32 : GMM_F64;
        j.problems[g] = cook(&r);
        for (int64_t i = 0; few_values && i < r.n * d; ++i) {
            j.problems[g].value[i] = (double)((i / d) % few_values);
        }
        relay(&j.problems[g], r.dtype, g % 2 ? LAYOUT_STRIDED : LAYOUT_MISALIGNED);
        j.groups[g] = (gmm_group){.rows = j.problems[g].rows, .ridge = with_ridge ? j.ridge : NULL, .floor = j.floor,
                                  .seed = SEEDS};
        gmm_group *group = &j.groups[g];
        group->mixture = (gmm_mixture){structure, k, d, room((size_t)k, 8), room((size_t)(k * d), 8),
                                       room(result_size(&j.plan, d), 8), GMM_OWN_FORM};
        group->floored = room((size_t)k, 1);
        group->trace = room(STEPS + 1, 8), group->table = room(STARTS * GMM_TABLE, 8);
        j.most_rows = r.n > j.most_rows ? r.n : j.most_rows;
    }
    return j;
}

static void drop(job *j)
{
    for (int g = 0; g < GROUPS; ++g) {
        gmm_group *group = &j->groups[g];
        free(group->mixture.weight), free(group->mixture.mean), free(group->mixture.covariance);
        free(group->floored), free(group->trace), free(group->table);
        discard(&j->problems[g]);
    }
    free(j->floor), free(j->ridge);
}

/* Fits groups [first, first + n), in scratch between guards. */
static void fit_groups(job *j, int first, int n, int n_threads)
{
    const size_t needed = gmm_fit_scratch_bytes(&j->plan, j->most_rows, j->groups[0].rows.n_features, n_threads);
    unsigned char *memory = room(needed + 2 * GUARD, 1), *inside = memory + GUARD - 3;
    int intact = 1;
    memset(memory, MARK, needed + 2 * GUARD);
    CHECK(gmm_fit(&j->plan, n, j->groups + first, n_threads, inside, needed) == GMM_OK);
    for (size_t i = 0; i < GUARD - 3; ++i) {
        intact &= memory[i] == MARK;
    }
    for (size_t i = GUARD - 3 + needed; i < needed + 2 * GUARD; ++i) {
        intact &= memory[i] == MARK;
    }
    CHECK(intact);
    free(memory);
}

static void fit_case(gmm_structure structure, gmm_dtype precision, gmm_method method, int64_t k, int64_t d,
                     int with_ridge, int few_values)
{
    if (is_left_out()) {
        return;
    }
    in_case("fit structure=%d precision=%d method=%d k=%d d=%d ridge=%d values=%d", structure, precision, method,
            (int)k, (int)d, with_ridge, few_values);
    job together = prepare(structure, precision, method, k, d, with_ridge, few_values);
    job alone = prepare(structure, precision, method, k, d, with_ridge, few_values);
    fit_groups(&together, 0, GROUPS, 3);
    for (int g = 0; g < GROUPS; ++g) {
        fit_groups(&alone, g, 1, 1);
        const gmm_group *one = &together.groups[g], *other = &alone.groups[g];
        CHECK(one->stop == other->stop && one->n_trace == other->n_trace && one->winner == other->winner);
        if (one->stop == GMM_UNUSUAL) {
            continue;
        }
        CHECK(one->n_started == (k == 1 ? 1 : STARTS));
        CHECK_BYTES(one->mixture.weight, other->mixture.weight, (size_t)k * 8);
        CHECK_BYTES(one->mixture.mean, other->mixture.mean, (size_t)(k * d) * 8);
        CHECK_BYTES(one->mixture.covariance, other->mixture.covariance, result_size(&alone.plan, d) * 8);
        CHECK_BYTES(one->trace, other->trace, (size_t)one->n_trace * 8);
        CHECK_BYTES(one->table, other->table, (size_t)one->n_started * GMM_TABLE * 8);
        CHECK(one->log_likelihood == other->log_likelihood);
        CHECK(one->table[one->winner * GMM_TABLE + GMM_SAME] == 1);
        for (int64_t t = 1; t < one->n_trace; ++t) {
            CHECK(one->trace[t] - one->trace[t - 1] >= (precision ? -1e-9 : -1e-3));
        }
    }
    drop(&together), drop(&alone);
}

/* Where the mixture of each group is given: means spread along the rows, unit covariances. */
static void give(job *j)
{
    for (int g = 0; g < GROUPS; ++g) {
        gmm_mixture *m = &j->groups[g].mixture;
        const int64_t k = m->n_components, d = m->n_features;
        m->form = j->plan.form;
        for (int64_t c = 0; c < k; ++c) {
            m->weight[c] = 1.0 / (double)k;
            for (int64_t i = 0; i < d; ++i) {
                m->mean[c * d + i] = 0.5 * (double)(c - k / 2) + 0.1 * (double)i;
            }
        }
        for (size_t i = 0, size = result_size(&j->plan, d); i < size; ++i) {
            const size_t within = i % (size_t)(d * d), is_dense = m->structure == GMM_FULL || m->structure == GMM_TIED;
            m->covariance[i] = !is_dense || within % (size_t)(d + 1) == 0;
        }
    }
}

static job prepare_given(gmm_structure structure, gmm_form form, gmm_dtype precision)
{
    job j = prepare(structure, precision, GMM_METHOD_GIVEN, 3, 3, form % 2, 0);
    j.plan.form = form;
    j.plan.n_starts = 1;
    give(&j);
    return j;
}

static void given_case(gmm_structure structure, gmm_form form, gmm_dtype precision)
{
    in_case("fit of a given start, structure=%d form=%d precision=%d", structure, form, precision);
    job together = prepare_given(structure, form, precision), alone = prepare_given(structure, form, precision);
    fit_groups(&together, 0, GROUPS, 3);
    for (int g = 0; g < GROUPS; ++g) {
        fit_groups(&alone, g, 1, 1);
        const gmm_group *one = &together.groups[g], *other = &alone.groups[g];
        CHECK(one->stop != GMM_UNUSUAL && one->stop == other->stop && one->n_trace == other->n_trace);
        CHECK(one->n_started == 1 && one->winner == 0 && one->n_trace > 3);
        CHECK_BYTES(one->mixture.covariance, other->mixture.covariance, result_size(&alone.plan, 3) * 8);
        CHECK_BYTES(one->trace, other->trace, (size_t)one->n_trace * 8);
        for (int64_t t = 1; t < one->n_trace; ++t) {
            CHECK(one->trace[t] - one->trace[t - 1] >= (precision ? -1e-9 : -1e-3));
        }
    }
    drop(&together), drop(&alone);
}

/* From the same start, neighbours are never lower. */
static void around_case(gmm_structure structure)
{
    in_case("fit around a given start, structure=%d", structure);
    job given = prepare_given(structure, GMM_OWN_FORM, GMM_F64), around = prepare_given(structure, GMM_OWN_FORM, GMM_F64);
    around.plan.method = GMM_METHOD_AROUND;
    fit_groups(&given, 0, GROUPS, 1);
    fit_groups(&around, 0, GROUPS, 2);
    for (int g = 0; g < GROUPS; ++g) {
        CHECK(around.groups[g].stop == GMM_UNUSUAL || around.groups[g].n_started == 1);
        CHECK(around.groups[g].stop == GMM_UNUSUAL ||
              around.groups[g].log_likelihood >= given.groups[g].log_likelihood - 1e-9);
    }
    drop(&given), drop(&around);
}

static void given_arguments(void)
{
    in_case("arguments of a given start");
    job j = prepare_given(GMM_FULL, GMM_VVE, GMM_F64);
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) > 0);
    j.plan.n_starts = 2;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    j.plan.n_starts = 1;
    j.plan.method = GMM_METHOD_DATA;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    j.plan.method = GMM_METHOD_AROUND;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    j.plan.form = GMM_OWN_FORM;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) > 0);
    j.plan.n_starts = 2;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    j.plan.n_starts = 1;
    j.plan.form = GMM_VVE;
    j.plan.method = (gmm_method)9;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    j.plan.method = GMM_METHOD_GIVEN;
    j.plan.structure = GMM_DIAG;
    CHECK(gmm_fit_scratch_bytes(&j.plan, 100, 3, 1) == 0);
    drop(&j);
}

static void fit_arguments(void)
{
    in_case("fit arguments");
    job j = prepare(GMM_FULL, GMM_F64, GMM_METHOD_KMEANS, 2, 3, 0, 0);
    const size_t size = gmm_fit_scratch_bytes(&j.plan, j.most_rows, 3, 1);
    void *scratch = room(size, 1);
    CHECK(gmm_fit(&j.plan, GROUPS, j.groups, 1, scratch, size - 1) == GMM_ESCRATCH);
    CHECK(gmm_fit(NULL, GROUPS, j.groups, 1, scratch, size) == GMM_EINVAL);
    CHECK(gmm_fit(&j.plan, GROUPS, j.groups, 0, scratch, size) == GMM_EINVAL);
    j.groups[1].seed = NULL;
    CHECK(gmm_fit(&j.plan, GROUPS, j.groups, 1, scratch, size) == GMM_EINVAL);
    j.groups[1].seed = SEEDS;
    j.groups[1].rows.n_features = 2;
    CHECK(gmm_fit(&j.plan, GROUPS, j.groups, 1, scratch, size) == GMM_EINVAL);
    j.plan.patience = -1;
    CHECK(gmm_fit_scratch_bytes(&j.plan, j.most_rows, 3, 1) == 0);
    j.plan.patience = 6;
    CHECK(gmm_fit_scratch_bytes(&j.plan, j.most_rows, 3, 1) == size);
    j.plan.n_starts = 0;
    CHECK(gmm_fit_scratch_bytes(&j.plan, j.most_rows, 3, 1) == 0);
    CHECK(gmm_fit(&j.plan, 1, j.groups, 1, scratch, size) == GMM_EINVAL);
    free(scratch);
    drop(&j);
}

void test_fit(void)
{
    for (int structure = 0; structure < 4; ++structure) {
        for (int precision = 0; precision < 2; ++precision) {
            for (int method = 0; method < 4; ++method) {
                fit_case((gmm_structure)structure, (gmm_dtype)precision, (gmm_method)method, 3, 2, method == 1, 0);
            }
            fit_case((gmm_structure)structure, (gmm_dtype)precision, GMM_METHOD_KMEANS, 2, 10, 0, 0);
            fit_case((gmm_structure)structure, (gmm_dtype)precision, GMM_METHOD_KMEANS, 1, 3, precision, 0);
            fit_case((gmm_structure)structure, (gmm_dtype)precision, GMM_METHOD_KMEANS, 5, 2, 1, 3);
            fit_case((gmm_structure)structure, (gmm_dtype)precision, GMM_METHOD_SEEDS, 5, 2, 0, 8);
        }
    }
    for (int precision = 0; precision < 2; ++precision) {
        for (int form = GMM_OWN_FORM + 1; form < GMM_N_FORMS; ++form) {
            given_case(gmm_structure_of_form((gmm_form)form), (gmm_form)form, (gmm_dtype)precision);
        }
        for (int structure = 0; structure < 4; ++structure) {
            given_case((gmm_structure)structure, GMM_OWN_FORM, (gmm_dtype)precision);
        }
    }
    around_case(GMM_FULL);
    around_case(GMM_TIED);
    around_case(GMM_DIAG);
    around_case(GMM_SPHERICAL);
    given_arguments();
    fit_arguments();
}
