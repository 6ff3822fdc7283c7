/* test_edges.c: passes over plain rows at sizes, strides and values where a kernel takes another way: what it adds up is
 * what it adds up on the usual one, or what is known by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "tests.h"

static recipe recipe_of(gmm_structure structure, gmm_dtype precision, int64_t n, int64_t d, int64_t k)
{
    recipe r = plain_recipe();
    r.structure = structure;
    r.precision = precision;
    r.n = n, r.d = d, r.k = k;
    r.plain_frame = 1;
    return r;
}

static gmm_status assign(const problem *p, gmm_dtype precision, int64_t k, assignment *a, int with_n, int with_sum,
                         int64_t *bad_row)
{
    const size_t size = gmm_scratch_bytes(GMM_SPHERICAL, precision, k, p->rows.n_features, 2);
    void *scratch = room(size, 1);
    const gmm_status status = gmm_assign(&p->rows, precision, k, p->mean, 2, scratch, size, a->label, a->distance,
                                         with_n ? a->n : NULL, with_sum ? a->sum : NULL, &a->inertia, bad_row);
    free(scratch);
    return status;
}

/* Counts and sums of rows are the same whether both are asked for, or one. */
static void assign_parts(gmm_dtype precision, int64_t k)
{
    recipe r = recipe_of(GMM_SPHERICAL, precision, 300, 3, k);
    in_case("assign, parts, %s", describe(&r));
    problem p = cook(&r);
    assignment both = new_assignment(r.n, k, r.d);
    int64_t bad_row;
    CHECK(assign(&p, precision, k, &both, 1, 1, &bad_row) == GMM_OK);
    for (int part = 0; part < 3; ++part) {
        assignment one = new_assignment(r.n, k, r.d);
        CHECK(assign(&p, precision, k, &one, part == 0, part == 1, &bad_row) == GMM_OK);
        CHECK_BYTES(one.label, both.label, (size_t)r.n * 8);
        if (part == 0) {
            CHECK_BYTES(one.n, both.n, (size_t)k * 8);
        }
        if (part == 1) {
            CHECK_BYTES(one.sum, both.sum, (size_t)(k * r.d) * 8);
        }
        CHECK(one.inertia == both.inertia);
        drop_assignment(&one);
    }
    drop_assignment(&both);
    discard(&p);
}

/* Rows of weight zero add nothing where they are numbers, however large, and are refused where they are not. */
static void absent_rows(gmm_structure structure, gmm_dtype precision, int64_t d, gmm_skipping skipping)
{
    recipe r = recipe_of(structure, precision, 70, d, 3);
    in_case("rows of weight zero, %s", describe(&r));
    problem p = cook(&r);
    gmm_statistics with = new_statistics(&p.factors), without = new_statistics(&p.factors);
    const int64_t absent = 41;
    int64_t bad_row;
    p.factors.skipping = skipping;
    p.weight[absent] = 0;
    for (int given = 0; given < (structure == GMM_TIED || structure == GMM_LINEAR ? 1 : 2); ++given) {
        for (int huge = 0; huge < 2; ++huge) {
            gmm_statistics *s = huge ? &with : &without;
            memset(s->n, 0, (size_t)r.k * 8), memset(s->first, 0, (size_t)(r.k * d) * 8);
            s->log_likelihood = s->weight = 0;
            for (int64_t j = 0; j < d; ++j) {
                p.value[absent * d + j] = huge ? 1e200 : 1;
            }
            relay(&p, GMM_F64, LAYOUT_C);
            CHECK((given ? call_moments(&p.rows, &p.factors, p.posterior, NULL, 2, s, &bad_row)
                         : call_accumulate(&p.rows, &p.factors, 2, s, &bad_row)) == GMM_OK);
        }
        CHECK_BYTES(with.n, without.n, (size_t)r.k * 8);
        CHECK_BYTES(with.first, without.first, (size_t)(r.k * d) * 8);
        CHECK(with.log_likelihood == without.log_likelihood && with.weight == without.weight);
        p.value[absent * d] = (double)NAN;
        relay(&p, GMM_F64, LAYOUT_C);
        CHECK((given ? call_moments(&p.rows, &p.factors, p.posterior, NULL, 2, &with, &bad_row)
                     : call_accumulate(&p.rows, &p.factors, 2, &with, &bad_row)) == GMM_ENONFINITE);
        CHECK(bad_row == absent);
    }
    drop_statistics(&with), drop_statistics(&without);
    discard(&p);
}

/* Far out every density underflows and noise takes the row: with skipping as without. Lanes past the last row, whose
 * rows are at the frame's centre, may be far out as well, from means that are. */
static void far_rows(gmm_structure structure, gmm_dtype precision, int64_t d, gmm_skipping skipping, int with_weight,
                     int is_huge)
{
    recipe r = recipe_of(structure, precision, 9, d, 3);
    r.weighting = with_weight ? WEIGHT_SOME : WEIGHT_NONE;
    in_case("far rows beside noise, %s, %d", describe(&r), is_huge);
    problem p = cook(&r);
    const double log_noise = -3, far = precision == GMM_F32 ? (is_huge ? 1e25 : 1e4) : is_huge ? 1e160 : 1e8;
    gmm_statistics s = new_statistics(&p.factors);
    double *density = room((size_t)r.n, 8), weight = 0;
    int64_t *label = room((size_t)r.n, 8), bad_row;
    p.factors.skipping = skipping;
    for (int64_t i = 0; i < r.n * d; ++i) {
        p.value[i] = i % d ? far : 0;
    }
    for (int64_t i = 0; i < r.n; ++i) {
        weight += with_weight ? p.weight[i] : 1;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    for (int noise = 0; noise < 2; ++noise) {
        p.factors.log_noise = noise ? &log_noise : NULL;
        memset(s.n, 0, (size_t)r.k * 8);
        s.noise = s.log_likelihood = s.weight = 0;
        CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
        CHECK(call_score(&p.rows, &p.factors, 2, density, NULL, label, &bad_row) == GMM_OK);
        CHECK_NEAR(s.n[0] + s.n[1] + s.n[2], noise ? 0 : weight, 1e-6 * weight);
        CHECK_NEAR(s.noise, noise ? weight : 0, 1e-6 * weight);
        for (int64_t i = 0; i < r.n; ++i) {
            CHECK(noise ? label[i] == -1 && fabs(density[i] - log_noise) < 1e-6 : label[i] >= 0 && density[i] < -1e6);
        }
    }
    p.value[4 * d + 1] = (double)NAN;
    relay(&p, GMM_F64, LAYOUT_C);
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_ENONFINITE && bad_row == 4);
    CHECK(call_score(&p.rows, &p.factors, 2, density, NULL, label, &bad_row) == GMM_ENONFINITE && bad_row == 4);
    p.factors.log_noise = NULL;
    for (int64_t i = 0; i < r.k * d; ++i) {
        p.mean[i] = far;
    }
    for (int64_t i = 0; i < r.n * d; ++i) {
        p.value[i] = far;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    memset(s.n, 0, (size_t)r.k * 8);
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    CHECK(call_score(&p.rows, &p.factors, 2, density, NULL, label, &bad_row) == GMM_OK);
    CHECK_NEAR(s.n[0] + s.n[1] + s.n[2], weight, 1e-5 * weight);
    free(density), free(label), drop_statistics(&s);
    discard(&p);
}

/* A row whose distance to the second component is no number: the others' are compared, be they as different as they may. */
static void no_distance(gmm_dtype precision)
{
    recipe r = recipe_of(GMM_FULL, precision, 9, 2, 3);
    r.weighting = WEIGHT_NONE;
    in_case("no distance, %s", describe(&r));
    problem p = cook(&r);
    gmm_statistics s = new_statistics(&p.factors);
    const double wide = precision == GMM_F32 ? 1e38 : 1e308;
    const double whitener[3][4] = {{1, 0, 0, 1}, {wide, 0, -wide, wide}, {1, 0, 0, 1}};
    int64_t bad_row;
    memcpy(p.whitener, whitener, sizeof whitener);
    for (int64_t i = 0; i < r.k * r.d; ++i) {
        p.mean[i] = i < 2 ? 0 : i < 4 ? -10 : 1e6;
    }
    for (int64_t i = 0; i < r.n * r.d; ++i) {
        p.value[i] = 0;
    }
    relay(&p, GMM_F64, LAYOUT_C);
    CHECK(call_accumulate(&p.rows, &p.factors, 1, &s, &bad_row) == GMM_OK);
    CHECK(s.n[0] == (double)r.n && s.n[1] == 0 && s.n[2] == 0);
    drop_statistics(&s);
    discard(&p);
}

/* Rows whose stride is no multiple of their elements' size have the sums of those that lie one after another. */
static void odd_strides(gmm_structure structure, int64_t d)
{
    recipe r = recipe_of(structure, GMM_F64, 260, d, 3);
    in_case("odd strides, %s", describe(&r));
    problem p = cook(&r);
    gmm_statistics straight = new_statistics(&p.factors), odd = new_statistics(&p.factors);
    const int64_t step = d * 8 + 4;
    unsigned char *data = room((size_t)(r.n * step), 1);
    int64_t bad_row;
    for (int64_t i = 0; i < r.n; ++i) {
        memcpy(data + i * step, p.value + i * d, (size_t)d * 8);
    }
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &straight, &bad_row) == GMM_OK);
    p.rows.data = data;
    p.rows.row_stride = step;
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &odd, &bad_row) == GMM_OK);
    CHECK_BYTES(straight.n, odd.n, (size_t)r.k * 8);
    CHECK_BYTES(straight.first, odd.first, (size_t)(r.k * d) * 8);
    CHECK(straight.log_likelihood == odd.log_likelihood);
    free(data), drop_statistics(&straight), drop_statistics(&odd);
    discard(&p);
}

/* The first of two rows that are no numbers, in one tile, in two of one block, or in two blocks. */
static void scan_bad_rows(int64_t d)
{
    recipe r = recipe_of(GMM_DIAG, GMM_F64, 1500, d, 1);
    in_case("scan, bad rows, %s", describe(&r));
    problem p = cook(&r);
    gmm_columns c = new_columns(d);
    static const int64_t rows[][2] = {{4, 5}, {4, 900}, {900, 4}, {4, 1400}};
    for (int i = 0; i < 4; ++i) {
        const int64_t a = rows[i][0], b = rows[i][1];
        p.value[a * d] = p.value[b * d] = (double)INFINITY;
        relay(&p, GMM_F64, LAYOUT_C);
        CHECK(call_scan(&p.rows, 2, &c) == GMM_ENONFINITE && c.bad_row == (a < b ? a : b) && c.bad_column == 0);
        p.value[a * d] = p.value[b * d] = 0;
    }
    drop_columns(&c);
    discard(&p);
}

/* Ranges that are huge on one side only; more features than a tile has room for two rows of. */
static void scan_sizes(void)
{
    recipe r = recipe_of(GMM_DIAG, GMM_F64, 3, 20000, 1);
    in_case("scan, sizes, %s", describe(&r));
    problem p = cook(&r);
    gmm_columns c = new_columns(r.d);
    for (int sign = -1; sign < 2; sign += 2) {
        for (int64_t i = 0; i < r.n * r.d; ++i) {
            p.value[i] = i / r.d == 1 ? sign * 0x1p500 : 0;
        }
        relay(&p, GMM_F64, LAYOUT_C);
        p.rows.weight = NULL;
        CHECK(call_scan(&p.rows, 2, &c) == GMM_OK);
        CHECK(c.minimum[r.d - 1] == (sign < 0 ? -0x1p500 : 0) && c.maximum[r.d - 1] == (sign < 0 ? 0 : 0x1p500));
        CHECK_NEAR(c.mean[r.d - 1], sign * 0x1p500 / 3, 0x1p450);
        CHECK_NEAR(c.scatter[r.d - 1] / 0x1p1000, 2.0 / 3, 1e-14);
    }
    drop_columns(&c);
    discard(&p);
}

void test_edges(void)
{
    for (int precision = 0; precision < 2; ++precision) {
        assign_parts((gmm_dtype)precision, 3);
        assign_parts((gmm_dtype)precision, 40);
        no_distance((gmm_dtype)precision);
        for (int structure = 0; structure < 6; ++structure) {
            absent_rows((gmm_structure)structure, (gmm_dtype)precision, 3, GMM_SKIP_NEVER);
            absent_rows((gmm_structure)structure, (gmm_dtype)precision, 14, GMM_SKIP_NEVER);
            if (structure != GMM_LINEAR) {
                for (int is_huge = 0; is_huge < 2; ++is_huge) {
                    far_rows((gmm_structure)structure, (gmm_dtype)precision, 3, GMM_SKIP_NEVER, 1, is_huge);
                    far_rows((gmm_structure)structure, (gmm_dtype)precision, 14, GMM_SKIP_NEVER, 0, is_huge);
                }
            }
        }
        absent_rows(GMM_FULL, (gmm_dtype)precision, 14, GMM_SKIP_ALWAYS);
        far_rows(GMM_FULL, (gmm_dtype)precision, 14, GMM_SKIP_ALWAYS, 1, 0);
        far_rows(GMM_FULL, (gmm_dtype)precision, 14, GMM_SKIP_ALWAYS, 1, 1);
    }
    odd_strides(GMM_LINEAR, 131);
    odd_strides(GMM_FULL, 11);
    scan_bad_rows(100);
    scan_bad_rows(3);
    scan_sizes();
}
