/* factor.h: covariances of few factors and independent noise, S_k = L_k L_k' + diag(psi_k), in passes over rows.
 *
 * Factors of GMM_FACTOR for gmm_accumulate, gmm_moments and gmm_score: whitener (K, 1 + q, D),
 *     row 0         w = 1 / sqrt(psi)
 *     rows 1 to q   directions u_a, the rows of L' diag(1 / psi) with L turned so that they are orthogonal in units of the
 *                   noise: sum_j u_aj u_bj / w_j^2 = lambda_a for a = b, 0 otherwise
 * so that inverse(S) = diag(w^2) - sum_a u_a u_a' / (1 + lambda_a), and the log density of component k at x' is
 *     log_constant[k] - |w (x' - mean)|^2 / 2 + sum_a (u_a . (x' - mean))^2 / (1 + lambda_a) / 2
 * Statistics: second (K, 1 + q, D) = sum_i w_i r_ik of
 *     row 0         c_j^2, c = x' - mean
 *     rows 1 to q   (u_a . c) c
 * which is what one step of EM with the factors as missing data needs. Responsibilities below 2^-58 of a row's weight
 * count as 0 in moments, unless skipping is GMM_SKIP_NEVER; the work of a row and component is some 2 D (2 q + 4).
 * The rest of an iteration, over K and D, is the caller's: gmm_factorize, gmm_maximize and what is built on them do not
 * know the structure. */
#ifndef GMM_FACTOR_H
#define GMM_FACTOR_H

#include "gmm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As gmm_scratch_bytes, which answers 0 for GMM_FACTOR. n_factors: q, 1 to n_features. */
size_t gmm_factor_scratch_bytes(gmm_dtype precision, int64_t n_components, int64_t n_features, int64_t n_factors,
                                int n_threads);

#ifdef __cplusplus
}
#endif
#endif
