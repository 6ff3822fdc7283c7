/* test_reach.c: components whose mean lies far from the frame's centre, on both sides of where the forms change.
 *
 * The reach q = sum_j mean_j^2 sum_i W_ij^2 decides; up to LIMIT sums may be taken about the frame's centre. What the
 * page of kernels promises then: second moments about the mean err by at most 8 u n sqrt(M_ii M_jj), where M is the mean
 * square about the frame's centre and u the unit roundoff, and never by more in nats than contract 1 allows.
 */
#include <math.h>
#include <stdlib.h>

#include "call.h"
#include "check.h"
#include "oracle.h"
#include "tests.h"

enum { K = 6, N = 700 };

static double unit_roundoff(gmm_dtype precision)
{
    return precision == GMM_F32 ? 0x1p-24 : 0x1p-53;
}

static double limit(gmm_dtype precision)
{
    return precision == GMM_F32 ? 512 : 16384;
}

/* Contract 1: error of a row's log-density, nats. */
static double nats(gmm_dtype precision)
{
    return precision == GMM_F32 ? 1e-4 : 1e-11;
}

/* Component c lies along feature c % D at the given reach; rows lie near their own. */
static problem cook_reach(gmm_dtype precision, int64_t d, const double *reach)
{
    recipe r = plain_recipe();
    r.dtype = r.precision = precision; /* rows of the kernel's own precision: framing rounds nothing */
    r.plain_frame = 1;
    r.n = N;
    r.d = d;
    r.k = K;
    r.seed = (uint64_t)d;
    problem p = cook(&r);
    uint64_t state = (uint64_t)d + 99;
    for (int64_t c = 0; c < K; ++c) {
        int64_t along = c % d;
        double square = 0;
        for (int64_t i = along; i < d; ++i) {
            square += p.whitener[(c * d + i) * d + along] * p.whitener[(c * d + i) * d + along];
        }
        for (int64_t j = 0; j < d; ++j) {
            p.mean[c * d + j] = 0;
        }
        p.mean[c * d + along] = (double)(float)sqrt(reach[c] / square); /* the same in both precisions */
    }
    for (int64_t i = 0; i < N; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            p.value[i * d + j] = (double)(float)(p.mean[i % K * d + j] + normal(&state));
        }
    }
    relay(&p, precision, LAYOUT_C);
    return p;
}

/* Mean square of feature j about the frame's centre. */
static double square_about_centre(const oracle_statistics *o, const gmm_factors *f, int64_t c, int64_t j)
{
    int64_t d = f->n_features;
    double m = f->mean[c * d + j];
    return o->second[(c * d + j) * d + j] / o->n[c] + 2 * m * o->first[c * d + j] / o->n[c] + m * m;
}

/* trace(W E W') / (2 n): what an error E of the second moments does to a mean log-density. */
static double error_in_nats(const gmm_statistics *s, const oracle_statistics *o, const gmm_factors *f, int64_t c)
{
    int64_t d = f->n_features;
    const double *w = f->whitener + c * d * d;
    double sum = 0;
    for (int64_t i = 0; i < d; ++i) {
        for (int64_t a = 0; a <= i; ++a) {
            for (int64_t b = 0; b <= i; ++b) {
                int64_t at = (c * d + a) * d + b;
                sum += w[i * d + a] * w[i * d + b] * (s->second[at] - o->second[at]);
            }
        }
    }
    return fabs(sum) / (2 * o->n[c]);
}

static void compare(const gmm_statistics *s, const oracle_statistics *o, const gmm_factors *f, const double *reach)
{
    int64_t d = f->n_features;
    double u = unit_roundoff(f->precision), share = f->precision == GMM_F32 ? 1e-5 : 1e-13;
    for (int64_t c = 0; c < K; ++c) {
        int near = reach[c] <= limit(f->precision);
        CHECK_NEAR(s->n[c], o->n[c], share * o->n[c]);
        CHECK(error_in_nats(s, o, f, c) <= nats(f->precision));
        for (int64_t i = 0; i < d; ++i) {
            double one = near ? sqrt(square_about_centre(o, f, c, i)) : 0;
            CHECK_NEAR(s->first[c * d + i], o->first[c * d + i], share * o->first_size[c * d + i] + 8 * u * o->n[c] * one);
            for (int64_t j = 0; j <= i; ++j) {
                double other = near ? sqrt(square_about_centre(o, f, c, j)) : 0;
                int64_t at = (c * d + i) * d + j;
                CHECK_NEAR(s->second[at], o->second[at], share * o->second_size[at] + 8 * u * o->n[c] * one * other);
            }
        }
    }
    CHECK_NEAR(s->log_likelihood, o->log_likelihood, share * (o->likelihood_size + o->weight));
}

static void reach_case(gmm_dtype precision, int64_t d)
{
    if (is_left_out()) {
        return;
    }
    double most = limit(precision);
    double reach[K] = {0.99 * most, 1.01 * most, most / 16, 1e-2 * most, 64 * most, 0};
    if (d % 2) { /* the last one is the farthest */
        reach[4] = 0, reach[5] = 64 * most;
    }
    in_case("reach %s D=%lld", precision == GMM_F32 ? "f32" : "f64", (long long)d);
    problem p = cook_reach(precision, d, reach);
    gmm_statistics s = new_statistics(&p.factors);
    oracle_statistics o = oracle_accumulate(&p);
    int64_t bad_row;
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    compare(&s, &o, &p.factors, reach);
    oracle_discard(&o);
    drop_statistics(&s);
    discard(&p);
}

/* A row of weight zero adds nothing, however far it lies: its squares overflow. */
static void absent_row(gmm_dtype precision, int64_t d)
{
    if (is_left_out()) {
        return;
    }
    double near = limit(precision) / 8, reach[K] = {near, near, near, near, near, near};
    in_case("absent row %s D=%lld", precision == GMM_F32 ? "f32" : "f64", (long long)d);
    problem p = cook_reach(precision, d, reach);
    oracle_statistics o = oracle_accumulate(&p);
    gmm_statistics s = new_statistics(&p.factors);
    int64_t bad_row, absent = 3; /* of weight zero */
    CHECK(p.weight[absent] == 0);
    for (int64_t j = 0; j < d; ++j) {
        p.value[absent * d + j] = precision == GMM_F32 ? 1e30 : 1e200;
    }
    relay(&p, precision, LAYOUT_C);
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    compare(&s, &o, &p.factors, reach);
    oracle_discard(&o);
    drop_statistics(&s);
    discard(&p);
}

void test_reach(void)
{
    static const int64_t ds[] = {9, 10, 11, 16, 21, 31, 39, 64};
    for (size_t i = 0; i < sizeof ds / sizeof *ds; ++i) {
        reach_case(GMM_F64, ds[i]);
        reach_case(GMM_F32, ds[i]);
        absent_row(GMM_F64, ds[i]);
        absent_row(GMM_F32, ds[i]);
    }
}
