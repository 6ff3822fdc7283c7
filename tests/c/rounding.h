/* rounding.h: how far rounding may take what a pass computes from what it means. */
#ifndef ROUNDING_H
#define ROUNDING_H

#include "gmm.h"

/* To first order the error of a result is a linear form sum a_t e_t in the relative errors |e_t| <= u of all its
 * operations. They are as good as independent with mean zero (Higham and Mary 2019), and their root mean square is 0.43 u:
 * evenly spread within half a unit of the last place, of significands whose logarithms are. So u sqrt(sum a_t^2), the bound
 * taken here, is 2.4 standard deviations of the form, and more as operations of both ways to whiten count and real chains
 * are shorter. The worst case, u sum |a_t|, is 5 times as much for D = 3 and 21 times for D = 259.
 *
 * A responsibility may so err by 1.2e-6 of itself in float for D = 3, 2.3e-5 for D = 64, 2e-4 for D = 259: mostly by the
 * D additions of a squared distance of D. */

/* u; in double twice that, for an oracle that adds up in double errs as well. */
double roundoff(gmm_dtype precision);

/* Bound, in nats, for the log-density of component k at the framed row x. */
double density_rounding(const gmm_factors *f, const double *x, int64_t k);

/* Relative bound for a sum of n terms, of the sum of their sizes. */
double sum_rounding(gmm_dtype precision, int64_t n);

#endif
