/* cpu.c: feature detection, each test with its reason.
 *
 * Runs before anything is known about the processor, so this file (and
 * dispatch.c) must not be compiled with an instruction-set flag.
 * __builtin_cpu_supports asks the operating system too (XGETBV): a register
 * file that is not saved on a context switch counts as absent. */
#include "cpu.h"

#if defined(__AVX__) || defined(__AVX2__) || defined(__AVX512F__)
#error "cpu.c decides whether AVX exists: compile it without AVX"
#endif

int gmm_cpu_any(void) { return 1; }

/* What this architecture can have; dispatch.c asks for no more. */
#if defined(__x86_64__) || defined(__i386__)

int gmm_cpu_avx2(void) {
    __builtin_cpu_init();
    /* fma: not implied by avx2 (VIA sells the one without the other) */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

int gmm_cpu_avx512(void) {
    __builtin_cpu_init();
    /* f: the registers and masks; dq: float logic and 64-bit integer conversion; bw, vl: the compiler's own use in
     * auto-vectorised loops. Knights Landing has f without the others. */
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && gmm_cpu_avx2();
}

#elif defined(__aarch64__)

int gmm_cpu_neon(void) { return 1; } /* part of the base architecture */

#endif
