/* scalar.c: every kernel in plain C: runs anywhere, and is the oracle of the others. */
#define ISA_NAME "scalar"
#define ISA_ROW gmm_isa_scalar
#define ISA_NEEDS 0
#define ISA_VOCABULARY "../simd/scalar.h"
#include "row.inc.c"
