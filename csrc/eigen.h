/* eigen.h: eigenvalues and eigenvectors of one symmetric matrix, see eigen.c. */
#ifndef GMM_EIGEN_H
#define GMM_EIGEN_H

#include <stdint.h>

/* S (D, D) symmetric is overwritten by its eigenvectors, one in each row, by rising eigenvalue (D,). space:
 * gmm_eigen_space(D) doubles. */
int64_t gmm_eigen_space(int64_t n_features);
void gmm_eigen(int64_t n_features, double *S, double *value, double *space);

#endif
