/* dispatch.h: the table of kernels, one row per ISA. */
#ifndef GMM_DISPATCH_H
#define GMM_DISPATCH_H

#include "kernel.h"

/* The row this process runs, chosen at the first call: the best supported, or what GMM_ISA names; NULL when that
 * name is unknown or not supported here. */
const gmm_isa_row *gmm_active_isa(void);

/* NULL when there is none. */
const gmm_kernel *gmm_find_kernel(gmm_operation operation, gmm_dtype precision);

#endif
