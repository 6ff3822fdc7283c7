/* test_host.c: what the library says of its host, and a child forked after the pool of threads was used. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "check.h"
#include "dispatch.h"
#include "entries.h"
#include "tests.h"

/* Of any processor, not only of this one: what is best of what it has, or what is wanted if it has that. */
static void choices(void)
{
    const int last = gmm_choose_isa("scalar", 0);
    CHECK(last >= 0 && gmm_choose_isa("scalar", ~0u) == last);
    CHECK(gmm_choose_isa(NULL, ~0u) == 0 && gmm_choose_isa("", ~0u) == 0);
    CHECK(gmm_choose_isa("none", ~0u) == -1);
#if defined(__x86_64__)
    CHECK(last == 2 && gmm_choose_isa(NULL, 0) == last);
    CHECK(gmm_choose_isa("avx512", ~0u) == 0 && gmm_choose_isa("avx2", ~0u) == 1);
    CHECK(gmm_choose_isa(NULL, GMM_CPU_AVX2 | GMM_CPU_FMA) == 1);
    for (unsigned bit = 1; bit <= GMM_CPU_AVX512VL; bit *= 2) { /* one is missing */
        const int older = bit == GMM_CPU_AVX2 || bit == GMM_CPU_FMA ? 2 : 1;
        CHECK(gmm_choose_isa(NULL, ~bit) == older && gmm_choose_isa("avx512", ~bit) == -1);
        CHECK(gmm_choose_isa("avx2", ~bit) == (older == 1 ? 1 : -1));
    }
#endif
}

void test_host(void)
{
    choices();
    const char *const *isas = gmm_isas();
    int listed = 0, last = 0;
    for (; isas[last]; ++last) {
        listed |= strcmp(isas[last], gmm_isa()) == 0;
    }
    CHECK(listed);
    CHECK(last > 0 && strcmp(isas[last - 1], "scalar") == 0);
    CHECK(gmm_max_threads() >= 1);
    CHECK(gmm_has_openmp() == 0 || gmm_has_openmp() == 1);
    CHECK(gmm_peak_flops(GMM_F64, 1) > 1e6 && gmm_peak_flops(GMM_F32, 2) > 1e6);
    CHECK(gmm_peak_flops(GMM_F64, 0) == 0 && gmm_peak_flops((gmm_dtype)7, 1) == 0);
    for (int status = GMM_OK; status <= GMM_ESTOPPED; ++status) {
        CHECK(strlen(gmm_status_message((gmm_status)status)) > 3);
    }
    CHECK(strcmp(gmm_status_message((gmm_status)99), gmm_status_message(GMM_OK)) != 0);
}

static void refuse_all(void)
{
    entry *const entries[] = {whiten, lift, factorize, expand, maximize, climb, fit, start, accumulate_missing,
                              score_missing, accumulate_measured, score_measured};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; ++i) {
        arguments a = *good;
        point_at_itself(&a);
        CHECK(entries[i](&a) == GMM_EINVAL);
    }
}

/* With no kernels to run every entry refuses, and scratch is 0. */
void test_unknown_isa(void)
{
    recipe r = plain_recipe();
    problem p = cook(&r);
    gmm_statistics s = new_statistics(&p.factors);
    gmm_columns c = new_columns(r.d);
    assignment a = new_assignment(r.n, r.k, r.d);
    int64_t bad_row;
    CHECK(gmm_isa() == NULL);
    CHECK(gmm_scratch_bytes(GMM_FULL, GMM_F64, r.k, r.d, 1) == 0);
    CHECK(gmm_peak_flops(GMM_F64, 1) == 0);
    CHECK(call_accumulate(&p.rows, &p.factors, 1, &s, &bad_row) == GMM_EINVAL);
    CHECK(call_moments(&p.rows, &p.factors, p.posterior, NULL, 1, &s, &bad_row) == GMM_EINVAL);
    CHECK(call_score(&p.rows, &p.factors, 1, NULL, NULL, NULL, &bad_row) == GMM_EINVAL);
    CHECK(call_assign(&p.rows, GMM_F64, r.k, p.mean, 1, &a, &bad_row) == GMM_EINVAL);
    CHECK(call_scan(&p.rows, 1, &c) == GMM_EINVAL);
    CHECK(gmm_mixture_scratch_bytes(GMM_FULL, r.k, r.d, 1) == 0);
    CHECK(gmm_form_scratch_bytes(GMM_VVE, 2, 2) == 0);
    CHECK(gmm_constrain(GMM_VVE, 1, 1, p.mean, NULL, p.mean, 0, p.mean, 8, p.mean, (unsigned char *)p.mean) == GMM_EINVAL);
    with_good(refuse_all);
    drop_statistics(&s);
    drop_columns(&c);
    drop_assignment(&a);
    discard(&p);
}

static int child(const problem *p, const gmm_statistics *expected)
{
    gmm_statistics s = new_statistics(&p->factors);
    int64_t bad_row;
    alarm(20); /* a child that waits for its parent's threads is killed, and so fails the test */
    int fine = call_accumulate(&p->rows, &p->factors, 2, &s, &bad_row) == GMM_OK &&
               memcmp(s.n, expected->n, (size_t)p->factors.n_components * 8) == 0 &&
               (gmm_max_threads() == 1 || !gmm_has_openmp());
    drop_statistics(&s);
    return fine ? 0 : 1;
}

#ifdef GMM_COVERAGE
void __gcov_dump(void);
#endif

/* At once, without what the parent has to do at its end; what a child has reached counts. */
static void leave(int status)
{
#ifdef GMM_COVERAGE
    __gcov_dump();
#endif
    _exit(status);
}

/* The child finishes, alone, with the same bits. */
void test_fork(void)
{
    recipe r = plain_recipe();
    r.n = 5000;
    problem p = cook(&r);
    gmm_statistics s = new_statistics(&p.factors);
    int64_t bad_row;
    int status = -1;
    CHECK(call_accumulate(&p.rows, &p.factors, 2, &s, &bad_row) == GMM_OK);
    pid_t pid = fork();
    if (pid == 0) {
        leave(child(&p, &s));
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    drop_statistics(&s);
    discard(&p);
}
