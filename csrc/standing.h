/* standing.h: a pass over the same rows that is made again and again, see standing.c. */
#ifndef GMM_STANDING_H
#define GMM_STANDING_H

#include "kernel.h"

typedef struct {
    gmm_task task;
    gmm_dtype precision;
    gmm_thread *thread;
    void *partial;
} gmm_standing;

/* Of the rows given, which must stay where they are; their tiles stay packed in scratch if `keeps_tiles`. The kernel is
 * NULL where there is none. Of rows only n_rows is read when measuring. */
gmm_standing gmm_stand(const gmm_rows *rows, gmm_structure structure, gmm_dtype precision, int64_t n_components,
                       int64_t n_features, int keeps_tiles, gmm_workspace *space);

/* gmm_accumulate on one thread into statistics, which are overwritten. 0 when constants or a row are not to be used. */
int gmm_accumulate_again(gmm_standing *pass, const double *log_constant, const double *mean, const double *whitener,
                         gmm_statistics *statistics);

#endif
