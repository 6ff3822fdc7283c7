/* skip_scratch.inc.c: what a pass that skips holds, shared and per thread. */

typedef struct {
    int is_on, is_sure; /* whether some block may skip, and every one does */
    NAME(owners) owners;
    double *metric, *spread; /* (D), used while sharing */
    REAL *typical;           /* (3, D, TYPICAL_ROWS), used while sharing */
    REAL *offset;            /* (D, V_LANES), too */
    REAL *planes, *radius;   /* (K, planes_size), (K, K rounded up to V_LANES) */
    int32_t *seated;         /* like radius */
    double *least, *most, *rough; /* these too: (K), (K), (2, D, D) */
    REAL *matrices;               /* (CURVATURE_MATRICES, D, matrix_side(D)) */
    REAL *line, *delta, *whitened; /* (K), (D, OWNERS) twice, used while sharing */
} NAME(skip_shared);

typedef struct {
    int64_t batch_rows, row_stride, list_stride;
    REAL *row;                        /* (batch_rows, row_stride) */
    REAL *owner, *reference, *sum;    /* (batch_rows), in the order of the data */
    REAL *log_density, *weight;       /* (batch_rows) */
    REAL *cut, *depth;                /* (batch_rows), in the order of owners */
    int32_t *order, *end;             /* (batch_rows), (K): see order_by_owner */
    int32_t *lists, *n_listed;        /* (K, list_stride), (K) */
    REAL *table;                      /* (K, list_stride) */
    int32_t *kept;                    /* (batch_rows + 1) */
    REAL *share, *root;               /* (batch_rows + 1), (batch_rows) */
    REAL *centred, *work;             /* (V_OUT, D + 1), (1 + tile rows, row_stride) */
    NAME(skip_ahead) ahead;
} NAME(skip_thread);

static NAME(skip_shared) NAME(take_skip_shared)(int64_t n_components, int64_t n_features, gmm_workspace *space) {
    const int64_t fits = NAME(planes_fit)(n_components, n_features), lines = fits ? NAME(OWNERS) * n_features : 0;
    NAME(skip_shared) skip = {.owners = NAME(take_owners)(n_components, n_features, space)};
    skip.metric = gmm_take(space, n_features, sizeof *skip.metric);
    skip.spread = gmm_take(space, n_features, sizeof *skip.spread);
    skip.typical = gmm_take(space, 3 * n_features * NAME(TYPICAL_ROWS), sizeof *skip.typical);
    skip.offset = gmm_take(space, n_features * V_LANES, sizeof *skip.offset);
    skip.planes = gmm_take(space, fits * n_components * NAME(planes_size)(n_components, n_features), sizeof(REAL));
    skip.radius = gmm_take(space, fits * n_components * NAME(lanes)(n_components), sizeof(REAL));
    skip.seated = gmm_take(space, fits * n_components * NAME(lanes)(n_components), sizeof *skip.seated);
    skip.line = gmm_take(space, fits * n_components, sizeof *skip.line);
    const int64_t curved = fits && n_features <= NAME(CURVED_FEATURES) ? n_features : 0;
    skip.least = gmm_take(space, n_components, sizeof *skip.least);
    skip.most = gmm_take(space, n_components, sizeof *skip.most);
    skip.matrices = gmm_take(space, NAME(CURVATURE_MATRICES) * curved * NAME(matrix_side)(curved), sizeof(REAL));
    skip.rough = gmm_take(space, 2 * curved * curved, sizeof *skip.rough);
    skip.delta = gmm_take(space, lines, sizeof *skip.delta);
    skip.whitened = gmm_take(space, lines, sizeof *skip.whitened);
    return skip;
}

/* Decides, and prepares. Where responsibilities are given there is nothing to skip; planes know nothing of priors. */
static void NAME(share_skip)(const gmm_task *task, const REAL *packed, NAME(skip_shared) *skip) {
    const gmm_factors *factors = task->factors;
    if (task->given_posterior || task->given_label || task->rows->log_prior) return;
    if (factors->skipping == GMM_SKIP_NEVER) return;
    if (!NAME(planes_fit)(factors->n_components, factors->n_features)) return;
    skip->is_sure = factors->skipping == GMM_SKIP_ALWAYS;
    skip->is_on = skip->is_sure || NAME(skip_pays)(factors, packed, skip->typical, skip->offset);
    if (!skip->is_on) return;
    NAME(pack_owners)(factors, skip->owners, skip->metric, skip->spread);
    NAME(curvatures)(factors, skip->matrices, skip->rough, skip->least, skip->most);
    NAME(pack_planes)(factors, skip->least, skip->most, skip->planes, skip->radius, skip->seated, skip->line,
                      skip->delta, skip->whitened);
}

static NAME(skip_thread) NAME(take_skip_thread)(int64_t n_components, int64_t n_features, int64_t tile_rows,
                                                gmm_workspace *space) {
    const int64_t K = n_components, batch = NAME(skip_batch_rows)(n_features);
    const int64_t padded = NAME(lanes)(batch) + tile_rows, row_stride = NAME(stride)(NAME(lanes)(n_features));
    const int64_t fits = NAME(planes_fit)(K, n_features);
    NAME(skip_thread) skip = {
        .batch_rows = batch, .row_stride = row_stride, .list_stride = NAME(stride)(NAME(lanes)(batch))};
    if (!fits) return skip;
    skip.row = gmm_take(space, padded * row_stride, sizeof(REAL));
    skip.owner = gmm_take(space, padded, sizeof(REAL));
    skip.reference = gmm_take(space, padded, sizeof(REAL));
    skip.sum = gmm_take(space, padded, sizeof(REAL));
    skip.log_density = gmm_take(space, padded, sizeof(REAL));
    skip.weight = gmm_take(space, padded, sizeof(REAL));
    skip.cut = gmm_take(space, padded, sizeof(REAL));
    skip.depth = gmm_take(space, padded, sizeof(REAL));
    skip.order = gmm_take(space, batch, sizeof(int32_t));
    skip.end = gmm_take(space, K, sizeof(int32_t));
    skip.lists = gmm_take(space, K * skip.list_stride, sizeof(int32_t));
    skip.n_listed = gmm_take(space, K, sizeof(int32_t));
    skip.table = gmm_take(space, K * skip.list_stride + tile_rows, sizeof(REAL));
    skip.kept = gmm_take(space, batch + 1, sizeof(int32_t));
    skip.share = gmm_take(space, padded, sizeof(REAL));
    skip.root = gmm_take(space, padded, sizeof(REAL));
    skip.centred = gmm_take(space, V_OUT * (n_features + 1), sizeof(REAL));
    skip.work = gmm_take(space, (1 + tile_rows) * row_stride, sizeof(REAL));
    return skip;
}
