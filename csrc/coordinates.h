/* coordinates.h: mixtures near a given one as vectors (P,), see coordinates.c. */
#ifndef GMM_COORDINATES_H
#define GMM_COORDINATES_H

#include "gmm.h"
#include "workspace.h"

typedef struct {
    gmm_mixture origin;     /* whose vector is 0; a copy */
    int64_t size;           /* P */
    double *scale;          /* (P,) what natural coordinates are multiplied by */
    double *whitener, *root; /* of matrices: W and inverse(W); of variances: unused, standard deviations */
    double *spare;          /* two matrices */
    double *other;          /* whitener of one more mixture */
    double *no_floor;       /* (D,) zeros; of a form */
    unsigned char *floored; /* (K,) unused */
    void *matrices;         /* scratch of gmm_whiten, or of gmm_constrain */
    size_t matrices_bytes;
} gmm_coordinates;

gmm_coordinates gmm_take_coordinates(gmm_structure structure, gmm_form form, int64_t n_components,
                                     int64_t n_features, gmm_workspace *space);

/* About another mixture, whose weights are positive; 0 when a covariance has no factor. */
int gmm_move_origin(gmm_coordinates *about, const gmm_mixture *origin);

/* Vector of a mixture with positive weights; 0 when a covariance has no factor. */
int gmm_vector_of(const gmm_coordinates *about, const gmm_mixture *mixture, double *vector);

/* Mixture of a vector; of a form that which is closest. */
void gmm_mixture_at(const gmm_coordinates *about, const double *vector, gmm_mixture *found);

/* Largest move of any component in its own units: standard deviations, and logs of them and of its weight. */
double gmm_reach_of(const gmm_coordinates *about, const double *vector);

/* Components of a mixture in the order of those of `like` whose means they are nearest to; 0 when two of `like` have
 * the same nearest. order (K,): scratch. */
int gmm_renumber(const gmm_mixture *like, const gmm_mixture *mixture, int64_t *order, gmm_mixture *renumbered);

void gmm_copy_mixture(const gmm_mixture *from, gmm_mixture *to);

#endif
