/* climb.h: EM iterations without a caller between them, in scratch that serves many climbs: see climb.c. */
#ifndef GMM_CLIMB_H
#define GMM_CLIMB_H

#include "acceleration.h"
#include "standing.h"

/* A climb: where it is and how it went. */
typedef struct {
    gmm_mixture mixture;
    gmm_statistics statistics;
    unsigned char *floored; /* (K,) */
    double *trace;          /* (n_trace,) */
    int64_t n_trace;
    gmm_stop stop;
    gmm_memory *memory; /* NULL: EM's own steps only, until is_on as well */
} gmm_path;

typedef struct {
    gmm_mixture mixture;
    gmm_statistics statistics;
    unsigned char *floored;
} gmm_position;

typedef struct {
    gmm_standing pass;
    gmm_position next, leap, onward; /* onward: what EM makes of a leap that may be kept */
    double *log_constant, *whitener;
    void *matrices;
    size_t matrices_bytes;
} gmm_climber;

gmm_climber gmm_take_climber(const gmm_rows *rows, gmm_structure structure, gmm_form form, gmm_dtype precision,
                             int64_t n_components, int64_t n_features, int keeps_tiles, gmm_workspace *space);

/* gmm_climb of a path. */
void gmm_ascend(gmm_climber *climber, const gmm_limits *limits, gmm_path *path);

#endif
