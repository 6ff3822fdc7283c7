/* test_climb.c: a climb in one call is the calls it is made of, byte for byte, in scratch of the promised size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "check.h"
#include "convergence.h"
#include "fit.h"
#include "tests.h"

enum { STEPS = 6, MARK = 0x3C, GUARD = 64 };

typedef struct {
    gmm_mixture mixture;
    gmm_statistics statistics;
    unsigned char *floored;
    double trace[STEPS + 1];
    int64_t n_trace;
} state;

static size_t covariance_count(const recipe *r) { return structure_size(r->structure, r->k, r->d); }

static state new_state(const recipe *r)
{
    state s = {.mixture = {r->structure, r->k, r->d, room((size_t)r->k, 8), room((size_t)(r->k * r->d), 8),
                           room(covariance_count(r), 8), GMM_OWN_FORM},
               .statistics = {.n = room((size_t)r->k, 8),
                              .first = room((size_t)(r->k * r->d), 8),
                              .second = room(covariance_count(r), 8)},
               .floored = room((size_t)r->k, 1)};
    return s;
}

static void drop_state(state *s)
{
    free(s->mixture.weight), free(s->mixture.mean), free(s->mixture.covariance), free(s->floored);
    free(s->statistics.n), free(s->statistics.first), free(s->statistics.second);
}

/* Factors and statistics of s->mixture; 0 on failure. */
static int evaluate(const recipe *r, const problem *p, const gmm_limits *limits, state *s, double *constant,
                    double *whitener, void *scratch, size_t size)
{
    int64_t bad;
    if (gmm_factorize(&s->mixture, limits->ridge, 1, scratch, size, constant, whitener, &bad) != GMM_OK) {
        return 0;
    }
    gmm_factors f = {.structure = r->structure, .precision = r->precision, .n_components = r->k, .n_features = r->d,
                     .log_constant = constant, .mean = s->mixture.mean, .whitener = whitener};
    memset(s->statistics.n, 0, (size_t)r->k * 8);
    memset(s->statistics.first, 0, (size_t)(r->k * r->d) * 8);
    memset(s->statistics.second, 0, covariance_count(r) * 8);
    s->statistics.log_likelihood = s->statistics.weight = 0;
    if (call_accumulate(&p->rows, &f, 2, &s->statistics, &bad) != GMM_OK) {
        return 0;
    }
    if (r->structure == GMM_TIED) {
        gmm_pool(r->k, r->d, limits->total_scatter, s->mixture.mean, &s->statistics, s->statistics.second);
    }
    s->trace[s->n_trace++] = s->statistics.log_likelihood / s->statistics.weight;
    return 1;
}

static void climb_case(int structure, int precision, int64_t d, int with_ridge, int from_nothing)
{
    if (is_left_out()) {
        return;
    }
    recipe r = plain_recipe();
    r.structure = (gmm_structure)structure;
    r.precision = (gmm_dtype)precision;
    r.n = 1500;
    r.d = d;
    r.k = 3;
    in_case("climb ridge=%d from_nothing=%d %s", with_ridge, from_nothing, describe(&r));
    problem p = cook(&r);
    state given = new_state(&r), one = new_state(&r), other = new_state(&r);
    double *constant = room((size_t)r.k, 8), *whitener = room(covariance_count(&r), 8);
    double *ridge = room((size_t)d, 8), *floor = room((size_t)d, 8), *total = room((size_t)(d * d), 8);
    double *framed = room((size_t)d, 8);
    for (int64_t j = 0; j < d; ++j) {
        ridge[j] = 0.25;
        floor[j] = 0x1p-80;
    }
    for (int64_t i = 0; i < r.n; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            framed[j] = p.value[i * d + j] * p.rows.scale[j] - p.rows.centre[j];
        }
        for (int64_t j = 0; j < d * d; ++j) {
            total[j] += (p.rows.weight ? p.rows.weight[i] : 1) * framed[j / d] * framed[j % d];
        }
    }
    for (int64_t k = 0; k < r.k; ++k) {
        given.mixture.weight[k] = 1.0 / 3;
    }
    memcpy(given.mixture.mean, p.mean, (size_t)(r.k * d) * 8);
    for (size_t i = 0; i < covariance_count(&r); ++i) {
        const size_t at = i % (size_t)(d * d);
        given.mixture.covariance[i] = structure >= GMM_DIAG || at % (size_t)(d + 1) == 0 ? 4 : 0;
    }
    const gmm_limits limits = {r.precision, with_ridge ? ridge : NULL, floor, structure == GMM_TIED ? total : NULL,
                               precision ? 0x1p-52 : 0x1p-23, 0, STEPS};
    size_t size = gmm_mixture_scratch_bytes(r.structure, r.k, d, 1);
    void *scratch = room(size, 1);
    CHECK(evaluate(&r, &p, &limits, &given, constant, whitener, scratch, size));

    /* by hand */
    one.n_trace = given.n_trace;
    one.trace[0] = given.trace[0];
    const state *from = &given;
    state *to = &one, *spare = &other;
    for (int step = 0; step < STEPS; ++step) {
        CHECK(gmm_maximize(&from->statistics, from->mixture.mean, structure == GMM_TIED, &from->mixture, limits.ridge,
                           floor, limits.epsilon, 1, scratch, size, &to->mixture, to->floored) == GMM_OK);
        memcpy(to->trace, from->trace, sizeof to->trace);
        to->n_trace = from->n_trace;
        CHECK(evaluate(&r, &p, &limits, to, constant, whitener, scratch, size));
        from = to;
        to = spare;
        spare = to == &one ? &other : &one;
    }

    size_t needed = gmm_climb_scratch_bytes(r.structure, GMM_OWN_FORM, r.precision, r.k, d);
    unsigned char *memory = room(needed + 2 * GUARD, 1), *inside = memory + GUARD - 3;
    memset(memory, MARK, needed + 2 * GUARD);
    gmm_stop stop;
    if (from_nothing) {
        given.n_trace = 0;
        memset(given.statistics.first, MARK, (size_t)(r.k * d) * 8);
    }
    CHECK(gmm_climb(&p.rows, &limits, &given.mixture, &given.statistics, given.floored, given.trace, &given.n_trace,
                    &stop, inside, needed - 1) == GMM_ESCRATCH);
    CHECK(gmm_climb(&p.rows, &limits, &given.mixture, &given.statistics, given.floored, given.trace, &given.n_trace,
                    &stop, inside, needed) == GMM_OK);
    CHECK(stop == GMM_AT_LIMIT && given.n_trace == STEPS + 1);
    int intact = 1;
    for (size_t i = 0; i < GUARD - 3; ++i) {
        intact &= memory[i] == MARK;
    }
    for (size_t i = GUARD - 3 + needed; i < needed + 2 * GUARD; ++i) {
        intact &= memory[i] == MARK;
    }
    CHECK(intact);
    CHECK_BYTES(given.trace, from->trace, sizeof given.trace);
    CHECK_BYTES(given.mixture.weight, from->mixture.weight, (size_t)r.k * 8);
    CHECK_BYTES(given.mixture.mean, from->mixture.mean, (size_t)(r.k * d) * 8);
    CHECK_BYTES(given.mixture.covariance, from->mixture.covariance, covariance_count(&r) * 8);
    CHECK_BYTES(given.statistics.second, from->statistics.second, covariance_count(&r) * 8);
    CHECK_BYTES(given.statistics.first, from->statistics.first, (size_t)(r.k * d) * 8);
    CHECK_BYTES(given.floored, from->floored, (size_t)r.k);
    CHECK(given.statistics.log_likelihood == from->statistics.log_likelihood);
    CHECK(gmm_climb(&p.rows, NULL, &given.mixture, &given.statistics, given.floored, given.trace, &given.n_trace, &stop,
                    inside, needed) == GMM_EINVAL);
    free(memory), free(scratch), free(constant), free(whitener), free(ridge), free(floor), free(total), free(framed);
    drop_state(&given), drop_state(&one), drop_state(&other);
    discard(&p);
}

/* A climb whose gains shrink by a constant rate has as much to come as the sum of a geometric series says, at least as
 * much as it would at half; what is below rounding says nothing. */
static void stopping(void)
{
    double trace[141];
    in_case("stopping");
    for (int t = 0; t < 141; ++t) {
        trace[t] = -1e-1 * pow(0.99, t);
    }
    CHECK(!gmm_has_converged(trace, 0, 1, 0x1p-52));
    CHECK(!gmm_has_converged(trace, 1, 1, 0x1p-52));
    CHECK(!gmm_has_converged(trace, 2, 1, 0x1p-52));
    CHECK(!gmm_has_converged(trace, 140, 0, 0x1p-52));
    const double left = 1e-1 * pow(0.99, 139);
    CHECK_NEAR(gmm_gain_to_come(trace, 140), left, 1e-3 * left);
    CHECK(gmm_has_converged(trace, 140, 1.1 * left, 0x1p-52) && !gmm_has_converged(trace, 140, 0.9 * left, 0x1p-52));
    CHECK(!gmm_has_converged(trace, 140, 0.9 * left, 1e-3)); /* rounding of 4e-3 hides all but the longest lags */
    CHECK(gmm_has_converged(trace, 140, 1.1 * left, 1e-3));
    for (int t = 0; t < 140; ++t) {
        trace[t] = 1e-3 * t; /* straight on: there is no telling how far */
    }
    CHECK(isinf(gmm_gain_to_come(trace, 140)) && !gmm_has_converged(trace, 140, 1, 0x1p-52));
    for (int t = 0; t < 140; ++t) {
        trace[t] = 1;
    }
    CHECK(gmm_has_converged(trace, 2, 1e-9, 0x1p-52) && gmm_has_converged(trace, 140, 1e-9, 0x1p-52));
    const double none = 0, much = 1;
    CHECK(gmm_ends_by_rounding(trace, 2, 1 - 1e-8, 1e-5, 1e-6, &none));
    CHECK(!gmm_ends_by_rounding(trace, 2, 1 - 1e-8, 1e-5, 1e-6, &much));
    CHECK(gmm_ends_by_rounding(trace, 2, 1 - 1e-8, 1e-5, 1e-6, NULL));
    CHECK(!gmm_ends_by_rounding(trace, 2, 1 - 1e-5, 1e-5, 1e-6, NULL));
}

/* The row whose share of the mass a number falls into; where rounding puts it past the end, the last with any mass. */
static void drawn_rows(void)
{
    const double mass[] = {0, 1, 1, 3, 4, 4, 4};
    in_case("drawn rows");
    CHECK(gmm_drawn_row(mass, 7, 0) == 1 && gmm_drawn_row(mass, 7, 0.2) == 1 && gmm_drawn_row(mass, 7, 0.25) == 3);
    CHECK(gmm_drawn_row(mass, 7, 0.999) == 4 && gmm_drawn_row(mass, 7, 1) == 4);
    CHECK(gmm_drawn_row(mass + 4, 3, 1) == 0);
}

void test_climb(void)
{
    stopping();
    drawn_rows();
    for (int structure = 0; structure < 4; ++structure) {
        for (int precision = 0; precision < 2; ++precision) {
            climb_case(structure, precision, 3, 0, precision);
            climb_case(structure, precision, 11, 1, !precision);
        }
    }
    CHECK(gmm_climb_scratch_bytes(GMM_FULL, GMM_OWN_FORM, GMM_F64, 0, 2) == 0);
    CHECK(gmm_climb_scratch_bytes((gmm_structure)7, GMM_OWN_FORM, GMM_F64, 1, 2) == 0);
    CHECK(gmm_climb_scratch_bytes(GMM_LINEAR, GMM_OWN_FORM, GMM_F64, 1, 2) == 0);
}
