/* curvature.h: how a surface bends along a climb's last steps, see curvature.c. */
#ifndef GMM_CURVATURE_H
#define GMM_CURVATURE_H

#include "workspace.h"

enum { GMM_PAIRS = 8, GMM_PAIR_VECTORS = 2 * GMM_PAIRS }; /* kept at most */

typedef struct {
    int64_t size, n;  /* P; pairs */
    double *vectors;  /* (2 n, P) steps and changes in turn, the oldest first; room for GMM_PAIRS */
    double *products; /* (2 n, GMM_PAIR_VECTORS) their inner products */
} gmm_pairs;

gmm_pairs gmm_take_pairs(int64_t size, gmm_workspace *space);

double gmm_dot(int64_t n, const double *a, const double *b);

/* One more pair, in place of the oldest when there are too many. */
void gmm_add_pair(gmm_pairs *pairs, const double *step, const double *change);

/* H f of EM's step f. */
void gmm_newton_step(const gmm_pairs *pairs, const double *pull, double *step);

/* The smallest Rayleigh quotient of a step, and the smallest eigenvalue on their span. n > 0. */
double gmm_least_rate(const gmm_pairs *pairs);
double gmm_slowest(const gmm_pairs *pairs);

#endif
