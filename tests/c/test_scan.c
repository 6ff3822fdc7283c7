/* test_scan.c: column ranges, means, scatter and the first value that is not finite. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "call.h"
#include "check.h"
#include "tests.h"

/* Two passes in long double over rows of positive weight; allowed error: some roundings of scatter, and of the mean
 * relative to the range. */
static void compare(const problem *p, const gmm_columns *c)
{
    int64_t n = p->rows.n_rows, d = p->rows.n_features, n_positive = 0;
    for (int64_t j = 0; j < d; ++j) {
        long double weight = 0, mean = 0, scatter = 0;
        double low = INFINITY, high = -INFINITY, scale = p->rows.scale ? p->rows.scale[j] : 1;
        double centre = p->rows.centre ? p->rows.centre[j] : 0;
        for (int pass = 0; pass < 2; ++pass) {
            n_positive = 0;
            for (int64_t i = 0; i < n; ++i) {
                double w = p->rows.weight ? p->rows.weight[i] : 1, x = p->value[i * d + j] * scale - centre;
                if (w > 0) {
                    ++n_positive;
                    low = x < low ? x : low;
                    high = x > high ? x : high;
                    weight += pass ? 0 : w;
                    mean += pass ? 0 : (long double)w * x;
                    scatter += pass ? w * ((long double)x - mean) * ((long double)x - mean) : 0;
                }
            }
            mean = pass || !(weight > 0) ? mean : mean / weight;
        }
        CHECK_NEAR(c->minimum[j], low, 0);
        CHECK_NEAR(c->maximum[j], high, 0);
        CHECK_NEAR(c->weight, weight, 1e-14 * (double)weight);
        CHECK_NEAR(c->mean[j], mean, n_positive ? 4e-16 * (fabs((double)mean) + (high - low)) : 0);
        CHECK_NEAR(c->scatter[j], scatter, 1e-13 * (double)scatter + 1e-30 * (double)(mean * mean));
    }
    CHECK(c->n_positive == n_positive);
    CHECK(c->bad_row == -1 && c->bad_column == -1);
}

static void scan_case(const recipe *r, int with_frame)
{
    if (is_left_out()) {
        return;
    }
    in_case("scan %s frame=%d", describe(r), with_frame);
    problem p = cook(r);
    if (!with_frame) {
        p.rows.scale = p.rows.centre = NULL;
    }
    gmm_columns c = new_columns(r->d);
    CHECK(call_scan(&p.rows, 2, &c) == GMM_OK);
    compare(&p, &c);
    drop_columns(&c);
    discard(&p);
}

void test_scan(void)
{
    static const int64_t sizes[][2] = {{1, 1}, {5, 2}, {100, 3}, {1024, 1}, {1025, 4}, {3000, 5}, {500, 40}, {9, 5000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        for (int where = 0; where < N_LAYOUTS; ++where) {
            recipe r = plain_recipe();
            r.n = sizes[i][0];
            r.d = sizes[i][1];
            r.k = 2;
            r.structure = GMM_SPHERICAL;
            r.layout = (layout)where;
            r.dtype = (gmm_dtype)((i + (size_t)where) % 2);
            r.weighting = (weighting)((i + (size_t)where) % 3);
            r.seed = i;
            scan_case(&r, where % 2);
        }
    }
    recipe r = plain_recipe();
    r.n = 0;
    scan_case(&r, 1);
}

/* A problem of one column whose value i is given. */
static problem column(int64_t n, double (*value)(int64_t i))
{
    recipe r = plain_recipe();
    r.n = n;
    r.d = 1;
    r.weighting = WEIGHT_NONE;
    problem p = cook(&r);
    p.rows.scale = p.rows.centre = NULL;
    for (int64_t i = 0; i < n; ++i) {
        p.value[i] = value(i);
    }
    relay(&p, GMM_F64, LAYOUT_C);
    return p;
}

static double far_offset(int64_t i) { return 1e10 + (double)(i % 5); }
static double constant(int64_t i) { (void)i; return 0.1; }
static double both_ends(int64_t i) { return i < 1500 ? -DBL_MAX : DBL_MAX; }
static double huge(int64_t i) { return 1e308 + 1e307 * (double)(i % 2); }
static double minus_huge(int64_t i) { return -1e308 * (double)(i % 2); }
static double large(int64_t i) { return i % 2 ? 1e150 : 3e150; }
static double tiny(int64_t i) { return (double)(i % 3) * 1e-310; }

static gmm_columns scanned(problem *p, const char *name)
{
    in_case("scan: %s", name);
    gmm_columns c = new_columns(1);
    CHECK(call_scan(&p->rows, 1, &c) == GMM_OK);
    return c;
}

void test_scan_extremes(void)
{
    problem p = column(5000, far_offset);
    gmm_columns c = scanned(&p, "offset of 1e10");
    CHECK_NEAR(c.mean[0], 1e10 + 2, 2e-6);
    CHECK_NEAR(c.scatter[0], 10000, 1e-5); /* block means are doubles: 1e10 eps of each is lost */
    drop_columns(&c);
    discard(&p);

    p = column(5000, constant);
    c = scanned(&p, "constant column");
    CHECK(c.mean[0] == 0.1 && c.scatter[0] == 0 && c.minimum[0] == 0.1 && c.maximum[0] == 0.1);
    drop_columns(&c);
    discard(&p);

    p = column(3000, both_ends);
    c = scanned(&p, "both ends of the doubles");
    CHECK_NEAR(c.mean[0], 0, 1e294);
    CHECK(isinf(c.scatter[0]) && c.scatter[0] > 0);
    drop_columns(&c);
    discard(&p);

    p = column(3000, huge);
    c = scanned(&p, "1e308");
    CHECK_NEAR(c.mean[0], 1.05e308, 1e295);
    CHECK(isinf(c.scatter[0]));
    drop_columns(&c);
    discard(&p);

    p = column(3000, minus_huge);
    c = scanned(&p, "-1e308");
    CHECK_NEAR(c.mean[0], -0.5e308, 1e295); /* N eps: a lane may hold every second row, so its sums grow */
    CHECK(isinf(c.scatter[0]) && c.maximum[0] == 0 && c.minimum[0] == -1e308);
    drop_columns(&c);
    discard(&p);

    p = column(1000, large);
    c = scanned(&p, "1e150, scatter just representable");
    CHECK_NEAR(c.mean[0], 2e150, 1e135);
    CHECK_NEAR(c.scatter[0], 1e303, 1e290);
    drop_columns(&c);

    in_case("scan: the same weighted by 1e-300");
    for (int64_t i = 0; i < 1000; ++i) {
        p.value[i] *= 1e150;
    }
    double *w = room(1000, sizeof *w);
    for (int64_t i = 0; i < 1000; ++i) {
        w[i] = 1e-300;
    }
    p.rows.weight = w;
    relay(&p, GMM_F64, LAYOUT_C);
    c = new_columns(1);
    CHECK(call_scan(&p.rows, 1, &c) == GMM_OK);
    CHECK_NEAR(c.mean[0], 2e300, 2e286);
    CHECK_NEAR(c.scatter[0], 1e303, 1e290);
    free(w);
    drop_columns(&c);
    discard(&p);

    p = column(1000, tiny);
    c = scanned(&p, "denormal values");
    CHECK_NEAR(c.mean[0], 0.999e-310, 1e-313);
    CHECK(c.scatter[0] == 0);
    drop_columns(&c);
    discard(&p);
}
