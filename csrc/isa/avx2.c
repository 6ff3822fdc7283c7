/* avx2.c: every kernel on 256-bit vectors. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this file with -mavx2 -mfma"
#endif
#define ISA_NAME "avx2"
#define ISA_ROW gmm_isa_avx2
/* fma: not implied by avx2 (VIA sells the one without the other) */
#define ISA_NEEDS (GMM_CPU_AVX2 | GMM_CPU_FMA)
#define ISA_VOCABULARY "../simd/avx2.h"
#include "row.inc.c"
