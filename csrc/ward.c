/* ward.c: Ward's tree by chains of nearest neighbours (Murtagh 1983), see gmm_ward in fits.h; twin: gmm/reference/trees.py.
 *
 * Clusters that are left stay in the order of their first rows, in slots; a slot whose cluster went into another is empty
 * until half of them are, when the others move up. A step costs a distance to every slot, features one after the other so
 * that slots are lanes. */
#include "fits.h"
#include "workspace.h"

#include <math.h>
#include <string.h>

static const double LARGEST = 1e150; /* whose square is a number */

typedef struct {
    int64_t n_slots, n_features, stride, length;
    double *centroid; /* (D, N) */
    double *size;     /* (N,) 0: empty */
    double *cost;     /* (N,) of merging with the end of the chain */
    int64_t *name;    /* (N,) a row of each cluster */
    int64_t *chain;   /* (N,) slots, each the nearest of the one before */
    int64_t *moved;   /* (N,) slot that an old one moves to */
} forest;

static void take_forest(forest *f, gmm_workspace *space) {
    f->centroid = gmm_take(space, f->stride * f->n_features, sizeof(double));
    f->size = gmm_take(space, f->stride, sizeof(double));
    f->cost = gmm_take(space, f->stride, sizeof(double));
    f->name = gmm_take(space, f->stride, sizeof(int64_t));
    f->chain = gmm_take(space, f->stride, sizeof(int64_t));
    f->moved = gmm_take(space, f->stride, sizeof(int64_t));
}

size_t gmm_ward_scratch_bytes(int64_t n_rows, int64_t n_features) {
    const int64_t most = (int64_t)1 << 30;
    if (n_rows < 1 || n_features < 1 || n_rows > most || n_features > most) return 0;
    forest f = {.n_features = n_features, .stride = n_rows};
    gmm_workspace space = {NULL, 0};
    take_forest(&f, &space);
    return GMM_CACHE_LINE + space.used;
}

/* Empty slots are given up. */
static void move_up(forest *f) {
    int64_t kept = 0;
    for (int64_t s = 0; s < f->n_slots; ++s) {
        f->moved[s] = kept;
        if (!(f->size[s] > 0)) continue;
        f->size[kept] = f->size[s];
        f->name[kept] = f->name[s];
        for (int64_t j = 0; j < f->n_features; ++j) f->centroid[j * f->stride + kept] = f->centroid[j * f->stride + s];
        ++kept;
    }
    for (int64_t i = 0; i < f->length; ++i) f->chain[i] = f->moved[f->chain[i]];
    f->n_slots = kept;
}

/* Costs of merging with one cluster; the slot of the least, the first on ties. */
static int64_t measure_costs(forest *f, int64_t here) {
    const double own = f->size[here];
    int64_t nearest = 0;
    memset(f->cost, 0, (size_t)f->n_slots * sizeof *f->cost);
    for (int64_t j = 0; j < f->n_features; ++j) {
        const double *x = f->centroid + j * f->stride, from = x[here];
        for (int64_t s = 0; s < f->n_slots; ++s) f->cost[s] += (x[s] - from) * (x[s] - from);
    }
    for (int64_t s = 0; s < f->n_slots; ++s) f->cost[s] *= f->size[s] * own / (f->size[s] + own);
    for (int64_t s = 0; s < f->n_slots; ++s)
        if (!(f->size[s] > 0)) f->cost[s] = INFINITY;
    f->cost[here] = INFINITY;
    for (int64_t s = 1; s < f->n_slots; ++s)
        if (f->cost[s] < f->cost[nearest]) nearest = s;
    return nearest;
}

/* Follows nearest neighbours until two are each other's; what their merger costs. They end the chain. */
static double follow(forest *f) {
    if (f->length == 0) f->chain[f->length++] = 0; /* the first slot is never empty: what merges stays in the lower one */
    for (;;) {
        const int64_t nearest = measure_costs(f, f->chain[f->length - 1]);
        if (f->length > 1 && f->cost[f->chain[f->length - 2]] <= f->cost[nearest])
            return f->cost[f->chain[f->length - 2]];
        f->chain[f->length++] = nearest;
    }
}

gmm_status gmm_ward(int64_t n_rows, int64_t n_features, const double *point, const double *weight, void *scratch,
                    size_t scratch_bytes, int64_t *pair, double *cost) {
    const int64_t N = n_rows, D = n_features;
    const size_t needed = gmm_ward_scratch_bytes(N, D);
    if (!needed || !point || !pair || !cost) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    for (int64_t at = 0; at < N * D; ++at)
        if (!(fabs(point[at]) <= LARGEST)) return GMM_EINVAL;
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    forest f = {.n_slots = N, .n_features = D, .stride = N};
    take_forest(&f, &space);
    for (int64_t i = 0; i < N; ++i) {
        f.name[i] = i;
        f.size[i] = weight ? weight[i] : 1;
        for (int64_t j = 0; j < D; ++j) f.centroid[j * N + i] = point[i * D + j];
    }
    for (int64_t merge = 0; merge + 1 < N; ++merge) {
        if (2 * (N - merge) <= f.n_slots) move_up(&f);
        cost[merge] = follow(&f);
        const int64_t last = f.chain[f.length - 1], other = f.chain[f.length - 2];
        const int64_t a = last < other ? last : other, b = last < other ? other : last;
        f.length -= 2;
        pair[2 * merge] = f.name[a];
        pair[2 * merge + 1] = f.name[b];
        const double together = f.size[a] + f.size[b], share = f.size[b] / together;
        for (int64_t j = 0; j < D; ++j)
            f.centroid[j * N + a] += share * (f.centroid[j * N + b] - f.centroid[j * N + a]);
        f.size[a] = together;
        f.size[b] = 0;
    }
    return GMM_OK;
}
