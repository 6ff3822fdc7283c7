/* cpu.c: feature detection.
 *
 * Runs before anything is known about the processor, so this file (and
 * dispatch.c) must not be compiled with an instruction-set flag.
 * __builtin_cpu_supports asks the operating system too (XGETBV): a register
 * file that is not saved on a context switch counts as absent. */
#include "cpu.h"

#if defined(__AVX__) || defined(__AVX2__) || defined(__AVX512F__)
#error "cpu.c decides whether AVX exists: compile it without AVX"
#endif

#if defined(__x86_64__)

#define BIT_IF(name, bit) (__builtin_cpu_supports(name) != 0) * (unsigned)(bit)

unsigned gmm_cpu_features(void) {
    __builtin_cpu_init();
    return BIT_IF("avx2", GMM_CPU_AVX2) | BIT_IF("fma", GMM_CPU_FMA) | BIT_IF("avx512f", GMM_CPU_AVX512F) |
           BIT_IF("avx512dq", GMM_CPU_AVX512DQ) | BIT_IF("avx512bw", GMM_CPU_AVX512BW) |
           BIT_IF("avx512vl", GMM_CPU_AVX512VL);
}

#else

unsigned gmm_cpu_features(void) { return 0; } /* NEON is part of the base architecture */

#endif
