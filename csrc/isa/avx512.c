/* avx512.c: every kernel on 512-bit vectors. */
#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || \
    !defined(__FMA__)
#error "compile this file with -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512"
#endif
#define ISA_NAME "avx512"
#define ISA_ROW gmm_isa_avx512
/* f: the registers and masks; dq: float logic and 64-bit integer conversion; bw, vl: the compiler's own use in
 * auto-vectorised loops. Knights Landing has f without the others. */
#define ISA_NEEDS                                                                                                   \
    (GMM_CPU_AVX512F | GMM_CPU_AVX512DQ | GMM_CPU_AVX512BW | GMM_CPU_AVX512VL | GMM_CPU_AVX2 | GMM_CPU_FMA)
#define ISA_VOCABULARY "../simd/avx512.h"
#include "row.inc.c"
