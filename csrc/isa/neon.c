/* neon.c: every kernel on the 128-bit vectors of 64-bit ARM. */
#if !defined(__aarch64__) || !defined(__ARM_NEON)
#error "this file is for 64-bit ARM"
#endif
#define ISA_NAME "neon"
#define ISA_ROW gmm_isa_neon
#define ISA_NEEDS 0
#define ISA_VOCABULARY "../simd/neon.h"
#include "row.inc.c"
