/* measured_mixture.h: a mixture seen through errors, as the kernel wants it, and its sums in the units of the rows. */
#ifndef GMM_MEASURED_MIXTURE_H
#define GMM_MEASURED_MIXTURE_H

#include "fit.h"
#include "measuring.h"

/* Scratch for a mixture and a kind of errors, of all threads together and of one. */
gmm_measuring gmm_take_measuring(const gmm_mixture *mixture, int are_variances, gmm_workspace *space);
gmm_measuring_space gmm_take_measuring_space(const gmm_measuring *all, gmm_workspace *space);

/* Fills in what the kernel needs of all->mixture and all->ridge. GMM_ESINGULAR: bad_component has no factor. */
gmm_status gmm_load_measuring(gmm_measuring *all, int64_t *bad_component);

/* The sums of a block, written to `partial`. */
void gmm_finish_measured(const gmm_measuring *all, const gmm_measuring_space *own, gmm_statistics *partial);

#endif
