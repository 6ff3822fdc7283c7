/* acceleration.h: longer steps than EM's own where a climb is slow, see acceleration.c. */
#ifndef GMM_ACCELERATION_H
#define GMM_ACCELERATION_H

#include "coordinates.h"
#include "curvature.h"

/* What a climb remembers of its last iterations: Memory in gmm/acceleration.py. A pair is of two pulls in a row and all
 * are forgotten at once: where there are two pairs, there is a pull, and at least three objectives. */
typedef struct {
    gmm_coordinates about; /* the mixture where the climb is */
    gmm_pairs pairs;
    double *pull, *taken;    /* (P,) EM's step where the climb was last, unless has_pull is 0; the step from there */
    double *spare, *newton;  /* (P,) */
    double radius, promise;  /* longest leap; the gain that the last one promised, nats per row */
    int64_t refused, pause, last_leap;
    int64_t n_trace;         /* of the climb when it was remembered last */
    int is_on, has_pull, still, near, converged, shortened;
} gmm_memory;

gmm_memory gmm_take_memory(gmm_structure structure, gmm_form form, int64_t n_components, int64_t n_features,
                           gmm_workspace *space);

/* Nothing yet; leaps may come from now on. */
void gmm_begin_memory(gmm_memory *memory);

/* Remembers EM's step from `here`, where n_trace objectives are known, to `image`; forgets all where it cannot be
 * trusted. floored (K,): of the image. */
void gmm_remember(gmm_memory *memory, int64_t n_trace, const gmm_mixture *here, const gmm_mixture *image,
                  const unsigned char *floored, double tol, double epsilon);

/* A mixture that promises more than EM's step, written to `found`; 0 when there is none. trace: so far. */
int gmm_leap(gmm_memory *memory, const double *trace, int64_t n_trace, gmm_mixture *found);

/* After it: kept in this iteration, or refused. */
void gmm_keep_leap(gmm_memory *memory, double gain, int64_t iteration);
void gmm_refuse_leap(gmm_memory *memory);

/* Rise that is left; inf where the pairs see no optimum. Anything above tol may be returned early. */
double gmm_rise_left(gmm_memory *memory, double tol);

/* Entries at the end of a trace that EM's own steps made and whose gains tell of the end; 0 where the pairs do. */
int64_t gmm_steady_entries(const gmm_memory *memory, int64_t n_trace);

#endif
