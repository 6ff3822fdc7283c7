/* entries.c: see entries.h. */
#include "entries.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

const arguments *good;

void point_at_itself(arguments *a)
{
    a->rows = &a->own_rows, a->mixture = &a->own_mixture, a->next = &a->own_next, a->sums = &a->own_sums;
    a->limits = &a->own_limits, a->errors = &a->own_errors, a->runs = &a->own_runs, a->plan = &a->own_plan;
    a->group = &a->own_group, a->rehearsal = &a->own_rehearsal, a->n_trace = &a->own_n_trace;
}

gmm_status whiten(arguments *a)
{
    return gmm_whiten(a->n_matrices, a->n_features, a->scatter, a->n_threads, a->scratch, a->scratch_bytes, a->whitener,
                      a->bad);
}

gmm_status lift(arguments *a)
{
    return gmm_lift(a->n_matrices, a->n_features, a->scatter, a->about, a->floor, 0x1p-52, a->n_threads, a->scratch,
                    a->scratch_bytes, a->floored);
}

gmm_status factorize(arguments *a)
{
    return gmm_factorize(a->mixture, NULL, a->n_threads, a->scratch, a->scratch_bytes, a->constant, a->whitener, a->bad);
}

gmm_status expand(arguments *a)
{
    return gmm_expand(a->n_matrices, a->n_features, a->constant, a->about, a->whitener, a->scatter, 1, a->scratch,
                      a->scratch_bytes, a->trace, a->slope, a->number, a->number ? a->floor : NULL, a->floor);
}

/* With one output more that may be NULL. */
gmm_status expand_into(arguments *a)
{
    double common, size;
    return gmm_expand(K, D, a->constant, a->about, a->whitener, a->scatter, 1, a->scratch, a->scratch_bytes, a->trace,
                      a->slope, &common, a->number, a->floor ? &size : NULL);
}

gmm_status maximize(arguments *a)
{
    return gmm_maximize(a->sums, a->about, 0, a->mixture, NULL, a->floor, 0x1p-52, a->n_threads, a->scratch,
                        a->scratch_bytes, a->next, a->floored);
}

gmm_status climb(arguments *a)
{
    return gmm_climb(a->rows, a->limits, a->mixture, a->sums, a->floored, a->trace, a->n_trace, a->stop, a->scratch,
                     a->scratch_bytes);
}

gmm_status fit(arguments *a)
{
    return gmm_fit(a->plan, a->n_groups, a->group, a->n_threads, a->scratch, a->scratch_bytes);
}

gmm_status start(arguments *a)
{
    return gmm_start(a->rehearsal, a->rows, NULL, a->floor, a->n_starts, a->seed, a->n_threads, a->scratch,
                     a->scratch_bytes, a->next, a->unusual);
}

gmm_status accumulate_missing(arguments *a)
{
    return gmm_accumulate_missing(a->rows, a->runs, a->mixture, NULL, a->precision, a->n_threads, a->scratch,
                                  a->scratch_bytes, a->sums, a->bad, a->bad_component);
}

gmm_status score_missing(arguments *a)
{
    return gmm_score_missing(a->rows, a->runs, a->mixture, a->precision, a->n_threads, a->scratch, a->scratch_bytes,
                             NULL, NULL, NULL, a->bad, a->bad_component);
}

gmm_status accumulate_measured(arguments *a)
{
    return gmm_accumulate_measured(a->rows, a->errors, a->mixture, NULL, NULL, a->n_threads, a->scratch,
                                   a->scratch_bytes, a->sums, a->bad, a->bad_component);
}

gmm_status score_measured(arguments *a)
{
    return gmm_score_measured(a->rows, a->errors, a->mixture, NULL, a->precision, a->n_threads, a->scratch,
                              a->scratch_bytes, NULL, NULL, NULL, a->bad, a->bad_component);
}

void with_good(void (*run)(void))
{
    static double value[N * D], one[D] = {1, 1}, zero[D], floor[D], about[K * D], constant[K];
    static double error[N * D], weight[K], mean[K * D], covariance[K * D * D], n[K], first[K * D], second[K * D * D];
    static double next_weight[K], next_mean[K * D], next_covariance[K * D * D], whitener[K * D * D], slope[K * D];
    static double trace[LIMIT + 1], table[2 * GMM_TABLE], number, scatter[K * D * D] = {1, 0, 0, 1, 1, 0, 0, 1};
    static unsigned char floored[K], unusual[1];
    static uint64_t seed[2] = {1, 2};
    static int64_t bad, bad_component;
    static const int64_t n_iter[ROUNDS] = {2, 2};
    static const uint64_t last[ROUNDS] = {UINT64_MAX, UINT64_MAX};
    static gmm_stop stop;
    uint64_t state = 3;
    memset(covariance, 0, sizeof covariance), memset(whitener, 0, sizeof whitener); /* an earlier call wrote there */
    memset(first, 0, sizeof first), memset(second, 0, sizeof second);
    floor[0] = floor[1] = 0x1p-80;
    for (int i = 0; i < N * D; ++i) {
        value[i] = (i / D % 2 ? 3 : -3) + normal(&state);
        error[i] = 0.5;
    }
    for (int k = 0; k < K; ++k) {
        weight[k] = 0.5, n[k] = N / 2.0, whitener[k * D * D] = whitener[k * D * D + D + 1] = 1;
        for (int j = 0; j < D; ++j) {
            mean[k * D + j] = k ? 3 : -3;
            about[k * D + j] = 1;
            covariance[(k * D + j) * D + j] = 1;
            second[(k * D + j) * D + j] = N / 2.0;
        }
    }
    listing l = list_rows(N, D, 3, 100);
    arguments a = {.own_rows = {.data = value, .dtype = GMM_F64, .n_rows = N, .n_features = D,
                                .row_stride = D * 8, .column_stride = 8, .scale = one, .centre = zero},
                   .own_mixture = {GMM_FULL, K, D, weight, mean, covariance, GMM_OWN_FORM},
                   .own_next = {GMM_FULL, K, D, next_weight, next_mean, next_covariance, GMM_OWN_FORM},
                   .own_sums = {.n = n, .first = first, .second = second},
                   .own_limits = {.precision = GMM_F64, .floor = floor, .epsilon = 0x1p-52, .max_iter = LIMIT},
                   .own_errors = {error, GMM_F64, 1, D * 8, {8, 8}},
                   .own_runs = l.runs,
                   .own_plan = {GMM_FULL, GMM_OWN_FORM, GMM_F64, GMM_METHOD_KMEANS, K, 2, 1e-5, LIMIT, 1, LIMIT},
                   .own_rehearsal = {GMM_FULL, GMM_F64, K, 3, ROUNDS, n_iter, last, N},
                   .floor = floor, .about = about, .constant = constant, .whitener = whitener, .scatter = scatter,
                   .slope = slope, .number = &number, .trace = trace, .floored = floored, .unusual = unusual,
                   .seed = seed, .bad = &bad, .bad_component = &bad_component, .n_matrices = K, .n_features = D,
                   .n_groups = 1, .n_starts = 1, .stop = &stop, .precision = GMM_F64, .n_threads = 1};
    a.own_group = (gmm_group){.rows = a.own_rows, .floor = floor, .seed = seed, .mixture = a.own_next,
                              .floored = floored, .trace = trace, .table = table};
    const size_t sizes[] = {gmm_mixture_scratch_bytes(GMM_FULL, K, D, 1), gmm_climb_scratch_bytes(GMM_FULL, GMM_OWN_FORM, GMM_F64, K, D),
                            gmm_fit_scratch_bytes(&a.own_plan, N, D, 1), gmm_start_scratch_bytes(&a.own_rehearsal, D, 1),
                            gmm_missing_scratch_bytes(GMM_FULL, GMM_F64, K, D, 1),
                            gmm_measured_scratch_bytes(GMM_FULL, K, D, 1, 1)};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        a.scratch_bytes = sizes[i] > a.scratch_bytes ? sizes[i] : a.scratch_bytes;
    }
    a.scratch = room(a.scratch_bytes, 1);
    good = &a;
    run();
    free(a.scratch), drop_listing(&l);
}
