/* convergence.h: the stopping rule of a climb, see convergence.c. */
#ifndef GMM_CONVERGENCE_H
#define GMM_CONVERGENCE_H

#include <stdint.h>

/* Largest decrease of the objective that rounding may explain, nats per row. */
double gmm_fall_allowance(double objective, double epsilon);

#endif
