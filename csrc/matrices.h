/* matrices.h: what the entry points on mixtures share: checks, scratch, and how many threads matrices are worth. */
#ifndef GMM_MATRICES_H
#define GMM_MATRICES_H

#include "kernel.h"
#include "parallel.h"

#define GMM_LOG_TWO_PI 1.8378770664093454836

/* log det W - 1/2 sum_j ridge_j (W'W)_jj of a triangle (D, D); ridge may be NULL. */
double gmm_triangle_constant(int64_t n_features, const double *whitener, const double *ridge);

int gmm_mixture_is_valid(const gmm_mixture *mixture);

/* Bytes for `gmm_algebra.space` of every thread. */
size_t gmm_matrix_scratch(const gmm_isa_row *isa, int64_t n_matrices, int64_t n_features, int n_threads);

/* One for each matrix at most, and no more than the arithmetic is worth waking. */
int gmm_matrix_threads(int64_t n_matrices, int64_t n_features, int n_threads);

#endif
