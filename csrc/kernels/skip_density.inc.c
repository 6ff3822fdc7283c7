/* skip_density.inc.c: densities of one component at a list of rows, and what softmax makes of all lists.
 *
 * The entries of component k are rows lists[k * list_stride ..) of the batch with their log2-densities, later their
 * responsibilities, in a table of the same shape. reference, sum (batch rows): largest log2-density so far, sum of
 * 2^(density - reference).
 * Invariant: a term is kept when, and only when, it is at least 2^-SKIP_BITS of the row's largest: a matter of the row
 * and the component, not of the rows beside it. */

/* Rows list[0 .. n) of the batch, n > 0, into the column layout, the last of them repeated to a full vector. */
static void NAME(gather_rows)(const REAL *batch, int64_t row_stride, int64_t n, const int32_t *list,
                              int64_t n_features, NAME(tile) *tile, NAME(skip_ahead) *ahead) {
    tile->n_rows = n;
    tile->rows = NAME(lanes)(n);
    for (int64_t i = 0; i < tile->rows; i += V_LANES) {
        const REAL *row[V_LANES];
        NAME(ask_ahead)(ahead, V_LANES);
        for (int64_t l = 0; l < V_LANES; ++l) row[l] = batch + list[i + l < n ? i + l : n - 1] * row_stride;
        for (int64_t d = 0; d < n_features; d += V_LANES) {
            vec line[V_LANES];
            REAL *column = tile->column + d * tile->stride + i;
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l) line[l] = v_load(row[l] + d);
            NAME(transpose_lines)(line);
            GMM_UNROLL
            for (int l = 0; l < V_LANES; ++l)
                if (l < n_features - d) v_store(column + l * tile->stride, line[l]);
        }
    }
}

/* log2-densities of component k at rows list[0 .. n) of the batch, by tiles of tile_rows, in the form of the dense
 * kernel (full.inc.c). density has room for whole vectors, and so have cut and depth (cut_densities) unless NULL. */
static void NAME(list_densities)(const REAL *batch, int64_t row_stride, int64_t n, const int32_t *list, int64_t k,
                                 int64_t n_components, int64_t n_features, const REAL *packed, int64_t tile_rows,
                                 NAME(tile) *tile, REAL *density, const REAL *scale, REAL *cut, REAL *depth,
                                 NAME(skip_ahead) *ahead) {
    const REAL *factor = packed + k * NAME(full_factor)(n_features);
    const REAL *flag = packed + n_components * NAME(full_factor)(n_features);
    for (int64_t i = 0; i < n; i += tile_rows) {
        NAME(gather_rows)(batch, row_stride, n - i < tile_rows ? n - i : tile_rows, list + i, n_features, tile,
                          ahead);
        if (flag[k] >= FULL_AFFINE)
            NAME(full_affine_density)(tile, n_features, factor, flag + n_components + k * n_features, density + i);
        else
            NAME(full_centred_density)(tile, n_features, factor, density + i);
        if (cut) NAME(cut_densities)(tile, n_features, factor + 1, scale, density + i, cut + i, depth + i);
    }
}

/* Entries of one component: 2^(density - reference), 0 where it counts as nothing, added to the rows' sums. Rows that
 * are not a number stay so in their sum. density has room for whole vectors. */
static void NAME(entry_terms)(int64_t n, const int32_t *list, const REAL *reference, REAL *density, REAL *sum) {
    const vec least = v_set1((REAL)-SKIP_BITS), gone = v_set1((REAL)-INFINITY);
    for (int64_t i = 0; i < n; ++i) density[i] -= reference[list[i]];
    for (int64_t i = 0; i < n; i += V_LANES) {
        const vec below = v_load(density + i);
        v_store(density + i, NAME(exp2)(v_select(v_lt(below, least), gone, below)));
    }
    for (int64_t i = 0; i < n; ++i) sum[list[i]] += density[i];
}

/* Terms of one component -> its rows and responsibilities times weight, without those that are 0 or not a number:
 * kept, share (n + 1). Returns how many. Without branches: which entries count is not to be foreseen. */
static int64_t NAME(entry_shares)(int64_t n, const int32_t *list, const REAL *term, const REAL *share_of_row,
                                  int32_t *kept, REAL *share) {
    int64_t n_kept = 0;
    for (int64_t i = 0; i < n; ++i) {
        const REAL r = term[i] * share_of_row[list[i]];
        kept[n_kept] = list[i];
        share[n_kept] = r;
        n_kept += r > 0;
    }
    return n_kept;
}
