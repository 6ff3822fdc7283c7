/* structure.inc.c: what a covariance structure gives to the passes (accumulate, moments, score).
 *
 * Sizes depend on K and D only. density and moments see one tile; everything about threads, blocks, weights, softmax
 * and packing is the passes' business. */

/* What a structure needs room for: see its functions of these names. */
typedef struct {
    int64_t tile_rows, factors, work, accumulator, total;
} NAME(sizes);

typedef struct {
    /* All sizes, where they depend on the number of factors, too; the functions of sizes below are NULL then. */
    NAME(sizes) (*sizes)(int64_t n_components, int64_t n_features, int64_t n_factors);
    int needs_products; /* 1: moments takes from tile->work what density left there */

    /* Rows of a full tile, a multiple of V_LANES. */
    int64_t (*tile_rows)(int64_t n_components, int64_t n_features);
    int layouts;   /* of the tile: COLUMNS, COLUMNS_AND_ROWS or ROWS_ONLY */
    int can_skip;  /* 1: accumulate may leave components out of a row's sums: see skip.inc.c */

    /* REALs of the packed factors; packs them, log constants and whitener in base 2:
     * log2 density = constant[k] - |W' (x - mean_k)|^2,  W' = W sqrt(log2(e) / 2). */
    int64_t (*factor_size)(int64_t n_components, int64_t n_features);
    void (*pack_factors)(const gmm_factors *factors, REAL *packed);

    /* After pack_factors, of a pass that adds up: lets components whose factors allow it be evaluated in shorter ways
     * that round differently. A pass that scores rows does without. NULL: there are none. */
    void (*shorten)(const gmm_factors *factors, REAL *packed);

    /* density: (K, tile->stride) log2-densities out; entries past n_rows are unspecified but finite. */
    void (*density)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                    REAL *density);

    /* density and softmax in one, where that is faster: see softmax.inc.c for arguments and result. Or NULL. Passes
     * over rows with priors take density. */
    int (*responsibilities)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                            const REAL *weight, REAL *table, REAL *log_density, REAL *label);

    /* weight: (K, tile->stride) responsibility times sample weight, 0 past n_rows. Adds to accumulator, which is
     * zeroed at the start of a block and so never sums more than GMM_BLOCK_ROWS rows in REAL. */
    int64_t (*accumulator_size)(int64_t n_components, int64_t n_features); /* REALs */
    int64_t (*work_size)(int64_t n_components, int64_t n_features);        /* REALs, tile->work */
    void (*moments)(const NAME(tile) *tile, int64_t n_components, int64_t n_features, const REAL *packed,
                    const REAL *weight, REAL *accumulator);

    /* Sums in double, in an order of the structure's own: total_size() doubles. flush writes a block's sums;
     * import reads the caller's totals into that order, export writes them back (both triangles). Either may
     * hold slots that mean nothing, which import sets to 0 and export ignores. */
    int64_t (*total_size)(int64_t n_components, int64_t n_features);
    void (*flush)(int64_t n_components, int64_t n_features, const REAL *packed, const REAL *accumulator,
                  double *partial);
    void (*import)(int64_t n_components, int64_t n_features, const gmm_statistics *statistics, double *total);
    void (*export)(int64_t n_components, int64_t n_features, const double *total, gmm_statistics *statistics);
} NAME(structure);

static NAME(sizes) NAME(sizes_of)(const NAME(structure) *structure, int64_t K, int64_t D, int64_t n_factors) {
    if (structure->sizes) return structure->sizes(K, D, n_factors);
    return (NAME(sizes)){structure->tile_rows(K, D), structure->factor_size(K, D), structure->work_size(K, D),
                         structure->accumulator_size(K, D), structure->total_size(K, D)};
}
