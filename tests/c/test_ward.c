/* test_ward.c: Ward's tree against the definition of its costs, in scratch of just the size asked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fits.h"
#include "problem.h"
#include "tests.h"

enum { GUARD = 64, MARK = 0x5A };

/* The rows of a cluster, named by one of them, before a merge. */
static void members(int64_t n, const int64_t *of, int64_t row, unsigned char *is_member)
{
    for (int64_t i = 0; i < n; ++i) {
        is_member[i] = of[i] == of[row];
    }
}

/* What merging two clusters adds to the sum of squares. */
static double cost_of(int64_t n, int64_t d, const double *x, const double *w, const unsigned char *a,
                      const unsigned char *b)
{
    double u = 0, v = 0, apart = 0;
    for (int64_t i = 0; i < n; ++i) {
        u += a[i] ? w[i] : 0;
        v += b[i] ? w[i] : 0;
    }
    for (int64_t j = 0; j < d; ++j) {
        double gap = 0;
        for (int64_t i = 0; i < n; ++i) {
            gap += (a[i] ? w[i] / u : 0) * x[i * d + j] - (b[i] ? w[i] / v : 0) * x[i * d + j];
        }
        apart += gap * gap;
    }
    return u * v / (u + v) * apart;
}

static void ward_case(int64_t n, int64_t d, int weighted)
{
    in_case("ward N=%d D=%d weighted=%d", (int)n, (int)d, weighted);
    uint64_t seed = (uint64_t)(n + d);
    double *x = room((size_t)(n * d), 8), *w = room((size_t)n, 8), *cost = room((size_t)n, 8);
    int64_t *pair = room((size_t)(2 * n), 8), *of = room((size_t)n, 8);
    unsigned char *a = room((size_t)n, 1), *b = room((size_t)n, 1);
    for (int64_t i = 0; i < n; ++i) {
        w[i] = weighted ? 0.5 + uniform(&seed) : 1;
        of[i] = i;
        for (int64_t j = 0; j < d; ++j) {
            x[i * d + j] = normal(&seed);
        }
    }
    const size_t size = gmm_ward_scratch_bytes(n, d);
    unsigned char *memory = room(size + 2 * GUARD, 1);
    memset(memory, MARK, size + 2 * GUARD);
    CHECK(gmm_ward(n, d, x, weighted ? w : NULL, memory + GUARD - 5, size, pair, cost) == GMM_OK);
    int intact = 1, joined = 1;
    for (size_t i = 0; i < size + 2 * GUARD; ++i) {
        intact &= (i >= GUARD - 5 && i < GUARD - 5 + size) || memory[i] == MARK;
    }
    CHECK(intact);
    for (int64_t merge = 0; merge + 1 < n; ++merge) {
        const int64_t first = pair[2 * merge], second = pair[2 * merge + 1], into = of[first], from = of[second];
        members(n, of, first, a);
        members(n, of, second, b);
        joined &= into != from;
        CHECK_NEAR(cost[merge], cost_of(n, d, x, w, a, b), 1e-12 * (1 + cost[merge]));
        for (int64_t i = 0; i < n; ++i) {
            of[i] = of[i] == from ? into : of[i];
        }
    }
    CHECK(joined);
    x[0] = NAN;
    CHECK(gmm_ward(n, d, x, NULL, memory, size + GUARD, pair, cost) == GMM_EINVAL);
    CHECK(gmm_ward(n, d, x, NULL, memory, size - 1, pair, cost) == GMM_ESCRATCH);
    CHECK(gmm_ward(n, d, x, NULL, NULL, size, pair, cost) == GMM_ESCRATCH);
    CHECK(gmm_ward(0, d, x, NULL, memory, size, pair, cost) == GMM_EINVAL);
    CHECK(gmm_ward(n, 0, x, NULL, memory, size, pair, cost) == GMM_EINVAL);
    CHECK(gmm_ward(n, d, NULL, NULL, memory, size, pair, cost) == GMM_EINVAL);
    CHECK(gmm_ward(n, d, x, NULL, memory, size, NULL, cost) == GMM_EINVAL);
    CHECK(gmm_ward(n, d, x, NULL, memory, size, pair, NULL) == GMM_EINVAL);
    CHECK(gmm_ward_scratch_bytes((int64_t)1 << 40, d) == 0 && gmm_ward_scratch_bytes(n, (int64_t)1 << 40) == 0);
    free(x), free(w), free(cost), free(pair), free(of), free(a), free(b), free(memory);
}

void test_ward(void)
{
    ward_case(1, 2, 0);
    ward_case(2, 1, 1);
    ward_case(9, 2, 0);
    ward_case(120, 3, 1);
}
