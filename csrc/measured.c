/* measured.c: passes over rows that are observed with error, see measured.h.
 *
 *     rows, errors --pack--> vectors of rows --kernels/measured.inc.c--> sums in units of the components, or scores
 *         --unit of the data (measured_mixture.c)--> partial of a block --merge, in the order of the blocks--> total */
#include "measured_mixture.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

typedef struct {
    gmm_measuring mixture;
    gmm_measuring_space *space; /* (n_threads,) */
    int64_t block_rows;
    int64_t *bad_row;           /* (n_threads,) smallest, or INT64_MAX */
    int64_t (*measure)(const gmm_measuring *, gmm_measuring_space *, const gmm_measured_scores *, int64_t, int64_t);
    gmm_measured_scores scores;
    gmm_statistics *total;   /* NULL: score */
    gmm_statistics *partial; /* (n_slots,) */
    atomic_llong *ready;
    int64_t n_slots;
} job;

static job layout(const gmm_mixture *mixture, int are_variances, int n_threads, gmm_workspace *space) {
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const int64_t second = gmm_covariance_size(mixture->structure, K, D);
    job all = {.mixture = gmm_take_measuring(mixture, are_variances, space), .n_slots = 4 * (int64_t)n_threads};
    all.space = gmm_take(space, n_threads, sizeof *all.space);
    all.bad_row = gmm_take(space, n_threads, sizeof *all.bad_row);
    all.partial = gmm_take(space, all.n_slots, sizeof *all.partial);
    all.ready = gmm_take(space, all.n_slots, sizeof *all.ready);
    for (int64_t s = 0; s < all.n_slots; ++s) {
        const gmm_statistics partial = {.n = gmm_take(space, K, sizeof(double)),
                                        .first = gmm_take(space, K * D, sizeof(double)),
                                        .second = gmm_take(space, second, sizeof(double))};
        if (space->base) all.partial[s] = partial;
    }
    for (int t = 0; t < n_threads; ++t) {
        const gmm_measuring_space own = gmm_take_measuring_space(&all.mixture, space);
        if (!space->base) continue;
        all.space[t] = own;
        all.bad_row[t] = INT64_MAX;
    }
    return all;
}

size_t gmm_measured_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features,
                                  int are_variances, int n_threads) {
    const gmm_mixture mixture = {.structure = structure, .n_components = n_components, .n_features = n_features};
    const double K = (double)n_components, D = (double)n_features;
    gmm_workspace space = {NULL, 0};
    if ((unsigned)structure >= GMM_LINEAR || !gmm_mixture_scratch_bytes(structure, n_components, n_features, n_threads))
        return 0;
    if ((K + 8) * (D + 8) * (D + 8) * 256 * ((double)n_threads + 1) > (double)(SIZE_MAX / 4)) return 0;
    layout(&mixture, are_variances, n_threads, &space);
    return GMM_CACHE_LINE + space.used;
}

/* Fewer where a row is much work, so that a call can be cut; a block's way back to the rows' units costs 10 of them. */
int64_t gmm_measured_block_rows(int64_t n_components, int64_t n_features) {
    const double D = (double)n_features, work = (double)n_components * D * D * (D + 8);
    int64_t n = GMM_BLOCK_ROWS;
    while (n > 64 && (double)n * work > 2e8) n /= 2;
    return n;
}

/* ---- packing ---- */

GMM_INLINE double element(const unsigned char *at, gmm_dtype dtype) {
    if (dtype == GMM_F32) {
        float x;
        memcpy(&x, at, sizeof x);
        return (double)x;
    }
    double x;
    memcpy(&x, at, sizeof x);
    return x;
}

/* E of a row in the frame, 0 where a feature is missing; 0 when it is not finite. */
GMM_INLINE int pack_error(const gmm_measuring *all, const gmm_measuring_space *own, gmm_dtype dtype, int64_t row,
                          int64_t lane, int64_t lanes) {
    const gmm_errors *errors = all->errors;
    const int64_t D = all->mixture->n_features;
    const double *scale = all->rows->scale;
    const unsigned char *from = (const unsigned char *)errors->data + row * errors->row_stride;
    double *to = own->error + lane;
    int finite = 1;
    for (int64_t i = 0; i < D; ++i) {
        const unsigned char *line = from + i * errors->stride[0];
        const int seen = own->observed[i * lanes + lane] > 0;
        for (int64_t j = all->is_dense ? 0 : i; j <= i; ++j, to += lanes) {
            const int asked = seen && own->observed[j * lanes + lane] > 0 && (i == j || !errors->are_variances);
            *to = 0;
            if (!asked) continue;
            *to = element(errors->are_variances ? line : line + j * errors->stride[1], dtype) * scale[i] * scale[j];
            finite &= isfinite(*to) != 0;
        }
    }
    return finite;
}

/* A row in the frame; 0 when it holds an infinity. Rows farther out than any frame puts a row of its own are cut, for
 * squares must not overflow: sums at 2^400, scores at 2^900. */
GMM_INLINE int pack_point(const gmm_measuring *all, gmm_measuring_space *own, gmm_dtype dtype, int64_t row, int64_t lane,
                          int64_t lanes) {
    const gmm_rows *rows = all->rows;
    const int64_t D = rows->n_features;
    const double farthest = ldexp(1, all->adds_up ? 400 : 900);
    const unsigned char *from = (const unsigned char *)rows->data + row * rows->row_stride;
    int64_t n_observed = 0;
    int finite = 1;
    for (int64_t j = 0; j < D; ++j) {
        const double x = element(from + j * rows->column_stride, dtype);
        const double framed = isnan(x) ? 0 : x * rows->scale[j] - rows->centre[j];
        own->observed[j * lanes + lane] = !isnan(x);
        own->point[j * lanes + lane] = fmin(fmax(framed, -farthest), farthest);
        n_observed += !isnan(x);
        finite &= !isinf(x);
    }
    own->n_observed[lane] = (double)n_observed;
    own->gap[lane] = n_observed < D;
    own->has_gaps |= n_observed < D;
    own->weight[lane] = rows->weight ? rows->weight[row] : 1;
    return finite;
}

/* Past the last row: nothing observed would do, but for the gap that it is. */
static void pack_nothing(const gmm_measuring *all, gmm_measuring_space *own, int64_t lane, int64_t lanes) {
    const int64_t D = all->mixture->n_features;
    for (int64_t j = 0; j < D; ++j) {
        own->point[j * lanes + lane] = 0;
        own->observed[j * lanes + lane] = 1;
    }
    for (int64_t i = 0; i < all->size; ++i) own->error[i * lanes + lane] = 0;
    own->n_observed[lane] = (double)D;
    own->gap[lane] = own->weight[lane] = 0;
}

int64_t gmm_pack_measured(const gmm_measuring *all, gmm_measuring_space *own, int64_t first, int64_t n, int64_t lanes) {
    own->has_gaps = 0;
    for (int64_t lane = n; lane < lanes; ++lane) pack_nothing(all, own, lane, lanes);
    for (int64_t lane = 0; lane < n; ++lane) {
        const int64_t row = first + lane;
        const int framed = all->rows->dtype == GMM_F32 ? pack_point(all, own, GMM_F32, row, lane, lanes)
                                                       : pack_point(all, own, GMM_F64, row, lane, lanes);
        const int known = all->errors->dtype == GMM_F32 ? pack_error(all, own, GMM_F32, row, lane, lanes)
                                                        : pack_error(all, own, GMM_F64, row, lane, lanes);
        if (!framed || !known) return row;
    }
    return -1;
}

/* ---- blocks ---- */

static void run_block(void *context, int thread, int64_t slot, int64_t index) {
    job *all = context;
    const int64_t first = index * all->block_rows, left = all->mixture.rows->n_rows - first;
    gmm_measuring_space *own = all->space + thread;
    const int64_t bad = all->measure(&all->mixture, own, all->total ? NULL : &all->scores, first,
                                     left < all->block_rows ? left : all->block_rows);
    if (bad >= 0 && bad < all->bad_row[thread]) all->bad_row[thread] = bad;
    if (all->total) gmm_finish_measured(&all->mixture, own, all->partial + slot);
}

static void merge_block(void *context, int64_t slot) {
    const job *all = context;
    const gmm_mixture *mixture = all->mixture.mixture;
    const gmm_statistics *partial = all->partial + slot;
    const int64_t K = mixture->n_components, D = mixture->n_features;
    const int64_t size = gmm_covariance_size(mixture->structure, K, D);
    for (int64_t i = 0; i < K; ++i) all->total->n[i] += partial->n[i];
    for (int64_t i = 0; i < K * D; ++i) all->total->first[i] += partial->first[i];
    for (int64_t i = 0; i < size; ++i) all->total->second[i] += partial->second[i];
    all->total->log_likelihood += partial->log_likelihood;
    all->total->weight += partial->weight;
    all->total->noise += partial->noise;
}

/* ---- entry points ---- */

static int arguments_are_valid(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                               const gmm_measured_noise *noise) {
    return rows && errors && gmm_mixture_is_valid(mixture) && rows->n_features == mixture->n_features &&
           rows->n_rows >= 0 && ((rows->data && errors->data) || rows->n_rows == 0) &&
           (unsigned)rows->dtype < GMM_N_DTYPES && (unsigned)errors->dtype < GMM_N_DTYPES && rows->scale && rows->centre &&
           (!noise || (noise->log_length && noise->log_whole < INFINITY && noise->log_weight < INFINITY));
}

static gmm_status run(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                      const gmm_measured_noise *noise, const double *ridge, const gmm_measured_scores *scores,
                      int n_threads, void *scratch, size_t scratch_bytes, gmm_statistics *total, int64_t *bad_row,
                      int64_t *bad_component) {
    const gmm_isa_row *isa = gmm_active_isa();
    const int are_variances = errors->are_variances != 0;
    const size_t needed = gmm_measured_scratch_bytes(mixture->structure, mixture->n_components, mixture->n_features,
                                                     are_variances, n_threads);
    *bad_row = *bad_component = -1;
    if (!needed) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    job all = layout(mixture, are_variances, n_threads, &space);
    all.mixture.rows = rows;
    all.mixture.errors = errors;
    all.mixture.ridge = ridge;
    all.mixture.noise = noise;
    all.mixture.adds_up = total != NULL;
    all.measure = isa->measure;
    all.block_rows = gmm_measured_block_rows(mixture->n_components, mixture->n_features);
    all.total = total;
    if (scores) all.scores = *scores;
    const gmm_status status = gmm_load_measuring(&all.mixture, bad_component);
    if (status != GMM_OK) return status;
    const gmm_blocks blocks = {.block = run_block,
                               .merge = total ? merge_block : NULL,
                               .context = &all,
                               .n_blocks = (rows->n_rows + all.block_rows - 1) / all.block_rows,
                               .n_slots = all.n_slots,
                               .ready = all.ready,
                               .watch = rows->watch};
    const gmm_status ended = gmm_run_blocks(&blocks, n_threads);
    int64_t bad = INT64_MAX;
    for (int t = 0; t < n_threads; ++t) bad = all.bad_row[t] < bad ? all.bad_row[t] : bad;
    if (bad == INT64_MAX) return ended;
    *bad_row = bad;
    return GMM_ENONFINITE;
}

gmm_status gmm_accumulate_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                                   const gmm_measured_noise *noise, const double *ridge, int n_threads, void *scratch,
                                   size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row,
                                   int64_t *bad_component) {
    if (!arguments_are_valid(rows, errors, mixture, noise) || !statistics || !statistics->n || !statistics->first ||
        !statistics->second || !bad_row || !bad_component)
        return GMM_EINVAL;
    return run(rows, errors, mixture, noise, ridge, NULL, n_threads, scratch, scratch_bytes, statistics, bad_row,
               bad_component);
}

gmm_status gmm_score_measured(const gmm_rows *rows, const gmm_errors *errors, const gmm_mixture *mixture,
                              const gmm_measured_noise *noise, gmm_dtype precision, int n_threads, void *scratch,
                              size_t scratch_bytes, double *log_density, void *posterior, int64_t *label,
                              int64_t *bad_row, int64_t *bad_component) {
    if (!arguments_are_valid(rows, errors, mixture, noise) || (unsigned)precision >= GMM_N_DTYPES || !bad_row ||
        !bad_component)
        return GMM_EINVAL;
    const gmm_measured_scores scores = {log_density, posterior, precision, label};
    return run(rows, errors, mixture, noise, NULL, &scores, n_threads, scratch, scratch_bytes, NULL, bad_row,
               bad_component);
}
