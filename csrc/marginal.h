/* marginal.h: a mixture seen through some of its features, and what these say of the others. */
#ifndef GMM_MARGINAL_H
#define GMM_MARGINAL_H

#include "matrices.h"

/* Of a mixture in D features, `n_observed` of them observed (o), the others missing (m). Matrices of a tied mixture are
 * there once. Diagonal and spherical structures have no regression, and their residuals stay in the mixture. */
typedef struct {
    const gmm_mixture *mixture;
    const double *ridge;      /* (D,) or NULL */
    int64_t n_observed;
    int64_t *order;           /* (D,) numbers of the observed features, then of the missing ones, each ascending */
    gmm_factors factors;      /* of the observed features; of GMM_TIED, to score, K copies */
    double *scale, *centre;   /* (o,) the frame of these features */
    gmm_statistics sums;      /* of a run of rows in these features: (K,), (K, o), and second; tied: pooled, (o, o) */
    double *total_scatter;    /* (o, o) of tied rows about the frame's centre */
    double *regression;       /* (n_matrices, m, o) B = S_mo inverse(S_oo) */
    double *residual;         /* (n_matrices, m, m) C = S_mm - B S_om */
    double *log_constant, *mean, *whitener, *observed_ridge, *covariance, *ordered, *product;
    void *matrices;
    size_t matrices_bytes;
} gmm_marginal;

/* Room for any pattern of a mixture of these sizes. */
gmm_marginal gmm_take_marginal(gmm_structure structure, int64_t n_components, int64_t n_features,
                               gmm_workspace *space);

/* Factors of the features that are observed (D,), and of a pass that adds up also what is needed for the others. */
gmm_status gmm_marginalise(gmm_marginal *marginal, const unsigned char *observed, int adds_up, int64_t *bad_component);

/* Adds to `total` what marginal->sums say of all features. */
void gmm_complete_sums(const gmm_marginal *marginal, gmm_statistics *total);

#endif
