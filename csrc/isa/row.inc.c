/* row.inc.c: compiles all templates for the bound ISA, once in float and once in double, and publishes its row.
 *
 * Bound by the including file: ISA_NAME, ISA_ROW, ISA_NEEDS, ISA_VOCABULARY. */
#include "../cpu.h"
#include "../measuring.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LOG2_E 1.4426950408889634074
#define SQRT_HALF_LOG2_E 0.84932180028801904272

#define REAL float
#define REAL_IS_FLOAT 1
#define REAL_DTYPE GMM_F32
#define NAME(x) x##_f32
#include ISA_VOCABULARY
#include "../kernels/all.inc.c"
#undef REAL
#undef REAL_IS_FLOAT
#undef REAL_DTYPE
#undef NAME

#define REAL double
#define REAL_IS_FLOAT 0
#define REAL_DTYPE GMM_F64
#define NAME(x) x##_f64
#include ISA_VOCABULARY
#include "../kernels/all.inc.c"

extern const gmm_isa_row ISA_ROW;

const gmm_isa_row ISA_ROW = {
    .name = ISA_NAME,
    .needs = ISA_NEEDS,
    .kernel =
        {
            [GMM_ACCUMULATE] = {&accumulate_f32, &accumulate_f64},
            [GMM_MOMENTS] = {&moments_f32, &moments_f64},
            [GMM_SCORE] = {&score_f32, &score_f64},
            [GMM_ASSIGN] = {&assign_f32, &assign_f64},
            [GMM_SCAN] = {NULL, &scan_f64},
            [GMM_SEED] = {&seed_f32, &seed_f64},
        },
    .algebra = {algebra_space_f64, whiten_f64, lift_f64, trace_f64},
    .measure = measure_f64,
    .peak = {peak_f32, peak_f64},
};
