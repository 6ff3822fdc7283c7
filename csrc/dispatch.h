/* dispatch.h: the table of kernels, one row per ISA. */
#ifndef GMM_DISPATCH_H
#define GMM_DISPATCH_H

#include "cpu.h"
#include "kernel.h"

/* Number of the best row, in the order of gmm_isas(), that a processor with these features can run: any that can, or
 * what `wanted` names unless it is NULL or empty; -1 when there is none. */
int gmm_choose_isa(const char *wanted, unsigned features);

/* The row this process runs, chosen at the first call: the best supported, or what GMM_ISA names; NULL when that
 * name is unknown or not supported here. */
const gmm_isa_row *gmm_active_isa(void);

/* Of a valid dtype; NULL when there is none. */
const gmm_kernel *gmm_find_kernel(gmm_operation operation, gmm_dtype precision);

#endif
