/* exchange.h: scratch of exchange.c, inside that of a fit. P = 2 K parts: the K components, then the K pairs of them
 * that lose least by their union. */
#ifndef GMM_EXCHANGE_H
#define GMM_EXCHANGE_H

#include "workspace.h"

typedef struct {
    double *point, *turned;               /* (N, D) in the frame; rows of a part about its centroid, in its units */
    int64_t *owner, *row;                 /* (N,) component of each row; (N,) rows of a part */
    double *n, *centroid, *scatter;       /* (P,), (P, D), (P, D, D) */
    double *cost, *gain, *loss;           /* (P,), (P,) by a cut, (K,) of a pair */
    int64_t *pair;                        /* (K, 2) */
    unsigned char *side, *tried, *turn;   /* (P, N) rows on the other side of its cut; (N,), (N,) of a part */
    double *within, *shape, *whitener;    /* (D, D) */
    double *half;                         /* (2 D + D^2,) */
} gmm_exchanging;

enum { GMM_FEWEST_EXCHANGED = 3 }; /* components that an exchange needs */

/* K = 0: nothing is needed. */
gmm_exchanging gmm_take_exchanging(int64_t N, int64_t K, int64_t D, gmm_workspace *space);

#endif
