/* forms.h: covariances of mclust's forms, see forms.c; the forms by family. */
#ifndef GMM_FORMS_H
#define GMM_FORMS_H

#include "dispatch.h"

enum { GMM_MOST_FORM_ROUNDS = 1000 }; /* of volumes and what they share in turn */
#define GMM_FORM_STILL 1e-14          /* relative change of the volumes that ends them */

/* A step: covariances of a form, in the shape of the structure, from scatters of that shape. */
typedef struct {
    gmm_form form;
    const gmm_algebra *algebra;
    int64_t K, D;
    const double *n;        /* (K,) 0 for a dead component, which is neither read nor written */
    double *covariance;     /* in: scatters, out: covariances of the form */
    const double *previous; /* where iterations inside begin; NULL: nowhere in particular */
    const double *floor;    /* (D,) */
    double epsilon;
    unsigned char *floored; /* (K,) zeros; out: 1 for living components that rest on the floor */
    double total, least;    /* sum of n, largest floor */
    int64_t first;          /* living component */
    double *volume;         /* (K,) zeros */
    double *value;          /* (K, D) */
    double *vector[4];      /* (D,) each */
    double *matrix[4];      /* (D, D) each */
    double *matrices;       /* (K, D, D), of forms with common axes */
    double *space;          /* of the algebra and of gmm_eigen */
} gmm_forming;

/* gmm_constrain of arguments that are valid. */
void gmm_take_form(gmm_form form, int64_t n_components, int64_t n_features, const double *n, const double *previous,
                   const double *floor, double epsilon, void *scratch, double *covariance, unsigned char *floored);

/* Whether a mixture may have both. */
int gmm_form_suits(gmm_form form, gmm_structure structure);

void gmm_form_along_features(gmm_forming *f); /* along_features.c: EII EEI VEI EVI */
void gmm_form_ellipsoids(gmm_forming *f);     /* ellipsoids.c: VEE EVV EEV VEV */
void gmm_form_common_axes(gmm_forming *f);    /* common_axes.c: EVE VVE */

/* Raises covariance k to the floor where rounding made it singular. */
void gmm_raise_form(gmm_forming *f, int64_t k);

double gmm_geometric_mean(int64_t n, const double *value);

/* sum_k n_k / volume_k blocks_k / total of the living components, blocks (K, size), pooled (size,). volume NULL: ones. */
void gmm_pool_form(const gmm_forming *f, int64_t size, const double *blocks, const double *volume, double *pooled);

/* S = sum_m value_m axis_m axis_m' of axes in rows (D, D). */
void gmm_turn(int64_t D, const double *axes, const double *value, double *S);

#endif
