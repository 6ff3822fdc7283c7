/* test_start.c: starts of many rows: the bytes of one alone, whatever the threads and the layout of the rows; rows of
 * weight 0 do not count; scratch of the promised size. What they find test_prepared.py compares with Python's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fits.h"
#include "problem.h"
#include "tests.h"

enum { STARTS = 3, ROUNDS = 3, MARK = 0x3C, GUARD = 64 };

static const uint64_t SEEDS[STARTS] = {1, 2, UINT64_MAX}, LAST[ROUNDS] = {UINT64_MAX / 4, UINT64_MAX / 2, UINT64_MAX};
static const int64_t ITERATIONS[ROUNDS] = {4, 3, 2};

typedef struct {
    gmm_rehearsal rehearsal;
    problem data;
    gmm_mixture begun[STARTS];
    unsigned char unusual[STARTS];
    double *floor, *ridge;
    int with_ridge;
} job;

static job prepare(gmm_structure structure, gmm_dtype precision, int64_t k, int64_t d, layout how, int with_ridge)
{
    job j = {.with_ridge = with_ridge};
    recipe r = plain_recipe();
    r.structure = structure, r.precision = precision, r.d = d, r.k = k, r.n = 700, r.seed = 5;
    r.weighting = with_ridge ? WEIGHT_SOME : WEIGHT_NONE;
    r.plain_frame = structure == GMM_SPHERICAL;
    j.data = cook(&r);
    relay(&j.data, GMM_F64, how);
    j.rehearsal = (gmm_rehearsal){structure, precision, k, 6, ROUNDS, ITERATIONS, LAST, r.n};
    j.floor = room((size_t)d, 8), j.ridge = room((size_t)d, 8);
    for (int64_t i = 0; i < d; ++i) {
        j.floor[i] = 0x1p-80;
        j.ridge[i] = 0.125;
    }
    for (int s = 0; s < STARTS; ++s) {
        j.begun[s] = (gmm_mixture){structure, k, d, room((size_t)k, 8), room((size_t)(k * d), 8),
                                   room(structure_size(structure, k, d), 8), GMM_OWN_FORM};
    }
    return j;
}

static void drop(job *j)
{
    for (int s = 0; s < STARTS; ++s) {
        free(j->begun[s].weight), free(j->begun[s].mean), free(j->begun[s].covariance);
    }
    free(j->floor), free(j->ridge);
    discard(&j->data);
}

/* Makes starts [first, first + n), in scratch between guards. */
static void make(job *j, int first, int n, int n_threads)
{
    const size_t needed = gmm_start_scratch_bytes(&j->rehearsal, j->data.rows.n_features, n_threads);
    unsigned char *memory = room(needed + 2 * GUARD, 1), *inside = memory + GUARD - 3;
    int intact = 1;
    memset(memory, MARK, needed + 2 * GUARD);
    CHECK(gmm_start(&j->rehearsal, &j->data.rows, j->with_ridge ? j->ridge : NULL, j->floor, n, SEEDS + first,
                    n_threads, inside, needed, j->begun + first, j->unusual + first) == GMM_OK);
    for (size_t i = 0; i < GUARD - 3; ++i) {
        intact &= memory[i] == MARK;
    }
    for (size_t i = GUARD - 3 + needed; i < needed + 2 * GUARD; ++i) {
        intact &= memory[i] == MARK;
    }
    CHECK(intact);
    free(memory);
}

static void start_case(gmm_structure structure, gmm_dtype precision, int64_t k, int64_t d, int with_ridge)
{
    if (is_left_out()) {
        return;
    }
    in_case("start structure=%d precision=%d k=%d d=%d ridge=%d", structure, precision, (int)k, (int)d, with_ridge);
    job together = prepare(structure, precision, k, d, LAYOUT_STRIDED, with_ridge);
    job alone = prepare(structure, precision, k, d, LAYOUT_MISALIGNED, with_ridge);
    make(&together, 0, STARTS, 3);
    for (int s = 0; s < STARTS; ++s) {
        make(&alone, s, 1, 1);
        const gmm_mixture *one = &together.begun[s], *other = &alone.begun[s];
        double total = 0;
        CHECK(!together.unusual[s] && !alone.unusual[s]);
        CHECK_BYTES(one->weight, other->weight, (size_t)k * 8);
        CHECK_BYTES(one->mean, other->mean, (size_t)(k * d) * 8);
        CHECK_BYTES(one->covariance, other->covariance, structure_size(structure, k, d) * 8);
        for (int64_t c = 0; c < k; ++c) {
            total += one->weight[c];
        }
        CHECK(fabs(total - 1) < 1e-12);
    }
    CHECK(memcmp(together.begun[0].mean, together.begun[1].mean, (size_t)(k * d) * 8) != 0);
    drop(&together), drop(&alone);
}

/* A sketch with more rows than there is room for, and one without any, are unusual; so is nothing else here, such as a
 * last sketch that is not all of the rows. */
static void start_sizes(void)
{
    in_case("start sizes");
    job j = prepare(GMM_FULL, GMM_F64, 2, 3, LAYOUT_STRIDED, 0);
    const uint64_t none[ROUNDS] = {0, UINT64_MAX, UINT64_MAX};
    const uint64_t some[ROUNDS] = {UINT64_MAX / 4, UINT64_MAX / 2, UINT64_MAX / 2};
    j.rehearsal.most_rows = 699;
    make(&j, 0, STARTS, 1);
    CHECK(j.unusual[0] && j.unusual[1] && j.unusual[2]);
    j.rehearsal.most_rows = 700;
    make(&j, 0, STARTS, 1);
    CHECK(!j.unusual[0] && !j.unusual[1] && !j.unusual[2]);
    j.rehearsal.last = some;
    make(&j, 0, STARTS, 1);
    CHECK(!j.unusual[0] && !j.unusual[1] && !j.unusual[2]);
    j.rehearsal.n_candidates = 1; /* which goes through all rounds that see more rows */
    make(&j, 0, STARTS, 1);
    CHECK(!j.unusual[0] && !j.unusual[1] && !j.unusual[2]);
    j.rehearsal.n_candidates = 6;
    j.rehearsal.last = none;
    make(&j, 0, STARTS, 1);
    CHECK(j.unusual[0] && j.unusual[1] && j.unusual[2]);
    drop(&j);
}

/* A value that is no number is found in whichever sketch it is first seen in. */
static void start_later(gmm_structure structure)
{
    in_case("start later, structure %d", structure);
    job j = prepare(structure, GMM_F64, 2, 3, LAYOUT_C, 0);
    for (int row = 0; row < 20; ++row) {
        double *value = &j.data.value[row * 3 + 1], kept = *value;
        *value = (double)NAN;
        relay(&j.data, GMM_F64, LAYOUT_C);
        make(&j, 0, STARTS, 1);
        CHECK(j.unusual[0] && j.unusual[1] && j.unusual[2]);
        *value = kept;
    }
    drop(&j);
}

static void start_arguments(void)
{
    in_case("start arguments");
    job j = prepare(GMM_FULL, GMM_F64, 2, 3, LAYOUT_STRIDED, 0);
    const gmm_rehearsal good = j.rehearsal;
    const int64_t negative[ROUNDS] = {4, -1, 2};
    const uint64_t falling[ROUNDS] = {2, 1, 3};
    const size_t size = gmm_start_scratch_bytes(&good, 3, 1);
    void *scratch = room(size, 1);
#define START(n_starts, n_threads, bytes)                                                                             \
    gmm_start(&j.rehearsal, &j.data.rows, NULL, j.floor, n_starts, SEEDS, n_threads, scratch, bytes, j.begun, j.unusual)
    CHECK(START(STARTS, 1, size - 1) == GMM_ESCRATCH);
    j.begun[1].form = GMM_VVE;
    CHECK(START(STARTS, 1, size) == GMM_EINVAL);
    j.begun[1].form = GMM_OWN_FORM;
    CHECK(START(-1, 1, size) == GMM_EINVAL);
    CHECK(START(STARTS, 0, size) == GMM_EINVAL);
    CHECK(START(0, 1, size) == GMM_OK);
    CHECK(gmm_start(NULL, &j.data.rows, NULL, j.floor, 1, SEEDS, 1, scratch, size, j.begun, j.unusual) == GMM_EINVAL);
    j.rehearsal.n_components = 3;
    CHECK(START(STARTS, 1, size) == GMM_EINVAL);
    const gmm_rehearsal bad[] = {
        {GMM_FULL, GMM_F64, 2, 0, ROUNDS, ITERATIONS, LAST, 700},
        {GMM_FULL, GMM_F64, 2, 6, 0, ITERATIONS, LAST, 700},
        {GMM_FULL, GMM_F64, 2, 6, GMM_MOST_ROUNDS + 1, ITERATIONS, LAST, 700},
        {GMM_FULL, GMM_F64, 2, 6, ROUNDS, negative, LAST, 700},
        {GMM_FULL, GMM_F64, 2, 6, ROUNDS, ITERATIONS, falling, 700},
        {GMM_FULL, GMM_F64, 2, 6, ROUNDS, ITERATIONS, NULL, 700},
        {GMM_FULL, GMM_F64, 2, 6, ROUNDS, ITERATIONS, LAST, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        j.rehearsal = bad[i];
        CHECK(gmm_start_scratch_bytes(&j.rehearsal, 3, 1) == 0);
        CHECK(START(STARTS, 1, size) == GMM_EINVAL);
    }
#undef START
    free(scratch);
    drop(&j);
}

void test_start(void)
{
    for (int structure = 0; structure < 4; ++structure) {
        for (int precision = 0; precision < 2; ++precision) {
            start_case((gmm_structure)structure, (gmm_dtype)precision, 3, 2, 0);
            start_case((gmm_structure)structure, (gmm_dtype)precision, 2, 10, 1);
        }
    }
    start_later(GMM_FULL);
    start_later(GMM_TIED);
    start_sizes();
    start_arguments();
}
