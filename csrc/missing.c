/* missing.c: passes over rows with missing values, see gmm_accumulate_missing in gmm.h.
 *
 *     run of rows with one pattern --gather its observed features--> dense rows --the ordinary pass--> sums, or scores
 *         --complete (marginal.c)--> partial of a batch of runs --merge, in the order of the batches--> total
 *
 * So what depends on the pattern costs once a run, and a row no more than without missing values. The ordinary pass is
 * that of gmm_accumulate and gmm_score with one thread; batches are what threads share. Runs of whole rows that stand
 * one after another are read in place, sums of short runs take another way (few.c). */
#include "absent.h"
#include "few.h"
#include "fit.h"
#include "gather.h"
#include "marginal.h"

#include <math.h>
#include <string.h>

/* A thread's own. */
typedef struct {
    gmm_marginal marginal;
    gmm_few few;
    unsigned char *data;    /* (GMM_RUN_ROWS, D) gathered */
    double *weight;         /* (GMM_RUN_ROWS,) */
    double *log_prior;      /* (GMM_RUN_ROWS, K) */
    double *log_density;    /* (GMM_RUN_ROWS,) */
    unsigned char *posterior; /* (GMM_RUN_ROWS, K + 1) of the precision */
    int64_t *label;         /* (GMM_RUN_ROWS,) */
    double *zero, *total_first; /* (D,) */
    double *share;          /* (K + 1,) of a row of which nothing is observed */
    void *pass;
    size_t pass_bytes;
    gmm_status status;
    int64_t bad_row, bad_component; /* smallest, or INT64_MAX */
} bench;

typedef struct {
    const gmm_rows *rows;
    const gmm_runs *runs;
    const gmm_mixture *mixture;
    const double *ridge;
    gmm_dtype precision;
    double *log_constant, *whitener; /* of the mixture, for runs of few rows; NULL: these go the way of others */
    gmm_statistics *total;   /* NULL: score */
    gmm_statistics *partial; /* (n_slots,) */
    double *log_density;
    unsigned char *posterior;
    int64_t *label;
    bench *benches; /* (n_threads,) */
    atomic_llong *ready;
    int64_t n_slots;
} job;

static int64_t second_size(const gmm_mixture *mixture) {
    return gmm_covariance_size(mixture->structure, mixture->n_components, mixture->n_features);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Scratch of an ordinary pass over any number of the features; tied ones score as copies and need a total scatter. */
static size_t pass_bytes_of(gmm_structure structure, gmm_dtype precision, int64_t K, int64_t D) {
    size_t most = 0;
    for (int64_t o = 1; o <= D; ++o) {
        most = larger(most, gmm_scratch_bytes(structure, precision, K, o, 1));
        if (structure != GMM_TIED) continue;
        most = larger(most, gmm_scratch_bytes(GMM_FULL, precision, K, o, 1));
        most = larger(most, gmm_scratch_bytes(GMM_FULL, GMM_F64, 1, o, 1));
    }
    return most;
}

static job layout(const gmm_mixture *mixture, gmm_dtype precision, int n_threads, gmm_workspace *space) {
    const int64_t K = mixture->n_components, D = mixture->n_features, n = GMM_RUN_ROWS;
    job all = {.mixture = mixture, .precision = precision, .n_slots = 4 * (int64_t)n_threads};
    const size_t pass_bytes = pass_bytes_of(mixture->structure, precision, K, D);
    all.benches = gmm_take(space, n_threads, sizeof *all.benches);
    all.partial = gmm_take(space, all.n_slots, sizeof *all.partial);
    all.ready = gmm_take(space, all.n_slots, sizeof *all.ready);
    all.log_constant = gmm_take(space, K, sizeof(double));
    all.whitener = gmm_take(space, gmm_covariance_size(mixture->structure, K, D), sizeof(double));
    for (int64_t s = 0; s < all.n_slots; ++s) {
        const gmm_statistics partial = {.n = gmm_take(space, K, sizeof(double)),
                                        .first = gmm_take(space, K * D, sizeof(double)),
                                        .second = gmm_take(space, second_size(mixture), sizeof(double))};
        if (space->base) all.partial[s] = partial;
    }
    for (int t = 0; t < n_threads; ++t) {
        bench b = {.marginal = gmm_take_marginal(mixture->structure, K, D, space),
                   .few = gmm_take_few(mixture->structure, K, D, space),
                   .pass_bytes = pass_bytes};
        b.data = gmm_take(space, n * D, sizeof(double));
        b.weight = gmm_take(space, n, sizeof *b.weight);
        b.log_density = gmm_take(space, n, sizeof *b.log_density);
        b.log_prior = gmm_take(space, n * K, sizeof *b.log_prior);
        b.posterior = gmm_take(space, n * (K + 1), sizeof(double));
        b.share = gmm_take(space, K + 1, sizeof *b.share);
        b.label = gmm_take(space, n, sizeof *b.label);
        b.zero = gmm_take(space, D, sizeof *b.zero);
        b.total_first = gmm_take(space, D, sizeof *b.total_first);
        if (space->base) memset(b.zero, 0, (size_t)D * sizeof *b.zero);
        b.pass = gmm_take(space, (int64_t)pass_bytes, 1);
        b.bad_row = b.bad_component = INT64_MAX;
        b.marginal.mixture = b.few.mixture = mixture;
        b.few.log_constant = all.log_constant;
        b.few.whitener = all.whitener;
        if (space->base) all.benches[t] = b;
    }
    return all;
}

size_t gmm_missing_scratch_bytes(gmm_structure structure, gmm_dtype precision, int64_t n_components,
                                 int64_t n_features, int n_threads) {
    const gmm_mixture mixture = {.structure = structure, .n_components = n_components, .n_features = n_features};
    gmm_workspace space = {NULL, 0};
    if ((unsigned)structure >= GMM_LINEAR || !gmm_mixture_scratch_bytes(structure, n_components, n_features, n_threads) ||
        !gmm_scratch_bytes(GMM_FULL, precision, n_components, n_features, n_threads))
        return 0;
    layout(&mixture, precision, n_threads, &space);
    return GMM_CACHE_LINE + space.used;
}

/* ---- one run ---- */

/* Notes what went wrong in a run; `bad` counts rows of the run, or components. */
static void note(bench *own, gmm_status status, int64_t bad, const int64_t *row) {
    if (status == GMM_OK) return;
    if (status == GMM_ENONFINITE && row[bad] < own->bad_row) own->bad_row = row[bad];
    if (status == GMM_ESINGULAR && bad < own->bad_component) own->bad_component = bad;
    own->status = status;
}

static void clear(gmm_statistics *sums, int64_t K, int64_t features, int64_t second) {
    memset(sums->n, 0, (size_t)K * sizeof(double));
    memset(sums->first, 0, (size_t)(K * features) * sizeof(double));
    memset(sums->second, 0, (size_t)second * sizeof(double));
    sums->log_likelihood = sums->weight = sums->noise = 0;
}

/* Log of the density of noise times its weight at the rows of a run; NULL without noise. */
static const double *noise_of(const job *all, int64_t index) {
    return all->runs->log_noise ? all->runs->log_noise + all->runs->pattern[index] : NULL;
}

/* The rows of a run, when nothing of them is observed. */
static gmm_absent absent_rows(const job *all, const bench *own, int64_t index, const int64_t *row, int64_t n) {
    return (gmm_absent){all->rows, row, n, all->mixture, noise_of(all, index), own->share};
}

/* Finds the rows of a run; 0 when there are none, or they are not rows, or their noise is no number. */
static int list_run(const job *all, bench *own, int64_t index, const int64_t **row, int64_t *n) {
    const int64_t first = all->runs->first[index];
    *row = all->runs->row + first;
    *n = all->runs->first[index + 1] - first;
    const double *log_noise = noise_of(all, index);
    const int listed =
        first >= 0 && gmm_rows_are_listed(*row, *n, all->rows->n_rows) && (!log_noise || *log_noise < INFINITY);
    if (!listed) note(own, GMM_EINVAL, -1, *row);
    return listed && *n > 0;
}

/* Whether some features are observed, but not all. */
static int is_partial(const unsigned char *observed, int64_t D) {
    int64_t o = 0;
    for (int64_t j = 0; j < D; ++j) o += observed[j];
    return o > 0 && o < D;
}

/* Pooled scatter of the observed features of tied rows: the total one minus what lies between the means. Rows that were
 * accumulated hold numbers, and what they need was measured, so nothing is refused. */
static void pool_scatter(bench *own, const gmm_rows *dense) {
    gmm_marginal *m = &own->marginal;
    const int64_t o = m->n_observed;
    int64_t bad;
    double n = 0;
    const gmm_factors one = {.structure = GMM_FULL, .precision = GMM_F64, .n_components = 1, .n_features = o,
                             .mean = own->zero};
    gmm_statistics scatter = {.n = &n, .first = own->total_first, .second = m->total_scatter};
    clear(&scatter, 1, o, o * o);
    (void)gmm_moments(dense, &one, NULL, NULL, 1, own->pass, own->pass_bytes, &scatter, &bad);
    gmm_pool(m->factors.n_components, o, m->total_scatter, m->mean, &m->sums, m->sums.second);
}

static void accumulate_run(const job *all, bench *own, int64_t index, gmm_statistics *partial) {
    gmm_marginal *m = &own->marginal;
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features, *row;
    int64_t n, bad = -1;
    if (!list_run(all, own, index, &row, &n)) return;
    const unsigned char *observed = all->runs->observed + all->runs->pattern[index] * D;
    const double *log_noise = noise_of(all, index);
    const int are_few = all->log_constant && n <= gmm_few_rows(D) && is_partial(observed, D);
    if (are_few && gmm_accumulate_few(&own->few, all->rows, row, n, observed, log_noise ? *log_noise : -INFINITY,
                                      partial))
        return;
    gmm_status status = gmm_marginalise(m, observed, 1, &bad);
    const int64_t o = m->n_observed;
    const int direct = o == D && all->mixture->structure != GMM_TIED;
    gmm_statistics *sums = direct ? partial : &m->sums;
    if (status == GMM_OK && !direct) clear(sums, K, o, gmm_covariance_size(m->factors.structure, K, o));
    if (status == GMM_OK && o > 0) {
        const gmm_rows dense = gmm_gather(all->rows, row, n, m, own->data, own->weight, own->log_prior);
        m->factors.precision = all->precision;
        m->factors.log_noise = log_noise;
        /* what skipping prepares would cost more than it saves on few rows */
        m->factors.skipping = n < GMM_BLOCK_ROWS ? GMM_SKIP_NEVER : GMM_SKIP_AUTO;
        status = gmm_accumulate(&dense, &m->factors, 1, own->pass, own->pass_bytes, sums, &bad);
        if (status == GMM_OK && all->mixture->structure == GMM_TIED) pool_scatter(own, &dense);
    } else if (status == GMM_OK) {
        const gmm_absent absent = absent_rows(all, own, index, row, n);
        bad = gmm_count_absent(&absent, sums);
        status = bad < 0 ? GMM_OK : GMM_ENONFINITE;
    }
    note(own, status, bad, row);
    if (status == GMM_OK && !direct) gmm_complete_sums(m, partial);
}

static void accumulate_batch(void *context, int thread, int64_t slot, int64_t index) {
    const job *all = context;
    const gmm_mixture *mixture = all->mixture;
    gmm_statistics *partial = all->partial + slot;
    clear(partial, mixture->n_components, mixture->n_features, second_size(mixture));
    for (int64_t r = all->runs->batch[index]; r < all->runs->batch[index + 1]; ++r)
        accumulate_run(all, all->benches + thread, r, partial);
}

static void merge_batch(void *context, int64_t slot) {
    const job *all = context;
    const gmm_statistics *partial = all->partial + slot;
    const int64_t K = all->mixture->n_components, D = all->mixture->n_features, size = second_size(all->mixture);
    for (int64_t i = 0; i < K; ++i) all->total->n[i] += partial->n[i];
    for (int64_t i = 0; i < K * D; ++i) all->total->first[i] += partial->first[i];
    for (int64_t i = 0; i < size; ++i) all->total->second[i] += partial->second[i];
    all->total->log_likelihood += partial->log_likelihood;
    all->total->weight += partial->weight;
    all->total->noise += partial->noise;
}

static void score_run(const job *all, bench *own, int64_t index) {
    gmm_marginal *m = &own->marginal;
    const int64_t D = all->mixture->n_features, *row;
    int64_t n, bad = -1;
    if (!list_run(all, own, index, &row, &n)) return;
    const double *log_noise = noise_of(all, index);
    gmm_status status = gmm_marginalise(m, all->runs->observed + all->runs->pattern[index] * D, 0, &bad);
    m->factors.precision = all->precision;
    m->factors.log_noise = log_noise;
    if (status == GMM_OK && m->n_observed > 0) {
        const gmm_rows dense = gmm_gather(all->rows, row, n, m, own->data, own->weight, own->log_prior);
        status = gmm_score(&dense, &m->factors, 1, own->pass, own->pass_bytes,
                           all->log_density ? own->log_density : NULL, all->posterior ? own->posterior : NULL,
                           all->label ? own->label : NULL, &bad);
    } else if (status == GMM_OK) {
        const gmm_absent absent = absent_rows(all, own, index, row, n);
        bad = gmm_score_absent(&absent, all->precision, own->log_density, own->posterior, own->label);
        status = bad < 0 ? GMM_OK : GMM_ENONFINITE;
    }
    note(own, status, bad, row);
    if (status != GMM_OK) return;
    const size_t columns = (size_t)all->mixture->n_components + (log_noise != NULL);
    const size_t bytes = columns * (all->precision == GMM_F32 ? sizeof(float) : sizeof(double));
    for (int64_t i = 0; all->log_density && i < n; ++i) all->log_density[row[i]] = own->log_density[i];
    for (int64_t i = 0; all->label && i < n; ++i) all->label[row[i]] = own->label[i];
    for (int64_t i = 0; all->posterior && i < n; ++i)
        memcpy(all->posterior + (size_t)row[i] * bytes, own->posterior + (size_t)i * bytes, bytes);
}

static void score_batch(void *context, int thread, int64_t slot, int64_t index) {
    const job *all = context;
    (void)slot;
    for (int64_t r = all->runs->batch[index]; r < all->runs->batch[index + 1]; ++r)
        score_run(all, all->benches + thread, r);
}

/* ---- entry points ---- */

static int arguments_are_valid(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture) {
    return rows && runs && gmm_mixture_is_valid(mixture) && rows->n_features == mixture->n_features &&
           runs->n_batches >= 0 &&
           (runs->n_batches == 0 || (runs->batch && runs->row && runs->first && runs->pattern && runs->observed)) &&
           (rows->data || rows->n_rows == 0) && (unsigned)rows->dtype < GMM_N_DTYPES && rows->scale && rows->centre;
}

/* No more than the arithmetic is worth waking. */
static int threads_for(const job *all, int n_threads) {
    const double K = (double)all->mixture->n_components, D = (double)all->mixture->n_features;
    const gmm_runs *runs = all->runs;
    const double worth = 4e5; /* multiply-adds, some 20 microseconds */
    if (runs->n_batches == 0) return 1;
    const int64_t begin = runs->batch[0], end = runs->batch[runs->n_batches];
    const double n_runs = (double)(end - begin), n_rows = (double)(runs->first[end] - runs->first[begin]);
    return K * (n_rows * (D * D + 30) + n_runs * D * D * D) < worth ? 1 : n_threads;
}

static gmm_status run(const job *given, int n_threads, void *scratch, size_t scratch_bytes,
                      int64_t *bad_row, int64_t *bad_component) {
    const gmm_mixture *mixture = given->mixture;
    const size_t needed = gmm_missing_scratch_bytes(mixture->structure, given->precision, mixture->n_components,
                                                    mixture->n_features, n_threads);
    *bad_row = *bad_component = -1;
    if (!needed) return GMM_EINVAL;
    if (!scratch || scratch_bytes < needed) return GMM_ESCRATCH;
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    job all = layout(mixture, given->precision, n_threads, &space);
    all.rows = given->rows;
    all.runs = given->runs;
    all.total = given->total;
    all.log_density = given->log_density;
    all.posterior = given->posterior;
    all.label = given->label;
    for (int t = 0; t < n_threads; ++t) all.benches[t].marginal.ridge = given->ridge;
    if (all.total && !given->ridge) {
        const gmm_marginal *m = &all.benches[0].marginal;
        const gmm_status status = gmm_factorize(mixture, NULL, 1, m->matrices, m->matrices_bytes, all.log_constant,
                                                all.whitener, bad_component);
        if (status != GMM_OK) return status;
    }
    if (!all.total || given->ridge || !gmm_few_is_safe(mixture, all.whitener)) all.log_constant = NULL;
    const gmm_blocks blocks = {.block = all.total ? accumulate_batch : score_batch,
                               .merge = all.total ? merge_batch : NULL,
                               .context = &all,
                               .n_blocks = all.runs->n_batches,
                               .n_slots = all.n_slots,
                               .ready = all.ready,
                               .watch = all.rows->watch};
    gmm_status status = gmm_run_blocks(&blocks, threads_for(&all, n_threads));
    *bad_row = *bad_component = INT64_MAX;
    for (int t = 0; t < n_threads; ++t) {
        const bench *own = all.benches + t;
        if (own->status != GMM_OK) status = own->status;
        if (own->bad_row < *bad_row) *bad_row = own->bad_row;
        if (own->bad_component < *bad_component) *bad_component = own->bad_component;
    }
    if (*bad_row == INT64_MAX) *bad_row = -1;
    if (*bad_component == INT64_MAX) *bad_component = -1;
    return *bad_row >= 0 ? GMM_ENONFINITE : status;
}

gmm_status gmm_accumulate_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                                  const double *ridge, gmm_dtype precision, int n_threads, void *scratch,
                                  size_t scratch_bytes, gmm_statistics *statistics, int64_t *bad_row,
                                  int64_t *bad_component) {
    if (!arguments_are_valid(rows, runs, mixture) || !statistics || !statistics->n || !statistics->first ||
        !statistics->second || !bad_row || !bad_component || (mixture->structure == GMM_TIED && runs->log_noise))
        return GMM_EINVAL;
    job all = {.rows = rows, .runs = runs, .mixture = mixture, .ridge = ridge,
               .precision = precision, .total = statistics};
    return run(&all, n_threads, scratch, scratch_bytes, bad_row, bad_component);
}

gmm_status gmm_score_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *mixture,
                             gmm_dtype precision, int n_threads, void *scratch, size_t scratch_bytes,
                             double *log_density, void *posterior, int64_t *label, int64_t *bad_row,
                             int64_t *bad_component) {
    if (!arguments_are_valid(rows, runs, mixture) || !bad_row || !bad_component) return GMM_EINVAL;
    job all = {.rows = rows, .runs = runs, .mixture = mixture, .precision = precision,
               .log_density = log_density, .posterior = posterior, .label = label};
    return run(&all, n_threads, scratch, scratch_bytes, bad_row, bad_component);
}
