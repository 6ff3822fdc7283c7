/* tests.h: what main runs; each function is one area and names its own cases. */
#ifndef TESTS_H
#define TESTS_H

void test_accumulate(void);
void test_moments(void);
void test_reach(void);
void test_skip(void);
void test_noise(void);
void test_score(void);
void test_far_rows(void);
void test_assign(void);
void test_scan(void);
void test_scan_extremes(void);
void test_determinism(void);
void test_slices(void);
void test_edges(void);
void test_arguments(void);
void test_nonfinite(void);
void test_scratch(void);
void test_refused(void);
void test_host(void);
void test_fork(void);
void test_parallel(void);
void test_matrices(void);
void test_maximize(void);
void test_forms(void);
void test_ward(void);
void test_acceleration(void);
void test_climb(void);
void test_endings(void);
void test_missing(void);
void test_missing_beside(void);
void test_measured(void);
void test_measured_beside(void);
void test_fit(void);
void test_start(void);
void test_exchange(void);
void test_race(void);
void test_unusual(void);
void test_unknown_isa(void); /* only by name, with GMM_ISA set to no ISA of this machine */

#endif
