/* convergence.h: the stopping rule of a climb, see convergence.c. */
#ifndef GMM_CONVERGENCE_H
#define GMM_CONVERGENCE_H

#include <stdint.h>

/* What rounding may do to an objective, nats per row. */
double gmm_rounding(double objective, double epsilon);

/* Largest decrease of the objective that rounding may explain, nats per row. */
double gmm_fall_allowance(double objective, double epsilon);

/* The objective's rise from the last of a trace to its limit, inf where nothing can be said. */
double gmm_gain_to_come(const double *trace, int64_t n_trace);

/* Whether a climb whose next objective is `fallen`, by no more than `noise`, has converged; trace has room for it.
 * to_come: the rise that is left, where something better than the trace tells of it, or NULL. */
int gmm_ends_by_rounding(double *trace, int64_t n_trace, double fallen, double tol, double noise,
                         const double *to_come);

#endif
